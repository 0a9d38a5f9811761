"""Circle and user-defined constraints against closed forms and against each other."""

import array_api_strict
import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl import autodiff as ad
from refimpl.arrays import eps
from refimpl.constraints import (
    Blocks,
    Circle,
    Orthogonal,
    Unconstrained,
    UserConstraint,
    circle_blocks,
    drift,
    layer_radii,
    orthogonal_blocks,
    orthonormal_params,
)
from refimpl.errors import ConstraintError, ConvergenceError, InfeasibleError, SettingError
from refimpl.random import Rng
from refimpl.testing import assert_on_circles, assert_orthonormal, assert_tangent, sphere_tangents

seeds = st.integers(0, 2**32 - 1)
radii = st.floats(1e-3, 1e3)


@given(seed=seeds, radius=radii, motion=st.sampled_from(["rotation", "shake"]))
def test_drift_turns_the_angle(seed, radius, motion, xb):
    """By h t/r for the rotation and arcsin(h t/r) for SHAKE, in plain trigonometry."""
    rng = np.random.default_rng(seed)
    phi = rng.uniform(-np.pi, np.pi, 5)
    speed = rng.uniform(-1, 1, 5) * radius
    q = xb.asarray(radius * np.stack([np.sin(phi), np.cos(phi)]))
    p = xb.asarray(speed * np.stack([np.cos(phi), -np.sin(phi)]))
    circle = Circle(radius, motion)
    end = drift(circle, q, p, 0.7)
    turn = 0.7 * speed / radius if motion == "rotation" else np.arcsin(0.7 * speed / radius)
    exact = radius * np.stack([np.sin(phi + turn), np.cos(phi + turn)])
    tolerance = 100 * eps(q) * radius
    assert_close(end.position, exact, atol=tolerance)
    assert_same_kind(end.position, q)
    assert_same_kind(end.momentum, q)
    assert_on_circles(end.position[0, ...], end.position[1, ...], radius, tolerance=10 * eps(q))
    assert_tangent(end.position, end.momentum, constraint=circle, tolerance=20 * eps(q))


def test_radii_do_not_drift_over_a_long_run():
    circle = Circle(0.3)
    q = circle.extend(np.linspace(-0.3, 0.3, 7))
    p = circle.project_tangent(q, np.random.default_rng(0).standard_normal(q.shape))
    for _ in range(10_000):
        q, p, *_ = drift(circle, q, p, 0.1)
        assert_on_circles(*q, 0.3, tolerance=100 * eps(q))


def test_circle_start_and_failures_carry_their_numbers():
    with pytest.raises(InfeasibleError, match="2 of 3 weights") as caught:
        Circle(0.5).extend(np.array([0.1, -0.7, np.nan]))
    assert caught.value.radius == 0.5 and caught.value.outside == 2
    q = Circle(1.0).extend(np.array([0.0]))
    with pytest.raises(InfeasibleError, match="exceeds the radius") as caught:
        Circle(1.0).project(q, q + np.array([[1.5], [0.0]]))
    assert caught.value.increment == pytest.approx(1.5)
    with pytest.raises(InfeasibleError, match="centre"):
        Circle(1.0).nearest(np.zeros((2, 1)))
    for radius in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="radius"):
            Circle(radius)


def sphere(**options):
    return UserConstraint(lambda w: ad.sum(w * w) - 1.0, **options)


@given(sphere_tangents(size=(1e-3, 0.6)), st.sampled_from(["newton", "quasi_newton"]), seeds)
def test_user_sphere_is_the_stiefel_manifold_of_one_column(drawn, solver, seed):
    q, x, _ = drawn  # a radial part would move the start of the generic solver
    n = len(q)
    mine = sphere(solver=solver, max_iterations=500)
    solved = mine.project(q, q + x).point
    exact = q * np.sqrt(1.0 - x @ x) + x
    assert np.max(np.abs(solved - exact)) <= 1e-13
    column = Orthogonal((n, 1)).project(q[:, None], (q + x)[:, None]).point[:, 0]
    assert np.max(np.abs(solved - column)) <= 1e-13
    u = np.random.default_rng(seed).standard_normal(n)
    assert np.max(np.abs(mine.project_tangent(q, u) - (u - q * (q @ u)))) <= 1e-14
    assert_tangent(q, mine.project_tangent(q, u), tolerance=1e-14)


