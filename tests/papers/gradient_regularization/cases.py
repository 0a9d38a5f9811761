"""Settings of the paper's algorithms for the common tests."""

from cases import Case

FREE = {"strength": 0.0}

CASES = {
    "gradient_tikhonov": Case(
        sample={"strength": 0.1, "points": "noisy", "probes": 2},
        noise_free={"points": "data", "probes": None},
        inert=FREE,
    ),
    "gradient_variation": Case(sample={"strength": 0.1, "power": 1, "smoothing": 0.1}, inert=FREE),
    "graph_penalty": Case(sample={"strength": 0.1}, inert=FREE),
    "input_noise": Case(
        sample={"deviation": 0.2}, noise_free={"deviation": 0.0}, inert={"deviation": 0.0}
    ),
}
