"""Claims on constraint-based propagation."""
