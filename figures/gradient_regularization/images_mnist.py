"""The comparison on a small part of MNIST."""

from __future__ import annotations

from typing import Any

from ..base import Figure, Results
from .comparison import rows


def draw(results: Results, style: Any) -> Any:
    """A row a method."""
    result = results["gradient_regularization_few_mnist"]
    return rows(result, style, "test_accuracy", [f"{value:g}" for value in result["chosen"]])


FIGURE = Figure(
    name="gradient_regularization_mnist",
    title="300 images of MNIST: each method at its best strength by validation",
    draw=draw,
    experiments=("gradient_regularization_few_mnist",),
    claims=("GR-29",),
    caption=(
        "A recorded comparison: 300 training images, as many strengths for each method (without "
        "one: rates), the one in brackets chosen by mean clean validation accuracy. Points: seeds; "
        "diamonds: means and 95 % t intervals of the paired differences. Attack: l2 gradient "
        "ascent of radius 1, pixels in [0, 1]. Attack training takes five l2 steps before every "
        "update."
    ),
    note="paired seeds; bars: 95 % t intervals",
)
