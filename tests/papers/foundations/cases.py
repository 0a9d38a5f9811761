"""Settings of the core's algorithms for the common tests."""

from cases import Case

FREE = {"strength": 0.0}
PENALTY = Case(sample={"strength": 0.1}, inert=FREE)
SAMPLER = Case(sample={"temperature": 0.01}, noise_free={"temperature": 0.0})

CASES = {
    "sgd": Case(),
    "momentum": Case(),
    "nesterov": Case(),
    "adam": Case(sample={"learning_rate": 0.01}),
    "radam": Case(sample={"learning_rate": 0.01}),
    "adamw": Case(sample={"learning_rate": 0.01, "strength": 0.5}, inert=FREE),
    "weight_decay": PENALTY,
    "l2": Case(sample={"strength": 0.5, "decoupled": True}, inert=FREE),
    "l1": PENALTY,
    "orthogonality": PENALTY,
    "srip": Case(sample={"strength": 0.1}, noise_free={"method": "exact"}, inert=FREE),
    "sgld": SAMPLER,
    "langevin": SAMPLER,
    "sghmc": SAMPLER,
    "sgnht": Case(
        sample={"temperature": 0.01, "noise": 0.01}, noise_free={"temperature": 0.0, "noise": 0.0}
    ),
    "clipping": Case(sample={"limit": 0.05}, inert={"limit": 1e6}),
    "early_stopping": Case(sample={"evaluate_every": 1, "patience": 100}),
}
