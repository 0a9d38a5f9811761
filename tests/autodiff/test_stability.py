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
