"""Claims on trained networks: the sandwich, and what the penalties do to both sides of the norm.

Those on MNIST need its files and minutes; they are judged in the full profile. Settings are fixed
ones, chosen before on other draws ("pilot").
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare, report
from refimpl.claims.outcomes import paired
from refimpl.experiments.base import Result
from refimpl.experiments.comparison import differences

_Which = dict[str, float | str]


def _row(result: Result, name: str, **which: float | str) -> np.ndarray:
    """One value a seed, of one row of the MNIST experiment."""
    return result.select(**{"limit": 0.0, **which})[name][0]


@claim(
    "RK-6",
    paper="rkhs_norm",
    place="derived (ReLU nets lie in none of the kernel spaces)",
    statement="Per class, the slope of a trained network is at most |w_k| |W_2| |W_1| / 0.3081 at "
    "all training and test points, with every method",
    experiment="rkhs_norm_paths",
)
def sandwich(result: Result) -> Outcome:
    methods = len(set(result["method"].tolist()))
    return all_of(
        *(
            bound(result[f"sandwich_{part}"], between=(1e-4, 1.0 + 1e-9))
            for part in ("train", "test")
        ),
        compare(15.0, float(methods), 0.0, note="methods"),
        bound(result["clean"], at_least=0.3, note="the networks are trained"),
    )


@claim(
    "RK-16",
    paper="rkhs_norm",
    place="pilot; arXiv 1810.00363 has the ordering on larger networks",
    statement="300 MNIST examples: ‖∇f‖² (λ = 0.01) raises accuracy under l2 attacks of radius 1 "
    "by more than 0.15 and clean accuracy by more than 0.01",
    experiment="rkhs_norm_mnist",
    profile="full",
)
def gradient_norm_is_robust(result: Result) -> Outcome:
    with_penalty: _Which = {"examples": 300, "method": "gradient norm"}
    without: _Which = {"examples": 300, "method": "none"}
    gains = {
        name: _row(result, name, **with_penalty) - _row(result, name, **without)
        for name in ("robust", "clean")
    }
    return all_of(
        paired(gains["robust"], at_least=0.15, note="robust accuracy"),
        paired(gains["clean"], at_least=0.01, note="clean accuracy"),
    )


@claim(
    "RK-17",
    paper="rkhs_norm",
    place="pilot; on convolutional networks the authors' poster has ‖f‖_δ² lower both",
    statement="300 MNIST examples: ‖f‖_δ² (ε = 0.1 and 0.2) lowers the largest slopes while the "
    "product of spectral norms does not fall by a tenth; ‖∇f‖² (λ = 0.01) lowers both",
    experiment="rkhs_norm_mnist",
    profile="full",
)
def slopes_and_spectral_norms(result: Result) -> Outcome:
    none = {name: _row(result, name, examples=300, method="none") for name in ("lower", "upper")}
    outcomes = []
    for name in ("lower", "upper"):
        values = _row(result, name, examples=300, method="gradient norm")
        outcomes.append(paired(none[name] - values, note=f"gradient norm lowers {name}"))
    for radius in (0.1, 0.2):
        which: _Which = {"examples": 300, "method": "adversarial norm", "strength": radius}
        lower, upper = (_row(result, name, **which) for name in ("lower", "upper"))
        outcomes.append(paired(none["lower"] - lower, note=f"ε = {radius} lowers lower"))
        tenth = 0.1 * float(none["upper"].mean())
        outcomes.append(
            paired(upper - none["upper"], at_least=-tenth, note=f"ε = {radius} keeps upper")
        )
    return all_of(*outcomes)


@claim(
    "RK-18",
    paper="rkhs_norm",
    place="pilot",
    statement="1000 MNIST examples: ‖∇f‖² (λ = 0.001) raises clean accuracy by more than 0.01",
    experiment="rkhs_norm_mnist",
    profile="full",
)
def gradient_norm_at_1000(result: Result) -> Outcome:
    with_penalty = _row(result, "clean", examples=1000, method="gradient norm")
    return paired(with_penalty - _row(result, "clean", examples=1000, method="none"), at_least=0.01)


@claim(
    "RK-19",
    paper="rkhs_norm",
    place="arXiv 1810.00363, combined approaches",
    statement="300 MNIST examples: a spectral projection (τ = 1.2) added to ‖f‖_δ² (ε = 0.1) caps "
    "the product of spectral norms at 1.2³; what it does to accuracy is reported",
    experiment="rkhs_norm_mnist",
    profile="full",
)
def projection_caps_the_product(result: Result) -> Outcome:
    which: _Which = {"examples": 300, "method": "adversarial norm", "strength": 0.1}
    free, capped = (
        {name: _row(result, name, **which, limit=limit) for name in ("clean", "robust", "upper")}
        for limit in (0.0, 1.2)
    )
    shown = report(
        capped["clean"].mean() - free["clean"].mean(),
        f"change of clean accuracy; robust {capped['robust'].mean() - free['robust'].mean():+.3f}, "
        f"product {free['upper'].mean():.2f} to {capped['upper'].mean():.3f}",
    )
    cap = bound(capped["upper"], at_most=1.2**3 * (1.0 + 1e-9))
    return shown if cap.verdict == "holds" else cap


@claim(
    "RK-20",
    paper="rkhs_norm",
    place="observed here",
    statement="150 digits, strengths by validation: ‖∇f‖² has more accuracy under l2 attacks of "
    "radius 0.5 than weight decay at its best clean validation accuracy",
    experiment="rkhs_norm_digits",
    profile="full",
)
def digits_comparison(result: Result) -> Outcome:
    clean = differences(result, "gradient norm", "weight decay")
    robust = differences(result, "gradient norm", "weight decay", "test_robust")
    return paired(
        robust,
        at_least=0.05,
        note=f"clean accuracy {clean.mean():+.4f} (n = {clean.size}); "
        f"strength at a grid's end: {int(np.sum(result['at_edge']))} of {len(result['method'])}",
    )
