"""The orthogonality constraint against exact, iteration-free solutions of the projection."""

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl.arrays import to_host
from refimpl.constraints import Orthogonal, drift, increment_norms, orthonormal_factor, solvability
from refimpl.constraints.orthogonal_small import LARGE, SmallSystem
from refimpl.errors import ConvergenceError, InfeasibleError
from refimpl.testing import (
    assert_orthonormal,
    assert_reversible,
    assert_tangent,
    orthonormal_matrix,
    stiefel_tangents,
)

SHAPES = [(5, 3), (6, 6), (4, 1), (20, 10), (3, 7), (1, 4), (1, 1)]
tall_shapes = st.tuples(st.integers(1, 9), st.integers(0, 6)).map(lambda s: (s[0] + s[1], s[0]))
seeds = st.integers(0, 2**32 - 1)


def riccati(w, x):
    """The stabilising solution of the Riccati equation of the projection: no iteration of ours."""
    m = w.shape[1]
    product = w.T @ (w + x)
    omega = 0.5 * (product - product.T)
    outside = x - w @ (w.T @ x)
    q = np.eye(m) - outside.T @ outside + omega @ omega
    symmetric = scipy.linalg.solve_continuous_are(-omega, np.eye(m), q, np.eye(m))
    return w @ (symmetric + omega) + outside


def point(n, m, seed):
    return orthonormal_matrix(n, m, seed), np.random.default_rng(seed)


def increment(rng, shape, size):
    x = rng.standard_normal(shape)
    return x * (size / np.linalg.norm(x, 2))


@given(shape=tall_shapes, seed=seeds, size=st.floats(1e-6, 0.5))
def test_solvers_agree_with_the_riccati_solution(shape, seed, size):
    w, rng = point(*shape, seed)
    x = increment(rng, shape, size)
    exact = riccati(w, x)
    for solver in ("auto", "quasi_newton", "newton"):
        solved = Orthogonal(shape, solver=solver, max_iterations=2000).project(w, w + x)
        assert np.max(np.abs(solved.point - exact)) <= 20 * shape[0] * np.finfo(float).eps


@pytest.mark.parametrize("size", [1e-9, 0.003, 0.1, 0.6])
@pytest.mark.parametrize("tangent", [False, True])
@pytest.mark.parametrize("shape", [(200, 140), (150, 150)])
def test_products_in_single_precision_leave_no_trace(shape, tangent, size):
    """These matrices are large enough for iterations in float32; the oracle has none."""
    w, rng = point(*shape, 11)
    constraint = Orthogonal(shape)
    x = increment(rng, shape, size)
    x = constraint.project_tangent(w, x) if tangent else x
    solved = constraint.project(w, w + x)
    assert np.max(np.abs(solved.point - riccati(w, x))) <= 2e-14
    defect = solved.point.T @ solved.point - np.eye(shape[1])
    assert np.max(np.abs(defect)) <= 4 * np.sqrt(shape[0]) * np.finfo(float).eps
    normal = w.T @ (w + x - solved.point)
    assert np.max(np.abs(normal - normal.T)) <= 1e-14
    assert float(solved.multiplier) == pytest.approx(np.max(np.abs(normal)), abs=1e-14)


