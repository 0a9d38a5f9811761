"""How the differentiable operations of this paper are exercised by the walk over all of them.

Each case is (primitive, function of arrays, shapes, draw, name, differentiable twice).
"""

import numpy as np

from refimpl import Rng
from refimpl.papers.hyperspherical_energy import cosines, energy_operation, uniformity
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy


def spread(rng, shape):
    """Near the rows of a rotated frame, so that no two neurons, lines or antipodes come close."""
    *stack, rows, columns = shape
    frame = np.eye(rows, columns) + 0.4 * np.eye(rows, columns, 1)
    lengths = 0.5 + rng.uniform((*stack, rows, 1), 0.0, 1.0)
    return lengths * (frame + 0.08 * rng.normal(shape))


def dominant(rng, shape):
    """Diagonally dominant matrices: far from singular ones."""
    return 2.0 * np.eye(shape[-1]) + 0.3 * rng.normal(shape)


ENERGIES = {
    "euclidean": HypersphericalEnergy(s=2.0),
    "half": HypersphericalEnergy(s=2.0, space="half"),
    "half-logarithm": HypersphericalEnergy(s=0.0, space="half", reduction="lines"),
    "angular": HypersphericalEnergy(s=1.0, metric="angular"),
    "released": HypersphericalEnergy(s=1.0, space="half", epsilon=1e-2, kernel="released"),
}
POINTS = spread(Rng(3), (3, 4))
MATRIX, STACK = [((3, 4),), ((4, 5),)], [((2, 3, 4),)]

CASES = [
    *(
        (
            energy_operation.energy_value,
            lambda w, e=energy: energy_operation.energy_value(w, e, None),
            MATRIX + STACK,
            spread,
            f"energy-{name}",
        )
        for name, energy in ENERGIES.items()
    ),
    *(
        (
            energy_operation.energy_slope,
            lambda w, e=energy: energy_operation.energy_slope(w, e, None),
            MATRIX,
            spread,
            f"energy_gradient-{name}",
            False,  # the energy has two derivatives, and says so
        )
        for name, energy in ENERGIES.items()
    ),
    *(
        (
            energy_operation.hessian_product,
            lambda v, e=energy: energy_operation.hessian_product(POINTS, e, None, v),
            [((3, 4),)],
            spread,
            f"energy_hessian-{name}",
        )
        for name, energy in ENERGIES.items()
    ),
    *(
        (
            cosines.cosines,
            lambda w, e=epsilon: cosines.cosines(w, e),
            MATRIX,
            spread,
            f"cosines-{epsilon}",
        )
        for epsilon in (0.0, 0.3)
    ),
    (
        uniformity.log_determinant,
        uniformity.log_determinant,
        [((2, 2),), ((3, 3),)],
        dominant,
        "log_determinant",
    ),
    (uniformity.inverse, uniformity.inverse, [((2, 2),), ((3, 3),)], dominant, "inverse"),
]
