"""Targets and data sets: exact means, derivatives, the diffusion problem by finite differences."""

import math

import numpy as np
import pytest
from helpers import assert_close
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.errors import SettingError
from refimpl.papers.lattice_networks.data import (
    load_lattice_algebraic,
    load_lattice_diffusion,
    training_lattice,
)
from refimpl.papers.lattice_networks.embedded import embedded_lattice
from refimpl.papers.lattice_networks.targets import AlgebraicTarget, DiffusionTarget
from refimpl.papers.lattice_networks.theory.targets import (
    algebraic_derivative,
    algebraic_mean,
    diffusion_bound,
    element_solution,
)

DECAY = (0.5, 0.125, 0.5 / 9.0)


def test_algebraic_values_by_hand():
    y = np.array([[0.1, 0.9], [0.5, 0.5]])
    target = AlgebraicTarget(decay=(0.5, 0.2))
    assert np.allclose(target(y), [1 / (1 - 0.2 + 0.08), 1.0])
    waves = AlgebraicTarget(decay=(0.5, 0.2), periodic=True)
    inner = (0.5 * math.sin(0.2 * math.pi) + 0.2 * math.sin(1.8 * math.pi)) / math.sqrt(6)
    assert np.allclose(waves(y), [1 / (1 + inner), 1.0])


@given(seed=st.integers(0, 2**31))
def test_algebraic_derivatives_by_differences(seed):
    y = Rng(seed).uniform((3,))
    target = AlgebraicTarget(decay=DECAY)
    value = float(target(y))
    h = 1e-3
    shift = h * np.eye(3)
    mixed = (
        target(y + shift[0] + shift[1])
        - target(y + shift[0] - shift[1])
        - target(y - shift[0] + shift[1])
        + target(y - shift[0] - shift[1])
    ) / (4 * h * h)
    assert abs(mixed - algebraic_derivative(DECAY, (1, 1, 0), value)) < 1e-5
    second = (target(y + shift[0]) - 2 * target(y) + target(y - shift[0])) / h**2
    assert abs(second - algebraic_derivative(DECAY, (2, 0, 0), value)) < 1e-4


def test_means_in_one_and_two_dimensions():
    """Against ln 3 and against Gauss quadrature."""
    assert math.isclose(algebraic_mean((1.0,), periodic=False), math.log(3.0), rel_tol=1e-12)
    exact = 1.0 / math.sqrt(1.0 - 0.81 / 6.0)  # mean of 1 / (1 + a sin)
    assert math.isclose(algebraic_mean((0.9,), periodic=True), exact, rel_tol=1e-12)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    grid = np.stack(np.meshgrid(*[(nodes + 1) / 2] * 2, indexing="ij"), -1)
    values = AlgebraicTarget(decay=(0.7, 0.4))(grid)
    mean = (weights[:, None] * weights * values).sum() / 4
    assert math.isclose(algebraic_mean((0.7, 0.4), periodic=False), mean, rel_tol=1e-12)


def coefficient(x, y, decay, periodic):
    m = np.sin(2 * np.pi * y) / math.sqrt(6) if periodic else y - 0.5
    return 1 + sum(b * math.sin((j + 1) * math.pi * x) * m[j] for j, b in enumerate(decay))


@pytest.mark.parametrize("periodic", [False, True])
def test_diffusion_against_elements(periodic):
    target = DiffusionTarget(decay=DECAY, periodic=periodic)
    for y in Rng(4).uniform((3, 3)):
        errors = []
        for n in (64, 128):
            found = element_solution(lambda x, y=y: coefficient(x, y, DECAY, periodic), n)
            errors.append(found - float(target(y)))
        assert abs(errors[1]) < 2e-6 and 3.8 < errors[0] / errors[1] < 4.2


def test_elements_are_exact_for_a_constant_coefficient():
    for value in (0.5, 2.0):
        assert math.isclose(element_solution(lambda x, v=value: v, 10), 0.125 / value)
    assert math.isclose(float(DiffusionTarget(decay=(0.5,))(np.array([0.5]))), 0.125)


def test_diffusion_derivative_keeps_its_bound_and_is_not_far_below():
    target = DiffusionTarget(decay=DECAY)
    y = Rng(5).uniform((20, 3))
    slope = np.abs(ad.grad(lambda z: ad.sum(target(z)))(y)).max(axis=0)
    smallest = 1 - 0.5 * sum(DECAY)
    for j in range(3):
        order = tuple(int(i == j) for i in range(3))
        limit = diffusion_bound(DECAY, order, smallest)
        assert 0.001 * limit < slope[j] <= 0.5 * limit
    h = 1e-5
    shift = np.array([h, 0, 0])
    assert_close(
        ad.grad(lambda z: ad.sum(target(z)))(y)[:, 0],
        (target(y + shift) - target(y - shift)) / (2 * h),
        rtol=1e-6,
    )


@pytest.mark.parametrize("kind", [AlgebraicTarget, DiffusionTarget])
@pytest.mark.parametrize("periodic", [False, True])
def test_targets_on_every_backend(kind, periodic, xb):
    target = kind(decay=DECAY, periodic=periodic)
    y = Rng(0).uniform((5, 3))
    found = target(xb.asarray(y))
    assert found.dtype == xb.dtype
    assert_close(found, target(y), rtol=1e-5)


