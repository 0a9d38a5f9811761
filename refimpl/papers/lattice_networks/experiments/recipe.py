"""What the training experiments share: one run, the grids, the choice on validation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.datasets import Split
from refimpl.experiments.base import Result
from refimpl.papers.lattice_networks.activations import column_peak, growth
from refimpl.papers.lattice_networks.data import load_lattice_algebraic, load_lattice_diffusion
from refimpl.papers.lattice_networks.experiments.stack import Run, fit
from refimpl.papers.lattice_networks.network import SmoothNetwork, matrices
from refimpl.random import Rng

LOADERS = {"algebraic": load_lattice_algebraic, "diffusion": load_lattice_diffusion}
PENALTIES = ("none", "l2", "tailored")
POINTS = ("lattice", "random")
MODELS = ("plain", "periodic")
TOGETHER = 5120
"""The most training points of all networks that are trained as one stack."""


@dataclass(frozen=True)
class Recipe:
    """Targets, networks and grids of a comparison.

    Attributes
    ----------
    target : {"algebraic", "diffusion"}
    dimensions, sizes : tuple of int
        s and N; N prime.
    models : tuple of str
        Of "plain" (inputs 2y − 1) and "periodic" (sin 2πy, target and network).
    hidden : tuple of int
    steps : int
        Of full-batch Adam, with a cosine schedule to zero.
    rate : float
    penalties : tuple of str
    tailored_alone : tuple of int
        Of the sizes those at which the tailored penalty has nothing beside it.
    strengths, tailored_strengths : tuple of float
        λ of l2 and of the tailored penalty: equally many.
    seeds : int
        Each with its own shift or random points, initial weights, validation and test points, the
        same for all methods.
    """

    target: str = "algebraic"
    dimensions: tuple[int, ...] = (20,)
    sizes: tuple[int, ...] = (61, 127, 1021)
    penalties: tuple[str, ...] = PENALTIES
    tailored_alone: tuple[int, ...] = ()
    models: tuple[str, ...] = MODELS
    hidden: tuple[int, ...] = (32, 32, 32)
    steps: int = 3000
    rate: float = 5e-3
    strengths: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
    tailored_strengths: tuple[float, ...] = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
    validation: int = 2048
    test: int = 8192
    seeds: int = 5

    def grid(self, penalty: str) -> tuple[float, ...]:
        """The strengths that ``penalty`` is tried with."""
        if penalty == "none":
            return (0.0,)
        return self.strengths if penalty == "l2" else self.tailored_strengths

    @property
    def cells(self) -> list[tuple[Any, ...]]:
        """(model, dimension, size, points, penalty) in the order of the result's axes."""
        return [
            (model, dimension, size, points, penalty)
            for model in self.models
            for dimension in self.dimensions
            for size in self.sizes
            for points in POINTS
            for penalty in self.penalties
            if penalty == "tailored" or size not in self.tailored_alone
        ]


def tasks(config: Recipe) -> list[dict[str, Any]]:
    return [
        {"model": model, "dimension": dimension, "size": size, "points": points, "penalty": penalty}
        for model, dimension, size, points, penalty in config.cells
    ]


def cost(config: Recipe, task: dict[str, Any]) -> float:
    """Rough seconds."""
    step = 4e-5 + 7e-7 * task["size"]
    return step * config.steps * len(config.grid(task["penalty"])) * config.seeds


