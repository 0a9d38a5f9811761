"""Deep linear end points and generalisation formulas against solvers, quadrature and random data.

Oracles: CVXPY for the nuclear norm, SciPy's minimiser over factorisations, its adaptive quadrature,
and sampled matrices; the flow is integrated by matrix exponentials.
"""

import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.linalg import expm

from refimpl.errors import InfeasibleError
from refimpl.papers.minnorm.theory import deep_linear as deep
from refimpl.papers.minnorm.theory import generalization as general
from refimpl.papers.minnorm.theory.margin import hard_margin

seeds = st.integers(0, 2**32 - 1)
loads = st.one_of(st.floats(0.05, 0.95), st.floats(1.05, 3.0))
LAW = {"signal": 1.3, "noise": 0.4}


# --- end points -----------------------------------------------------------------------------------


@given(seeds, st.integers(1, 4), st.integers(1, 3))
def test_no_factorization_is_cheaper_than_the_schatten_value(seed, depth, width):
    rng = np.random.default_rng(seed)
    layers = [rng.normal(size=(width, width)) for _ in range(depth)]
    product = layers[0]
    for layer in layers[1:]:
        product = layer @ product
    cost = sum(np.sum(layer**2) for layer in layers)
    value = float(deep.schatten_value(product, depth))
    assert value <= cost * (1.0 + 1e-9)
    # the balanced factorisation attains it
    left, values, right = np.linalg.svd(product)
    roots = np.diag(values ** (1 / depth))
    balanced = [roots] * depth
    assert sum(np.sum(root**2) for root in balanced) == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(
        left @ np.linalg.matrix_power(roots, depth) @ right, product, atol=1e-9
    )


def test_depth_two_is_the_nuclear_norm_program():
    import cvxpy as cp

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(3, 5)), rng.normal(size=(3, 2))
    w = cp.Variable((2, 5))
    constraint = x @ w.T == y
    # sum_l ||W_l||^2 / 2 is the nuclear norm of the product at its cheapest
    problem = cp.Problem(cp.Minimize(cp.normNuc(w)), [constraint])
    problem.solve(solver="SCS", eps=1e-9, max_iters=100_000)
    goal = deep.optimal_map(x, y)
    np.testing.assert_allclose(w.value, goal, atol=1e-5)
    assert float(deep.schatten_value(goal, 2)) / 2 == pytest.approx(problem.value, rel=1e-6)
    dual = np.linalg.svd(constraint.dual_value.T @ x, compute_uv=False)
    np.testing.assert_allclose(dual, deep.certificate_singular_values(goal, 2), atol=1e-4)


def network_flow(layers, pull, end):
    """Integrate dW_l/dt = pull(W)_l for a list of layers."""
    shapes = [layer.shape for layer in layers]
    sizes = np.cumsum([0, *(layer.size for layer in layers)])

    def unpack(flat):
        return [
            flat[a:b].reshape(shape)
            for a, b, shape in zip(sizes[:-1], sizes[1:], shapes, strict=True)
        ]

    run = solve_ivp(
        lambda _, flat: np.concatenate([g.ravel() for g in pull(unpack(flat))]),
        (0.0, end),
        np.concatenate([layer.ravel() for layer in layers]),
        method="LSODA",
        rtol=1e-9,
        atol=1e-11,
    )
    return unpack(run.y[:, -1])


@given(seeds)
def test_gradient_flow_of_two_layers_ends_where_predicted(seed):
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.normal(size=(5, 3)))[0]
    x, y = (q * np.array([1.0, 1.5, 2.0])).T, rng.normal(size=(3, 2))
    start = [0.8 * rng.normal(size=(4, 5)), 0.8 * rng.normal(size=(2, 4))]

    def pull(layers):
        first, second = layers
        error = (y - x @ (second @ first).T).T @ x
        return [second.T @ error, error @ first.T]

    first, second = network_flow(start, pull, 400.0)
    predicted = deep.descent_end(x, y, start[0], [second])
    np.testing.assert_allclose(second @ first, predicted, atol=1e-5)


