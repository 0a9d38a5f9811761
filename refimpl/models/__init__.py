"""Models, initializers and losses."""

from refimpl.models import initializers, losses
from refimpl.models.initializers import INITIALIZERS
from refimpl.models.linear import DeepLinear, LinearChain, imbalance
from refimpl.models.losses import LOSSES, Objective, accuracy, check_labels
from refimpl.models.mlp import ACTIVATIONS, MLP

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LOSSES",
    "MLP",
    "DeepLinear",
    "LinearChain",
    "Objective",
    "accuracy",
    "check_labels",
    "imbalance",
    "initializers",
    "losses",
]
