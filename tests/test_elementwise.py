"""Formulas in pieces, and the sine and cosine of small angles."""

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest

from refimpl.elementwise import PIECE, extremes_in_pieces, in_pieces, sine_and_cosine

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(), (0,), (7, 3), (3, PIECE // 8 + 5), (4, 2 * PIECE // 8, 2)])
def test_pieces_make_up_the_whole(shape, dtype):
    x, y = (RNG.standard_normal(shape).astype(dtype) for _ in range(2))
    calls = []

    def formula(a, b, c):
        assert c is None
        calls.append(a.size)
        return a * b - a, np.maximum(a, b)

    first, second = in_pieces(formula, x, y, None)
    assert sum(calls) == x.size and (x.nbytes <= 2 * PIECE or max(calls) * x.itemsize <= PIECE)
    assert first.dtype == second.dtype == dtype and first.shape == shape
    np.testing.assert_array_equal(first, x * y - x)
    np.testing.assert_array_equal(second, np.maximum(x, y))
    if x.size:
        low, high = extremes_in_pieces(lambda a, b: a - b, x, y)
        assert (low, high) == ((x - y).min(), (x - y).max())


def test_any_order_in_memory_serves():
    x = np.asfortranarray(RNG.standard_normal((500, 300)))
    y = RNG.standard_normal((300, 500)).T
    (sum_of_both,) = in_pieces(lambda a, b: (a + b,), x, y)
    np.testing.assert_array_equal(sum_of_both, x + y)


def exact(x):
    """sin and cos of a double by their series in 60 digits."""
    getcontext().prec = 60
    value, found = Decimal(float(x)), [Decimal(0), Decimal(0)]
    term, k = Decimal(1), 0
    while k < 12 or abs(term) > Decimal(10) ** -45:
        found[k % 2] += term if k % 4 < 2 else -term
        k += 1
        term = term * value / k
    return found[1], found[0]


@pytest.mark.parametrize("bound", [1e-300, 1e-8, 1e-3, 0.05, 0.3, 1.0, 1.0000001, 6.0])
def test_sine_and_cosine_to_the_last_digits(bound):
    angles = RNG.uniform(-bound, bound, 400)
    angles[:3] = bound, -bound, 0.0
    for a, s, c in zip(angles, *sine_and_cosine(angles), strict=True):
        sine, cosine = exact(a)
        assert abs(Decimal(float(s)) - sine) <= Decimal(1.5 * math.ulp(float(sine)))
        assert abs(Decimal(float(c)) - cosine) <= Decimal("2.5e-16")


def test_what_has_no_series_is_left_to_the_library():
    single = RNG.uniform(-0.1, 0.1, 50).astype(np.float32)
    for found, expected in zip(sine_and_cosine(single), (np.sin, np.cos), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected(single))
    sine, cosine = sine_and_cosine(np.array([0.1, np.nan]))
    assert np.isnan(sine[1]) and np.isnan(cosine[1]) and abs(sine[0] - math.sin(0.1)) < 1e-16
    assert [part.shape for part in sine_and_cosine(np.zeros((0, 2)))] == [(0, 2), (0, 2)]
