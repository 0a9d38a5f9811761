"""Mistakes that are made with every method, as changes of an implementation.

A table for each kind. What one method alone can suffer stands in the table of its paper.

>>> sorted(COMMON)
['constraint', 'formula', 'network', 'optimizer', 'penalty', 'wrapper']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.conformance.mistaken_steps import OPTIMIZER
from refimpl.conformance.records import Deviation

Settings = Mapping[str, Any]


# --- functions of a weight ------------------------------------------------------------------------


def before(change: Callable[[Any], Any]) -> Callable[[Any, Settings], Any]:
    """The function of a changed first argument."""
    return lambda f, settings: lambda weight, *rest: f(change(weight), *rest)


def after(change: Callable[[Any], Any]) -> Callable[[Any, Settings], Any]:
    """A changed value."""
    return lambda f, settings: lambda *arguments: change(f(*arguments))


def unit_rows(weight: Any) -> Any:
    """Every row divided by its length; differentiable."""
    return weight / ad.norm(weight, axis=1, keepdims=True)


_PENALTY = (
    Deviation(
        "rows and columns exchanged",
        "the columns of the weight are taken for the neurons",
        around=before(ad.matrix_transpose),
        rank=2,
    ),
    Deviation(
        "rows normalized first",
        "every neuron is divided by its length before",
        around=before(unit_rows),
        rank=2,
    ),
    Deviation(
        "columns normalized first",
        "every column is divided by its length before",
        around=before(lambda w: ad.matrix_transpose(unit_rows(ad.matrix_transpose(w)))),
        rank=2,
    ),
    Deviation(
        "weight divided by its Frobenius norm",
        "the whole matrix is normalized before",
        around=before(lambda w: w / ad.sqrt(ad.sum(w * w))),
        rank=2,
    ),
    Deviation(
        "rows centered first",
        "the mean neuron is subtracted before",
        around=before(lambda w: w - ad.mean(w, axis=0, keepdims=True)),
        rank=2,
    ),
    Deviation(
        "root missing or added",
        "the square root of the value",
        around=after(ad.sqrt),
        rank=2,
    ),
    Deviation("squared", "the square of the value", around=after(lambda v: v * v), rank=2),
    Deviation(
        "gradient cut",
        "the value is right and its gradient is zero: the computation leaves the tape",
        around=after(ad.stop_gradient),
        rank=2,
    ),
)

_FORMULA = (
    Deviation("squared", "the square", around=after(lambda v: v * v), rank=2),
    Deviation("root", "the square root", around=after(lambda v: v**0.5), rank=2),
    Deviation("reciprocal", "one over the number", around=after(lambda v: 1.0 / v), rank=2),
    Deviation("wrong sign", "minus the number", around=after(lambda v: -v), rank=2),
    Deviation("one less", "the number less one", around=after(lambda v: v - 1.0), rank=2),
    Deviation("complement", "one less the number", around=after(lambda v: 1.0 - v), rank=2),
)

_NETWORK = (
    Deviation("squared", "the square of the value", around=after(lambda v: v * v), rank=2),
    Deviation("root missing or added", "the root of the value", around=after(ad.sqrt), rank=2),
    Deviation(
        "gradient cut",
        "the value is right and its gradient is zero: the computation leaves the tape",
        around=after(ad.stop_gradient),
        rank=2,
    ),
)

_WRAPPER = (
    Deviation(
        "gradient at the parameters",
        "nothing is changed: the gradient of the loss itself",
        around=lambda f, settings: lambda gradient, params, *rest: gradient(params),
        rank=2,
    ),
    Deviation(
        "added to the gradient at the parameters",
        "the sum of both gradients",
        around=lambda f, settings: (
            lambda gradient, params, *rest: _added(
                f(gradient, params, *rest), gradient(params), 1.0
            )
        ),
        rank=2,
    ),
    Deviation(
        "mean with the gradient at the parameters",
        "half the sum of both gradients",
        around=lambda f, settings: (
            lambda gradient, params, *rest: _added(
                f(gradient, params, *rest), gradient(params), 0.5
            )
        ),
        rank=2,
    ),
)


def _added(left: list[Any], right: list[Any], share: float) -> list[Any]:
    return [share * (a + b) for a, b in zip(left, right, strict=True)]


class _Methods:
    """A constraint of two functions."""

    def __init__(self, project: Callable[..., Any], tangent: Callable[..., Any]) -> None:
        self.project, self.tangent = project, tangent


def _by_columns(inner: Any, settings: Settings) -> Any:
    def flip(q: Any) -> Any:
        return np.swapaxes(q, -1, -2)

    return _Methods(
        lambda q: flip(inner.project(flip(q))), lambda q, u: flip(inner.tangent(flip(q), flip(u)))
    )


_CONSTRAINT = (
    Deviation("rows and columns exchanged", "the transpose is constrained", around=_by_columns,
              rank=2),
    Deviation("nothing projected", "what goes in comes back",
              around=lambda inner, s: _Methods(lambda q: q, lambda q, u: u), rank=2),
    Deviation("tangent not projected", "u itself comes back",
              around=lambda inner, s: _Methods(inner.project, lambda q, u: u), rank=2),
    Deviation("normal part for the tangent", "what is to be taken away comes back",
              around=lambda inner, s: _Methods(inner.project, lambda q, u: u - inner.tangent(q, u)),
              rank=2),
    Deviation("half of the correction", "half of the normal part is taken away",
              around=lambda inner, s: _Methods(inner.project,
                                               lambda q, u: 0.5 * (u + inner.tangent(q, u))),
              rank=2),
    Deviation("twice the correction", "the normal part is taken away twice: a reflection",
              around=lambda inner, s: _Methods(inner.project,
                                               lambda q, u: 2.0 * inner.tangent(q, u) - u),
              rank=2),
)  # fmt: skip

COMMON: dict[str, tuple[Deviation, ...]] = {
    "optimizer": OPTIMIZER,
    "penalty": _PENALTY,
    "formula": _FORMULA,
    "network": _NETWORK,
    "wrapper": _WRAPPER,
    "constraint": _CONSTRAINT,
}
