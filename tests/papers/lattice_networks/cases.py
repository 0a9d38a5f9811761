"""Settings of the paper's parts for the common tests."""

from cases import Case

DECAY = (1.0, 0.5, 0.2)
INERT = {"strength": 0.0}

CASES = {
    "lattice_tailored": Case(sample={"strength": 0.01, "decay": DECAY}, inert=INERT),
    "lattice_l2": Case(sample={"strength": 0.01}, inert=INERT),
    "lattice_hinge": Case(sample={"strength": 0.1, "activation": "tanh"}, inert=INERT),
    "lattice_projection": Case(sample={"activation": "tanh"}, inert={"scale": 1e9}),
}
