"""Claims on strong regularisation that chains decide: strengths at which states vanish.

The papers' abstracts state that learning fails beyond a tolerance level and that gradients diminish
fast (Park, Ho & Chang 2018), and that the penalty should act only while gradients stay coherent
(Park, Ho, Chang & Zhang 2018). The laws are derived here and the numbers are observed here, with
this package's reading of the gate; none of them is quoted.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.gradient_coherent.theory import chain

PAPER = "gradient_coherent"
STATIONARITY = "gradient_coherent_stationarity"
CHAIN = "gradient_coherent_chain"
TRANSITION = "gradient_coherent_transition"
VALUES_L1 = {
    1: (1.3, 1.3),
    2: (0.57050984, 0.40341138),
    3: (0.50438655, 0.26688791),
    4: (0.47904932, 0.20141543),
    8: (0.44773748, 0.10264427),
}
"""Spinodal and equal-energy strength of L1 at y = 1.3, of an independent calculation."""


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
        bound(
            result["gate_final"],
            between=(result["gate_end"] - 1e-6, 1.0 + 1e-6),
            note="where the chain is after it has drifted on",
        ),
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
)
def two_layer_transition(result: Result) -> Outcome:
    """The final norms are reference values of this setting: seed 1, flow time 1200."""
    alive = result["fraction"] < 1.0
    return all_of(
        compare(0.423493, result["critical"], 1e-5),
        compare(0.636383, result["linear_critical"], 1e-5),
        compare([0.627, 0.300, 0.175], result["norm"][alive], 0.02, relative=True),
        bound(result["norm"][~alive], at_most=0.02, note="above lambda_c"),
    )


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
    printed = np.asarray([VALUES_L1[depth] for depth in depths]).T
    # at depth 1 (soft thresholding) both suprema are approached at w = 0
    tolerance = np.where(np.array(depths) == 1, 2e-4, 1e-8)
    return all_of(
        compare([chain.spinodal(y, 2 * d) for d in depths], result["spinodal_l1"], tolerance),
        compare(
            [chain.equal_energy(y, 2 * d) for d in depths], result["equal_energy_l1"], tolerance
        ),
        compare(printed[0], result["spinodal_l1"], tolerance + 5e-9, note="reference values"),
        compare(printed[1], result["equal_energy_l1"], tolerance + 5e-9, note="reference values"),
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
