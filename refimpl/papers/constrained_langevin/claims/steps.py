"""Constrained Langevin training: invariants, solvers and the released code.

The abstracts state what the methods are for; what is checked here about the steps themselves is
derived, and "derived" as a place says so. No number is printed in the papers' abstracts.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.constrained_langevin.experiments.spirals import METHODS

PAPER = "constrained_langevin"
IDENTITIES = "constrained_identities"
PROJECTION = "constrained_projection"
RELEASED = "constrained_released"


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
    "CL-5",
    paper=PAPER,
    place="derived",
    statement="The O part has the exact Ornstein-Uhlenbeck law on the tangent space, whose "
    "dimension is that of Σ",
    experiment=IDENTITIES,
)
def exchange_law(result: Result) -> Outcome:
    """15 means and 120 covariances within five standard errors: false alarm below 1e-4."""
    return all_of(
        bound(result["law_mean_error"], at_most=5.0, note="in standard errors"),
        bound(result["law_covariance_error"], at_most=5.0, note="in standard errors"),
        compare(9.0, result["projector_trace"], 1e-12, note="trace of the projector on St(5, 3)"),
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
    "momentum, bit for bit",
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
def optimiser_variables(result: Result) -> Outcome:
    return bound(result["variables"], at_most=1e-13, note="over 20 steps with noise")


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


@claim(
    "CL-34",
    paper=PAPER,
    place="released code, circle drift; its formulas re-implemented and measured here",
    statement="The released drift uses the new θ in the formula of ξ: determinant cos² a, and at "
    "positive temperature the radii collapse",
    experiment=RELEASED,
)
def radius_collapse(result: Result) -> Outcome:
    """At h = 0.3, γ = 1, r = 0.1, τ = 1e-4 without a loss."""
    step, radius = result["collapse_step"], result["collapse_radius"]
    at = np.asarray([100, 1000, 10_000])
    return all_of(
        bound(result["determinant_error"], at_most=1e-14),
        compare(4.5e-4, result["first_loss"], 0.05, relative=True, note="first loss of E R²/r²"),
        compare(
            [0.98, 0.88, 0.62],
            np.interp(at, step, radius),
            0.015,
            note="mean radius over r after 100, 1000, 10,000 steps",
        ),
        bound(result["collapse_heat"][-1], at_most=0.1, note="kinetic over set temperature"),
        bound(result["corrected_residual"], at_most=1e-12, note="the corrected drift"),
    )


@claim(
    "CL-35",
    paper=PAPER,
    place="released code, order of the parts; its formulas re-implemented and measured here",
    statement="With the gradient from before the drift the order falls from two to one, and the "
    "system heats up",
    experiment=RELEASED,
)
def stale_gradient(result: Result) -> Outcome:
    """Bias of E θ² for V = 2 θ² at h = 0.1, 0.2, 0.4, from chains with their standard errors."""
    stale, fresh = result["stale_bias"], result["fresh_bias"]
    error = result["stale_error"]
    return all_of(
        compare(
            1.0,
            np.log(stale[1] / stale[0]) / np.log(2.0),
            0.15,
            note="order with a stale gradient",
            verdict="qualified",
            condition="where the gradient changes with the position: with V linear in θ it is the "
            "same before and after the drift, and the released order has no such bias",
        ),
        bound(result["stale_heat"], at_least=1.2, note="kinetic temperature, stale"),
        bound(np.diff(result["stale_heat"]), at_least=0.0),
        bound(np.abs(fresh) - 5.0 * error[1], at_most=0.012, note="bias with a fresh gradient"),
        compare(1.0, result["fresh_heat"], 0.03, note="kinetic temperature, fresh"),
        compare(
            0.0,
            result["linear_bias"],
            5.0 * float(result["linear_error"]) + 0.002,
            note="released order on V = θ",
        ),
    )


@claim(
    "CL-36",
    paper=PAPER,
    place="released code, wide weights; its formulas re-implemented and measured here",
    statement="The last projection of wide weights uses the old normal: the momentum leaves the "
    "tangent space by O(α²)",
    experiment=RELEASED,
)
def old_normal(result: Result) -> Outcome:
    off = result["off_tangent"]
    return all_of(
        compare(4.0, off[-2] / off[-1], 0.15, relative=True, note="ratio at a halved rate"),
        bound(result["off_tangent_fixed"], at_most=1e-14, note="with the new normal"),
    )


@claim(
    "CL-37",
    paper=PAPER,
    place="released code, initial wide weights; its formulas re-implemented and measured here",
    statement="Reshaped instead of transposed, wide weights start with dependent rows, and heal in "
    "two steps",
    experiment=RELEASED,
)
def reshaped_start(result: Result) -> Outcome:
    """Shapes (64, 576), (16, 64), (10, 512), spectral norm of WWᵀ − I."""
    return all_of(
        bound(result["reshaped"], between=([0.6, 0.65, 0.18], [0.8, 0.95, 0.3])),
        bound(result["healed"][:, 0], at_most=1e-3, note="after one step"),
        bound(result["healed"][:, 1], at_most=1e-14, note="after two"),
    )


@claim(
    "CL-38",
    paper=PAPER,
    place="released code on digits; its formulas re-implemented and measured here",
    statement="On digits the released circle optimiser is off its circles by 57% and 69% after "
    "1000 and 2000 steps at τ = 1e-4; the method stays on them",
    experiment=RELEASED,
)
def digits_residual(result: Result) -> Outcome:
    """A network 64-100-10, h = 0.3, γ = 1, radii 0.05 and 0.1, from a feasible start."""
    warm, cold = result["circle_released_warm"], result["circle_released_cold"]
    return all_of(
        compare([0.57, 0.69], [warm[999], warm[1999]], 0.03, note="relative error at τ = 1e-4"),
        bound(cold[1999], between=(0.07, 0.20), note="relative error at τ = 0"),
        bound(
            [np.max(result["circle_warm"]), np.max(result["circle_cold"])],
            at_most=1e-12,
            note="the method",
        ),
        compare(10.5, result["infeasible_error"], 0.1, note="error of an infeasible start"),
        compare(1.0, result["infeasible_refused"], 0.0, note="which the method refuses"),
    )


@claim(
    "CL-39",
    paper=PAPER,
    place="released code, first momenta; its formulas re-implemented and measured here",
    statement="The released momenta start off the tangent space",
    experiment=RELEASED,
)
def raw_start(result: Result) -> Outcome:
    return all_of(
        bound(result["raw_start"], at_least=1e-3),
        bound(result["tangent_start"], at_most=1e-15, note="the derived start"),
    )


@claim(
    "CL-40",
    paper=PAPER,
    place="released image script, read; derived",
    statement="The warm-up is not reset between runs: run 2 trains at 0.1667 and run 3 at 0.2333 "
    "up to epoch 50",
    experiment=RELEASED,
)
def learning_rates(result: Result) -> Outcome:
    """Expected series by hand: three epochs of warm-up, then constant."""
    second = [0.1, 0.1 + 0.1 / 3, 0.1 + 0.2 / 3] + [0.1 + 0.2 / 3] * 48
    third = [0.1 + 0.2 / 3, 0.2, 0.2 + 0.1 / 3] + [0.2 + 0.1 / 3] * 48
    return all_of(
        compare([second, third], result["rates"][1:], 1e-12),
        bound(np.ptp(result["reset"], axis=0), at_most=1e-15, note="spread over runs when reset"),
    )


@claim(
    "CL-41",
    paper=PAPER,
    place="figure of the released repository; settings chosen here",
    statement="Spiral panels: constraint and noise together (C-SGLD) classify unseen points better "
    "than SGD and end with a lower test loss, every method at the setting that validates best",
    experiment="constrained_spirals",
    profile="full",
)
def spiral_panels(result: Result) -> Outcome:
    """Better by more than two standard errors of the differences between paired draws."""
    reference, method = METHODS.index("SGD"), METHODS.index("C-SGLD")
    accuracy = 100.0 * result["test_accuracy"][:, :, -1]
    difference = accuracy[method] - accuracy[reference]
    gain = float(np.mean(difference))
    error = float(np.std(difference, ddof=1) / np.sqrt(difference.size))
    loss = np.mean(result["test_loss"][:, :, -1], axis=1)
    note = (
        f"C-SGLD {np.mean(accuracy[method]):.2f}%, SGD {np.mean(accuracy[reference]):.2f}%, "
        f"difference {gain:+.2f} with standard error {error:.2f} over {difference.size} draws; "
        f"test losses {loss[method]:.3f} and {loss[reference]:.3f}"
    )
    if gain > 2.0 * error and loss[method] < loss[reference]:
        return bound(gain, at_least=2.0 * error, note=note)
    return Outcome(
        "qualified",
        measured=gain,
        predicted=f"> {2.0 * error:.3g}",
        condition="at settings other than these, or not at all: here the gain in accuracy is not "
        "beyond two standard errors with a lower test loss",
        note=note,
    )
