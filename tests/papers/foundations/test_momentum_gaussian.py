"""SGHMC and SGNHT: steps in scalar loops, laws by the linear equations themselves."""

import math

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.algorithms.sghmc import SGHMC
from refimpl.algorithms.sgnht import SGNHT
from refimpl.errors import SettingError
from refimpl.papers.foundations.theory.momentum_noise import sghmc_law, sgnht_law
from refimpl.random import Replay, Rng


def cubic(tree, batch):
    return ad.sum(tree["a"] ** 3) / 3.0 + ad.sum(tree["b"] * tree["b"])


def start():
    return {"a": np.array([0.3, -0.7]), "b": np.array([[1.1]])}


def slopes(x):
    return [x[0] ** 2, x[1] ** 2, 2.0 * x[2]]


def test_sghmc_in_scalar_loops():
    h, c, tau, b = 0.2, 1.3, 0.5, 0.15
    algorithm = SGHMC(step_size=h, friction=c, temperature=tau, noise_estimate=b)
    state = algorithm.init(start())
    x, r = [0.3, -0.7, 1.1], [0.0, 0.0, 0.0]
    draws = np.random.default_rng(0)
    for _ in range(5):
        noise = draws.standard_normal(3)
        given = Replay([noise[:2], noise[2:].reshape(1, 1)])
        state, info = algorithm.step(state, cubic, None, given)
        assert float(info.loss) == pytest.approx(x[0] ** 3 / 3 + x[1] ** 3 / 3 + x[2] ** 2)
        scale = math.sqrt(2 * h * (c * tau - b))
        r = [
            v - h * g - h * c * v + scale * xi for v, g, xi in zip(r, slopes(x), noise, strict=True)
        ]
        x = [a + h * v for a, v in zip(x, r, strict=True)]
        assert ad.ravel(state.params)[0].tolist() == pytest.approx(x, abs=1e-14)
        assert ad.ravel(state.momentum)[0].tolist() == pytest.approx(r, abs=1e-14)


def test_sgnht_in_scalar_loops():
    h, a, tau = 0.2, 0.4, 0.5
    algorithm = SGNHT(step_size=h, noise=a, temperature=tau)
    state = algorithm.init(start())
    x, p, xi = [0.3, -0.7, 1.1], [0.0, 0.0, 0.0], a / tau
    draws = np.random.default_rng(0)
    for _ in range(5):
        noise = draws.standard_normal(3)
        given = Replay([noise[:2], noise[2:].reshape(1, 1)])
        state, info = algorithm.step(state, cubic, None, given)
        p = [
            v - h * xi * v - h * g + math.sqrt(2 * a * h) * e
            for v, g, e in zip(p, slopes(x), noise, strict=True)
        ]
        x = [w + h * v for w, v in zip(x, p, strict=True)]
        kinetic = sum(v * v for v in p) / 3
        xi += h * (kinetic - tau)
        assert ad.ravel(state.params)[0].tolist() == pytest.approx(x, abs=1e-14)
        assert float(state.friction) == float(info.friction) == pytest.approx(xi, abs=1e-14)
        assert float(info.kinetic_temperature) == pytest.approx(kinetic, abs=1e-14)


def by_equations(k, h, c, variance):
    """The stationary second moments of the two lines, as a linear system of three unknowns."""
    # unknown: E x², E r², E x r; r' = a r − h k x + s, x' = x + h r'
    a, b = 1 - h * c, -h * k
    d, e = 1 + h * b, h * a
    system = np.array([
        [1 - d * d, -e * e, -2 * d * e],
        [-b * b, 1 - a * a, -2 * a * b],
        [-d * b, -e * a, 1 - d * a - e * b],
    ])  # fmt: skip
    return np.linalg.solve(system, variance * np.array([h * h, 1.0, h]))


@pytest.mark.parametrize("k", [0.3, 2.0])
@pytest.mark.parametrize("h", [0.05, 0.6])
def test_the_law_of_sghmc_solves_its_equations(k, h):
    c, tau, b, v = 0.9, 0.7, 0.1, 0.8
    law = sghmc_law(
        k, step_size=h, friction=c, temperature=tau, noise_estimate=b, gradient_variance=v
    )
    wanted = by_equations(k, h, c, 2 * h * (c * tau - b) + h * h * v)
    np.testing.assert_allclose(law, wanted, rtol=1e-11)
    exact = sghmc_law(k, step_size=h, friction=c, temperature=tau).position
    assert exact == pytest.approx(tau / k / (1 - (h * h * k / 4) / (1 - h * c / 2)), rel=1e-12)


def test_the_law_of_sgnht_keeps_the_temperature():
    curvatures = [0.5, 1.0, 4.0]
    friction, laws = sgnht_law(
        curvatures, step_size=0.3, noise=0.4, temperature=0.7, gradient_variance=0.5
    )
    assert np.mean([law.momentum for law in laws]) == pytest.approx(0.7, abs=1e-12)
    variance = 2 * 0.4 * 0.3 + 0.09 * 0.5
    for k, law in zip(curvatures, laws, strict=True):
        np.testing.assert_allclose(law, by_equations(k, 0.3, friction, variance), rtol=1e-11)
    one, [law] = sgnht_law([2.0], step_size=0.2, noise=0.4, temperature=0.7)
    assert law.position == pytest.approx(0.35 * (1 - 0.1 * one), rel=1e-12)
    for curvature, step_size, noise in ((4.0, 0.6, 3.0), (1.0, 0.5, 1.0)):
        with pytest.raises(ValueError, match="no small friction"):
            sgnht_law([curvature], step_size=step_size, noise=noise)
    with pytest.raises(ValueError, match="unstable"):
        sghmc_law(4.0, step_size=1.0, friction=0.1)


def test_the_thermostat_is_exact_at_few_parameters_too():
    """Two identities over 10 000 thermostats of three parameters each; six standard errors."""
    h, tau, noise, k, count = 0.3, 0.8, 0.5, 1.3, 10_000
    rng = np.random.default_rng(0)
    x, p = rng.standard_normal((2, count, 3)) * math.sqrt(tau)
    xi = np.full((count, 1), noise / tau)
    means = []
    for step in range(320):
        p = p - h * xi * p - h * k * x + math.sqrt(2 * noise * h) * rng.standard_normal(p.shape)
        x = x + h * p
        xi = xi + h * ((p * p).mean(axis=1, keepdims=True) - tau)
        if step >= 200:
            rows = [(p * p).mean(1) - tau, (k * x * x + xi * x * p).mean(1) - tau]
            means.append(rows)
    deviations = np.mean(means, axis=0)
    errors = deviations.std(axis=1) / math.sqrt(count)
    assert np.all(np.abs(deviations.mean(axis=1)) < 6.0 * errors)
    assert np.all(errors < 0.006)


def test_what_the_settings_must_be():
    with pytest.raises(SettingError, match="noise_estimate"):
        SGHMC(friction=0.1, temperature=1.0, noise_estimate=0.2)
    state = SGHMC(temperature=0.5).init(start(), Rng(0))
    assert not np.any(state.momentum["a"] == 0.0)
    assert float(SGNHT(noise=0.3, temperature=0.0).init(start()).friction) == 0.3
    assert not np.any(SGNHT(temperature=0.5).init(start(), Rng(0)).momentum["a"] == 0.0)
