"""Variants of the method for test vectors."""

from refimpl.variants import Variant

RATES = {"learning_rate": 0.03125, "multiplier_rate": 0.03125, "damping": 0.5, "refuse": False}

VECTORS = (
    Variant("minnorm", settings=RATES),
    Variant("minnorm", "crammer_singer", settings={**RATES, "constraint": "crammer_singer"}),
    Variant("minnorm", "loss", settings={**RATES, "constraint": "loss"}),
    Variant("minnorm", "alternating", settings={**RATES, "order": "alternating"}),
    Variant("minnorm", "plain_norm", settings={**RATES, "norm": "plain"}),
    Variant("minnorm", "momentum", settings={**RATES, "base": "momentum"}),
)
