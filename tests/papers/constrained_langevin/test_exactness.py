"""Exact sampling: laws on curves against adaptive quadrature, chains that keep them, controls."""

import math

import numpy as np
import pytest
from scipy import integrate

from refimpl import backend
from refimpl.papers.constrained_langevin.experiments import detailed_balance, exact_sampling
from refimpl.papers.constrained_langevin.experiments.targets import HEIGHT, SIZE, TARGETS
from refimpl.papers.constrained_langevin.theory import curves
from refimpl.random import Rng


def by_quadrature(point, values, count=2):
    """Means over a curve given by a function of the angle, its speed by central differences."""

    def speed(phi, h=1e-5):
        ends = [np.array(point(phi + sign * h)) for sign in (1, -1)]
        return float(np.linalg.norm(ends[0] - ends[1])) / (2 * h)

    def mean(k):
        return integrate.quad(
            lambda phi: values(*point(phi))[k] * values(*point(phi))[-1] * speed(phi),
            0.0, 2 * math.pi, limit=400, epsabs=1e-10,
        )[0]  # fmt: skip

    total = mean(-2)
    return [mean(k) / total for k in range(count)]


def test_the_wave_by_adaptive_quadrature():
    def point(phi):
        return math.cos(phi), math.sin(phi), HEIGHT * math.cos(2 * phi)

    found = by_quadrature(point, lambda x, y, z: (x, z, 1.0, math.exp(-0.5 * x - z)))
    np.testing.assert_allclose(TARGETS["wave"]().means, found, rtol=1e-7)


def test_the_oval_by_adaptive_quadrature():
    def point(phi):
        root = math.sqrt(SIZE**4 - math.sin(2 * phi) ** 2)
        radius = math.sqrt(math.cos(2 * phi) + root)
        return radius * math.cos(phi), radius * math.sin(phi)

    found = by_quadrature(point, lambda x, y: (abs(x), y * y, 1.0, math.exp(-0.5 * x - y * y)))
    np.testing.assert_allclose(TARGETS["oval"]().means, found, rtol=1e-5)
    with pytest.raises(ValueError, match="two loops"):
        curves.cassini_oval(curves.equidistant(8), 1.0, 0.9)


@pytest.mark.parametrize("temperature", [0.3, 2.0])
def test_means_on_the_wave_at_other_temperatures(temperature):
    """Of the height, under V = x + z."""

    def weight(phi):
        speed = math.hypot(1.0, 2 * HEIGHT * math.sin(2 * phi))
        return speed * math.exp(-(math.cos(phi) + HEIGHT * math.cos(2 * phi)) / temperature)

    def integral(function):
        return integrate.quad(function, 0.0, 2 * math.pi, epsabs=1e-12)[0]

    height = integral(lambda phi: HEIGHT * math.cos(2 * phi) * weight(phi)) / integral(weight)
    points, speeds = curves.wave(curves.equidistant(400), HEIGHT)
    found = curves.curve_means(points, speeds, points[:, 0] + points[:, 2], temperature)
    assert found[2] == pytest.approx(height, rel=1e-10)


def test_the_square_on_the_sphere():
    top = integrate.quad(lambda z: z * z * math.exp(2 * z), -1, 1)[0]
    total = integrate.quad(lambda z: math.exp(2 * z), -1, 1)[0]
    assert TARGETS["sphere"]().means[1] == pytest.approx(top / total, abs=1e-12)


@pytest.mark.parametrize("name", TARGETS)
def test_draws_have_the_exact_means(name):
    """Five and a half standard errors: a false alarm in one of ten has probability 4e-7."""
    target = TARGETS[name]()
    values = target.observe(target.draw(Rng(3), 20_000))
    errors = values.std(axis=0) / math.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - target.means) < 5.5 * errors)


SMALL = exact_sampling.Config(chains=3_000, steps=4, control_chains=6_000, control_steps=8)


def deviation(target, sampler):
    values = exact_sampling.run_task(
        SMALL, backend("numpy"), Rng(1), target=target, sampler=sampler
    )
    return float(np.max(np.abs(values["means"] - values["exact"]) / values["errors"]))


@pytest.mark.parametrize("sampler", exact_sampling.SAMPLERS)
@pytest.mark.parametrize("target", ["circle", "sphere", "stiefel", "oval"])
def test_laws_are_kept(target, sampler):
    """24 moments at 5.8 standard errors: a false alarm has probability 2e-7."""
    assert deviation(target, sampler) < 5.8


@pytest.mark.parametrize(
    ("target", "sampler"),
    [("circle", "no test"), ("stiefel", "no test"), ("oval", "no way back")],
)
def test_without_a_safeguard_the_same_chains_fail(target, sampler):
    assert deviation(target, sampler) > 5.8


def test_one_step_is_in_detailed_balance_and_not_without_the_test():
    config = detailed_balance.Config(angles=15, turns=2, step_size=0.9, slope=1.7)
    found = detailed_balance.run_task(config, backend("numpy"), Rng(0))
    assert found["exact_asymmetry"] < 1e-12 < 0.1 < found["control_asymmetry"]
    assert found["exact_missed"] < 1e-12


@pytest.mark.parametrize("concentration", [-1.5, 0.3, 4.0])
def test_the_square_on_the_sphere_from_the_mean(concentration):
    """On the sphere of three dimensions a coordinate is uniform by itself."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    density = weights * np.exp(concentration * nodes)
    mean, square = (density @ nodes**p / density.sum() for p in (1, 2))
    assert curves.sphere_square(concentration, float(mean)) == pytest.approx(square, rel=1e-12)
