"""What each paper's method buys over tuned baselines, and what a step of it costs: all records."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl import catalogue
from refimpl.experiments.record_lines import Line, kept, lines, unit
from refimpl.experiments.records import path_of

from ..base import Figure, Results

COSTS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
SHOWN = 100.0
"""Points or percent to either side; what lies beyond is an arrow at the edge."""

EVEN = 1.0
"""Points or percent up to which the axis is linear; beyond, it is logarithmic."""

TICKS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)


def recorded() -> list[dict[str, Any]]:
    """The records that there are, by year of the paper."""
    order = list(catalogue.papers())
    found = {name: catalogue.comparison(name) for name in catalogue.comparisons()}
    names = sorted(found, key=lambda name: (order.index(found[name].paper), name))
    return kept({name: path_of(found[name].paper, name) for name in names})


def rows() -> list[tuple[dict[str, Any], Line]]:
    """A record and a line for every row of the picture, from above."""
    return [(found, line) for found in recorded() for line in lines(found)]


def draw(results: Results, style: Any) -> Any:
    """A row a method and comparison: the paired difference with its interval, and the cost."""
    table = rows()
    height = max(2.5, 0.2 * len(table) + 1.0)
    figure, (left, right) = style.subplots(
        1, 2, width=6.2, height=height, sharey=True, gridspec_kw={"width_ratios": (3, 1)}
    )
    names = []
    for place, (found, line) in enumerate(table):
        own = found["expects"] == "favorable"
        color = style.look(found["paper"]).color
        low, mean, high = np.clip((line.low, line.mean, line.high), -SHOWN, SHOWN)
        left.plot([low, high], [place, place], "-", color=color, linewidth=1.5)
        fill = color if own else "none"
        marker = "o" if abs(line.mean) <= SHOWN else "<" if line.mean < 0.0 else ">"
        left.plot(mean, place, marker, color=color, markerfacecolor=fill)
        right.plot(line.cost, place, "o", color=color, markerfacecolor=fill)
        percent = ", %" if unit(found) == "%" else ""
        names.append(f"{found['name'].replace('_', ' ')}: {line.name}{percent}")
    left.set_yticks(range(len(table)), names, fontsize=6)
    left.axvline(0.0, color=style.soft, linewidth=1.0)
    left.set_xscale("symlog", linthresh=EVEN)
    far = max(min(abs(line.mean), SHOWN) for _, line in table)
    ticks = [tick for tick in TICKS if tick <= 1.5 * far]
    left.set_xticks(
        [-tick for tick in ticks[:0:-1]] + ticks,
        [f"-{tick:g}" for tick in ticks[:0:-1]] + [f"{tick:g}" for tick in ticks],
    )
    left.minorticks_off()
    left.set(xlabel="points, or %, beyond the best baseline", ylim=(len(table) - 0.5, -0.5))
    right.set_xscale("log")
    costs = [cost for cost in COSTS if cost <= 2.0 * max(line.cost for _, line in table)]
    right.set_xticks(costs, [f"{cost:g}" for cost in costs])
    right.minorticks_off()
    right.set(xlabel="cost of a step")
    return figure


def data(results: Results) -> dict[str, Any]:
    """The numbers of the picture, a row each."""
    table = rows()
    return {
        "comparison": np.array([found["name"] for found, _ in table]),
        "method": np.array([line.name for _, line in table]),
        "difference": np.array([line.mean for _, line in table]),
        "low": np.array([line.low for _, line in table]),
        "high": np.array([line.high for _, line in table]),
        "cost": np.array([line.cost for _, line in table]),
    }


FIGURE = Figure(
    name="evidence",
    title="What each method buys over the best-tuned baseline, and what it costs",
    draw=draw,
    data=data,
    note="full circles: the paper's setting, open: a control; bars: t intervals, 95 % in each "
    "comparison; arrows: beyond the edge",
    experiments=tuple(found["name"] for found in recorded()),
    caption=(
        "Every recorded comparison: means of paired differences over seeds, with intervals that "
        "hold together at 95 % in each comparison; full circles are the setting of the paper, open "
        "ones a control, arrows lie beyond the edge. Points of test accuracy, or percent of the "
        "baseline's score where less is better; the axis is linear up to 1 and logarithmic beyond. "
        "Right: a step over one of the cheapest baseline. Small networks, small data."
    ),
)
