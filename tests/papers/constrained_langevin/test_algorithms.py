"""Constrained Langevin algorithms: invariants, equal forms, failures that keep the state."""

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import autodiff as ad
from refimpl.algorithms.langevin import Langevin
from refimpl.algorithms.sgld import SGLD
from refimpl.constraints import Orthogonal, UserConstraint
from refimpl.errors import ConstraintError, ConvergenceError, DivergenceError, InfeasibleError
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_od import OCoLAod
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.papers.constrained_langevin.overdamped import ConstrainedOverdamped
from refimpl.papers.constrained_langevin.splitting import Splitting
from refimpl.papers.constrained_langevin.underdamped import ConstrainedUnderdamped
from refimpl.random import Replay, Rng
from refimpl.testing import assert_orthonormal, assert_tangent

EPS = np.finfo(float).eps
seeds = st.integers(0, 2**31)
splittings = st.sampled_from(get_args(Splitting))


def loss(params, batch):
    """Smooth, neither even nor linear."""
    return ad.sum(ad.sin(params[0])) + 0.3 * ad.sum(params[0] * params[0] * params[0])


def flat(params, batch):
    return 0.0 * ad.sum(params[0])


def steps(algorithm, state, count, rng, objective=loss):
    infos = []
    for k in range(count):
        state, info = algorithm.step(state, objective, None, rng.child(k))
        infos.append(info)
    return state, infos


@given(
    shape=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    seed=seeds,
    splitting=splittings,
    heat=st.floats(0.0, 1.0),
)
def test_orthogonal_steps_stay_on_the_manifold(shape, seed, splitting, heat):
    """The noise of one step is kept below a fifth of the size at which projections end."""
    n, m = max(shape), min(shape)
    limit = 0.2 / (np.sqrt(max(n - m, 0)) + np.sqrt(2.0 * m) + 3.0)
    h = 0.1
    rng = Rng(seed)
    start = [rng.normal(shape)]
    for algorithm in (
        OCoLAud(
            step_size=h,
            friction=1.0,
            temperature=heat * (limit / h) ** 2,
            splitting=splitting,
            free_first=False,
        ),
        OCoLAod(step_size=0.01, temperature=heat * limit**2 / 0.02, free_first=False),
    ):
        state, infos = steps(algorithm, algorithm.init(start), 20, rng)
        assert max(float(info.residual) for info in infos) <= 50 * n * EPS
        assert max(float(info.tangency) for info in infos) <= 50 * n * EPS
        assert_orthonormal(state.positions[0], tolerance=50 * n * EPS)
        assert state.params[0].shape == shape


@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=seeds,
    splitting=splittings,
    tau=st.floats(0.0, 10.0),
    radius=st.floats(1e-3, 1e2),
)
def test_circle_steps_stay_on_the_circle_at_any_temperature(shape, seed, splitting, tau, radius):
    rng = Rng(seed)
    start = [rng.uniform(shape, -radius, radius)]
    for algorithm in (
        CCoLAud(step_size=0.3, friction=1.0, temperature=tau, radii=(radius,), splitting=splitting),
        CCoLAod(step_size=0.1, temperature=tau, radii=(radius,)),
    ):
        state, infos = steps(algorithm, algorithm.init(start), 10, rng)
        theta, xi = state.params[0] / radius, state.slack[0] / radius
        assert np.max(np.abs(theta**2 + xi**2 - 1.0)) <= 4 * EPS
        assert max(float(info.residual) for info in infos) <= 4 * EPS
        assert np.max(np.abs(theta)) <= 1.0 + EPS


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(6, 4), (5, 5), (3, 7)])
def test_ten_thousand_steps(shape):
    n = max(shape)
    algorithm = OCoLAud(step_size=0.1, friction=1.0, temperature=0.5, free_first=False)
    start = algorithm.init([Rng(1).normal(shape)], Rng(2))
    _, infos = steps(algorithm, start, 10_000, Rng(3))
    assert max(float(info.residual) for info in infos) <= 50 * n * EPS
    assert max(float(info.tangency) for info in infos) <= 50 * n * EPS


