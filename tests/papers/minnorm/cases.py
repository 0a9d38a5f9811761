"""Settings of the paper's algorithm for the common tests."""

from cases import Case

CASES = {
    "minnorm": Case(sample={"learning_rate": 0.02, "multiplier_rate": 0.02, "damping": 0.5}),
}
