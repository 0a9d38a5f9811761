"""The conventions at kinks, which finite differences cannot see."""

import numpy as np
import pytest
from helpers import assert_close
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad


def slope(function, x):
    return ad.grad(lambda x: ad.sum(function(x)))(x)


@pytest.mark.parametrize(
    ("function", "at_zero"),
    [(ad.relu, 0.0), (ad.abs, 0.0), (ad.leaky_relu, 0.01), (ad.norm, 0.0)],
    ids=["relu", "abs", "leaky_relu", "norm"],
)
def test_derivative_at_zero(xb, function, at_zero):
    assert_close(slope(function, xb.zeros((3,))), xb.asarray(np.full(3, at_zero)))
    assert_close(slope(function, xb.zeros(())), xb.asarray(np.asarray(at_zero)))


def test_linear_relu_at_zero_agrees_with_relu():
    x, w = np.eye(2), np.array([[0.0, 1.0]])
    pairs = [slope(f, w) for f in (lambda w: ad.linear_relu(x, w), lambda w: ad.relu(x @ w.mT))]
    assert_close(*pairs)
    assert pairs[0].tolist() == [[0.0, 1.0]]


def test_norm_of_a_zero_row_leaves_the_others_alone():
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert_close(slope(lambda x: ad.norm(x, axis=1), x), np.array([[0.0, 0.0], [0.6, 0.8]]))


def test_norm_at_zero_inside_a_second_derivative_is_finite():
    found = ad.hvp(lambda x: ad.norm(x) + ad.sum(x * x), np.zeros(2), np.ones(2))
    assert np.isfinite(found).all()


def test_clip_passes_the_cotangent_at_its_bounds_and_inside_only():
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert slope(lambda x: ad.clip(x, -1.0, 1.0), x).tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
    assert slope(lambda x: ad.clip(x, None, 1.0), x).tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]
    assert slope(lambda x: ad.clip(x, -1.0, None), x).tolist() == [0.0, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("function", [ad.max, ad.min])
@given(ties=st.integers(1, 5), others=st.integers(0, 3), seed=st.integers(0, 2**32))
def test_ties_in_an_extremum_share_equally(function, ties, others, seed):
    sign = 1.0 if function is ad.max else -1.0
    x = np.concatenate([np.full(ties, sign), np.zeros(others)])
    x = x[Rng(seed).permutation(len(x))]
    assert_close(slope(function, x), np.where(x == sign, 1.0 / ties, 0.0))
    assert_close(
        slope(lambda x: function(x, axis=1), np.stack([x, 2 * x])),
        np.tile(np.where(x == sign, 1.0 / ties, 0.0), (2, 1)),
    )


@pytest.mark.parametrize("function", [ad.maximum, ad.minimum])
def test_ties_between_two_arrays_share_equally(function):
    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])
    _, pullback = ad.vjp(function, x, y)
    first, second = pullback(np.ones(3))
    larger = [0.5, 0.0, 1.0] if function is ad.maximum else [0.5, 1.0, 0.0]
    assert first.tolist() == larger
    assert (first + second).tolist() == [1.0, 1.0, 1.0]


def test_power_at_zero_base():
    zero = np.zeros(2)
    assert slope(lambda x: x**2, zero).tolist() == [0.0, 0.0]
    assert slope(lambda x: x**1, zero).tolist() == [1.0, 1.0]
    assert slope(lambda x: x**0, zero).tolist() == [0.0, 0.0]


def test_straight_through_sign():
    x = np.array([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5])
    assert ad.sign_straight_through(x).tolist() == [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0]
    g = np.arange(1.0, 8.0)
    for window, passed in ((1.0, abs(x) <= 1.0), (0.5, abs(x) <= 0.5), (None, abs(x) < 9.0)):
        _, pullback = ad.vjp(lambda x, w=window: ad.sign_straight_through(x, window=w), x)
        assert_close(pullback(g), g * passed)


def test_hinge_at_its_corner_has_no_slope():
    scores = np.array([1.0, 0.5, 2.0])
    slopes = slope(lambda s: ad.hinge(s, np.ones(3), reduction="none"), scores)
    assert slopes.tolist() == [0.0, -1.0, 0.0]