@pytest.mark.parametrize("splitting", ["BAOAB", "OBABO", "OABAO", "OBA"])
def test_without_a_constraint_it_is_langevin_dynamics(splitting):
    params = [Rng(0).normal((3, 2))]
    common = {"step_size": 0.2, "friction": 0.7, "temperature": 0.4, "splitting": splitting}
    one = ConstrainedUnderdamped(**common, constraint="none")
    other = Langevin(**common)
    first, _ = steps(one, one.init(params), 10, Rng(1))
    second, _ = steps(other, other.init(params), 10, Rng(1))
    assert np.max(np.abs(first.params[0] - second.params[0])) <= 1e-14
    over = ConstrainedOverdamped(step_size=0.1, temperature=0.3, constraint="none")
    plain = SGLD(learning_rate=0.1, temperature=0.3)
    first, _ = steps(over, over.init(params), 10, Rng(1))
    second, _ = steps(plain, plain.init(params), 10, Rng(1))
    assert np.max(np.abs(first.params[0] - second.params[0])) <= 1e-14


@pytest.mark.parametrize("projection", ["radial", "shake"])
def test_overdamped_circles_in_angles_and_in_pairs(projection):
    """The same steps in scalar loops over the angle, and with the constraint's own projections."""
    h, tau, r = 0.05, 0.1, 0.6
    params = [np.linspace(-0.4, 0.4, 6).reshape(2, 3)]
    points = CCoLAod(step_size=h, temperature=tau, radii=(r,), projection=projection)
    named = "nearest" if projection == "radial" else "shake"
    pairs = ConstrainedOverdamped(
        step_size=h, temperature=tau, constraint="circle", radii=(r,), projection=named
    )

    class Pairs:
        """The same two draws a step, handed out together."""

        def __init__(self, rng):
            self.rng = rng

        def normal(self, shape, like=None):
            return np.stack([self.rng.normal(shape[1:]), self.rng.normal(shape[1:])])

    one, other = points.init(params), pairs.init(params)
    phi = [math.asin(weight / r) for weight in params[0].ravel()]
    for k in range(50):
        theta = np.array([[r * math.sin(a) for a in phi]]).reshape(2, 3)
        slope = ad.value_and_grad(loss)([theta], None)[1][0].ravel()
        stream, scale = Rng(k), math.sqrt(2.0 * tau * h)
        first, second = (scale * stream.normal((2, 3)).ravel() for _ in range(2))
        for i, a in enumerate(phi):
            u, w = first[i] - h * slope[i], second[i]
            t = u * math.cos(a) - w * math.sin(a)
            n = u * math.sin(a) + w * math.cos(a)
            phi[i] += math.atan2(t, r + n) if projection == "radial" else math.asin(t / r)
        one, _ = points.step(one, loss, None, Rng(k))
        other, _ = pairs.step(other, loss, None, Pairs(Rng(k)))
    assert np.max(np.abs(one.params[0] - other.params[0])) < 1e-12
    assert np.max(np.abs(one.params[0].ravel() - [r * math.sin(a) for a in phi])) < 1e-12
    assert np.max(np.abs(one.slack[0].ravel() - [r * math.cos(a) for a in phi])) < 1e-12
    turns = (one.angles[0].ravel() - phi) / (2.0 * math.pi)
    assert np.max(np.abs(turns - np.round(turns))) < 1e-12


def test_user_constraint_on_a_tree_runs_the_whole_network():
    """The norm of all parameters is kept: the user's function sees the tree."""
    params = {"a": np.array([[0.6, 0.0]]), "b": np.array([0.8])}
    ball = UserConstraint.on_tree(lambda p: ad.dot(p, p) - 1.0, params)

    def objective(p, batch):
        return ad.sum(ad.cos(p["a"])) + ad.sum(p["b"])

    for algorithm in (
        ConstrainedOverdamped(step_size=0.05, temperature=0.1, user=ball),
        ConstrainedUnderdamped(
            step_size=0.1, friction=1.0, temperature=0.1, user=ball, reversibility_check=True
        ),
    ):
        state = algorithm.init(params)
        for k in range(30):
            state, info = algorithm.step(state, objective, None, Rng(k))
            total = np.sum(state.params["a"] ** 2) + np.sum(state.params["b"] ** 2)
            assert abs(total - 1.0) < 1e-14 and float(info.tangency) < 1e-13
            assert info.rejected == 0


def huge(params, batch):
    """A gradient that no projection survives."""
    return 1e3 * params[0][0, 0] + 300.0 * ad.sum(params[0])


@pytest.mark.parametrize("factory", [OCoLAod, OCoLAud])
def test_an_infeasible_step_raises_with_its_numbers_and_keeps_the_state(factory):
    algorithm = factory(step_size=1.0, free_first=False)
    state = algorithm.init([Rng(0).normal((5, 3))])
    before = state.params[0].copy()
    with pytest.raises(InfeasibleError, match="smaller step") as caught:
        algorithm.step(state, huge, None)
    assert caught.value.step == 0 and caught.value.step_size == 1.0
    assert max(caught.value.outside_norm, caught.value.rotation_norm) > 1.0
    assert np.array_equal(state.params[0], before)


