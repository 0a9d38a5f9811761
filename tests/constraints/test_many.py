"""Constraints of many chains: each chain is what the constraint of one gives, and failures stay
where they are."""

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.constraints import (
    Circle,
    Orthogonal,
    Unconstrained,
    UserConstraint,
    drift,
    many_orthogonal,
    over_chains,
)
from refimpl.errors import ConvergenceError, InfeasibleError, SettingError

RNG = np.random.default_rng(0)


def two(q):
    """A sphere cut by a cone, as one vector."""
    return ad.stack([ad.sum(q * q) - 1.0, q[0] * q[0] + q[1] * q[1] - q[2] * q[2] * q[3] - 0.2])


def two_rows(q):
    return ad.stack(
        [
            ad.sum(q * q, axis=1) - 1.0,
            q[:, 0] ** 2 + q[:, 1] ** 2 - q[:, 2] ** 2 * q[:, 3] - 0.2,
        ],
        axis=1,
    )


PAIR = UserConstraint(two, rows=two_rows)


def on_pair(count):
    found = []
    while len(found) < count:
        try:
            q = RNG.standard_normal(4)
            q /= np.linalg.norm(q)
            found.append(PAIR.project(q, q).point)
        except (ConvergenceError, InfeasibleError):
            continue
    return np.stack(found)


STARTS = {
    "free": (Unconstrained(), RNG.standard_normal((40, 3))),
    "circles": (Circle(0.7), RNG.uniform(-0.7, 0.7, (40, 2, 3))),
    "circles, SHAKE": (Circle(0.7, "shake"), RNG.uniform(-0.7, 0.7, (40, 2, 3))),
    "sphere": (Orthogonal((4, 1)), np.linalg.qr(RNG.standard_normal((40, 4, 1)))[0]),
    "tall": (Orthogonal((4, 2)), np.linalg.qr(RNG.standard_normal((40, 4, 2)))[0]),
    "wide": (Orthogonal((3, 5)), np.linalg.qr(RNG.standard_normal((40, 5, 3)))[0].mT),
    "kernel": (
        Orthogonal((5, 3, 1)),
        np.linalg.qr(RNG.standard_normal((40, 5, 3)))[0].reshape(40, 5, 3, 1),
    ),
    "user": (PAIR, on_pair(40)),
}


@pytest.mark.parametrize("step", [0.05, 0.3])
@pytest.mark.parametrize("name", STARTS)
def test_each_chain_is_the_constraint_of_one(name, step):
    one, params = STARTS[name]
    many = over_chains(one)
    q = many.extend(params)
    np.testing.assert_array_equal(many.parameters(q), params)
    noise = RNG.standard_normal(q.shape)
    p = many.project_tangent(q, noise)
    moves = many.move(q, p, step)
    ends = many.project_tangent(moves.position, moves.momentum)
    assert moves.solved.dtype == bool and moves.solved.shape == (40,)
    agreed = 0
    for i in range(40):
        alone = one.extend(params[i])
        np.testing.assert_allclose(q[i], alone, rtol=0, atol=1e-15)
        tangent = one.project_tangent(alone, noise[i])
        np.testing.assert_allclose(p[i], tangent, rtol=0, atol=1e-12)
        np.testing.assert_allclose(
            many.tangency(q, noise)[i], np.max(np.abs(one.tangency(q[i], noise[i]))), atol=1e-12
        )
        np.testing.assert_allclose(
            many.residual(1.1 * q)[i], np.max(np.abs(one.residual(1.1 * q[i]))), atol=1e-12
        )
        try:
            end = drift(one, alone, tangent, step)
        except (InfeasibleError, ConvergenceError):
            continue
        if moves.solved[i]:
            agreed += 1
            np.testing.assert_allclose(moves.position[i], end.position, rtol=0, atol=1e-11)
            np.testing.assert_allclose(ends[i], end.momentum, rtol=0, atol=1e-9)
    assert agreed >= (40 if step == 0.05 else 20)
    assert float(np.max(many.residual(moves.position))) < 1e-13


