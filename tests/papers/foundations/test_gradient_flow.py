"""Closed forms of gradient flow against quadrature and integration of the equations themselves."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from refimpl.papers.foundations.theory.gradient_flow import gain_at, network_at, time_to_gain

DEPTHS = (1, 2, 3, 4, 5, 8)


@pytest.mark.parametrize("depth", DEPTHS)
@given(slope=st.floats(0.3, 4.0), first=st.floats(0.01, 0.6), last=st.floats(0.65, 0.999))
def test_time_is_the_integral_of_the_reciprocal_speed(depth, slope, first, last):
    start, gain = first * slope, last * slope
    with mpmath.workdps(30):
        exponent = 2 - mpmath.mpf(2) / depth
        expected = mpmath.quad(
            lambda u: 1 / (depth * u**exponent * (slope - u)), [start, (start + gain) / 2, gain]
        )
    measured = time_to_gain(gain, start=start, slope=slope, depth=depth)
    assert measured == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("depth", DEPTHS)
@given(slope=st.floats(0.3, 3.0), fraction=st.floats(0.02, 0.9), time=st.floats(0.0, 5.0))
def test_gain_solves_the_flow_of_the_weights(depth, slope, fraction, time):
    start = fraction * slope

    def field(_, weights):  # every weight on its own, balance not assumed
        product = np.prod(weights)
        return (slope - product) * product / weights

    first = np.full(depth, start ** (1 / depth))
    path = solve_ivp(field, (0.0, time), first, method="DOP853", rtol=1e-11, atol=1e-12)
    measured = gain_at(time, start=start, slope=slope, depth=depth)
    assert measured == pytest.approx(np.prod(path.y[:, -1]), rel=1e-7)


@pytest.mark.parametrize("depth", [3, 4, 6])
def test_the_last_digits_of_the_approach_are_kept(depth):
    """Beyond the time at which the gain rounds to the slope, no failure and no overshoot."""
    for time in (5.0, 20.0, 1e3):
        assert gain_at(time, start=0.05, slope=2.0, depth=depth) <= 2.0
    assert gain_at(1e3, start=0.05, slope=2.0, depth=depth) == pytest.approx(2.0, rel=1e-14)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_starting_at_the_gain_takes_no_time(depth):
    assert time_to_gain(0.5, start=0.5, slope=2.0, depth=depth) == 0.0
    assert gain_at(0.0, start=0.5, slope=2.0, depth=depth) == pytest.approx(0.5, abs=1e-15)


def test_array_times_agree_with_floats():
    times = np.linspace(0.0, 3.0, 7)
    for depth in (1, 2):
        expected = [gain_at(float(t), start=0.1, slope=1.5, depth=depth) for t in times]
        np.testing.assert_allclose(
            gain_at(times, start=0.1, slope=1.5, depth=depth), expected, rtol=1e-15
        )


def test_network_is_the_sum_of_its_modes():
    left, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 2)))
    right, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 2)))
    found = network_at(0.7, left=left, right=right, starts=[0.2, 0.3], slopes=[2.0, 1.0], depth=3)
    values = np.linalg.svd(found, compute_uv=False)
    expected = [gain_at(0.7, start=s, slope=t, depth=3) for s, t in ((0.2, 2.0), (0.3, 1.0))]
    np.testing.assert_allclose(values[:2], sorted(expected, reverse=True), rtol=1e-13)
    assert values[2] < 1e-15


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gain_at(1.0, start=0.1, slope=1.0, depth=0), "depth"),
        (lambda: gain_at(1.0, start=0.0, slope=1.0, depth=2), "start"),
        (lambda: gain_at(1.0, start=0.1, slope=-1.0, depth=3), "slope"),
        (lambda: time_to_gain(1.2, start=0.1, slope=1.0, depth=3), "1.2"),
        (lambda: time_to_gain(1.0, start=0.1, slope=1.0, depth=1), "not reached"),
    ],
)
def test_impossible_requests_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("depth", [3, 4, 6])
@pytest.mark.parametrize("start", [1e-30, 1e-24, 1e-12, 1e-3])
def test_a_small_chain_keeps_its_digits(start, depth):
    """For a while a small chain only follows dx/dt = x^(D-1): x^(2-D) falls linearly in time."""
    time = 1e-12
    with mpmath.workdps(40):
        x = mpmath.mpf(start) ** (mpmath.mpf(1) / depth)
        later = (x ** (2 - depth) - (depth - 2) * mpmath.mpf(time)) ** (mpmath.mpf(1) / (2 - depth))
        expected = float(later**depth)
    found = gain_at(time, start=start, slope=1.0, depth=depth)
    assert found == pytest.approx(expected, rel=1e-12)
