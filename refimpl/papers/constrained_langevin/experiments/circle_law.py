r"""What an underdamped step on the circle samples, without sampling.

The step itself is given every node of a quadrature rule as its noise, from equidistant angles and
Gauss-Hermite velocities. The weighted averages of exp(i k phi') h_m(v') are the action of its
transition operator T on Fourier modes times Hermite polynomials, of which few are needed, since a
step that turns by a fraction of the radius hardly mixes the high ones in. The sampled law c is the
functional that T leaves unchanged, c T = c, with c(1) = 1.

Source: derived; methods of Leimkuhler, Vlaar, Pouchon and Storkey (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.arrays import to_host
from refimpl.random import Replay

Step = Callable[[np.ndarray, np.ndarray, Any], tuple[np.ndarray, np.ndarray]]
"""(angles, velocities, noise) to the angles and velocities after one step."""


def rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights that average over a standard normal number."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return points, weights / weights.sum()


def hermite(values: np.ndarray, degree: int) -> np.ndarray:
    """The polynomials He_m / sqrt(m!), m = 0 ... ``degree``, along a new first axis."""
    found = [np.ones_like(values), values]
    for m in range(1, degree):
        found.append((values * found[m] - math.sqrt(m) * found[m - 1]) / math.sqrt(m + 1))
    return np.stack(found[: degree + 1])


def sampled_law(
    step: Step, draws: int, *, modes: int = 9, degree: int = 13, noise_nodes: int = 16
) -> np.ndarray:
    """E theta, E theta^2 and E v^2 of the law that ``step`` leaves unchanged, on the unit circle.

    Parameters
    ----------
    step : callable
    draws : int
        Number of standard normal numbers that a step takes, 1 or 2.
    modes, degree : int
        Largest Fourier mode and Hermite degree that are kept.
    noise_nodes : int
        Of every draw.
    """
    angles = np.arange(4 * modes) * (2.0 * math.pi / (4 * modes))
    speeds, speed_weights = rule(degree + 7)
    grids = [rule(noise_nodes)] * draws
    noise = np.meshgrid(*(nodes for nodes, _ in grids), indexing="ij")
    weights = np.ones(1)
    for _, factor in grids:
        weights = np.outer(weights, factor).ravel()
    shape = (angles.size, speeds.size, weights.size)
    start = [
        np.broadcast_to(part, shape).copy() for part in (angles[:, None, None], speeds[:, None])
    ]
    given = Replay([np.broadcast_to(part.ravel(), shape).copy() for part in noise])
    phi, v = (to_host(part) for part in step(start[0], start[1], given))

    orders = np.arange(-modes, modes + 1)
    before = hermite(speeds, degree) * speed_weights
    powers = hermite(v, degree)
    size = orders.size * (degree + 1)
    operator = np.empty((orders.size, degree + 1, size), dtype=complex)
    for column, k in enumerate(orders):
        image = (np.exp(1j * k * phi) * powers) @ weights  # (degree + 1, angles, speeds)
        spectrum = np.fft.fft(image, axis=1)[:, orders % angles.size, :] / angles.size
        entries = np.einsum("mls,ns->lnm", spectrum, before)
        operator[:, :, column * (degree + 1) : (column + 1) * (degree + 1)] = entries
    system = operator.reshape(size, size).T - np.eye(size)
    one = modes * (degree + 1)
    system[one], right = 0.0, np.zeros(size, dtype=complex)
    system[one, one] = right[one] = 1.0
    law = np.linalg.solve(system, right).reshape(orders.size, degree + 1)
    return np.array(
        [
            law[modes + 1, 0].imag,
            0.5 * (1.0 - law[modes + 2, 0].real),
            1.0 + math.sqrt(2.0) * law[modes, 2].real,
        ]
    )
