r"""What a step on St(4, 2) samples under V = -(2 W_11 + W_22), from few steps.

T is the transition operator of the step. Under the law that the step leaves unchanged T f - f has
mean zero for every f, so that phi = 2 W_11 + W_22 and phi + T f - f have one mean. The polynomial f
is fitted to make the second vary little; what chance has left to say is its spread.

1. Draw from the exact law and take some steps. What is still missing of the step's law counts
   only with the little that phi + T f - f varies.
2. T f = E f(end of the step): the noise in d dimensions (of the tangent space where no more of it
   is seen) takes the nodes 0 and ± r u_i, with u_i a random orthonormal frame and r^2 from the
   chi-square law of d + 2 degrees. The node 0 weighs 1 - d / r^2, each other one 1 / (2 r^2).
   Without bias, and exact for cubic functions (A. Genz and J. Monahan, SIAM J. Sci. Comput. 19,
   1998).
3. Fit f by least squares on some draws, and average phi + T f - f over the others.

The law is symmetric under rotations of the last two rows and under a change of sign of the first
row and the first column together, so that functions with these symmetries suffice.

Source: derived; methods of Leimkuhler, Vlaar, Pouchon and Storkey (2021).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Array
from refimpl.constraints import Moved, Orthogonal, Solved, choose, largest, over_chains
from refimpl.random import Rng

Step = Callable[[np.ndarray, Any, np.ndarray], tuple[np.ndarray, Any]]
"""(points, momenta, noise) of many chains to points and momenta after a step with one draw; the
momenta are None for overdamped steps."""

CHUNK = 500  # draws whose nodes are taken through one step together


@dataclass(frozen=True)
class EachAlone(Orthogonal):
    """Orthonormal columns in every chain of a stack: a chain whose projection has no solution stays
    where it is and turns its momentum round; the others go on."""

    def move(self, q: Array, p: Array, step_size: float, tangent: bool = True) -> Moved:
        """The drift of every chain."""
        p = p if tangent else self.project_tangent(q, p)
        end = over_chains(Orthogonal(self.shape)).move(q, p, step_size)
        momentum = choose(end.solved, end.momentum, -p)
        return Moved(end.position, momentum, end.iterations, 0.0 * largest(q))

    def project(self, q0: Array, target: Array) -> Solved:
        """SHAKE in every chain; the normal part of an increment makes no difference to it."""
        end = over_chains(Orthogonal(self.shape)).move(
            q0, self.project_tangent(q0, target - q0), 1.0
        )
        return Solved(end.position, end.iterations, 0.0 * largest(q0))


def invariants(w: np.ndarray, p: np.ndarray | None) -> list[tuple[np.ndarray, int, int]]:
    """What the rotations leave: values, degree, and 1 if the change of sign turns it, else 0."""
    found = [(w[:, i, j], 1, i ^ j) for i in (0, 1) for j in (0, 1)]
    if p is not None:
        found += [(p[:, i, j], 1, i ^ j) for i in (0, 1) for j in (0, 1)]
        found.append(((w[:, :, 0] * p[:, :, 1]).sum(axis=1), 1, 1))
        found += [
            ((p[:, :, i] * p[:, :, j]).sum(axis=1), 2, i ^ j) for i, j in ((0, 0), (1, 1), (0, 1))
        ]
    return found


def polynomials(w: np.ndarray, p: np.ndarray | None, degree: int) -> np.ndarray:
    """Products of invariants that the change of sign leaves, up to a degree: (chains, products)."""
    factors = invariants(w, p)
    known: dict[tuple[int, ...], np.ndarray] = {(): np.ones(len(w))}
    found = []
    for count in range(1, degree + 1):
        for names in itertools.combinations_with_replacement(range(len(factors)), count):
            if sum(factors[name][1] for name in names) > degree:
                continue
            known[names] = known[names[:-1]] * factors[names[-1]][0]
            if sum(factors[name][2] for name in names) % 2 == 0:
                found.append(known[names])
    return np.stack(found, axis=1)


def nodes(rng: Rng, w: np.ndarray, raw: bool) -> tuple[np.ndarray, np.ndarray]:
    """Noise for the steps from every point, (draws, nodes, n, m), and the nodes' weights.

    The frame is one of the tangent space, or, with ``raw``, of all matrices.
    """
    draws, n, m = w.shape
    size = n * m if raw else n * m - m * (m + 1) // 2
    directions = rng.child("frames").normal((draws, size, n, m))
    if not raw:
        directions = Orthogonal((n, m)).project_tangent(w[:, None], directions)
    columns = np.swapaxes(directions.reshape(draws, size, n * m), 1, 2)
    frames = np.swapaxes(np.linalg.qr(columns)[0], 1, 2)
    squares = (rng.child("squares").normal((draws, size + 2)) ** 2).sum(axis=1)
    arms = np.sqrt(squares)[:, None, None] * frames
    points = np.concatenate([np.zeros((draws, 1, n * m)), arms, -arms], axis=1)
    sides = np.repeat(0.5 / squares[:, None], 2 * size, axis=1)
    weights = np.concatenate([1.0 - size / squares[:, None], sides], axis=1)
    return points.reshape(draws, -1, n, m), weights


def changes(
    step: Step, w: np.ndarray, p: np.ndarray | None, rng: Rng, degree: int, raw: bool
) -> Iterator[np.ndarray]:
    """T f - f of all polynomials at the points, ``CHUNK`` of them at a time."""
    for first in range(0, len(w), CHUNK):
        start = w[first : first + CHUNK]
        speeds = None if p is None else p[first : first + CHUNK]
        noise, weights = nodes(rng.child("nodes", first), start, raw)
        many = noise.shape[1]
        after = step(
            np.repeat(start, many, axis=0),
            None if speeds is None else np.repeat(speeds, many, axis=0),
            noise.reshape(-1, *w.shape[1:]),
        )
        images = polynomials(*after, degree).reshape(len(start), many, -1)
        yield (weights[:, None, :] @ images)[:, 0] - polynomials(start, speeds, degree)


def sampled_mean(
    step: Step,
    w: np.ndarray,
    p: np.ndarray | None,
    values: Callable[[np.ndarray], np.ndarray],
    rng: Rng,
    *,
    degree: int = 4,
    fitted: int,
    raw: bool,
) -> tuple[float, float]:
    """The mean of a function under the law that the step leaves unchanged, and its standard error.

    Parameters
    ----------
    step : callable
    w, p : array, shape (draws, n, m)
        Draws from near that law; without momenta for overdamped steps.
    values : callable
        The function at many points.
    rng : Rng
    degree : int
        Of the polynomials.
    fitted : int
        How many of the draws serve to fit f; the others are averaged over.
    raw : bool
        Whether the step sees the part of its noise that is normal where it starts.
    """
    parts = [slice(0, fitted), slice(fitted, None)]
    fit, rest = [(w[part], None if p is None else p[part]) for part in parts]
    table = np.concatenate(list(changes(step, *fit, rng.child("fit"), degree, raw)))
    scale = np.abs(table).max(axis=0)
    table = np.concatenate([np.ones((len(table), 1)), table / scale], axis=1)
    solution = np.linalg.lstsq(table, values(fit[0]), rcond=1e-10)[0]
    f = -solution[1:] / scale
    shifts = [change @ f for change in changes(step, *rest, rng.child("rest"), degree, raw)]
    left = values(rest[0]) + np.concatenate(shifts)
    return float(left.mean()), float(left.std() / math.sqrt(len(left)))
