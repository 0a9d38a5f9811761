"""Minnorm on MNIST against tuned baselines: by the number of images and by redrawn labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

SIZES = {"50": 50, "500": 500, "5000": 5000, "all": 50_000}
SHARES = (0, 10, 20, 30, 50)
RANKINGS = (
    ("minnorm", "multipliers", "Minnorm", "multipliers"),
    ("weight decay", "loss", "weight decay", "loss, weight decay"),
    ("plain", "average", "none", "averaged loss, descent"),
    ("plain", "gradient", "momentum", "length of gradient, descent"),
)
"""Method, score, look and label of each ranking of redrawn labels."""


def _name(share: int) -> str:
    return f"minnorm_mnist_noise_{share}" if share else "minnorm_mnist_500"


def _gains(results: Results, names: list[str]) -> np.ndarray:
    """Points of accuracy beyond the best baseline, (comparisons, seeds)."""
    rows = [results[name].select(method="minnorm")["difference"][0] for name in names]
    return 100.0 * np.stack(rows)


def data(results: Results) -> dict[str, np.ndarray]:
    """What is plotted: gains by size and by share, areas (rankings, shares, seeds)."""
    areas = [
        [results[_name(s)].select(method=method)[f"run_auc_{score}"][0] for s in SHARES[1:]]
        for method, score, _, _ in RANKINGS
    ]
    return {
        "sizes": np.array(list(SIZES.values())),
        "gain_by_size": _gains(results, [f"minnorm_mnist_{name}" for name in SIZES]),
        "shares": np.array(SHARES),
        "gain_by_share": _gains(results, [_name(share) for share in SHARES]),
        "ranking": np.array([label for *_, label in RANKINGS]),
        "area": np.array(areas),
    }


def draw(results: Results, style: Any) -> Any:
    """Gains by size, gains by share, areas under the curve by share."""
    values = data(results)
    figure, panels = style.subplots(1, 3, width=4.4, height=4.2)
    color = style.look("Minnorm").color
    for axes, x, gains in (
        (panels[0], np.log10(values["sizes"]), values["gain_by_size"]),
        (panels[1], values["shares"], values["gain_by_share"]),
    ):
        step = 0.03 * np.ptp(x)
        axes.axhline(0.0, color=style.soft, lw=1.0)
        axes.plot(np.repeat(x - step, gains.shape[1]), gains.ravel(), ".", color=color, alpha=0.5)
        axes.errorbar(
            x + step, gains.mean(axis=1), style.half_width(gains), fmt="D", color=color, capsize=3
        )
    panels[0].set_xticks(np.log10(values["sizes"]), [f"{size:,}" for size in values["sizes"]])
    panels[0].set(xlabel="training images", ylabel="points beyond the best baseline",
                  title="clean labels")  # fmt: skip
    panels[1].set_xticks(values["shares"])
    panels[1].set(xlabel="% of labels redrawn", title="500 images")
    shares = values["shares"][1:]
    for k, (_, _, look, label) in enumerate(RANKINGS):
        kind, areas = style.look(look), values["area"][k]
        at = shares + 0.9 * (k - 1.5)
        panels[2].plot(
            np.repeat(at, areas.shape[1]), areas.ravel(), ".", color=kind.color, alpha=0.4
        )
        panels[2].errorbar(
            at, areas.mean(axis=1), style.half_width(areas), color=kind.color, marker=kind.marker,
            linestyle=kind.line, capsize=3, label=label,
        )  # fmt: skip
    panels[2].set_xticks(shares)
    panels[2].set(xlabel="% of labels redrawn", ylabel="area under the curve",
                  title="which labels were redrawn?")  # fmt: skip
    panels[2].legend(loc="lower left", fontsize=9)
    return figure


FIGURE = Figure(
    name="minnorm_records",
    title="Minnorm on MNIST: accuracy by images and by redrawn labels, and ranking those",
    draw=draw,
    experiments=(*(f"minnorm_mnist_{name}" for name in SIZES), *map(_name, SHARES[1:])),
    claims=("MN-57", "MN-58", "MN-59", "MN-60", "MN-61", "MN-62", "MN-63", "MN-64"),
    caption=(
        "Recorded comparisons: five seeds, settings by validation, as many for Minnorm as for "
        "descent and weight decay. Left and middle: paired differences in test accuracy to the "
        "better of the two. Right: how well scores of the training images rank those first whose "
        "label was redrawn, at the settings that validation chose. The networks of the right panel "
        "are those of the middle one."
    ),
    data=data,
    note="dots: seeds; larger marks and bars: means with 95 % t intervals",
)
