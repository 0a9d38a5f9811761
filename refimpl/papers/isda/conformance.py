"""Known deviations of implementations of ISDA, and the setting here that has the same effect.

>>> [deviation.name for deviation in DEVIATIONS if deviation.switch is None]
['head by position', 'statistics outside the state', 'expanded products']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl import conformance as kit
from refimpl.arrays import backend_of, namespace
from refimpl.papers.isda.bound import augmentation_bound
from refimpl.papers.isda.isda import ISDA
from refimpl.papers.isda.printed import PrintedRowISDA
from refimpl.papers.isda.sampled import SampledISDA
from refimpl.papers.isda.semi_supervised import consistency_bound, pair_terms


def _with(kind: type, **fixed: Any) -> Callable[..., Any]:
    return lambda **settings: kind(**{**settings, **fixed})


DEVIATIONS = (
    kit.Known(
        "diagonal covariance",
        "Released for ImageNet: variances alone are kept, where the paper's formula has the whole "
        "matrix; the published strengths of 1 to 10 belong to this.",
        _with(ISDA, covariance="diagonal"),
    ),
    kit.Known(
        "schedule by iterations",
        "A reading of t/T in print: λ grows in every step. The released code, and the default "
        "here, count whole epochs, so that the first is plain cross-entropy.",
        _with(ISDA, schedule="iteration"),
    ),
    kit.Known(
        "no schedule",
        "λ₀ from the first step, while the covariances are still poor.",
        _with(ISDA, schedule="constant"),
    ),
    kit.Known(
        "statistics after the loss",
        "A batch's features enter the covariances after its own loss has used them; the released "
        "code, and the default here, update first.",
        _with(ISDA, update="after"),
    ),
    kit.Known(
        "statistics in the features' precision",
        "Released code: sums of float32 features in float32; they drift over many batches.",
        _with(ISDA, precision="parameters"),
    ),
    kit.Known(
        "printed label row",
        "Supplement of September 2019: the gradient of the label's row is wrong for three classes "
        "or more; a hand-written backward pass after it does not descend the bound.",
        _with(PrintedRowISDA),
    ),
    kit.Known(
        "drawn features",
        "Explicit augmentation: an unbiased estimate of the expected loss, below the bound.",
        _with(SampledISDA),
    ),
    kit.Known(
        "head by position",
        "Released code: the first parameter of the last module is taken for the weight; a head of "
        "several layers is mistaken, where here its path is named and its shape checked.",
        None,
    ),
    kit.Known(
        "statistics outside the state",
        "Released code: the estimator lives on the loss, so that each process of a data-parallel "
        "run has its own; here it is part of the state and of checkpoints.",
        None,
    ),
    kit.Known(
        "expanded products",
        "Released code: forms N x C x C products and keeps their diagonals; the numbers are the "
        "same, the cost is not.",
        None,
    ),
)
"""What is known to differ, from the released code and from print."""


# --- what an implementation can be checked against ------------------------------------------------


def _bound(strength: float = 1.0, reduction: str = "mean") -> Callable[..., Any]:
    def loss(features: Any, labels: Any, weight: Any, bias: Any, covariance: Any) -> Any:
        return augmentation_bound(
            features, labels, weight, bias, ad.value(covariance), strength, reduction=reduction
        )

    return loss


def _other(read: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    """The loss with other terms q (N, C): ``read(weight, labels, covariance)``."""

    def make(strength: float = 1.0, reduction: str = "mean") -> Callable[..., Any]:
        def loss(features: Any, labels: Any, weight: Any, bias: Any, covariance: Any) -> Any:
            logits = ad.linear(features, weight, bias)
            terms = read(weight, labels, ad.value(covariance))
            moved = logits + 0.5 * strength * terms
            return ad.softmax_cross_entropy(moved, labels, reduction=reduction)

        return loss

    return make


def _differences(weight: Any, labels: Any) -> Any:
    own = ad.take(weight, labels, axis=0)
    return ad.expand_dims(weight, 0) - ad.expand_dims(own, 1)


def _form(v: Any, sigma: Any) -> Any:
    """Σ_ab v_a σ_ab v_b over the last axes."""
    return ad.sum(ad.sum(ad.expand_dims(v, -1) * sigma, axis=-2) * v, axis=-1)


def _of_other_class(weight: Any, labels: Any, covariance: Any) -> Any:
    return _form(_differences(weight, labels), covariance[None, :, :, :])


def _own_rows(weight: Any, labels: Any, covariance: Any) -> Any:
    taken = namespace(covariance).take(covariance, labels, axis=0)
    return _form(ad.expand_dims(weight, 0), taken[:, None, :, :])


def _diagonal(weight: Any, labels: Any, covariance: Any) -> Any:
    eye = backend_of(covariance).eye(covariance.shape[-1])
    taken = namespace(covariance).take(covariance * eye, labels, axis=0)
    return _form(_differences(weight, labels), taken[:, None, :, :])


def _pooled(weight: Any, labels: Any, covariance: Any) -> Any:
    whole = namespace(covariance).mean(covariance, axis=0)
    return _form(_differences(weight, labels), whole[None, None, :, :])


def _unsquared(weight: Any, labels: Any, covariance: Any) -> Any:
    taken = namespace(covariance).take(covariance, labels, axis=0)
    return ad.sqrt(_form(_differences(weight, labels), taken[:, None, :, :]) + 0.0)


def _detached(weight: Any, labels: Any, covariance: Any) -> Any:
    taken = namespace(covariance).take(covariance, labels, axis=0)
    return ad.stop_gradient(_form(_differences(weight, labels), taken[:, None, :, :]))


BOUND = (
    kit.Deviation("factor 1/2 of λ missing", "the terms enter with λ, not λ/2",
                  around=lambda f, s: _bound(2.0 * s["strength"], s["reduction"])),
    kit.Deviation("λ/4 for λ/2", "the terms enter with half of their weight",
                  around=lambda f, s: _bound(0.5 * s["strength"], s["reduction"])),
    kit.Deviation("no augmentation", "plain cross-entropy",
                  around=lambda f, s: _bound(0.0, s["reduction"])),
    kit.Deviation("terms subtracted", "the sign of λ is wrong",
                  instead=_other(lambda w, y, c: -1.0 * _of_label(w, y, c))),
    kit.Deviation("covariance of the other class", "Σ_j in place of Σ_y", instead=_other(
        _of_other_class)),
    kit.Deviation("no differences of rows", "w_jᵀ Σ w_j in place of (w_j − w_y)ᵀ Σ (w_j − w_y)",
                  instead=_other(_own_rows)),
    kit.Deviation("diagonal covariance", "variances alone are kept", instead=_other(_diagonal)),
    kit.Deviation("one covariance for all classes", "their mean is used", instead=_other(_pooled)),
    kit.Deviation("square root of the quadratic form", "deviations are added, not variances",
                  instead=_other(lambda w, y, c: _unsquared(w, y, c))),
    kit.Deviation("quadratic terms detached", "the value is right, the gradient in the head is not",
                  instead=_other(_detached)),
)  # fmt: skip


def _of_label(weight: Any, labels: Any, covariance: Any) -> Any:
    taken = namespace(covariance).take(covariance, labels, axis=0)
    return _form(_differences(weight, labels), taken[:, None, :, :])


def _cases(settings: Any, rng: Any) -> list[kit.Case]:
    found = []
    for name, (examples, classes, width) in {"a": (6, 4, 3), "b": (9, 3, 5)}.items():
        draw = rng.child(name)
        roots = draw.normal((classes, width, width))
        arguments = {
            "features": draw.normal((examples, width)),
            "labels": draw.integers(0, classes, (examples,)),
            "weight": 0.6 * draw.normal((classes, width)),
            "bias": 0.3 * draw.normal((classes,)),
            "covariance": 0.4 * roots @ roots.mT,
        }
        found.append(kit.Case(name, arguments, {"examples": examples, "classes": classes}))
    return found


def _consistency(strength: float = 1.0) -> Callable[..., Any]:
    def loss(logits: Any, targets: Any, weight: Any, covariance: Any) -> Any:
        terms = pair_terms(weight, ad.value(covariance))
        return ad.mean(consistency_bound(logits, ad.value(targets), terms, strength))

    return loss


def _soft_cases(settings: Any, rng: Any) -> list[kit.Case]:
    found = []
    for case in _cases(settings, rng):
        draw = rng.child("soft", case.name)
        weight, labels = case.arguments["weight"], case.arguments["labels"]
        xp = namespace(weight)
        odds = xp.exp(draw.normal((labels.shape[0], weight.shape[0])))
        arguments = {
            "logits": draw.normal(odds.shape),
            "targets": odds / xp.sum(odds, axis=1, keepdims=True),
            "weight": weight,
            "covariance": case.arguments["covariance"][labels],
        }
        found.append(kit.Case(case.name, arguments, case.sizes))
    return found


SUBJECTS: tuple[kit.Subject, ...] = (
    kit.function(
        "isda", "f(features, labels, weight, bias, covariance (C, A, A)) -> scalar", _bound,
        _cases, settings={"strength": 1.0, "reduction": "mean"}, fixed=("reduction",),
        differentiate=("features", "weight", "bias"), deviations=BOUND, common="network",
    ),
    kit.function(
        "isda_semi_supervised", "f(logits, targets, weight, covariance (N, A, A)) -> the "
        "consistency bound, scalar; targets are probabilities, one covariance for each example",
        _consistency, _soft_cases, settings={"strength": 1.0},
        differentiate=("logits", "weight"), common="network",
    ),
)  # fmt: skip
