"""Claims on the bound: its order, its tightness, its shape, its gradient, its sampled twin."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.isda.experiments.bound import BINARY

PAPER = "isda"
ROUNDING = 1e-12


@claim(
    "IS-1",
    paper=PAPER,
    place="section 3.3 (abstract), derived",
    statement="Cross-entropy <= expected cross-entropy <= closed form, for every λ tried",
    experiment="isda_bound",
)
def order_of_the_three(result: Result) -> Outcome:
    plain, expected, above = result["plain"], result["expected"], result["bound"]
    size = np.maximum(1.0, plain)
    error = 5.0 * result["full_error"]
    mean, closed = result["full_expected"], result["full_bound"]
    return all_of(
        bound((expected - plain) / size, at_least=-ROUNDING),
        bound((above - expected) / size, at_least=-ROUNDING, note="rank one, exact"),
        bound(mean - result["full_plain"], at_least=-error),
        bound(closed - mean, at_least=-error, note="full covariance, 5 standard errors"),
        bound(closed - mean, at_least=3.0 * error, note="and the difference is resolved"),
    )


@claim(
    "IS-2",
    paper=PAPER,
    place="derived",
    statement="Expectation and closed form are equal only where λ v_j'Σv_j = 0 for all j",
    experiment="isda_bound",
)
def equality(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["null_gap"], ROUNDING, note="all v_j in the null space"),
        bound(result["other_gap"], at_least=1e3 * ROUNDING, note="all but one v_j there"),
    )


@claim(
    "IS-3",
    paper=PAPER,
    place="derived",
    statement="Two classes: E softplus(m + sξ) <= softplus(m + s²/2), with the values of record",
    experiment="isda_bound",
)
def two_classes(result: Result) -> Outcome:
    expected = (0.3375502879, 0.8060591833, 2.3563163602)
    closed = (0.3484445810, 0.9740769842, 4.0181499279)
    pairs = ", ".join(f"({m:g}, {s:g})" for m, s in BINARY)
    return all_of(
        compare(expected, result["binary_expected"], 1e-10, note=f"at (m, s) = {pairs}"),
        compare(closed, result["binary_bound"], 1e-10),
        bound(result["dominance"], at_least=-ROUNDING, note="m in [-5, 5], s in [0, 3]"),
        bound(result["dominance"].max(), at_least=1.0),
    )


@claim(
    "IS-4",
    paper=PAPER,
    place="derived",
    statement="Closed form minus expectation is (λ/2) v̄'Σv̄ + O(λ²), on one recorded instance",
    experiment="isda_bound",
)
def second_order_gap(result: Result) -> Outcome:
    strengths = np.asarray(result.config.small)
    gap, predicted = result["gap"], result["gap_predicted"]
    slope = np.polyfit(np.log(strengths), np.log(np.abs(gap - predicted)), 1)[0]
    return all_of(
        compare(2.0, slope, 0.05, note="slope of the error in λ"),
        compare(1.0, gap / predicted, 0.05 * strengths / strengths[0], note="ratio"),
    )


@claim(
    "IS-5",
    paper=PAPER,
    place="derived",
    statement="The gap is larger on misclassified points of a linear head on digits, every seed",
    experiment="isda_points",
)
def loose_where_wrong(result: Result) -> Outcome:
    ratio = result["gap_wrong"] / result["gap_right"]
    return all_of(
        bound(ratio, at_least=2.0, note="mean gap of wrong points over that of right ones"),
        compare(1.0, result["slope"], 0.05, note="gap against (λ/2) v̄'Σv̄, slope"),
    )


@claim(
    "IS-6",
    paper=PAPER,
    place="derived",
    statement="The closed form grows with λ, is cross-entropy at 0, and ignores a common shift",
    experiment="isda_bound",
)
def shape_of_the_bound(result: Result) -> Outcome:
    return all_of(
        bound(result["least_step"], at_least=-ROUNDING, note="least increase over a grid of λ"),
        compare(0.0, result["at_zero"], ROUNDING, note="λ = 0 or Σ = 0"),
        compare(0.0, result["shift"], ROUNDING, note="all rows shifted by one vector, relative"),
    )


@claim(
    "IS-9",
    paper=PAPER,
    place="supplement, derived again",
    statement="Gradients in weight, bias and features: tape = closed form = central differences",
    experiment="isda_gradient",
)
def gradient(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["closed_error"], ROUNDING, note="full and diagonal, relative"),
        compare(0.0, result["numeric_error"], 1e-6, note="central differences"),
    )


@claim(
    "IS-10",
    paper=PAPER,
    place="derived",
    statement="The closed form is convex in (W, b); a ridge makes the optimum unique",
    experiment="isda_convexity",
)
def convexity(result: Result) -> Outcome:
    return all_of(
        bound(result["midpoint_excess"], at_most=ROUNDING, note="midpoints of random pairs"),
        bound(result["start_spread"], at_least=1.0, note="the starts lie apart"),
        compare(0.0, result["both_spread"], 1e-6, note="ridge on W and b, all classes present"),
        compare(0.0, result["weight_spread"], 1e-6, note="ridge on W alone"),
        compare(0.0, result["relative_bias_spread"], 1e-6),
        bound(result["bias_spread"], at_least=1e-3, note="b is free up to a common constant"),
    )


@claim(
    "IS-12",
    paper=PAPER,
    place="abstract; formula derived",
    statement="Consistency bound >= expected KL; one-hot targets give the supervised closed form",
    experiment="isda_bound",
)
def consistency(result: Result) -> Outcome:
    exact, above = result["kl_expected"], result["kl_bound"]
    supervised = result["kl_supervised"]
    return all_of(
        bound((above - exact) / np.maximum(1.0, exact), at_least=-ROUNDING),
        bound(np.median((above - exact) / above), between=(1e-3, 0.5), note="not vacuous"),
        compare(0.0, (result["kl_one_hot"] - supervised) / np.maximum(supervised, 1.0), ROUNDING),
    )


@claim(
    "IS-13",
    paper=PAPER,
    place="derived",
    statement="Sampled loss tends to the expectation, below the closed form; error ~ M^(-1/2)",
    experiment="isda_sampling",
)
def explicit_sampling(result: Result) -> Outcome:
    draws, rms, error = result["draws"], result["rms"], result["error"]
    slope = np.polyfit(np.log(draws), np.log(rms), 1)[0]
    exact = result["exact"]
    return all_of(
        compare(-0.5, slope, 0.1, note=f"{result.config.replications} replications"),
        compare(exact, result["mean"], 5.0 * error, note="5 standard errors"),
        bound(result["mean"] + 5.0 * error, at_most=result["bound"]),
        bound(rms[-1] / (result["bound"] - exact), at_most=0.1, note="resolved at the largest M"),
        bound(result["mean"][-1] / exact, between=(0.95, 1.05)),
    )


@claim(
    "IS-20",
    paper=PAPER,
    place="supplement (September 2019), gradient of the label's row",
    statement="∂L/∂w_y = (a + Σ_n v_nΣ)(p_y - 1), as printed",
    experiment="isda_gradient",
)
def printed_row(result: Result) -> Outcome:
    classes, printed = result["row_classes"], result["printed_error"]
    medians = {int(c): float(np.median(row)) for c, row in zip(classes, printed, strict=True)}
    many = [value for c, value in medians.items() if c > 2]
    right = np.maximum(result["derived_error"], result["tape_error"])
    return all_of(
        bound(
            min(many),
            at_least=0.1,
            verdict="refuted",
            correction="∂L/∂w_y = (p_y - 1) a - Σ_n p_n v_nΣ, which agrees with the printed row "
            "for two classes and, for more, only where Σ_n (1 - p_y - p_n) v_nΣ = 0",
            note="median relative error of the printed row for C = "
            + ", ".join(f"{c}: {value:.3g}" for c, value in medians.items()),
        ),
        compare(0.0, printed[classes == 2], 1e-8, note="C = 2"),
        compare(0.0, right, 1e-8, note="the derived row and the tape's"),
        compare(0.0, result["other_rows_error"], 1e-8, note="the other rows as printed"),
        check(bool(np.isfinite(printed).all()), predicted="finite", measured="finite"),
    )
