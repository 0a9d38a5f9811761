"""Closed forms of lattice-based networks: lattices, derivative bounds, the gap, the targets."""
