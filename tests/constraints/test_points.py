"""Uniform points of the constraints, their dimensions, and the multipliers that solvers report."""

import math

import numpy as np
import pytest
from fields import SEED, number
from hypothesis import given

from refimpl import autodiff as ad
from refimpl.constraints import Circle, Orthogonal, Unconstrained, UserConstraint, over_chains
from refimpl.errors import ConvergenceError
from refimpl.random import Rng


def assert_share(found, share, draws):
    """A count of independent draws within six standard errors; false alarm 2e-9."""
    assert abs(found - share * draws) < 6.0 * math.sqrt(share * (1.0 - share) * draws)


def test_points_of_the_circle_are_uniform_in_the_angle():
    draws = 20_000
    q = Circle(0.7).random_point(Rng(0), np.zeros(draws))
    assert q.shape == (2, draws)
    np.testing.assert_allclose(np.hypot(*q), 0.7, rtol=1e-15)
    turn = np.arctan2(q[1], q[0])
    for eighth in range(8):
        low = -math.pi + eighth * math.pi / 4
        assert_share(np.sum((turn >= low) & (turn < low + math.pi / 4)), 1 / 8, draws)


def test_points_of_the_orthogonal_matrices_are_of_the_haar_law():
    """Entries are as often negative as positive, their squares have mean 1/n, and both halves of
    the square matrices are met equally often."""
    draws, rng = 2000, Rng(1)
    q = np.stack([
        Orthogonal((3, 3)).random_point(rng.child(k), np.zeros((3, 3))) for k in range(draws)
    ])  # fmt: skip
    np.testing.assert_allclose(q @ np.swapaxes(q, 1, 2), np.eye(3)[None] + 0 * q, atol=1e-14)
    assert_share(np.sum(np.linalg.det(q) > 0), 0.5, draws)
    for i, j in np.ndindex(3, 3):
        assert_share(np.sum(q[:, i, j] > 0), 0.5, draws)
        # an entry of a uniform unit vector in three dimensions is uniform on (-1, 1)
        assert_share(np.sum(np.abs(q[:, i, j]) < 0.25), 0.25, draws)


def test_points_without_a_constraint_are_normal():
    q = Unconstrained().random_point(Rng(2), np.zeros(20_000))
    assert_share(np.sum(np.abs(q) < 0.6744897501960817), 0.5, q.size)
    assert_share(np.sum(q > 0), 0.5, q.size)


def test_dimensions_count_degrees_of_freedom():
    """The rank of the tangent projection."""
    rng = np.random.default_rng(3)
    stiefel, circle = Orthogonal((5, 3)), Circle(2.0)
    q = np.linalg.qr(rng.normal(size=(5, 3)))[0]
    columns = [stiefel.project_tangent(q, e.reshape(5, 3)).ravel() for e in np.eye(15)]
    assert stiefel.dimension(q) == np.linalg.matrix_rank(columns)
    q = circle.extend(np.array([[0.3, -1.2], [1.9, 0.0]]))
    columns = [circle.project_tangent(q, e.reshape(2, 2, 2)).ravel() for e in np.eye(8)]
    assert circle.dimension(q) == np.linalg.matrix_rank(columns)
    assert Unconstrained().dimension(np.zeros((2, 3, 4))) == 24


@given(seed=SEED, radius=number(0.2, 3.0))
def test_the_circles_multiplier_solves_its_quadratic(seed, radius):
    """|q̄ − λ q|² = r² has two roots; the one near 0 is taken, and the largest is reported."""
    rng = np.random.default_rng(seed)
    circle = Circle(radius, "shake")
    q = circle.extend(radius * rng.uniform(-1, 1, size=4))
    momentum = 0.5 * radius * rng.normal(size=(2, 4)) / 4
    target = q + momentum
    roots = []
    for a, b in zip(q.T, target.T, strict=True):
        both = np.roots([a @ a, -2 * (a @ b), b @ b - radius**2])
        roots.append(both[np.argmin(np.abs(both))])
    largest = np.max(np.abs(roots))
    assert float(circle.project(q, target).multiplier) == pytest.approx(largest, abs=1e-12)
    np.testing.assert_allclose(circle.project(q, target).point, target - roots * q, atol=1e-12)
    tangent = circle.project_tangent(q, momentum)
    expected = float(circle.project(q, q + 0.3 * tangent).multiplier)
    assert float(circle.move(q, momentum, 0.3, False).multiplier) == pytest.approx(expected)
    nearest = circle.nearest(target)
    shares = [np.linalg.norm(nearest.point[:, k]) / np.linalg.norm(target[:, k]) for k in range(4)]
    assert float(nearest.multiplier) == pytest.approx(np.max(np.abs(np.array(shares) - 1.0)))


