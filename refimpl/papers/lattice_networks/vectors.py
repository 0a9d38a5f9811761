"""Variants of the paper's penalties and projection for test vectors."""

from refimpl.variants import Variant

TANH = {"activation": "tanh", "learning_rate": 0.03125}

VECTORS = (
    Variant("lattice_tailored", settings={"strength": 0.0625, "decay": (1.0, 0.5, 0.25)}),
    Variant("lattice_l2", settings={"strength": 0.0625}),
    Variant("lattice_hinge", settings={**TANH, "strength": 0.125}),
    Variant("lattice_hinge", "coarse", settings={**TANH, "strength": 0.125, "constants": "coarse"}),
    Variant("lattice_projection", settings=TANH),
    Variant("lattice_projection", "coarse", settings={**TANH, "constants": "coarse"}),
)
