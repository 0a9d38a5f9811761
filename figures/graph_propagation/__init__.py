"""Figures on constraint-based propagation."""
