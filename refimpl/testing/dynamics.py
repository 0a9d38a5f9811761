"""Assertions on integrators and samplers: reversibility, order, stationary law.

>>> assert_order(lambda h: 3.0 * h**2 + h**3, 2)
>>> assert_order(lambda h: 3.0 * h + h**2, 2)
Traceback (most recent call last):
...
AssertionError: the error is not of order 2: slopes 1.023, 1.012, 1.006 for errors 0.31, 0.1525,
0.07563, 0.03766 at 0.1, 0.05, 0.025, 0.0125; the last one may differ by 0.1
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, eps, namespace, to_host
from refimpl.errors import SettingError
from refimpl.testing.measured import largest_at, number, plain, plain_tree, ratio, require, where
from refimpl.testing.optimality import paths


def assert_reversible(
    step: Callable[[Any, Any], tuple[Any, Any]],
    position: Any,
    momentum: Any,
    *,
    steps: int = 1,
    tolerance: float | None = None,
) -> None:
    """Assert that a motion with its momentum turned round leads back to where it began.

    Parameters
    ----------
    step : callable
        Takes position and momentum, returns both; without randomness.
    position, momentum : array or tree of arrays
    steps : int
        There, and back.
    tolerance : float, optional
        On the largest difference from the start, relative to the largest entry that the leaf has
        on the way; default 100 eps times ``steps``.

    Examples
    --------
    >>> import numpy as np
    >>> def euler(q, p):
    ...     return q + 0.1 * p, p - 0.1 * q
    >>> assert_reversible(euler, np.array([1.0]), np.array([0.0]))
    Traceback (most recent call last):
    ...
    AssertionError: not reversible: after 1 step there and back the position is off by 0.01 at [0],
    of 1, allowed 2.22e-14
    """
    __tracebackhide__ = True
    start = plain_tree(position, "position"), plain_tree(momentum, "momentum")
    there = _moved(step, *start, steps)
    back = _moved(step, there[0], _turned(there[1]), steps)
    ends = {"position": (start[0], there[0], back[0])}
    ends["momentum"] = (start[1], there[1], _turned(back[1]))
    for name, trees in ends.items():
        leaves = [ad.flatten(tree)[0] for tree in trees]
        for label, *three in zip(paths(trees[0]), *leaves, strict=True):
            begin, middle, end = (plain(leaf) for leaf in three)
            allowed = 100.0 * steps * eps(begin) if tolerance is None else tolerance
            scale = max(largest_at(begin)[0], largest_at(middle)[0])
            off, at = largest_at(end - begin)
            which = name if label == "the parameters" else f"{name} {label}"
            require(
                off <= allowed * scale,
                f"not reversible: after {steps} step{'s' * (steps > 1)} there and back the "
                f"{which} is off by {number(off)}{where(at)}, of {number(scale)}, allowed "
                f"{number(allowed * scale)}",
            )


def _moved(step: Callable[..., Any], q: Any, p: Any, steps: int) -> tuple[Any, Any]:
    for _ in range(steps):
        q, p = step(q, p)
    return q, p


def _turned(momentum: Any) -> Any:
    return ad.map_tree(lambda leaf: -leaf, momentum)


def assert_order(
    error: Callable[[float], float] | Mapping[float, float],
    order: float,
    *,
    steps: Sequence[float] = (0.1, 0.05, 0.025, 0.0125),
    tolerance: float = 0.1,
    at_least: bool = False,
) -> None:
    """Assert the order at which an error vanishes with the step size.

    Parameters
    ----------
    error : callable or mapping
        The error at a step size, or the errors by step size.
    order : float
    steps : sequence of float
        Falling, two or more; unused with a mapping.
    tolerance : float
        On the slope in logarithms between the two smallest step sizes.
    at_least : bool
        Let the slope exceed the order.

    Raises
    ------
    AssertionError
        With all errors and slopes.
    SettingError
        Where an error is zero or not finite, so that there is no slope: carries it.
    """
    __tracebackhide__ = True
    given = dict(error) if isinstance(error, Mapping) else {h: error(h) for h in steps}
    sizes = sorted(given, reverse=True)
    errors = [abs(float(given[h])) for h in sizes]
    for h, value in zip(sizes, errors, strict=True):
        if not 0.0 < value < math.inf:
            raise SettingError("an error without a logarithm has no order", step=h, error=value)
    if len(sizes) < 2:
        raise SettingError("an order needs two step sizes or more", given=len(sizes))
    slopes = [
        math.log(a / b) / math.log(h / k)
        for (h, a), (k, b) in itertools.pairwise(zip(sizes, errors, strict=True))
    ]
    off = order - slopes[-1] if at_least else abs(order - slopes[-1])
    shown = [", ".join(map(number, values)) for values in (slopes, errors, sizes)]
    require(
        off <= tolerance,
        f"the error is not of order {number(order)}: slopes {shown[0]} for errors {shown[1]} at "
        f"{shown[2]}; the last one may differ by {number(tolerance)}",
    )


def assert_stationary(
    samples: Array,
    expected: Any,
    *,
    resolution: float,
    false_alarm: float = 1e-6,
    batches: int | None = None,
    bias: float = 0.0,
) -> None:
    """Assert that averages over samples are what the stationary law says.

    The assertion compares means by t intervals. They are wide enough that a right sampler is
    accused with probability ``false_alarm`` at most, in all columns together (exactly so for
    Gaussian means), and the test refuses to pass where they are wider than ``resolution``.

    Parameters
    ----------
    samples : array, shape (n,) or (n, k)
        What is averaged, such as x, x² and x⁴ of each sample: in the order of the chain, or
        independent.
    expected : float or sequence of k floats
    resolution : float
        The deviation that must not be missed: the half width of every interval stays below it.
    false_alarm : float
    batches : int, optional
        Of a chain: so many means over consecutive samples are compared, which are independent
        where a batch is much longer than the correlation. Default: the samples are independent.
    bias : float
        Allowed on top, such as that of a finite step size.

    Raises
    ------
    AssertionError
        With mean, expectation, their distance in standard errors, and what was allowed; or with
        the half width, where the samples are too few for the resolution.

    Examples
    --------
    >>> from refimpl.random import Rng
    >>> draws = Rng(0).normal((40_000,))
    >>> assert_stationary(draws**2, 1.0, resolution=0.05)
    >>> assert_stationary(1.1 * draws**2, 1.0, resolution=0.05)
    Traceback (most recent call last):
    ...
    AssertionError: column 0 has mean 1.097, the law says 1: 12.6 standard errors of 0.00769
    apart, allowed 4.892 (false alarms below 1e-06 in all)
    """
    __tracebackhide__ = True
    from scipy.stats import t as student

    values = to_host(plain(samples, "samples")).astype("float64")
    values = values[:, None] if values.ndim == 1 else values
    wanted = [expected] if isinstance(expected, (int, float)) else [float(x) for x in expected]
    require(
        values.ndim == 2 and values.shape[1] == len(wanted),
        f"samples of shape {tuple(samples.shape)} and {len(wanted)} expectations",
    )
    count = values.shape[0] if batches is None else batches
    if not 2 <= count <= values.shape[0]:
        raise SettingError("too few samples", batches=count, samples=values.shape[0])
    length = values.shape[0] // count
    xp = namespace(values)
    means = xp.mean(xp.reshape(values[: count * length], (count, length, -1)), axis=1)
    quantile = float(student.isf(false_alarm / (2.0 * len(wanted)), count - 1))
    for column, law in enumerate(wanted):
        mean = float(xp.mean(means[:, column]))
        error = float(xp.std(means[:, column], correction=1)) / math.sqrt(count)
        require(
            error * quantile <= resolution,
            f"column {column} cannot be judged: the half width of its interval is "
            f"{number(error * quantile)}, which hides deviations of {number(resolution)}; take "
            f"more samples",
        )
        apart = abs(mean - law)
        require(
            apart <= quantile * error + bias,
            f"column {column} has mean {number(mean)}, the law says {number(law)}: "
            f"{ratio(apart, error):.3g} standard errors of {error:.3g} apart, "
            f"allowed {number(quantile)}{f' and a bias of {number(bias)}' if bias else ''} "
            f"(false alarms below {false_alarm:.3g} in all)",
        )
