"""Two spirals: SGD, weight decay, noise and circle constraints, and what each adds.

A network of one hidden layer is trained on 100 points of two interleaved spirals, with all
independent draws (data, initial weights, noise) side by side: every leaf has the draws along its
first axis and the loss is the sum over draws, so that each draw takes exactly the steps it would
take alone. Methods are compared draw by draw.

Every method has a grid of equally many settings. Each setting is trained on a few draws of its
own, and the one with the best mean validation accuracy at the end is trained again on fresh draws,
whose test points are read once: no test point takes part in the choice.

The geometry (two turns, radius 1, noise 0.05, 100 training and 2000 test points) is that of the
published overview figure, which runs to 10,000 epochs; width, batch, step size, radii and
temperature are not on record, and are chosen here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms import Algorithm
from refimpl.algorithms.composition import alone
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.sgld import SGLD
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch, load
from refimpl.experiments.base import Experiment
from refimpl.models import MLP
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.random import Rng
from refimpl.training.stepping import stepper

METHODS = ("SGD", "SGD + WD", "C-SGD", "SGLD", "C-SGLD")


@dataclass(frozen=True)
class Config:
    """Network, steps, grids and draws.

    Step sizes pair with decays, radii and temperatures; SGD, which has nothing else to choose,
    has step sizes of its own, so that every grid has the same number of settings.
    """

    width: int = 20
    batch_size: int = 20
    epochs: int = 40
    evaluations: int = 4
    selection_draws: int = 2
    draws: int = 3
    sgd_step_sizes: tuple[float, ...] = (0.5, 1.0)
    step_sizes: tuple[float, ...] = (0.5,)
    decays: tuple[float, ...] = (1e-5, 1e-4)
    temperatures: tuple[float, ...] = (1e-4, 1e-3)
    radii: tuple[tuple[float, float], ...] = ((3.0, 10.0), (5.0, 5.0))
    constrained_temperature: float = 1e-4
    test: int = 500
    grid: int = 30

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            width=100,
            epochs=4_000,
            evaluations=80,
            selection_draws=4,
            draws=20,
            sgd_step_sizes=(0.125, 0.25, 0.5, 1.0),
            step_sizes=(0.5, 1.0),
            test=2000,
            grid=80,
        )


def settings(config: Config, method: str) -> tuple[Callable[..., Algorithm], list[dict[str, Any]]]:
    """The algorithm of ``method`` and the settings of its grid."""
    if method == "SGD":
        return SGD, [{"learning_rate": h} for h in config.sgd_step_sizes]
    grid: list[dict[str, Any]] = []
    for h in config.step_sizes:
        if method == "SGD + WD":
            grid += [{"learning_rate": h, "strength": decay} for decay in config.decays]
        elif method == "SGLD":
            grid += [{"learning_rate": h, "temperature": tau} for tau in config.temperatures]
        else:
            tau = config.constrained_temperature if method == "C-SGLD" else 0.0
            grid += [
                {"step_size": h, "radii": radii, "temperature": tau, "diagnostics": False}
                for radii in config.radii
            ]
    made: dict[str, Callable[..., Algorithm]] = {
        "SGD + WD": partial(alone, L2),
        "SGLD": SGLD,
    }
    return made.get(method, CCoLAod), grid


def tasks(config: Config) -> list[dict[str, Any]]:
    """One for every method: the choice of its setting and the runs with it."""
    return [{"method": method} for method in METHODS]


def _outputs(params: Any, inputs: Any, draws: int) -> Any:
    """Logits (draws, P) of all networks for inputs (draws, P, 2)."""
    first, second = params
    hidden = inputs @ first["weight"].mT + ad.reshape(first["bias"], (draws, 1, -1))
    logits = ad.relu(hidden) @ second["weight"].mT + ad.reshape(second["bias"], (draws, 1, 1))
    return ad.reshape(logits, (draws, -1))


def _losses(params: Any, inputs: Any, signs: Any) -> Any:
    draws = signs.shape[0]
    return ad.mean(ad.softplus(-signs * _outputs(params, inputs, draws)), axis=1)


def _stacked(
    config: Config, backend: Backend, rng: Rng, draws: int
) -> tuple[Any, dict[str, tuple[Any, Any]]]:
    """Initial parameters and data sets of all draws, stacked along the first axis."""
    model = MLP((2, config.width, 1))
    made, data = [], []
    for draw in range(draws):
        stream = rng.child("draw", draw)
        made.append(model.init(stream.child("init"), "torch_default", bias_scale=1.0))
        data.append(load("spirals", rng=stream.child("data"), test=config.test))

    def join(name: str, layer: int) -> np.ndarray:
        return np.stack([params[layer][name] for params in made])

    params = [  # biases as vectors, so that a method sees which leaves are weights
        {
            "weight": backend.asarray(join("weight", k)),
            "bias": backend.asarray(join("bias", k).ravel()),
        }
        for k in (0, 1)
    ]
    parts = {}
    for name in ("train", "validation", "test"):
        sets = [getattr(split, name) for split in data]
        inputs = np.stack([part.inputs for part in sets])
        signs = 2.0 * np.stack([part.targets for part in sets]) - 1.0
        parts[name] = (backend.asarray(inputs), backend.asarray(signs))
    return params, parts


def _scores(params: Any, part: tuple[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Loss and accuracy of every draw."""
    inputs, signs = part
    margin = to_host(signs) * to_host(_outputs(params, inputs, inputs.shape[0]))
    return np.mean(np.logaddexp(0.0, -margin), axis=1), np.mean(margin > 0.0, axis=1)