def test_user_inequality_is_the_circle():
    radius = 0.8
    box = UserConstraint(lambda w: w * w - radius**2, inequalities=3)
    theta = np.array([0.1, -0.5, 0.79])
    circle = Circle(radius, "shake")
    q, flat = circle.extend(theta), box.extend(theta)
    assert_close(flat, q.reshape(-1))
    assert box.dimension(flat) == circle.dimension(q) == 3
    assert_close(box.extend_gradient(theta, flat), circle.extend_gradient(theta, q).reshape(-1))
    p = circle.project_tangent(q, np.random.default_rng(1).standard_normal(q.shape))
    one, other = drift(circle, q, p, 0.2), drift(box, flat, p.reshape(-1), 0.2)
    assert np.max(np.abs(other.position - one.position.reshape(-1))) < 1e-14
    assert np.max(np.abs(other.momentum - one.momentum.reshape(-1))) < 1e-13


def test_jacobian_by_differentiation_is_that_by_hand():
    def g(w):
        return ad.stack([w[0] * w[1] - 0.5, ad.sin(w[2]) + w[0]])

    def by_hand(w):
        return np.array([[w[1], w[0], 0.0], [1.0, 0.0, np.cos(w[2])]])

    w = np.array([0.5, 1.0, -np.pi / 6])
    assert_close(UserConstraint(g).jacobian_at(w), by_hand(w))
    given_one = UserConstraint(g, jacobian=by_hand)
    target = w + np.array([0.02, -0.01, 0.03])
    assert_close(given_one.project(w, target).point, UserConstraint(g).project(w, target).point)


def test_user_failures_carry_their_numbers():
    twice = UserConstraint(lambda w: ad.stack([w[0] + w[1], 2.0 * w[0] + 2.0 * w[1]]))
    with pytest.raises(ConstraintError, match="full rank") as caught:
        twice.extend(np.array([1.0, -1.0]))
    assert caught.value.constraints == 2 and caught.value.smallest < 1e-12 < caught.value.largest
    with pytest.raises(ConstraintError, match="full rank"):
        UserConstraint(lambda w: ad.sum(w * w)).extend(np.zeros(3))  # the gradient vanishes
    with pytest.raises(InfeasibleError, match="start") as caught:
        sphere().extend(np.array([1.0, 1.0]))
    assert caught.value.residual == 1.0
    with pytest.raises(InfeasibleError, match="inequality") as caught:
        UserConstraint(lambda w: w - 1.0, inequalities=2).extend(np.array([0.0, 3.0]))
    assert caught.value.largest == 2.0 and caught.value.violated == 1
    with pytest.raises(InfeasibleError, match="inequality") as caught:
        UserConstraint(lambda w: w - 1.0, inequalities=3).extend(np.array([0.0, 3.0, 4.0]))
    assert caught.value.violated == 2
    with pytest.raises(ConvergenceError, match="did not converge") as caught:
        sphere().project(np.array([1.0, 0.0]), np.array([1.0, 1.5]))
    assert caught.value.residual > caught.value.tolerance
    with pytest.raises(ConvergenceError):
        sphere().project(np.array([1.0, 0.0]), np.array([np.nan, 0.0]))
    with pytest.raises(ValueError, match="declared"):
        UserConstraint(lambda w: w - 1.0, inequalities=1).extend(np.zeros(2))
    for call in (
        lambda: sphere().nearest(np.ones(2)),
        lambda: sphere().random_point(Rng(0), np.ones(2)),
    ):
        with pytest.raises(ConstraintError):
            call()


def test_maps_name_who_is_constrained():
    params = [
        {"weight": np.eye(4, 3), "bias": np.zeros(4)},
        {"weight": np.ones((2, 4)) + np.eye(2, 4), "bias": np.zeros(2)},
    ]
    assert layer_radii(params, (0.5, 2.0)) == [0.5, None, 2.0, None]
    assert layer_radii(params, (0.5,), include="all") == [0.5] * 4
    for bad in ((), (1.0, 2.0, 3.0), (1.0, -2.0)):
        with pytest.raises(ValueError, match="radi"):
            layer_radii(params, bad)
    kinds = [type(c) for c in orthogonal_blocks(params).constraints]
    assert kinds == [Unconstrained, Unconstrained, Orthogonal, Unconstrained]
    everything = orthogonal_blocks(params, free_first=False)
    made = orthonormal_params(params, everything)
    assert made[0]["weight"] is params[0]["weight"]  # orthonormal already
    assert_orthonormal(made[1]["weight"])
    polar = orthonormal_params(params, everything, "polar")[1]["weight"]
    u, _, vt = np.linalg.svd(params[1]["weight"], full_matrices=False)
    assert_close(polar, u @ vt)
    with pytest.raises(ValueError, match="constraints for"):
        Blocks((Unconstrained(),)).positions(params)
    assert [c.radius for c in circle_blocks(params, (3.0,)).constraints[::2]] == [3.0, 3.0]


