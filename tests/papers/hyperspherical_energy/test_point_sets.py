"""Minimum-energy point sets against configurations whose energy is known in closed form."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.errors import ConvergenceError
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.point_sets import (
    descend,
    distinct,
    minimize_energy,
    polish,
)
from refimpl.random import Rng


def solve(s, space, neurons, dimension, starts=3, seed=0):
    energy = HypersphericalEnergy(s, space, reduction="lines" if space == "half" else "sum")
    return minimize_energy(energy, neurons, dimension, rng=Rng(seed), starts=starts, progress=False)


@given(st.integers(2, 9), st.integers(0, 4), st.sampled_from([0.0, 1.0, 2.0]), st.integers(0, 99))
@settings(max_examples=12)
def test_up_to_one_more_point_than_dimensions_make_a_simplex(neurons, more, s, seed):
    dimension = max(2, neurons - 1 + more)
    found = solve(s, "full", neurons, dimension, seed=seed)
    square = 2 * neurons / (neurons - 1)
    pair = -0.5 * np.log(square) if s == 0 else square ** (-s / 2)
    expected = pair * neurons * (neurons - 1) / 2
    np.testing.assert_allclose(found.energies, expected, rtol=1e-10, atol=1e-10)
    gram = found.points @ found.points.T
    np.testing.assert_allclose(gram[~np.eye(neurons, dtype=bool)], -1 / (neurons - 1), atol=1e-5)


@pytest.mark.parametrize("s", [0.0, 1.0, 2.0])
@pytest.mark.parametrize(("neurons", "dimension"), [(4, 4), (5, 8)])
def test_lines_become_orthonormal_where_they_fit(s, neurons, dimension):
    found = solve(s, "half", neurons, dimension)
    pair = -np.log(2.0) if s == 0 else 2 * 2 ** (-s / 2)
    np.testing.assert_allclose(found.energies, pair * neurons * (neurons - 1) / 2, rtol=1e-10)


@pytest.mark.parametrize("neurons", [3, 5, 12])
def test_the_circle_has_equal_angles(neurons):
    assert solve(2.0, "full", neurons, 2).energy == pytest.approx(
        neurons * (neurons**2 - 1) / 24, rel=1e-11
    )
    assert solve(0.0, "full", neurons, 2).energy == pytest.approx(
        -neurons / 2 * np.log(neurons), rel=1e-11
    )


def test_icosahedron_and_equiangular_lines():
    assert solve(2.0, "full", 12, 3).energy == pytest.approx(39.0, rel=1e-11)
    assert solve(2.0, "half", 6, 3).energy == pytest.approx(18.75, rel=1e-11)


def test_every_start_is_reported_and_the_seed_fixes_them():
    first, again = solve(2.0, "half", 8, 4, starts=5), solve(2.0, "half", 8, 4, starts=5)
    assert first.energies.shape == first.residuals.shape == (5,)
    assert first.all_points.shape == (5, 8, 4)
    assert np.array_equal(first.all_points, again.all_points)
    assert first.energy == first.energies.min()
    np.testing.assert_allclose(np.linalg.norm(first.all_points, axis=2), 1.0, rtol=1e-12)
    energy = HypersphericalEnergy(2.0, "half", reduction="lines")
    for points, value in zip(first.all_points, first.energies, strict=True):
        assert float(energy(points)) == pytest.approx(value, rel=1e-13)


def test_the_certificate_tells_minima_from_saddles():
    energy = HypersphericalEnergy(2.0, reduction="sum")
    best = solve(2.0, "full", 5, 5).points
    slope = energy.certificate(best)
    np.testing.assert_allclose(slope @ best, 0.0, atol=1e-6)
    assert np.linalg.eigvalsh(slope)[0] > -1e-6
    angles = 2 * np.pi * np.arange(5) / 5
    pentagon = np.zeros((5, 5))
    pentagon[:, 0], pentagon[:, 1] = np.cos(angles), np.sin(angles)
    slope = energy.certificate(pentagon)
    np.testing.assert_allclose(slope @ pentagon, 0.0, atol=1e-12)
    assert np.linalg.eigvalsh(slope)[0] < -1e-3


def test_a_wild_start_still_descends():
    first = np.asarray([[1.0, 0.0], [1.0, 1e-7], [-1.0, 0.3]])
    points, value, residual = descend(HypersphericalEnergy(2.0, reduction="sum"), first)
    assert value == pytest.approx(1.0, rel=1e-12) and residual <= 1e-7
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.0)


def test_bad_problems_are_refused():
    energy = HypersphericalEnergy()
    with pytest.raises(ValueError, match="neurons must be at least 2"):
        minimize_energy(energy, 1, 3, rng=Rng(0))
    with pytest.raises(ValueError, match="dimension must be at least 2"):
        minimize_energy(energy, 3, 1, rng=Rng(0))
    with pytest.raises(ValueError, match="epsilon must be 0"):
        minimize_energy(HypersphericalEnergy(epsilon=1e-4), 3, 3, rng=Rng(0))
    with pytest.raises(ConvergenceError, match="start=0") as caught:
        minimize_energy(energy, 20, 5, rng=Rng(0), starts=1, iterations=2, progress=False)
    assert caught.value.residual > caught.value.tolerance


def test_distinct_values_merge_within_the_tolerance():
    assert distinct(np.asarray([3.0, 1.0, 1.0 + 1e-10, 2.0])) == [1.0, 2.0, 3.0]
    assert distinct(np.asarray([1.0, 1.1]), tolerance=0.2) == [1.0]


def test_the_progress_bar_can_be_shown(capsys):
    energy = HypersphericalEnergy()
    shown = minimize_energy(energy, 3, 3, rng=Rng(0), starts=2, progress=True)
    hidden = minimize_energy(energy, 3, 3, rng=Rng(0), starts=2, progress=False)
    assert shown.energy == hidden.energy
    assert capsys.readouterr().out == ""


def test_a_line_search_that_is_lost_in_rounding_does_not_end_the_descent(monkeypatch):
    """Near a minimum L-BFGS may find no lower energy before the gradient meets its tolerance."""
    monkeypatch.setattr(
        "scipy.optimize.minimize", lambda function, x, **options: SimpleNamespace(x=x, nit=0)
    )
    energy = HypersphericalEnergy(2.0, reduction="sum")
    angle = 2 * np.pi * np.arange(6) / 6 + 1e-5 * np.sin(np.arange(6) ** 2)
    near = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points, value, residual = descend(energy, near)
    assert residual <= 1e-7
    assert value == pytest.approx(6 * 35 / 24, rel=1e-12)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-14)


@given(st.integers(3, 8), st.integers(0, 99))
def test_polishing_reaches_the_last_digits_of_the_gradient(neurons, seed):
    energy = HypersphericalEnergy(2.0, reduction="sum")
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(neurons) / neurons + 1e-6 * rng.normal(size=neurons)
    rough = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    gaps = np.sort(np.angle(np.exp(1j * np.diff(np.arctan2(*polish(energy, rough).T[::-1])))))
    np.testing.assert_allclose(gaps, 2 * np.pi / neurons, rtol=1e-12)
