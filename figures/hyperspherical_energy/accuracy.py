"""Test error of the regularisers on Digits, strengths by validation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .shared import CAPTION, draw_errors, errors


def data(results: Results) -> dict[str, np.ndarray]:
    """Test errors and chosen strengths."""
    return errors(results, "hyperspherical_accuracy")


def draw(results: Results, style: Any) -> Any:
    """A row for each method."""
    return draw_errors(data(results), style)


FIGURE = Figure(
    name="hyperspherical_accuracy",
    title="Digits: test error with energy regularisers",
    draw=draw,
    experiments=("hyperspherical_accuracy",),
    claims=("HE-52",),
    caption=CAPTION,
    data=data,
)
