r"""What discretised Langevin dynamics on the circle samples, without sampling.

The Markov chains of the schemes on a circle of radius r under V = k theta are low-dimensional, so
their stationary laws can be computed to rounding. All of it is derived.

*Overdamped*, angle phi, s^2 = 2 tau h, drift d = -h k. One step has a density in the new angle:

1. SHAKE: phi' = phi + arcsin(t/r), t ~ N(d cos(phi), s^2) the tangential part of the increment;
   steps with ``|t| > r`` do not exist and the law is conditioned on the rest.
2. Radial: phi' is the angle of a normal vector around the moved point, whose density is the
   projected normal law.
3. Both are smooth and periodic: on N equidistant angles the transition matrix is spectrally
   accurate as long as the noise spans a few nodes.

*Underdamped*, angle and u = omega r / sqrt(tau), standard normal in equilibrium. A density
rho(phi, u) = sum_n a_n(phi) He_n(u) w(u) / sqrt(n!), w the standard normal density, is moved by

4. O: a_n <- c^n a_n (Ornstein-Uhlenbeck acts diagonally on Hermite functions);
5. B: u <- u + b(phi), b = -h k cos(phi) / sqrt(tau): a <- exp(b A+) a with the raising operator
   A+ (a lower triangular matrix, exact on the first coefficients);
6. A: phi <- phi + delta(u), delta = sqrt(tau) h u / r for the rotation and arcsin of it for SHAKE:
   on the mode exp(i j phi) multiplication by exp(-i j delta(u)), done at Gauss-Hermite nodes.
   Where SHAKE has no solution the momentum is flipped and the angle stays.

====================  ==================================
symbol                name
====================  ==================================
k, r, tau, h          ``slope``, ``radius``, ``temperature``, ``step_size``
c                     exp(-``friction`` * h), or ``decay`` where it is given
====================  ==================================

Source: derived; names of the splittings as in Leimkuhler and Matthews (2016), "Efficient molecular
dynamics using geodesic integration and solvent-solute splitting".

>>> mean, _ = overdamped_moments(0.0125, "shake")
>>> round((mean + 0.4463899658965) / 0.0125, 4)
0.5852
>>> law = underdamped_law("BAOAB", 0.6)
>>> round(law.mean + 0.4463899658965, 4)
0.0022
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from refimpl.arrays import Array, backend
from refimpl.errors import ConvergenceError

SPLITTINGS: dict[str, tuple[tuple[str, float], ...]] = {
    "OBA": (("O", 1.0), ("B", 1.0), ("A", 1.0)),
    "BAOAB": (("B", 0.5), ("A", 0.5), ("O", 1.0), ("A", 0.5), ("B", 0.5)),
    "AOAB": (("A", 0.5), ("O", 1.0), ("A", 0.5), ("B", 1.0)),
    "OBABO": (("O", 0.5), ("B", 0.5), ("A", 1.0), ("B", 0.5), ("O", 0.5)),
    "OABAO": (("O", 0.5), ("A", 0.5), ("B", 1.0), ("A", 0.5), ("O", 0.5)),
}
"""Blocks of each splitting in the order of time, with the share of the step that each takes."""


def overdamped_transition(
    step_size: float,
    projection: str,
    *,
    slope: float = 1.0,
    radius: float = 1.0,
    temperature: float = 1.0,
    nodes: int = 400,
) -> tuple[Array, Array]:
    """Transition matrix of the overdamped step between equidistant angles.

    Parameters
    ----------
    step_size : float
    projection : {"shake", "radial"}
    slope, radius, temperature : float
    nodes : int
        The noise sqrt(2 tau h)/r must span about 1.5 of them or more.

    Returns
    -------
    angles : array, shape (nodes,)
    matrix : array, shape (nodes, nodes)
        Row i is the law of the next angle from ``angles[i]``; rows sum to one.

    Raises
    ------
    ValueError
        If the grid is too coarse for the noise, or for an unknown projection.

    Examples
    --------
    >>> angles, matrix = overdamped_transition(0.02, "radial", nodes=200)
    >>> bool(abs(matrix.sum(axis=1) - 1.0).max() < 1e-14)
    True
    """
    from scipy import special

    place = backend()
    xp = place.xp
    s = math.sqrt(2.0 * temperature * step_size)
    spacing = 2.0 * math.pi / nodes
    if s / radius < 1.5 * spacing:
        raise ValueError(
            f"{nodes} nodes are too few for step size {step_size}: "
            f"take at least {math.ceil(3.0 * math.pi * radius / s)}"
        )
    angles = place.arange(nodes, dtype=place.dtype) * spacing
    # Equidistant differences: folded into (-pi, pi].
    turn = angles[None, :] - angles[:, None]
    turn = turn - 2.0 * math.pi * xp.round(turn / (2.0 * math.pi))
    drift = -step_size * slope
    along = drift * xp.cos(angles)[:, None]
    if projection == "shake":
        density = xp.exp(-0.5 * ((radius * xp.sin(turn) - along) / s) ** 2) * xp.cos(turn)
        matrix = xp.where(xp.abs(turn) < 0.5 * math.pi, density, 0.0)
    elif projection == "radial":
        # Mean in the frame (normal, tangent) of the old point, and its parts along the new angle.
        across = radius + drift * xp.sin(angles)[:, None]
        towards = (across * xp.cos(turn) + along * xp.sin(turn)) / s
        beside = (across * xp.sin(turn) - along * xp.cos(turn)) / s
        peak = xp.exp(-0.5 * towards**2) / math.sqrt(2.0 * math.pi)
        matrix = xp.exp(-0.5 * beside**2) * (peak + towards * special.ndtr(towards))
    else:
        raise ValueError(f"projection must be 'shake' or 'radial', not {projection!r}")
    return angles, matrix / xp.sum(matrix, axis=1, keepdims=True)


def stationary(matrix: Array) -> Array:
    """The probability vector p with p matrix = p of a stochastic matrix with one.

    Examples
    --------
    >>> import numpy as np
    >>> stationary(np.array([[0.5, 0.5], [0.25, 0.75]])).round(12)
    array([0.33333333, 0.66666667])
    """
    from scipy import linalg

    place = backend()
    size = matrix.shape[0]
    # One equation of p (P - I) = 0 is redundant; the sum of p takes its place.
    system = matrix.mT - place.eye(size)
    system = place.xp.concat([system[:-1, :], place.ones((1, size))])
    right = place.xp.concat([place.zeros(size - 1), place.ones(1)])
    return linalg.solve(system, right)


def overdamped_moments(step_size: float, projection: str, **target: Any) -> tuple[float, float]:
    """(E theta, E theta^2) that the overdamped step samples.

    Parameters
    ----------
    step_size, projection
        See :func:`overdamped_transition`, also for ``target``.

    Returns
    -------
    tuple of two floats

    Examples
    --------
    >>> mean, square = overdamped_moments(0.0125, "radial")
    >>> round((square - 0.5536100341) / 0.0125, 4)
    -0.0168
    """
    angles, matrix = overdamped_transition(step_size, projection, **target)
    xp = backend().xp
    radius = float(target.get("radius", 1.0))
    weights = stationary(matrix)
    theta = radius * xp.sin(angles)
    return float(xp.sum(weights * theta)), float(xp.sum(weights * theta**2))


class UnderdampedLaw(NamedTuple):
    """The stationary law of a splitting at the end of its step.

    Attributes
    ----------
    mean, square : float
        E theta and E theta^2.
    temperature : float
        Kinetic temperature E |p|^2 in units of tau: exactly 1 in the continuous law.
    """

    mean: float
    square: float
    temperature: float


def underdamped_law(
    splitting: str,
    step_size: float,
    *,
    slope: float = 1.0,
    radius: float = 1.0,
    temperature: float = 1.0,
    friction: float = 1.0,
    decay: float | None = None,
    drift: str = "rotation",
    stale: bool = False,
    angles: int = 24,
    hermite: int = 28,
    tolerance: float = 1e-13,
    max_iterations: int = 100_000,
) -> UnderdampedLaw:
    """What a splitting samples on the circle under V = slope * theta, measured after its step.

    Parameters
    ----------
    splitting : str
        A name in :data:`SPLITTINGS`.
    step_size, slope, radius, temperature, friction : float
    decay : float, optional
        c of the full step in place of exp(-friction * h); halves of O take its root.
    drift : {"rotation", "shake"}
        SHAKE's law is resolved less well where its drifts often have no solution.
    stale : bool
        Use in "AOAB" the force (gradient and its projection) of the point before the drift; for
        small steps only, since the series in Hermite functions diverges where h / c is large.
    angles, hermite : int
        Size of the basis; double both to see how far the numbers can be trusted.
    tolerance : float
        On the change of a coefficient in one step.
    max_iterations : int

    Returns
    -------
    UnderdampedLaw

    Raises
    ------
    ConvergenceError
        If the law is not stationary after ``max_iterations`` steps.

    Examples
    --------
    >>> law = underdamped_law("OBA", 0.4)
    >>> round(law.mean + 0.4463899658965, 3), round(law.temperature, 3)
    (-0.049, 1.025)
    """
    if splitting not in SPLITTINGS:
        raise ValueError(f"unknown splitting {splitting!r}: choose from {', '.join(SPLITTINGS)}")
    if drift not in ("rotation", "shake"):
        raise ValueError(f"drift must be 'rotation' or 'shake', not {drift!r}")
    if stale and (splitting != "AOAB" or drift != "rotation"):
        raise ValueError("a stale force belongs to the splitting 'AOAB' with the rotation")
    grid = _Grid(angles, hermite)
    xp, fft = grid.xp, grid.xp.fft
    decay = math.exp(-friction * step_size) if decay is None else decay
    pull = -step_size * slope / math.sqrt(temperature) * xp.cos(grid.angles)
    reach = math.sqrt(temperature) * step_size / radius

    blocks: list[Any] = []
    for name, share in SPLITTINGS[splitting]:
        if name == "O":
            factor = decay ** (share * grid.orders)
            blocks.append(lambda a, factor=factor: a * factor)
        elif name == "A":
            turn = grid.drift(share * reach, drift == "shake")
            blocks.append(lambda a, turn=turn: (turn @ a[:, :, None])[:, :, 0])
        elif not stale:
            kick = grid.kick(share * pull)
            blocks.append(
                lambda a, kick=kick: fft.fft(
                    (kick @ fft.ifft(a, axis=0)[:, :, None])[:, :, 0], axis=0
                )
            )
    if stale:
        # A kick b(phi_0) after A O A is a kick b/c before it, with the angle set back by as much
        # as the two halves of A then turn it too far.
        kick = grid.kick(pull / decay)
        back = grid.angles - 0.5 * reach * (1.0 + 1.0 / decay) * pull
        carry = xp.exp(-1j * grid.modes[:, None] * back)
        blocks.insert(0, lambda a: carry @ (kick @ fft.ifft(a, axis=0)[:, :, None])[:, :, 0])

    law = xp.zeros((angles, hermite), dtype=xp.complex128)
    law[0, 0] = 1.0
    for _ in range(max_iterations):
        new = law
        for block in blocks:
            new = block(new)
        change = float(xp.max(xp.abs(new - law)))
        law = new
        if change <= tolerance:
            break
    else:
        raise ConvergenceError(
            "the law is not stationary: increase max_iterations",
            residual=change,
            iterations=max_iterations,
            step_size=step_size,
        )
    # sin(phi) and cos(2 phi) are read off the first two modes, u^2 = 1 + sqrt(2) He_2 / sqrt(2!).
    return UnderdampedLaw(
        mean=-radius * float(xp.imag(law[1, 0])),
        square=0.5 * radius**2 * (1.0 - float(xp.real(law[2, 0]))),
        temperature=1.0 + math.sqrt(2.0) * float(xp.real(law[0, 2])),
    )


class _Grid:
    """Fourier modes in the angle times Hermite coefficients in the scaled velocity."""

    def __init__(self, angles: int, hermite: int) -> None:
        from scipy import linalg

        place = backend()
        xp = self.xp = place.xp
        self.angles = place.arange(angles, dtype=place.dtype) * (2.0 * math.pi / angles)
        self.modes = xp.round(xp.fft.fftfreq(angles) * angles)
        self.orders = place.arange(hermite, dtype=place.dtype)
        # Gauss-Hermite nodes are the eigenvalues of multiplication by u, cut to the basis.
        self.velocities, self.vectors = linalg.eigh_tridiagonal(
            0.0 * self.orders, xp.sqrt(self.orders[1:])
        )

    def kick(self, shifts: Array) -> Array:
        """exp(b A+) for each b in ``shifts``: entries b^(m-n) sqrt(m!/n!) / (m-n)! for m >= n."""
        from scipy import special

        xp = self.xp
        rows, columns = self.orders[:, None], self.orders[None, :]
        lag = xp.where(rows >= columns, rows - columns, 0.0)
        size = 0.5 * (special.gammaln(rows + 1) - special.gammaln(columns + 1))
        factor = xp.where(rows >= columns, xp.exp(size - special.gammaln(lag + 1)), 0.0)
        return shifts[:, None, None] ** lag * factor

    def drift(self, reach: float, shake: bool) -> Array:
        """The block A for every Fourier mode: at each velocity node a turn of the angle."""
        xp, turn = self.xp, reach * self.velocities
        if not shake:
            phases = xp.exp(-1j * self.modes[:, None] * turn)
            return (self.vectors * phases[:, None, :]) @ self.vectors.mT
        solvable = xp.abs(turn) < 1.0
        turn = xp.asin(xp.where(solvable, turn, 0.0))
        phases = xp.where(solvable, xp.exp(-1j * self.modes[:, None] * turn), 0.0)
        parity = 1.0 - 2.0 * (self.orders % 2)
        stay = (self.vectors * xp.where(solvable, 0.0, 1.0)) @ self.vectors.mT
        return (self.vectors * phases[:, None, :]) @ self.vectors.mT + parity[:, None] * stay
