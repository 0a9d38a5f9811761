"""The two sides of a network's norm: slopes on data from below, spectral norms from above.

For a perceptron, per output k and at every input x,

    |∇f_k(x)| <= |w_k| · |W_{L-1}| · ... · |W_1| · scale,

with w_k the row of the last layer and |W| spectral norms. The left side is a lower bound of the
Lipschitz constant of f_k, the right side an upper one: the sandwich.

Source: A. Bietti, G. Mialon, D. Chen and J. Mairal, ICML 2019, for the two sides; exact ReLU units
lie in none of its kernel spaces, so for them the sandwich is all that is left (derived).

>>> import numpy as np
>>> from refimpl.models import MLP
>>> params = [{"weight": np.eye(2)}, {"weight": np.array([[3.0, 4.0]])}]
>>> model = MLP((2, 2, 1), bias=False)
>>> largest_slopes(model, params, np.ones((1, 2))), class_bounds(model, params)
(array([5.]), array([5.]))
"""

from __future__ import annotations

from typing import Any

from refimpl.algorithms.base import Tree
from refimpl.algorithms.gradient_penalties import Derivatives, squared_slopes
from refimpl.arrays import Array, namespace


def largest_slopes(
    model: Any, params: Tree, inputs: Array, derivatives: Derivatives = "auto"
) -> Array:
    """max_i |∇f_k(x_i)| for every output, shape (K,)."""
    squares, _ = squared_slopes(model, params, inputs, derivatives)
    xp = namespace(squares)
    return xp.sqrt(xp.max(squares, axis=0))


def spectral_norms(params: Tree) -> list[Array]:
    """The spectral norm of every layer's weight, 0-d arrays."""
    found = []
    for layer in params:
        xp = namespace(layer["weight"])
        found.append(xp.max(xp.linalg.svdvals(layer["weight"])))
    return found


def class_bounds(model: Any, params: Tree) -> Array:
    """|w_k| Π |W_l| for every output, shape (K,), with the scale of a normalizing model."""
    *hidden, last = params
    xp = namespace(last["weight"])
    bounds = xp.sqrt(xp.sum(last["weight"] * last["weight"], axis=1))
    for norm in spectral_norms(hidden):
        bounds = bounds * norm
    return bounds / getattr(model, "scale", 1.0)
