"""Points of circles against complex numbers and fractions."""

import cmath
from fractions import Fraction

import numpy as np
import pytest

from refimpl.constraints.circle_points import (
    largest_residual,
    nearest,
    rotated,
    slack_of,
    turned,
)
from refimpl.errors import InfeasibleError
from refimpl.random import Rng

RADII = [1.0, 0.3, 1e-20, 1e20]


def excess(theta, xi, radius):
    """The largest |θ² + ξ² − r²|/r² in exact arithmetic."""
    r = Fraction(radius)
    pairs = zip(theta.ravel(), xi.ravel(), strict=True)
    return max(abs(Fraction(float(x)) ** 2 + Fraction(float(y)) ** 2 - r * r) for x, y in pairs) / (
        r * r
    )


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("size", [1e-12, 0.01, 0.9, 3.0, 40.0])
def test_a_rotation_is_the_product_with_exp_of_i_times_the_angle(radius, size):
    phi, angle = Rng(0).uniform((2, 300), -1.0, 1.0)
    phi, angle = np.pi * phi, size * angle
    theta, xi = radius * np.sin(phi), radius * np.cos(phi)
    x, y = rotated(theta, xi, angle, radius)
    for end, start, a in zip(y + 1j * x, xi + 1j * theta, angle, strict=True):
        assert abs(end - start * cmath.exp(1j * a)) <= 1e-15 * radius
    assert excess(x, y, radius) <= 1e-15
    assert abs(float(largest_residual(x, y, radius)) - excess(x, y, radius)) <= 5e-16


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_many_turns_stay_on_the_circle(dtype):
    eps = np.finfo(dtype).eps
    theta, xi = np.array([0.6, 0.0, -1.0], dtype), np.array([0.8, -1.0, 0.0], dtype)
    sine, cosine = (np.full(3, f(0.01), dtype) for f in (np.sin, np.cos))
    for _ in range(20_000):
        theta, xi = turned(theta, xi, sine, cosine, 1.0)
        assert float(largest_residual(theta, xi, 1.0)) <= 4.0 * eps
    assert theta.dtype == xi.dtype == dtype


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200, 1e-310])
def test_the_nearest_point_has_the_direction_of_the_point(radius, scale):
    x, y = scale * Rng(1).normal((2, 200))
    theta, xi = nearest(x, y, radius)
    assert excess(theta, xi, radius) <= 1.5e-15
    cross = x / scale * (xi / radius) - y / scale * (theta / radius)
    allowed = 1e-15 if scale > 1e-300 else 1e-12  # the point itself has fewer digits
    assert np.max(np.abs(cross)) <= 5.0 * allowed
    assert np.all(x / scale * theta + y / scale * xi > 0.0)
    with pytest.raises(InfeasibleError, match="centre") as caught:
        nearest(np.array([1.0, 0.0]), np.array([1.0, 0.0]), radius)
    assert caught.value.numbers["radius"] == radius


def test_a_large_array_is_what_its_parts_are():
    x, y, angle = Rng(2).normal((3, 90_000))
    x[5] = y[5] = 1e-200
    for function in (lambda *part: nearest(*part[:2], 2.0), lambda *part: rotated(*part, 2.0)):
        theta, xi = function(x, y, angle)
        for part in (slice(0, 9), slice(70_000, 70_009)):
            small = function(x[part], y[part], angle[part])
            np.testing.assert_allclose(theta[part], small[0], rtol=1e-14)
            np.testing.assert_allclose(xi[part], small[1], rtol=1e-14)
    theta, xi = nearest(x, y, 2.0)
    assert float(largest_residual(theta, xi, 2.0)) <= 1e-15
    theta[88_888] = 5.0
    assert float(largest_residual(theta, xi, 2.0)) >= 5.0


def test_the_slack_of_a_weight_on_the_bound_is_zero():
    assert slack_of(np.array([0.3, -0.3]), 0.3).tolist() == [0.0, 0.0]
    assert slack_of(np.array([3e-200], np.float64), 5e-200).tolist() == pytest.approx([4e-200])
