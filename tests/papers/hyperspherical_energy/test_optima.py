"""Exact optima, bounds and limits of hyperspherical energy against explicit points and mpmath."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from refimpl.errors import InfeasibleError
from refimpl.papers.hyperspherical_energy.theory import optima as theory

POWERS = (0.0, 0.5, 1.0, 2.0, 3.7, 6.0)


def direct(points, s, space="full"):
    """The energy from its definition, pair by pair in 30 digits."""
    points = points / np.linalg.norm(points, axis=1, keepdims=True)

    def f(vector):
        length = mpmath.sqrt(mpmath.fsum(mpmath.mpf(float(x)) ** 2 for x in vector))
        return -mpmath.log(length) if s == 0 else length**-s

    total = mpmath.mpf(0)
    for u, v in itertools.combinations(points, 2):
        total += f(u - v) + (f(u + v) if space == "half" else 0)
    return float(total)


def roots_of_e8():
    rows = []
    for i, j in itertools.combinations(range(8), 2):
        for a, b in itertools.product((1.0, -1.0), repeat=2):
            row = np.zeros(8)
            row[i], row[j] = a, b
            rows.append(row)
    for signs in itertools.product((0.5, -0.5), repeat=8):
        if np.prod(np.sign(signs)) > 0:
            rows.append(np.asarray(signs))
    return np.asarray(rows)


def frame(dimension):
    """Equiangular tight frames: icosahedron, even half-cube, and 28 lines in the plane Σx = 0."""
    if dimension == 3:
        golden = (1 + 5**0.5) / 2
        rows = [(0, 1, a * golden) for a in (1, -1)]
        return np.asarray([np.roll(row, shift) for row in rows for shift in range(3)])
    if dimension == 6:
        rows = [r for r in itertools.product((1.0, -1.0), repeat=6) if np.prod(r) > 0]
        return np.asarray([row for row in rows if row[0] > 0])
    rows = np.full((28, 8), -1.0)
    for row, pair in enumerate(itertools.combinations(range(8), 2)):
        rows[row, list(pair)] = 3.0
    return rows


@pytest.mark.parametrize("s", POWERS)
@pytest.mark.parametrize("neurons", [2, 3, 5, 8])
def test_circle_is_the_roots_of_unity(s, neurons):
    angle = 2 * np.pi * np.arange(neurons) / neurons
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    expected = direct(points, s)
    assert theory.circle_energy(s, neurons) == pytest.approx(expected, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("s", POWERS)
@pytest.mark.parametrize("neurons", [2, 3, 6, 9])
def test_simplex_and_orthonormal_sets(s, neurons):
    basis = np.eye(neurons)
    expected = direct(basis - 1 / neurons, s)
    assert theory.simplex_energy(s, neurons) == pytest.approx(expected, rel=1e-13)
    expected = direct(basis, s, "half")
    assert theory.orthonormal_energy(s, neurons) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("s", [0.0, 1.0, 2.0])
def test_cross_polytope_and_roots(s):
    points = np.concatenate([np.eye(5), -np.eye(5)])
    assert theory.cross_polytope_energy(s, 5) == pytest.approx(direct(points, s), rel=1e-13)
    roots = roots_of_e8()
    assert roots.shape == (240, 8)
    gram = roots @ roots.T / 2
    values, counts = np.unique(gram[0], return_counts=True)
    np.testing.assert_array_equal(values, [-1, -0.5, 0, 0.5, 1])
    np.testing.assert_array_equal(counts, [1, 56, 126, 56, 1])
    off = np.clip(gram[np.triu_indices(240, 1)], -1, 1)
    distance = np.sqrt(2 - 2 * off)
    expected = -np.log(distance).sum() if s == 0 else (distance**-s).sum()
    assert theory.root_system_energy(s) == pytest.approx(expected, rel=1e-13)
    lines = roots[[i for i in range(240) if roots[i][np.nonzero(roots[i])[0][0]] > 0]]
    assert lines.shape == (120, 8)
    expected = direct(lines, s, "half") if s == 2 else None
    if expected is not None:
        assert theory.root_system_energy(s, "half") == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("dimension", "neurons"), [(3, 6), (6, 16), (7, 28)])
@pytest.mark.parametrize("s", [0.0, 1.0, 2.0])
def test_equiangular_frames_attain_the_bound(dimension, neurons, s):
    points = frame(dimension)
    assert points.shape[0] == neurons
    assert np.linalg.matrix_rank(points) == dimension
    expected = direct(points, s, "half")
    assert theory.welch_bound(s, neurons, dimension) == pytest.approx(expected, rel=1e-12)


@given(
    st.integers(2, 9),
    st.integers(2, 6),
    st.sampled_from(POWERS),
    st.integers(0, 10**6),
)
def test_bounds_hold_for_every_configuration(neurons, dimension, s, seed):
    points = np.random.default_rng(seed).normal(size=(neurons, dimension))
    assert direct(points, s) >= theory.simplex_energy(s, neurons) - 1e-9
    assert direct(points, s, "half") >= theory.welch_bound(s, neurons, dimension) - 1e-9


@pytest.mark.parametrize("dimension", [2, 3, 4, 7, 50])
@pytest.mark.parametrize("s", [0.0, 0.5, 1.0, 2.0])
def test_uniform_energy_is_an_integral(s, dimension):
    if s >= dimension - 1:
        with pytest.raises(InfeasibleError, match=r"infinite .*dimension="):
            theory.uniform_energy(s, dimension)
        return
    with mpmath.workdps(25):

        def weight(t):
            return mpmath.sin(t) ** (dimension - 2)

        def f(t):
            chord = 2 * mpmath.sin(t / 2)
            return -mpmath.log(chord) if s == 0 else chord**-s

        points = [0, 0.5, 1.5, mpmath.pi]
        expected = mpmath.quad(lambda t: f(t) * weight(t), points) / mpmath.quad(weight, points)
    assert theory.uniform_energy(s, dimension) == pytest.approx(float(expected), rel=1e-7)


def test_known_values_of_the_uniform_energy():
    assert theory.uniform_energy(0.0, 3) == pytest.approx(0.5 - math.log(2), rel=1e-13)
    assert theory.uniform_energy(0.0, 4) == pytest.approx(-0.25, rel=1e-13)
    assert theory.uniform_energy(1.0, 4) == pytest.approx(8 / (3 * math.pi), rel=1e-13)
    for n in (4, 9, 100):
        assert theory.uniform_energy(2.0, n) == pytest.approx((n - 2) / (2 * (n - 3)), rel=1e-12)


def test_initial_energy_counts_own_antipodes():
    """Of few Gaussian neurons, averaged; 5.5 standard errors miss once in 2.6e7 runs."""
    rng = np.random.default_rng(5)
    draws, neurons, dimension = 20_000, 3, 12
    points = rng.normal(size=(draws, neurons, dimension))
    points /= np.linalg.norm(points, axis=2, keepdims=True)
    for space in ("full", "half"):
        every = np.concatenate([points, -points], axis=1) if space == "half" else points
        size = every.shape[1]
        gram = every @ every.transpose(0, 2, 1)
        first, second = np.triu_indices(size, 1)
        means = (1 / (2 - 2 * gram[:, first, second])).mean(axis=1)
        expected = theory.initial_energy(2.0, neurons, dimension, space)
        assert abs(means.mean() - expected) < 5.5 * means.std() / math.sqrt(draws)


@pytest.mark.parametrize("space", ["full", "half"])
def test_initial_gradient_norm_of_wide_layers(space):
    rng = np.random.default_rng(2)
    neurons, dimension = 200, 400
    weight = rng.normal(size=(neurons, dimension)) * math.sqrt(2 / dimension)
    norms = np.linalg.norm(weight, axis=1, keepdims=True)
    unit = weight / norms
    gram = unit @ unit.T
    if space == "full":
        slope, pairs = 2 / (2 - 2 * gram + 9 * np.eye(neurons)) ** 2, neurons * (neurons - 1) / 2
    else:
        slope = 4 * gram / (1 - gram**2 + 9 * np.eye(neurons)) ** 2
        pairs = neurons * (2 * neurons - 1)
    np.fill_diagonal(slope, 0)
    gradient = (slope @ unit - (slope * gram).sum(axis=1, keepdims=True) * unit) / norms / pairs
    expected = theory.initial_gradient_norm(neurons, dimension, math.sqrt(2), space)
    assert np.linalg.norm(gradient) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("s", [0.5, 1.0, 1.6])
def test_what_an_energy_leaves_after_its_leading_terms(s):
    """Pairs of N points have W N²/2 + c N^(1 + s/2), W the mean of |x - y|^-s on the sphere."""
    mean = quad(lambda t: 0.5 * (2.0 - 2.0 * t) ** (-0.5 * s), -1.0, 1.0)[0]
    energy = 0.5 * mean * 50**2 - 0.37 * 50 ** (1.0 + 0.5 * s)
    assert theory.asymptotic_residual(s, 50, energy) == pytest.approx(-0.37, rel=1e-6)


def test_constants_of_the_asymptotics():
    with mpmath.workdps(20):
        gap = mpmath.stieltjes(1, mpmath.mpf(2) / 3) - mpmath.stieltjes(1, mpmath.mpf(1) / 3)
        plain = (mpmath.euler - mpmath.log(2 * mpmath.sqrt(3) * mpmath.pi)) / 4
        expected = plain + mpmath.sqrt(3) / (4 * mpmath.pi) * gap
        assert 2 * theory.asymptotic_constant(2.0) == pytest.approx(float(expected), rel=1e-12)
        for s in (0.5, 1.0, 1.7, 3.0):
            half = mpmath.mpf(s) / 2
            series = mpmath.zeta(half, mpmath.mpf(1) / 3) - mpmath.zeta(half, mpmath.mpf(2) / 3)
            lattice = 6 * mpmath.zeta(half) * 3**-half * series
            expected = lattice * (mpmath.sqrt(3) / (8 * mpmath.pi)) ** half / 2
            assert theory.asymptotic_constant(s) == pytest.approx(float(expected), rel=1e-10)
    # the constant at s = 0 is that at small s, differentiated: log energy is d/ds at 0
    h = 1e-4
    slope = (theory.asymptotic_constant(h) - theory.asymptotic_constant(h / 2)) / (h / 2)
    assert theory.asymptotic_constant(h) == pytest.approx(-0.5, abs=1e-3)
    assert theory.asymptotic_constant(0.0) == pytest.approx(slope, abs=1e-3)


@pytest.mark.parametrize("s", [0.0, 1.0, 2.0, 3.0])
def test_angular_kernels_turn_concave_where_stated(s):
    def kernel(c):
        theta = mpmath.acos(c)
        return -mpmath.log(theta) if s == 0 else theta**-s

    limit = math.cos(theory.angular_convexity_limit(s))
    assert mpmath.diff(kernel, limit + 1e-3, 2) > 0 > mpmath.diff(kernel, limit - 1e-3, 2)
    cosines = np.linspace(-0.95, 0.95, 39)
    curvature = [float(mpmath.diff(lambda c: kernel(c) + kernel(-c), c, 2)) for c in cosines]
    expected = theory.angular_half_space_curvature(s)
    assert min(curvature) == pytest.approx(expected, rel=1e-9)
    assert cosines[int(np.argmin(curvature))] == pytest.approx(0, abs=1e-12)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="non-negative"):
        theory.simplex_energy(-1.0, 3)
    with pytest.raises(InfeasibleError, match="neurons=1"):
        theory.circle_energy(1.0, 1)
    with pytest.raises(InfeasibleError, match="dimension=1"):
        theory.cross_polytope_energy(1.0, 1)
    with pytest.raises(InfeasibleError, match="s=5"):
        theory.asymptotic_constant(5.0)
    with pytest.raises(InfeasibleError, match="s=3"):
        theory.asymptotic_residual(3.0, 12, 1.0)