def test_failures_can_be_rejected_halved_or_replaced():
    start = [Rng(0).normal((5, 3))]
    rejecting = OCoLAud(
        step_size=1.0, friction=0.0, splitting="OBA", free_first=False, on_failure="reject"
    )
    state = rejecting.init(start)
    new, info = rejecting.step(state, huge, None)
    assert info.rejected == 1 and np.array_equal(new.params[0], state.params[0])
    tangent = Orthogonal((5, 3)).project_tangent
    slope = ad.grad(lambda w: huge([w], None))(state.params[0])
    assert np.max(np.abs(new.momenta[0] - tangent(state.positions[0], slope))) < 1e-10  # flipped

    od = OCoLAod(step_size=1.0, free_first=False, on_failure="reject")
    new, info = od.step(od.init(start), huge, None)
    assert info.rejected == 1 and np.array_equal(new.params[0], od.init(start).params[0])

    for factory in (OCoLAod, OCoLAud):
        halving = factory(step_size=1.0, free_first=False, on_failure="halve", max_halvings=30)
        new, info = halving.step(halving.init(start), huge, None)
        assert info.halvings > 3 and float(info.residual) < 1e-14
        by_hand = factory(step_size=0.5**info.halvings, free_first=False)
        expected, _ = by_hand.step(by_hand.init(start), huge, None)
        assert np.array_equal(new.params[0], expected.params[0])
        with pytest.raises(InfeasibleError):
            factory(step_size=1.0, free_first=False, on_failure="halve", max_halvings=1).step(
                halving.init(start), huge, None
            )
        polar = factory(step_size=1.0, free_first=False, on_failure="polar")
        new, info = polar.step(polar.init(start), huge, None)
        assert info.fallbacks == 1 and float(info.residual) < 1e-13


def test_a_halved_step_has_the_noise_of_its_size():
    noise = Rng(7).normal((5, 3))
    halving = OCoLAod(step_size=1.0, temperature=0.02, free_first=False, on_failure="halve")
    state = halving.init([Rng(0).normal((5, 3))])

    def steep(params, batch):
        return 5.0 * ad.sum(params[0] * params[0] * params[0])

    new, info = halving.step(state, steep, None, Replay([noise]))
    assert info.halvings > 0
    alone = OCoLAod(step_size=0.5**info.halvings, temperature=0.02, free_first=False)
    expected, _ = alone.step(state, steep, None, Replay([noise]))
    assert np.array_equal(new.params[0], expected.params[0])


def test_a_reached_branch_that_cannot_be_undone_is_rejected():
    """A curve with a fold: from its tip Newton lands on a branch that does not lead back."""
    curve = UserConstraint(
        lambda w: ad.sum(w[1] - 4.0 * w[0] ** 3 + 3.0 * w[0]), max_iterations=100
    )
    rejected = 0
    algorithm = ConstrainedUnderdamped(
        step_size=0.9,
        friction=0.0,
        temperature=1.0,
        user=curve,
        splitting="OBA",
        reversibility_check=True,
        on_failure="reject",
    )
    plain = ConstrainedUnderdamped(
        step_size=0.9,
        friction=0.0,
        temperature=1.0,
        user=curve,
        splitting="OBA",
        on_failure="reject",
    )
    differ = 0
    for k in range(60):
        x = -0.9 + 0.03 * k
        start = np.array([x, 4.0 * x**3 - 3.0 * x])
        state = algorithm.init(start, Rng(k))
        new, info = algorithm.step(state, lambda w, batch: 0.0 * w[0], None)
        _, loose = plain.step(plain.init(start, Rng(k)), lambda w, batch: 0.0 * w[0], None)
        rejected += info.rejected
        differ += info.rejected > loose.rejected
        if info.rejected:  # turned back
            assert np.array_equal(new.params, start)
            np.testing.assert_allclose(new.momenta[0], -state.momenta[0], rtol=0, atol=1e-14)
    assert differ > 0 and rejected < 60


