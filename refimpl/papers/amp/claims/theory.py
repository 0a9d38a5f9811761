"""Claims on the objective, the maximum of the loss over a ball: its values, minima and gradient."""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.amp.theory import wells


@claim(
    "AMP-1",
    paper="amp",
    place="the authors, inverted-Gaussian bowl",
    statement="The lowest value of a Gaussian bowl C - A exp(-d'K^-1 d/2) under the exact inner "
    "maximum is C - A exp(-eps^2 / (2 lambda_min(K)))",
    experiment="amp_theory",
)
def lifted_bowl(result: Result) -> Outcome:
    """At the center the secular equation has its hard case."""
    return all_of(
        compare(0.9107764443894637, result["recorded"], 1e-12, relative=True),
        compare(result["bowl_law"], result["bowl"], 1e-12, relative=True),
    )


@claim(
    "AMP-2",
    paper="amp",
    place="derived",
    statement="With Q(d) the largest (d + D)'K^-1(d + D) over |D| <= eps, Q(d) >= d'K^-1 d + "
    "eps^2/lambda_min(K) and Q(d) > Q(0): a symmetric minimum is lifted and not moved",
    experiment="amp_theory",
)
def minimum_stays(result: Result) -> Outcome:
    """In units of the right-hand side, and of Q(0); Q is compared, as exp(-Q/2) underflows."""
    return all_of(
        bound(result["margin"], at_least=-1e-12),
        compare(1.0, result["center"], 1e-12, note="Q(0) lambda_min / eps^2"),
        bound(result["gain"], at_least=1e-6, note="(Q(d) - Q(0)) / Q(0)"),
    )


@claim(
    "AMP-3",
    paper="amp",
    place="derived; equivalent to the authors' law in the ratio of depths",
    statement="Of two isolated wells (A, s) = (1, 1) and (1.2, 0.4) the flat one is the lower one "
    "under the exact inner maximum from eps = 0.2635447422 on",
    experiment="amp_theory",
)
def order_of_wells(result: Result) -> Outcome:
    values = np.asarray([[-0.966536, -0.970049], [-0.965194, -0.961664]])
    law = wells.reranking_radius(wells.Well(1.0, 1.0), wells.Well(1.2, 0.4))
    gaps = result["values"][:, 0] - result["values"][:, 1]
    return all_of(
        compare(0.2635447422, result["flip"], 1e-10),
        compare(law, result["flip"], 1e-10),
        compare(values, result["values"], 1e-6),
        check(gaps[0] > 0.0 > gaps[1], predicted="sharp, then flat", measured=f"gaps {gaps}"),
    )


@claim(
    "AMP-3b",
    paper="amp",
    place="derived",
    statement="The maximum over a ball re-ranks minima and moves no trajectory across: from near "
    "the sharp well descent with AMP's gradient stays on its side, at 3 times that radius too",
    experiment="amp_landscape",
)
def descent_stays(result: Result) -> Outcome:
    """At three times the threshold a few starts come to rest beside the barrier: where θ + Δ is its
    top the perturbed gradient vanishes."""
    flat, sharp = result["centers"]
    starts, ends = result["starts"], result["ends"]
    middle = 0.5 * (flat + sharp)
    near = np.abs(starts - sharp) <= result["near"]
    home = np.abs(starts - flat) <= result["near"]
    beyond = result["factors"] > 1.0
    return all_of(
        bound(ends[beyond][:, near], at_least=middle),
        bound(ends[:, home], at_most=middle),
        compare(result["threshold"], result["jump_radius"], 0.01, relative=True),
        compare(1, result["jumps"], 0),
    )


@claim(
    "AMP-4",
    paper="amp",
    place="derived",
    statement="The lowest value of c + d'Hd/2, H positive definite, under the exact inner maximum "
    "is c + eps^2 lambda_max(H)/2",
    experiment="amp_theory",
)
def lifted_quadratic(result: Result) -> Outcome:
    return compare(result["quadratic_law"], result["quadratic"], 1e-12, relative=True)


@claim(
    "AMP-5",
    paper="amp",
    place="derived",
    statement="On a line L_AMP is the running maximum over a window of half-width eps: at least L, "
    "not falling in eps, at most L + eps Lip(L), convex where L is; the ascent never exceeds it",
    experiment="amp_theory",
)
def running_maximum(result: Result) -> Outcome:
    plain, lifted, radii = result["plain"], result["lifted"], result["radii"]
    reached = result["reached"]
    return all_of(
        compare(result["lifted_law"], lifted, 1e-12),
        bound(lifted - plain, at_least=0.0),
        bound(np.diff(lifted, axis=0), at_least=0.0),
        bound(
            lifted - plain - radii[:, None] * result["slope_bound"],
            at_most=1e-12,
        ),
        bound(result["convexity"], at_least=-1e-12),
        bound(reached - lifted, at_most=1e-12, note="one inner step of AMP"),
        compare(plain, reached[0], 0.0, note="with a radius of zero"),
        bound(
            np.mean(reached[1] > lifted[1] - 1e-12),
            at_least=0.8,
            note="share of places where that step attains it, radius 0.05",
        ),
    )


@claim(
    "AMP-9",
    paper="amp",
    place="derived (Danskin's theorem)",
    statement="Where the start has a part along the top curvature, the gradient at the exact inner "
    "maximiser is that of L_AMP, and many inner steps of AMP reach it on a convex quadratic",
    experiment="amp_theory",
)
def gradient_of_the_maximum(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["danskin_exact"], 1e-6, note="central differences, relative"),
        compare(0.0, result["danskin_climbed"], 1e-6, note="400 inner steps"),
        compare(0.0, result["climbed_value"], 1e-9),
    )


@claim(
    "AMP-20",
    paper="amp",
    place="the authors' law in the ratio of depths, history of the released code",
    statement="Of two isolated wells the deep one stays the lower one at every flatness as long as "
    "the ratio of depths is below exp(-c), c = eps^2/(2 s_sharp^2); just above, flatness flips it",
    experiment="amp_theory",
)
def floor_of_depths(result: Result) -> Outcome:
    """The floor is approached as c/r from above: r = 10⁹ where it is measured."""
    predicted = [wells.depth_ratio_threshold(float(c), math.inf) for c in result["strengths"]]
    return all_of(
        compare(np.exp(-result["strengths"]), result["floor"], 1e-6),
        compare(predicted, result["floor"], 1e-6),
        bound(result["below_floor"], at_most=0.0, note="below, flatness 1 to 1e12"),
        bound(result["above_floor"][:, 0], at_most=0.0, note="above, equal widths"),
        bound(result["above_floor"][:, -1], at_least=1e-9, note="above, flatness 1e12"),
    )
