"""The experiments behind the theory of hyperspherical energy, on small settings."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl.papers.hyperspherical_energy.experiments import initial as hyperspherical_initial
from refimpl.papers.hyperspherical_energy.experiments import known_points as points
from refimpl.papers.hyperspherical_energy.experiments import minima as hyperspherical_minima
from refimpl.papers.hyperspherical_energy.experiments import point_sets as hyperspherical_point_sets
from refimpl.papers.hyperspherical_energy.experiments import projected_angle, projected_energy
from refimpl.papers.hyperspherical_energy.theory import projected_angle as angle


def run(module, **config):
    return module.EXPERIMENT.run(module.Config(**config), backend("numpy"), Rng(4))


def test_configurations_are_what_they_are_called():
    for size in (2, 3, 7):
        gram = points.simplex(size) @ points.simplex(size).T
        np.testing.assert_allclose(gram, (size * np.eye(size) - 1) / (size - 1), atol=1e-14)
    for dimension, lines in points.FRAMES.items():
        frame = points.frame(dimension)
        assert frame.shape == (lines, dimension)
        np.testing.assert_allclose(
            frame.T @ frame, np.eye(dimension) * lines / dimension, atol=1e-13
        )
        gram = np.abs(frame @ frame.T)[np.triu_indices(lines, 1)]
        np.testing.assert_allclose(gram, gram[0], rtol=1e-12)
    roots = points.e8_roots()
    gram = roots @ roots.T
    assert set(np.round(2 * gram[0]).astype(int)) == {-2, -1, 0, 1, 2}
    np.testing.assert_allclose(2 * gram, np.round(2 * gram), atol=1e-14)
    assert len({tuple(row) for row in np.round(roots, 9) + 0.0}) == 240
    np.testing.assert_array_equal(roots[:120], -roots[120:])
    with pytest.raises(ValueError, match="not 5"):
        points.frame(5)


def test_point_sets_and_their_certificates():
    result = run(
        hyperspherical_point_sets,
        sphere=(4, 6),
        lines=(3,),
        benign=((4, 5),),
        simplices=((3, 2),),
        polytopes=(3,),
        circle=(5,),
        starts=2,
        benign_starts=2,
        frame_starts=1,
    )
    rows = np.flatnonzero((result["neurons"] == 6) & (result["s"] == 2) & (result["half"] == 0))
    assert len(rows) == 1
    assert result["energy"][rows[0]] == pytest.approx(6.75, rel=1e-12)
    octahedron = result["points"][rows[0]][:6]
    gram = np.sort(np.abs(octahedron @ octahedron.T), axis=None)
    np.testing.assert_allclose(gram, [0] * 24 + [1] * 12, atol=1e-5)
    small = result["neurons"] <= result["dimension"]
    assert small.any() and result["smallest_eigenvalue"][small].min() > -1e-9
    assert result["critical_residual"].max() < 1e-8


def test_weighted_means_are_seen_to_be_tangential_only_at_critical_points():
    length, sideways = hyperspherical_point_sets._weighted_means(points.circle(5), 2.0)
    assert sideways < 1e-14 and length < 1
    bent = points.circle(5) + 0.1 * np.eye(5, 2)
    bent /= np.linalg.norm(bent, axis=1, keepdims=True)
    assert hyperspherical_point_sets._weighted_means(bent, 2.0)[1] > 1e-3


def test_census_counts_starts_and_minima():
    result = run(hyperspherical_minima, neurons=5, dimensions=(3, 5), low=3, low_starts=4, starts=2)
    assert result["energies"].shape == (2, 2, 4)
    np.testing.assert_array_equal(result["minima"], 1)
    np.testing.assert_array_equal(np.isnan(result["energies"]).sum(axis=2), [[0, 0], [2, 2]])
    assert result["energies"][1, 0, 0] == pytest.approx(4.0, rel=1e-12)  # (N - 1)² / 4


def test_interpolated_law_is_the_law():
    values = np.tanh(np.linspace(-1.5, 2.5, 23))
    for cosine, k in itertools.product((-0.9, 0.3), (5, 40)):
        exact = [angle.probability(-1, v, cosine=cosine, projected=k) for v in values]
        np.testing.assert_allclose(projected_angle.law(cosine, k, values), exact, rtol=0, atol=1e-6)


def test_pairs_have_their_cosines():
    u, others = projected_angle.pairs((-0.9, 0.0, 0.3), 7, Rng(1))
    np.testing.assert_allclose(np.linalg.norm(others, axis=0), 1, rtol=1e-14)
    np.testing.assert_allclose(u @ others, [-0.9, 0.0, 0.3], atol=1e-14)


def test_a_wrong_law_would_be_noticed():
    """Level 1e-3 against a law of one more dimension: the test of the claim has power."""
    result = run(projected_angle, projected=(5,), ambient=(20,), draws=(20_000,))
    assert result["p_value"].min() > 1e-7
    assert result["counts"].sum() == 4 * 20_000
    r = np.repeat(0.5 * (result["edges"][0][1:] + result["edges"][0][:-1]), result["counts"][0][2])
    wrong = projected_angle.law(0.3, 6, np.sort(r))
    assert np.abs(wrong - np.arange(r.size) / r.size).max() > 2.5 / np.sqrt(r.size)


def test_projected_energy_batch_is_the_energy():
    result = run(projected_energy, neurons=4, dimension=9, projected=(8,), draws=4_001)
    assert result["batch_energy_error"][0] < 1e-13
    assert result["batch_gradient_error"][0] < 1e-12
    expected = 8 / 5 * result["energy"][0] - 4 * 3 / 5
    assert abs(result["mean_energy"][0] - expected) < 5.5 * result["energy_error"][0]


def test_initial_energies_have_the_shapes_of_the_config():
    result = run(hyperspherical_initial, pairs=10_000, layers=((50, 6),), seeds=2)
    assert result["sphere_mean"].shape == (3,) and result["layer_energy"].shape == (1, 2)
    assert abs(result["sphere_mean"][1] + 0.25) < 5.5 * result["sphere_error"][1]
