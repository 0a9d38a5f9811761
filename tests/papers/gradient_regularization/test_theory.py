"""Closed forms, the taut string and certificates against independent calculations."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from refimpl import Rng
from refimpl.errors import SettingError
from refimpl.models import MLP
from refimpl.papers.gradient_regularization import certificate
from refimpl.papers.gradient_regularization.taut_string import denoised, threshold
from refimpl.papers.gradient_regularization.theory import (
    barron,
    gaussian,
    linear,
    probes,
    staircase,
    tikhonov,
    variation,
)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(2, 25), seed=st.integers(0, 10**6), strength=st.floats(0.001, 4.0))
def test_the_taut_string_solves_the_dual_program(n, seed, strength):
    values = Rng(seed).normal((n,))
    differences = np.diff(np.eye(n), axis=0)
    dual = lsq_linear(differences.T, values, (-strength, strength), method="bvls", tol=1e-14).x
    found = denoised(values, strength)
    np.testing.assert_allclose(found, values - differences.T @ dual, atol=1e-9)
    assert found.sum() == pytest.approx(values.sum(), abs=1e-9)


def test_the_taut_string_at_its_ends():
    values = np.array([1.0, 4.0, 2.0])
    assert denoised(values, 0.0) is values
    np.testing.assert_allclose(denoised(values, 10.0), 7 / 3)
    np.testing.assert_array_equal(denoised(values[:1], 3.0), [1.0])
    assert denoised(values.astype(np.float32), 0.5).dtype == np.float32
    assert threshold(values) == pytest.approx(4 / 3)
    with pytest.raises(SettingError):
        denoised(values[:0], 1.0)
    with pytest.raises(ValueError):
        denoised(values, -1.0)


def test_green_function_solves_for_any_target():
    x, w = np.polynomial.legendre.leggauss(200)
    n = 2000
    grid = (np.arange(n) + 0.5) / n
    solved = tikhonov.finite_differences(np.exp(grid), 0.05)
    for place in (10, 777, 1990):
        at = grid[place]
        total = 0.0
        for low, high in ((0.0, at), (at, 1.0)):  # the kink of G between the pieces
            t = low + (high - low) * (x + 1.0) / 2.0
            total += (
                (high - low) / 2.0 * w @ (tikhonov.green(np.full(200, at), t, 0.05) * np.exp(t))
            )
        assert total == pytest.approx(solved[place], abs=1e-7)


def test_closed_forms_satisfy_equation_and_boundary():
    for form, target in (
        (tikhonov.ramp, lambda t: t),
        (tikhonov.cosine, lambda t: np.cos(np.pi * t)),
    ):
        x, h = np.linspace(0.1, 0.9, 9), 1e-4
        bend = (form(x + h, 0.03) - 2 * form(x, 0.03) + form(x - h, 0.03)) / h**2
        np.testing.assert_allclose(-0.03 * bend + form(x, 0.03), target(x), atol=1e-6)
        ends = form(np.array([0.0, h, 1.0 - h, 1.0]), 0.03)
        assert abs(ends[1] - ends[0]) < 1e-6 and abs(ends[3] - ends[2]) < 1e-6
    assert np.all(np.isfinite(tikhonov.ramp(np.linspace(0, 1, 5), 1e-8)))
    assert tikhonov.damping([1, 2], 0.1) == pytest.approx(1 / (1 + 0.5 * np.pi**2))


@pytest.mark.parametrize("strength", [0.02, 0.125, 0.3])
def test_total_variation_forms_are_the_taut_string_on_a_fine_grid(strength):
    n = 4000
    x = (np.arange(n) + 0.5) / n
    np.testing.assert_allclose(denoised(x, strength * n), variation.ramp(x, strength), atol=1e-3)
    step = denoised((x > 0.5).astype(float), strength * n)
    np.testing.assert_allclose(step, variation.step(x, strength), atol=1e-9)
    u = variation.ramp(x, strength)
    energy = 0.5 * np.mean((u - x) ** 2) + strength * np.ptp(u)
    assert variation.energy_of_ramp(strength) == pytest.approx(energy, abs=1e-6)


def test_hermite_polynomials_are_orthogonal_and_invert():
    x, w = np.polynomial.hermite_e.hermegauss(20)
    rows = [np.polynomial.polynomial.polyval(x, gaussian.hermite(n)) for n in range(5)]
    gram = np.array([[w @ (a * b) for b in rows] for a in rows]) / w.sum()
    np.testing.assert_allclose(gram, np.diag([1.0, 1, 2, 6, 24]), atol=1e-10)
    assert gaussian.from_hermite(gaussian.to_hermite([1.0, 2.0, 3.0])) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("wave", [1, 3])
@pytest.mark.parametrize("strength", [0.02, 0.7])
def test_the_energy_of_a_smoothed_cosine_is_the_least_of_its_multiples(strength, wave):
    x = (np.arange(4000) + 0.5) / 4000
    g, slope = np.cos(wave * np.pi * x), -wave * np.pi * np.sin(wave * np.pi * x)

    def energy(a):
        return 0.5 * np.mean((a * g - g) ** 2) + 0.5 * strength * np.mean((a * slope) ** 2)

    start, middle, end = energy(0.0), energy(0.5), energy(1.0)  # a parabola in a
    bend, pull = 2.0 * (start - 2.0 * middle + end), 4.0 * middle - 3.0 * start - end
    least = start - pull**2 / (4.0 * bend)
    assert tikhonov.energy_of_cosine(strength, wave) == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("residual", [-1.3, 0.4])
def test_the_worst_loss_of_a_linear_model_is_at_an_end_of_its_line(residual):
    weight, radius = np.array([0.6, -0.8, 1.2]), 0.35
    along = weight / np.linalg.norm(weight)
    losses = [
        0.5 * (residual + weight @ (t * along)) ** 2 for t in np.linspace(-radius, radius, 41)
    ]
    found = linear.worst_loss(residual, float(np.linalg.norm(weight)), radius)
    assert found == pytest.approx(max(losses), rel=1e-12)


@pytest.mark.parametrize("deviation", [0.2, 1.1])
def test_the_noisy_loss_of_a_quadratic_residual_by_gauss_hermite_noise(deviation):
    """Exact with the fourth order; the second is what is left as the noise gets small."""
    residual, gradient = -0.7, np.array([0.5, 1.3])
    hessian = np.array([[0.9, -0.4], [-0.4, 0.3]])
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    noise = deviation * np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1)
    values = residual + noise @ gradient + 0.5 * np.sum((noise @ hessian) * noise, axis=-1)
    weight = weights[:, None] * weights[None, :] / weights.sum() ** 2
    second, whole = linear.noisy_loss(residual, gradient, hessian, deviation)
    assert whole == pytest.approx(np.sum(weight * 0.5 * values**2), rel=1e-12)
    small = [linear.noisy_loss(residual, gradient, hessian, d) for d in (0.01, 0.02)]
    assert (small[1][1] - small[1][0]) / (small[0][1] - small[0][0]) == pytest.approx(
        16.0, rel=1e-6
    )
    assert second == pytest.approx(0.5 * residual**2 + deviation**2 / 1e-4 * (
        small[0][0] - 0.5 * residual**2))  # fmt: skip


def test_linear_solutions_are_stationary():
    second, cross = linear.moments(Rng(0).normal((30, 4)), Rng(1).normal((30,)))
    w = linear.ridge(second, cross, 0.3)
    np.testing.assert_allclose(second @ w + 0.3 * w, cross, atol=1e-13)
    small = 0.3 * float(np.linalg.norm(cross))
    w = linear.total_variation(second, cross, small)
    np.testing.assert_allclose(second @ w + small * w / np.linalg.norm(w), cross, atol=1e-12)


@pytest.mark.parametrize("law", ["rademacher", "sphere", "normal"])
def test_probe_variances_by_moments(law):
    """E v_i v_j v_k v_l of each law gives the variance in another way."""
    gram = np.cov(Rng(2).normal((3, 9)))
    k = 3
    fourth = {
        "rademacher": (1.0, 1.0),
        "normal": (3.0, 1.0),
        "sphere": (3 * k / (k + 2), k / (k + 2)),
    }
    same, pairs = fourth[law]
    total = 0.0
    for i, j, m, n in itertools.product(range(k), repeat=4):
        if i == j == m == n:
            moment = same
        elif (i == j and m == n) or (i == m and j == n) or (i == n and j == m):
            moment = pairs
        else:
            moment = 0.0
        total += moment * gram[i, j] * gram[m, n]
    expected = total - np.trace(gram) ** 2
    assert probes.variance(gram, law) == pytest.approx(expected, rel=1e-12)


def test_the_staircase_is_flat_at_its_knots():
    knots = np.linspace(0, 1, 6)
    values, slopes = staircase.staircase(knots, 6, np.exp)
    np.testing.assert_allclose(values, np.exp(knots), rtol=1e-14)
    np.testing.assert_allclose(slopes, 0.0, atol=1e-12)
    h, x = 1e-6, np.array([0.07, 0.33, 0.91])
    rise = staircase.staircase(x + h, 6)[0] - staircase.staircase(x - h, 6)[0]
    np.testing.assert_allclose(rise / (2 * h), staircase.staircase(x, 6)[1], rtol=1e-6)


@pytest.mark.parametrize("activation", certificate.STEEPEST)
def test_slopes_are_bounded_by_the_steepest(activation):
    """Attained by a chain of ones about zero, and at 0+ by those with a kink."""
    model = MLP((1, 1, 1), activation=activation)
    params = [{"weight": np.ones((1, 1)), "bias": np.zeros(1)} for _ in range(2)]
    x = np.linspace(-30.0, 30.0, 600_002)[:, None]
    slopes = np.diff(model(params, x)[:, 0]) / np.diff(x[:, 0])
    assert certificate.slope_bound(model, params) == pytest.approx(np.max(slopes), rel=1e-6)


def test_certificates():
    margin = certificate.margins(np.array([[1.0, 4.0, 2.5], [0.0, 0.0, -1.0]]))
    np.testing.assert_array_equal(margin, [1.5, 0.0])
    np.testing.assert_allclose(certificate.radius(margin, 3.0), [1.5 / (3 * 2**0.5), 0.0])
    assert certificate.radius(margin, 3.0, reach=0.1)[0] == 0.1
    model = MLP((3, 4, 2), activation="sigmoid")
    params = model.init(Rng(0))
    norms = [np.linalg.norm(layer["weight"], 2) for layer in params]
    assert certificate.slope_bound(model, params) == pytest.approx(0.25 * norms[0] * norms[1])
    with pytest.raises(SettingError):
        certificate.slope_bound(lambda p, x: x, params)
    with pytest.raises(SettingError):
        certificate.margins(np.zeros((2, 1)))
    with pytest.raises(ValueError):
        certificate.radius(margin, 0.0)


@pytest.mark.parametrize("strength", [0.01, 0.05, 1.0])
def test_random_units_have_the_mean_excess_of_two_integrals(strength):
    """Moments of the units over x and t by sums on grids, with no formula of the package."""
    n = 4000
    x = (np.arange(n) + 0.5) / n
    top = 1.0 / (1.0 + strength * np.pi**2)
    second = -top * np.pi**2 * np.cos(np.pi * x)
    mass = np.mean(np.abs(second))
    assert barron.roughness(strength) == pytest.approx(mass, rel=1e-6)
    density = np.abs(second) / mass
    kinks = x[:: n // 400]
    weights = density[:: n // 400] / np.sum(density[:: n // 400])
    squares, slopes, mean = [], [], np.zeros(n)
    for t, w in zip(kinks, weights, strict=True):
        unit = mass * np.maximum(x - t, 0.0)
        squares.append(np.mean(unit**2))
        slopes.append(mass**2 * (1.0 - t))
        mean += w * (unit if t > 0.5 else -unit)
    rise = np.diff(mean) * n
    own = 0.5 * weights @ np.array(squares) + 0.5 * strength * weights @ np.array(slopes)
    expected = own - 0.5 * np.mean(mean**2) - 0.5 * strength * np.mean(rise**2)
    for units in (1, 7):
        found = barron.mean_excess(units, strength)
        assert found == pytest.approx(expected / units, rel=5e-3)
        assert found < barron.bound(mass, units, strength)
    levels = np.array([0.1, 0.37, 0.5, 0.62, 0.93])
    shares = [np.mean(density * (x < t)) for t in barron.quantile(levels)]
    np.testing.assert_allclose(shares, levels, atol=1e-3)
    weights = barron.outer_weights(np.array([0.2, 0.9]), strength)
    np.testing.assert_allclose(weights, [-mass / 2, mass / 2], rtol=1e-6)


@pytest.mark.parametrize("strength", [0.1, 1.0])
@pytest.mark.parametrize("mass", [0.7, 3.0])
def test_the_bound_is_the_energy_of_the_worst_unit(mass, strength):
    """Half the integral of (B x)² + λ B², a unit with its kink at an end; others have less."""
    x = (np.arange(20_000) + 0.5) / 20_000
    energies = [
        0.5 * np.mean((mass * np.maximum(x - kink, 0.0)) ** 2 + strength * mass**2 * (x > kink))
        for kink in (0.0, 0.3, 0.8)
    ]
    assert barron.bound(mass, 1, strength) == pytest.approx(energies[0], rel=1e-7)
    assert energies[0] > energies[1] > energies[2]
    assert barron.bound(mass, 5, strength) == pytest.approx(energies[0] / 5, rel=1e-7)
