"""What several claims on hyperspherical energy share."""

from __future__ import annotations

import numpy as np

from refimpl.experiments.base import Result
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy


def settings_with(result: Result, **wanted: float) -> np.ndarray:
    """Which settings of the point-set experiment have these values."""
    chosen = np.ones(result["s"].shape, dtype=bool)
    for name, value in wanted.items():
        chosen &= result[name] == value
    if not chosen.any():
        raise ValueError(f"no setting has {wanted}")
    return np.flatnonzero(chosen)


def energy_of(s: float, space: str = "full") -> HypersphericalEnergy:
    """The sum over pairs of points, or of lines."""
    reduction = "lines" if space == "half" else "sum"
    return HypersphericalEnergy(s, space, reduction=reduction)  # type: ignore[arg-type]
