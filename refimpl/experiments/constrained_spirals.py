"""Two spirals: SGD, weight decay, noise and circle constraints, and what each adds.

A network of one hidden layer is trained on 100 points of two interleaved spirals, with ten
independent draws (data, initial weights, noise) side by side: every leaf has the draws along its
first axis and the loss is the sum over draws, so that each draw takes exactly the steps it would
take alone. Methods are compared draw by draw. Every method's hyper-parameters are those of its
grid with the best mean validation accuracy at the end; only then is the test set read.

The geometry (two turns, radius 1, noise 0.05, 100 training and 2000 test points) is that of the
published overview figure, which runs to 10,000 epochs; width, batch and step size are not on
record, and are chosen here, as is the number of epochs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms import registry
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch, load
from refimpl.experiments.base import Experiment, stack
from refimpl.models import MLP
from refimpl.random import Rng

METHODS = ("SGD", "SGD + WD", "C-SGD", "SGLD", "C-SGLD")


@dataclass(frozen=True)
class Config:
    """Network, steps, grids and draws."""

    width: int = 500
    batch_size: int = 5
    epochs: int = 60
    evaluations: int = 6
    draws: int = 2
    step_size: float = 0.1
    decays: tuple[float, ...] = (1e-4,)
    temperatures: tuple[float, ...] = (1e-4,)
    radii: tuple[tuple[float, float], ...] = ((1.0, 5.0),)
    test: int = 2000
    grid: int = 60

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            epochs=1_000,
            evaluations=50,
            draws=10,
            temperatures=(1e-5,),
        )


def tasks(config: Config) -> list[dict[str, Any]]:
    """One for every method and point of its grid."""
    h = config.step_size
    hyper: dict[str, Any]
    made: list[dict[str, Any]] = [
        {"method": "SGD", "algorithm": "sgd", "hyper": {"learning_rate": h}}
    ]
    for decay in config.decays:
        hyper = {"learning_rate": h, "strength": decay}
        made.append({"method": "SGD + WD", "algorithm": "weight_decay", "hyper": hyper})
    for radii in config.radii:
        hyper = {"step_size": h, "radii": list(radii)}
        made.append({"method": "C-SGD", "algorithm": "c_cola_od", "hyper": hyper})
    for tau in config.temperatures:
        hyper = {"learning_rate": h, "temperature": tau}
        made.append({"method": "SGLD", "algorithm": "sgld", "hyper": hyper})
        for radii in config.radii:
            hyper = {"step_size": h, "radii": list(radii), "temperature": tau}
            made.append({"method": "C-SGLD", "algorithm": "c_cola_od", "hyper": hyper})
    return made


def _outputs(params: Any, inputs: Any, draws: int) -> Any:
    """Logits (draws, P) of all networks for inputs (draws, P, 2)."""
    first, second = params
    hidden = inputs @ first["weight"].mT + ad.reshape(first["bias"], (draws, 1, -1))
    logits = ad.relu(hidden) @ second["weight"].mT + ad.reshape(second["bias"], (draws, 1, 1))
    return ad.reshape(logits, (draws, -1))


def _losses(params: Any, inputs: Any, signs: Any) -> Any:
    draws = signs.shape[0]
    return ad.mean(ad.softplus(-signs * _outputs(params, inputs, draws)), axis=1)


def _stacked(config: Config, backend: Backend, rng: Rng) -> tuple[Any, dict[str, tuple[Any, Any]]]:
    """Initial parameters and data sets of all draws, stacked along the first axis."""
    model = MLP((2, config.width, 1))
    made, data = [], []
    for draw in range(config.draws):
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


def run_task(
    config: Config, backend: Backend, rng: Rng, *, method: str, algorithm: str, hyper: Any
) -> dict[str, Any]:
    # The same draws for every method: they depend on the seed alone.
    common = Rng(rng.seed).child("constrained_spirals")
    params, parts = _stacked(config, backend, common)
    made = registry.make(
        algorithm, **{k: tuple(v) if isinstance(v, list) else v for k, v in hyper.items()}
    )
    inputs, signs = parts["train"]
    points = inputs.shape[1]
    per_epoch = points // config.batch_size
    state = made.init(params)

    def objective(p: Any, batch: Batch) -> Any:
        return ad.sum(_losses(p, batch.inputs, batch.targets))

    every = max(1, config.epochs // config.evaluations)
    curves: dict[str, list[np.ndarray]] = {"epoch": []}

    def evaluate(epoch: int) -> None:
        curves["epoch"].append(np.asarray(float(epoch)))
        for name, (x, y) in parts.items():
            logits = to_host(_outputs(state.params, x, config.draws))
            margin = to_host(y) * logits
            loss = np.mean(np.logaddexp(0.0, -margin), axis=1)
            curves.setdefault(f"{name}_loss", []).append(loss)
            curves.setdefault(f"{name}_accuracy", []).append(np.mean(margin > 0.0, axis=1))

    evaluate(0)
    for epoch in range(config.epochs):
        order = common.child("order", epoch).permutation(points)
        for k in range(per_epoch):
            chosen = order[k * config.batch_size : (k + 1) * config.batch_size]
            batch = Batch(inputs[:, chosen, :], signs[:, chosen], chosen)
            step = epoch * per_epoch + k
            state, _ = made.step(state, objective, batch, rng.child("step", step))
        if (epoch + 1) % every == 0:
            evaluate(epoch + 1)

    side = np.linspace(-1.15, 1.15, config.grid)
    mesh = np.stack(np.meshgrid(side, side), axis=-1).reshape(1, -1, 2)
    everywhere = backend.asarray(np.broadcast_to(mesh, (config.draws, *mesh.shape[1:])))
    field = to_host(_outputs(state.params, everywhere, config.draws))[0]
    return {
        **{name: np.stack(values, axis=-1) for name, values in curves.items()},
        "field": field.reshape(config.grid, config.grid),
        "side": side,
        "train_inputs": to_host(inputs)[0],
        "train_signs": to_host(signs)[0],
        "test_inputs": to_host(parts["test"][0])[0],
        "test_signs": to_host(parts["test"][1])[0],
        "largest_weight": float(
            np.max([np.max(np.abs(to_host(layer["weight"]))) for layer in state.params])
        ),
    }


def collect(
    config: Config, tasks: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """The point of each method's grid that validates best, methods along the first axis."""
    chosen = []
    for method in METHODS:
        of_method = [i for i, task in enumerate(tasks) if task["method"] == method]
        scores = [float(np.mean(results[i]["validation_accuracy"][:, -1])) for i in of_method]
        chosen.append(of_method[int(np.argmax(scores))])
    kept = stack(config, [dict(tasks[i]) for i in chosen], [results[i] for i in chosen])
    settings = [
        "|".join(f"{name}={value}" for name, value in tasks[i]["hyper"].items()) for i in chosen
    ]
    return {**kept, "setting": np.asarray(settings)}


EXPERIMENT = Experiment(
    name="constrained_spirals",
    summary="Spirals with SGD, weight decay, noise and circle constraints, paired over draws",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
)
