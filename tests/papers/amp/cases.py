"""Settings of the paper's algorithms for the common tests."""

from cases import Case

CASES = {
    "amp": Case(sample={"radius": 0.1, "inner_steps": 2, "learning_rate": 0.02}),
    "amp_released": Case(sample={"radius": 0.1, "gradient_limit": 0.1, "learning_rate": 0.02}),
    "sam": Case(sample={"radius": 0.1, "learning_rate": 0.02}),
    "random_perturbation": Case(
        sample={"radius": 0.01, "learning_rate": 0.02}, noise_free={"radius": 0.0}
    ),
}
