"""Variants of the core's methods for test vectors."""

from refimpl.variants import Variant

STRONG = {"strength": 0.125, "learning_rate": 0.125}
HOT = {"temperature": 0.0625}

VECTORS = (
    Variant("sgd"),
    Variant("momentum"),
    Variant("nesterov"),
    Variant("adam", settings={"learning_rate": 0.0625}),
    Variant("adam", "large_epsilon", settings={"learning_rate": 0.0625, "epsilon": 0.125}),
    Variant("radam", settings={"learning_rate": 0.0625}),
    Variant("clipping", settings={"limit": 0.5}),
    Variant("adamw", settings={"learning_rate": 0.0625, "strength": 0.5}),
    Variant("weight_decay", settings=STRONG),
    Variant("l2", settings=STRONG),
    Variant("l2", "decoupled", settings={**STRONG, "decoupled": True}),
    Variant("l2", "adam", settings={**STRONG, "base": "adam"}),
    Variant("l2", "all", settings={**STRONG, "include": "all"}),
    Variant("l1", settings=STRONG),
    Variant("l1", "subgradient", settings={**STRONG, "method": "subgradient"}),
    *(
        Variant("orthogonality", form, settings={**STRONG, "form": form, "strength": 0.03125})
        for form in ("double", "coherence", "cosine", "orthoreg")
    ),
    Variant("orthogonality", settings={**STRONG, "strength": 0.03125}),
    Variant("orthogonality", "inputs", settings={"strength": 0.03125, "gram": "inputs"}),
    Variant("srip", settings=STRONG),
    Variant("srip", "exact", settings={**STRONG, "method": "exact"}),
    Variant("srip", "plain", settings={**STRONG, "method": "exact", "squared": False}),
    Variant("sgld", settings=HOT),
    *(
        Variant("langevin", splitting, settings={**HOT, "splitting": splitting})
        for splitting in ("OBABO", "OABAO", "OBA")
    ),
    Variant("langevin", settings=HOT),
    Variant("early_stopping", settings={"evaluate_every": 1, "patience": 100}),
)
