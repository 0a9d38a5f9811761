"""Neurons that almost coincide, where 1 − c loses its digits: values and slopes by mpmath."""

import mpmath
import numpy as np
import pytest

from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy

START = np.array([[1.0, 0.5, -0.3], [1.0, 0.5, -0.3 + 1e-7], [-0.2, 0.9, 0.4]])


def exact(weight, s, space, metric, epsilon):
    """The mean over pairs of points, in the precision that mpmath is set to."""
    rows = [[mpmath.mpf(float(x)) if not isinstance(x, mpmath.mpf) else x for x in w]
            for w in weight]  # fmt: skip
    lengths = [mpmath.sqrt(sum(x * x for x in row) + mpmath.mpf(epsilon)) for row in rows]
    points = [[x / n for x in row] for row, n in zip(rows, lengths, strict=True)]
    if space == "half":
        points += [[-x for x in point] for point in points]
    total, pairs = mpmath.mpf(0), 0
    for i, u in enumerate(points):
        for v in points[:i]:
            cosine = sum(a * b for a, b in zip(u, v, strict=True))
            cosine = max(cosine, mpmath.mpf(-1))  # own antipodes
            z = mpmath.acos(cosine) if metric == "angular" else mpmath.sqrt(2 - 2 * cosine)
            total += mpmath.log(1 / z) if s == 0 else z**-s
            pairs += 1
    return total / pairs


def slope(weight, place, *setting):
    step = mpmath.mpf(10) ** -25
    ends = []
    for sign in (1, -1):
        rows = [[mpmath.mpf(float(x)) for x in row] for row in weight]
        rows[place[0]][place[1]] += sign * step
        ends.append(exact(rows, *setting))
    return (ends[0] - ends[1]) / (2 * step)


@pytest.mark.parametrize("epsilon", [0.0, 1e-4, 1e-12])
@pytest.mark.parametrize("space", ["full", "half"])
@pytest.mark.parametrize(
    ("s", "metric"), [(0.0, "euclidean"), (2.0, "euclidean"), (1.0, "angular")]
)
def test_values_and_slopes_keep_their_digits(s, metric, space, epsilon):
    energy = HypersphericalEnergy(s, space, metric, "mean", epsilon)
    value, gradient = energy.value_and_gradient(START)
    with mpmath.workdps(60):
        setting = (s, space, metric, epsilon)
        assert float(value) == pytest.approx(float(exact(START, *setting)), rel=1e-7)
        expected = np.array([
            [float(slope(START, (i, j), *setting)) for j in range(3)] for i in range(3)
        ])  # fmt: skip
    size = np.max(np.abs(expected))
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-7 * size)
