"""Laws on circle, sphere and Stiefel manifold against arbitrary-precision quadrature, importance
sampling from the Haar measure, sparse eigenproblems and one-step simulations in plain NumPy."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from hypothesis import given
from hypothesis import strategies as st

from refimpl.papers.constrained_langevin.theory import dynamics
from refimpl.papers.constrained_langevin.theory import stationary as laws
from refimpl.testing import assert_stationary

FALSE_ALARM = 5.5
"""Standard errors: a Gaussian exceeds them with probability below 4e-8."""

CHANCE = {"false_alarm": 4e-8, "resolution": 0.05}


# --- stationary laws -----------------------------------------------------------------------------


@given(slope=st.floats(-4.0, 4.0), radius=st.floats(0.2, 3.0), temperature=st.floats(0.3, 3.0))
def test_circle_moments_are_ratios_of_integrals_over_the_angle(slope, radius, temperature):
    with mpmath.workdps(25):

        def integral(power):
            def weighted(phi):
                theta = radius * mpmath.sin(phi)
                return theta**power * mpmath.exp(-slope * theta / temperature)

            quarters = [mpmath.pi * j / 2 for j in range(-2, 3)]
            return mpmath.quad(weighted, quarters)

        mean, square = integral(1) / integral(0), integral(2) / integral(0)
    assert laws.circle_mean(slope, radius, temperature) == pytest.approx(float(mean), abs=1e-13)
    measured = laws.circle_second_moment(slope, radius, temperature)
    assert measured == pytest.approx(float(square), rel=1e-13)


def test_a_cold_circle_stays_finite_and_sits_at_the_bound():
    assert laws.circle_mean(1.0, 1.0, 1e-4) == pytest.approx(-1.0, abs=1e-4)
    assert laws.circle_density(np.array([0.5]), 1.0, 1.0, 1e-4) == pytest.approx(0.0)


@given(order=st.integers(0, 9), radius=st.floats(0.3, 2.0))
def test_arcsine_moments_are_averages_over_uniform_angles(order, radius):
    # Equidistant angles integrate trigonometric polynomials of this order exactly.
    angles = 2.0 * np.pi * np.arange(64) / 64
    expected = np.mean((radius * np.sin(angles)) ** order)
    assert laws.arcsine_moment(order, radius) == pytest.approx(expected, abs=1e-13 * radius**order)


@given(
    slope=st.floats(-3.0, 3.0),
    radius=st.floats(0.3, 2.0),
    temperature=st.floats(0.7, 3.0),
    share=st.floats(-0.95, 0.95),
)
def test_density_is_the_slope_of_the_cumulative_law(slope, radius, temperature, share):
    theta, step, law = share * radius, 1e-5 * radius, (slope, radius, temperature)
    high, low = (laws.circle_cumulative(theta + s, *law) for s in (step, -step))
    density = laws.circle_density(np.array([theta]), *law)[0]
    assert (high - low) / (2.0 * step) == pytest.approx(density, rel=1e-5)
    assert laws.circle_cumulative(radius, *law) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("dimension", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("concentration", [-3.0, -0.2, 0.0, 1e-6, 1.0, 2.0])
def test_sphere_mean_is_an_integral_over_the_height(dimension, concentration):
    if dimension == 1:  # two points
        expected = mpmath.tanh(concentration)
    else:

        def integral(power):
            def weighted(angle):
                height = mpmath.cos(angle)
                surface = mpmath.sin(angle) ** (dimension - 2)
                return height**power * surface * mpmath.exp(concentration * height)

            return mpmath.quad(weighted, [0, mpmath.pi / 2, mpmath.pi])

        expected = integral(1) / integral(0)
    measured = laws.sphere_mean(concentration, dimension)
    assert measured == pytest.approx(float(expected), abs=1e-12)


def haar(count, rows, columns, seed=0):
    """Haar points from the polar factor of Gaussian matrices."""
    draws = np.random.default_rng(seed).standard_normal((count, rows, columns))
    u, _, vt = np.linalg.svd(draws, full_matrices=False)
    return u @ vt


@pytest.mark.parametrize(("a", "b"), [(2.0, 1.0), (0.5, -1.5), (1e-5, 3.0), (0.0, 0.0)])
def test_stiefel_means_by_importance_sampling_from_the_haar_measure(a, b):
    points = haar(200_000, 4, 2)
    first, second = points[:, 0, 0], points[:, 1, 1]
    weights = np.exp(a * first + b * second)
    total = weights.mean()
    for measured, expected in (
        (weights, laws.stiefel_partition(a, b)),
        *((weights * (x - m) / total + m, m)
          for x, m in zip((first, second), laws.stiefel_mean(a, b), strict=True)),
    ):  # fmt: skip
        assert_stationary(measured, expected, bias=1e-12, **CHANCE)


def test_stiefel_means_to_six_digits_by_the_slope_of_the_partition_function():
    a, b, step = 2.0, 1.0, 1e-4

    def log(a, b):
        return math.log(laws.stiefel_partition(a, b))

    first = (log(a + step, b) - log(a - step, b)) / (2 * step)
    second = (log(a, b + step) - log(a, b - step)) / (2 * step)
    assert laws.stiefel_mean(a, b) == pytest.approx((first, second), abs=1e-8)
    assert 2.0 * first + second == pytest.approx(1.124704, abs=1e-6)


@pytest.mark.parametrize(("rows", "columns"), [(4, 2), (3, 1), (3, 3)])
def test_haar_moments_of_polar_factors(rows, columns):
    entries = haar(100_000, rows, columns)[:, 0, 0]
    for order in (1, 2, 4, 6):
        assert_stationary(entries**order, laws.haar_moment(order, rows), **CHANCE)


@pytest.mark.parametrize(("rows", "columns"), [(5, 3), (4, 4), (6, 1)])
def test_dimension_is_the_nullity_of_the_constraint_jacobian(rows, columns):
    w = haar(1, rows, columns)[0]
    units = np.eye(rows * columns).reshape(-1, rows, columns)
    jacobian = np.stack([(w.T @ u + u.T @ w).ravel() for u in units], axis=1)
    nullity = rows * columns - np.linalg.matrix_rank(jacobian)
    assert laws.stiefel_dimension(rows, columns) == nullity


@pytest.mark.parametrize(
    "call",
    [
        lambda: laws.circle_mean(1.0, radius=0.0),
        lambda: laws.circle_mean(1.0, temperature=-1.0),
        lambda: laws.arcsine_moment(-1),
        lambda: laws.sphere_mean(1.0, 0),
        lambda: laws.stiefel_dimension(2, 3),
        lambda: laws.haar_moment(2, 0),
        lambda: dynamics.circle_contraction(0.1, projection="nearest"),
        lambda: dynamics.stiefel_contraction(0.1, 3),
        lambda: dynamics.stiefel_contraction(0.1, 4, projection="polar"),
        lambda: dynamics.largest_stable_step(0.0),
    ],
)
def test_values_out_of_range_are_refused(call):
    with pytest.raises(ValueError):
        call()


# --- dynamics ------------------------------------------------------------------------------------


def tangent_noise(points, rng):
    noise = rng.standard_normal(points.shape)
    product = np.swapaxes(points, 1, 2) @ noise
    return noise - 0.5 * points @ (product + np.swapaxes(product, 1, 2))


@pytest.mark.parametrize(("rows", "columns"), [(4, 2), (3, 1), (5, 3)])
def test_decay_rate_is_half_the_mean_squared_tangent_noise(rows, columns):
    """The nearest point to W + s T is W + s T - s^2 W T^T T / 2 + ..., so that by rotation
    invariance E W' = (1 - s^2 E tr(T^T T) / (2 m)) W with s^2 = 2 tau h."""
    w = np.broadcast_to(np.eye(rows, columns), (100_000, rows, columns))
    squares = (tangent_noise(w, np.random.default_rng(1)) ** 2).sum(axis=(1, 2)) / columns
    assert_stationary(squares, dynamics.stiefel_decay_rate(rows, columns), **CHANCE)


