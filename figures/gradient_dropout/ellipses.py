"""Where noisy inner steps lead on a quadratic: means and covariances by law and by samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_FAMILIES = ("bernoulli", "gaussian")


def _ellipse(mean: Any, covariance: Any) -> np.ndarray:
    """The curve at two standard deviations."""
    angle = np.linspace(0.0, 2.0 * np.pi, 200)
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors * np.sqrt(np.maximum(values, 0.0))
    return mean[:, None] + 2.0 * axes @ np.stack([np.cos(angle), np.sin(angle)])


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_dropout_moments"]
    figure, panels = style.subplots(1, 2, width=5.2, height=4.4, sharex=True, sharey=True)
    means, laws = result["law_means"], result["law_covariances"]
    steps = len(means) - 1
    for axes, family in zip(panels, _FAMILIES, strict=True):
        worst = 0.0
        for k in range(1, steps + 1):
            color = style.colors[k - 1]
            sample = result[f"sampled_covariances_{family}"][k]
            off = np.linalg.norm(sample - laws[k]) / np.linalg.norm(laws[k])
            worst = max(worst, float(off))
            cloud = result[f"cloud_{family}"][k]
            axes.plot(*cloud.T, ".", color=color, alpha=0.25, markersize=4)
            axes.plot(
                *_ellipse(means[k], laws[k]), color=color, label=f"θ{'₀₁₂₃'[k]}, 2σ by the law"
            )
            axes.plot(*_ellipse(result[f"sampled_means_{family}"][k], sample), "--",
                      color=style.ink, linewidth=1.0)  # fmt: skip
        axes.plot(*means.T, "-o", color=style.soft, markersize=4, linewidth=1.0, zorder=1)
        axes.set(xlabel="first coordinate", ylabel="second coordinate")
        axes.set_title(f"{family.capitalize()}, p = 0.2: worst covariance off by {worst:.1%}")
    panels[0].legend(loc="upper left")
    return figure


FIGURE = Figure(
    name="gradient_dropout_ellipses",
    title="Noisy inner steps on a quadratic: the mean is that of plain descent",
    draw=draw,
    experiments=("gradient_dropout_moments",),
    claims=("GD-4",),
    caption=(
        "Three steps, α = 0.1. Colored curves: two standard deviations by the recursion of the "
        "covariance; dashed, nearly hidden by them: of 100,000 samples; dots: 200 of these. Grey: "
        "plain descent, which is the mean of both families. The covariance of the samples is off "
        "by the share in the title (Frobenius norm, worst of three steps)."
    ),
)
