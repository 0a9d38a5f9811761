"""Metropolis-exact steps: flat and circular twins, the way back, and every reason for a refusal."""

import itertools
import math

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.constraints import UserConstraint
from refimpl.datasets import Batch, Dataset
from refimpl.errors import DivergenceError, InfeasibleError, SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
from refimpl.papers.constrained_langevin.constrained_mala import ConstrainedMALA
from refimpl.random import Replay, Rng
from refimpl.training import train

FLAT = {"constraint": "none"}


def quartic(q, batch):
    return 0.25 * ad.sum(q**4) + 0.3 * ad.sum(q)


def twin_energy(q):
    return sum(0.25 * x**4 + 0.3 * x for x in q)


def twin_force(q):
    return [-(x**3) - 0.3 for x in q]


def hmc_twin(q, p, noise, uniform, h, steps, tau, c):
    """Hybrid Monte Carlo on the whole space, in scalar loops."""
    p = [c * x + math.sqrt(tau * (1 - c * c)) * r for x, r in zip(p, noise, strict=True)]
    before = twin_energy(q) + 0.5 * sum(x * x for x in p)
    x, v = list(q), list(p)
    for _ in range(steps):
        v = [a + 0.5 * h * f for a, f in zip(v, twin_force(x), strict=True)]
        x = [a + h * b for a, b in zip(x, v, strict=True)]
        v = [a + 0.5 * h * f for a, f in zip(v, twin_force(x), strict=True)]
    error = twin_energy(x) + 0.5 * sum(a * a for a in v) - before
    if uniform < math.exp(min(0.0, -error / tau)):
        return x, v, error
    return list(q), [-a for a in p], error


@pytest.mark.parametrize("refreshment", ["full", "partial"])
def test_on_flat_space_it_is_hybrid_monte_carlo(refreshment):
    h, steps, tau, gamma = 0.9, 3, 0.7, 0.4
    algorithm = ConstrainedHMC(
        step_size=h, leapfrog_steps=steps, temperature=tau, refreshment=refreshment,
        friction=gamma, **FLAT,
    )  # fmt: skip
    c = 0.0 if refreshment == "full" else math.exp(-gamma * h * steps)
    draws = np.random.default_rng(0)
    state = algorithm.init(np.array([0.4, -1.1, 0.7]))
    q, p, taken = [0.4, -1.1, 0.7], [0.0, 0.0, 0.0], []
    for _ in range(60):
        noise, uniform = draws.standard_normal(3), draws.uniform()
        state, info = algorithm.step(state, quartic, None, Replay([noise, uniform]))
        q, p, error = hmc_twin(q, p, noise, uniform, h, steps, tau, c)
        np.testing.assert_allclose(state.params, q, rtol=0, atol=1e-9)
        np.testing.assert_allclose(state.momenta[0], p, rtol=0, atol=1e-9)
        assert abs(float(info.energy_error) - error) <= 1e-9 * (1.0 + abs(error))
        assert float(info.loss) == pytest.approx(twin_energy(q), abs=1e-9)
        assert float(info.acceptance) == pytest.approx(math.exp(min(0.0, -error / tau)), abs=1e-9)
        taken.append(info.accepted)
    assert 5 < sum(taken) < 55


def test_on_flat_space_the_overdamped_case_is_mala():
    """The acceptance is that of the two Gaussian transition densities."""
    h, tau = 0.35, 0.8
    algorithm = ConstrainedMALA(step_size=h, temperature=tau, **FLAT)
    draws = np.random.default_rng(1)
    q, taken = [0.4, -1.1, 0.7], []
    state = algorithm.init(np.array(q))
    for _ in range(60):
        noise, uniform = draws.standard_normal(3), draws.uniform()
        state, info = algorithm.step(state, quartic, None, Replay([noise, uniform]))
        moved = [
            x + h * f + math.sqrt(2 * tau * h) * r
            for x, f, r in zip(q, twin_force(q), noise, strict=True)
        ]

        def density(end, start):
            away = [e - s - h * f for e, s, f in zip(end, start, twin_force(start), strict=True)]
            return -sum(x * x for x in away) / (4 * tau * h)

        ratio = (twin_energy(q) - twin_energy(moved)) / tau + density(q, moved) - density(moved, q)
        chance = math.exp(min(0.0, ratio))
        assert float(info.acceptance) == pytest.approx(chance, abs=1e-9)
        if uniform < chance:
            q = moved
        taken.append(uniform < chance)
        assert info.accepted == taken[-1]
        np.testing.assert_allclose(state.params, q, rtol=0, atol=1e-9)
    assert 5 < sum(taken) < 55


