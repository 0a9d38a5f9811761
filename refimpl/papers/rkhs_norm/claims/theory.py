"""Claims on kernels, bounds and the parts themselves: no training.

"Derived" marks statements that were worked out for this package; they are not
in the paper as far as is known.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.rkhs_norm.theory import linear, spectral

FOUND = ("slope", "gain", "change", "deformation", "tangent")
"""Everything that is at most the norm, as the experiment names it."""


@claim(
    "RK-1",
    paper="rkhs_norm",
    place="arXiv 1810.00363, homogeneous dot-product kernels",
    statement="The feature maps of three kernels, one and two layers deep, keep norms and never "
    "stretch a distance: |Φ(x) − Φ(y)| <= |x − y| on 10,000 independent pairs",
    experiment="rkhs_norm_kernels",
)
def feature_maps_do_not_stretch(result: Result) -> Outcome:
    """Close pairs are left out: 1 − κ loses digits there (1e-4 at a distance of 1e-5)."""
    return all_of(
        bound(result["stretch"], at_most=1.0 + 1e-9, at_least=0.8),
        compare(0.0, result["feature_norm_error"], 1e-9),
    )


@claim(
    "RK-2",
    paper="rkhs_norm",
    place="arXiv 1810.00363, lower bounds",
    statement="Largest slope, gain within distance 1, |df| / |dΦ|, and change under deformations "
    "and along tangents are at most the exact norm; the single anchor K(z, .) attains it",
    experiment="rkhs_norm_kernels",
)
def lower_bounds_stay_below(result: Result) -> Outcome:
    """Without the anchor a search that finds nothing would pass."""
    norm = result["norm"]
    ratios = result["slope"] / norm
    attained = [result[f"anchor_{name}"] / result["anchor_length"] for name in ("slope", "gain")]
    return all_of(
        *(bound(result[name] / norm, between=(0.05, 1.0 + 1e-9)) for name in FOUND),
        compare(result["exact"], norm, 1e-9, relative=True, note="norm against its closed form"),
        compare(result["anchor_length"], result["anchor_norm"], 1e-9, relative=True),
        compare(1.0, attained, 1e-3, note="single anchor"),
        bound(attained, at_most=1.0 + 1e-9),
        note=f"largest slope / norm of random machines: {ratios.min():.2f} to {ratios.max():.2f}",
    )


@claim(
    "RK-3",
    paper="rkhs_norm",
    place="slides of the authors (C_s²); exact norms derived",
    statement="|x| (<g, x>/|x|)^p, p = 1, 2, 3, has squared norm 1.0822, 0.6156, 0.4724 at "
    "g = (0.6, -0.3), below the bound p! e |g|^2p = 1.2232, 1.1009, 1.4862: an upper bound only",
    experiment="rkhs_norm_upper_bound",
)
def activation_bound_is_above(result: Result) -> Outcome:
    expected = [math.factorial(int(p)) * math.e * 0.45 ** int(p) for p in result["powers"]]
    return all_of(
        compare(expected, result["bound"], 1e-12, note="p! e |g|^2p"),
        compare([1.0821968665, 0.6155640539, 0.4724472557], result["series"], 1e-9),
        compare(result["series"], result["interpolated"], 1e-6, note="minimal-norm interpolation"),
        bound(result["bound"] - result["interpolated"], at_least=0.1),
        *(
            bound(result[name] / np.sqrt(result["series"]), between=(0.3, 1.0 + 1e-6))
            for name in ("slope", "gain")
        ),
    )


@claim(
    "RK-4",
    paper="rkhs_norm",
    place="arXiv 1810.00363, robust generalization; identity derived",
    statement="For a linear model the worst hinge loss in a ball is the hinge of margin − ε|w|, "
    "and the bound hinge + ε|w| is above it",
    experiment="rkhs_norm_identities",
)
def worst_hinge_of_a_linear_model(result: Result) -> Outcome:
    weight = [float(w) for w in result["hinge_weight"]]
    bias, radius = float(result["hinge_bias"]), float(result["hinge_radius"])
    cases = [
        (float(label), [float(v) for v in x])
        for label, x in zip(result["hinge_labels"], result["hinge_inputs"], strict=True)
    ]
    worst = [linear.worst_hinge(weight, bias, label, x, radius) for label, x in cases]
    clean = [linear.worst_hinge(weight, bias, label, x, 0.0) for label, x in cases]
    above = [linear.hinge_bound(weight, bias, label, x, radius) for label, x in cases]
    return all_of(
        compare(worst, result["hinge_worst"], 1e-12, note="found by attack"),
        compare(clean, result["hinge_clean"], 1e-12),
        bound(above - result["hinge_worst"], at_least=-1e-12),
    )


@claim(
    "RK-5",
    paper="rkhs_norm",
    place="derived",
    statement="The adversarial penalty over ε² tends to the gradient penalty, with an error of "
    "order ε on a smooth kernel machine; on a ReLU net it is exact once the balls stay in a piece",
    experiment="rkhs_norm_limit",
)
def adversarial_tends_to_gradient(result: Result) -> Outcome:
    error = np.abs(result["smooth"] - 1.0)
    slope = np.polyfit(np.log(result["radii"]), np.log(error), 1)[0]
    inside = result["tiny"] < result["piece_radius"]
    outside = np.abs(result["network"][~inside] - 1.0)
    return all_of(
        bound(slope, between=(0.9, 2.5), note="order of the error"),
        bound(error[-1] / result["radii"][-1], at_most=1.0),
        compare(1.0, result["network"][inside], 1e-9, note="inside a piece"),
        check(inside.sum() >= 2 and outside.max() > 1e-6, note="the largest balls leave theirs"),
    )


@claim(
    "RK-7",
    paper="rkhs_norm",
    place="derived",
    statement="The closed-form parameter gradients of all input-gradient penalties equal double "
    "back-propagation, and central differences",
    experiment="rkhs_norm_identities",
)
def closed_forms_equal_the_tape(result: Result) -> Outcome:
    def worst(kind: str) -> list[float]:
        return [
            float(np.max(values))
            for name, values in result.arrays.items()
            if name.startswith(f"{kind}_")
        ]

    return all_of(
        compare(0.0, worst("tape"), 1e-12, note="relative to the gradient's norm"),
        compare(0.0, worst("value"), 1e-12),
        compare(0.0, worst("difference"), 1e-6),
    )


@claim(
    "RK-8",
    paper="rkhs_norm",
    place="derived",
    statement="The slope of an output does not see the biases (their gradient is exactly 0 almost "
    "everywhere); the slope of the loss does",
    experiment="rkhs_norm_identities",
)
def biases(result: Result) -> Outcome:
    unseen = ("gradient_norm", "tikhonov", "total_variation", "frobenius")
    return all_of(
        *(compare(0.0, result[f"bias_{name}"], 0.0) for name in unseen),
        *(bound(result[f"bias_loss_{name}"], at_least=1e-4) for name in ("l1", "l2")),
    )


@claim(
    "RK-9",
    paper="rkhs_norm",
    place="released code; formula derived",
    statement="The spectral projection moves σ to σ min(σ', τ)/σ', σ' = √(σ² + jitter); it is "
    "exact and idempotent at jitter 0, and idempotent to 5e-7/τ at the released 1e-6",
    experiment="rkhs_norm_identities",
)
def projection_formula(result: Result) -> Outcome:
    limit, jitters = float(result["sigma_limit"]), result["sigma_jitters"]
    predicted = [
        [[spectral.projected(float(s), limit, float(j)) for s in row] for j in jitters]
        for row in result["sigma_before"]
    ]
    allowed = np.where(jitters > 0.0, 5e-7 / limit, 0.0) + 1e-12
    return all_of(
        compare(predicted, result["sigma_after"], 1e-12),
        bound(result["sigma_again"], at_most=np.broadcast_to(allowed, result["sigma_again"].shape)),
        bound(result["sigma_again"][:, jitters > 0.0], at_least=1e-9, note="not idempotent"),
        compare(0.0, result["power_error"], 1e-9, note="power iteration against the SVD"),
    )


@claim(
    "RK-10",
    paper="rkhs_norm",
    place="released code",
    statement="The limit of the projection is τ (1 + 4 exp(−epoch/κ)): 5 τ at the start",
    experiment="rkhs_norm_identities",
)
def limit_schedule(result: Result) -> Outcome:
    limit = float(result["schedule_limit"])
    predicted = [
        [spectral.relaxed_limit(limit, float(decay), e) for e in range(row.size)]
        for decay, row in zip(result["schedule_decays"], result["schedule"], strict=True)
    ]
    return all_of(
        compare(predicted, result["schedule"], 1e-15, relative=True),
        compare(5.0 * limit, result["schedule"][:, 0], 0.0),
    )


@claim(
    "RK-11",
    paper="rkhs_norm",
    place="derived",
    statement="On a linear model every penalty and both attacks have their closed forms",
    experiment="rkhs_norm_identities",
)
def linear_closed_forms(result: Result) -> Outcome:
    weight, bias, inputs = (
        result[f"linear_{name}"].tolist() for name in ("weight", "bias", "inputs")
    )
    labels = [int(y) for y in result["linear_labels"]]
    strength, radius = float(result["linear_strength"]), float(result["linear_radius"])
    reach = float(result["linear_linf_reach"])
    cases = list(zip(inputs, labels, strict=True))
    l2 = [linear.worst_input(weight, x, y, radius, "l2") for x, y in cases]
    linf = [linear.worst_input(weight, x, y, reach, "linf") for x, y in cases]
    penalty = linear.loss_gradient(weight, bias, inputs, labels, strength)
    return all_of(
        compare(linear.gradient_norm(weight, strength), result["linear_gradient_norm"], 1e-12),
        compare(linear.adversarial_norm(weight, radius), result["linear_adversarial_norm"], 1e-12),
        compare(penalty, result["linear_loss_gradient"], 1e-12),
        compare(l2, result["linear_l2"], 1e-9, note="five l2 steps of 0.3 ε"),
        compare(linf, result["linear_linf"], 1e-12, note="five sign steps of 0.01"),
        compare(min(0.05, radius), reach, 1e-15),
    )


@claim(
    "RK-12",
    paper="rkhs_norm",
    place="derived",
    statement="‖∇f‖² of a batch never falls as the batch grows, and is at most that of the data",
    experiment="rkhs_norm_identities",
)
def batches_underestimate(result: Result) -> Outcome:
    """Rounding depends on the size of the batch: 1e-12 relative is allowed."""
    values = result["nested"]
    return all_of(
        bound(np.diff(values) / values[:, 1:], at_least=-1e-12),
        bound(values[:, 0] / values[:, -1], at_most=0.99, note="a single example sees less"),
    )


@claim(
    "RK-13",
    paper="rkhs_norm",
    place="released code; observed",
    statement="Where gradients are exactly 0 every penalty, its gradient and the attack are 0; the "
    "released adversarial step and its l2 projection are NaN there",
    experiment="rkhs_norm_identities",
)
def zero_gradients(result: Result) -> Outcome:
    return all_of(
        *(compare(0.0, result[f"zero_{name}"], 0.0) for name in ("values", "gradients", "moved")),
        compare(1.0, result["released_step_nan"], 0.0, note="released"),
        compare(1.0, result["released_projection_nan"], 0.0, note="released"),
    )


@claim(
    "RK-14",
    paper="rkhs_norm",
    place="derived; functionals of arXiv 2107.02797",
    statement="On an interval the averaged penalties have the minimizers cos(πx)/(1 + λπ²) "
    "(Tikhonov) and the step from 2λ to 1 − 2λ (total variation; ½ from λ = ¼ on)",
    experiment="rkhs_norm_interval",
)
def interval_minimizers(result: Result) -> Outcome:
    tikhonov, variation = (
        compare(result[f"{name}_exact"], result[f"{name}_found"], tolerance, note=name)
        for name, tolerance in (("tikhonov", 1e-6), ("total_variation", 1e-8))
    )
    return all_of(
        tikhonov,
        variation,
        bound(result["tikhonov_residual"], at_most=1e-8, note="derivative of the functional"),
        bound(result["total_variation_residual"], at_most=1e-12, note="Euler's identity"),
    )


@claim(
    "RK-15",
    paper="rkhs_norm",
    place="derived; quadrature of arXiv 2107.02797",
    statement="The average of |∇f|^p over N random points of a smooth f misses the integral by "
    "N^(−1/2), p = 2 and 1",
    experiment="rkhs_norm_interval",
)
def quadrature_rate(result: Result) -> Outcome:
    """Root mean square over at least 100 replicates: a slope's own error is some 0.02."""
    slopes = np.polyfit(np.log(result["sizes"]), np.log(result["errors"]).T, 1)[0]
    return compare(-0.5, slopes, 0.1)
