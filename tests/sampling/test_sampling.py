"""Warm-up, draws and diagnostics of many chains."""

import math
import warnings

import numpy as np
import pytest

from refimpl.errors import SettingError
from refimpl.sampling import TARGETS, Draws, DualAveraging, ess, integrated_time, rhat


def autoregression(rho, chains, draws, seed=0):
    rng = np.random.default_rng(seed)
    x = np.empty((chains, draws))
    x[:, 0] = rng.standard_normal(chains)
    for t in range(1, draws):
        noise = rng.standard_normal(chains)
        x[:, t] = rho * x[:, t - 1] + math.sqrt(1 - rho * rho) * noise
    return x


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, -0.4])
def test_times_of_autoregressions(rho):
    """1 + 2 Σ ρ^k = (1 + ρ)/(1 − ρ); the standard error is below 2 % here."""
    x = autoregression(rho, 400, 4000)
    exact = (1 + rho) / (1 - rho)
    assert integrated_time(x) == pytest.approx(exact, rel=0.1)
    assert ess(x, "mean") == pytest.approx(x.size / exact, rel=0.1)


def test_rhat_tells_chains_in_two_modes():
    x = autoregression(0.5, 4, 1000)
    assert rhat(x) < 1.01
    assert rhat(x + np.array([0.0, 0.0, 3.0, 3.0])[:, None]) > 1.5
    assert rhat(x * np.array([1.0, 1.0, 4.0, 4.0])[:, None]) > 1.1  # folded
    assert math.isnan(integrated_time(np.ones((3, 10)))) and math.isnan(ess(np.ones((3, 10))))
    with pytest.raises(SettingError, match="chains, draws"):
        rhat(np.zeros(10))


@pytest.mark.parametrize("kind", ["bulk", "tail", "mean"])
def test_too_few_draws_are_refused_by_a_typed_error(kind):
    few = np.random.default_rng(3).standard_normal((4, 6))
    assert math.isfinite(ess(few, kind))
    for count in (0, 1, 4, 5):
        with pytest.raises(SettingError, match=rf"draws >= 6\), not \(4, {count}\)"):
            ess(few[:, :count], kind)
    assert math.isfinite(rhat(few[:, :4])) and rhat(few[:, :4]) > 0.5
    with pytest.raises(SettingError, match="draws >= 4"):
        rhat(few[:, :3])


def arviz():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return pytest.importorskip("arviz")


@pytest.mark.parametrize("shape", [(4, 500), (7, 101), (1, 300)])
def test_diagnostics_are_those_of_arviz(shape):
    az = arviz()
    x = autoregression(0.7, *shape) ** 3
    for kind in ("bulk", "tail", "mean"):
        assert ess(x, kind) == pytest.approx(float(az.ess(x, method=kind)), rel=1e-6), kind
    if shape[0] > 1:
        assert rhat(x) == pytest.approx(float(az.rhat(x, method="rank")), rel=1e-9)


def test_without_arviz_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "arviz", None)
    with pytest.raises(SettingError, match=r"refimpl\[sampling\]"):
        Draws({"x": np.zeros((2, 4))}).inference_data()


def test_dual_averaging_weighs_the_last_steps_most():
    """By its three lines in scalars."""
    rule = DualAveraging(target=0.7, shrinkage=0.1, delay=5.0, forgetting=0.6)
    state = rule.init(0.5)
    error, averaged = 0.0, math.log(0.5)
    for t, a in enumerate([0.2, 0.9, 0.8, 1.0], start=1):
        state = rule.update(state, a)
        error = (1 - 1 / (t + 5)) * error + (0.7 - a) / (t + 5)
        log = math.log(5.0) - math.sqrt(t) / 0.1 * error
        averaged = t**-0.6 * log + (1 - t**-0.6) * averaged
        assert state.step_size == pytest.approx(math.exp(log))
    assert rule.final(state) == pytest.approx(math.exp(averaged))


def test_targets_are_their_formulas():
    q = np.random.default_rng(0).standard_normal((3, 2, 2))
    value = {name: target.potential(3.0)([q]) for name, target in TARGETS.items()}
    np.testing.assert_allclose(value["uniform"], 0.0)
    np.testing.assert_allclose(value["von-mises-fisher"], -3.0 * np.trace(q, axis1=1, axis2=2))
    flat = q.reshape(3, 4)
    curvatures = 3.0 ** np.linspace(0, 1, 4)
    np.testing.assert_allclose(value["gaussian"], 0.5 * flat**2 @ curvatures)
    np.testing.assert_allclose(value["bimodal"], -3.0 * np.sum(flat**2, axis=1))
    assert TARGETS["bimodal"].potential()([q])[0] == pytest.approx(-2.0 * np.sum(flat[0] ** 2))
