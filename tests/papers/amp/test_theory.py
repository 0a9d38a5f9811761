"""Closed forms of AMP against brute force: angles, fine grids, scalar loops, differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from refimpl.errors import StepSizeError
from refimpl.papers.amp.theory import dynamics, penalty, surface, wells
from refimpl.papers.amp.theory.ball import maximum

seeds = st.integers(0, 10**6)


def positive_definite(seed, size, condition=50.0):
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(size, size)))[0]
    spectrum = condition ** rng.random(size)
    return (basis * spectrum) @ basis.T, rng


def on_circle(function, radius):
    """The largest value of a function of the plane on a circle: angles, then a local search."""
    angles = np.linspace(0.0, 2.0 * math.pi, 721)

    def at(t):
        return function(radius * np.asarray([math.cos(t), math.sin(t)]))

    best = angles[np.argmax([at(t) for t in angles])]
    found = minimize_scalar(
        lambda t: -at(t), bounds=(best - 0.02, best + 0.02), options={"xatol": 1e-12}
    )
    return -found.fun


# --- the secular equation ------------------------------------------------------------------------


@given(seed=seeds, radius=st.floats(0.1, 3.0))
def test_the_maximum_in_the_plane_is_the_one_that_angles_find(seed, radius):
    curvature, rng = positive_definite(seed, 2)
    slope = rng.normal(size=2)
    found = maximum(curvature, slope, radius)

    def value(x):
        return 0.5 * x @ curvature @ x + slope @ x

    assert found.value == pytest.approx(on_circle(value, radius), rel=1e-9)
    assert value(found.argument) == pytest.approx(found.value, rel=1e-11)
    assert not found.hard


@given(seed=seeds, size=st.integers(1, 9), radius=st.floats(0.05, 3.0))
def test_optimality_conditions(seed, size, radius):
    """Length ε, stationarity with a multiplier of at least the top eigenvalue: sufficient."""
    curvature, rng = positive_definite(seed, size)
    slope = rng.normal(size=size) * 10.0 ** rng.integers(-6, 3)
    found = maximum(curvature, slope, radius)
    scale = np.linalg.norm(curvature, 2)
    assert np.linalg.norm(found.argument) == pytest.approx(radius, rel=1e-12)
    assert found.multiplier >= scale * (1.0 - 1e-12)
    residual = found.multiplier * found.argument - curvature @ found.argument - slope
    assert np.linalg.norm(residual) <= 1e-10 * (scale * radius + np.linalg.norm(slope))


def test_the_hard_case_is_completed_along_the_top():
    curvature = np.diag([4.0, 1.0])
    found = maximum(curvature, np.asarray([0.0, 1.0]), 2.0)
    assert found.hard and found.multiplier == 4.0
    assert found.argument[1] == pytest.approx(1.0 / 3.0)
    assert np.linalg.norm(found.argument) == pytest.approx(2.0)
    steep = maximum(curvature, np.asarray([0.0, 30.0]), 2.0)
    assert not steep.hard and steep.argument == pytest.approx([0.0, 2.0])
    flat = maximum(np.zeros((2, 2)), np.asarray([3.0, 4.0]), 2.0)
    assert flat.value == pytest.approx(10.0)


def test_what_has_no_maximum_on_the_sphere_is_refused():
    with pytest.raises(ValueError, match="positive semi-definite"):
        maximum(np.diag([1.0, -0.5]), np.ones(2), 1.0)
    with pytest.raises(ValueError, match="radius must be positive"):
        maximum(np.eye(2), np.ones(2), 0.0)


# --- wells ---------------------------------------------------------------------------------------


@given(seed=seeds, radius=st.floats(0.1, 1.5))
def test_a_lifted_bowl_in_the_plane(seed, radius):
    """Off the center by angles; at the center the closed form is what they find too."""
    precision, rng = positive_definite(seed, 2, 9.0)

    def bowl(x):
        return 2.0 - 1.5 * math.exp(-0.5 * x @ precision @ x)

    offset = rng.normal(size=2)
    value = wells.perturbed_value(1.5, precision, offset, radius, 2.0)
    assert value == pytest.approx(on_circle(lambda d: bowl(offset + d), radius), rel=1e-9)
    lowest = wells.perturbed_minimum(1.5, 1.0 / np.linalg.eigvalsh(precision)[-1], radius, 2.0)
    assert lowest == pytest.approx(on_circle(bowl, radius), rel=1e-9)
    assert lowest < value


@given(
    depth=st.floats(1.01, 3.0),
    width=st.floats(0.1, 0.9),
    scale=st.floats(0.2, 5.0),
    unit=st.floats(0.2, 5.0),
    factor=st.sampled_from([0.99, 1.01]),
)
def test_the_order_flips_at_the_threshold(depth, width, scale, unit, factor):
    """Whatever depths and widths are measured in."""
    flat, sharp = wells.Well(scale, unit), wells.Well(scale * depth, unit * width)
    radius = factor * wells.reranking_radius(flat, sharp)
    reach = np.linspace(-radius, radius, 2001)
    lowest = [np.max(-w.depth * np.exp(-(reach**2) / (2.0 * w.width**2))) for w in (flat, sharp)]
    assert (lowest[0] < lowest[1]) == (factor > 1.0)
    ratio = wells.depth_ratio_threshold(radius**2 / (2.0 * sharp.width**2), 1.0 / width**2)
    assert (1.0 / depth > ratio) == (factor > 1.0)


def test_wells_that_no_radius_reorders_are_refused():
    for depth, width in ((0.9, 0.4), (1.0, 0.4), (2.0, 1.0), (2.0, 1.5)):
        with pytest.raises(ValueError, match="deeper and narrower"):
            wells.reranking_radius(wells.Well(1.0, 1.0), wells.Well(depth, width))
    with pytest.raises(ValueError, match="must be positive"):
        wells.Well(1.0, 0.0)
    with pytest.raises(ValueError, match="flatness"):
        wells.depth_ratio_threshold(1.0, 0.5)


# --- the line ------------------------------------------------------------------------------------


@given(seed=seeds, size=st.integers(1, 30), width=st.integers(0, 40))
@example(seed=0, size=2, width=1)
@example(seed=1, size=5, width=4)
def test_the_running_maximum_is_that_of_loops(seed, size, width):
    values = np.random.default_rng(seed).normal(size=size)
    expected = [max(values[max(0, i - width) : i + width + 1]) for i in range(size)]
    assert surface.running_maximum(values, width).tolist() == expected


@given(place=st.floats(-2.0, 2.0), radius=st.floats(0.0, 1.5))
def test_the_double_well_on_an_interval(place, radius):
    fine = np.linspace(place - radius, place + radius, 20_001)
    expected = np.max((fine**2 - 1.0) ** 2)
    assert surface.double_well_maximum(place, radius) == pytest.approx(expected, abs=1e-7)
    inside = np.linspace(-2.0, 2.0, 40_001)
    steepest = np.max(np.abs(4.0 * inside * (inside**2 - 1.0)))
    assert surface.double_well_slope_bound(2.0) == pytest.approx(steepest)
    assert surface.double_well_slope_bound(1.0) == pytest.approx(8.0 / math.sqrt(27.0))


def test_a_negative_window_is_refused():
    with pytest.raises(ValueError, match="half_width"):
        surface.running_maximum(np.zeros(3), -1)


# --- penalties and dynamics ----------------------------------------------------------------------


@given(rate=st.floats(0.1, 5.0), radius=st.floats(0.1, 5.0), norm=st.floats(0.01, 20.0))
def test_huber_integrates_the_length_of_the_inner_step(rate, radius, norm):
    """Its slope in ‖g‖ is min(ζ‖g‖, ε): the printed potential has twice that while unclipped."""
    step = np.linspace(0.0, norm, 20_001)
    area = np.trapezoid(np.minimum(rate * step, radius), step)
    assert penalty.huber(norm, rate, radius) == pytest.approx(area, rel=1e-6)
    expected = norm * min(rate * norm, radius)
    assert penalty.printed(norm, rate, radius) == pytest.approx(expected, rel=1e-12)


@given(seed=seeds, rate=st.floats(0.01, 1.0), inner=st.integers(0, 5))
def test_directions_and_iterates_on_a_quadratic(seed, rate, inner):
    curvature, rng = positive_definite(seed, 3, 4.0)
    offset = rng.normal(size=3)
    delta = np.zeros(3)
    for _ in range(inner):
        delta = delta + rate * curvature @ (offset + delta)
    found = penalty.quadratic_direction(curvature, offset, rate, inner)
    np.testing.assert_allclose(found, curvature @ (offset + delta), rtol=1e-9)
    place = offset
    for _ in range(4):
        slope = curvature @ place
        place = place - 0.05 * (slope + rate * curvature @ slope)
    np.testing.assert_allclose(
        penalty.quadratic_iterate(curvature, offset, 0.05, rate, 4), place, rtol=1e-9, atol=1e-12
    )


@given(h=st.floats(0.5, 18.0), rate=st.floats(0.2, 3.0), radius=st.floats(0.1, 1.0))
def test_bowls_settle_as_the_closed_form_says(h, rate, radius):
    """A scalar loop, away from the border where the decay takes for ever."""
    critical = dynamics.critical_curvature(0.1, rate)
    if abs(h / critical - 1.0) < 0.02:
        return
    x = 1.0
    for _ in range(3000):
        delta = max(-radius, min(radius, rate * h * x))
        x = x - 0.1 * h * (x + delta)
    assert abs(x) == pytest.approx(dynamics.cycle_amplitude(h, 0.1, rate, radius), abs=1e-9)


@pytest.mark.parametrize("start", [-2.0, 0.7])
@pytest.mark.parametrize("radius", [0.3, 1e3])
def test_the_first_step_from_a_zero_buffer(start, radius):
    """The bowl's gradient by differences, exact for a parabola: ascended, clipped and descended."""
    curvature, rate, learning_rate, momentum, decay = 1.7, 0.4, 0.1, 0.6, 0.05

    def slope(place):
        return curvature * ((place + 0.5) ** 2 - (place - 0.5) ** 2) / 2.0

    moved = max(-radius, min(radius, rate * slope(start)))
    gradient = slope(start + moved) + decay * start
    buffer = gradient
    found = dynamics.first_step(
        start, curvature, learning_rate=learning_rate, momentum=momentum, decay=decay,
        rate=rate, radius=radius,
    )  # fmt: skip
    assert found == pytest.approx(start - learning_rate * (gradient + momentum * buffer))


@pytest.mark.parametrize("rate", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_stability_ends_at_the_critical_curvature(rate, factor):
    """Just below it the unclipped iterates fall, just above they grow."""
    h = factor * dynamics.critical_curvature(0.1, rate)
    x = 1e-9
    for _ in range(50):
        x = x - 0.1 * h * (x + rate * h * x)
    assert (abs(x) < 1e-9) == (factor < 1.0)
    assert dynamics.critical_curvature(0.1, 1.0) == pytest.approx(4.0, rel=1e-14)


def test_bowls_too_sharp_for_descent_itself_are_refused():
    with pytest.raises(StepSizeError) as caught:
        dynamics.cycle_amplitude(20.0, 0.1, 1.0, 0.5)
    assert caught.value.step_times_curvature == 2.0
