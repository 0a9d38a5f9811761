"""Settings of the paper's algorithms for the common tests."""

from typing import Any

from cases import Case

INERT = {"strength": 0.0, "output_strength": 0.0}


def projected(**sample: Any) -> Case:
    return Case(sample={"s": 0.0, **sample}, noise_free={"strength": 0.0}, inert=INERT)


CASES = {
    "mhe": Case(sample={"strength": 0.1, "output_strength": 0.1}, inert=INERT),
    "comhe_random": projected(dimension=3, strength=0.01),
    "comhe_angle": projected(dimension=3, strength=0.01),
    "comhe_adversarial": projected(dimension=2, strength=0.1, inner_steps=2, inner_rate=0.01),
    "comhe_group": projected(groups=2, partition=False, size=2, strength=0.01),
    "hyperspherical_uniformity": Case(inert=INERT),
    "hyperspherical_pole": Case(noise_free={"strength": 0.0, "output_strength": 0.0}, inert=INERT),
}
