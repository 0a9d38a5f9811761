"""Claims about minimum-norm training: deep linear networks, and how they generalize.

None of the statements is quoted from the body of the paper (arXiv 1806.00730), which is known here
by its abstract: they are derived from the method that the abstract describes ("derived"), follow
from other literature ("literature"), or are numbers observed here in a stated setting ("observed
here").
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.minnorm.claims.common import BRIDGE, PAPER, same_path


@claim(
    "MN-38",
    paper=PAPER,
    place="derived",
    statement="At every depth the optimal map is (X^+ Y)^T, of value D sum s_i^(2/D), and Lam^T X "
    "has the singular values s_i^(2/D - 1)",
    experiment=("minnorm_deep_linear", BRIDGE),
)
def deep_linear_optimum(result: Result, registered: Result) -> Outcome:
    """Depths 1 to 4; every layer has the same norm."""
    return all_of(
        compare(0.0, result["map_error"], 1e-10),
        compare(result["value_closed"], result["value"], 1e-10, relative=True),
        compare(0.0, result["layer_spread"], 1e-10),
        compare(0.0, result["certificate_error"], 1e-10),
        compare([11.56134, 7.30279, 5.82511], result["layer_square"][1:], 1e-5),
        same_path(registered, "deep_linear"),
    )


@claim(
    "MN-39",
    paper=PAPER,
    place="derived",
    statement="Deep gradient descent ends at (X^+ Y)^T + W_D ... W_2 W_1(0) P_null",
    experiment=("minnorm_deep_linear", BRIDGE),
)
def deep_descent_end(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(0.0, result["descent_end_error"], 1e-10),
        bound(result["descent_distance"], at_least=0.1, note="distance from the optimal map"),
        same_path(registered, "deep_descent"),
    )


@claim(
    "MN-40",
    paper=PAPER,
    place="abstract (initialisation-independent in a deep linear network), derived",
    statement="From starts of scale 0.3, 1 and 2 Minnorm ends at X^+ y, at depths 2 and 3",
    experiment=("minnorm_deep_linear", BRIDGE),
)
def independent_of_the_start(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(
            0.0,
            result["distance"],
            1e-6,
            verdict="qualified",
            condition="the run converges: damped multipliers, and at depth 3 no collapsed mode",
        ),
        same_path(registered, "deep_linear"),
    )


@claim(
    "MN-41",
    paper=PAPER,
    place="derived",
    statement="A deep linear classifier ends at the SVM: sum ||W_l||^2 = D n^(2/D), multipliers "
    "n^(2/D - 2) alpha_svm, n = |w_svm|",
    experiment=("minnorm_deep_linear", BRIDGE),
)
def deep_classification(result: Result, registered: Result) -> Outcome:
    return all_of(compare(0.0, result["margin_error"], 1e-8), same_path(registered, "deep_margin"))


_FINITE = 0.02
"""What a hundred inputs may differ from infinitely many; values that are compared lie 0.06 or more
apart. Teachers, noise and starts are averaged exactly, and only the inputs are drawn."""


@claim(
    "MN-42",
    paper=PAPER,
    place="derived in the setting of Advani & Saxe (2017)",
    statement="E(t) of gradient descent over the Marchenko-Pastur law; Minnorm ends where gradient "
    "descent from zero does",
    experiment=("minnorm_deep_linear", BRIDGE),
)
def generalization_of_descent(result: Result, registered: Result) -> Outcome:
    """Load 1/2, signal and start of variance 1, noise 0.25."""
    measured = result["law_measured"]
    ends = result["law_ends"]
    return all_of(
        compare([1.8524, 1.5579, 1.4345, 1.4965], result["law_predicted"], 1e-3),
        compare([1.5, 1.0], result["law_ends_predicted"][:2], 1e-12),
        compare(
            result["law_predicted"],
            measured.mean(axis=0),
            _FINITE,
            note="flows, mean over inputs drawn",
        ),
        compare(
            result["law_ends_predicted"],
            ends.mean(axis=0),
            _FINITE,
            note="end points of descent, Minnorm and ridge",
        ),
        compare(
            result["law_minnorm_finite"],
            ends[:, 1].mean(),
            _FINITE,
            note="against the law at finite N",
        ),
        same_path(registered, "regression", "descent"),
    )


@claim(
    "MN-43",
    paper=PAPER,
    place="abstract (initialisation-independent generalisation), observed here",
    statement="The error of deep gradient descent grows with the start's scale from 1 to 2, that "
    "of Minnorm does not change",
    experiment=("minnorm_deep_linear", BRIDGE),
)
def error_against_scale(result: Result, registered: Result) -> Outcome:
    """100 inputs and 30 data sets in the full profile, 30 inputs and 12 data sets in the quick."""
    scales = result["scales"]
    large = result["descent"].mean(axis=-1)[:, scales >= 1.0]
    return all_of(
        compare(0.0, np.ptp(result["minnorm"], axis=1), 1e-6, note="spread over the scales"),
        bound(np.diff(large, axis=1), at_least=1e-3, note="growth of the mean error"),
        bound(
            large[1, -1] - large[0, -1],
            at_least=0.0,
            note="depth 3 loses more than depth 2 at the largest start",
        ),
        same_path(registered, "deep_linear", "deep_descent"),
    )


@claim(
    "MN-44",
    paper=PAPER,
    place="derived (the abstract compares with early stopping and L2)",
    statement="With noise, tuned ridge beats Minnorm (load 0.9: 0.681 against 2.60) and so does "
    "descent stopped in time from zero (0.690)",
    experiment=("minnorm_deep_linear", BRIDGE),
)
def ridge_wins_under_noise(result: Result, registered: Result) -> Outcome:
    """What Minnorm gains is the forgotten start: at load 1/2 from a start of variance 1, the best
    stopping gives 1.432 and Minnorm 1.00."""
    minnorm, ridge, integrated, stopped, from_start, half, frozen = result["contest"]
    return all_of(
        compare(
            [2.60, 0.681, 0.690, 1.432, 1.00],
            [minnorm, ridge, stopped, from_start, half],
            1e-3,
            verdict="qualified",
            condition="Minnorm is better than gradient descent from a large start, not than a "
            "tuned ridge: that is Bayes-optimal here",
        ),
        compare(ridge, integrated, 1e-9, note="closed form against quadrature"),
        bound(from_start - frozen, at_least=0.0, note="stopping never goes below the frozen part"),
        compare(
            _ridge_at(result),
            result["load_ridge"],
            _FINITE,
            note="ridge over all loads, mean over inputs drawn",
        ),
        bound(
            result["load_mean"][:, 0] - result["load_mean"][:, 1],
            at_least=0.0,
            note="simulated Minnorm minus ridge",
        ),
        same_path(registered, "regression", "descent"),
    )


def _ridge_at(result: Result) -> np.ndarray:
    """The ridge formula at the loads of the simulation."""
    from refimpl.papers.minnorm.theory.generalization import best_ridge

    return np.array(
        [best_ridge(float(load), signal=1.0, noise=0.25)[1] for load in result["loads"]]
    )
