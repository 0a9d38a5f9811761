"""Claims on gradient-based regularization, one file per group."""
