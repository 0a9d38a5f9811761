"""Claims on the karate club and on planted cliques."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare, paired
from refimpl.experiments.base import Result
from refimpl.papers.graph_propagation.experiments.karate import EPSILON

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
    check_epochs = rows["residuals"].shape[-1] == 3000
    return all_of(
        check(check_epochs, predicted="3000 epochs"),
        bound(rows["residual"], at_least=100.0 * EPSILON),
        compare(np.median(rows["residuals"][:, -100:], axis=1), rows["residual"], 1e-12),
    )


@claim(
    "LPG-21",
    paper=PAPER,
    place="derived; observed",
    statement="G = lin with a multiplier for each dimension and ρ = 4 leaves a residual that is "
    "lower at least thirtyfold, both read from new states, 3000 epochs, 5 seeds",
    experiment="graph_karate",
    profile="full",
)
def augmented_below(result: Result) -> Outcome:
    released = result.select(method="released")
    augmented = result.select(method="augmented")
    gain = np.log10(released["residual"] / augmented["residual"])
    return all_of(
        check(
            released["seed"].tolist() == augmented["seed"].tolist() == list(range(5)),
            predicted="5 paired seeds",
        ),
        paired(gain, at_least=float(np.log10(30.0)), note="log10 of the ratio of residuals"),
    )


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
