"""Claims on constrained Langevin training: the projections and their solvers.

The abstracts state what the methods are for; what is checked here is derived, and "derived" as a
place says so. No number is printed in the papers' abstracts.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result

PAPER = "constrained_langevin"
PROJECTION = "constrained_projection"


@claim(
    "CL-2",
    paper=PAPER,
    place="abstract (orthogonality of weight matrices); released code's ten iterations; derived",
    statement="The converged drift keeps WᵀW = I and tangency to rounding; ten fixed iterations "
    "do so for small steps only",
    experiment=PROJECTION,
)
def stiefel_residual(result: Result) -> Outcome:
    """The medians of the fixed iterations were measured here with other draws."""
    predicted = np.asarray([2.3e-6, 2.9e-10, 5e-15, 4e-16])
    measured = np.median(result["fixed"], axis=1)
    return all_of(
        bound(result["chain_residual"], at_most=1e-14),
        bound(result["chain_tangency"], at_most=1e-14),
        compare(
            0.0,
            np.log(measured / predicted),
            np.log(30.0),
            note="log of measured over predicted residual after ten iterations",
        ),
    )


@claim(
    "CL-4",
    paper=PAPER,
    place="derived",
    statement="Newton, quasi-Newton, the Riccati solution and (square) the matrix square root give "
    "one projection",
    experiment=PROJECTION,
)
def solvers_agree(result: Result) -> Outcome:
    return all_of(
        bound(result["agreement_5x3"], at_most=1e-14),
        bound(result["agreement_6x6"], at_most=1e-14),
    )


@claim(
    "CL-27",
    paper=PAPER,
    place="derived",
    statement="One quasi-Newton iteration maps the residual Λ to ¼Λ² − ½(EᵀΛ + ΛE), for any matrix",
    experiment=PROJECTION,
)
def residual_recursion(result: Result) -> Outcome:
    return bound(result["recursion"], at_most=2e-15, note="relative to 1 plus its size")


@claim(
    "CL-28",
    paper=PAPER,
    place="derived",
    statement="On square W the quasi-Newton rate is √(2 − 2√(1 − w²)), so it diverges beyond "
    "w = √3/2 where Newton still converges",
    experiment=PROJECTION,
)
def quasi_newton_rate(result: Result) -> Outcome:
    w = result["rate_angles"]
    predicted = np.sqrt(2.0 - 2.0 * np.sqrt(1.0 - w * w))
    return compare(predicted, result["rate"], 1e-4)


@claim(
    "CL-29",
    paper=PAPER,
    place="derived",
    statement="The projection exists if and only if ν²I − 2iνΩ + I − D₂ᵀD₂ > 0 for every real ν",
    experiment=PROJECTION,
)
def exact_feasibility(result: Result) -> Outcome:
    return all_of(
        compare(1.0, result["solved_inside"], 0.0, note="at 0.999 of the threshold"),
        compare(0.0, result["solved_outside"], 0.0, note="at 1.001 of the threshold"),
    )


@claim(
    "CL-31",
    paper=PAPER,
    place="derived",
    statement="SHAKE does not see the normal part of an increment; the polar factor does",
    experiment=PROJECTION,
)
def tangential_increments(result: Result) -> Outcome:
    return all_of(
        bound(result["shake_invariance"], at_most=1e-14),
        bound(result["polar_change"], at_least=1e-4),
    )
