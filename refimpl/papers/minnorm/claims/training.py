"""Claims on Minnorm training: its identities, its optimum, its failures, and images.

Only the abstract of Bansal et al. 2018 (arXiv 1806.00730) is relied upon. ``abstract`` marks what
it states; ``derived`` what follows from the program that it defines; ``observed here`` numbers of
runs of this package.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.minnorm.claims.common import BRIDGE, same_path


@claim(
    "MN-1",
    paper="minnorm",
    place="derived",
    statement="The first layer forgets what the data do not span at exactly (1 - eta_w)^t, "
    "whatever the constraint, order, batches or nonlinearity",
    experiment="minnorm_identities",
)
def null_space(result: Result) -> Outcome:
    return compare(0.0, result["null_space"], 1e-12, note="relative error")


@claim(
    "MN-2",
    paper="minnorm",
    place="derived",
    statement="One step changes the imbalance of neighbouring layers by the exact formula, "
    "whatever the multipliers: linear networks of depth 2 to 4, chains, the diagonal for ReLU",
    experiment="minnorm_identities",
)
def balance_in_one_step(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["balance"], 1e-12),
        compare(0.0, result["chain_balance"], 1e-12),
        compare(0.0, result["relu_balance"], 1e-12),
    )


@claim(
    "MN-3",
    paper="minnorm",
    place="abstract (linear chain) / derived",
    statement="Imbalances decay at rate 2/tau_w under Minnorm's flow for every multiplier and "
    "damping, at 2 gamma under L2, and never under gradient descent",
    experiment="minnorm_optimum",
)
def balance_in_the_flow(result: Result) -> Outcome:
    return all_of(
        compare(-2.0, result["flow_minnorm"], 1e-8),
        compare(-2.0 * result["flow_gammas"][:, None], result["flow_l2"], 1e-8),
        compare(0.0, result["flow_gd"], 1e-8),
    )


@claim(
    "MN-4",
    paper="minnorm",
    place="abstract (wrapper) / derived",
    statement="Back-propagating the multipliers in place of the error, plus decay, is the gradient "
    "of the (augmented) Lagrangian, for all five constraints",
    experiment=("minnorm_identities", BRIDGE),
)
def wrapper_is_the_gradient(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(0.0, result["wrapper"], 1e-6, note="relative to central differences"),
        same_path(registered, "momentum", "float32"),
    )


@claim(
    "MN-5",
    paper="minnorm",
    place="derived",
    statement="At the solution all layers have one norm, its square the sum of lambda y (equality) "
    "or of alpha (margin)",
    experiment=("minnorm_optimum", "minnorm_convex_relu"),
)
def equal_layers(linear: Result, relu: Result) -> Outcome:
    squares = linear["layer_squares"]
    margins = relu["layer_squares"][relu["is_margin"]]
    return all_of(
        compare(1.0, squares / linear["multiplier_sums"][:, None], 1e-10, note="linear"),
        compare(1.0, margins / relu["multiplier_sums"][relu["is_margin"]][:, None], 5e-3,
                note="ReLU"),
    )  # fmt: skip


@claim(
    "MN-6",
    paper="minnorm",
    place="abstract (multipliers single out examples) / derived",
    statement="A multiplier is the slope of the least half squared norm in the target or margin of "
    "its example",
    experiment="minnorm_optimum",
)
def sensitivity(result: Result) -> Outcome:
    return all_of(
        compare(result["slopes"], result["multipliers"], 1e-8),
        compare(result["alpha_slopes"], result["alpha"], 1e-5),
        bound(result["svm_error"], at_most=1e-8, note="weights against least distance"),
    )


@claim(
    "MN-7",
    paper="minnorm",
    place="derived",
    statement="In shallow regression the multiplier gives the leave-one-out residual, "
    "lambda/(G^-1)_mm, and the norm saved by dropping the example, lambda^2/(2 (G^-1)_mm)",
    experiment="minnorm_optimum",
)
def leave_one_out(result: Result) -> Outcome:
    return all_of(
        compare(result["left_out"], result["left_out_predicted"], 1e-10),
        compare(result["saved"], result["saved_predicted"], 1e-10),
    )


@claim(
    "MN-8",
    paper="minnorm",
    place="derived",
    statement="L2 is proportional control: its residual is gamma (G + gamma)^-1 y, and residual "
    "over gamma tends to the multipliers, with an error of order gamma",
    experiment="minnorm_optimum",
)
def droop(result: Result) -> Outcome:
    errors, gammas = result["droop"], np.array(result.config.gammas)
    order = np.log(errors[-2] / errors[-1]) / np.log(gammas[-2] / gammas[-1])
    return all_of(
        compare(result["l2_residual_predicted"], result["l2_residual"], 1e-10),
        compare(1.0, order, 0.1, note="order of the error in gamma"),
    )


@claim(
    "MN-51",
    paper="minnorm",
    place="derived (floor) / observed here (exponent)",
    statement="Minibatches leave a noise of order sqrt(eta_w) in the weights; full batches and "
    "the running sum of lambda x leave none",
    experiment=("minnorm_minibatch", BRIDGE),
)
def noise_floor(result: Result, registered: Result) -> Outcome:
    rates, floor = result["rates"], result["rms"]
    exponent = np.polyfit(np.log(rates), np.log(floor), 1)[0]
    return all_of(
        compare(0.5, exponent, 0.1, note="exponent of the noise in eta_w"),
        bound(result["rms_full_batch"], at_most=1e-10),
        bound(result["rms_accumulated"], at_most=1e-10),
        same_path(registered, "minibatch", "accumulate", "decay"),
    )


@claim(
    "MN-52",
    paper="minnorm",
    place="observed here, against a certificate derived from convex duality",
    statement="On a tiny two-layer ReLU problem, from the starts tried, the margin version reaches "
    "the global least norm, the equality version comes within 3.5 %",
    experiment="minnorm_convex_relu",
)
def global_least_norm(result: Result) -> Outcome:
    ratio, margin = result["ratio"], result["is_margin"]
    return all_of(
        compare(1.0, ratio[margin], result.config.tolerance, note="margin: norm over dual bound"),
        bound(ratio[~margin], between=(1.0 - 1e-3, 1.035), note="equality"),
    )


@claim(
    "MN-53",
    paper="minnorm",
    place="derived",
    statement="Without a solution the multipliers of shallow regression grow by exactly "
    "eta_lam (I - X X^+) y a step, while the weights end at least squares",
    experiment="minnorm_optimum",
)
def growth_without_solution(result: Result) -> Outcome:
    return all_of(
        compare(result["growth_predicted"], result["growth"], 1e-10),
        compare(result["least_squares"], result["infeasible_weights"], 1e-10),
    )


@claim(
    "MN-54",
    paper="minnorm",
    place="derived",
    statement="Each way of failing is refused before the run or raised within it, with its numbers",
    experiment="minnorm_failures",
)
def failures(result: Result) -> Outcome:
    wrong = [
        f"{name}: {found}"
        for name, wanted, found in zip(
            result["case"], result["wanted"], result["found"], strict=True
        )
        if wanted != found
    ]
    return check(
        not wrong,
        predicted=f"{len(result['case'])} typed errors",
        measured=f"{len(result['case']) - len(wrong)} typed errors",
        note="; ".join(wrong),
    )
