"""When the gate of gradient-coherent regularisation opens: six readings, one function each.

A reading looks at the gradient g of the loss and the pull R of the penalty at strength 1 through
their inner products, and says how coherent they are and whether the penalty acts. Whose reading is
whose is told in :mod:`refimpl.papers.gradient_coherent.gradient_coherent`; here they are computed,
of the whole network at once or of each array by itself.

>>> import numpy as np
>>> g, w = [np.asarray([[3.0, 0.0]])], [np.asarray([[0.0, 4.0]])]
>>> pair = measure(g, w, w, None, each=False)
>>> kappa, opened = READINGS["total"](pair, Limits(strength=1.0, threshold=0.7, ratio=1.0))
>>> kappa, opened
(array([0.6]), [np.False_])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from refimpl.arrays import Array, length, namespace, range_unwatched, squares_in_range


class Pair(NamedTuple):
    """What a reading sees. Groups are the arrays, or there is one for all of them.

    Attributes
    ----------
    gradients, pulls : list of array
        g and R of each array, for the reading by elements.
    gg, gr, rr, ww : array, shape (groups,)
        Inner products of g, R and the weights w, each over its size: a dying gradient has no
        squares left in the range of float32 long before it has no direction.
    gh, hh : array, shape (groups,), or None
        Those with the gradient h of another point or batch, where a reading needs it.
    g_size, r_size, w_size : array, shape (groups,)
        What g, R and w were divided by: 1, or where their squares would leave the range of the
        dtype their largest entry.
    """

    gradients: list[Array]
    pulls: list[Array]
    gg: Array
    gr: Array
    rr: Array
    ww: Array
    gh: Array | None
    hh: Array | None
    g_size: Array
    r_size: Array
    w_size: Array

    @property
    def norms(self) -> tuple[Array, Array]:
        """‖g‖ and ‖w‖ of all groups together."""
        xp = namespace(self.gg)
        return length(self.g_size * xp.sqrt(self.gg)), length(self.w_size * xp.sqrt(self.ww))


class Limits(NamedTuple):
    """λ, the least coherence τ and the largest ratio ‖λR‖ / ‖g‖ of an open gate."""

    strength: float
    threshold: float
    ratio: float


Reading = Callable[[Pair, Limits], tuple[Array, list[Array]]]
"""``(coherence, opened)``: κ of each group, and whether the penalty acts, one entry for each group
(a 0-d bool) or one for each array (a bool for each element)."""


def measure(
    gradients: list[Array],
    weights: list[Array],
    pulls: list[Array],
    others: list[Array] | None,
    *,
    each: bool,
) -> Pair:
    """The inner products that the readings are made of.

    Parameters
    ----------
    gradients, weights, pulls : list of array
        g, w and R of every penalised array; ``pulls`` may be ``weights`` itself.
    others : list of array, optional
        h.
    each : bool
        Whether every array is a group; otherwise there is one group.

    Returns
    -------
    Pair
    """
    xp = namespace(*gradients)

    def flat(leaves: list[Array]) -> list[Array]:
        return [xp.reshape(leaf, (-1,)) for leaf in leaves]

    def inner(left: list[Array], right: list[Array]) -> Array:
        products = [a @ b for a, b in zip(left, right, strict=True)]
        return xp.stack(products if each else [add(products)])

    def scaled(leaves: list[Array]) -> tuple[list[Array], Array, Array]:
        """The vectors over their size, their squares, and the size."""
        vectors = flat(leaves)
        with range_unwatched():
            squares = inner(vectors, vectors)
        if squares_in_range(squares):
            return vectors, squares, xp.ones_like(squares)
        sizes = xp.stack([xp.max(xp.abs(vector)) for vector in vectors])
        sizes = sizes if each else xp.max(sizes, axis=0, keepdims=True)
        sizes = xp.where(sizes > 0.0, sizes, 1.0)
        vectors = [vector / sizes[k if each else 0] for k, vector in enumerate(vectors)]
        return vectors, inner(vectors, vectors), sizes

    g, gg, g_size = scaled(gradients)
    w, ww, w_size = scaled(weights)
    r, rr, r_size = (w, ww, w_size) if pulls is weights else scaled(pulls)
    gh = hh = None
    if others is not None:
        h, hh, _ = scaled(others)
        gh = inner(g, h)
    return Pair(gradients, pulls, gg, inner(g, r), rr, ww, gh, hh, g_size, r_size, w_size)


def cosine(cross: Array, first: Array, second: Array) -> Array:
    """⟨a, b⟩ / (‖a‖ ‖b‖) from ⟨a, b⟩, ‖a‖² and ‖b‖², in [−1, 1]; 0 where a norm is 0.

    Parameters
    ----------
    cross, first, second : array
        Of one shape.

    Returns
    -------
    array

    Examples
    --------
    >>> import numpy as np
    >>> float(cosine(np.asarray(6.0), np.asarray(4.0), np.asarray(9.0)))
    1.0
    >>> float(cosine(np.asarray(0.0), np.asarray(0.0), np.asarray(9.0)))
    0.0
    """
    xp = namespace(cross)
    product = xp.sqrt(first) * xp.sqrt(xp.clip(second, 0.0, None))  # rounding below 0
    defined = product > 0.0
    safe = xp.where(defined, product, xp.ones_like(product))
    return xp.where(defined, xp.clip(cross / safe, -1.0, 1.0), xp.zeros_like(product))


def with_penalty(pair: Pair, strength: float) -> Array:
    """cos(g, g + λR), from three inner products, so that g + λR is never formed; 1 for λ = 0."""
    if strength == 0.0:
        return namespace(pair.gg).ones_like(pair.gg)
    a, b = _shares(pair, strength)
    cross = a * pair.gg + b * pair.gr
    square = a * a * pair.gg + (2.0 * a * b) * pair.gr + b * b * pair.rr
    return cosine(cross, pair.gg, square)


def _shares(pair: Pair, strength: float) -> tuple[Array, Array]:
    """The sizes of g and λR over the larger of the two."""
    xp = namespace(pair.gg)
    penalty = strength * pair.r_size
    largest = xp.maximum(pair.g_size, penalty)
    return pair.g_size / largest, penalty / largest


def always(pair: Pair, limits: Limits) -> tuple[Array, list[Array]]:
    """Open, whatever κ."""
    kappa = with_penalty(pair, limits.strength)
    xp = namespace(kappa)
    return kappa, _groups(xp.ones_like(kappa, dtype=xp.bool))


def total(pair: Pair, limits: Limits) -> tuple[Array, list[Array]]:
    """cos(g, g + λR) >= τ."""
    kappa = with_penalty(pair, limits.strength)
    return kappa, _groups(kappa >= limits.threshold)


def other_gradient(pair: Pair, limits: Limits) -> tuple[Array, list[Array]]:
    """cos(g, h) >= τ."""
    kappa = cosine(pair.gh, pair.gg, pair.hh)
    return kappa, _groups(kappa >= limits.threshold)


def sign(pair: Pair, limits: Limits) -> tuple[Array, list[Array]]:
    """Element by element: g + λR has the sign of g."""
    signs = namespace(pair.gg).sign
    opened = [
        signs(g + limits.strength * r) == signs(g)
        for g, r in zip(pair.gradients, pair.pulls, strict=True)
    ]
    return with_penalty(pair, limits.strength), opened


def ratio(pair: Pair, limits: Limits) -> tuple[Array, list[Array]]:
    """‖λR‖ <= ratio ‖g‖."""
    a, b = _shares(pair, limits.strength)
    sqrt = namespace(pair.gg).sqrt
    small = b * sqrt(pair.rr) <= limits.ratio * a * sqrt(pair.gg)
    return with_penalty(pair, limits.strength), _groups(small)


READINGS: dict[str, Reading] = {
    "total": total,
    "lookahead": other_gradient,  # h = g(P(w)), after the penalty's own step
    "sign": sign,
    "ratio": ratio,
    "temporal": other_gradient,  # h of the batch before
    "always": always,
}


def _groups(opened: Array) -> list[Array]:
    return [opened[k] for k in range(opened.shape[0])]


def add(parts: list[Array]) -> Array:
    """The sum of the parts, from the first to the last.

    Examples
    --------
    >>> add([1.0, 2.0, 3.0])
    6.0
    """
    result = parts[0]
    for part in parts[1:]:
        result = result + part
    return result
