"""The claims on laws, bias and decay hold on small settings, and fail for wrong schemes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from refimpl import Rng, backend, catalogue
from refimpl.claims import ledger
from refimpl.constraints import Orthogonal
from refimpl.papers.constrained_langevin import c_cola_ud
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.experiments import (
    circle_bias,
    gradient_depth,
    soft_constraint,
    stiefel_bias,
    stiefel_law,
)
from refimpl.papers.constrained_langevin.theory import stationary

SETTINGS = {
    "circle_bias": (circle_bias, {"chains": 4000, "time": 6.0}),
    "stiefel_bias": (stiefel_bias, {"chains": 8000, "time": 1.0, "draws": 4000, "laws": ()}),
    "gradient_depth": (gradient_depth, {"seeds": 5, "law_seeds": 60}),
    "soft_constraint": (soft_constraint, {"softness": (1e-3, 1e-2), "chains": 2000}),
}


def run(name):
    module, changes = SETTINGS[name]
    config = dataclasses.replace(module.Config.quick(), **changes)
    return module.EXPERIMENT.run(config, backend("numpy"), Rng(0))


@pytest.fixture(scope="module")
def results():
    return {name: run(name) for name in SETTINGS}


def judge(id, results):
    claims = {claim.id: claim for claim in catalogue.claims(["constrained_langevin"])}
    return ledger.judge(claims[id], results)


CLAIMS = [f"CL-{number}" for number in (6, 7, 8, 9, 11, 12, 13, 14, 18, 19, 30, 33)]


@pytest.mark.parametrize("id", CLAIMS)
def test_the_claim_holds_on_few_chains(id, results):
    record = judge(id, results)
    assert record.verdict in ("holds", "qualified"), record


def test_a_wrong_projection_of_the_circle_is_noticed(monkeypatch):
    """The nearest point in place of SHAKE's: also of weak order one, with another constant."""
    move = CCoLAod._move

    def radial(self, *arguments):
        return move(dataclasses.replace(self, projection="radial"), *arguments)

    monkeypatch.setattr(CCoLAod, "_move", radial)
    assert judge("CL-8", {"circle_bias": run("circle_bias")}).verdict == "fails"


def test_noise_of_half_the_variance_is_noticed(monkeypatch):
    exchange = c_cola_ud.exchange_heat

    def cold(v, s, friction, temperature, rng):
        return exchange(v, s, friction, 0.5 * temperature, rng)

    monkeypatch.setattr(c_cola_ud, "exchange_heat", cold)
    result = {"circle_bias": run("circle_bias")}
    for id in ("CL-6", "CL-30"):
        assert judge(id, result).verdict == "fails"


def test_an_increment_projected_too_far_is_noticed(monkeypatch):
    """Without its factor one half the tangent projection is a reflection."""

    def wrong(self, q, u):
        return u - q @ self.tangency(q, u)

    monkeypatch.setattr(Orthogonal, "project_tangent", wrong)
    assert judge("CL-14", {"stiefel_bias": run("stiefel_bias")}).verdict == "fails"


@pytest.mark.parametrize("size", [50.0, 0.85])
def test_a_chain_without_a_solution_stays_where_it_is(size):
    """Of three chains one gets an increment that no projection can take back: outside of the span
    alone, or (neither part being too large by itself) together with a rotation in it."""
    w = np.broadcast_to(np.eye(4, 2), (3, 4, 2)).copy()
    noise = 0.1 * Rng(0).normal((3, 4, 2))
    noise[1] = size / np.sqrt(0.02) * np.array([[0, 1], [-1, 0], [1, 0], [0, 1]])
    moved, _ = stiefel_bias.one_step(backend("numpy"), stiefel_bias.flat, "shake", 0.01)(
        w, None, noise
    )
    assert np.array_equal(moved[1], w[1])
    assert np.all(np.abs(moved[[0, 2]] - w[[0, 2]]).max(axis=(1, 2)) > 1e-4)
    for k in (0, 2):  # as each alone
        alone = Orthogonal((4, 2)).project(w[k], w[k] + np.sqrt(0.02) * noise[k]).point
        np.testing.assert_allclose(moved[k], alone, atol=1e-14)


def test_a_rejected_drift_flips_the_momentum_of_its_chain_alone():
    w = np.broadcast_to(np.eye(4, 2), (3, 4, 2)).copy()
    p = np.zeros((3, 4, 2))
    p[:, 2, 0] = 0.1, 200.0, 0.2
    step = stiefel_bias.one_step(backend("numpy"), stiefel_bias.flat, "OBA", 0.1)
    moved, momenta = step(w, p, np.zeros((3, 4, 2)))
    assert np.array_equal(moved[1], w[1])
    assert momenta[1] == pytest.approx(-np.exp(-0.1) * p[1])
    assert np.all(np.abs(moved[[0, 2], 2, 0]) > 1e-3)