def test_stationary_multipliers_have_the_certificate_values():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(4, 6)), rng.normal(size=(4, 3))
    goal = np.linalg.lstsq(x, y, rcond=None)[0].T
    left, values, right = np.linalg.svd(goal, full_matrices=False)
    for depth in (1, 2, 3, 4):
        root = np.diag(values ** (1 / depth))
        layers = [root @ right, *[root] * (depth - 2), left @ root] if depth > 1 else [goal]
        # stationarity of the first layer, W_1 = (W_D ... W_2)^T Lam^T X, solved for Lam^T X
        upper = np.eye(layers[0].shape[0])
        for layer in layers[1:]:
            upper = layer @ upper
        certificate = np.linalg.solve(upper.T, layers[0]) if depth > 1 else layers[0]
        measured = np.linalg.svd(certificate, compute_uv=False)
        np.testing.assert_allclose(
            deep.certificate_singular_values(goal, depth), measured, rtol=1e-9
        )


def test_deep_margin_is_stationary_in_every_layer():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(7, 4)) + np.array([1.5, 0.0, 0.0, 0.0])
    shallow = hard_margin(z)
    size = np.linalg.norm(shallow.weights)
    for depth in (1, 2, 3):
        found = deep.deep_margin(shallow, depth)
        side = size ** (1 / depth)
        # rank-one balanced layers: first = side * w / |w|, the others the scalar side
        signal = found.multipliers @ z
        np.testing.assert_allclose(
            side * shallow.weights / size, side ** (depth - 1) * signal, rtol=1e-9
        )
        assert found.layer_square == pytest.approx(side**2)


def test_deep_linear_on_every_backend(xb):
    x, y = xb.asarray([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]), xb.asarray([[1.0], [2.0]])
    goal = deep.optimal_map(x, y)
    assert_same_kind(goal, xb.zeros((1, 3)))
    value = deep.schatten_value(goal, 3)
    assert_same_kind(value, xb.zeros(()))
    assert_same_kind(deep.certificate_singular_values(goal, 3), xb.zeros((1,)))
    w = np.linalg.lstsq(np.array([[1.0, 2, 0], [0, 1, 1]]), np.array([1.0, 2.0]), rcond=None)[0]
    assert_close(goal[0, :], w, atol=1e-5)
    assert float(value) == pytest.approx(3.0 * np.linalg.norm(w) ** (2 / 3), rel=1e-5)


def test_bad_depth_and_contradictions():
    with pytest.raises(ValueError, match="depth must be at least 1, not 0"):
        deep.schatten_value(np.eye(2), 0)
    with pytest.raises(InfeasibleError):
        deep.optimal_map(np.ones((2, 1)), np.array([[1.0], [2.0]]))


# --- generalisation -------------------------------------------------------------------------------


@given(loads, st.integers(0, 3))
def test_spectral_mean_equals_quadrature_of_the_density(load, power):
    low, high = (1 - math.sqrt(load)) ** 2, (1 + math.sqrt(load)) ** 2

    def integrand(u):
        # the square-root edges are removed by l = low + (high - low) sin(u)^2
        l = low + (high - low) * math.sin(u) ** 2  # noqa: E741
        root = (high - low) * math.sin(u) * math.cos(u)
        density = root / (2 * math.pi * l)
        return density * l**power * math.exp(-l) * 2 * (high - low) * math.sin(u) * math.cos(u)

    expected = quad(integrand, 0.0, math.pi / 2, epsabs=1e-12, epsrel=1e-11, limit=200)[0]
    expected += max(0.0, 1 - load) * (power == 0)
    actual = general.spectral_mean(lambda l: l**power * math.exp(-l), load)  # noqa: E741
    assert actual == pytest.approx(expected, rel=1e-8)


@given(st.floats(0.2, 2.5))
def test_moments_are_those_of_a_wishart_matrix(load):
    # tr (X^T X)^k / N for k = 1, 2, 3, from the Narayana numbers
    assert general.spectral_mean(lambda l: l, load) == pytest.approx(load, rel=1e-9)  # noqa: E741
    second = load * (1.0 + load)
    assert general.spectral_mean(lambda l: l * l, load) == pytest.approx(second, rel=1e-9)  # noqa: E741
    third = load * (1.0 + 3.0 * load + load**2)
    assert general.spectral_mean(lambda l: l**3, load) == pytest.approx(third, rel=1e-9)  # noqa: E741


