"""The checks must pass right derivatives and refuse wrong ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.autodiff.tape import Primitive
from refimpl.errors import GradientCheckError

SMOOTH = {
    "exponential": lambda x: ad.sum(ad.exp(0.7 * x)),
    "tanh": lambda x: ad.sum(ad.tanh(x) * ad.sin(2.0 * x) + ad.exp(x)),
    "cross-entropy": lambda x: ad.softmax_cross_entropy(
        ad.reshape(x, (2, 3)) @ np.array([[1.0, 2.0, -1.0], [0.5, -1.0, 1.5], [2.0, 0.0, 1.0]]),
        np.array([0, 2]),
    ),
    "norm": lambda x: ad.norm(ad.exp(x)),
}


@pytest.mark.parametrize("name", SMOOTH)
@given(seed=st.integers(0, 2**32))
def test_slope_is_two_and_with_the_hessian_three(name, seed):
    """Along a direction whose leading term happens to vanish the order may be higher, so one of a
    few directions has to show it exactly, and none may fall short."""
    x = Rng(seed, ("point",)).normal((6,))
    for hessian, order in ((False, 2.0), (True, 3.0)):
        slopes = [
            ad.check_slope(SMOOTH[name], x, Rng(seed, (i,)), hessian=hessian).slope
            for i in range(5)
        ]
        assert min(slopes) >= order - 0.05
        assert min(abs(slope - order) for slope in slopes) <= 0.05


@given(seed=st.integers(0, 2**32))
def test_slope_refuses_a_wrong_gradient(seed):
    x = Rng(seed, ("point",)).normal((6,))
    right = ad.grad(SMOOTH["tanh"])(x)
    wrong = right + 0.05 * (1.0 + np.abs(right))
    with pytest.raises(GradientCheckError, match="shrinks too slowly") as caught:
        ad.check_slope(SMOOTH["tanh"], x, Rng(seed), gradient=wrong)
    assert caught.value.expected == 2.0
    assert caught.value.slope < 1.9


def test_slope_refuses_a_wrong_hessian():
    """A rule right to first order, whose own derivative is cut off."""
    half = Primitive(lambda x, /: x**3)
    half.derivatives(lambda g, ans, x: g * (3.0 * ad.stop_gradient(x) ** 2))
    x = np.array([0.7, -1.2])
    ad.check_slope(lambda x: ad.sum(half(x)), x, Rng(0))
    with pytest.raises(GradientCheckError, match="shrinks too slowly") as caught:
        ad.check_slope(lambda x: ad.sum(half(x)), x, Rng(0), hessian=True)
    assert caught.value.slope == pytest.approx(2.0, abs=0.05)


def test_slope_of_a_quadratic_is_infinite_with_its_hessian():
    result = ad.check_slope(lambda x: ad.sum(x * x), np.ones(3), Rng(0), hessian=True)
    assert result.slope == np.inf


def test_slope_takes_trees():
    params = {"a": np.ones(2), "b": [np.full((2, 2), 0.3)]}
    result = ad.check_slope(lambda p: ad.sum(ad.exp(p["a"] @ p["b"][0])), params, Rng(1))
    assert result.slope == pytest.approx(2.0, abs=0.05)
    assert len(result.steps) == len(result.remainders) >= 3


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, ans, x: g,
        lambda g, ans, x: -g * ad.cos(x),
        lambda g, ans, x: g * ad.cos(x) * 1.0001,
    ],
)
def test_vjp_refuses_a_wrong_rule(rule):
    wrong = Primitive(lambda x, /: np.sin(x))
    wrong.derivatives(rule)
    with pytest.raises(GradientCheckError) as caught:
        ad.check_vjp(wrong, np.array([0.3, 1.1]), Rng(3))
    error = caught.value
    assert error.mismatch > error.tolerance
    assert error.forward != error.reverse


def test_vjp_refuses_a_nan():
    broken = Primitive(lambda x, /: x * x)
    broken.derivatives(lambda g, ans, x: g * np.nan)
    with pytest.raises(GradientCheckError):
        ad.check_vjp(broken, np.ones(2), Rng(0))


def test_vjp_check_works_on_every_backend(xb):
    x = {"w": xb.asarray([[0.3, -0.2], [0.5, 0.8]]), "b": xb.asarray([0.1, 0.2])}
    assert ad.check_vjp(lambda p: ad.tanh(p["w"] @ p["w"] + p["b"]), x, Rng(0)) < 2e-3
