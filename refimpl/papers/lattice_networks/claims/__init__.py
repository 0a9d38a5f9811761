"""Claims on lattice-based networks."""