# --- scale of a circle ---------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [1e-300, 1e-170, 1e-3, 1e160, 1e300])
@pytest.mark.parametrize("motion", ["rotation", "shake"])
def test_circles_of_every_size_are_one_circle(radius, motion):
    """All that a circle does is equivariant: r times what the circle of radius 1 does."""
    unit, circle = Circle(1.0, motion), Circle(radius, motion)
    theta, u = np.array([0.6, -0.3]), np.array([[0.1, 0.2], [-0.2, 0.15]])
    first, q = unit.extend(theta), circle.extend(radius * theta)
    assert_close(q / radius, first)
    assert_close(circle.tangential(q, u), unit.tangential(first, u))
    assert_close(circle.project_tangent(q, u), unit.project_tangent(first, u))
    assert_close(circle.tangency(q, u), unit.tangency(first, u))
    for name in ("project", "nearest"):
        inputs = (radius * first, radius * (first + u)) if name == "project" else None
        found = getattr(circle, name)(*(inputs or (radius * (first + u),)))
        reference = getattr(unit, name)(*((first, first + u) if inputs else (first + u,)))
        assert_close(found.point / radius, reference.point)
        assert_close(found.multiplier, reference.multiplier, atol=1e-14)
    found = circle.move(q, radius * u, 0.1, tangent=False)
    reference = unit.move(first, u, 0.1, tangent=False)
    assert_close(found[0] / radius, reference[0])
    assert_close(found[1] / radius, reference[1])
    assert float(np.abs(circle.residual(found[0])).max()) < 1e-14


@pytest.mark.parametrize(("dtype", "radius"), [("float32", 1e-60), ("float32", 1e60)])
def test_a_radius_without_digits_in_the_dtype_is_an_error(dtype, radius):
    with pytest.raises(ValueError, match="range of float32"):
        Circle(radius).extend(np.zeros(2, dtype))


@pytest.mark.parametrize("radius", [0.1, 0.3, 0.7])
def test_weights_clipped_to_the_radius_lie_on_it_in_their_dtype(radius):
    weights = np.clip(np.asarray([[-2.0, 0.05], [radius, 3.0]], np.float32), -radius, radius)
    q = Circle(radius).extend(weights)
    assert q.dtype == np.float32
    assert_close(q[1][0, 0], np.float32(0.0))
    with pytest.raises(InfeasibleError, match="1 of 4 weights"):
        Circle(radius).extend(weights * np.asarray([[1.001, 1.0], [1.0, 1.0]], np.float32))


# --- what would act on nothing, and the two halves of the orthogonal matrices ---------------------


def test_a_constraint_that_would_act_on_nothing_is_refused():
    vector = {"weight": np.zeros(3)}
    with pytest.raises(SettingError, match="include='all'"):
        circle_blocks(vector, (0.5,))
    assert len(circle_blocks(vector, (0.5,), include="all").constraints) == 1
    with pytest.raises(SettingError, match="free_first=False"):
        orthogonal_blocks([np.eye(2)])
    with pytest.raises(SettingError, match="two axes"):
        orthogonal_blocks(vector, free_first=False)


@pytest.mark.parametrize("determinant", [1, -1])
def test_both_halves_of_the_orthogonal_matrices_can_be_chosen(determinant):
    for seed in range(4):
        params = [Rng(seed).normal((4, 4)), Rng(seed).normal((3, 5))]
        blocks = orthogonal_blocks(params, free_first=False)
        square, wide = orthonormal_params(params, blocks, determinant=determinant)
        assert np.linalg.det(square) == pytest.approx(determinant)
        assert_orthonormal(square)
        assert_orthonormal(wide)
        again = orthonormal_params([square, wide], blocks, determinant=determinant)
        assert again[0] is square


def test_arrays_of_two_libraries_are_refused_at_the_door():
    strict = array_api_strict.asarray(np.eye(3, 2))
    with pytest.raises(TypeError, match="do not mix"):
        Orthogonal((3, 2)).project(np.eye(3, 2), strict)
