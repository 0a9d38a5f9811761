"""Claims about minimum-norm training: the scalar chain.

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
    "MN-24",
    paper=PAPER,
    place="derived",
    statement="P points y = s x act on a chain as one with tau_lam / q and q rho, q = sum x^2",
    experiment=("minnorm_chain", BRIDGE),
)
def chain_reduction(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(0.0, result["reduction_error"], 1e-10),
        same_path(registered, "chain_points", "chain"),
    )


@claim(
    "MN-25",
    paper=PAPER,
    place="derived",
    statement="A chain ends at w_l^2 = s^(2/D), lam = s^((2-D)/D), with rates -2/tau_w and the "
    "roots of r^2 + h r / tau_w + c / (tau_w tau_lam) = 0",
    experiment=("minnorm_chain", BRIDGE),
)
def chain_spectrum(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(0.0, result["fixed_point_residual"], 1e-12),
        compare(0.0, result["spectrum_error"], 1e-8, note="characteristic polynomials"),
        same_path(registered, "chain_flow"),
    )


@claim(
    "MN-26",
    paper=PAPER,
    place="abstract (faster to the minimum-norm solution of a chain), derived",
    statement="On the constraint w_l^2 = v + b_l e^-2t; depth 2: sum w^2 = sqrt(4s^2 + b^2 e^-4t)",
    experiment=("minnorm_chain", BRIDGE),
)
def constraint_surface(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(0.0, result["surface_error"], 1e-9),
        compare(0.0, result["surface_sum_error"], 1e-9),
        compare(
            [-2.0, -2.0 * result["imbalance_decay"], 0.0],
            result["imbalance_slopes"],
            1e-3,
            note="decay of the imbalance: Minnorm, weight decay, gradient descent",
        ),
        same_path(registered, "chain_flow", "chain_descent"),
    )


@claim(
    "MN-27",
    paper=PAPER,
    place="derived; for gamma = 0 literature (Saxe et al. 2014)",
    statement="Weight decay biases a chain of depth 2 by exactly gamma; at D > 2 no end but 0 is "
    "left above gamma_max (1.190551 and 1.088662 at s = 2, D = 3 and 4)",
    experiment=("minnorm_chain", BRIDGE),
)
def chain_weight_decay(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare([1.190551, 1.088662], result["decay_limits"], 1e-6),
        compare(0.0, result["decay_error"], 1e-8),
        bound(result["decay_ends"][:, 0], at_least=0.5, note="end at 0.98 gamma_max"),
        compare(0.0, result["decay_ends"][:, 1], 1e-8, note="end at 1.02 gamma_max"),
        same_path(registered, "chain_descent"),
    )


@claim(
    "MN-28",
    paper=PAPER,
    place="abstract (faster than L2 in a chain); numbers observed here",
    statement="Accuracy eps takes L2 a time of order log(1/eps) / eps, damped Minnorm log(1/eps)",
    experiment=("minnorm_chain", BRIDGE),
)
def time_to_accuracy(result: Result, registered: Result) -> Outcome:
    """Depth 2, s = 2, start (2.5, 0.5), rho = 1; the decay leaves a bias of eps / 2 per weight."""
    return all_of(
        compare(
            [[11.04, 1.934], [189.8, 3.259], [2708.7, 4.485]],
            result["times_to"],
            0.01,
            relative=True,
            verdict="qualified",
            condition="the multipliers are damped (rho = 1); undamped, the chain does not converge",
        ),
        same_path(registered, "chain_flow", "chain_descent"),
    )


@claim(
    "MN-29",
    paper=PAPER,
    place="derived",
    statement="Undamped, a balanced chain of depth 2 conserves its energy and orbits for ever; the "
    "overshoot is Lambert's W (8.24078 from u_0 = 0.25, 25.93 from 1e-4)",
    experiment=("minnorm_chain", BRIDGE),
)
def undamped_orbit(result: Result, registered: Result) -> Outcome:
    """The caution to the chain claim: without damping Minnorm does not converge."""
    measured = result["orbit_extremes"]
    return all_of(
        compare(0.0, result["orbit_drift"], 1e-8),
        compare(result["orbit_extremes_closed"], measured, 1e-4, relative=True),
        compare([0.14379, 8.24078], measured[0], 1e-4, relative=True),
        compare(25.93, measured[1, 1], 1e-3, relative=True),
        compare(np.pi, result["orbit_period"], 1e-4, note="period near the end point, s = 2"),
        same_path(registered, "balanced"),
    )


@claim(
    "MN-30",
    paper=PAPER,
    place="derived",
    statement="Damping takes dE/dt = -2 rho (s - u)^2 / (tau_w tau_lam) out: every start u_0 > 0 "
    "tried converges at depth 2",
    experiment=("minnorm_chain", BRIDGE),
)
def damped_energy(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(0.0, result["energy_balance"], 1e-8),
        compare(0.0, result["damped_end"], 1e-8),
        same_path(registered, "balanced"),
    )


@claim(
    "MN-31",
    paper=PAPER,
    place="derived",
    statement="A chain of depth 2 to 5 is stable just where rho > (D-2)/c (plus eta_lam for "
    "simultaneous steps), eta_w < 1 and the step's inequalities hold",
    experiment=("minnorm_chain", BRIDGE),
)
def chain_stability(result: Result, registered: Result) -> Outcome:
    stable, unstable = result["distance_runs"].T
    above = result["map_rhos"][None, :] > result["map_critical"][:, None]
    return all_of(
        *(
            compare(0, result[f"mismatches_{name}"], 0, note=f"{name}: mismatches")
            for name in ("flow", "simultaneous", "alternating")
        ),
        compare(0.0, result["chain_radius_error"], 1e-8),
        bound(stable, at_most=1e-2, note="shrinkage at 1.1 of the limit"),
        bound(unstable, at_least=1e2, note="growth at 0.9 of the limit"),
        compare(above, result["map_outcomes"] == 2, 0, note="runs over depth and damping"),
        same_path(registered, "chain", "chain_flow", "balanced"),
    )


@claim(
    "MN-32",
    paper=PAPER,
    place="derived; fates observed here",
    statement="Depth 3, s = 2 needs rho > 0.13228: runs at 0 and 0.05 collapse, 0.1 oscillates for "
    "ever, 0.15 converges",
    experiment=("minnorm_chain", BRIDGE),
)
def critical_damping(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(0.13228, result["critical_measured"], 1e-4),
        compare(result["critical_closed"], result["critical_measured"], 1e-8),
        compare([0, 0, 1, 2], result["critical_outcomes"], 0, note="fates of the four runs"),
        compare([[0.458, 2.697], [-0.507, 3.727]], result["cycle"], 1e-2, note="range of w, lam"),
        same_path(registered, "chain_flow", "balanced"),
    )


@claim(
    "MN-33",
    paper=PAPER,
    place="derived; times observed here",
    statement="The damping ratio at depth 2 is rho sqrt(s tau_lam / (2 tau_w)); from u_0 = 0.01 "
    "the peak is 1.480 s at rho = 1, and there is none at rho = 4",
    experiment=("minnorm_chain", BRIDGE),
)
def damping_ratio(result: Result, registered: Result) -> Outcome:
    peaks, times, _ = result["transients"].T
    return all_of(
        compare(0.0, result["ratio_error"], 1e-12),
        compare(1.480, peaks[0], 0.01, relative=True),
        bound(peaks[1], at_most=1.0 + 1e-9, note="no overshoot at rho = 4"),
        compare([4.89, 5.37], times, 0.01, relative=True, note="within 1 % of s from then on"),
        same_path(registered, "balanced"),
    )


@claim(
    "MN-34",
    paper=PAPER,
    place="derived",
    statement="Undamped Minnorm leaves the saddle of depth 2 before gradient descent only if "
    "log sqrt(u / u_0) > 2 (1 + s)",
    experiment=("minnorm_chain", BRIDGE),
)
def saddle_escape(result: Result, registered: Result) -> Outcome:
    """Times from 1e-4 to u = s / 2 at s = 2; the crossover by simulation in the linear stage."""
    measured, predicted = result["escape"].T
    crossover = result["crossover"].T
    return all_of(
        compare([2.707, 2.476], measured, 1e-3, relative=True),
        compare(predicted, measured, 0.01, relative=True),
        compare(crossover[0], crossover[1], 0.01, relative=True, note="s = 0.25, 0.5, 1"),
        same_path(registered, "balanced", "chain_descent"),
    )


@claim(
    "MN-35",
    paper=PAPER,
    place="observed here",
    statement="Depth 3, s = 2 collapses to 0 from balanced starts below 0.5100 (rho = 0) and "
    "0.2509 (rho = 1)",
    experiment=("minnorm_chain", BRIDGE),
)
def collapse_threshold(result: Result, registered: Result) -> Outcome:
    measured = result["collapse_thresholds"]
    ratio = result["collapse_estimates"] / measured
    return all_of(
        compare([0.5100, 0.2509], measured, 1e-3),
        bound(ratio, between=(1.0, 2.7), note="crude estimate over the threshold"),
        compare(2.0, result["damped_starts_end"], 1e-6, note="starts above it at rho = 1 converge"),
        same_path(registered, "balanced"),
    )


@claim(
    "MN-36",
    paper=PAPER,
    place="observed here",
    statement="Undamped at depth 3, starts above the threshold overshoot once, then collapse too",
    experiment=("minnorm_chain", BRIDGE),
)
def late_collapse(result: Result, registered: Result) -> Outcome:
    peak, end, growth, reached = result["collapse_later"].T
    return all_of(
        compare(1.0, reached, 0, note="the constraint is reached first"),
        compare([11.8, 2.9], peak, 0.02, relative=True, note="peak weight from 0.52 and 1.2"),
        compare(0.0, end, 1e-6, note="w(60)"),
        compare(2.0, growth, 1e-3, note="the multiplier grows at the rate s"),
        same_path(registered, "balanced"),
    )


@claim(
    "MN-37",
    paper=PAPER,
    place="derived (the abstract leaves open whether the norm is squared)",
    statement="With norms that are not squared a balanced chain needs rho > (D-1) s^(-1/D) / c",
    experiment=("minnorm_chain", BRIDGE),
)
def unsquared_norm(result: Result, registered: Result) -> Outcome:
    below, above = result["unsquared_growth"].T
    return all_of(
        bound(below, at_least=1e-6, note="growth rate at 0.95 of the limit"),
        bound(above, at_most=-1e-6, note="growth rate at 1.05 of the limit"),
        same_path(registered, "plain_norm"),
    )
