"""Normalized gradient ascent on the outputs of a perceptron, in the coordinates of its first layer.

Every input gradient is a combination of the rows of the first weight, g = s W_1ᵀ v̂, and so is the
step d = s W_1ᵀ c of an ascent that starts at 0. With the Gram matrix G = s² W_1 W_1ᵀ

* the first layer sees z + G c instead of z;
* |g|² = v̂ᵀ G v̂ and |d|² = cᵀ G c.

So the ascent runs on n_1 numbers and not on n, and the inputs come in at its end. It takes the
same steps as :class:`refimpl.algorithms.attacks.ProjectedGradientAttack` in l2 from zero; the tests
compare the two. Derived.

>>> import numpy as np
>>> from refimpl.models import MLP
>>> params = [{"weight": np.array([[3.0, 4.0, 0.0]])}, {"weight": np.array([[1.0]])}]
>>> pieces = linear_pieces(MLP((3, 1, 1), bias=False), params, np.array([[1.0, 0.0, 0.0]]))
>>> climb(pieces, "relu", np.ones((1, 1)), 0.5, 5)[0]
array([[0.3, 0.4, 0. ]])
"""

from __future__ import annotations

from refimpl.algorithms.attacks import normalized_rows
from refimpl.arrays import Array, namespace
from refimpl.models import MLP
from refimpl.models.linear_pieces import LinearPieces, backward, linear_pieces, slopes_at


def climb(
    pieces: LinearPieces, activation: str, covectors: Array, radius: float, steps: int
) -> tuple[Array, Array]:
    """Ascent on <r, f(x + d)> within |d| <= ``radius``, one row for each pair of r and x.

    Row number j of the covectors belongs to example j modulo P.

    Parameters
    ----------
    pieces : LinearPieces
        Of a perceptron with at least one hidden layer, at the P inputs.
    activation : str
    covectors : array, shape (R, K)
        r, R a multiple of P.
    radius : float
    steps : int
        Of length 1.5 radius / steps.

    Returns
    -------
    moves : array, shape (R, n)
        d.
    outputs : array, shape (R, K)
        f(x + d).
    """
    xp = namespace(covectors)
    first, *rest = pieces.params
    widths = (first["weight"].shape[0], *(layer["weight"].shape[0] for layer in rest))
    above = MLP(widths, activation, "bias" in rest[0])
    start = pieces.signals[0] @ first["weight"].mT
    if "bias" in first:
        start = start + first["bias"]
    start = xp.concat([start] * (covectors.shape[0] // start.shape[0]), axis=0)
    gram = pieces.scale**2 * (first["weight"] @ first["weight"].mT)
    one = xp.ones_like(start[:1, :1])

    def lengths(rows: Array) -> Array:
        squares = xp.sum(rows * (rows @ gram), axis=1, keepdims=True)
        return xp.sqrt(xp.maximum(squares, xp.zeros_like(squares)))

    moved = xp.zeros_like(start)
    for _ in range(steps):
        signal = start + moved @ gram
        slope = slopes_at(signal, activation)
        back = backward(linear_pieces(above, rest, slope * signal), covectors)
        direction = normalized_rows(slope * back.gradients)
        size = lengths(direction)
        safe = xp.where(size > 0, size, one)
        step = xp.where(size > 0, (1.5 * radius / steps) / safe, 0.0 * one)
        moved = moved + step * direction
        size = lengths(moved)
        moved = xp.where(size > radius, radius / xp.where(size > 0, size, one), one) * moved
    signal = start + moved @ gram
    outputs = above(rest, slopes_at(signal, activation) * signal)
    return pieces.scale * (moved @ first["weight"]), outputs
