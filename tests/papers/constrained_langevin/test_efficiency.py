"""What draws are worth: closed forms against autoregressions, double sums and two integrals."""

import math

import numpy as np
import pytest
from scipy import integrate, linalg, stats

from refimpl import backend
from refimpl.papers.constrained_langevin.experiments import efficiency
from refimpl.papers.constrained_langevin.experiments.efficiency_targets import LAWS
from refimpl.papers.constrained_langevin.theory import efficiency as theory
from refimpl.random import Rng


def linear_chain(k, h, c):
    """Heat bath, half a kick, drift, half a kick: the map of (q, p) and its stationary law."""
    kick = np.array([[1.0, 0.0], [-0.5 * h * k, 1.0]])
    drift = np.array([[1.0, h], [0.0, 1.0]])
    push = kick @ drift @ kick
    step = push @ np.diag([1.0, c])
    noise = push @ np.diag([0.0, math.sqrt(1 - c * c)])
    return step, linalg.solve_discrete_lyapunov(step, noise @ noise.T)


@pytest.mark.parametrize("friction", [0.05, 0.7, 4.0, math.inf])
@pytest.mark.parametrize(("k", "h"), [(1.0, 0.3), (2.5, 0.8)])
def test_gaussian_times_are_sums_of_correlations(k, h, friction):
    """Of q by powers of the step; of q² by squares of the correlations (Isserlis)."""
    c = 0.0 if math.isinf(friction) else math.exp(-friction * h)
    step, covariance = linear_chain(k, h, c)
    assert covariance[0, 0] == pytest.approx(1.0 / (k * (1.0 - h * h * k / 4.0)), rel=1e-9)
    power, rho = covariance.copy(), []
    for _ in range(4000):
        power = step @ power
        rho.append(power[0, 0] / covariance[0, 0])
    rho = np.array(rho)
    assert theory.gaussian_time(k, h, friction) == pytest.approx(1 + 2 * rho.sum(), rel=1e-8)
    squares = 1 + 2 * (rho**2).sum()
    assert theory.gaussian_square_time(k, h, friction) == pytest.approx(squares, rel=1e-8)
    worst = max(1 + 2 * rho.sum(), squares)
    assert theory.worst_time(k, h, friction) == pytest.approx(worst, rel=1e-8)


def test_the_best_friction_is_no_worse_than_its_neighbors():
    friction, time = theory.best_friction(4.0, 0.1)
    grid = friction * np.geomspace(0.2, 5.0, 41)
    assert time <= min(theory.worst_time(4.0, 0.1, float(g)) for g in grid) + 1e-9
    assert friction == pytest.approx(2.0, rel=0.02)
    with pytest.raises(ValueError, match="unstable"):
        theory.gaussian_time(4.0, 1.0, 1.0)


@pytest.mark.parametrize("strength", [0.0, 1.0, 3.0])
def test_overdamped_crossings_by_an_integral(strength):
    """In one dimension −L u = f is integrated twice: time = 2 ∫ (∫ f ν)² / ν over ∫ f² ν."""

    def weight(phi):
        return math.exp(strength * math.sin(phi) ** 2)

    def flux(phi):
        # odd around π/2, where u' vanishes by symmetry
        return integrate.quad(lambda x: math.sin(x) * weight(x), phi, math.pi / 2)[0]

    above = integrate.quad(lambda x: -math.sin(x) * weight(x), -math.pi / 2, math.pi / 2)[0]
    assert abs(above) < 1e-12
    top = integrate.quad(lambda x: flux(x) ** 2 / weight(x), -math.pi / 2, math.pi / 2)[0]
    bottom = integrate.quad(lambda x: math.sin(x) ** 2 * weight(x), -math.pi / 2, math.pi / 2)[0]
    assert theory.circle_time(strength, math.inf) == pytest.approx(2 * top / bottom, rel=1e-7)


@pytest.mark.parametrize("friction", [0.5, 1.0, 4.0])
def test_underdamped_turns_without_a_potential(friction):
    """E exp(i phi) decays by half the mean square of the angle that has been turned."""

    def decay(t):
        x = friction * t
        return math.exp(-(x - 1 + math.exp(-x)) / friction**2)

    exact = 2 * integrate.quad(decay, 0, np.inf)[0]
    assert theory.circle_time(0.0, friction) == pytest.approx(exact, rel=1e-7)


def test_more_modes_change_nothing():
    one = theory.circle_time(2.0, 1.0)
    assert theory.circle_time(2.0, 1.0, modes=32, hermite=60) == pytest.approx(one, rel=1e-6)


def test_the_heat_bath_of_a_step():
    h, g = 0.3, 2.0
    c = math.exp(-g * h)
    assert theory.effective_friction(h, g) == pytest.approx(2 / h * (1 - c) / (1 + c))


@pytest.mark.parametrize("name", ["gaussian", "bimodal", "fisher"])
def test_exact_draws_stay_in_the_law(name):
    """Two-sample t tests of all observables before and after; false alarm below 1e-6."""
    law = LAWS[name]()
    chains = efficiency.ConstrainedHMC(
        step_size=0.1, leapfrog_steps=5, temperature=1.0, start="require", **law.settings
    ).many()
    state = chains.init(law.draw(Rng(0), 4000), Rng(1))
    before = law.observe(state.params).reshape(-1, len(law.names))
    for step in range(10):
        state, _ = chains.step(state, law.potential, Rng(2).child(step))
    other = law.observe(law.draw(Rng(3), 4000)).reshape(-1, len(law.names))
    after = law.observe(state.params).reshape(-1, len(law.names))
    assert after.shape == before.shape
    assert np.all(stats.ttest_ind(after, other, axis=0).pvalue > 1e-7)


def test_groups_have_their_own_friction_and_test():
    run = efficiency.Run((0.2,), 60, 8, (0.5, math.inf))
    config = efficiency.Config(gaussian=run)
    found = efficiency.run_task(
        config, backend("numpy"), Rng(0), law="gaussian", step_size=0.2, drifts=1
    )
    assert found["friction"].tolist() == [0.5, math.inf, 0.5, math.inf]
    assert found["tested"].tolist() == [False, False, True, True]
    assert np.all(found["accepted"][:2] > 1.0 - 1e-12) and np.all(found["accepted"][2:] < 1.0)
    network = efficiency.Config(network=efficiency.Run((0.1,), 60, 4, (1.0,)), burn_in=5)
    values = efficiency.run_task(
        network, backend("numpy"), Rng(0), law="network", step_size=0.1, drifts=1
    )
    assert values["times"].shape == (2, 3) and np.all(values["times"] > 0.0)
