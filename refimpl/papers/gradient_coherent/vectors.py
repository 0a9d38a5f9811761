"""Variants of the paper's gates for test vectors."""

from refimpl.variants import Variant

STRONG = {"strength": 0.125, "learning_rate": 0.125}
GATED = {**STRONG, "threshold": 0.25}

VECTORS = (
    Variant("strong_regularization", settings=STRONG),
    Variant("delayed_regularization", settings=STRONG),
    Variant("gradient_coherent", settings=GATED),
    *(
        Variant("gradient_coherent", criterion, settings={**GATED, "criterion": criterion})
        for criterion in ("lookahead", "sign", "ratio", "temporal")
    ),
    Variant("gradient_coherent", "layer", settings={**GATED, "scope": "layer"}),
    Variant("gradient_coherent", "l1", settings={**GATED, "penalty": "l1"}),
    Variant("gradient_coherent", "momentum", settings={**GATED, "base": "momentum"}),
    Variant("coherence_gate", settings={"threshold": 0.25}),
)
