"""Consequences of projection against quadrature, random projections and direct constructions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.errors import InfeasibleError
from refimpl.models import MLP
from refimpl.papers.hyperspherical_energy.comhe_adversarial import AdversarialCoMHE
from refimpl.papers.hyperspherical_energy.comhe_angle import APCoMHE
from refimpl.papers.hyperspherical_energy.comhe_random import RPCoMHE
from refimpl.papers.hyperspherical_energy.theory import projection as theory
from refimpl.papers.hyperspherical_energy.theory.projected_angle import expectation
from refimpl.random import Rng

cosines = st.floats(-0.97, 0.97)


def half_space(weight):
    unit = weight / np.linalg.norm(weight, axis=-1, keepdims=True)
    gram = unit @ np.swapaxes(unit, -1, -2)
    first, second = np.triu_indices(weight.shape[-2], 1)
    return (1 / (1 - gram[..., first, second] ** 2)).sum(axis=-1)


@given(cosines, st.integers(4, 60))
def test_half_space_energy_is_affine_in_the_mean(cosine, k):
    affine = theory.half_space_affine(2.0, k)
    exact = expectation(lambda b, a: 1 / (a * b), cosine=cosine, projected=k, poles=1)
    expected = affine.slope / (1 - cosine**2) + affine.constant
    assert exact == pytest.approx(expected, rel=1e-11)


@given(cosines, st.integers(2, 60))
def test_log_energy_is_shifted(cosine, k):
    affine = theory.half_space_affine(0.0, k)
    exact = expectation(lambda b, a: -np.log(4 * a * b) / 2, cosine=cosine, projected=k)
    own = -math.log(2) - math.log1p(-(cosine**2)) / 2
    assert exact == pytest.approx(affine.slope * own + affine.constant, abs=1e-11)


@given(cosines, st.integers(6, 60))
def test_fourth_power_and_variance(cosine, k):
    def pair(b, a):
        return (1 / (2 * b)) ** 2 + (1 / (2 * a)) ** 2

    exact = expectation(pair, cosine=cosine, projected=k, poles=2)
    assert theory.half_space_fourth(cosine, k) == pytest.approx(exact, rel=1e-10)
    mean = expectation(lambda b, a: 1 / (a * b), cosine=cosine, projected=k, poles=1)
    square = expectation(
        lambda b, a: (1 / (a * b) - mean) ** 2, cosine=cosine, projected=k, poles=2
    )
    assert theory.half_space_variance(cosine, k) == pytest.approx(square, rel=1e-8, abs=1e-12)


def test_energy_of_projected_neurons():
    """The identity on whole configurations; 5.5 standard errors."""
    rng = np.random.default_rng(8)
    weight = rng.normal(size=(4, 30))
    draws = half_space(weight @ rng.normal(size=(20_000, 30, 12)))
    expected = theory.half_space_mean(float(half_space(weight)), 4, 12)
    assert abs(draws.mean() - expected) < 5.5 * draws.std() / math.sqrt(draws.size)


@pytest.mark.parametrize(
    ("cosine", "value"), [(0.9, 5.372), (0.3, 0.7432), (0.0, 0.5135), (-0.9, 0.26354)]
)
def test_full_space_is_smoothed_and_not_affine(cosine, value):
    assert theory.smoothed_kernel(2.0, cosine, 40) == pytest.approx(value, rel=2e-4)


def test_no_affine_map_fits_the_full_space():
    x = [1 / (2 - 2 * c) for c in (-0.9, 0.0, 0.9)]
    y = [theory.smoothed_kernel(2.0, c, 40) for c in (-0.9, 0.0, 0.9)]
    slope = (y[2] - y[0]) / (x[2] - x[0])
    assert abs(y[0] + slope * (x[1] - x[0]) - y[1]) > 1e-3


def test_smoothing_keeps_the_affine_half_space():
    for k in (5, 12):
        affine = theory.half_space_affine(2.0, k)
        expected = affine.slope / (1 - 0.09) + affine.constant
        assert theory.smoothed_kernel(2.0, 0.3, k, "half") == pytest.approx(expected, rel=1e-11)


def test_where_moments_exist():
    """The integral cut off at |z| = L settles or grows with L, as the least dimension says."""
    for s, moment, power in ((2.0, "mean", 2.0), (2.0, "variance", 4.0), (1.0, "mean", 1.0)):
        least = theory.least_dimension(s, "half", moment)
        for k in (least - 1, least):
            tails = []
            for cut in (20.0, 40.0):
                z = np.linspace(0, cut, 200_001)
                f = np.exp(-(k - 1) * np.log(np.cosh(z)) + power * np.log(np.cosh(z)))
                tails.append(np.trapezoid(f, z))
            settled = abs(tails[1] / tails[0] - 1) < 1e-6
            assert settled == (k == least)


@pytest.mark.parametrize(("neurons", "k"), [(6, 3), (16, 6), (28, 7)])
def test_angle_preservation_floor(neurons, k):
    """Tight frames (rows of unit norm from a projector) attain it; other points do not beat it."""
    rng = np.random.default_rng(4)
    floor = theory.preservation_floor(neurons, k)
    harmonic = np.exp(2j * np.pi * np.outer(np.arange(neurons), np.arange(1, k // 2 + 1)) / neurons)
    columns = [harmonic.real, harmonic.imag]
    if k % 2:
        columns.append(np.full((neurons, 1), math.sqrt(0.5)))
    points = np.concatenate(columns, axis=1)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    assert np.linalg.norm(points @ points.T - np.eye(neurons)) == pytest.approx(floor, rel=1e-12)
    squares = []
    for _ in range(200):
        points = rng.normal(size=(neurons, k))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        squares.append(np.linalg.norm(points @ points.T - np.eye(neurons)) ** 2)
    assert min(squares) >= floor**2
    expected = theory.preservation_random(neurons, k) ** 2
    assert abs(np.mean(squares) - expected) < 5.5 * np.std(squares) / math.sqrt(200)


@given(cosines, st.floats(1e-3, 2.0), st.integers(0, 1000))
def test_blow_up_is_the_energy_of_squeezed_neurons(cosine, shrink, seed):
    frame = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 2)))[0]
    u, v = frame[:, 0], cosine * frame[:, 0] + math.sqrt(1 - cosine**2) * frame[:, 1]
    d = (u - v) / np.linalg.norm(u - v)
    squeeze = np.eye(5) + (shrink - 1) * np.outer(d, d)
    u, v = squeeze @ u, squeeze @ v
    chord = np.linalg.norm(u / np.linalg.norm(u) - v / np.linalg.norm(v))
    assert theory.blow_up(cosine, shrink) == pytest.approx(chord**-2, rel=1e-6)


@given(st.floats(-0.9, 0.9), st.floats(1e-5, 10.0))
def test_loophole(cosine, norm):
    points = norm * np.array([[1.0, 0.0], [cosine, math.sqrt(1 - cosine**2)]])
    every = np.concatenate([points, -points])
    lengths = np.sqrt((every**2).sum(axis=1) + 1e-4)
    gram = every @ every.T / np.outer(lengths, lengths)
    expected = (1 / (2 - 2 * gram[np.triu_indices(4, 1)])).mean()
    measured = theory.loophole_energy([(cosine, 1)], 2, norm, 1e-4)
    assert measured == pytest.approx(expected, rel=1e-9)


def test_loophole_falls_past_one_half_and_ends_there():
    values = [theory.loophole_energy([(0.9, 6)], 4, 10.0**-p, 1e-4) for p in range(7)]
    lowest = values.index(min(values))
    assert values[: lowest + 1] == sorted(values[: lowest + 1], reverse=True)
    assert values[lowest:] == sorted(values[lowest:])
    assert 0.499 < values[lowest] < 0.5 and values[0] > 1.0
    assert values[-1] == pytest.approx(0.5, abs=1e-6)


def test_bad_input_is_named():
    with pytest.raises(InfeasibleError, match=r"mean .*projected=3.*least=4"):
        theory.half_space_affine(2.0, 3)
    with pytest.raises(InfeasibleError, match=r"projected=5.*least=6"):
        theory.half_space_variance(0.0, 5)
    with pytest.raises(InfeasibleError, match="least=4"):
        theory.smoothed_kernel(2.0, 0.0, 3)
    with pytest.raises(ValueError, match="s = 0 and 2"):
        theory.half_space_affine(1.0, 20)
    with pytest.raises(InfeasibleError, match="coincide"):
        theory.blow_up(0.0, 0.0)
    with pytest.raises(ValueError, match="full or half"):
        theory.least_dimension(2.0, "quarter")


@pytest.mark.parametrize("kind", [RPCoMHE, APCoMHE, AdversarialCoMHE])
def test_a_first_layer_of_few_inputs_is_refused_or_left_out(kind):
    params = MLP((2, 5, 6, 3)).init(Rng(0))
    with pytest.raises(InfeasibleError) as error:
        kind(dimension=4).init(params)
    assert (error.value.layer, error.value.dimension, error.value.inputs) == (0, 4, 2)
    part = kind(dimension=4, project_first=False)
    memory = part.init(params)
    value, _, memory = part.value_and_gradient(params, None, None, memory, Rng(1))
    assert np.isfinite(float(value))
    assert kind is RPCoMHE or [array.shape for array in memory.arrays] == [(4, 5)]


def test_the_inverse_square_of_the_sine_has_the_mean_of_normal_pairs():
    """Ten standard errors, and 5 % at most."""
    rng, c = np.random.default_rng(0), 0.6
    u, z = rng.normal(size=(2, 200_000, 16))
    v = c * u + math.sqrt(1.0 - c * c) * z
    r = np.sum(u * v, axis=1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
    drawn = (1.0 - r * r) ** -2
    error = 10.0 * np.std(drawn) / math.sqrt(len(drawn))
    assert error < 0.05 * np.mean(drawn)
    assert abs(theory.inverse_square_moment(c, 16) - np.mean(drawn)) < error


def test_a_number_inside_the_norms_shrinks_a_cosine():
    w, v, epsilon = np.array([0.3, 0.1]), np.array([0.2, -0.4]), 0.05
    lengths = float(np.linalg.norm(w)), float(np.linalg.norm(v))
    found = theory.loophole_cosine(w @ v / lengths[0] / lengths[1], *lengths, epsilon)
    assert found == pytest.approx(w @ v / math.sqrt((w @ w + epsilon) * (v @ v + epsilon)))
