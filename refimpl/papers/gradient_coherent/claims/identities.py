"""Claims on strong regularisation: identities at stationary points, of gates and of penalties.

The papers' abstracts state that learning fails beyond a tolerance level and that gradients diminish
fast (Park, Ho & Chang 2018), and that the penalty should act only while gradients stay coherent
(Park, Ho, Chang & Zhang 2018). The laws are derived here and the numbers are observed here, with
this package's reading of the gate; none of them is quoted.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.gradient_coherent.theory import chain, laws, penalty

PAPER = "gradient_coherent"
STATIONARITY = "gradient_coherent_stationarity"
TRANSITION = "gradient_coherent_transition"
READINGS = "gradient_coherent_readings"
TOLERANCE = "gradient_coherent_tolerance"


@claim(
    "GC-8",
    paper=PAPER,
    place="derived",
    statement="In bias-free ReLU networks <dL/dW_l, W_l> is the same in every layer",
    experiment=STATIONARITY,
)
def euler_identity(result: Result) -> Outcome:
    return compare(0.0, result["euler_spread"], 1e-12)


@claim(
    "GC-9",
    paper=PAPER,
    place="derived",
    statement="L2 shrinks W_2^T W_2 - W_1 W_1^T of a linear network by e^(-2 lambda t), direction "
    "kept",
    experiment=STATIONARITY,
)
def imbalance_decay(result: Result) -> Outcome:
    rate = 2.0 * float(result["imbalance_strength"]) * float(result["imbalance_time"])
    return all_of(
        compare(math.exp(-rate), result["imbalance_ratio"], 1e-3),
        compare(1.0, result["imbalance_cosine"], 1e-3),
    )


@claim(
    "GC-10",
    paper=PAPER,
    place="derived",
    statement="At a stationary point of a bias-free net every layer has lambda |W_l|^2 = m",
    experiment=TRANSITION,
)
def equal_layers(result: Result) -> Outcome:
    energy, margin = result["layer_energy"], result["margin"]
    return all_of(
        compare(0.50196, energy, 1e-3, note="reference value of this setting"),
        compare(energy.mean(), energy, 1e-3),
        compare(margin, energy, 1e-3),
    )


@claim(
    "GC-11",
    paper=PAPER,
    place="derived",
    statement="sup (y - p).z of softmax cross-entropy is W0((K - 1)/e), the Lambert function",
    experiment=STATIONARITY,
)
def margin_is_lambert(result: Result) -> Outcome:
    predicted = [laws.largest_margin(int(k)) for k in result["classes"]]
    return compare(predicted, result["largest_margin"], 1e-5)


@claim(
    "GC-12",
    paper=PAPER,
    place="derived",
    statement="At every depth that is tried the bound on lambda for a non-zero stationary point "
    "exceeds every strength that networks survived",
    experiment=TOLERANCE,
)
def bound_is_loose(result: Result) -> Outcome:
    """It is rigorous, and useless as a prediction: the networks fail far below it."""
    survived = np.isfinite(result["level"])
    levels, depths = result["level"][survived], result["depth"][survived]
    limits = np.asarray([laws.largest_strength(int(depth), 10, 5.735363) for depth in depths])
    return bound(
        levels / limits,
        between=(1e-4, 1.0),
        note=f"depths {', '.join(map(str, np.unique(depths)))}; the largest level is "
        f"{np.max(levels / limits):.2g} of its bound",
    )


@claim(
    "GC-13",
    paper=PAPER,
    place="derived; cf. van Laarhoven 2017",
    statement="A scale-invariant layer under L2 does not collapse: |w|^4 settles at "
    "alpha^2 E|g|^2 / (1 - (1 - alpha lambda)^2)",
    experiment=STATIONARITY,
)
def invariant_layer(result: Result) -> Outcome:
    rate, strength, square = result["invariant_setting"]
    predicted = laws.invariant_norm(float(rate), float(strength), float(square))
    return compare(predicted, result["invariant_norm"], 0.03, relative=True)


@claim(
    "GC-14",
    paper=PAPER,
    place="derived; the reading is this package's",
    statement="cos(g, g + lambda R) = (1 + rho c)/sqrt(1 + 2 rho c + rho^2); for c = 0 the gate is "
    "rho <= sqrt(tau^-2 - 1), in the algorithm and in the wrapper",
    experiment=READINGS,
)
def coherence_algebra(result: Result) -> Outcome:
    ratios, cosines = result["ratios"], result["cosines"]
    predicted = [laws.total_coherence(r, c) for r, c in zip(ratios, cosines, strict=True)]
    edges = [laws.ratio_at(float(threshold)) for threshold in result["thresholds"]]
    return all_of(
        compare(predicted, result["kappas"], 1e-12),
        compare(edges, result["threshold_edges"], 1e-12, note="largest ratio of an open gate"),
        compare([0.484, 1.020, 1.732, 3.180, 9.950], edges, 5e-4, note="their values"),
        compare(
            result["limits"],
            result["ratio_edges"],
            1e-12,
            note="largest ratio of a gate that limits the ratio",
        ),
        compare(
            int(result["delay"]) * int(result["epoch"]),
            result["first_open"],
            0.0,
            note="first open step behind a delay",
        ),
        compare(
            0.193504330642,
            result["golden_coherence"],
            1e-11,
            note="digits recipe at its start, strength 0.05, 64 examples",
        ),
    )


@claim(
    "GC-15",
    paper=PAPER,
    place="derived; the reading is this package's",
    statement="The look-ahead coherence is blind to the collapse: 1 on chains, and 1 - kappa "
    "vanishes as weights shrink, like (alpha lambda)^2",
    experiment=READINGS,
)
def lookahead_is_blind(result: Result) -> Outcome:
    """On ½‖w − a‖² with w and a at right angles the reading has a closed form; it sees that."""
    loss, step = result["lookahead_loss"], result["reaches"]
    exact = (2.0 - step) / np.sqrt(2.0 * ((1.0 - step) ** 2 + 1.0))
    return all_of(
        compare(exact, result["ahead"], 1e-12, note="where it sees, algorithm and wrapper"),
        compare(1.0, result["lookahead_chain"], 1e-14),
        compare([1.5e-5, 2.2e-10], loss[:2], 0.2, relative=True),
        bound(loss[2], at_most=1e-15),
        compare(100.0, loss[0] / result["lookahead_loss_slow"], 0.2, relative=True),
    )


@claim(
    "GC-24",
    paper=PAPER,
    place="derived",
    statement="Singular modes of a deep linear network decouple into chains; those whose spinodal "
    "is below lambda die",
    experiment=STATIONARITY,
)
def modes_decouple(result: Result) -> Outcome:
    predicted = []
    for slope in result["slopes"]:
        weight = chain.stationary_weights(float(slope), 3, 0.15)[1]
        predicted.append(0.0 if weight is None else weight**3)
    tolerance = np.where(np.array(predicted) == 0.0, 1e-12, 1e-6)
    levels = [chain.spinodal(float(slope), 3) for slope in result["slopes"]]
    return all_of(
        compare(predicted, result["mode_gain"], tolerance),
        compare([1.364771, 0.841093, 0.395681, 0.0], result["mode_gain"], 1e-6),
        compare([0.811, 0.472, 0.239, 0.0949], levels, 5e-4),
        compare(0.0, result["mode_leak"], 1e-12),
    )


@claim(
    "GC-25",
    paper=PAPER,
    place="derived",
    statement="min sum |W_l|^2 over W_D...W_1 = M is D sum s_k^(2/D), attained by the balanced SVD",
    experiment=STATIONARITY,
)
def schatten_identity(result: Result) -> Outcome:
    matrix = result["matrix"]
    depths = [int(depth) for depth in result["factor_depths"]]
    predicted = np.array([float(penalty.deep_penalty(matrix, depth)) for depth in depths])
    attained = [
        sum(float(np.sum(f**2)) for f in penalty.balanced_factors(matrix, depth))
        for depth in depths
    ]
    return all_of(
        compare(predicted, attained, 1e-12, relative=True),
        compare(predicted, result["least_cost"], 1e-6, relative=True, note="descent over factors"),
        bound(result["least_random_cost"] - predicted, at_least=0.0),
    )


@claim(
    "GC-26",
    paper=PAPER,
    place="Xu et al. 2012; Cao et al. 2013",
    statement="Depth 4 is l_1/2 and depth 3 l_2/3 thresholding: both thresholds are y at lambda_m, "
    "and p = w_s^D",
)
def thresholding_formulas() -> Outcome:
    cases = (
        (4, penalty.half_threshold, penalty.half_limit),
        (3, penalty.two_thirds_threshold, penalty.two_thirds_limit),
    )
    outcomes = []
    for depth, formula, limit in cases:
        for y in (0.7, 1.3, 2.0):
            level = chain.equal_energy(y, depth)
            stable = chain.stationary_weights(y, depth, 0.7 * level)[1]
            assert stable is not None
            outcomes.append(compare(y, limit(level), 1e-13 * y))
            outcomes.append(compare(stable**depth, formula(y, 0.7 * level), 1e-9))
    golden = [
        chain.stationary_weights(y, 4, 0.7 * chain.equal_energy(y, 4))[1] for y in (0.7, 1.3, 2.0)
    ]
    outcomes.append(
        compare([0.549476763, 1.020456845, 1.569933607], [(w or 0.0) ** 4 for w in golden], 1e-9)
    )
    return all_of(*outcomes)
