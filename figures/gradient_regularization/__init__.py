"""Figures of gradient-based regularization."""