@pytest.mark.parametrize(
    "algorithm",
    [
        OCoLAod(free_first=False),
        OCoLAud(free_first=False),
        CCoLAod(radii=(9.0,)),
        CCoLAud(radii=(9.0,)),
        ConstrainedOverdamped(temperature=0.0, constraint="none"),
    ],
)
def test_nan_gradients_raise_and_keep_the_state(algorithm):
    state = algorithm.init([Rng(0).normal((3, 3))])
    before = state.params[0].copy()
    with pytest.raises(DivergenceError, match="state before the step") as caught:
        algorithm.step(state, lambda p, batch: ad.sum(p[0]) * np.nan, None)
    assert caught.value.step == 0 and np.isnan(caught.value.loss)
    assert np.array_equal(state.params[0], before)


def test_circle_starts_and_infeasible_shake():
    outside = [np.array([[0.1, 0.9]])]
    for factory in (CCoLAod, CCoLAud):
        with pytest.raises(InfeasibleError, match="1 of 2 weights") as caught:
            factory(radii=(0.5,)).init(outside)
        assert caught.value.largest == 0.9 and caught.value.radius == 0.5
        assert "--outside clip" in str(caught.value)
        with pytest.raises(InfeasibleError) as caught:
            factory(radii=(0.5,), outside="clip").init([np.array([[np.nan]])])
        assert "--outside clip" not in str(caught.value)
        clipped = factory(radii=(0.5,), outside="clip").init(outside)
        assert np.max(np.abs(clipped.params[0] - [[0.1, 0.5]])) < 1e-15
        for radii in ((0.0,), (-1.0,), (1.0, np.nan)):
            with pytest.raises(ValueError, match="radii"):
                factory(radii=radii)
    steep = CCoLAod(step_size=1.0, radii=(0.5,), projection="shake")
    state = steep.init([np.zeros((1, 2))])
    with pytest.raises(InfeasibleError, match="exceeds the radius") as caught:
        steep.step(state, lambda p, batch: 2.0 * ad.sum(p[0]), None)
    assert caught.value.increment == pytest.approx(2.0) and caught.value.step_size == 1.0
    falling = CCoLAod(step_size=1.0, radii=(0.5,), projection="shake", on_infeasible="radial")
    new, info = falling.step(state, lambda p, batch: 2.0 * ad.sum(p[0]), None)
    assert (
        info.fallbacks == 1 and np.max(np.abs(new.params[0] + 0.5 * np.sin(np.arctan(4.0)))) < 1e-15
    )
    center = CCoLAod(step_size=0.25, radii=(0.5,))
    state = center.init([np.full((1, 1), 0.5)])
    state = state._replace(slack=[np.zeros((1, 1))])
    with pytest.raises(InfeasibleError, match="centre"):
        center.step(state, lambda p, batch: 2.0 * ad.sum(p[0]), None)


def test_user_constraints_are_checked_when_the_run_starts():
    redundant = UserConstraint(lambda w: ad.stack([w[0] - 1.0, 3.0 * w[0] - 3.0]))
    with pytest.raises(ConstraintError, match="full rank"):
        ConstrainedOverdamped(user=redundant).init(np.array([1.0, 0.0]))
    sphere = UserConstraint(lambda w: ad.sum(w * w) - 1.0)
    with pytest.raises(InfeasibleError, match="start"):
        ConstrainedUnderdamped(user=sphere).init(np.array([2.0, 0.0]))
    far = ConstrainedOverdamped(step_size=10.0, temperature=0.0, user=sphere)
    state = far.init(np.array([1.0, 0.0]))
    with pytest.raises(ConvergenceError, match="smaller one") as caught:
        far.step(state, lambda w, batch: w[1], None)
    assert caught.value.step_size == 10.0
    with pytest.raises(ValueError, match="nearest"):
        ConstrainedOverdamped(user=sphere, projection="nearest")
    with pytest.raises(ValueError, match="polar"):
        ConstrainedUnderdamped(user=sphere, on_failure="polar")
    with pytest.raises(TypeError, match="user"):
        ConstrainedOverdamped(user=3)


def test_momenta_start_tangent_with_the_right_energy():
    """|p|²/τ is chi-square with dim Σ degrees of freedom; 400 draws, six standard errors."""
    algorithm = OCoLAud(temperature=0.3, free_first=False)
    w = [np.linalg.qr(np.random.default_rng(0).standard_normal((5, 3)))[0]]
    energies = []
    for k in range(400):
        state = algorithm.init(w, Rng(k))
        assert_tangent(w[0], state.momenta[0], tolerance=1e-14)
        energies.append(np.sum(state.momenta[0] ** 2) / 0.3)
    assert abs(np.mean(energies) - 9.0) < 6.0 * np.sqrt(18.0 / 400)
    assert not np.any(algorithm.init(w).momenta[0])
