"""Trained networks: packed bits, shortcuts and slices."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import all_of, bound, claim, compare, paired
from refimpl.claims.outcomes import Outcome
from refimpl.experiments.base import Result

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


def _scores(result: Result, method: str, key: str = "recomputed") -> np.ndarray:
    rows = result.select(method=method)
    return np.asarray(rows[key])[np.argsort(rows["seed"])]


@claim(
    "BN-21",
    paper=PAPER,
    place="ablation; pilot on MNIST, half of its images",
    statement="logic shortcuts beat a plain binary network at k = 1, by 0.3 points or more",
    experiment="boolnet_images",
    profile="full",
)
def shortcuts_help(result: Result) -> Outcome:
    def gain(suffix: str = "") -> np.ndarray:
        logic, plain = (_scores(result, f"{kind}, k=1{suffix}") for kind in ("logic", "plain"))
        return logic - plain

    judged = [f"{kind}, k=1{end}" for kind in ("plain", "logic") for end in ("", ", scaled")]
    left = np.ravel([_scores(result, name, "undecided") for name in judged])
    return all_of(
        paired(
            gain(", scaled"),
            at_least=0.003,
            verdict="qualified",
            condition="with the released scale mean |w|; without a scale, which is what the paper "
            "says, plain networks are better (BN-9b says why)",
            note="scaled",
        ),
        paired(-gain(), at_least=0.003, note="plain over logic, without a scale"),
        bound(left, at_most=0.05, note="share of weights that are no signs yet"),
    )


@claim(
    "BN-22",
    paper=PAPER,
    place="slices; pilot on MNIST, half of its images",
    statement="stale statistics reverse the effect of more slices; recomputed ones do not",
    experiment="boolnet_images",
    profile="full",
)
def slices_and_statistics(result: Result) -> Outcome:
    recomputed = _scores(result, "logic, k=4") - _scores(result, "logic, k=1")
    slow = [_scores(result, f"logic, k={k}, slow", "stale") for k in (1, 4)]
    return all_of(
        paired(
            recomputed,
            verdict="qualified",
            condition="dense networks, λ below the weights, statistics of the network with signs",
            note="k = 4 over k = 1, recomputed",
        ),
        paired(slow[0] - slow[1], note="k = 1 over k = 4, stale statistics, λ above the weights"),
    )


@claim(
    "BN-9b",
    paper=PAPER,
    place="derived; on digits",
    statement="where weights harden slowly, what the released scale does for a deep logic network "
    "it does by being small beside e: a large e alone does the same, a small γ most of it",
    experiment="boolnet_starts",
    profile="full",
)
def size_at_the_start(result: Result) -> Outcome:
    def score(form: str) -> np.ndarray:
        rows = result.select(form=form)
        return np.asarray(rows["accuracy"])[np.argsort(rows["seed"])]

    ratio = np.asarray(result["spread"]) / np.asarray(result["spread_expected"])
    return all_of(
        compare(1.0, ratio, 0.1, note="size of normalized numbers at the start, over its law"),
        paired(
            score("scale") - score("scale, no e"), at_least=0.05, note="scale, e = 1e-5 or none"
        ),
        paired(score("e = 1") - score("no scale"), at_least=0.05, note="no scale, e = 1 or 1e-5"),
        paired(score("small gain") - score("no scale"), at_least=0.05, note="γ = 0.05 or 1"),
        paired(
            score("signs throughout") - score("no scale"), at_least=0.05, note="λ = 0 or falling"
        ),
    )
