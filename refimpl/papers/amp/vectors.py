"""Variants of the paper's wrappers for test vectors."""

from refimpl.variants import Variant

SMALL = {"radius": 0.125, "learning_rate": 0.03125}

VECTORS = (
    Variant("amp", settings={**SMALL, "inner_steps": 2}),
    Variant("amp", "global_norm", settings={**SMALL, "norm": "global"}),
    Variant("amp", "linf", settings={**SMALL, "norm": "linf"}),
    Variant("amp", "network", settings=SMALL, problem="network"),
    Variant(
        "amp_released",
        settings={**SMALL, "gradient_limit": 0.125},
        faulty=True,
        note="a constant in the norm, and clipped gradients in every pass",
    ),
    Variant("sam", settings=SMALL),
    Variant("sam", "per_tensor", settings={**SMALL, "norm": "per_tensor"}),
    Variant("sam", "network", settings=SMALL, problem="network"),
    Variant("random_perturbation", settings=SMALL),
    Variant("random_perturbation", "rms", settings={**SMALL, "match": "rms"}),
)