@pytest.mark.parametrize("projection", ["shake", "radial"])
@pytest.mark.parametrize("step_size", [0.002, 0.02, 0.2])
def test_circle_contraction_by_gauss_hermite_noise(projection, step_size):
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    s = math.sqrt(2.0 * 0.5 * step_size) / 1.5
    along, normal = s * nodes[:, None], s * nodes[None, :]
    weight = weights[:, None] * weights[None, :]
    if projection == "shake":
        inside = np.abs(along) < 1.0
        weight = weight * inside
        cosine = np.sqrt(np.where(inside, 1.0 - along**2, 0.0)) + 0.0 * normal
    else:
        cosine = (1.0 + normal) / np.hypot(along, 1.0 + normal)
    expected = (weight * cosine).sum() / weight.sum()
    measured = dynamics.circle_contraction(step_size, 1.5, 0.5, projection)
    # The square root's branch points slow the quadrature down where the noise reaches them.
    assert measured == pytest.approx(expected, abs=1e-9 if step_size < 0.1 else 2e-3)


def shake_by_newton(w, target):
    """Every multiplier entry by Newton on a dense Jacobian: slow and independent."""
    m = w.shape[1]
    basis = [(i, j) for i in range(m) for j in range(i, m)]
    q = target.copy()
    for _ in range(30):
        residual = q.T @ q - np.eye(m)
        columns = []
        for i, j in basis:
            e = np.zeros((m, m))
            e[i, j] = e[j, i] = 1.0
            change = w @ e
            total = change.T @ q + q.T @ change
            columns.append([total[k] for k in basis])
        solution = np.linalg.solve(np.array(columns).T, [residual[k] for k in basis])
        for (i, j), value in zip(basis, solution, strict=True):
            e = np.zeros((m, m))
            e[i, j] = e[j, i] = value
            q = q - w @ e
    return q