@given(seed=SEED)
def test_the_matrices_multiplier_is_what_the_normal_takes(seed):
    """W̄ − Q = W Λ, so that Λ = Wᵀ(W̄ − Q)."""
    rng = np.random.default_rng(seed)
    stiefel = Orthogonal((4, 2))
    q = np.linalg.qr(rng.normal(size=(4, 2)))[0]
    target = q + 0.1 * rng.normal(size=(4, 2))
    solved = stiefel.project(q, target)
    multiplier = q.T @ (target - solved.point)
    assert float(solved.multiplier) == pytest.approx(np.max(np.abs(multiplier)), abs=1e-10)
    nearest = stiefel.nearest(target)
    values = np.linalg.svd(target, compute_uv=False)
    assert float(nearest.multiplier) == pytest.approx(np.max(np.abs(values - 1.0)), abs=1e-12)


@pytest.mark.parametrize("rows", [2, 60])
def test_rounding_of_a_large_matrix_is_accepted(rows):
    """Some eps for each of the products that are summed."""
    stiefel = Orthogonal((rows, 2))
    q = np.linalg.qr(np.random.default_rng(0).normal(size=(rows, 2)))[0]
    assert stiefel.accepts(q * (1.0 + 3.0 * rows * np.finfo(float).eps))
    assert not stiefel.accepts(q * (1.0 + 300.0 * rows * np.finfo(float).eps))


def test_nearly_parallel_constraints_leave_no_normal_part():
    """J Jᵀ has condition 4e8; one pass of the projection would leave 1e-9 of the normal part."""

    def two(q):
        return ad.stack([q[0], q[0] + 1e-4 * q[1]])

    def rows(q):
        return ad.stack([q[:, 0], q[:, 0] + 1e-4 * q[:, 1]], axis=1)

    constraint = UserConstraint(two, rows=rows)
    q, u = np.zeros((20, 4)), np.random.default_rng(0).normal(size=(20, 4))
    many = over_chains(constraint).project_tangent(q, u)
    for k in range(20):
        for found in (constraint.project_tangent(q[k], u[k]), many[k]):
            assert np.max(np.abs(found[:2])) < 1e-13
            np.testing.assert_allclose(found[2:], u[k, 2:], rtol=1e-14)


def test_a_hopeless_projection_gives_up_after_its_iterations():
    """Newton's 50 by default; what is asked for otherwise."""
    for options, most in (({}, 50), ({"max_iterations": 7}, 7)):
        sphere = UserConstraint(lambda w: ad.sum(w * w) - 1.0, solver="newton", **options)
        with pytest.raises(ConvergenceError) as caught:
            sphere.project(np.array([1.0, 0.0]), np.array([1.0, 1.0 + 1e-9]))
        assert caught.value.iterations == most


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_many_chains_undo_a_step_along_the_normal(columns):
    """W − 0.6 W + tangent part: Λ is near −0.6, and the near branch is still the one."""
    rng, stiefel = np.random.default_rng(columns), Orthogonal((5, columns))
    q = np.linalg.qr(rng.normal(size=(8, 5, columns)))[0]
    sideways = np.stack([
        stiefel.project_tangent(w, 0.1 * rng.normal(size=(5, columns))) for w in q
    ])  # fmt: skip
    x = sideways - 0.6 * q
    moved = over_chains(stiefel).move(q, x, 1.0)
    assert np.all(moved.solved)
    for w, step, end in zip(q, x, moved.position, strict=True):
        np.testing.assert_allclose(end, stiefel.project(w, w + step).point, rtol=0, atol=1e-12)
