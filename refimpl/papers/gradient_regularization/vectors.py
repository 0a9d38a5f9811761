"""Variants of the paper's penalties for test vectors."""

from refimpl.variants import Variant

STRONG = {"strength": 0.125}

VECTORS = (
    Variant("gradient_tikhonov", settings=STRONG),
    Variant("gradient_tikhonov", "half", settings={**STRONG, "half": True}),
    Variant("gradient_tikhonov", "per_class", settings={**STRONG, "norm": "per_class"}),
    Variant("gradient_tikhonov", "noisy", settings={**STRONG, "points": "noisy"}),
    Variant("gradient_tikhonov", "probes", settings={**STRONG, "probes": 2}),
    Variant("gradient_variation", settings=STRONG),
    Variant("gradient_variation", "smoothed", settings={**STRONG, "smoothing": 0.125}),
    Variant("graph_penalty", settings=STRONG),
    Variant("graph_penalty", "not_normalized", settings={**STRONG, "normalized": False}),
    Variant("input_noise", settings={"deviation": 0.25}),
)
