"""Settings of the paper's algorithms for the common tests."""

from cases import Case

FREE = {"strength": 0.0}

CASES = {
    "strong_regularization": Case(sample={"strength": 0.1}, inert=FREE),
    "delayed_regularization": Case(sample={"strength": 0.1, "delay": 1}, inert=FREE),
    "gradient_coherent": Case(sample={"strength": 0.1, "threshold": 0.3}, inert=FREE),
    "coherence_gate": Case(sample={"threshold": 0.3}),
}
