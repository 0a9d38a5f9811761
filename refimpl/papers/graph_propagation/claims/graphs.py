"""Claims on the karate club and on planted cliques."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare, paired
from refimpl.experiments.base import Result
from refimpl.papers.graph_propagation.experiments.karate import EPSILON, JUDGED

PAPER = "graph_propagation"


@claim(
    "LPG-20",
    paper=PAPER,
    place="released setting of the karate club; observed",
    statement="The released setting (Adam, eps, one multiplier a node, means) leaves a residual of "
    "more than 100 ε after 3000 epochs, in the median of the last 100",
    experiment="graph_karate",
    profile="full",
)
def released_plateau(result: Result) -> Outcome:
    rows = result.select(method="released")
    return all_of(
        _taken_at_the_epoch(rows),
        bound(rows["residual"], at_least=100.0 * EPSILON),
    )


@claim(
    "LPG-21",
    paper=PAPER,
    place="derived; observed",
    statement="G = lin with a multiplier for each dimension and ρ = 4 leaves a residual that is "
    "lower at least thirtyfold on average, both read from new states, after 3000 epochs, 15 seeds",
    experiment="graph_karate",
    profile="full",
)
def augmented_below(result: Result) -> Outcome:
    released = result.select(method="released")
    augmented = result.select(method="augmented")
    gain = np.log10(released["residual"] / augmented["residual"])
    late = int(np.sum(np.median(augmented["residuals"][:, -100:], axis=1) > 1e-3))
    note = f"log10 of the ratio; {late} of {len(gain)} augmented runs end above 1e-3 again"
    return all_of(
        check(
            released["seed"].tolist() == augmented["seed"].tolist() == list(range(15)),
            predicted="15 paired seeds",
        ),
        _taken_at_the_epoch(released),
        _taken_at_the_epoch(augmented),
        paired(gain, at_least=float(np.log10(30.0)), note=note),
    )


def _taken_at_the_epoch(rows: Any) -> Outcome:
    if rows["residuals"].shape[-1] < JUDGED:
        return check(False, predicted=f"{JUDGED} epochs", measured=rows["residuals"].shape[-1])
    before = np.median(rows["residuals"][:, JUDGED - 100 : JUDGED], axis=1)
    return compare(before, rows["residual"], 1e-12)


@claim(
    "LPG-23",
    paper=PAPER,
    place="released code's data; derived",
    statement="Targets of planted cliques are the union of all cliques of that size, by another "
    "search; the graphs are connected and hold five such nodes or more",
    experiment="graph_cliques",
)
def clique_targets(result: Result) -> Outcome:
    positives = result["positives"]
    return all_of(
        compare(0, np.sum(result["wrong"]), 0),
        check(bool(np.all(result["connected"])), predicted="connected"),
        compare(result.config.graphs, len(positives), 0),
        bound(positives, between=(result.config.clique, result.config.clique + 3)),
        bound(np.mean(positives == result.config.clique), at_least=0.8),
        bound(result["density"], between=(0.38, 0.43)),
    )