@given(seed=st.integers(0, 10**6), rows=st.integers(4, 7))
def test_trace_formula_of_the_shake_projection_for_two_columns(seed, rows):
    """tr X = sqrt((sqrt(1-a) + sqrt(1-b))^2 - 4 w^2), on which the contraction rests."""
    w = np.eye(rows, 2)
    x = 0.25 * np.random.default_rng(seed).standard_normal((rows, 2)) / math.sqrt(rows)
    q = shake_by_newton(w, w + x)
    product = w.T @ x
    skew = 0.5 * (product[0, 1] - product[1, 0])
    a, b = np.linalg.svd(x - w @ product, compute_uv=False) ** 2
    expected = math.sqrt((math.sqrt(1 - a) + math.sqrt(1 - b)) ** 2 - 4 * skew**2)
    assert np.trace(w.T @ q) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rows", [4, 6])
@pytest.mark.parametrize("step_size", [0.003, 0.01])
def test_polar_contraction_by_simulating_one_step(rows, step_size):
    rng = np.random.default_rng(2)
    w = np.broadcast_to(np.eye(rows, 2), (200_000, rows, 2))
    u, _, vt = np.linalg.svd(
        w + math.sqrt(2 * step_size) * tangent_noise(w, rng), full_matrices=False
    )
    values = 0.5 * np.trace((u @ vt)[:, :2, :], axis1=1, axis2=2)
    measured = dynamics.stiefel_contraction(step_size, rows, projection="polar_tangent")
    assert_stationary(values, measured, **CHANCE)


@pytest.mark.parametrize("projection", ["shake", "polar_tangent"])
@pytest.mark.parametrize("rows", [4, 5, 9])
def test_contraction_has_its_expansion(projection, rows):
    coefficient = dynamics.second_order_coefficient(rows, 2, projection)
    rate = dynamics.stiefel_decay_rate(rows, 2)
    remainders = [
        dynamics.stiefel_contraction(x, rows, projection=projection) - 1 + rate * x
        for x in (1e-3, 5e-4)
    ]
    # Richardson on remainder / x^2 = c + d x removes the third order.
    first, second = remainders[0] / 1e-6, remainders[1] / 2.5e-7
    assert 2 * second - first == pytest.approx(coefficient, rel=5e-3)