def test_mala_on_a_circle_by_angles():
    """SHAKE turns by arcsin(t/r), and |v* + h Π*∇V*|² − |v + h Π∇V|² stands in the exponent."""
    h, tau, r = 0.4, 0.6, 1.3
    slope = np.array([1.9, -0.8])
    circle = UserConstraint(lambda q: ad.sum(q * q) - r * r)
    algorithm = ConstrainedMALA(step_size=h, temperature=tau, user=circle)
    angle, draws = 0.3, np.random.default_rng(2)
    state = algorithm.init(r * np.array([math.cos(angle), math.sin(angle)]))
    seen = set()
    for _ in range(80):
        noise, uniform = draws.standard_normal(2), draws.uniform()
        state, info = algorithm.step(
            state, lambda q, batch: ad.sum(q * slope), None, Replay([noise, uniform])
        )
        across = np.array([-math.sin(angle), math.cos(angle)])
        v = math.sqrt(2 * tau * h) * (noise @ across) - h * (slope @ across)
        if abs(v) > r:
            assert info.unsolved and not info.accepted
            seen.add("unsolved")
            continue
        end = angle + math.asin(v / r)
        around = np.array([-math.sin(end), math.cos(end)])
        change = (
            r
            * slope
            @ (
                np.array([math.cos(end), math.sin(end)])
                - np.array([math.cos(angle), math.sin(angle)])
            )
        )
        back = -v + h * (slope @ around)
        there = v + h * (slope @ across)
        chance = math.exp(min(0.0, -change / tau - (back**2 - there**2) / (4 * tau * h)))
        assert float(info.acceptance) == pytest.approx(chance, abs=1e-9)
        angle = end if uniform < chance else angle
        seen.add(info.accepted)
        np.testing.assert_allclose(
            state.params, r * np.array([math.cos(angle), math.sin(angle)]), rtol=0, atol=1e-9
        )
        assert float(info.residual) < 1e-12 and float(info.tangency) < 1e-12
    assert {True, False} <= seen


CONSTRAINED = {
    "circle": (np.array([[0.2, -0.5], [0.7, 0.1]]), {"constraint": "circle"}),
    "circle, SHAKE": (
        np.array([[0.2, -0.5], [0.7, 0.1]]),
        {"constraint": "circle", "circle_motion": "shake"},
    ),
    "orthogonal": (np.linalg.qr(np.random.default_rng(3).standard_normal((5, 3)))[0],
                   {"free_first": False}),
    "user": (np.array([0.6, 0.0, 0.8]),
             {"user": UserConstraint(lambda q: ad.stack([ad.sum(q * q) - 1.0, q[1] * q[0]]))}),
}  # fmt: skip


def tilted(q, batch):
    return ad.sum(ad.sin(3.0 * q)) + 0.4 * ad.sum(q * q * q)


@pytest.mark.parametrize("name", CONSTRAINED)
def test_a_trajectory_turned_round_leads_back(name):
    """Without friction a step draws no noise: accepted twice, with a flip between, it is undone."""
    start, hyper = CONSTRAINED[name]
    algorithm = ConstrainedHMC(
        step_size=0.11, leapfrog_steps=7, refreshment="partial", friction=0.0, temperature=1.0,
        **hyper,
    )  # fmt: skip
    state = algorithm.init([start] if name != "user" else start)
    objective = tilted if name == "user" else lambda q, batch: tilted(q[0], batch)
    wanted = algorithm.blocks(state.params).each(
        lambda c, q, u: c.project_tangent(q, u),
        state.positions,
        [np.random.default_rng(4).standard_normal(q.shape) for q in state.positions],
    )
    state = state._replace(momenta=wanted)
    there, info = algorithm.step(state, objective, None, Replay([0.0]))
    assert info.accepted and float(info.residual) < 1e-13
    assert 1e-6 < abs(float(info.energy_error)) < 0.2
    assert np.max(np.abs(there.positions[0] - state.positions[0])) > 0.05
    turned = there._replace(momenta=[-p for p in there.momenta])
    back, again = algorithm.step(turned, objective, None, Replay([0.0]))
    np.testing.assert_allclose(back.positions[0], state.positions[0], rtol=0, atol=1e-11)
    np.testing.assert_allclose(back.momenta[0], -state.momenta[0], rtol=0, atol=1e-11)
    assert float(again.energy_error) == pytest.approx(-float(info.energy_error), abs=1e-11)


def oval(q):
    """Cassini's oval with a waist: ((x − 1)² + y²) ((x + 1)² + y²) = 1.02⁴."""
    x, y = q[0], q[1]
    return ((x - 1.0) ** 2 + y * y) * ((x + 1.0) ** 2 + y * y) - 1.02**4