def _trained(
    config: Config,
    algorithm: Any,
    params: Any,
    parts: Mapping[str, tuple[Any, Any]],
    order: Rng,
    noise: Rng,
    evaluations: int = 0,
) -> tuple[Any, dict[str, np.ndarray]]:
    """Parameters after all epochs, and the curves (draws, evaluations + 1) of ``parts``."""
    inputs, signs = parts["train"]
    points = inputs.shape[1]
    curves: dict[str, list[np.ndarray]] = {}

    def objective(p: Any, batch: Batch) -> Any:
        return ad.sum(_losses(p, batch.inputs, batch.targets))

    def evaluate(epoch: int) -> None:
        curves.setdefault("epoch", []).append(np.asarray(float(epoch)))
        for name, part in parts.items():
            loss, accuracy = _scores(steps.state.params, part)
            curves.setdefault(f"{name}_loss", []).append(loss)
            curves.setdefault(f"{name}_accuracy", []).append(accuracy)

    steps = stepper(algorithm, objective, params, replay=True)
    every = config.epochs // evaluations if evaluations else config.epochs + 1
    if evaluations:
        evaluate(0)
    for epoch in range(config.epochs):
        shuffled = order.permutation(points)
        for start in range(0, points, config.batch_size):
            chosen = shuffled[start : start + config.batch_size]
            batch = Batch(inputs[:, chosen, :], signs[:, chosen], chosen)
            steps.step(batch, noise)
        if (epoch + 1) % every == 0:
            evaluate(epoch + 1)
    return steps.state.params, {name: np.stack(values, axis=-1) for name, values in curves.items()}


def run_task(config: Config, backend: Backend, rng: Rng, *, method: str) -> dict[str, Any]:
    # The same draws and orders for every method: they depend on the seed alone.
    common = Rng(rng.seed).child("constrained_spirals")
    make, grid = settings(config, method)

    selection = common.child("selection")
    params, parts = _stacked(config, backend, selection, config.selection_draws)
    validation = []
    for index, hyper in enumerate(grid):
        reached, _ = _trained(
            config,
            make(**hyper),
            params,
            parts,
            selection.child("order"),
            rng.child("selection", index),
        )
        validation.append(float(np.mean(_scores(reached, parts["validation"])[1])))
    chosen = grid[int(np.argmax(validation))]

    fresh = common.child("fresh")
    params, parts = _stacked(config, backend, fresh, config.draws)
    reached, curves = _trained(
        config,
        make(**chosen),
        params,
        parts,
        fresh.child("order"),
        rng.child("fresh"),
        config.evaluations,
    )
    side = np.linspace(-1.15, 1.15, config.grid)
    mesh = np.stack(np.meshgrid(side, side), axis=-1).reshape(1, -1, 2)
    everywhere = backend.asarray(np.broadcast_to(mesh, (config.draws, *mesh.shape[1:])))
    field = to_host(_outputs(reached, everywhere, config.draws))[0]
    return {
        **curves,
        "grid_validation": np.asarray(validation),
        "setting": np.asarray(
            "|".join(f"{key}={value}" for key, value in chosen.items() if key != "diagnostics")
        ),
        "field": field.reshape(config.grid, config.grid),
        "side": side,
        "train_inputs": to_host(parts["train"][0])[0],
        "train_signs": to_host(parts["train"][1])[0],
        "test_inputs": to_host(parts["test"][0])[0],
        "test_signs": to_host(parts["test"][1])[0],
        "largest_weights": np.asarray(
            [float(np.max(np.abs(to_host(layer["weight"])))) for layer in reached]
        ),
    }


EXPERIMENT = Experiment(
    name="constrained_spirals",
    summary="Spirals with SGD, weight decay, noise and circle constraints, paired over draws",
    config=Config,
    tasks=tasks,
    run_task=run_task,
)