@pytest.mark.parametrize("kind", [AlgebraicTarget, DiffusionTarget])
def test_targets_refuse_a_large_decay(kind):
    with pytest.raises(SettingError, match=r"reaches 0.*smallest=0"):
        kind(decay=(1.5, 0.5))
    kind(decay=(1.5, 0.5), periodic=True)  # Σ b < √6
    with pytest.raises(SettingError, match="reaches 0"):
        kind(decay=(2.0, 0.5), periodic=True)
    for wrong in (0.0, -0.5, math.nan):
        with pytest.raises(SettingError, match="j=1"):
            kind(decay=(wrong,))
    with pytest.raises(TypeError, match="periodic"):
        kind(decay=(0.5,), periodic=1)


LOADERS = [load_lattice_algebraic, load_lattice_diffusion]


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("points", ["lattice", "embedded", "random"])
@pytest.mark.parametrize("periodic", [False, True])
def test_data_sets(load, points, periodic):
    settings = {"dimension": 4, "validation": 6, "test": 5, "periodic": periodic, "points": points}
    raw = load(rng=Rng(0), training=16, standardize=False, **settings)
    parts = load(rng=Rng(0), training=16, **settings)
    assert [len(part) for part in parts] == [16, 6, 5]
    decay = tuple(0.5 / j**2 for j in range(1, 5))
    kind = AlgebraicTarget if load is load_lattice_algebraic else DiffusionTarget
    target = kind(decay=decay, periodic=periodic)
    for part, plain in zip(parts, raw, strict=True):
        np.testing.assert_allclose(plain.targets[:, 0], target(plain.inputs), rtol=1e-12)
        back = part.targets * part.truth["scale"] + part.truth["mean"]
        np.testing.assert_allclose(back, plain.targets, rtol=1e-12)
        assert np.array_equal(part.inputs, plain.inputs)
        np.testing.assert_allclose(part.truth["decay"], decay)
    assert abs(parts.train.targets.mean()) < 1e-12 and abs(parts.train.targets.std() - 1) < 1e-12
    other = load(rng=Rng(0), training=8, **settings)
    assert np.array_equal(other.test.inputs, parts.test.inputs)
    assert not np.array_equal(load(rng=Rng(1), training=16, **settings).test.inputs,
                              parts.test.inputs)  # fmt: skip


def test_training_points_are_those_of_the_lattice():
    settings = {"dimension": 3, "validation": 0, "test": 0}
    parts = load_lattice_algebraic(rng=Rng(0), training=31, **settings)
    decay = tuple(0.5 / j**2 for j in range(1, 4))
    steps = np.diff(parts.train.inputs, axis=0) % 1.0
    expected = np.array(training_lattice(31, decay).vector) / 31
    np.testing.assert_allclose(steps, np.tile(expected, (30, 1)), atol=1e-12)
    other = load_lattice_algebraic(rng=Rng(1), training=31, **settings)
    assert np.all(parts.train.inputs[0] > 0.0)  # shifted, and by the seed
    assert not np.any(parts.train.inputs == other.train.inputs)
    tent = load_lattice_algebraic(rng=Rng(0), training=31, tent=True, **settings)
    folded = 1 - abs(2 * parts.train.inputs - 1)
    np.testing.assert_allclose(tent.train.inputs, folded, atol=1e-12)
    embedded = load_lattice_algebraic(rng=Rng(0), training=8, points="embedded", **settings)
    unshifted = embedded_lattice(3, dimension=3).points()
    gap = (embedded.train.inputs - unshifted) % 1.0
    np.testing.assert_allclose(gap, np.tile(gap[:1], (8, 1)), atol=1e-12)


def test_composite_sizes_and_smoothness_of_training_lattices():
    decay = (0.5, 0.125, 0.05)
    assert training_lattice(12, decay).size == 12
    assert training_lattice(31, decay, smoothness=2).vector[0] == 1
    with pytest.raises(SettingError, match="size=4098"):
        training_lattice(4098, decay)
    assert training_lattice(4096, decay[:1]).vector == (1,)
    with pytest.raises(SettingError, match="slow"):
        training_lattice(4097, decay[:1])  # 17 * 241


def test_data_in_float32():
    parts = load_lattice_diffusion(
        rng=Rng(0), backend=backend("numpy", "float32"), training=7, dimension=2
    )
    assert parts.train.inputs.dtype == parts.test.targets.dtype == np.float32


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training": 1}, "training"),
        ({"dimension": 0}, "dimension"),
        ({"test": -1}, "test"),
        ({"scale": 3.0}, "too large"),
        ({"scale": -1.0}, "scale"),
        ({"points": "wrong"}, "points"),
        ({"points": "embedded", "training": 12}, "2\\^m points"),
    ],
)
def test_bad_options(load, settings, message):
    with pytest.raises(ValueError, match=message):
        load(rng=Rng(0), **settings)
    with pytest.raises(TypeError, match="tent"):
        load(rng=Rng(0), tent=1)