def test_a_way_back_that_ends_elsewhere_is_refused():
    """On a curve with a waist Newton's method can cross to the other side."""
    algorithm = ConstrainedHMC(
        step_size=0.6, leapfrog_steps=1, temperature=1.0, user=UserConstraint(oval)
    )
    waist = np.array([0.0, math.sqrt(1.02**2 - 1.0)])
    start = algorithm.init(waist)
    kinds = {"irreversible": 0, "unsolved": 0, "moved": 0}
    state = start
    for k in range(200):
        before = state.params
        state, info = algorithm.step(state, lambda q, batch: 0.0 * ad.sum(q), None, Rng(5).child(k))
        if info.irreversible or info.unsolved:
            kinds["irreversible" if info.irreversible else "unsolved"] += 1
            assert not info.accepted and float(info.acceptance) == 0.0
            assert float(info.energy_error) == 0.0
            assert np.array_equal(state.params, before)
        else:
            kinds["moved"] += info.accepted
    assert kinds["irreversible"] > 2 and kinds["moved"] > 25, kinds


def test_a_step_too_large_is_turned_back():
    algorithm = ConstrainedHMC(
        step_size=3.0,
        leapfrog_steps=2,
        temperature=1.0,
        free_first=False,
        refreshment="partial",
        friction=0.01,
    )
    state = algorithm.init([np.eye(4, 2)])
    state = state._replace(momenta=[np.array([[0.0, 0.0], [0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])])
    zero = np.zeros((4, 2))
    after, info = algorithm.step(
        state, lambda q, batch: 0.0 * ad.sum(q[0]), None, Replay([zero, 0.0])
    )
    assert info.unsolved and not info.irreversible and not info.accepted
    assert np.array_equal(after.params[0], state.params[0])
    decay = math.exp(-algorithm.friction * 6.0)
    np.testing.assert_allclose(after.momenta[0], -decay * state.momenta[0], rtol=1e-14)
    assert after.step == 1


def test_an_energy_that_is_not_finite_is_turned_back_but_not_at_the_start():
    algorithm = ConstrainedHMC(step_size=1.0, leapfrog_steps=1, temperature=1.0, **FLAT)

    def barrier(q, batch):
        return -ad.log(q[0])

    with np.errstate(invalid="ignore"):
        state, info = algorithm.step(
            algorithm.init(np.array([0.5])), barrier, None, Replay([[-4.0], 0.0])
        )
        assert info.diverged and not info.accepted and float(state.params[0]) == 0.5
        with pytest.raises(DivergenceError):
            algorithm.step(algorithm.init(np.array([-1.0])), barrier, None, Rng(0))


def test_cold_steps_go_downhill_and_draw_nothing():
    algorithm = ConstrainedMALA(step_size=0.05, temperature=0.0, free_first=False)
    state = algorithm.init([np.eye(3, 1)])
    losses = []
    for _ in range(200):
        state, info = algorithm.step(state, lambda q, batch: -q[0][1, 0] - q[0][2, 0], None)
        losses.append(float(info.loss))
    assert all(b <= a for a, b in itertools.pairwise(losses))
    assert losses[-1] == pytest.approx(-math.sqrt(2.0), abs=1e-8)
    hot = ConstrainedMALA(step_size=0.05, temperature=1.0, free_first=False)
    with pytest.raises(TypeError, match="rng"):
        hot.step(hot.init([np.eye(3, 1)]), lambda q, batch: -q[0][1, 0], None)


OBJECTIVE = Objective(MLP((3, 4, 2), activation="tanh"), "softmax_cross_entropy")


def rows(count, seed=0):
    rng = np.random.default_rng(seed)
    return Batch(rng.standard_normal((count, 3)), rng.integers(0, 2, count), np.arange(count))


@pytest.mark.parametrize("factory", [ConstrainedHMC, ConstrainedMALA])
def test_minibatches_are_refused_with_the_reason(factory):
    algorithm = factory(step_size=0.01, temperature=0.01)
    params = OBJECTIVE.model.init(Rng(0))
    whole = rows(10)
    data = Dataset("ten", whole.inputs, whole.targets, classes=2)
    options = {"epochs": 2, "rng": Rng(1)}
    with pytest.raises(SettingError, match="minibatch is noise"):
        train(algorithm, OBJECTIVE, params, data, batch_size=4, **options)
    trained = train(algorithm, OBJECTIVE, params, data, batch_size=10, **options)
    assert trained.state.step == 2
    state, _ = algorithm.step(algorithm.init(params), OBJECTIVE, whole, Rng(2))
    with pytest.raises(SettingError, match="minibatch is noise"):
        algorithm.step(state, OBJECTIVE, rows(10, seed=1), Rng(3))
    order = np.random.default_rng(4).permutation(10)
    shuffled = Batch(whole.inputs[order], whole.targets[order], order)
    algorithm.step(state, OBJECTIVE, shuffled, Rng(3))


def test_the_start_must_satisfy_the_constraint():
    with pytest.raises(InfeasibleError):
        ConstrainedHMC(free_first=False, start="require").init([np.ones((3, 2))])
    with pytest.raises(ValueError, match="refreshment"):
        ConstrainedHMC(refreshment="half")
    with pytest.raises(TypeError, match="user"):
        ConstrainedMALA(user=oval)
