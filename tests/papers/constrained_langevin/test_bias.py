"""Stationary laws of discretised dynamics on the circle against chains run in plain NumPy, and
against the convergence that a numerically exact method must show."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.errors import ConvergenceError
from refimpl.papers.constrained_langevin.theory import bias
from refimpl.papers.constrained_langevin.theory.stationary import circle_mean, circle_second_moment
from refimpl.testing import assert_order

EXACT = circle_mean(1.0)
FALSE_ALARM = 5.5


# --- overdamped ----------------------------------------------------------------------------------


@pytest.mark.parametrize("projection", ["shake", "radial"])
@given(angle=st.integers(0, 199))
def test_a_row_of_the_transition_matrix_by_gauss_hermite_noise(projection, angle):
    """Moments of the new angle from one row against those of the step in Cartesian form."""
    h, k, r, tau = 0.01, 1.3, 0.9, 0.7
    angles, matrix = bias.overdamped_transition(
        h, projection, slope=k, radius=r, temperature=tau, nodes=200
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weight = weights[:, None] * weights[None, :] / weights.sum() ** 2
    theta, xi = r * math.sin(angles[angle]), r * math.cos(angles[angle])
    noise = math.sqrt(2 * tau * h)
    x, y = theta - h * k + noise * nodes[:, None], xi + noise * nodes[None, :]
    if projection == "radial":
        length = np.hypot(x, y)
        new = r * x / length + 0 * y, r * y / length
    else:  # the root of |q - lam q0| = r nearest to the increment, by Newton
        lam = np.zeros(np.broadcast(x, y).shape)
        for _ in range(50):
            p, q = x - lam * theta, y - lam * xi
            lam = lam + (p * p + q * q - r * r) / (2 * (p * theta + q * xi))
        # nodes far out, of weights below 1e-20, have no solution: they must only not overflow
        new = np.clip(x - lam * theta, -r, r), np.clip(y - lam * xi, -r, r)
    for power in (1, 2, 3):
        for value, function in zip(new, (np.sin, np.cos), strict=True):
            expected = (weight * (value / r) ** power).sum()
            measured = matrix[angle] @ function(angles) ** power
            assert measured == pytest.approx(expected, abs=2e-8)


@pytest.mark.parametrize("step_size", [0.02, 0.3, 2.0])
def test_noise_as_large_as_the_circle_falls_on_it_from_all_sides(step_size):
    """The radial projection of a normal law: its density times the radius, summed over radii."""
    k, r, tau = 1.3, 0.9, 0.7
    angles, matrix = bias.overdamped_transition(
        step_size, "radial", slope=k, radius=r, temperature=tau, nodes=120
    )
    spread = math.sqrt(2 * tau * step_size)
    nodes, weights = np.polynomial.legendre.leggauss(300)
    radii = (4.0 + 10.0 * spread) * 0.5 * (nodes + 1.0)
    for row in (0, 17, 45, 90):
        x, y = r * math.sin(angles[row]) - step_size * k, r * math.cos(angles[row])
        apart = (radii[:, None] * np.sin(angles) - x) ** 2 + (
            radii[:, None] * np.cos(angles) - y
        ) ** 2
        density = (weights * radii) @ np.exp(-apart / (2 * spread**2))
        np.testing.assert_allclose(matrix[row], density / density.sum(), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("projection", ["shake", "radial"])
def test_the_overdamped_law_does_not_depend_on_the_grid(projection):
    coarse = bias.overdamped_moments(0.0125, projection, nodes=200)
    fine = bias.overdamped_moments(0.0125, projection, nodes=420)
    assert coarse == pytest.approx(fine, abs=1e-10)


@pytest.mark.parametrize("projection", ["shake", "radial"])
def test_overdamped_schemes_are_of_weak_order_one(projection):
    moments = {h: bias.overdamped_moments(h, projection) for h in (0.02, 0.01, 0.005)}
    for index, exact in enumerate((EXACT, circle_second_moment(1.0))):
        errors = {h: found[index] - exact for h, found in moments.items()}
        assert_order(errors, 1, tolerance=0.05)


def test_without_a_loss_the_overdamped_law_is_the_arcsine_law():
    for projection in ("shake", "radial"):
        mean, square = bias.overdamped_moments(0.05, projection, slope=0.0)
        assert (mean, square) == pytest.approx((0.0, 0.5), abs=1e-12)


def test_stationary_is_the_limit_of_many_steps():
    rng = np.random.default_rng(0)
    matrix = rng.uniform(size=(6, 6))
    matrix /= matrix.sum(axis=1, keepdims=True)
    expected = np.linalg.matrix_power(matrix, 200)[0]
    assert bias.stationary(matrix) == pytest.approx(expected, abs=1e-14)


def test_a_grid_too_coarse_for_the_noise_is_refused():
    with pytest.raises(ValueError, match="take at least 299"):
        bias.overdamped_transition(0.0005, "shake", nodes=50)
    with pytest.raises(ValueError, match="projection"):
        bias.overdamped_transition(0.1, "polar")


# --- underdamped ---------------------------------------------------------------------------------


def simulate(splitting, h, *, k, r, tau, gamma, shake=False, stale=False, chains=60_000, time=14.0):
    """Chains in the angle form, every block written out; from the target of the continuous law."""
    rng = np.random.default_rng(7)
    phi = rng.uniform(0, 2 * np.pi, chains)
    omega = math.sqrt(tau) / r * rng.standard_normal(chains)
    shares = {letter: h / splitting.count(letter) for letter in "ABO"}
    for _ in range(math.ceil(time / h)):
        force = k * np.cos(phi) / r
        for letter in splitting:
            s = shares[letter]
            if letter == "A" and shake:
                possible = np.abs(s * omega) <= 1
                turn = np.arcsin(np.where(possible, s * omega, 0.0))
                phi, omega = phi + turn, np.where(possible, omega, -omega)
            elif letter == "A":
                phi = phi + s * omega
            elif letter == "B":
                omega = omega - s * (force if stale else k * np.cos(phi) / r)
            else:
                c = math.exp(-gamma * s)
                noise = rng.standard_normal(chains)
                omega = c * omega + math.sqrt(tau * (1 - c * c)) / r * noise
    return r * np.sin(phi), (r * omega) ** 2 / tau


@pytest.mark.parametrize(
    ("splitting", "options"),
    [
        ("OBA", {}),
        ("BAOAB", {}),
        ("OBABO", {}),
        ("OABAO", {}),
        ("AOAB", {}),
        ("AOAB", {"stale": True}),
        ("BAOAB", {"shake": True}),
    ],
)
def test_underdamped_laws_by_running_chains(splitting, options):
    target = {"k": 1.4, "r": 0.8, "tau": 0.6, "gamma": 1.2}
    h = 0.4
    theta, kinetic = simulate(splitting, h, **target, **options)
    law = bias.underdamped_law(
        splitting, h, slope=1.4, radius=0.8, temperature=0.6, friction=1.2,
        drift="shake" if options.get("shake") else "rotation",
        stale=options.get("stale", False), hermite=60,
    )  # fmt: skip
    for sample, exact in ((theta, law.mean), (theta**2, law.square), (kinetic, law.temperature)):
        error = sample.std() / math.sqrt(sample.size)
        # SHAKE with rejections is not smooth: the basis resolves it to 1e-3 at this step.
        slack = 1e-3 if options.get("shake") else 0.0
        assert abs(sample.mean() - exact) <= FALSE_ALARM * error + slack


@pytest.mark.parametrize("splitting", list(bias.SPLITTINGS))
def test_the_underdamped_law_does_not_depend_on_the_basis(splitting):
    small = bias.underdamped_law(splitting, 0.5, angles=32, hermite=32)
    large = bias.underdamped_law(splitting, 0.5, angles=64, hermite=64)
    assert small == pytest.approx(large, abs=1e-9)


@pytest.mark.parametrize(
    ("splitting", "stale", "order"),
    [
        ("OBA", False, 1),
        ("AOAB", True, 1),
        ("BAOAB", False, 2),
        ("OBABO", False, 2),
        ("OABAO", False, 2),
        ("AOAB", False, 2),
    ],
)
def test_weak_order_of_the_splittings(splitting, stale, order):

    def error(h):
        return bias.underdamped_law(splitting, h, stale=stale).mean - EXACT

    assert_order(error, order, steps=(0.2, 0.1, 0.05))


@pytest.mark.parametrize("splitting", list(bias.SPLITTINGS))
def test_without_a_loss_every_splitting_is_exact(splitting):
    law = bias.underdamped_law(splitting, 1.0, slope=0.0, radius=0.5, temperature=2.0)
    assert law == pytest.approx((0.0, 0.125, 1.0), abs=1e-12)


def test_only_a_loss_free_release_of_momentum_differs_between_its_two_forms():
    """BAOAB and AOAB visit the same positions: measured after the step their means agree."""
    one, other = (bias.underdamped_law(name, 0.6) for name in ("BAOAB", "AOAB"))
    assert one[:2] == pytest.approx(other[:2], abs=1e-11)
    assert abs(one.temperature - other.temperature) > 1e-2


def test_forgetting_all_momentum_gives_half_the_temperature_in_oba():
    limit = circle_mean(1.0, temperature=0.5)

    def error(h):
        return bias.underdamped_law("OBA", h, decay=0.0).mean - limit

    assert_order(error, 2, steps=(0.2, 0.1), tolerance=0.05)


def test_bad_arguments_and_an_unfinished_iteration_are_reported():
    for arguments in (
        {"splitting": "ABBA"},
        {"splitting": "BAOAB", "drift": "geodesic"},
        {"splitting": "BAOAB", "stale": True},
    ):
        with pytest.raises(ValueError):
            bias.underdamped_law(step_size=0.1, **arguments)
    with pytest.raises(ConvergenceError) as caught:
        bias.underdamped_law("BAOAB", 0.1, max_iterations=3)
    assert caught.value.iterations == 3 and caught.value.residual > 0
