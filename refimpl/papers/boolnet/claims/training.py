"""Trained networks: packed bits, shortcuts and slices."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import all_of, bound, claim, compare, paired, report
from refimpl.claims.outcomes import Outcome
from refimpl.experiments.base import Result
from refimpl.experiments.comparison import differences

PAPER = "boolnet"


@claim(
    "BN-20",
    paper=PAPER,
    place="section 3, derived",
    statement="packed integer inference gives the outputs of the float graph, bit for bit",
    experiment="boolnet_packed",
)
def packed_is_float(result: Result) -> Outcome:
    return all_of(
        compare(0, result["disagreements"], 0.0, note="test points, after each epoch"),
        compare(0, result["recalibrated_disagreements"], 0.0, note="training and test points"),
        compare(0, result["wrong_weights"], 0.0, note="packed weights that are not sign(w)"),
        bound(result["points"], at_least=900, note="points"),
        bound(result["accuracy"], at_least=0.3, note="accuracy: the networks have learned"),
    )


def _scores(result: Result, key: str, **which: object) -> np.ndarray:
    rows = result.select(**which)
    return np.asarray(rows[key])[np.argsort(rows["seed"])]


@claim(
    "BN-21",
    paper=PAPER,
    place="ablation; pilot on MNIST",
    statement="logic shortcuts beat a plain binary network at k = 1, by 0.3 points or more",
    experiment="boolnet_images",
    profile="full",
)
def shortcuts_help(result: Result) -> Outcome:
    scores = {
        name: _scores(result, "recomputed", shortcuts=name, slices=1, decay=0.5)
        for name in ("none", "logic")
    }
    left = result.select(decay=0.5)["undecided"]
    return all_of(
        paired(scores["logic"] - scores["none"], at_least=0.003),
        bound(left, at_most=0.05, note="share of weights that are no signs yet"),
    )


@claim(
    "BN-22",
    paper=PAPER,
    place="slices; pilot on MNIST",
    statement="stale statistics reverse the effect of more slices; recomputed ones do not",
    experiment="boolnet_images",
    profile="full",
)
def slices_and_statistics(result: Result) -> Outcome:
    def gain(key: str, decay: float) -> np.ndarray:
        four, one = (_scores(result, key, shortcuts="logic", slices=k, decay=decay) for k in (4, 1))
        return four - one

    return all_of(
        paired(
            gain("recomputed", 0.5),
            verdict="qualified",
            condition="dense networks, λ below the weights, statistics of the network with signs",
            note="k = 4 over k = 1, recomputed",
        ),
        paired(-gain("stale", 0.8), note="k = 1 over k = 4, stale statistics, λ above the weights"),
    )


@claim(
    "BN-21b",
    paper=PAPER,
    place="on digits",
    statement="logic shortcuts against none at k = 1 on digits: the difference, not judged",
    experiment="boolnet_digits",
    profile="full",
)
def shortcuts_on_digits(result: Result) -> Outcome:
    change = differences(result, "logic, k=1", "plain, k=1")
    return report(change, f"no statement of the paper; {paired(change).measured}")


@claim(
    "BN-22b",
    paper=PAPER,
    place="on digits",
    statement="four slices beat one under logic shortcuts on digits",
    experiment="boolnet_digits",
    profile="full",
)
def slices_on_digits(result: Result) -> Outcome:
    return paired(differences(result, "logic, k=4", "logic, k=1"))
