"""Checks of derivatives against finite differences of the function itself.

``check_vjp`` compares a pullback with central differences along a random direction;
``check_slope`` watches the remainder of the Taylor expansion shrink at its proper order, which
needs no choice of one step size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from refimpl.arrays import Array, eps, length
from refimpl.autodiff.products import dot, hvp
from refimpl.autodiff.tape import grad, value, vjp
from refimpl.autodiff.trees import Tree, flatten, map_tree, norm_tree
from refimpl.errors import GradientCheckError
from refimpl.random import Rng


def _random_like(tree: Tree, rng: Rng) -> Tree:
    drawn = map_tree(lambda leaf: rng.normal(leaf.shape, like=leaf), tree)
    scale = 1.0 / float(norm_tree(drawn))
    return map_tree(lambda leaf: leaf * scale, drawn)


def _shift(tree: Tree, direction: Tree, step: float) -> Tree:
    return map_tree(lambda a, d: a + step * d, tree, direction)


def check_vjp(
    function: Callable[[Tree], Array], x: Tree, rng: Rng, tolerance: float | None = None
) -> float:
    """Compare <u, J v> by differences with <J^T u, v> by the pullback.

    The directional derivative is extrapolated from central differences at h, h/2 and h/4
    (Richardson), so that it is good to about eps^(6/7).

    Parameters
    ----------
    function : callable
        Array valued.
    x : array or tree of float arrays
    rng : Rng
        For the direction v and the cotangent u.
    tolerance : float, optional
        Largest relative mismatch; default 1e-9 in float64, 2e-3 in float32.

    Returns
    -------
    float
        The relative mismatch.

    Raises
    ------
    GradientCheckError
        If it exceeds ``tolerance``; carries both sides.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import Rng, autodiff as ad
    >>> check_vjp(ad.tanh, np.array([0.1, 0.2]), Rng(0)) < 1e-9
    True
    """
    leaves, _ = flatten(x)
    unit = eps(leaves[0])
    if tolerance is None:
        tolerance = 1e-9 if unit < 1e-10 else 2e-3
    v = _random_like(x, rng.child("direction"))
    output, pullback = vjp(function, x)
    u = rng.child("cotangent").normal(output.shape, like=output)
    reverse = float(dot(pullback(u), v))

    def along(step: float) -> float:
        plus, minus = function(_shift(x, v, step)), function(_shift(x, v, -step))
        return float(dot(u, value(plus)) - dot(u, value(minus))) / (2 * step)

    step = 3.0 * unit ** (1 / 7)
    coarse, middle, fine = along(step), along(step / 2), along(step / 4)
    first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    forward = (16 * second - first) / 15
    scale = max(abs(forward), abs(reverse), 1e-3 * float(length(u)))
    mismatch = abs(forward - reverse) / scale
    if not mismatch <= tolerance:
        raise GradientCheckError(
            "pullback and finite differences disagree",
            forward=forward,
            reverse=reverse,
            mismatch=mismatch,
            tolerance=tolerance,
        )
    return mismatch


class SlopeCheck(NamedTuple):
    """Result of :func:`check_slope`.

    Attributes
    ----------
    slope : float
        Fitted order of the remainder; inf if the remainder is zero to rounding.
    steps, remainders : tuple of float
        The points behind the fit.
    """

    slope: float
    steps: tuple[float, ...]
    remainders: tuple[float, ...]


def check_slope(
    function: Callable[[Tree], Array],
    x: Tree,
    rng: Rng,
    *,
    hessian: bool = False,
    gradient: Tree | None = None,
    tolerance: float = 0.05,
) -> SlopeCheck:
    """Fit the order at which the Taylor remainder of a scalar function shrinks.

    The remainder of f(x + h v) after its gradient term is O(h^2), and O(h^3) after the Hessian
    term; a wrong derivative leaves O(h), O(h^2). The steps halve; those whose remainder is within
    reach of rounding are dropped, and the slope is fitted to the smallest that are left.

    Along an unlucky direction the leading term nearly vanishes and the next one cancels it over
    the steps that rounding leaves, so a right derivative may need another direction; a wrong one
    shows along all of them.

    Parameters
    ----------
    function : callable
        Scalar valued, smooth at x.
    x : array or tree of float arrays
    rng : Rng
        For the directions v.
    hessian : bool
        Subtract the Hessian term too (expected slope 3 instead of 2).
    gradient : tree, optional
        A gradient to be checked in place of the one autodiff finds.
    tolerance : float
        Largest distance of the slope from its expected value.

    Returns
    -------
    SlopeCheck

    Raises
    ------
    GradientCheckError
        If along every direction the slope falls short by more than ``tolerance`` (it may exceed:
        a remainder that happens to vanish faster is no fault).

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import Rng, autodiff as ad
    >>> round(check_slope(lambda x: ad.sum(ad.exp(x)), np.ones(3), Rng(0)).slope, 1)
    2.0
    """
    if gradient is None:
        gradient = grad(function)(x)
    expected = 3.0 if hessian else 2.0
    for attempt in range(_DIRECTIONS):
        v = _random_like(x, rng.child("direction", attempt))
        result = _slope_along(function, x, v, gradient, hessian)
        if result.slope >= expected - tolerance:
            return result
    raise GradientCheckError(
        "the Taylor remainder shrinks too slowly for a correct derivative",
        slope=result.slope,
        expected=expected,
        tolerance=tolerance,
    )


_DIRECTIONS = 4


def _slope_along(
    function: Callable[[Tree], Array], x: Tree, v: Tree, gradient: Tree, hessian: bool
) -> SlopeCheck:
    unit = eps(flatten(x)[0][0])
    base = float(value(function(x)))
    first = float(dot(gradient, v))
    second = float(dot(hvp(function, x, v), v)) if hessian else 0.0
    steps, remainders = [], []
    for power in range(2, 30):
        h = 0.5**power
        moved = float(value(function(_shift(x, v, h))))
        remainder = abs(moved - base - h * first - 0.5 * h * h * second)
        rounding = unit * (abs(base) + abs(moved) + h * abs(first))
        if remainder < 2000 * rounding:
            break
        steps.append(h)
        remainders.append(remainder)
    slope = _fit(steps[-3:], remainders[-3:]) if len(steps) >= 3 else math.inf
    return SlopeCheck(slope, tuple(steps), tuple(remainders))


def _fit(steps: list[float], remainders: list[float]) -> float:
    xs, ys = [math.log(h) for h in steps], [math.log(r) for r in remainders]
    x0, y0 = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    top = math.fsum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True))
    return top / math.fsum((x - x0) ** 2 for x in xs)
