"""Settings of the paper's algorithms for the common tests."""

from cases import Case

HOT, COLD = {"temperature": 0.01}, {"temperature": 0.0}
CIRCLES = Case(sample={"radii": (3.0,), **HOT}, noise_free=COLD)
OTHER = Case(sample=HOT, noise_free=COLD)

CASES = {
    "c_cola_od": CIRCLES,
    "c_cola_ud": CIRCLES,
    "o_cola_od": OTHER,
    "o_cola_ud": OTHER,
    "c_cola_ud_released": CIRCLES,
    "c_cola_ud_stale": CIRCLES,
    "o_cola_ud_released": Case(
        sample=HOT,
        noise_free=COLD,
        inert={"reshaped_start": False, "fixed_iterations": False},
    ),
    "constrained_od": OTHER,
    "constrained_ud": OTHER,
    "constrained_mala": OTHER,
    "constrained_hmc": OTHER,
}
