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


# --- selection selects ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (lambda x: ad.where(ad.value(x) < 1, x, ad.sqrt(x)), 0.0, 1.0),
        (lambda x: ad.maximum(ad.sqrt(x * x), 1e-10), 0.0, 0.0),
        (lambda x: ad.where(x > 0, x * ad.log(x), 0 * x), 0.0, 0.0),
        (lambda x: ad.where(x > 0, x / x, 3.0 * x), 0.0, 3.0),
        (lambda x: ad.where(x < 1, x, ad.exp(1000.0 * x) * x), 0.9, 1.0),
        (lambda x: ad.where(x < 1, x, ad.arccos(x)), -1.0, 1.0),
        (lambda x: ad.where(x < 1, x, ad.log1p(x)), -1.0, 1.0),
        (lambda x: ad.where(x < 1, x, x**0.5), 0.0, 1.0),
        (lambda x: ad.relu(ad.sqrt(x * x) - 0.1), 0.0, 0.0),
        (lambda x: ad.clip(ad.sqrt(x), 0.1, 1.0), 0.0, 0.0),
        (lambda x: ad.max(ad.stack([ad.sqrt(x), x + 1.0])), 0.0, 1.0),
        (lambda x: ad.stack([ad.sqrt(x), 2.0 * x])[1], 0.0, 2.0),
        (lambda x: ad.take(ad.stack([ad.sqrt(x), 2.0 * x]), np.array([1]))[0], 0.0, 2.0),
    ],
)
def test_a_branch_that_is_not_taken_has_no_part(function, x, expected):
    """The steepness of what was left out is infinite there, and its share is 0."""
    with np.errstate(all="ignore"):
        assert float(ad.grad(function)(np.asarray(x))) == expected
        assert np.isfinite(ad.grad(ad.grad(function))(np.asarray(x)))


def test_an_infinite_cotangent_stops_where_nothing_was_chosen():
    def f(x):
        return ad.sum(ad.sqrt(ad.relu(x)))

    with np.errstate(all="ignore"):
        assert ad.grad(f)(np.array([-1.0, 4.0])).tolist() == [0.0, 0.25]


def test_selection_keeps_broadcast_shapes():
    x, y = np.array([[0.0], [4.0]]), np.array([1.0, 9.0, 0.0])
    with np.errstate(all="ignore"):
        first, second = ad.grad(lambda z: ad.sum(ad.where(z[1] > 0, z[0] / z[1], 1.0)))((x, y))
    assert_close(first, np.full((2, 1), 1.0 + 1.0 / 9.0))
    assert_close(second, np.array([-4.0, -4.0 / 81.0, 0.0]))


def test_a_class_that_is_impossible_costs_nothing():
    logits, label = np.array([[0.0, -np.inf]]), np.array([0])
    for loss in (ad.softmax_cross_entropy, ad.multiclass_hinge):
        value, slopes = ad.value_and_grad(lambda z, loss=loss: loss(z, label))(logits)
        assert (float(value), slopes.tolist()) == (0.0, [[0.0, 0.0]])
    soft = np.array([[1.0, 0.0]])
    assert float(ad.softmax_cross_entropy(logits, soft)) == 0.0
    assert float(ad.gather(logits, label)[0]) == 0.0
    assert float(ad.trace(np.array([[1.0, np.inf], [-np.inf, 2.0]]))) == 3.0
    nothing = np.array([-np.inf, -np.inf])
    with np.errstate(divide="ignore"):
        assert float(ad.logsumexp(nothing)) == -np.inf


# --- indices -------------------------------------------------------------------------------------


def test_indices_that_count_from_the_end_have_their_adjoint(xb):
    x = xb.asarray([1.0, 2.0, 3.0])
    last = xb.xp.asarray([-1, -1, 0], device=xb.device)
    assert_close(slope(lambda x: ad.take(x, last), x), xb.asarray([1.0, 0.0, 2.0]))
    table = xb.asarray([[1.0, 2.0], [3.0, 4.0]])
    picked = xb.xp.asarray([-1, 0], device=xb.device)
    assert_close(ad.gather(table, picked), xb.asarray([2.0, 3.0]))
    assert_close(slope(lambda x: ad.gather(x, picked), table), xb.asarray([[0.0, 1], [1, 0]]))


@pytest.mark.parametrize("index", [3, -4, 10**6])
def test_indices_beyond_the_ends_are_errors(index):
    for function in (ad.take, ad.gather):
        x = np.ones(3) if function is ad.take else np.ones((1, 3))
        with pytest.raises(IndexError, match=str(index)):
            function(x, np.array([index]))


# --- powers --------------------------------------------------------------------------------------


def test_powers_with_exponents_of_numpy():
    assert float(ad.grad(lambda w: ad.sum(w ** np.arange(3)))(np.asarray(0.0))) == 1.0
    assert float(ad.grad(ad.grad(lambda w: ad.sum(w ** np.arange(4))))(np.asarray(0.0))) == 2.0
    bell = ad.grad(ad.grad(ad.grad(lambda x: ad.exp(-(x ** np.int64(2))))))
    assert float(bell(np.asarray(0.0))) == 0.0
    for two in (np.int64(2), np.int32(2), np.float64(2.0), np.float32(2.0)):
        assert (np.ones(2, np.float32) ** 2).dtype == ad.power(np.ones(2, np.float32), two).dtype
    assert float(ad.grad(lambda p: np.asarray(0.0) ** p)(np.asarray(2.0))) == 0.0


# --- dtype ---------------------------------------------------------------------------------------


def test_a_gradient_has_the_dtype_of_its_argument():
    x = np.ones(2, np.float32)
    gradient = ad.grad(lambda x: ad.sum(x * np.ones(2)))(x)
    assert gradient.dtype == np.float32
    product = ad.hvp(lambda x: ad.sum(x**3 * np.ones(2)), x, np.ones(2))
    assert product.dtype == np.float32 and product.tolist() == [6.0, 6.0]
