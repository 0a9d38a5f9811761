"""Minimum-energy point sets: many descents of the energy itself, without a network.

Algorithm
---------
1. For each start draw W, N x n, with normal entries: directions uniform on the sphere
2. Minimise E(W) by L-BFGS over the exact gradient. E does not depend on norms, so W is free and
   the directions Ŵ are what moves; no constraint is needed
3. Where the tangential gradient still exceeds the tolerance, restart L-BFGS from there; where
   its line search finds no lower energy, take gradient steps that need none
4. Keep the lowest of all starts; report every one, for a census of local minima

Sources: the energies of W. Liu et al., "Learning towards Minimum Hyperspherical Energy", NeurIPS
2018; for N <= n every local minimum is global (derived; see the claims of this paper), above that
several local minima exist and the lowest found is putative.

============ ===========================
symbol       code
============ ===========================
E            ``energy``
N, n         ``neurons``, ``dimension``
Ŵ            ``PointSet.points``
============ ===========================

Deviations
----------
* The papers minimize along with a training loss only; this is the bare problem, for its optima.

>>> from refimpl import Rng
>>> from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
>>> thomson = HypersphericalEnergy(s=1.0, reduction="sum")
>>> best = minimize_energy(thomson, 4, 3, rng=Rng(0), starts=3, progress=False)
>>> round(best.energy, 9)
3.674234614
"""

from __future__ import annotations

from typing import Any, NamedTuple

from refimpl.arrays import Array, namespace
from refimpl.checks import count, positive
from refimpl.errors import ConvergenceError, InfeasibleError
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.progress import progress_bar
from refimpl.random import Rng


class PointSet(NamedTuple):
    """What the starts led to.

    Attributes
    ----------
    points : array, shape (N, n)
        Unit vectors of the lowest energy found.
    energy : float
    energies : array, shape (starts,)
        The energy each start ended at.
    residuals : array, shape (starts,)
        Largest entry of the gradient on the sphere over the energy's scale.
    all_points : array, shape (starts, N, n)
    """

    points: Array
    energy: float
    energies: Array
    residuals: Array
    all_points: Array


def minimize_energy(
    energy: HypersphericalEnergy,
    neurons: int,
    dimension: int,
    *,
    rng: Rng,
    starts: int = 20,
    tolerance: float = 1e-7,
    iterations: int = 20_000,
    progress: bool | None = None,
) -> PointSet:
    """Directions of minimal energy, from many random starts; on the host in float64.

    Parameters
    ----------
    energy : HypersphericalEnergy
        With ε = 0: with ε > 0 shrinking the norms would lower it.
    neurons, dimension : int
        N >= 2 and n >= 2.
    rng : Rng
        Start i draws from ``rng.child("start", i)``.
    starts : int
    tolerance : float
        On the largest entry of the tangential gradient, relative to the larger of 1 and the
        energy; the energy is then accurate to about its square.
    iterations : int
        Of L-BFGS, over all restarts of one start.
    progress : bool, optional
        Show a bar. Default: where standard error is a terminal.

    Returns
    -------
    PointSet

    Raises
    ------
    ConvergenceError
        If a start does not meet the tolerance; with the residual, the iterations and the start.
    ValueError
        For N < 2, n < 2, no starts, or an energy with ε > 0.
    """
    count("neurons", neurons, at_least=2)
    count("dimension", dimension, at_least=2)
    count("starts", starts)
    positive("tolerance", tolerance)
    if energy.epsilon != 0.0:
        raise ValueError(f"epsilon must be 0 for a minimum on the sphere, not {energy.epsilon}")
    energies, residuals, solutions = [], [], []
    bar = progress_bar(
        "point sets", starts, unit="starts", value="lowest energy", digits=9, wanted=progress
    )
    with bar as advance:
        for start in range(starts):
            first = rng.child("start", start).normal((neurons, dimension))
            points, value, residual = descend(energy, first, tolerance, iterations, start)
            energies.append(value)
            residuals.append(residual)
            solutions.append(points)
            advance(start + 1, min(energies))
    best = min(range(starts), key=energies.__getitem__)
    xp = namespace(solutions[0])
    return PointSet(
        solutions[best],
        energies[best],
        xp.asarray(energies),
        xp.asarray(residuals),
        xp.stack(solutions),
    )


