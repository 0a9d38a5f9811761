"""Settings of the paper's algorithms for the common tests."""

from cases import Case

CASES = {
    "maml": Case(sample={"learning_rate": 0.01, "inner_steps": 2}),
    "meta_sgd": Case(sample={"learning_rate": 0.01, "inner_steps": 2}),
    "gradient_dropout": Case(sample={"rate": 0.3}, noise_free={"rate": 0.0}),
}
