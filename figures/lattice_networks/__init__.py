"""Figures on lattice-based networks."""
