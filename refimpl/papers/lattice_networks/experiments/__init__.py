"""Experiments on lattice-based networks."""
