"""Assertions on optima and derivatives: the conditions of Karush, Kuhn and Tucker; gradients.

>>> import numpy as np
>>> x = np.array([1.0, -2.0])
>>> assert_gradient(lambda x: float(np.sum(x**4)), x, 4.0 * x**3)
>>> assert_gradient(lambda x: float(np.sum(x**4)), x, 2.0 * x**3)
Traceback (most recent call last):
...
AssertionError: the gradient is wrong: along a direction in the parameters the function changes
by -29.4864, the gradient says -14.7432: ratio 0.5, relative difference 0.5, allowed 1e-08
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, eps, namespace
from refimpl.random import Rng
from refimpl.testing.measured import (
    largest_at,
    number,
    plain,
    plain_tree,
    ratio,
    require,
    size_of,
    where,
)


def assert_kkt(
    gradient: Array,
    jacobian: Array,
    values: Array,
    multipliers: Array,
    *,
    equalities: int | None = None,
    tolerance: float | None = None,
) -> None:
    """Assert the conditions of an optimum: min f where some g_i = 0 and the others g_i ≤ 0.

    Stationarity ∇f + Jᵀλ = 0; feasibility; and, for inequalities, λ ≥ 0 and λ_i g_i = 0.

    Parameters
    ----------
    gradient : array, shape (d,)
        ∇f; flatten what has more axes.
    jacobian : array, shape (m, d)
        Of g.
    values : array, shape (m,)
        g.
    multipliers : array, shape (m,)
        λ.
    equalities : int, optional
        So many of the constraints, from the first on, are equalities; default all.
    tolerance : float, optional
        On every condition: stationarity relative to |∇f| plus the largest |λ_i J_i|, values
        relative to 1 plus the largest of them, multipliers relative to the largest; default the
        square root of eps.

    Raises
    ------
    AssertionError
        With the first condition that fails and its numbers.

    Examples
    --------
    The point of x + y = 2 nearest to the origin, with the multiplier of the wrong sign:

    >>> import numpy as np
    >>> point, row = np.array([1.0, 1.0]), np.array([[1.0, 1.0]])
    >>> assert_kkt(point, row, row @ point - 2.0, np.array([-1.0]))
    >>> assert_kkt(point, row, row @ point - 2.0, np.array([1.0]))
    Traceback (most recent call last):
    ...
    AssertionError: not stationary: |grad f + J^T lambda| is 2 at [0], 0.7071 of |grad f| = 1.414
    and of the largest pull 1.414, allowed 1.49e-08
    """
    __tracebackhide__ = True
    slope, rows = plain(gradient, "gradient"), plain(jacobian, "jacobian")
    g, pull = plain(values, "values"), plain(multipliers, "multipliers")
    xp = namespace(slope, rows, g, pull)
    m, d = rows.shape
    require(
        tuple(slope.shape) == (d,) and tuple(g.shape) == (m,) == tuple(pull.shape),
        f"shapes do not fit: gradient {tuple(slope.shape)}, jacobian {tuple(rows.shape)}, values "
        f"{tuple(g.shape)}, multipliers {tuple(pull.shape)}",
    )
    allowed = math.sqrt(eps(slope)) if tolerance is None else tolerance
    first = m if equalities is None else equalities
    off, at = largest_at(slope + rows.mT @ pull)
    own = size_of(slope)
    other = max((size_of(rows[i, :] * pull[i]) for i in range(m)), default=0.0)
    require(
        off <= allowed * (own + other),
        f"not stationary: |grad f + J^T lambda| is {number(off)}{where(at)}, "
        f"{number(ratio(off, own + other))} of |grad f| = {number(own)} and of the largest pull "
        f"{number(other)}, allowed {number(allowed)}",
    )
    scale = 1.0 + largest_at(g)[0]
    for name, part, sign in (("=", g[:first], 0), ("<=", g[first:], 1)):
        beyond = xp.clip(part, 0.0, None) if sign else part
        off, at = largest_at(beyond)
        require(
            off <= allowed * scale,
            f"not feasible: a constraint that must be {name} 0 is {number(off)}"
            f"{where((at[0] + first * sign,)) if at else ''}, allowed {number(allowed * scale)}",
        )
    most = largest_at(pull)[0]
    negative, at = largest_at(xp.clip(pull[first:], None, 0.0))
    require(
        negative <= allowed * most,
        f"a multiplier of an inequality is negative: {number(-negative)}"
        f"{where((at[0] + first,)) if at else ''}, of {number(most)}, allowed "
        f"{number(-allowed * most)}",
    )
    off, at = largest_at(pull[first:] * g[first:])
    require(
        off <= allowed * most * scale,
        f"a constraint that is not active pulls: |lambda g| is {number(off)}"
        f"{where((at[0] + first,)) if at else ''}, allowed {number(allowed * most * scale)}",
    )


def assert_gradient(
    function: Callable[[Any], Any],
    x: Any,
    gradient: Any,
    *,
    seed: int = 0,
    directions: int = 2,
    step: float | None = None,
    tolerance: float | None = None,
) -> None:
    """Assert that a gradient is the slope of the function, by differences of the function alone.

    Along random directions in each leaf, the central differences at h, h/2 and h/4 are
    extrapolated, so that they are good to about eps^(6/7) where the function is smooth.

    Parameters
    ----------
    function : callable
        Takes what ``x`` is, returns a number.
    x : array or tree of arrays
    gradient : array or tree like ``x``
    seed : int
        Of the directions.
    directions : int
        In each leaf.
    step : float, optional
        h, for a function that bends nearby; default 3 eps^(1/7). The differences lose as many
        digits as it is smaller.
    tolerance : float, optional
        On the difference of the slopes, relative to the larger, or to a thousandth of the
        function; default 1e-8 in float64, 5e-3 in float32.

    Raises
    ------
    AssertionError
        With the leaf, both slopes and their ratio, which often tells the mistake.
    """
    __tracebackhide__ = True
    x, gradient = plain_tree(x, "x"), plain_tree(gradient, "gradient")
    leaves, structure = ad.flatten(x)
    slopes, other = ad.flatten(gradient)
    require(structure == other, f"the gradient has another structure: {other}, not {structure}")
    names = paths(x)
    base = abs(float(function(x)))
    rng = Rng(seed).child("directions")
    for index, (leaf, slope) in enumerate(zip(leaves, slopes, strict=True)):
        require(
            tuple(leaf.shape) == tuple(slope.shape),
            f"the gradient of {names[index]} has shape {tuple(slope.shape)}, not "
            f"{tuple(leaf.shape)}",
        )
        unit = eps(leaf)
        allowed = (1e-8 if unit < 1e-10 else 5e-3) if tolerance is None else tolerance
        for number_of in range(directions if math.prod(leaf.shape) else 0):
            v = rng.child(index, number_of).normal(tuple(leaf.shape), like=leaf)
            v = v / size_of(v)

            def value(h: float, v: Array = v, index: int = index) -> float:
                moved = [*leaves[:index], leaves[index] + h * v, *leaves[index + 1 :]]
                return float(function(ad.unflatten(structure, moved)))

            measured = _extrapolated(value, 3.0 * unit ** (1 / 7) if step is None else step)
            said = float(namespace(slope).sum(slope * v))
            larger = max(abs(measured), abs(said))
            gap = abs(measured - said)
            require(
                gap <= allowed * max(larger, 1e-3 * base),
                f"the gradient is wrong: along a direction in {names[index]} the function changes "
                f"by {measured:.6g}, the gradient says {said:.6g}: ratio "
                f"{number(ratio(said, measured))}, relative difference "
                f"{number(ratio(gap, larger))}, allowed {number(allowed)}",
            )


def _extrapolated(value: Callable[[float], float], step: float) -> float:
    """The slope of ``value`` at 0 by central differences and two Richardson extrapolations."""
    coarse, middle, fine = (
        (value(h) - value(-h)) / (2.0 * h) for h in (step, step / 2.0, step / 4.0)
    )
    first, second = (4.0 * middle - coarse) / 3.0, (4.0 * fine - middle) / 3.0
    return (16.0 * second - first) / 15.0


def paths(tree: Any, above: str = "") -> list[str]:
    """A name for each leaf of a tree: the keys and numbers that lead to it.

    Examples
    --------
    >>> paths([{"weight": 1.0, "bias": 2.0}, (3.0,)])
    ['0.weight', '0.bias', '1.0']
    >>> paths(1.0)
    ['the parameters']
    """
    if isinstance(tree, dict):
        named = [(str(key), child) for key, child in tree.items()]
    elif isinstance(tree, tuple) and hasattr(tree, "_fields"):
        named = list(zip(tree._fields, tree, strict=True))
    elif isinstance(tree, (list, tuple)):
        named = [(str(index), child) for index, child in enumerate(tree)]
    elif tree is None:
        return []
    else:
        return [above or "the parameters"]
    return [name for key, child in named for name in paths(child, f"{above}.{key}".lstrip("."))]
