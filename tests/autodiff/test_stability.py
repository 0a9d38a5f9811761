"""Fused losses and stable functions where the plain formula overflows, against mpmath."""

import math

import mpmath
import numpy as np
import pytest
from helpers import assert_close
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad

SCALES = [1e-8, 1.0, 30.0, 1e3, 1e6]


def exact(function, *numbers):
    with mpmath.workdps(60):
        return function(*[mpmath.mpf(float(x)) for x in numbers])


def cross_entropy(logits, label):
    """-log softmax, in 60 digits with an exponent range that does not overflow."""
    with mpmath.workdps(60):
        terms = [
            mpmath.exp(mpmath.mpf(float(z)) - mpmath.mpf(float(logits[label]))) for z in logits
        ]
        return mpmath.log(mpmath.fsum(terms))


def softmax(logits):
    with mpmath.workdps(60):
        top = max(mpmath.mpf(float(z)) for z in logits)
        terms = [mpmath.exp(mpmath.mpf(float(z)) - top) for z in logits]
        return np.array([float(t / mpmath.fsum(terms)) for t in terms])


@pytest.mark.parametrize("scale", SCALES)
@given(seed=st.integers(0, 2**32), classes=st.integers(2, 6))
def test_cross_entropy_of_large_logits(scale, seed, classes):
    logits = scale * Rng(seed).normal((3, classes))
    labels = Rng(seed, ("labels",)).integers(0, classes, (3,))
    losses, pullback = ad.vjp(
        lambda z: ad.softmax_cross_entropy(z, labels, reduction="none"), logits
    )
    expected = [float(cross_entropy(row, k)) for row, k in zip(logits, labels, strict=True)]
    # the logits themselves carry eps * scale, hence the absolute part
    assert_close(losses, np.array(expected), rtol=1e-13, atol=1e-15 * max(1.0, scale))
    chances = np.stack([softmax(row) for row in logits])
    chances[np.arange(3), labels] -= 1.0
    assert_close(pullback(np.ones(3)), chances, rtol=1e-12, atol=1e-15)


def test_cross_entropy_at_the_end_of_the_range():
    logits = np.array([[8e307, -8e307], [0.0, 1e300]])
    value, gradient = ad.value_and_grad(
        lambda z: ad.softmax_cross_entropy(z, np.array([0, 1]), reduction="sum")
    )(logits)
    assert float(value) == 0.0
    assert gradient.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_recorded_cross_entropy_is_as_stable():
    """Inside another differentiation the saved values are not used."""
    logits = np.array([[1000.0, 0.0, -1000.0], [0.0, 800.0, 801.0]])
    labels = np.array([0, 1])

    def f(z):
        return ad.softmax_cross_entropy(z, labels)

    product = ad.hvp(f, logits, np.ones((2, 3)) * np.array([1.0, 2.0, 3.0]))
    p = softmax(logits[1])
    v = np.array([1.0, 2.0, 3.0])
    assert_close(product[0], np.zeros(3), atol=1e-15)
    assert_close(product[1], 0.5 * p * (v - p @ v), rtol=1e-12)


@pytest.mark.parametrize("scale", SCALES)
@given(seed=st.integers(0, 2**32))
def test_logistic_of_large_scores(scale, seed):
    scores = scale * Rng(seed).normal((4,))
    labels = Rng(seed, ("labels",)).rademacher((4,))
    losses, pullback = ad.vjp(lambda s: ad.logistic_loss(s, labels, reduction="none"), scores)
    for found, slope, s, y in zip(losses, pullback(np.ones(4)), scores, labels, strict=True):
        loss = exact(lambda s, y: mpmath.log1p(mpmath.exp(-y * s)), s, y)
        derivative = exact(lambda s, y: -y / (1 + mpmath.exp(y * s)), s, y)
        assert math.isclose(found, float(loss), rel_tol=1e-14, abs_tol=1e-300)
        assert math.isclose(slope, float(derivative), rel_tol=1e-13, abs_tol=1e-16)


@pytest.mark.parametrize("x", [-1e4, -745.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 745.0, 1e4])
def test_stable_scalar_functions(x):
    at = np.asarray(x)
    expected = {
        ad.softplus: exact(lambda t: mpmath.log1p(mpmath.exp(t)), x),
        ad.sigmoid: exact(lambda t: 1 / (1 + mpmath.exp(-t)), x),
    }
    for function, value in expected.items():
        assert math.isclose(float(function(at)), float(value), rel_tol=1e-14, abs_tol=1e-16)
        assert np.isfinite(ad.grad(function)(at))
    slope = exact(lambda t: mpmath.exp(-abs(t)) / (1 + mpmath.exp(-abs(t))) ** 2, x)
    assert math.isclose(float(ad.grad(ad.sigmoid)(at)), float(slope), rel_tol=1e-13, abs_tol=1e-16)


@pytest.mark.parametrize("shift", [-1e4, 0.0, 1e4])
def test_logsumexp_is_equivariant_under_shifts(xb, shift):
    x = np.array([[0.0, 1.0, -2.0], [3.0, 3.0, 3.0]])
    with mpmath.workdps(60):
        rows = [float(mpmath.log(mpmath.fsum(mpmath.exp(float(v)) for v in row))) for row in x]
    found = ad.logsumexp(xb.asarray(x + shift), axis=1)
    assert_close(found, xb.asarray(np.array(rows) + shift), factor=4.0)
    assert_close(ad.softmax(xb.asarray(x + shift)), np.stack([softmax(row) for row in x]))


