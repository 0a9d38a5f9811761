"""Claims on training with lattice points and tailored penalties; they need the full profile.

Root mean squared errors on 8,192 fresh points in the target's own unit, λ chosen on 2,048 other
points, the same for every method of a seed.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, check, claim, paired
from refimpl.experiments.base import Result
from refimpl.papers.lattice_networks.experiments.recipe import MODELS, POINTS, chosen

PAPER = "lattice_networks"


def inside_grid(cells: list[dict]) -> Outcome:
    """A strength at the end of its grid is none that validation chose."""
    strengths = ", ".join(f"{cell['strength']:g}" for cell in cells)
    return check(
        not any(cell["at_end"] for cell in cells),
        predicted="no strength at a grid's end",
        measured=strengths,
    )


@claim(
    "LAT-24",
    paper=PAPER,
    place="abstract: tailored regularization improves on l2",
    statement="s = 20, N = 127: with the tailored penalty E_G is less than half of that with l2, λ "
    "of both on validation; lattice and random points, standard and periodic",
    experiment="lattice_training",
    profile="full",
)
def tailored_beats_l2(result: Result) -> Outcome:
    outcomes, ratios = [], []
    for model in MODELS:
        for points in POINTS:
            plain = chosen(result, model, 127, points, "l2")
            tailored = chosen(result, model, 127, points, "tailored")
            logs = np.log(plain["test"] / tailored["test"])
            ratios.append(f"{math.exp(np.mean(logs)):.2g}")
            outcomes += [inside_grid([plain, tailored]), paired(logs, at_least=math.log(2.0))]
    return all_of(*outcomes, note=f"ratios {', '.join(ratios)}; logarithms compared")


@claim(
    "LAT-25",
    paper=PAPER,
    place="observed; the abstract bounds the gap on lattices",
    statement="s = 20, N = 1021, tailored: E_G - E_T on the lattice is less than half of that on "
    "random points, standard and periodic",
    experiment="lattice_training",
    profile="full",
)
def lattice_closes_gap(result: Result) -> Outcome:
    outcomes, gaps = [], []
    for model in MODELS:
        cells = [chosen(result, model, 1021, points, "tailored") for points in POINTS]
        lattice, random = (cell["test"] - cell["train"] for cell in cells)
        gaps.append(f"{np.mean(lattice):.2g} and {np.mean(random):.2g}")
        outcomes += [inside_grid(cells), paired(random - 2.0 * lattice)]
    return all_of(*outcomes, note=f"gaps {'; '.join(gaps)}; random - 2 lattice compared")


@claim(
    "LAT-26",
    paper=PAPER,
    place="abstract: training points on lattices; observed",
    statement="Training on lattice points instead of random ones lowers E_G",
    experiment="lattice_points_training",
    profile="full",
)
def lattice_needs_a_penalty(result: Result) -> Outcome:
    condition = (
        "not without a penalty at small N: at N = 61 and 127 periodic networks without one "
        "generalize worse from lattice points"
    )
    logs: dict[str, list] = {model: [] for model in MODELS}
    for model in MODELS:
        for size in (61, 127):
            lattice, random = (chosen(result, model, size, points, "none") for points in POINTS)
            logs[model].append(np.log(lattice["test"] / random["test"]))
    shown = "; ".join(
        f"{model} {', '.join(f'{math.exp(np.mean(log)):.2f}' for log in found)}"
        for model, found in logs.items()
    )
    return paired(
        np.mean(logs["periodic"], axis=0),
        verdict="qualified",
        condition=condition,
        note=f"E_G on lattice over random points at N = 61, 127: {shown}; periodic is judged, by "
        f"the mean logarithm of each seed",
    )