@pytest.mark.parametrize("load", [0.5, 2.0])
def test_formulas_against_one_large_data_set(load):
    """A single draw with 600 inputs: the teacher, the noise and the start are averaged exactly."""
    rng = np.random.default_rng(3)
    n = 600
    p = int(load * n)
    x = rng.normal(size=(p, n)) / math.sqrt(n)
    gram = x.T @ x
    signal, noise, start = LAW["signal"], LAW["noise"], 0.8
    for time in (0.3, 4.0):
        decay = expm(-time * gram)
        # w = decay w_0 + (1 - decay) w_bar + gram^+ (1 - decay) X^T eps
        reach = np.linalg.pinv(gram) @ (np.eye(n) - decay) @ x.T
        expected = noise + ((signal + start) * np.sum(decay**2) + noise * np.sum(reach**2)) / n
        actual = general.descent_error(time, load, start=start, **LAW)
        assert actual == pytest.approx(expected, rel=0.01)
    inverse = np.linalg.pinv(x)
    null = np.eye(n) - inverse @ x
    end = noise + ((signal + start) * np.sum(null**2) + noise * np.sum(inverse**2)) / n
    assert general.descent_end_error(load, start=start, **LAW) == pytest.approx(end, rel=0.01)
    for decay in (0.05, 0.7):
        solver = np.linalg.solve(gram + decay * np.eye(n), x.T)
        bias = np.eye(n) - solver @ x
        expected = noise + (signal * np.sum(bias**2) + noise * np.sum(solver**2)) / n
        assert general.ridge_error(load, decay, **LAW) == pytest.approx(expected, rel=0.01)


def test_a_student_starts_at_zero_unless_a_start_is_given():
    """Then its error at time 0 is that of no student at all, and what it keeps is the teacher's."""
    assert general.descent_error(0.0, 0.5, **LAW) == pytest.approx(LAW["signal"] + LAW["noise"])
    kept = 0.25 * LAW["signal"] + LAW["noise"]
    assert general.frozen_error(0.75, **LAW) == pytest.approx(kept)


@given(loads)
def test_best_ridge_is_the_best_of_all(load):
    decay, error = general.best_ridge(load, **LAW)
    assert general.ridge_error(load, decay, **LAW) == pytest.approx(error, rel=1e-8)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert general.ridge_error(load, factor * decay, **LAW) >= error - 1e-12
    assert error <= general.minimum_norm_error(load, **LAW)
    assert error <= general.best_stopping(load, **LAW)[1] + 1e-9


@given(loads, st.floats(0.0, 3.0))
def test_stopping_lies_between_the_frozen_part_and_the_end(load, start):
    time, error = general.best_stopping(load, start=start, **LAW)
    assert error >= general.frozen_error(load, start=start, **LAW)
    assert error <= general.descent_end_error(load, start=start, **LAW) + 1e-9
    for factor in (0.8, 1.25):
        assert general.descent_error(factor * time, load, start=start, **LAW) >= error - 1e-9
    late = general.descent_error(1e6, load, start=start, **LAW)
    assert late == pytest.approx(general.descent_end_error(load, start=start, **LAW), rel=1e-6)


def test_finite_minimum_norm_error_is_the_mean_over_data():
    """4000 small data sets: the standard error is 1 % or less, and 6 of them are allowed."""
    rng = np.random.default_rng(0)
    p, n = 3, 12
    x = rng.normal(size=(4000, p, n)) / math.sqrt(n)
    inverse = np.linalg.pinv(x)
    null = (1 - p / n) * LAW["signal"]
    errors = null + LAW["noise"] * (1.0 + np.sum(inverse**2, axis=(1, 2)) / n)
    error = np.std(errors) / math.sqrt(len(errors))
    exact = general.finite_minimum_norm_error(p, n, **LAW)
    assert abs(np.mean(errors) - exact) < 6 * error
    large = general.finite_minimum_norm_error(50_000, 100_000, **LAW)
    assert large == pytest.approx(general.minimum_norm_error(0.5, **LAW), rel=1e-4)


def test_the_edge_cases_are_named():
    assert general.descent_end_error(1.0, signal=1.0, noise=0.1) == math.inf
    assert general.descent_end_error(1.0, signal=1.0, noise=0.0) == 0.0
    assert general.best_stopping(0.5, signal=1.0, noise=0.0) == (math.inf, 0.5)
    with pytest.raises(ValueError, match="load P / N must be positive"):
        general.spectral_mean(lambda l: l, 0.0)  # noqa: E741
    with pytest.raises(ValueError, match="variance noise must not be negative"):
        general.minimum_norm_error(0.5, signal=1.0, noise=-1.0)
    with pytest.raises(ValueError, match="decay must be positive"):
        general.ridge_error(0.5, 0.0, **LAW)
    with pytest.raises(ValueError, match="must be positive, not 0"):
        general.best_ridge(0.5, signal=0.0, noise=1.0)
    with pytest.raises(ValueError, match="P <= N - 2"):
        general.finite_minimum_norm_error(9, 10, **LAW)