def gaussian_step(w, p, noise):
    """An exact Ornstein-Uhlenbeck step of all entries: its law is known."""
    return 0.3 + 0.8 * (w - 0.3) + 0.6 * noise, None


def test_the_mean_under_the_law_of_a_step_is_found_from_draws_near_it():
    """Of 2 W_11 + W_22 under a normal law of mean 0.3, whose generator maps it to itself: linear
    functions are their own control, so that nothing is left to chance, whatever the draws."""
    w = 0.1 * Rng(5).normal((3000, 4, 2))
    mean, error = stiefel_law.sampled_mean(
        gaussian_step, w, None, stiefel_bias.observable, Rng(6), fitted=1000, degree=1, raw=True
    )
    assert mean == pytest.approx(0.9, abs=1e-9) and error < 1e-9


@pytest.mark.parametrize(("scheme", "h", "bias"), [("polar_tangent", 0.02, 0.0382),
                                                    ("shake", 0.0125, -0.0332)])  # fmt: skip
def test_the_bias_of_an_overdamped_scheme_is_found_from_few_draws(scheme, h, bias):
    first, second = stationary.stiefel_mean(2.0, 1.0)
    config = dataclasses.replace(stiefel_bias.Config.quick(), fitted=2000)
    task = {"kind": "law", "scheme": scheme, "h": h, "draws": 2000}
    found = stiefel_bias.run_task(config, backend("numpy"), Rng(3), **task)
    assert found["law_error"] < 0.002
    assert abs(found["law_mean"] - 2.0 * first - second - bias) < 5.5 * found["law_error"]


@pytest.mark.parametrize("raw", [True, False])
def test_nodes_average_cubic_functions_over_the_noise(raw):
    w = stiefel_bias.haar_points(Rng(1), 40, (4, 2))
    points, weights = stiefel_law.nodes(Rng(2), w, raw)
    flat = points.reshape(40, points.shape[1], 8)
    size = 8 if raw else 5
    assert points.shape[1] == 2 * size + 1
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-12)
    second = np.einsum("km,kmi,kmj->kij", weights, flat, flat)
    expected = np.broadcast_to(np.eye(8), (40, 8, 8))
    if not raw:
        units = np.broadcast_to(np.eye(8).reshape(8, 1, 4, 2), (8, 40, 4, 2))
        expected = Orthogonal((4, 2)).project_tangent(w, units).reshape(8, 40, 8)
        expected = np.swapaxes(expected, 0, 1)
    np.testing.assert_allclose(second, expected, atol=1e-12)
    third = np.einsum("km,kmi,kmj,kml->kijl", weights, flat, flat, flat)
    assert np.abs(third).max() < 1e-12


@pytest.mark.parametrize("solver", ["auto", "newton", "quasi_newton"])
def test_a_stack_of_matrices_is_projected_as_each_matrix_alone(solver):
    constraint = Orthogonal((5, 3), solver=solver)
    w = stiefel_bias.haar_points(Rng(1), 6, (5, 3))
    x = 0.1 * Rng(2).normal((6, 5, 3))
    together = constraint.project(w, w + x).point
    alone = np.stack([constraint.project(a, a + b).point for a, b in zip(w, x, strict=True)])
    assert np.abs(together - alone).max() < 1e-13
    tangent = constraint.project_tangent(w, x)
    assert np.abs(constraint.tangency(w, tangent)).max() < 1e-14


def test_the_start_of_the_chains_has_the_target_law():
    points = stiefel_bias.target_points(Rng(4), 50_000)
    first = points[:, 0, 0]
    assert abs(first.mean() - 0.437335) < 5.5 * first.std() / np.sqrt(first.size)


def test_means_beside_their_hermite_polynomials():
    """A polynomial of degree four has its exact mean; chance has little say in smooth functions."""
    draws = np.random.default_rng(0).normal(size=(4000, 2, 2))
    a, b, c, d = draws.reshape(4000, 4).T
    mean, error = stiefel_bias.mean_beside(
        2.0 + a * b + a**2 + a**2 * b**2 - 3.0 * c**4 + d**3, draws
    )
    assert mean == pytest.approx(2.0 + 1.0 + 1.0 - 9.0, abs=1e-12) and error < 1e-12
    mean, error = stiefel_bias.mean_beside(np.exp(0.2 * (a + b)), draws)
    assert abs(mean - np.exp(0.04)) < 6.0 * error < 1e-4
