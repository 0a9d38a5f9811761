"""Cost of a step over the number of classes and of probes."""

from __future__ import annotations

from typing import Any

from refimpl.papers.gradient_regularization.theory.operations import products

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Multiples of the plain step."""
    result = results["gradient_regularization_cost"]
    figure, axes = style.subplots(width=6.4, height=4.2)
    classes = result["classes"]
    axes.plot(classes, result["full"], "o-", label="whole Jacobian, by hand, over K")
    axes.plot(classes, result["taped"], "s-", label="whole Jacobian, tape, over K")
    axes.plot(result["probes"], result["probed"], "^-", label="probes, K = 10, over m")
    width = int(result["width"])
    whole = [products((width, width, width, int(k)), int(k)) for k in classes]
    axes.plot(classes, whole, "--", color=style.soft, label="count of products by hand")
    axes.set(
        xlabel="classes K, or probes m",
        ylabel="time of a step / plain step",
        title=f"width {width}, fastest steps on one machine",
    )
    axes.set_xticks(classes, [str(k) for k in classes])
    axes.legend(fontsize=9, loc="upper left")
    return figure


FIGURE = Figure(
    name="gradient_regularization_cost",
    title="Cost of a step",
    draw=draw,
    experiments=("gradient_regularization_cost",),
    claims=(),
    caption=(
        "The time of a step under Tikhonov regularization over that of the plain step, two hidden "
        "tanh layers, 128 examples: measured, not judged. By hand, backward, tangent and outer "
        "products run for each of K covectors, the curvature chain once for all of them. The count "
        "leaves out what is done entry by entry, of which the plain step has a larger share."
    ),
)
