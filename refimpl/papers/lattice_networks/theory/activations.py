"""Suprema of the derivatives of smooth activations, from the exact places of their maxima.

With u = tanh(x/2) every derivative of the sigmoid is a polynomial in u: T_0 = (1 + u)/2 and
T_{n+1} = T_n' (1 − u²)/2. T_n vanishes at −1 and 1, so by Rolle's theorem the zeros of T_n' lie one
between each two neighbouring zeros of T_n, and are those of T_{n+1} inside: bisection finds all of
them, and the supremum is the largest |T_n| there. tanh(x) = 2 s(2x) − 1 multiplies by 2^{n+1}. The
derivatives of swish are x T_n + n T_{n−1}: their maxima are the sign changes of the next one. Those
of sin have supremum 1.

>>> [round(suprema("sigmoid", 3)[n], 10) for n in range(3)]
[0.25, 0.0962250449, 0.125]
"""

from __future__ import annotations

import functools
import itertools
import math

from refimpl.errors import SettingError

LARGEST_ORDER = 12

_RANGE, _STEPS = 40.0, 4000


@functools.lru_cache(maxsize=1)
def _polynomials() -> tuple[tuple[float, ...], ...]:
    """T_0 .. T_13 by rising powers of u."""
    polynomials: list[tuple[float, ...]] = [(0.5, 0.5)]
    for _ in range(LARGEST_ORDER + 1):
        slope = [k * c for k, c in enumerate(polynomials[-1])][1:]
        padded = [*slope, 0.0, 0.0]
        shifted = [0.0, 0.0, *slope]
        polynomials.append(tuple(0.5 * (a - b) for a, b in zip(padded, shifted, strict=True)))
    return tuple(polynomials)


def _value(polynomial: tuple[float, ...], u: float) -> float:
    result = 0.0
    for coefficient in reversed(polynomial):
        result = result * u + coefficient
    return result


def _bisect(function: object, low: float, high: float) -> float:
    """The sign change of a function between two places of different sign."""
    assert callable(function)
    rising = function(low) < 0.0
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        if (function(middle) < 0.0) == rising:
            low = middle
        else:
            high = middle


def _sigmoid(largest: int) -> list[float]:
    polynomials = _polynomials()
    zeros, found = [-1.0, 1.0], []
    for n in range(1, largest + 1):
        slope = tuple(k * c for k, c in enumerate(polynomials[n]))[1:]
        inner = [
            _bisect(functools.partial(_value, slope), low, high)
            for low, high in itertools.pairwise(zeros)
        ]
        found.append(max(abs(_value(polynomials[n], u)) for u in inner))
        zeros = [-1.0, *inner, 1.0]
    return found


def _swish_derivative(n: int, x: float) -> float:
    polynomials, u = _polynomials(), math.tanh(0.5 * x)
    return x * _value(polynomials[n], u) + n * _value(polynomials[n - 1], u)


def _swish(largest: int) -> list[float]:
    """The n-th derivative has the size of its mirror image for n >= 2: x >= 0 is enough."""
    places = [_RANGE * k / _STEPS for k in range(_STEPS + 1)]
    found = []
    for n in range(1, largest + 1):
        slope = functools.partial(_swish_derivative, n + 1)
        signs = [slope(x) < 0.0 for x in places]
        best = abs(_swish_derivative(n, 0.0))
        for k in range(_STEPS):
            if signs[k] != signs[k + 1]:
                x = _bisect(slope, places[k], places[k + 1])
                best = max(best, abs(_swish_derivative(n, x)))
        found.append(best)
    return found


@functools.lru_cache(maxsize=16)
def suprema(activation: str, largest: int = LARGEST_ORDER) -> tuple[float, ...]:
    """sup |s^{(n)}| for n = 1 .. ``largest``.

    Parameters
    ----------
    activation : {"sigmoid", "tanh", "swish", "sin"}
    largest : int
        At most 12.

    Raises
    ------
    SettingError
        For another activation, or a larger order.

    Examples
    --------
    >>> suprema("swish", 2)[1], suprema("sin", 3)
    (0.5, (1.0, 1.0, 1.0))
    """
    if not 1 <= largest <= LARGEST_ORDER:
        raise SettingError("suprema are known up to order 12", asked=largest)
    if activation == "sin":
        return (1.0,) * largest
    if activation == "swish":
        return tuple(_swish(largest))
    if activation not in ("sigmoid", "tanh"):
        raise SettingError(f"{activation!r} has no bounded derivatives of every order")
    double = activation == "tanh"
    values = enumerate(_sigmoid(largest), 1)
    return tuple(value * (2.0 ** (n + 1) if double else 1.0) for n, value in values)
