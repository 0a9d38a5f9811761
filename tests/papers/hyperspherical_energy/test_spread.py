"""Points under each objective alone, groups of coordinates, and the cost of projections."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl.papers.hyperspherical_energy.experiments import cost, groups, spread


def run(module, **config):
    return module.EXPERIMENT.run(module.Config(**config), backend("numpy"), Rng(4))


@pytest.fixture(scope="module")
def ends():
    result = run(spread, starts=2, steps=400)
    names = [str(name) for name in result["objective"]]
    return {
        name: {key: result[key][row] for key in result.arrays} for row, name in enumerate(names)
    }


def pairs(points):
    return itertools.combinations(points, 2)


def test_each_objective_ends_where_it_is_known_to_end(ends):
    # Welch: the squared cosines of 10 points in R^3 add up to 100/3 - 10 at least
    np.testing.assert_allclose(ends["orthogonal"]["value"], 100.0 / 3.0 - 10.0, rtol=1e-5)
    # Danzer: the best packing of ten points has the angle 66.1468 degrees
    assert np.all(ends["mma"]["angle"] > 65.9)
    assert np.all(ends["mma"]["angle"] < 66.1468) and np.all(ends["separation"]["angle"] < 66.1468)
    np.testing.assert_allclose(ends["mean"]["resultant"], 0.0, atol=5e-3)
    assert np.all(ends["half-space"]["line_angle"] > 45.0)
    least = min(np.min(kept["energy"]) for kept in ends.values())
    np.testing.assert_allclose(ends["mhe"]["energy"], least, rtol=1e-6)


def test_what_is_recorded_of_the_points_is_so(ends):
    for kept in ends.values():
        for start, points in enumerate(kept["points"]):
            np.testing.assert_allclose([math.hypot(*p) for p in points], 1.0, rtol=1e-12)
            dots = [sum(a * b for a, b in zip(p, q, strict=True)) for p, q in pairs(points)]
            energy = sum(1.0 / (2.0 - 2.0 * dot) for dot in dots)
            angle = math.degrees(math.acos(max(dots)))
            lines = math.degrees(math.acos(min(1.0, max(abs(dot) for dot in dots))))
            assert kept["energy"][start] == pytest.approx(energy, rel=1e-9)
            assert kept["angle"][start] == pytest.approx(angle, rel=1e-9)
            assert kept["line_angle"][start] == pytest.approx(lines, abs=1e-4)
            resultant = math.hypot(*(sum(column) for column in points.T))
            assert kept["resultant"][start] == pytest.approx(resultant, abs=1e-9)


def test_a_group_of_gaussian_coordinates_is_a_smaller_gaussian_layer():
    result = run(groups, neurons=12, inputs=60, groups=(1, 5), layers=40)
    np.testing.assert_array_equal(result["size"], [60, 12])
    for row, size in enumerate(result["size"]):
        pair = (size - 2.0) / (size - 3.0)
        predicted = (0.25 + 11.0 * pair) / 23.0
        measured = result["energy"][row, :, 0]
        error = np.std(measured) / math.sqrt(len(measured))
        assert abs(np.mean(measured) - predicted) < 6.0 * error < 0.02 * predicted
    np.testing.assert_allclose(result["cosine"][0, :, 0], 1.0, rtol=1e-12)
    assert np.all(np.abs(result["cosine"]) < 1.0 + 1e-12)
    assert np.all(result["cosine"][1, :, 0] < 0.95)


def test_costs_are_multiples_of_one_plain_energy():
    result = run(cost, shapes=((12, 4),), dimension=5, projections=(1, 400), repetitions=3)
    np.testing.assert_array_equal(result["shape"], [[12, 4]])
    few, many = result["multiple"][0]
    assert few > 0.0 and many > 3.0 * few
