"""Minimum-energy point sets by multi-start descent, where the optimum is known or tabulated.

Every start of every setting ends at a critical point; of each the experiment records the energy,
the dual certificate S (∂E/∂W = S Û at unit vectors; S ⪰ 0 makes it a global minimum), and for
full space the length of the weighted mean Σ_j α_j ŵ_j / Σ_j α_j, α_j = ‖ŵ_i − ŵ_j‖^{−s−2}, that a
stationarity condition without the sphere's constraint would need to equal ŵ_i.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.experiments.known_points import FRAMES
from refimpl.papers.hyperspherical_energy.point_sets import (
    PointSet,
    distinct,
    minimize_energy,
    polish,
)
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Which settings, and how many random starts each.

    Attributes
    ----------
    sphere, lines : tuple of int
        N on S², full and half space.
    benign : tuple of (N, n)
        With N <= n, full and half space.
    simplices : tuple of (N, n)
        With N <= n + 1, full space.
    polytopes : tuple of int
        n of the 2n points of a cross-polytope, s = 2.
    circle : tuple of int
    powers : tuple of float
        s.
    starts, benign_starts, frame_starts : int
    roots : bool
        Whether the 240 roots of E8 are searched for as points, too (as lines they always are).
    """

    sphere: tuple[int, ...] = (*range(2, 13), 16, 20, 24, 32)
    lines: tuple[int, ...] = tuple(range(2, 13))
    benign: tuple[tuple[int, int], ...] = ((10, 12), (20, 25), (40, 60), (10, 10), (20, 20))
    simplices: tuple[tuple[int, int], ...] = ((3, 2), (4, 3), (6, 5), (10, 9), (17, 16))
    polytopes: tuple[int, ...] = (3, 4, 5, 8)
    circle: tuple[int, ...] = (3, 5, 8, 12)
    powers: tuple[float, ...] = (0.0, 1.0, 2.0)
    starts: int = 5
    benign_starts: int = 10
    frame_starts: int = 6
    roots: bool = False

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            sphere=(*range(2, 21), 24, 32),
            starts=25,
            benign_starts=40,
            frame_starts=25,
            polytopes=tuple(range(2, 11)),
            circle=tuple(range(2, 21)),
            roots=True,
        )


def tasks(config: Config) -> list[Task]:
    """One task per (s, space, N, n), each once, with the most starts that any use wants."""
    found: dict[tuple[float, str, int, int], int] = {}

    def add(s: float, space: str, neurons: int, dimension: int, starts: int) -> None:
        key = (s, space, neurons, dimension)
        found[key] = max(starts, found.get(key, 0))

    for s in config.powers:
        for neurons in config.sphere:
            add(s, "full", neurons, 3, config.starts)
        for neurons in config.lines:
            add(s, "half", neurons, 3, config.starts)
        for neurons in config.circle:
            add(s, "full", neurons, 2, config.starts)
        for neurons, dimension in config.simplices:
            add(s, "full", neurons, dimension, config.starts)
        for neurons, dimension in config.benign:
            add(s, "full", neurons, dimension, config.benign_starts)
            add(s, "half", neurons, dimension, config.benign_starts)
    for dimension in config.polytopes:
        add(2.0, "full", 2 * dimension, dimension, config.starts)
    for dimension, neurons in FRAMES.items():
        add(2.0, "half", neurons, dimension, config.frame_starts)
    add(2.0, "half", 120, 8, 2)
    if config.roots:
        add(2.0, "full", 240, 8, 4)
    names = ("s", "space", "neurons", "dimension", "starts")
    return [dict(zip(names, (*key, starts), strict=True)) for key, starts in found.items()]


def energy_of(s: float, space: str) -> HypersphericalEnergy:
    """The energy over unordered pairs: of points, or of lines."""
    return HypersphericalEnergy(
        s,
        "half" if space == "half" else "full",
        reduction="lines" if space == "half" else "sum",
    )


def run_task(
    config: Config,
    backend: Backend,
    rng: Rng,
    *,
    s: float,
    space: str,
    neurons: int,
    dimension: int,
    starts: int,
) -> dict[str, Any]:
    energy, plain = energy_of(s, space), energy_of(s, "full")
    found = minimize_energy(energy, neurons, dimension, rng=rng, starts=starts, progress=False)
    smallest, critical, mean_length, tangential = [], [], [0.0], [0.0]
    for start in found.all_points:
        points = polish(energy, start)
        certificate = energy.certificate(points)
        # the slopes of full space: those of half space cancel at right angles
        slopes = plain.certificate(points)
        scale = np.linalg.norm(slopes - np.diag(np.diagonal(slopes)))
        smallest.append(np.linalg.eigvalsh(certificate)[0] / scale)
        critical.append(np.abs(certificate @ points).max() / scale)
        if space == "full":
            lengths, sideways = _weighted_means(points, s)
            mean_length.append(lengths)
            tangential.append(sideways)
    return {
        "s": s,
        "half": float(space == "half"),
        "neurons": float(neurons),
        "dimension": float(dimension),
        "starts": float(starts),
        "energy": found.energy,
        "highest": float(np.max(found.energies)),
        "minima": float(len(distinct(found.energies))),
        "residual": float(np.max(found.residuals)),
        "smallest_eigenvalue": min(smallest),
        "critical_residual": max(critical),
        "mean_length": max(mean_length),
        "tangential_residual": max(tangential),
        "points": _lowest(found),
    }


def _weighted_means(points: np.ndarray, s: float) -> tuple[float, float]:
    """Largest length of Σ α_j ŵ_j / Σ α_j, and of its part orthogonal to ŵ_i."""
    squares = np.sum((points[:, None, :] - points[None, :, :]) ** 2, axis=2)
    np.fill_diagonal(squares, np.inf)
    weights = squares ** (-0.5 * s - 1.0)
    means = (weights @ points) / np.sum(weights, axis=1, keepdims=True)
    along = np.sum(means * points, axis=1, keepdims=True)
    sideways = np.linalg.norm(means - along * points, axis=1)
    return float(np.linalg.norm(means, axis=1).max()), float(sideways.max())


def _lowest(found: PointSet) -> np.ndarray:
    """The lowest points, for drawing: on S² only."""
    return found.points if found.points.shape[1] == 3 else np.empty((0, 3))


def collect(
    config: Config, tasks: Sequence[Task], results: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """One row per setting; the points on S² are padded with NaN."""
    names = [name for name in results[0] if name != "points"]
    stacked = {name: np.asarray([float(result[name]) for result in results]) for name in names}
    most = max(len(result["points"]) for result in results)
    padded = np.full((len(results), most, 3), np.nan)
    for row, result in enumerate(results):
        padded[row, : len(result["points"])] = result["points"]
    return {**stacked, "points": padded}


EXPERIMENT = Experiment(
    "hyperspherical_point_sets",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    cost=lambda config, task: 2e-5 * task["starts"] * task["neurons"] ** 2,
    summary="minimum-energy point sets on spheres, with their dual certificates",
)
