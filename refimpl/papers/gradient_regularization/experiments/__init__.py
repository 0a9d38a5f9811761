"""Experiments on gradient-based regularization, one a file."""
