"""Claims on constrained Langevin training: what every step keeps, and forms that are equal.

The abstracts state what the methods are for; what is checked here is derived, and "derived" as a
place says so. No number is printed in the papers' abstracts.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result

PAPER = "constrained_langevin"
IDENTITIES = "constrained_identities"
PROJECTION = "constrained_projection"


@claim(
    "CL-1",
    paper=PAPER,
    place="abstract (control of weight magnitudes); derived",
    statement="Weights on circles stay on them to rounding, in pairs and in angles",
    experiment=IDENTITIES,
)
def circle_residual(result: Result) -> Outcome:
    eps = np.finfo(float).eps
    return all_of(
        bound(result["circle_residual"], at_most=100 * eps, note="largest of every step"),
        bound(result["angle_residual"], at_most=4 * eps),
        bound(result["circle_tangency"], at_most=1e-13),
    )


@claim(
    "CL-3",
    paper=PAPER,
    place="derived",
    statement="The drift keeps |p| and is undone by reversing p, on circles, spheres and Stiefel",
    experiment=IDENTITIES,
)
def reversible_drift(result: Result) -> Outcome:
    return all_of(
        bound(result["return_gap"], at_most=1e-13), bound(result["speed_change"], at_most=1e-13)
    )


@claim(
    "CL-5",
    paper=PAPER,
    place="derived",
    statement="The O part has the exact Ornstein-Uhlenbeck law on the tangent space, whose "
    "dimension is that of Σ",
    experiment=IDENTITIES,
)
def exchange_law(result: Result) -> Outcome:
    """The step itself, fed with noise that is known: it is affine in it, so that nothing is left
    to chance. The amplitude is sqrt(tau (1 - c^2)) with c = exp(-gamma h)."""
    law = [0.0] * 6 + [1.0] * 9  # of the covariance over its amplitude
    return all_of(
        compare(0.0, result["law_error"], 1e-13, note="momentum for each noise, St(5, 3)"),
        compare(0.0, result["law_mean_error"], 1e-13, note="mean"),
        compare(law, result["law_covariance"], 1e-12, note="covariance: 9 tangent dimensions"),
        compare(0.0, result["circle_law_error"], 1e-13, note="velocity on circles"),
    )


@claim(
    "CL-15",
    paper=PAPER,
    place="derived",
    statement="A wide weight moves as its transpose does, momenta included",
    experiment=IDENTITIES,
)
def wide_is_tall(result: Result) -> Outcome:
    return bound(result["transposed"], at_most=1e-15)


@claim(
    "CL-16",
    paper=PAPER,
    place="derived",
    statement="At temperature 0 the loss falls to a point where Π∇V = 0; a bounded weight ends "
    "where V' = 0 or at ±r",
    experiment=IDENTITIES,
)
def zero_temperature(result: Result) -> Outcome:
    return all_of(
        bound(result["stationary"], at_most=1e-8),
        bound(result["procrustes_gap"], at_most=1e-8),
        bound(result["largest_rise"], at_most=1e-12),
        bound(result["circle_stationary"], at_most=1e-8),
        bound(result["circle_gap"], at_most=1e-8),
    )


@claim(
    "CL-17",
    paper=PAPER,
    place="abstract (exploding gradients, weight magnitudes); derived",
    statement="Orthonormal layers make the network 1-Lipschitz between them; circle layers have "
    "‖W‖ <= r √(n m)",
    experiment=IDENTITIES,
)
def norms(result: Result) -> Outcome:
    return all_of(
        bound(result["expansion"], at_most=1.0 + 1e-12),
        bound(result["isometry"], at_most=1e-12),
        bound(result["frobenius"], at_most=1e-12),
        bound(result["circle_excess"], at_most=1e-15),
    )


@claim(
    "CL-20",
    paper=PAPER,
    place="derived",
    statement="No projection exists where ‖D₂‖ > 1 or (square: if and only if) ‖Ω‖ > 1, which "
    "raw noise reaches at a known size",
    experiment=PROJECTION,
)
def necessary_conditions(result: Result) -> Outcome:
    """Bands of the failure rate, widened by five binomial standard errors."""
    low = np.asarray([0.0, 0.75, 1.0, 0.02, 0.95, 0.0, 1.0])
    high = np.asarray([0.0, 0.90, 1.0, 0.05, 1.00, 0.0, 1.0])
    draws = result["failure_draws"]
    slack = 5.0 * np.sqrt(np.maximum(low * (1 - low), high * (1 - high)) / draws)
    return all_of(
        bound(result["failure_rate"], between=(low - slack, high + slack)),
        compare(1.0, result["necessary"], 0.0, note="the conditions agree with the solver"),
    )


@claim(
    "CL-21",
    paper=PAPER,
    place="derived",
    statement="Weight decay does nothing to an orthogonal layer, except through the polar "
    "projection of raw increments",
    experiment=IDENTITIES,
)
def weight_decay(result: Result) -> Outcome:
    return all_of(
        bound(result["decay_ud"], at_most=1e-15),
        bound(result["decay_shake"], at_most=1e-15),
        bound(result["decay_polar"], at_least=1e-5, note="the exception"),
    )


@claim(
    "CL-22",
    paper=PAPER,
    place="released code; derived",
    statement="At temperature 0 the free parameters of o-CoLA-ud take the steps of SGD with "
    "momentum, bit for bit (in the released code from a buffer of 0.01 times the first gradient)",
    experiment=IDENTITIES,
)
def free_parameters(result: Result) -> Outcome:
    return compare(0.0, result["free_bits"], 0.0, note="entries that differ in 30 steps")


@claim(
    "CL-23",
    paper=PAPER,
    place="derived",
    statement="c-CoLA-ud in pairs (θ, ξ) and in angles is one method under the same noise",
    experiment=IDENTITIES,
)
def angle_form(result: Result) -> Outcome:
    return bound(result["angle_gap"], at_most=1e-12, note="over 2000 steps")


@claim(
    "CL-24",
    paper=PAPER,
    place="derived",
    statement="SHAKE advances the angle by arcsin(t/r), and has no solution just where |t| > r",
    experiment=IDENTITIES,
)
def arcsine_law(result: Result) -> Outcome:
    return all_of(
        bound(result["arcsine_gap"], at_most=1e-14), compare(0.0, result["wrong_feasibility"], 0.0)
    )


@claim(
    "CL-25",
    paper=PAPER,
    place="derived",
    statement="AOAB with a fresh gradient and half a B at the start has the positions of BAOAB",
    experiment=IDENTITIES,
)
def same_positions(result: Result) -> Outcome:
    return bound(result["orders"], at_most=1e-13)


@claim(
    "CL-26",
    paper=PAPER,
    place="released code; derived",
    statement="(P, h) and (buffer, learning rate) with α = h², μ = exp(−γh) are one method",
    experiment=IDENTITIES,
)
def optimizer_variables(result: Result) -> Outcome:
    return bound(result["variables"], at_most=1e-13, note="over 20 steps with noise")


@claim(
    "CL-32",
    paper=PAPER,
    place="derived",
    statement="A small step moves a bounded weight by −hG(1 − θ²/r²) + O(h²), and one at ±r not "
    "at all",
    experiment=IDENTITIES,
)
def freezing(result: Result) -> Outcome:
    return all_of(
        compare(2.0, result["freezing_slope"], 0.05, note="order of the remainder"),
        compare(2.0, result["freezing_slope_largest"], 0.05),
        bound(result["frozen_motion"], at_most=1e-15),
    )
