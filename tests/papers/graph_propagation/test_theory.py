"""Closed forms against integration, enumeration and direct solutions."""

import numpy as np
import pytest

from refimpl.papers.graph_propagation.theory import linear, one_state, reach, spectra


def test_laws_solve_their_equations():
    """λ' = a², a = d / (1 + 2λ); and λ' = a³, λ = (d − a)/(3a²): Runge-Kutta steps."""
    multiplier, h = 0.0, 0.01
    for _ in range(5000):
        f = lambda m: (1.5 / (1.0 + 2.0 * m)) ** 2  # noqa: E731
        k1 = f(multiplier)
        k2 = f(multiplier + 0.5 * h * k1)
        k3 = f(multiplier + 0.5 * h * k2)
        k4 = f(multiplier + h * k3)
        multiplier += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    assert abs(multiplier - one_state.squared_multiplier(50.0, 1.5)) < 1e-8
    assert abs(1.5 / (1.0 + 2.0 * multiplier) - one_state.squared_residual(50.0, 1.5)) < 1e-9
    for target in (0.6, 1.0, 1.7):
        a = np.linspace(0.2, target, 200_001)
        speed = (2.0 * target / a**3 - 1.0 / a**2) / 3.0  # −dλ/da
        time = np.trapezoid(speed / a**3, a)
        assert abs(one_state.cubed_time(0.2, target) / time - 1.0) < 1e-7


def test_a_cycle_maps_to_itself():
    rate, target, epsilon = 0.1, 1.5, 0.09
    first, second = one_state.cycle_points(rate, target, epsilon)
    multiplier = one_state.cycle_multiplier(rate, target, epsilon)
    assert abs(first - rate * (first - target) - (epsilon + rate * (target - epsilon))) < 1e-15
    up = second - rate * (second - target)
    assert abs(up - first) < 1e-12
    assert multiplier > 0.0 and epsilon > one_state.least_epsilon(rate, target)
    at_edge = one_state.cycle_points(rate, target, one_state.least_epsilon(rate, target))
    assert abs(at_edge[1] + at_edge[0]) < 1e-15


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.1])
def test_radius_of_one_state(rate):
    step = np.array([[1.0 - rate, -rate], [rate, 1.0]])
    found = np.max(np.abs(np.linalg.eigvals(step)))
    assert abs(found - one_state.linear_radius(rate)) < 1e-14
    assert abs(found - spectra.loss_radius(rate, [1.0])) < 1e-14


@pytest.mark.parametrize("seed", range(4))
def test_radii_are_those_of_the_iteration_matrices(seed):
    """States x and multipliers λ of λ·Mx, with ½|x|² or (ρ/2)|Mx|² beside it, or none."""
    rng = np.random.default_rng(seed)
    u, v = (np.linalg.qr(rng.normal(size=(4, 4)))[0] for _ in range(2))
    sigmas = rng.uniform(0.6, 1.8, size=4)
    m, one, rate, rho = u @ np.diag(sigmas) @ v, np.eye(4), 0.3, 0.9

    def radius(matrix):
        return np.max(np.abs(np.linalg.eigvals(matrix)))

    turn = rate * np.block([[0.0 * m, -m.T], [m, 0.0 * m]])
    pull = np.block([[one, 0.0 * m], [0.0 * m, 0.0 * m]])
    square = np.block([[m.T @ m, 0.0 * m], [0.0 * m, 0.0 * m]])
    still = np.eye(8)
    for found, matrix in (
        (spectra.simultaneous_radius(rate, sigmas), still + turn),
        (spectra.loss_radius(rate, sigmas), still + turn - rate * pull),
        (spectra.augmented_radius(rate, rho, sigmas), still + turn - rate * rho * square),
        (spectra.extragradient_radius(rate, sigmas), still + turn @ (still + turn)),
    ):
        assert abs(found - radius(matrix)) < 1e-12
    for tried in (0.9 / max(sigmas) ** 2, 1.1 / max(sigmas) ** 2):
        stable = radius(still + tried / rate * turn - tried * pull) < 1.0
        assert spectra.stable_with_loss(tried, sigmas) == stable


def test_solutions_of_linear_networks():
    rng = np.random.default_rng(0)
    matrix, offset = 0.2 * rng.normal(size=(6, 6)), rng.normal(size=6)
    target, slope = rng.normal(size=6), rng.normal(size=6)
    x = linear.equilibrium(matrix, offset)
    np.testing.assert_allclose(x, matrix @ x + offset, rtol=0, atol=1e-13)
    z = linear.adjoint(matrix, slope)
    np.testing.assert_allclose(z, matrix.T @ z + slope, rtol=0, atol=1e-13)
    near = linear.node_sum_solution(matrix, offset, target, 2)
    gap = (near - matrix @ near - offset).reshape(3, 2)
    np.testing.assert_allclose(gap.sum(axis=1), 0.0, rtol=0, atol=1e-13)
    rows = (np.eye(6) - matrix).reshape(3, 2, 6).sum(axis=1)
    null = np.linalg.svd(rows)[2][3:]
    np.testing.assert_allclose(null @ (near - target), 0.0, rtol=0, atol=1e-13)


def test_reach():
    assert [reach.state_reach(t, 2) for t in (1, 2)] == [4, 8]
    assert [reach.multiplier_reach(t, 3) for t in (1, 2)] == [3, 9]