@pytest.mark.parametrize("columns", [1, 2, 3, 5])
@pytest.mark.parametrize("rows", [5, 8])
def test_second_order_coefficient_by_gaussian_moments(rows, columns):
    rng = np.random.default_rng(3)
    draws = rng.standard_normal((100_000, rows, columns))
    outside = draws[:, columns:, :]
    skew = 0.5 * (draws[:, :columns] - np.swapaxes(draws[:, :columns], 1, 2))
    s = np.swapaxes(outside, 1, 2) @ outside + np.swapaxes(skew, 1, 2) @ skew
    squares = (s**2).sum(axis=(1, 2)) / columns
    error = squares.std() / math.sqrt(squares.size)
    for projection, factor in (("shake", -0.5), ("polar_tangent", 1.5)):
        measured = dynamics.second_order_coefficient(rows, columns, projection) / factor
        assert abs(measured - squares.mean()) <= FALSE_ALARM * error


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(("radius", "temperature"), [(1.0, 1.0), (0.7, 1.3)])
def test_spectral_gap_by_a_sparse_finite_volume_eigenproblem(slope, radius, temperature):
    nodes = 3000
    spacing = 2 * np.pi / nodes

    def density(phi):
        return np.exp(-slope * radius * np.sin(phi) / temperature)

    cells, edges = (density(spacing * (np.arange(nodes) + shift)) for shift in (0.0, 0.5))
    difference = scipy.sparse.diags([-1.0, 1.0], [0, 1], shape=(nodes, nodes)).tolil()
    difference[nodes - 1, 0] = 1.0
    difference = difference.tocsc() / spacing
    form = difference.T @ scipy.sparse.diags(edges) @ difference * temperature / radius**2
    scale = scipy.sparse.diags(cells**-0.5)
    values = scipy.sparse.linalg.eigsh(
        scale @ form @ scale, k=2, sigma=-0.1, return_eigenvectors=False
    )
    measured = dynamics.circle_spectral_gap(slope, radius, temperature)
    assert measured == pytest.approx(max(values), rel=1e-5)
    assert measured >= dynamics.holley_stroock_bound(slope, radius, temperature)


@given(softness=st.floats(1e-4, 1.0), radius=st.floats(0.3, 2.0), temperature=st.floats(0.1, 2.0))
def test_soft_residual_is_an_integral_over_the_plane(softness, radius, temperature):
    width = mpmath.sqrt(2 * softness * temperature)
    top = mpmath.sqrt(radius**2 + 12 * width)
    low = mpmath.sqrt(max(0.0, radius**2 - 12 * float(width)))

    def weighted(rho, power):
        excess = rho**2 - radius**2
        return abs(excess) ** power * rho * mpmath.exp(-(excess**2) / (4 * softness * temperature))

    ends = [low, radius, top]
    expected = mpmath.quad(lambda rho: weighted(rho, 1), ends) / mpmath.quad(
        lambda rho: weighted(rho, 0), ends
    )
    measured = dynamics.soft_circle_residual(softness, radius, temperature)
    assert measured == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("softness", [1e-3, 0.1])
def test_penalties_have_the_normal_curvature_that_limits_the_step(softness):
    """Second differences of the penalties themselves, along every normal direction."""
    rng = np.random.default_rng(4)
    w = haar(1, 5, 3)[0]
    s = rng.standard_normal((3, 3))
    normal = w @ (s + s.T)
    normal /= np.linalg.norm(normal)
    step = 1e-3

    def matrix(t):
        q = w + t * normal
        return ((q.T @ q - np.eye(3)) ** 2).sum() / (4 * softness)

    def circle(t):
        return ((0.6 + t) ** 2 - 0.36) ** 2 / (4 * softness)

    for penalty, limit in (
        (matrix, dynamics.largest_stable_step(softness)),
        (circle, dynamics.largest_stable_step(softness, radius=0.6)),
    ):
        curvature = (penalty(step) + penalty(-step) - 2 * penalty(0.0)) / step**2
        assert limit == pytest.approx(2.0 / curvature, rel=1e-4)


@pytest.mark.parametrize(("depth", "width"), [(1, 8), (20, 16)])
def test_gaussian_depth_gain_by_drawing_the_layers(depth, width):
    rng = np.random.default_rng(5)
    vectors = np.zeros((4000, width))
    vectors[:, 0] = 1.0
    for _ in range(depth):
        layers = rng.standard_normal((4000, width, width)) * math.sqrt(1.7 / width)
        vectors = np.einsum("kij,ki->kj", layers, vectors)
    logs = np.log(np.linalg.norm(vectors, axis=1))
    mean, deviation = dynamics.gaussian_depth_gain(depth, width, 1.7 / width)
    assert abs(logs.mean() - mean) <= FALSE_ALARM * deviation / math.sqrt(4000)
    assert logs.std() == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize("x", [1e-9, 1.1e-3, 0.01, 0.3, 0.99, 1.01, 5.0])
def test_slopes_of_sinhc_keep_their_digits(x):
    with mpmath.workdps(50):
        exact = float(mpmath.diff(lambda t: mpmath.sinh(t) / t, mpmath.mpf(x)))
    assert laws._sinhc_slope(x) == pytest.approx(exact, rel=2e-15)
