"""What several claims on constrained Langevin training share."""

from __future__ import annotations

import numpy as np


def order_of(errors: np.ndarray, steps: np.ndarray) -> float:
    """Slope of log |error| against log h."""
    return float(np.polyfit(np.log(steps), np.log(np.abs(errors)), 1)[0])
