"""Experiments on constraint-based propagation."""