def run_task(
    config: Recipe,
    backend: Backend,
    rng: Rng,
    *,
    model: str,
    dimension: int,
    size: int,
    points: str,
    penalty: str,
) -> dict[str, Any]:
    """Every strength of one penalty on every seed, (seed, strength): the runs of a seed begin at
    one start and see one set of points."""
    place = Backend(backend.name, "float32", backend.xp, backend.device)
    inputs = "periodic" if model == "periodic" else "centered"
    network = SmoothNetwork((dimension, *config.hidden, 1), "swish", inputs)  # type: ignore[arg-type]
    runs = []
    for seed in range(config.seeds):
        shared = Rng(rng.seed).child("lattice_training", seed)
        split = LOADERS[config.target](
            rng=shared.child("data"),
            backend=place,
            training=size,
            validation=config.validation,
            test=config.test,
            dimension=dimension,
            periodic=model == "periodic",
            points=points,  # type: ignore[arg-type]
        )
        start = network.init(shared.child("init"), backend=place)
        runs += [Run(start, split, strength) for strength in config.grid(penalty)]
    at_once = max(1, TOGETHER // size)
    rows: dict[str, list[Any]] = {}
    for first in range(0, len(runs), at_once):
        some = runs[first : first + at_once]
        for run, params in zip(
            some, fit(config.steps, config.rate, network, some, penalty), strict=True
        ):
            for name, value in readings(network, params, run.split).items():
                rows.setdefault(name, []).append(value)
    values = {name: np.array(row) for name, row in rows.items()}
    values = {name: v.reshape(config.seeds, -1, *v.shape[1:]) for name, v in values.items()}
    missing = len(config.strengths) - values["test"].shape[1]
    return {
        name: np.pad(v, ((0, 0), (0, missing), *((0, 0),) * (v.ndim - 2)), constant_values=np.nan)
        for name, v in values.items()
    }


def readings(network: SmoothNetwork, params: Any, split: Split) -> dict[str, Any]:
    """Root mean squared errors in the target's own unit, and the first layer's columns."""
    scale = float(split.train.truth["scale"][0])
    values: dict[str, Any] = {}
    for name, part in zip(("train", "validation", "test"), split, strict=True):
        error = to_host(network(params, part.inputs) - part.targets).astype(np.float64)
        values[name] = scale * math.sqrt(float(np.mean(error**2)))
    weights = [to_host(weight).astype(np.float64) for weight in matrices(params)]
    values["peaks"] = np.asarray(column_peak(weights[0]))
    values["growth"] = float(growth(weights, network.activation)[1])
    return values


def collect(config: Recipe, tasks: Any, results: Any) -> dict[str, Any]:
    """Errors as (model, dimension, size, points, penalty, strength, seed), NaN where nothing was
    trained."""
    axes = (config.models, config.dimensions, config.sizes, POINTS, PENALTIES)
    runs, largest = (config.seeds, len(config.strengths)), max(config.dimensions)
    shape = (*map(len, axes), *runs)
    values = {name: np.full(shape, np.nan) for name in ("train", "validation", "test", "growth")}
    values["peaks"] = np.full((*shape, largest), np.nan)
    for cell, result in zip(config.cells, results, strict=True):
        place = tuple(axis.index(part) for axis, part in zip(axes, cell, strict=True))
        for name, whole in values.items():
            whole[place][..., : np.shape(result[name])[-1]] = result[name]
    return {name: np.moveaxis(whole, len(axes), len(axes) + 1) for name, whole in values.items()}


def chosen(
    result: Result, model: str, size: int, points: str, penalty: str, dimension: int = 0
) -> Any:
    """What validation chooses in one cell: the strength of the least mean validation error.

    Where nothing was trained all numbers of the cell are NaN.

    Parameters
    ----------
    result : Result
    model, size, points, penalty
    dimension : int
        The first of the config's by default.

    Returns
    -------
    dict
        ``strength``, ``at_end`` (of its grid), and ``train``, ``test``, ``peaks`` and ``growth`` of
        each seed.
    """
    config = result.config
    cell = (
        config.models.index(model),
        config.dimensions.index(dimension) if dimension else 0,
        config.sizes.index(size),
        POINTS.index(points),
        PENALTIES.index(penalty),
    )
    grid = config.grid(penalty)
    means = np.mean(result["validation"][cell][: len(grid)], axis=-1)
    best = int(np.argmin(means))
    values = {name: result[name][cell][best] for name in ("train", "test", "peaks", "growth")}
    inside = penalty == "none" or 0 < best < len(grid) - 1
    return {"strength": grid[best], "at_end": not inside, **values}
