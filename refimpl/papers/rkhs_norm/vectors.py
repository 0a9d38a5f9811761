"""Variants of the paper's penalties and projections for test vectors."""

from refimpl.variants import Variant

STRONG = {"strength": 0.125}
IMAGES = {"height": 1, "fields": 3, **STRONG}

VECTORS = (
    Variant("gradient_norm", settings=STRONG),
    Variant("gradient_norm", "mean", settings={**STRONG, "reduction": "mean"}),
    Variant("adversarial_norm", settings={"radius": 0.25}),
    Variant("adversarial_norm", "absolute", settings={"radius": 0.25, "selector": "absolute"}),
    Variant("loss_gradient", settings=STRONG),
    Variant("loss_gradient", "l1", settings={**STRONG, "norm": "l1"}),
    Variant("tikhonov", settings=STRONG),
    Variant("tikhonov", "frobenius", settings={**STRONG, "norm": "frobenius"}),
    Variant("total_variation", settings=STRONG),
    Variant("graph_smoothness", settings=STRONG),
    Variant("graph_smoothness", "chain", settings={**STRONG, "graph": "chain"}),
    Variant("deformation_norm", settings=IMAGES),
    Variant("tangent_norm", settings=IMAGES),
    Variant("spectral_penalty", settings=STRONG),
    Variant("spectral_projection", settings={"limit": 1.0}),
    Variant("spectral_projection", "decay", settings={"limit": 1.0, "decay": 2.0}),
    Variant("adversarial_training", settings={"radius": 0.25}),
    Variant("adversarial_training", "linf", settings={"radius": 0.25, "norm": "linf"}),
    Variant("adversarial_training", "random", settings={"radius": 0.25, "start": "random"}),
)
