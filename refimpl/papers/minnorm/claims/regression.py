"""Claims about minimum-norm training: shallow regression.

None of the statements is quoted from the body of the paper (arXiv 1806.00730), which is known here
by its abstract: they are derived from the method that the abstract describes ("derived"), follow
from other literature ("literature"), or are numbers observed here in a stated setting ("observed
here").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.minnorm.claims.common import BRIDGE, PAPER, same_path


@claim(
    "MN-18",
    paper=PAPER,
    place="derived",
    statement="A step is stable just where the two inequalities of its order hold on every mode",
    experiment=("minnorm_regression", BRIDGE),
)
def step_limits(result: Result, registered: Result) -> Outcome:
    """The spectral radius is that of the whole step, read off basis vectors."""
    outcomes: list[Any] = []
    for order in ("simultaneous", "alternating"):
        outcomes += [
            compare(0, result[f"mismatches_{order}"], 0, note=f"{order}: mismatches"),
            compare(0.0, result[f"radius_error_{order}"], 1e-10),
            bound(result[f"growth_{order}"][:, 0], at_most=1e-2, note="at 0.98 of the limit"),
            bound(result[f"growth_{order}"][:, 1], at_least=1e2, note="at 1.02 of the limit"),
        ]
    return all_of(*outcomes, same_path(registered, "regression"))


@claim(
    "MN-19",
    paper=PAPER,
    place="derived",
    statement="The flow's rates solve r^2 + h r / tau_w + sigma^2 / (tau_w tau_lam) = 0; undamped "
    "modes oscillate just where sigma^2 > tau_lam / (4 tau_w)",
    experiment=("minnorm_regression", BRIDGE),
)
def flow_spectrum(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(0.0, result["flow_rate_error"], 1e-12),
        check(bool(np.all(result["border_agrees"])), predicted="turns above, not below"),
        same_path(registered, "regression_flow"),
    )


@claim(
    "MN-20",
    paper=PAPER,
    place="derived",
    statement="Undamped alternating steps are Polyak's heavy ball on the dual, from any w(0)",
    experiment=("minnorm_regression", BRIDGE),
)
def heavy_ball(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(0.0, result["identity_error"], 1e-12),
        same_path(registered, "regression"),
    )


@claim(
    "MN-21",
    paper=PAPER,
    place="derived",
    statement="Tuned alternating steps converge as t r^t, r = (kappa - 1) / (kappa + 1); gradient "
    "descent as ((kappa^2 - 1) / (kappa^2 + 1))^t",
    experiment=("minnorm_regression", BRIDGE),
)
def tuned_rate(result: Result, registered: Result) -> Outcome:
    rate = result["tuned_rate"]
    return all_of(
        bound(result["tuned_fitted"], between=(rate, rate + 0.03)),
        compare(result["descent_rate"], result["descent_fitted"], 1e-3),
        bound(result["descent_fitted"] - result["tuned_fitted"], at_least=0.0),
        same_path(registered, "regression", "descent"),
    )


@claim(
    "MN-22",
    paper=PAPER,
    place="derived",
    statement="End points: X^+ y for Minnorm from any start, X^+ y + P_null w(0) for gradient "
    "descent, X^T (G + gamma)^-1 y for weight decay",
    experiment=("minnorm_regression", BRIDGE),
)
def end_points(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(0.0, result["end_point_error"], 1e-10),
        same_path(registered, "regression", "descent"),
    )


@claim(
    "MN-23",
    paper=PAPER,
    place="derived",
    statement="Alternating steps with eta_w = 1 are projected gradient ascent on the dual, stable "
    "just where eta_alpha sigma_max^2 < 2",
    experiment=("minnorm_regression", BRIDGE),
)
def dual_ascent(result: Result, registered: Result) -> Outcome:
    below, above = result["dual_ascent_radius"]
    return all_of(
        compare(0.0, result["dual_ascent_error"], 1e-12),
        bound(below, at_most=1.0 - 1e-9),
        bound(above, at_least=1.0 + 1e-9),
        same_path(registered, "dual_ascent"),
    )