def descend(
    energy: HypersphericalEnergy,
    first: Array,
    tolerance: float = 1e-7,
    iterations: int = 20_000,
    start: int = 0,
) -> tuple[Array, float, float]:
    """The local minimum of ``energy`` below ``first``: unit points, energy and residual.

    Parameters
    ----------
    first : array, shape (N, n)
        A NumPy float64 array.
    tolerance, iterations
        As in :func:`minimize_energy`.
    start : int
        A label for the error.
    """
    from scipy.optimize import minimize

    shape, spent = first.shape, 0

    def evaluate(vector: Any, unit: float) -> tuple[float, Any]:
        try:
            value, gradient = energy.value_and_gradient(vector.reshape(shape))
        except InfeasibleError:  # two points met: a wall of infinite height
            return 1e300, 0.0 * vector
        return unit * float(value), unit * gradient.reshape(-1)

    points = _unit(first)
    while True:
        unit = 1.0 / max(1.0, abs(float(energy(points))))
        result = minimize(
            evaluate,
            points.reshape(-1),
            args=(unit,),
            jac=True,
            method="L-BFGS-B",
            options={
                "maxiter": iterations - spent,
                "maxfun": 2 * (iterations - spent),
                "ftol": 0.0,
                "gtol": 0.01 * tolerance,
                "maxcor": 20,
            },
        )
        spent += max(int(result.nit), 1)
        points = _unit(result.x.reshape(shape))
        if result.nit == 0:  # the line search is lost in the rounding of the energy
            points = polish(energy, points)
        value, gradient = energy.value_and_gradient(points)
        residual = float(abs(gradient).max()) / max(1.0, abs(float(value)))
        if residual <= tolerance:
            return points, float(value), residual
        if result.nit == 0 or spent >= iterations:
            raise ConvergenceError(
                "a descent of the energy stopped above its tolerance",
                residual=residual,
                tolerance=tolerance,
                iterations=spent,
                start=start,
            )


def polish(energy: HypersphericalEnergy, points: Array, steps: int = 40) -> Array:
    """A critical point near ``points`` to the last digits of the gradient.

    A descent stops where the energy, flat at a minimum, no longer changes in its last digit;
    half of the digits of the points are then still to come. These are steps along the gradient
    of Barzilai and Borwein's length, which ask for no energies.

    Parameters
    ----------
    points : array, shape (N, n)
        Unit vectors close to a minimum.
    steps : int

    Returns
    -------
    array, shape (N, n)
        The unit vectors with the smallest gradient met, ``points`` included.

    Examples
    --------
    >>> import numpy as np
    >>> energy = HypersphericalEnergy(s=2.0, reduction="sum")
    >>> rough = np.asarray([[1.0, 1e-6], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
    >>> float(np.abs(energy.value_and_gradient(rough)[1]).max()) > 1e-7
    True
    >>> float(np.abs(energy.value_and_gradient(polish(energy, rough))[1]).max()) < 1e-14
    True
    """
    xp = namespace(points)
    gradient = energy.value_and_gradient(points)[1]
    best, least = points, float(xp.max(xp.abs(gradient)))
    turn = energy.hvp(points, gradient)
    length = _ratio(float(xp.sum(gradient * gradient)), float(xp.sum(gradient * turn)))
    for _ in range(steps):
        if length == 0.0 or least < 1e-14:
            break
        moved = _unit(points - length * gradient)
        try:
            following = energy.value_and_gradient(moved)[1]
        except InfeasibleError:  # far from a minimum a step may join two points
            break
        change, turn = moved - points, following - gradient
        length = _ratio(float(xp.sum(change * change)), float(xp.sum(change * turn)))
        points, gradient = moved, following
        size = float(xp.max(xp.abs(gradient)))
        if size < least:
            best, least = points, size
    return best


def _ratio(square: float, along: float) -> float:
    """The step length, 0 where the curvature along the step is not positive."""
    return square / along if along > 0.0 else 0.0


def distinct(energies: Array, tolerance: float = 1e-8) -> list[float]:
    """The different values among ``energies``, ascending: gaps above ``tolerance``, relative.

    Examples
    --------
    >>> import numpy as np
    >>> distinct(np.asarray([2.0, 1.0, 1.0 + 1e-12]))
    [1.0, 2.0]
    """
    found: list[float] = []
    last = None
    for value in sorted(float(energy) for energy in energies):
        if last is None or value - last > tolerance * max(1.0, abs(value)):
            found.append(value)
        last = value
    return found


def _unit(points: Any) -> Any:
    return points / namespace(points).linalg.vector_norm(points, axis=1, keepdims=True)