@pytest.mark.parametrize("name", ["circles, SHAKE", "sphere", "tall", "wide", "user"])
def test_a_chain_without_a_solution_stays_and_the_others_go_on(name):
    one, params = STARTS[name]
    many = over_chains(one)
    q = many.extend(params)
    p = many.project_tangent(q, RNG.standard_normal(q.shape))
    together = many.move(q, p, 0.05)
    p = np.where(np.arange(40).reshape((-1,) + (1,) * (p.ndim - 1)) == 7, 1e4 * p, p)
    moves = many.move(q, p, 0.05)
    assert np.flatnonzero(~moves.solved).tolist() == [7]
    np.testing.assert_array_equal(moves.position[7], q[7])
    rest = np.arange(40) != 7
    np.testing.assert_allclose(moves.position[rest], together.position[rest], rtol=0, atol=1e-14)
    nothing = many.move(q, np.where(np.isfinite(p), np.nan, p), 0.05)
    assert not np.any(nothing.solved) and np.array_equal(nothing.position, q)


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_free_motion_of_many_matrices_is_undone(columns):
    many = over_chains(Orthogonal((5, columns)))
    q = np.linalg.qr(RNG.standard_normal((60, 5, columns)))[0]
    p = many.project_tangent(q, RNG.standard_normal(q.shape))
    there = many.move(q, p, 0.2)
    back = many.project_tangent(there.position, there.momentum)
    again = many.move(there.position, -back, 0.2)
    fine = there.solved & again.solved
    assert fine.sum() > 30
    np.testing.assert_allclose(again.position[fine], q[fine], rtol=0, atol=1e-10)


def test_single_precision_stays():
    q = np.linalg.qr(RNG.standard_normal((10, 4, 2)))[0].astype(np.float32)
    many = over_chains(Orthogonal((4, 2)))
    moves = many.move(q, many.project_tangent(q, np.ones_like(q)), 0.1)
    assert moves.position.dtype == np.float32 and np.all(moves.solved)


def test_what_many_chains_refuse():
    with pytest.raises(SettingError, match="rows"):
        over_chains(UserConstraint(two))
    with pytest.raises(SettingError, match="slacks"):
        over_chains(UserConstraint(two, rows=two_rows, inequalities=2))
    with pytest.raises(InfeasibleError, match="orthonormal"):
        over_chains(Orthogonal((4, 2))).extend(np.ones((3, 4, 2)))
    with pytest.raises(InfeasibleError, match="some chain"):
        over_chains(PAIR).extend(np.ones((3, 4)))
    with pytest.raises(InfeasibleError, match="another"):
        over_chains(UserConstraint(two, rows=lambda q: 0.0 * two_rows(q))).extend(
            np.array([[0.0, 0.0, 0.0, 2.0]])
        )


def test_free_chains_at_the_origin_violate_nothing():
    free, origin = over_chains(Unconstrained()), np.zeros((3, 2))
    np.testing.assert_array_equal(free.residual(origin), np.zeros(3))
    np.testing.assert_array_equal(free.tangency(origin, origin + 1.0), np.zeros(3))


def test_a_free_chain_that_is_not_finite_is_nowhere_in_the_space():
    free, one = over_chains(Unconstrained()), Unconstrained()
    q = np.array([[1.0, 2.0], [np.inf, 0.0], [0.0, -np.inf], [np.nan, 0.0]], dtype=np.float32)
    expected = np.array([0.0, np.nan, np.nan, np.nan], dtype=np.float32)
    still = np.zeros_like(q)
    for found in (free.residual(q), free.tangency(still, q)):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(free.tangency(q, still), np.zeros(4))
    np.testing.assert_array_equal([one.residual(row) for row in q], expected)
    np.testing.assert_array_equal([one.tangency(row, row) for row in q], expected)


def test_chains_that_have_arrived_are_left_alone():
    """Newton's method looks at all chains, then at those alone that it has not ended in."""
    seen = []

    def rows(q):
        seen.append(ad.value(q).shape[0])
        return two_rows(q)

    many = over_chains(UserConstraint(two, rows=rows))
    q = on_pair(40)
    p = many.project_tangent(q, RNG.standard_normal(q.shape))
    speeds = np.where(np.arange(40) < 10, 0.05, 0.0)[:, None]
    seen.clear()
    moves = many.move(q, speeds * p, 1.0)
    assert np.all(moves.solved) and moves.iterations > 1
    np.testing.assert_array_equal(moves.position[10:], q[10:])
    # Jacobian and values of all, the steps of ten and fewer, and the residuals of all at the end
    assert seen[:2] == [40, 40] and seen[-1] == 40
    assert max(seen[2:-1]) == 10 and seen[2:-1] == sorted(seen[2:-1], reverse=True)


def test_a_quarter_turn_is_not_near():
    """Its eigenvalues are imaginary: the limit that the square root of a step may not reach."""
    angles = np.array([1.5, 1.6, -1.6, 0.0])
    c, s = np.cos(angles), np.sin(angles)
    turns = np.stack([np.stack([c, -s], axis=-1), np.stack([s, c], axis=-1)], axis=-2)
    quarter = np.array([[[0.0, -1.0], [1.0, 0.0]]])
    every = np.concatenate([turns, quarter])
    found = many_orthogonal._is_near(every, np.ones(5, dtype=bool))
    assert found.tolist() == [True, False, False, True, False]
    for size in (1, 2, 3):
        signs = np.stack([np.eye(size), np.diag([*[1.0] * (size - 1), -1.0])])
        assert many_orthogonal._is_near(signs, np.ones(2, dtype=bool)).tolist() == [True, False]
