"""Smooth activations and the constants of their derivatives.

The bounds on networks need numbers ξ and τ with sup |s^{(n)}| <= ξ τ^n n! for every n >= 1. An
activation that is not smooth (ReLU) has none.

========  =================  ===========  =======================
name      ξ, τ sharp         coarse       sharp ones from
========  =================  ===========  =======================
sigmoid   π/4, 1/π           1, 1         radius of analyticity π
tanh      π/2, 2/π           1, 2         radius π/2
swish     1.0998.. π, 1/π    1.1, 1       radius π
sin       2, 1/2             1, 1         equality at n = 1 and 2
========  =================  ===========  =======================

The sharp constants are derived here and checked for n <= 12, with equality at n = 1; the coarse
ones are recalled as those of arXiv 2502.12496 (that of sin is the obvious one).

>>> round(SMOOTH["tanh"].sharp[0], 4), SMOOTH["tanh"].coarse
(1.5708, (1.0, 2.0))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from refimpl import autodiff as ad
from refimpl.arrays import namespace
from refimpl.autodiff.tape import Primitive
from refimpl.errors import SettingError, unknown_name

Constants = Literal["sharp", "coarse"]

_SWISH_SLOPE = 1.0998393201288076  # sup of the derivative of x / (1 + exp(-x))


def _swish(x: Any, /) -> Any:
    """x / (1 + exp(-x)), without overflow; its gate is the sigmoid's, bit for bit.

    The larger of exp(-|x|) and of whether x >= 0 is what stands above 1 + exp(-|x|): a choice
    without branches, several times as fast.
    """
    xp = namespace(x)
    tail = xp.exp(-xp.abs(x))
    gate = xp.maximum(tail, xp.astype(x >= 0, x.dtype)) / (1.0 + tail)
    return x * gate, gate


def _swish_rule(g: Any, ans: Any, x: Any, saved: Any = None) -> Any:
    gate = ad.sigmoid(x) if saved is None else saved
    return g * (ans + gate * (1.0 - ans))


swish = Primitive(_swish, saves=True, name="swish")
swish.derivatives(_swish_rule)


@dataclass(frozen=True)
class Smooth:
    """An activation with constants.

    Attributes
    ----------
    function : callable
        Elementwise, on arrays and under differentiation.
    sharp, coarse : (float, float)
        ξ and τ.
    """

    function: Callable[[Any], Any]
    sharp: tuple[float, float]
    coarse: tuple[float, float]


SMOOTH: dict[str, Smooth] = {
    "sigmoid": Smooth(ad.sigmoid, (math.pi / 4.0, 1.0 / math.pi), (1.0, 1.0)),
    "tanh": Smooth(ad.tanh, (math.pi / 2.0, 2.0 / math.pi), (1.0, 2.0)),
    "swish": Smooth(swish, (math.pi * _SWISH_SLOPE, 1.0 / math.pi), (1.1, 1.0)),
    "sin": Smooth(ad.sin, (2.0, 0.5), (1.0, 1.0)),
}
"""The activations of the bounds, by name."""


def smooth(name: str) -> Smooth:
    """The activation called ``name``.

    Raises
    ------
    SettingError
        If it has no constants, naming it.

    Examples
    --------
    >>> smooth("relu")
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: no constants bound the derivatives of this activation: unknown
    smooth activation 'relu': choose one of sigmoid, tanh, swish, sin
    """
    if name not in SMOOTH:
        raise SettingError(
            "no constants bound the derivatives of this activation: "
            + unknown_name("smooth activation", str(name), SMOOTH)
        )
    return SMOOTH[name]


def growth(weights: list[Any], activation: str, constants: Constants = "sharp") -> tuple[Any, Any]:
    """P and Q of a network: its mixed derivatives obey |∂^ν G| <= (P/Q) |ν|! Π (Q β_j)^{ν_j}.

    With R_l = max_p Σ_q |W_{l,pq}|, l = 1 .. L, the bounds ξ τ^n n! of the L activations compose to
    a Möbius map, of which the derivatives at 0 are P Q^{n−1} n!:

        P = Π_l (ξτ R_l),    Q = τ Σ_{l=0}^{L−1} (ξτ)^l Π_{k=1}^{l} R_k.

    Parameters
    ----------
    weights : list of array
        W_0 .. W_L, (out, in) on the last two axes; differentiable in them.
    activation : str
    constants : {"sharp", "coarse"}

    Returns
    -------
    (P, Q)
        0-d arrays; of a stack of networks, one entry a network. β_j = max_p |W_{0,pj}| is not in.

    Raises
    ------
    SettingError
        For an activation without constants, or a network without one.

    Examples
    --------
    >>> import numpy as np
    >>> sizes = (1.0, 1.5, 0.7, 2.0)
    >>> p, q = growth([np.array([[r]]) for r in sizes], "sigmoid", "coarse")
    >>> round(float(p), 12), round(float(q), 12)
    (2.1, 3.55)
    """
    xi, tau = getattr(smooth(activation), constants)
    if len(weights) < 2:
        raise SettingError("a network without a hidden layer has no activation to bound")
    product: Any = 1.0
    total: Any = 1.0
    for weight in weights[1:-1]:
        product = product * (xi * tau) * row_sum(weight)
        total = total + product
    return product * (xi * tau) * row_sum(weights[-1]), tau * total


def row_sum(weight: Any) -> Any:
    """R = max_p Σ_q |W_pq|, the largest absolute row sum; differentiable."""
    return ad.max(ad.sum(ad.abs(weight), axis=-1), axis=-1)


def column_peak(weight: Any) -> Any:
    """β_j = max_p |W_pj| for each column j; differentiable."""
    return ad.max(ad.abs(weight), axis=-2)
