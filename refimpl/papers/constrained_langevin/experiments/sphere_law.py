r"""What an underdamped step on the sphere samples under V = -2 w_3, without sampling.

The law is symmetric about the third axis, so that functions of the height z = w_3, its velocity s
and |p|^2 suffice. With polynomials g of these the equation z = a + (g - T g) is solved by least
squares, T being one step averaged over a quadrature rule of its noise; taking the mean under the
sampled law shows that a is E z. The nodes fill the exact law: Gauss-Legendre heights, Gauss-Hermite
velocities along and across the meridian.

Source: derived; methods of Leimkuhler, Vlaar, Pouchon and Storkey (2021).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from refimpl.papers.constrained_langevin.experiments.circle_law import rule

Step = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(points, momenta, noise), each (count, 3), to points and momenta after a step with one O."""


def _monomials(q: np.ndarray, p: np.ndarray, degree: int) -> np.ndarray:
    z, s, e = q[:, 2], p[:, 2], 0.5 * (p * p).sum(axis=1)
    names = [
        (i, j, k)
        for i in range(degree + 1)
        for j in range(degree + 1 - i)
        for k in range((degree - i - j) // 2 + 1)
        if i + j + k > 0
    ]
    return np.stack([z**i * s**j * e**k for i, j, k in names], axis=1)


def sampled_height(step: Step, *, degree: int = 7) -> float:
    """E w_3 of the law that ``step`` leaves unchanged."""
    heights, share = np.polynomial.legendre.leggauss(10)
    along, along_weights = rule(9)
    across, across_weights = rule(7)
    across_weights = np.where(across > 1e-9, 2.0, 1.0) * across_weights  # even in it
    half = across >= -1e-9
    grid = np.meshgrid(heights, along, across[half], indexing="ij")
    z, a, b = (part.ravel() for part in grid)
    weights = np.einsum(
        "i,j,k->ijk", share * np.exp(2.0 * heights), along_weights, across_weights[half]
    ).ravel()
    ring = np.sqrt(1.0 - z * z)
    q = np.stack([ring, 0.0 * z, z], axis=1)
    p = np.stack([-z * a, b, ring * a], axis=1)

    nodes, node_weights = rule(6)
    noise = np.stack([part.ravel() for part in np.meshgrid(nodes, nodes, nodes)], axis=1)
    noise_weights = np.einsum("i,j,k->ijk", *[node_weights] * 3).ravel()
    count = len(noise)
    many = [np.repeat(part, count, axis=0) for part in (q, p)]
    after = step(many[0], many[1], np.tile(noise, (len(q), 1)))
    images = _monomials(after[0], after[1], degree).reshape(len(q), count, -1)
    change = _monomials(q, p, degree) - np.einsum("nmf,m->nf", images, noise_weights)
    scale = np.abs(change).max(axis=0)
    table = np.concatenate([np.ones((len(q), 1)), change / scale], axis=1)
    root = np.sqrt(weights / weights.sum())
    return float(np.linalg.lstsq(table * root[:, None], z * root, rcond=1e-12)[0][0])
