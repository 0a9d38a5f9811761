"""Signs, logic, weights, thresholds, bits and the scale."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import all_of, bound, check, claim, compare
from refimpl.claims.outcomes import Outcome
from refimpl.experiments.base import Result

PAPER = "boolnet"


@claim(
    "BN-1",
    paper=PAPER,
    place="Eq. 5",
    statement="XNOR = x y and OR = 2 min(1, (x + y)/2 + 1) - 1 have their truth tables on signs",
    experiment="boolnet_operators",
)
def truth_tables(result: Result) -> Outcome:
    return all_of(
        compare(result["xnor_expected"], result["xnor"], 0.0, note="XNOR"),
        compare(result["or_expected"], result["or"], 0.0, note="OR, as printed"),
        compare(result["or_expected"], result["or_clamp"], 0.0, note="OR, as released"),
    )


@claim(
    "BN-2",
    paper=PAPER,
    place="Eq. 5, derived",
    statement="gradients: of XNOR the partner; of OR 1 in each input, 0 in both at (+1, +1)",
    experiment="boolnet_operators",
)
def logic_gradients(result: Result) -> Outcome:
    return all_of(
        compare(result["xnor_gradient_expected"], result["xnor_gradient"], 0.0, note="XNOR"),
        compare(result["or_gradient_expected"], result["or_gradient"], 0.0, note="OR, printed"),
        compare(result["or_gradient_expected"], result["or_clamp_gradient"], 0.0, note="released"),
    )


@claim(
    "BN-3",
    paper=PAPER,
    place="section 3, sign",
    statement="the straight-through gradient is 1 on |x| <= 1, both ends included, else 0",
    experiment="boolnet_operators",
)
def straight_through(result: Result) -> Outcome:
    return all_of(
        compare(result["window_expected"], result["window"], 0.0),
        compare([-1, -1, 1, 1, 1], result["sign"], 0.0, note="sign(0) = +1"),
        compare([-1, -1, 0, 1, 1], result["sign_zero"], 0.0, note="sign(0) = 0 by the switch"),
    )


@claim(
    "BN-4",
    paper=PAPER,
    place="Eq. 8",
    statement="hardtanh(w/λ) is sign(w) where |w| >= λ, with a gradient that λ does not change",
    experiment="boolnet_operators",
)
def progressive(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["beyond_error"], 0.0, note="against sign(w) at |w| >= λ"),
        compare(0.0, result["mask_error"], 0.0, note="gradient against 1[|w| <= 1]"),
        compare(0.0, result["within_error"], 1e-15, note="against w/λ within"),
        bound(result["strength"][-1], at_most=1e-30, note="the smallest λ, where w/λ overflows"),
    )


@claim(
    "BN-5",
    paper=PAPER,
    place="Eqs. 1-4",
    statement="normalization and sign of an integer are one integer threshold, for γ of any sign",
    experiment="boolnet_fusion",
)
def one_threshold(result: Result) -> Outcome:
    return all_of(
        compare(0, result["random_searched"], 0.0, note="searched, random layers"),
        compare(0, result["random_closed"], 0.0, note="ceil and floor, random layers"),
        compare(0, result["random_fused"], 0.0, note="XNOR form, random layers"),
        compare(0, result["tie_searched"], 0.0, note="searched, exact ties"),
        compare(0, result["tie_closed"], 0.0, note="ceil and floor, exact ties"),
        bound(result["random_checked"], at_least=122_000, note="comparisons"),
        bound(result["tie_ties"], at_least=50, note="exact ties"),
        bound([result[name] for name in ("positive", "negative", "zero")], at_least=100),
    )


@claim(
    "BN-6",
    paper=PAPER,
    place="Eq. 4, derived",
    statement="the XNOR form differs from sign(0) = +1 at exact ties with a < 0, where it gives -1",
    experiment="boolnet_fusion",
)
def tie_exception(result: Result) -> Outcome:
    return all_of(
        compare(-1.0, result["tie_fused_there"], 0.0, note="XNOR(sign(a), sign(x + c)) at ties"),
        compare(1.0, result["tie_sign_there"], 0.0, note="sign of the float layer at ties"),
        compare(0, result["tie_fused"], 0.0, note="differences elsewhere"),
        bound(result["tie_falling_ties"], at_least=20, note="ties with a < 0"),
    )


@claim(
    "BN-7",
    paper=PAPER,
    place="section 2, XNOR-popcount",
    statement="<a, b> = n - 2 popcount(a xor b) on packed words, n = 1 .. 257",
    experiment="boolnet_popcount",
)
def popcount(result: Result) -> Outcome:
    return all_of(
        compare(0, result["error"], 0.0, note="against sums of products in integers"),
        compare(0, result["dense_error"], 0.0, note="against the float product"),
        compare(0, result["bits_lost"], 0.0, note="bits that unpacking changes"),
        bound(result["lengths"], at_least=257),
    )


@claim(
    "BN-8",
    paper=PAPER,
    place="released code, derived",
    statement="the gradient of m b in w is m G 1[|w| <= 1] + (sign(w)/n) Σ G b, m = mean |w|",
    experiment="boolnet_scale",
)
def scale_gradient(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["closed_error"], 1e-12, note="tape against the closed form"),
        compare(0.0, result["detached_error"], 1e-12, note="detached, without the second term"),
        compare(0.0, result["numeric_error"], 1e-6, note="against central differences"),
        bound(result["detached_apart"], at_least=0.1, note="what the second term adds"),
    )


@claim(
    "BN-9",
    paper=PAPER,
    place="released code, derived",
    statement="at e = 0 under batch statistics the scale changes no gradient and no prediction",
    experiment="boolnet_scale",
)
def scale_under_normalization(result: Result) -> Outcome:
    exact = result["epsilon"] == 0.0
    large = result["epsilon"] == 0.1
    return all_of(
        compare(0.0, result["batch_apart"][:, exact], 1e-12, note="gradients, e = 0"),
        compare(0, result["packed_differ"][:, exact], 0.0, note="packed predictions, e = 0"),
        bound(result["batch_apart"][:, large], at_least=0.01, note="gradients differ at e = 0.1"),
        bound(result["frozen_apart"][:, exact], at_least=0.01, note="and under frozen statistics"),
    )


@claim(
    "BN-23",
    paper=PAPER,
    place="released code, distillation",
    statement="the gradient of distillation is (p_s - mean p_t)/B, a mean of probabilities",
    experiment="boolnet_distillation",
)
def distillation(result: Result) -> Outcome:
    several = np.asarray(result["teachers"]) > 1
    return all_of(
        compare(0.0, result["gradient_error"], 1e-12),
        compare(0.0, result["loss_error"], 1e-12, note="value"),
        bound(
            result["mean_of_logits_apart"][several],
            at_least=1e-4,
            note="what the mean of logits would change",
        ),
        check(bool(several.any()), predicted="several teachers", measured=str(int(several.sum()))),
    )
