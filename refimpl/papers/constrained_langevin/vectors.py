"""Variants of the paper's integrators for test vectors, released and faulty ones among them."""

from refimpl.variants import Variant

HOT = {"temperature": 0.0078125}
CIRCLES = {**HOT, "radii": (4.0,)}
SPLITTINGS = ("OBABO", "OABAO", "OBA", "AOAB")

VECTORS = (
    Variant("c_cola_od", settings=CIRCLES),
    Variant("c_cola_od", "shake", settings={**CIRCLES, "projection": "shake"}),
    Variant("c_cola_od", "cold", settings={"radii": (4.0,)}, note="no noise"),
    Variant("c_cola_ud", settings=CIRCLES),
    *(
        Variant("c_cola_ud", splitting, settings={**CIRCLES, "splitting": splitting})
        for splitting in SPLITTINGS
    ),
    Variant("c_cola_ud", "cold", settings={"radii": (4.0,)}, note="no noise"),
    Variant("c_cola_ud", "two_radii", settings={**HOT, "radii": (4.0, 3.0), "include": "all"}),
    Variant("o_cola_od", settings=HOT),
    Variant("o_cola_od", "polar", settings={**HOT, "projection": "polar"}),
    Variant("o_cola_od", "projected", settings={**HOT, "increment": "projected"}),
    Variant("o_cola_ud", settings=HOT),
    *(
        Variant("o_cola_ud", splitting, settings={**HOT, "splitting": splitting})
        for splitting in SPLITTINGS
    ),
    Variant("o_cola_ud", "cold", settings={}, note="no noise"),
    Variant("o_cola_ud", "all_layers", settings={**HOT, "free_first": False}),
    Variant(
        "c_cola_ud_released",
        settings=CIRCLES,
        faulty=True,
        note="all deviations of the released code",
    ),
    *(
        Variant(
            "c_cola_ud_released",
            f"only_{name}",
            settings={
                **CIRCLES,
                **dict.fromkeys(("xi_after_theta", "stale_gradient", "raw_start"), False),
                "unchecked_slack": False,
                name: True,
            },
            faulty=True,
            note="one deviation of the released code",
        )
        for name in ("xi_after_theta", "stale_gradient", "raw_start")
    ),
    Variant(
        "c_cola_ud_stale", settings=CIRCLES, faulty=True, note="the gradient of the step before"
    ),
    Variant(
        "o_cola_ud_released", settings=HOT, faulty=True, note="all deviations of the released code"
    ),
    *(
        Variant(
            "o_cola_ud_released",
            f"only_{name}",
            settings={
                **HOT,
                **dict.fromkeys(("stale_normal", "reshaped_start", "fixed_iterations"), False),
                "unscaled_noise": False,
                name: True,
            },
            faulty=True,
            note="one deviation of the released code",
        )
        for name in ("stale_normal", "fixed_iterations", "unscaled_noise")
    ),
    Variant("constrained_hmc", settings=HOT),
    Variant("constrained_hmc", "circle", settings={**CIRCLES, "constraint": "circle"}),
    Variant(
        "constrained_hmc", "partial", settings={**HOT, "refreshment": "partial", "friction": 1.0}
    ),
    Variant("constrained_mala", settings=HOT),
    Variant("constrained_od", settings=HOT),
    Variant("constrained_od", "circle", settings={**CIRCLES, "constraint": "circle"}),
    Variant("constrained_ud", settings=HOT),
    Variant("constrained_ud", "circle", settings={**CIRCLES, "constraint": "circle"}),
    Variant(
        "constrained_ud",
        "circle_shake",
        settings={**CIRCLES, "constraint": "circle", "circle_motion": "shake"},
    ),
)
