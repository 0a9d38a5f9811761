"""The saddle of one number: slopes, curvatures and minima by differences and by a grid."""

import math

import numpy as np
import pytest

from refimpl.papers.graph_propagation.constraints import CONSTRAINTS
from refimpl.papers.graph_propagation.scalar import ScalarSaddle

SMOOTH = ("lin", "squared", "cubed")


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("a", [-0.8, -0.1, 0.15, 0.9])
def test_slopes_are_derivatives(name, a):
    toy = ScalarSaddle(name, 0.8, 0.1, 0.03, 0.2)
    step = 1e-6
    found = (toy.value(a + step) - toy.value(a - step)) / (2 * step)
    assert toy.slope(a) == pytest.approx(found, abs=1e-8)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("multiplier", [0.3, 1.7])
def test_the_minimum_is_reached_as_fast_as_newton_reaches_it(name, multiplier):
    """At the minimum, within the few steps that quadratic convergence takes."""
    calls = []

    class Counting(ScalarSaddle):
        def slope(self, a):
            calls.append(a)
            return super().slope(a)

    toy = Counting(name, 0.8, 0.1, 0.03, 0.0)
    found = toy.minimize(multiplier, 0.5)
    assert len(calls) <= 8
    grid = np.linspace(-0.5, 1.5, 2_000_001)
    power = {"lin": 1, "squared": 2, "cubed": 3}[name]
    energy = 0.5 * (grid - 0.8) ** 2 + multiplier * grid**power
    inside = grid > (-0.1 if name == "cubed" else -math.inf)  # the cube falls without end
    assert found == pytest.approx(grid[inside][np.argmin(energy[inside])], abs=2e-6) or (
        name == "lin" and found == pytest.approx(0.8 - multiplier)
    )
