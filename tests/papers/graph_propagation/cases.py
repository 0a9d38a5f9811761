"""Settings of the paper's algorithms for the common tests."""

from cases import Case

CASES = {"graph_lagrangian": Case(), "graph_augmented": Case(), "graph_fixed_point": Case()}
