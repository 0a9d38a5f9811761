"""Claims on strong regularisation that chains and small networks decide.

The papers' abstracts state that learning fails beyond a tolerance level and that gradients diminish
fast (Park, Ho & Chang 2018), and that the penalty should act only while gradients stay coherent
(Park, Ho, Chang & Zhang 2018). The laws below are derived for this package; none of them is quoted.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.gradient_coherent.theory import chain, laws, penalty

PAPER = "gradient_coherent"
STATIONARITY = "gradient_coherent_stationarity"
CHAIN = "gradient_coherent_chain"
TRANSITION = "gradient_coherent_transition"


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
    profile="full",
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
    statement="The bound on lambda for a non-zero stationary point exceeds every strength that "
    "networks survived",
    experiment="gradient_coherent_strength",
)
def bound_is_loose(result: Result) -> Outcome:
    """It is rigorous, and useless as a prediction: the networks fail far below it."""
    methods = np.asarray(result["method"])
    trained = (methods == "plain") | np.char.startswith(methods, "delayed")
    alive = trained & (np.asarray(result["test_accuracy"]) > 0.5)
    strengths = np.asarray(result["strength"])
    limit = laws.largest_strength(8, 10, 5.735363)
    return bound(
        strengths[alive],
        at_most=limit,
        note=f"depth 8, bound {limit:.4g}; the smallest strength at which training failed is "
        f"{strengths[trained & ~alive].min():.3g}",
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
    "rho <= sqrt(tau^-2 - 1)",
    experiment=STATIONARITY,
)
def coherence_algebra(result: Result) -> Outcome:
    ratios, cosines = result["ratios"], result["cosines"]
    predicted = [laws.total_coherence(r, c) for r, c in zip(ratios, cosines, strict=True)]
    thresholds = np.array([0.9, 0.7, 0.5, 0.3, 0.1])
    back = [laws.total_coherence(laws.ratio_at(float(t)), 0.0) for t in thresholds]
    return all_of(
        compare(predicted, result["kappas"], 1e-12),
        compare(thresholds, back, 1e-12),
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
    experiment=STATIONARITY,
)
def lookahead_is_blind(result: Result) -> Outcome:
    loss = result["lookahead_loss"]
    return all_of(
        compare(1.0, result["lookahead_chain"], 1e-14),
        compare([1.5e-5, 2.2e-10], loss[:2], 0.2, relative=True),
        bound(loss[2], at_most=1e-15),
        compare(100.0, loss[0] / result["lookahead_loss_slow"], 0.2, relative=True),
    )


@claim(
    "GC-16",
    paper=PAPER,
    place="derived; the abstract states that a tolerance level exists",
    statement="The non-zero optimum of the depth-D chain under L2 ends at the spinodal strength",
    experiment=CHAIN,
)
def spinodal_strength(result: Result) -> Outcome:
    y = float(result["target"])
    predicted = [chain.spinodal(y, int(depth)) for depth in result["depths"]]
    return compare(predicted, result["spinodal"], 1e-8)


@claim(
    "GC-17",
    paper=PAPER,
    place="derived",
    statement="Beyond the equal-energy strength the zero chain is the global minimum",
    experiment=CHAIN,
)
def equal_energy_strength(result: Result) -> Outcome:
    """At depth 2 the supremum is approached at w = 0, hence the wider tolerance there."""
    y = float(result["target"])
    predicted = [chain.equal_energy(y, int(depth)) for depth in result["depths"]]
    tolerance = np.where(result["depths"] == 2, 1e-3, 1e-6)
    return compare(predicted, result["equal_energy"], tolerance)


@claim(
    "GC-18",
    paper=PAPER,
    place="derived; the abstract states that a tolerance level exists",
    statement="From balanced weights w0 learning survives exactly below h(min(w0, w*))",
    experiment=CHAIN,
)
def tolerance_level(result: Result) -> Outcome:
    predicted = [
        [chain.tolerance(float(start), 1.0, int(depth)) for start in result["starts"]]
        for depth in result["tolerance_depths"]
    ]
    return compare(predicted, result["tolerance"], 1e-4, relative=True)


@claim(
    "GC-19",
    paper=PAPER,
    place="derived; delay is the authors' remedy (abstract, 2018)",
    statement="A delay raises the tolerance from h(w0) to the spinodal, and no further",
    experiment=CHAIN,
)
def delayed_level(result: Result) -> Outcome:
    predicted = [chain.delayed_tolerance(0.2, 1.0, 4, float(t)) for t in result["delays"]]
    return all_of(
        compare(predicted, result["delayed_tolerance"], 1e-3, relative=True),
        compare(chain.spinodal(1.0, 4), result["delayed_tolerance"][-1], 1e-3, relative=True),
    )


@claim(
    "GC-20",
    paper=PAPER,
    place="derived",
    statement="Escaping from a small w0 takes the flow time 1/((D - 2) y w0^(D-2)) to 1 %",
    experiment=CHAIN,
)
def escape(result: Result) -> Outcome:
    cases = [(int(depth), float(start)) for depth, start in result["escape_cases"]]
    leading = [1.0 / ((depth - 2) * start ** (depth - 2)) for depth, start in cases]
    exact = [chain.escape_time(start, 1.0, depth) for depth, start in cases]
    return all_of(
        compare(leading, result["escape"], 0.01, relative=True),
        compare(exact, result["escape"], 1e-5, relative=True, note="the exact time"),
    )


@claim(
    "GC-21",
    paper=PAPER,
    place="derived; the reading of the gate is this package's",
    statement="The gate rescues a chain wherever a regularised optimum w_s lies above w0, and "
    "leaves it unregularised from beyond w_s",
    experiment=CHAIN,
)
def gated_chain(result: Result) -> Outcome:
    strengths = [float(s) for s in result["gate_strengths"]]
    predicted = [chain.gated_end(0.4, 1.0, 6, s) for s in strengths]
    stable = [chain.stationary_weights(1.0, 6, s)[1] or 0.0 for s in strengths]
    level = chain.tolerance(0.4, 1.0, 6)
    plain = [w if s < level else 0.0 for s, w in zip(strengths, stable, strict=True)]
    near = chain.stationary_weights(1.0, 6, 0.03)[1]
    condition = (
        "until g + lambda R is lost in rounding at w_s; the cosine is then 0/0, the gate shuts and "
        f"the noise-free chain drifts on to {result['gate_final'].max():.4g}"
    )
    return all_of(
        compare(predicted, result["gate_end"], 1e-4, verdict="qualified", condition=condition),
        compare(plain, result["plain_end"], 1e-4),
        compare(stable, result["delayed_end"], 1e-4),
        compare([near, 1.0], result["gate_near"], 1e-4),
        compare(
            [1.0, 0.9996, 0.998],
            1.0 - result["gate_shut_steps"][:3] / 40_000,
            0.005,
            note="on-rate over 40000 steps",
        ),
    )


@claim(
    "GC-22",
    paper=PAPER,
    place="derived",
    statement="At zero weights the Hessian has eigenvalues lambda +- sigma_i at depth 2, and is "
    "lambda I from depth 3 on",
    experiment=STATIONARITY,
)
def curvature_at_the_origin(result: Result) -> Outcome:
    two = np.sort([0.3 + sign * s for s in (1.356, 0.7116) for sign in (1, -1)] * 2)
    return all_of(compare(two, result["origin_2"], 1e-3), compare(0.3, result["origin_3"], 1e-3))


@claim(
    "GC-23",
    paper=PAPER,
    place="derived",
    statement="A two-layer ReLU net on digits collapses continuously at lambda_c = "
    "max |E[(y - 1/K) ReLU(v.x)]|, below the linear net's",
    experiment=TRANSITION,
    profile="full",
)
def two_layer_transition(result: Result) -> Outcome:
    """The final norms are reference values of this setting: step 0.2, 6000 steps, seed 1."""
    alive = result["fraction"] < 1.0
    return all_of(
        compare(0.423493, result["critical"], 1e-5),
        compare(0.636383, result["linear_critical"], 1e-5),
        compare([0.627, 0.300, 0.175], result["norm"][alive], 0.02, relative=True),
        bound(result["norm"][~alive], at_most=0.02, note="above lambda_c"),
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
    golden = [chain.stationary_weights(y, 4, 0.7 * chain.equal_energy(y, 4))[1] for y in (0.7, 1.3)]
    outcomes.append(compare([0.549476763, 1.020456845], [(w or 0.0) ** 4 for w in golden], 1e-9))
    return all_of(*outcomes)


@claim(
    "GC-27",
    paper=PAPER,
    place="derived",
    statement="L1 at depth D has the thresholds of L2 at depth 2D",
    experiment=CHAIN,
)
def depth_doubling(result: Result) -> Outcome:
    y = float(result["target"])
    depths = [int(depth) for depth in result["absolute_depths"]]
    # at depth 1 (soft thresholding) both suprema are approached at w = 0
    tolerance = np.where(np.array(depths) == 1, 2e-4, 1e-8)
    return all_of(
        compare([chain.spinodal(y, 2 * d) for d in depths], result["spinodal_l1"], tolerance),
        compare(
            [chain.equal_energy(y, 2 * d) for d in depths], result["equal_energy_l1"], tolerance
        ),
    )


@claim(
    "GC-28",
    paper=PAPER,
    place="derived",
    statement="Under L1 learning from w0 survives exactly below w0^(D-1) (y - w0^D)",
    experiment=CHAIN,
)
def tolerance_level_l1(result: Result) -> Outcome:
    predicted = [
        [chain.tolerance_l1(float(start), 1.0, depth) for start in result["absolute_starts"]]
        for depth in (2, 3, 4)
    ]
    return compare(predicted, result["tolerance_l1"], 1e-4, relative=True)


@claim(
    "GC-29",
    paper=PAPER,
    place="derived",
    statement="Under L1 d(w_i^2 - w_j^2)/dt = -2 lambda (|w_i| - |w_j|); one L2 step obeys the "
    "norm identity exactly",
    experiment=CHAIN,
)
def imbalance_under_l1(result: Result) -> Outcome:
    return all_of(
        compare(result["imbalance_integral"], result["imbalance_change"], 1e-6),
        compare(0.0, result["norm_identity_error"], 1e-13),
        compare(0.0, result["recursion_error"], 1e-13, note="algorithm against recursion"),
    )
