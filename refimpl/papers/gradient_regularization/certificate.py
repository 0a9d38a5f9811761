"""A radius within which the class of an example cannot change.

Algorithm
---------
1. margin ← f_c(x) − max_{k≠c} f_k(x), c the predicted class
2. B ← a bound of ‖J_f‖ that holds on the ball of radius ρ around x
3. radius ← min(ρ, margin / (√2 B)): the gradient of f_i − f_j is Jᵀ(e_i − e_j), of norm <= √2 B

For perceptrons B = s^(L−1) Π_l ‖W_l‖₂, with s the largest slope of the activation, holds
everywhere. A largest slope among samples of the ball is no bound and proves nothing.

Source: derived; the bound by spectral norms is textbook.

>>> import numpy as np
>>> from refimpl.models import MLP
>>> params = [{"weight": np.array([[2.0, 0.0], [0.0, 2.0]])}]
>>> certified_radius(MLP((2, 2), bias=False), params, np.array([[1.0, 0.0]])).round(4)
array([0.7071])
"""

from __future__ import annotations

import math
from typing import Any

from refimpl.arrays import Array, namespace
from refimpl.checks import positive
from refimpl.errors import SettingError
from refimpl.models import MLP

STEEPEST = {
    "relu": 1.0,
    "leaky_relu": 1.0,
    "tanh": 1.0,
    "softplus": 1.0,
    "identity": 1.0,
    "sigmoid": 0.25,
}
"""The largest slope of each activation."""


def margins(outputs: Array) -> Array:
    """The largest output minus the second largest, shape (P,)."""
    xp = namespace(outputs)
    if outputs.shape[-1] < 2:
        raise SettingError("a margin needs two classes", classes=outputs.shape[-1])
    ordered = xp.sort(outputs, axis=-1)
    return ordered[:, -1] - ordered[:, -2]


def slope_bound(model: MLP, params: Any) -> float:
    """Π_l ‖W_l‖₂ times the steepest slopes: a bound of the Lipschitz constant.

    Raises
    ------
    SettingError
        For a model that is no perceptron, or an activation whose steepest slope is not known.
    """
    if not isinstance(model, MLP) or model.activation not in STEEPEST:
        what = getattr(model, "activation", type(model).__name__)
        raise SettingError(f"no bound of the slopes is known for {what!r}")
    product = STEEPEST[model.activation] ** (model.depth - 1)
    for layer in params:
        xp = namespace(layer["weight"])
        product *= float(xp.max(xp.linalg.svdvals(layer["weight"])))
    return product


def radius(margin: Array, bound: float, reach: float = math.inf) -> Array:
    """min(ρ, margin / (√2 B)), shape of ``margin``.

    Parameters
    ----------
    margin : array, shape (P,)
    bound : float
        B, positive: of the Jacobian's Frobenius or spectral norm on the ball of radius ρ.
    reach : float
        ρ, if the bound holds only so far.
    """
    positive("bound", bound)
    xp = namespace(margin)
    found = margin / (math.sqrt(2.0) * bound)
    return xp.where(found < reach, found, reach * xp.ones_like(found))


def certified_radius(model: MLP, params: Any, inputs: Array) -> Array:
    """The radius for every input, shape (P,), from the product of spectral norms."""
    return radius(margins(model(params, inputs)), slope_bound(model, params))
