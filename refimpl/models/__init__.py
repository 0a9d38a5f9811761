"""Models, initialisers and losses."""

from refimpl.models import initialisers, losses
from refimpl.models.initialisers import INITIALISERS
from refimpl.models.linear import DeepLinear, LinearChain, imbalance
from refimpl.models.losses import LOSSES, Objective, accuracy, check_labels
from refimpl.models.mlp import ACTIVATIONS, MLP

__all__ = [
    "ACTIVATIONS",
    "INITIALISERS",
    "LOSSES",
    "MLP",
    "DeepLinear",
    "LinearChain",
    "Objective",
    "accuracy",
    "check_labels",
    "imbalance",
    "initialisers",
    "losses",
]
