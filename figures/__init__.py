"""The figures: one file each, drawn from experiment results; ``python -m figures`` draws them."""