def test_arccos_keeps_its_slope_near_one():
    """1 - x^2 would lose half the digits here."""
    x = 1.0 - 1e-12
    slope = exact(lambda t: -1 / mpmath.sqrt((1 - t) * (1 + t)), x)
    assert math.isclose(float(ad.grad(ad.arccos)(np.asarray(x))), float(slope), rel_tol=1e-15)


# --- tails ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [-700.0, -300.0, -40.0, -37.5, -30.0, -20.0, -1.0, 20.0, 36.0, 40.0])
def test_tails_keep_their_digits(x):
    """Relative errors: a tail that is lost to rounding is all that a late gradient consists of."""
    at = np.asarray(x)
    sigmoid = exact(lambda t: 1 / (1 + mpmath.exp(-t)), x)
    bell = exact(lambda t: mpmath.exp(-abs(t)) / (1 + mpmath.exp(-abs(t))) ** 2, x)
    pairs = [
        (ad.sigmoid(at), sigmoid),
        (ad.grad(ad.softplus)(at), sigmoid),
        (ad.grad(ad.sigmoid)(at), bell),
        (ad.grad(ad.tanh)(at / 2), 4 * bell),
        (ad.grad(ad.expm1)(at), exact(mpmath.exp, x)),
    ]
    with mpmath.workdps(60):
        slope = bell * mpmath.tanh(-mpmath.mpf(x) / 2)
        pairs.append((ad.grad(ad.grad(ad.sigmoid))(at), slope))
    for found, expected in pairs:
        assert math.isclose(found, float(expected), rel_tol=2e-14)


@pytest.mark.parametrize("margin", [5.0, 17.0, 36.0, 37.0, 40.0, 300.0])
def test_losses_of_large_margins_keep_their_digits(margin):
    loss = float(exact(lambda m: mpmath.log1p(mpmath.exp(-m)), margin))
    slope = float(exact(lambda m: -1 / (1 + mpmath.exp(m)), margin))
    score, logits = np.array([margin]), np.array([[margin, 0.0]])
    logistic = ad.value_and_grad(lambda z: ad.logistic_loss(z, np.array([1.0])))(score)
    cross = ad.value_and_grad(lambda z: ad.softmax_cross_entropy(z, np.array([0])))(logits)
    assert math.isclose(logistic[0], loss, rel_tol=1e-14)
    assert math.isclose(logistic[1][0], slope, rel_tol=1e-14)
    assert math.isclose(cross[0], loss, rel_tol=1e-14)
    np.testing.assert_allclose(cross[1], [[slope, -slope]], rtol=1e-14)
    curvature = ad.hvp(
        lambda z: ad.softmax_cross_entropy(z, np.array([0])), logits, np.array([[1.0, 0.0]])
    )
    bell = float(exact(lambda m: mpmath.exp(-m) / (1 + mpmath.exp(-m)) ** 2, margin))
    np.testing.assert_allclose(curvature, [[bell, -bell]], rtol=1e-13)


def test_tail_of_float32():
    found = float(ad.sigmoid(np.asarray(-20.0, np.float32)))
    assert math.isclose(found, 1.0 / (1.0 + math.exp(20.0)), rel_tol=1e-6)


# --- lengths -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [(np.float64, s) for s in (1e-300, 1e-170, 1.0, 1e170, 1e300)]
    + [(np.float32, s) for s in (1e-35, 1e-25, 1.0, 1e25, 1e35)],
)
def test_norms_of_every_scale(dtype, scale):
    x = np.asarray([3.0 * scale, 4.0 * scale], dtype)
    value, gradient = ad.value_and_grad(ad.norm)(x)
    unit = np.finfo(dtype).eps
    assert math.isclose(value, 5.0 * scale, rel_tol=8 * unit) and value.dtype == dtype
    np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=8 * unit)
    rows = np.stack([x, 0.0 * x, x / x])
    found = ad.norm(rows, axis=1)
    np.testing.assert_allclose(found, [value, 0.0, math.sqrt(2.0)], rtol=8 * unit)
    assert math.isclose(ad.norm_tree([x, x]), 5.0 * math.sqrt(2.0) * scale, rel_tol=8 * unit)


def test_norms_of_what_is_not_finite():
    assert float(ad.norm(np.array([np.inf, 1.0]))) == np.inf
    assert np.isnan(float(ad.norm(np.array([np.nan, 1.0]))))
    assert ad.norm(np.zeros((2, 0)), axis=1).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "square",
    [
        lambda x: ad.norm(x) ** 2,
        lambda x: ad.square(ad.norm(x)),
        lambda x: (lambda n: n * n)(ad.norm(x)),
        lambda x: ad.sum(ad.norm(x[None, :], axis=1) ** 2.0),
        lambda x: ad.sum(ad.power(ad.norm(x[None, :], 1, True), 2)),
    ],
)
@pytest.mark.parametrize("x", [[0.0, 0.0], [3.0, 4.0]])
def test_square_of_a_norm_has_its_second_derivative(square, x):
    x = np.array(x)
    value, gradient = ad.value_and_grad(square)(x)
    assert_close(value, x @ x)
    assert_close(gradient, 2 * x)
    assert ad.hvp(square, x, np.array([1.0, 0.0])).tolist() == [2.0, 0.0]