@pytest.mark.parametrize("size", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("extra", [0, 60])
def test_the_first_digits_come_from_products_in_single_precision(monkeypatch, extra, size):
    """Each gains the same number of digits, and of the 16 float32 has 7: a third, with a margin."""
    for columns in (LARGE, LARGE - 1):
        w, rng = point(columns + extra, columns, 11)
        digits = []
        product = SmallSystem._coupling

        def counted(self, z, omega, product=product, digits=digits):
            digits.append(np.finfo(z.dtype).precision)
            return product(self, z, omega)

        monkeypatch.setattr(SmallSystem, "_coupling", counted)
        Orthogonal(w.shape).project(w, w + increment(rng, w.shape, size))
        monkeypatch.undo()
        assert digits == sorted(digits) and digits[-1] == 15
        few = digits.count(6)
        assert few >= len(digits) / 3 if columns == LARGE else few == 0


def test_a_chain_of_large_square_steps_stays_orthonormal():
    w, rng = point(130, 130, 12)
    constraint = Orthogonal((130, 130))
    for _ in range(200):
        w = constraint.project(w, w + increment(rng, (130, 130), 0.05)).point
        assert np.max(np.abs(w.T @ w - np.eye(130))) <= 4 * np.sqrt(130) * np.finfo(float).eps


@pytest.mark.parametrize("angle", [0.1, 0.8, 0.99, 0.999])
def test_square_case_is_the_matrix_square_root(angle):
    w, rng = point(6, 6, 1)
    a = rng.standard_normal((6, 6))
    omega = (a - a.T) * (angle / np.linalg.norm(a - a.T, 2))
    exact = w @ (omega + scipy.linalg.sqrtm(np.eye(6) + omega @ omega).real)
    solved = Orthogonal((6, 6)).project(w, w + w @ omega).point
    assert np.max(np.abs(solved - exact)) <= 1e-15 / np.sqrt(1 - angle**2) * 20


@given(seed=seeds, angle=st.floats(0.88, 0.98))
def test_quasi_newton_fails_where_newton_does_not(seed, angle):
    """For a square matrix its linear rate is √(2 − 2√(1 − w²)), above 1 beyond w = √3/2, along
    normal perturbations that do not commute with the rotation."""
    w, rng = point(4, 4, seed)
    a = rng.standard_normal((4, 4))
    omega = (a - a.T) * (angle / np.linalg.norm(a - a.T, 2))
    x = w @ (omega + 0.01 * (a + a.T))
    with pytest.raises(ConvergenceError, match="did not converge") as caught:
        Orthogonal((4, 4), solver="quasi_newton", max_iterations=3000).project(w, w + x)
    assert abs(caught.value.rotation_norm - angle) < 1e-12 and caught.value.iterations > 1
    exact = w @ (omega + scipy.linalg.sqrtm(np.eye(4) + omega @ omega).real)
    solved = Orthogonal((4, 4), solver="newton").project(w, w + x).point
    assert np.max(np.abs(solved - exact)) < 1e-12


@pytest.mark.parametrize("shape", [(9, 3), (8, 4), (20, 6), (5, 4)])
def test_feasibility_is_exactly_where_the_criterion_says(shape):
    """Along a ray of increments, the threshold of the criterion by bisection."""
    w, rng = point(*shape, 3)
    direction = rng.standard_normal(shape)
    low, high = 0.0, 5.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if solvability(w, middle * direction) > 0 else (low, middle)
    inside = Orthogonal(shape).project(w, w + 0.999 * low * direction).point
    assert np.max(np.abs(inside - riccati(w, 0.999 * low * direction))) < 1e-10
    with pytest.raises(InfeasibleError, match="too large") as caught:
        Orthogonal(shape).project(w, w + 1.001 * low * direction)
    rotation, outside = increment_norms(w, 1.001 * low * direction)
    assert (caught.value.rotation_norm, caught.value.outside_norm) == pytest.approx(
        (rotation, outside), rel=1e-12
    )
    try:  # the oracle either refuses or returns what is not orthonormal
        beyond = riccati(w, 1.001 * low * direction)
    except np.linalg.LinAlgError:
        return
    assert np.max(np.abs(beyond.T @ beyond - np.eye(shape[1]))) > 1e-6


@pytest.mark.parametrize("shape", SHAPES)
def test_projection_and_drift_on_every_backend(shape, xb):
    constraint = Orthogonal(shape)
    n, m = max(shape), min(shape)
    w0, rng = point(n, m, 5)
    w = xb.asarray(w0)
    p = constraint.project_tangent(w, xb.asarray(rng.standard_normal((n, m))))
    assert_tangent(w, p)
    end = drift(constraint, w, p, 0.05)
    assert_same_kind(end.position, w)
    assert_same_kind(end.momentum, w)
    assert_orthonormal(end.position)
    assert_tangent(end.position, end.momentum)
    exact = riccati(w0, 0.05 * np.asarray(to_host(p), dtype=np.float64))
    assert_close(end.position, exact, factor=400.0)


@given(drawn=stiefel_tangents((1, 9), size=(0.1, 10.0)), size=st.floats(1e-3, 0.3))
def test_drift_is_reversible_and_keeps_the_speed(drawn, size):
    w, p, _ = drawn
    constraint = Orthogonal(w.shape)
    h = size / max(np.linalg.norm(p, 2), 1e-3)

    def move(w, x):  # in steps x = h p, which are as large as what rounds
        end = drift(constraint, w, x / h, h)
        return end.position, h * end.momentum

    assert_reversible(move, w, h * p, tolerance=1e-13 / size)
    speed = np.linalg.norm(drift(constraint, w, p, h).momentum)
    assert h * abs(speed - np.linalg.norm(p)) <= 1e-13


@given(shape=tall_shapes, seed=seeds)
def test_normal_parts_of_the_increment_do_not_matter(shape, seed):
    constraint = Orthogonal(shape)
    w, rng = point(*shape, seed)
    x = increment(rng, shape, 0.2)
    raw = constraint.project(w, w + x).point
    projected = constraint.project(w, w + constraint.project_tangent(w, x)).point
    assert np.max(np.abs(raw - projected)) <= 1e-14


def test_fixed_iterations_leave_the_residual_they_leave():
    w, rng = point(20, 10, 0)
    p = Orthogonal((20, 10)).project_tangent(w, rng.standard_normal((20, 10)))
    released = Orthogonal((20, 10), unchecked=True, max_iterations=10)
    q = w + 0.1 * p
    for _ in range(10):  # the printed iteration, on the large matrix
        q = q - 0.5 * w @ (q.T @ q - np.eye(10))
    end = released.move(w, p, 0.1)
    assert end.iterations == 10
    assert np.max(np.abs(end.position - q)) < 1e-14
    assert 1e-9 < np.max(np.abs(released.residual(q))) < 1e-4


def test_fixed_iterations_refuse_an_increment_that_is_not_finite():
    released = Orthogonal((3, 2), unchecked=True, max_iterations=4)
    increment = np.full((3, 2), 0.1)
    increment[2, 1] = np.inf
    with pytest.raises(InfeasibleError, match="not finite") as caught:
        released.project(np.eye(3, 2), np.eye(3, 2) + increment)
    assert caught.value.finite_entries == 5


@pytest.mark.parametrize("seed", range(4))
def test_the_criterion_is_the_least_over_all_turns(seed):
    """Against a fine grid with Brent's method about its lowest point."""
    w, rng = point(9, 4, seed)
    x = 0.3 * rng.standard_normal((9, 4))
    omega = 0.5 * (w.T @ x - x.T @ w)
    outside = x - w @ (w.T @ x)

    def least(nu):
        fixed = np.eye(4) - outside.T @ outside
        return np.linalg.eigvalsh(nu**2 * np.eye(4) - 2j * nu * omega + fixed)[0]

    grid = np.linspace(0.0, 2.0, 401)
    place = grid[int(np.argmin([least(nu) for nu in grid]))]
    found = scipy.optimize.minimize_scalar(
        least, bounds=(max(place - 0.005, 0.0), place + 0.005), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    assert solvability(w, x) == pytest.approx(found.fun, abs=1e-9)


@pytest.mark.parametrize("shape", [(300, 200), (128, 384), (1024, 1024)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_matrices_in_both_dtypes(shape, dtype):
    n, m = max(shape), min(shape)
    w0, rng = point(n, m, 7)
    constraint = Orthogonal(shape)
    w = orthonormal_factor(w0.astype(dtype))
    x = increment(rng, (n, m), 0.05).astype(dtype)
    solved = constraint.project(w, w + x)
    assert solved.point.dtype == dtype
    assert np.max(np.abs(constraint.residual(solved.point))) <= 4 * np.sqrt(n) * np.finfo(dtype).eps


def test_start_and_failures_carry_their_numbers():
    constraint = Orthogonal((3, 2))
    with pytest.raises(InfeasibleError, match="not orthonormal") as caught:
        constraint.extend(np.ones((3, 2)))
    assert caught.value.residual == 3.0 and caught.value.tolerance < 1e-10
    with pytest.raises(InfeasibleError, match="linearly dependent"):
        orthonormal_factor(np.ones((3, 2)))
    with pytest.raises(InfeasibleError, match="lost rank"):
        constraint.nearest(np.ones((3, 2)))
    w = np.eye(3, 2)
    with pytest.raises(InfeasibleError, match="not finite") as caught:
        constraint.project(w, w * np.nan)
    assert caught.value.finite_entries == 0
    for bad in (
        {"shape": (3,)},
        {"shape": (3, 2), "solver": "x"},
        {"shape": (3, 2), "max_iterations": 0},
    ):
        with pytest.raises(ValueError):
            Orthogonal(**bad)


def test_nearest_is_the_polar_factor():
    w, rng = point(7, 4, 2)
    target = w + 0.3 * rng.standard_normal((7, 4))
    exact, _ = scipy.linalg.polar(target)
    assert_close(Orthogonal((7, 4)).nearest(target).point, exact)


def test_kernels_are_matrices_of_output_times_the_rest():
    constraint = Orthogonal((4, 2, 3, 3))
    assert constraint.wide
    w = np.linalg.qr(np.random.default_rng(0).standard_normal((18, 4)))[0].T.reshape(4, 2, 3, 3)
    q = constraint.extend(w)
    assert q.shape == (18, 4) and constraint.dimension(q) == 18 * 4 - 10
    assert np.array_equal(constraint.parameters(q), w)
