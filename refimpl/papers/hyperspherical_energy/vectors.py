"""Variants of the paper's penalties for test vectors."""

from typing import Any

from refimpl.variants import Variant

BOTH = {"strength": 0.125, "output_strength": 0.125, "learning_rate": 0.0625}


def comhe(method: str, name: str = "default", **settings: Any) -> Variant:
    return Variant(method, name, settings={**BOTH, "s": 0.0, **settings})


VECTORS = (
    Variant("mhe", settings=BOTH),
    Variant("mhe", "full_space", settings={**BOTH, "space": "full"}),
    Variant("mhe", "s0", settings={**BOTH, "s": 0.0}),
    Variant("mhe", "s1", settings={**BOTH, "s": 1.0}),
    Variant("mhe", "angular", settings={**BOTH, "metric": "angular", "space": "full"}),
    Variant(
        "mhe",
        "released",
        settings={**BOTH, "kernel": "released", "epsilon": 1e-4},
        faulty=True,
        note="constants of the released code",
    ),
    Variant("mhe", "decay", settings={**BOTH, "decay": 0.125, "decay_form": "norm"}),
    comhe("comhe_random", dimension=2, projections=2),
    comhe("comhe_random", "shared", dimension=2, projections=2, sharing="dimension"),
    comhe("comhe_angle", dimension=2),
    comhe("comhe_angle", "alternating", dimension=2, optimizer="alternating"),
    comhe("comhe_adversarial", dimension=2, inner_steps=2, inner_rate=0.015625),
    comhe("comhe_group", groups=2, partition=False, size=2),
    *(
        Variant("hyperspherical_uniformity", form, settings={"form": form})
        for form in ("separation", "determinant", "mean")
    ),
    Variant("hyperspherical_uniformity"),
    Variant("hyperspherical_pole", settings={"inner_steps": 2, "inner_rate": 0.015625}),
    Variant(
        "hyperspherical_pole",
        "covering",
        settings={"form": "covering", "inner_steps": 2, "inner_rate": 0.015625},
    ),
)
