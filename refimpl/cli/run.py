"""What ``refimpl train`` does: from its options to a plan, from the plan to an outcome on disk."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from refimpl import arrays, catalogue, datasets, training
from refimpl.cli import folders, parts
from refimpl.errors import DataError, RefimplError, SettingError
from refimpl.experiments.runner import single_thread_blas
from refimpl.experiments.store import provenance
from refimpl.files import write_atomic
from refimpl.models import compression
from refimpl.random import Rng
from refimpl.training import overview, runs
from refimpl.training.targets import fit_targets, label_accuracy

_DEFAULT_HIDDEN = (128,)
_STEPS_BETWEEN_CHECKPOINTS = 200
"""At least, for writing takes longer than a step on a small set; Ctrl-C writes one too."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of the command, by their names; ``hyper`` holds those of the algorithm."""

    data: str
    algorithm: str
    model: str
    activation: str | None
    initializer: str | None
    loss: str | None
    penalties: Sequence[str] = ()
    wrappers: Sequence[str] = ()
    projections: Sequence[str] = ()
    model_options: Mapping[str, str]
    loss_options: Mapping[str, str]
    epochs: int
    batch_size: int
    hidden: Sequence[int]
    widths: tuple[int, ...] | None
    bias: bool
    data_dir: Path | None
    data_options: Mapping[str, Any]
    backend: str
    dtype: str
    seed: int
    output: Path
    resume: bool
    replay: bool
    export_sparse: bool
    export_safetensors: bool
    hyper: Mapping[str, Any]


class Plan(NamedTuple):
    """All that a run needs.

    Attributes
    ----------
    settings : Settings
        With the loss that is meant where none was given.
    where : Backend
    rng : Rng
    method : Algorithm
    training : Dataset
    sets : dict of str to Dataset
        Those on which the network is measured; empty ones are left out.
    model : callable
    objective : Objective
    metrics : dict of str to Metric
    identity : dict
        What decides the numbers, as plain values.
    folder : Path
        Of what is saved.
    """

    settings: Settings
    where: arrays.Backend
    rng: Rng
    method: Any
    training: Any
    sets: dict[str, Any]
    model: Any
    objective: Any
    metrics: dict[str, Callable[..., float]]
    identity: dict[str, Any]
    folder: Path


class Outcome(NamedTuple):
    """What came of a run: the training's result, the final metrics of each set, what the weights
    take to store (None where they are not layers of a network), and the seconds."""

    trained: training.TrainingResult
    results: dict[str, dict[str, float]]
    stored: compression.Compression | None
    seconds: float


def plan(settings: Settings) -> Plan:
    """Make the algorithm, the data, the network and the metrics.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range or does not fit another.
    DataError
        If files of the data set are missing or damaged.
    """
    if settings.widths and settings.hidden:
        raise ValueError("give --width or --widths, not both")
    where = arrays.backend(settings.backend, settings.dtype)
    rng = Rng(settings.seed)
    method = parts.method(
        settings.algorithm,
        settings.hyper,
        settings.penalties,
        settings.wrappers,
        settings.projections,
    )
    split = parts.load_data(
        settings.data,
        options=settings.data_options,
        rng=rng.child("data"),
        data_dir=settings.data_dir,
        backend=where,
    )
    _check_kind(settings, split.train)
    labeled = split.train.classes is not None
    loss = settings.loss or ("softmax_cross_entropy" if labeled else "mean_squared_error")
    split, outputs = fit_targets(split, loss)
    model = _network(settings, split.train.features, outputs)
    objective = parts.objective(
        loss,
        model,
        settings.loss_options,
        epochs=max(settings.epochs, 1),
        steps_per_epoch=math.ceil(len(split.train) / (settings.batch_size or len(split.train))),
    )
    metrics: dict[str, Callable[..., float]] = {"loss": training.chunked_mean(objective)}
    if hasattr(method, "metrics"):  # of an algorithm whose answer is judged in a way of its own
        metrics = method.metrics(objective)
    elif labeled:
        metrics["accuracy"] = label_accuracy(model)
    sets = {"train": split.train, "validation": split.validation, "test": split.test}
    settings = dataclasses.replace(settings, loss=loss)
    identity = folders.identity(settings, where, method, model)
    return Plan(
        settings=settings,
        where=where,
        rng=rng,
        method=parts.carrying(method, objective),
        training=split.train,
        sets={name: dataset for name, dataset in sets.items() if len(dataset)},
        model=model,
        objective=objective,
        metrics=metrics,
        identity=identity,
        folder=settings.output / folders.name(settings, identity),
    )


def carry_out(plan: Plan) -> Outcome:
    """Train, and measure the network that comes of it.

    Raises
    ------
    SettingError
        If the algorithm does not fit the network or the data.
    RefimplError
        As :func:`refimpl.training.train` and the algorithm say.
    """
    start = time.perf_counter()
    with single_thread_blas(), arrays.linalg_errors():
        try:
            trained = _train(plan)
        except ValueError as error:
            if isinstance(error, RefimplError):
                raise
            raise SettingError(f"{plan.settings.algorithm}: {error}") from error
        results = {
            name: {
                metric: float(take(trained.params, dataset))
                for metric, take in plan.metrics.items()
            }
            for name, dataset in plan.sets.items()
        }
    seconds = time.perf_counter() - start
    layers = network_params(plan, trained.params)
    layered = all(isinstance(layer, Mapping) and "weight" in layer for layer in layers)
    stored = compression.describe(layers) if layered else None
    return Outcome(trained, results, stored, seconds)


def network_params(plan: Plan, params: Any) -> Any:
    """The layers of the network within what the algorithm learned."""
    return plan.method.network(params) if hasattr(plan.method, "network") else params


def _train(plan: Plan) -> training.TrainingResult:
    settings = plan.settings
    return training.train(
        plan.method,
        plan.objective,
        plan.model.init(
            plan.rng.child("init"),
            *(() if settings.initializer is None else (settings.initializer,)),
            backend=plan.where,
        ),
        plan.training,
        epochs=settings.epochs,
        rng=plan.rng.child("training"),
        batch_size=settings.batch_size or None,
        evaluate=plan.sets,
        metrics=plan.metrics,
        evaluate_every=_evaluate_every(plan),
        checkpoint=checkpoint(plan),
        checkpoint_every=max(_STEPS_BETWEEN_CHECKPOINTS, folders.steps(plan) // 100),
        resume=settings.resume,
        replay=None if settings.replay else False,
    )


def _evaluate_every(plan: Plan) -> int:
    """Epochs between evaluations: those of tasks and graphs cost more than an epoch of a few."""
    many = isinstance(plan.training, datasets.TaskSet) or hasattr(plan.training, "kind")
    return max(1, plan.settings.epochs // 10) if many else 1


def checkpoint(plan: Plan) -> Path:
    """Where the run's checkpoint lies, or would."""
    return plan.folder / "checkpoint.npz"


def save(plan: Plan, outcome: Outcome) -> None:
    """Write history.npz, params.npz, summary.json and the exports that are asked for.

    Raises
    ------
    DataError
        If the sparse network, read back, has other outputs.
    """
    settings, trained = plan.settings, outcome.trained
    network = network_params(plan, trained.params)
    runs.save_params(plan.folder / "params.npz", network)
    if settings.export_safetensors:
        runs.export_safetensors(plan.folder / "params.safetensors", network)
    if settings.export_sparse:
        compression.save(plan.folder / "sparse.npz", network)
        again = compression.load(plan.folder / "sparse.npz", plan.where)
        for name, dataset in plan.sets.items():
            _check_same(plan.model, name, network, again, dataset.inputs)
    trained.history.save(plan.folder / "history.npz")
    summary = {
        "data": settings.data,
        "data_options": dict(settings.data_options),
        "algorithm": settings.algorithm,
        "hyper_parameters": folders.plain_settings(plan.method),
        "penalties": list(settings.penalties),
        "wrappers": list(settings.wrappers),
        "projections": list(settings.projections),
        "model": settings.model,
        "widths": list(getattr(plan.model, "widths", ())),
        "activation": getattr(plan.model, "activation", None),
        "initializer": settings.initializer,
        "loss": settings.loss,
        "epochs": settings.epochs,
        "batch_size": settings.batch_size or len(plan.training),
        "steps": int(trained.state.step),
        "stopped": bool(trained.stopped),
        "results": outcome.results,
        "each_step": overview.extremes(trained.history),
        "compression": None if outcome.stored is None else outcome.stored.as_dict(),
        "seconds": round(outcome.seconds, 3),
        "provenance": provenance(plan.where, settings.seed, replay=settings.replay),
    }
    write_atomic(plan.folder / "summary.json", json.dumps(summary, indent=2) + "\n")


_FITTING = {
    "tasks": ("a set of tasks", "sinusoids or few-shot-digits", "maml"),
    "graphs": ("a set of graphs", "karate or cliques", "graph_lagrangian"),
    "examples": ("a set of examples", "digits", "adam"),
}
"""Of each kind of data: what it is called, a data set and an algorithm."""


def _check_kind(settings: Settings, data: Any) -> None:
    """Raise unless data and algorithm are of one kind: tasks, graphs or examples."""
    requires = catalogue.entry(settings.algorithm).requires
    wanted = next((kind for kind in ("tasks", "graphs") if kind in requires), "examples")
    found = "tasks" if isinstance(data, datasets.TaskSet) else getattr(data, "kind", "examples")
    if wanted == found:
        return
    if wanted != "examples":
        raise ValueError(
            f"{settings.algorithm} trains on {wanted}, and {settings.data} is "
            f"{_FITTING[found][0]}: take {_FITTING[wanted][1]}"
        )
    raise ValueError(
        f"{settings.data} is {_FITTING[found][0]}, and {settings.algorithm} trains on examples: "
        f"take an algorithm for {found}, such as {_FITTING[found][2]}"
    )


def _network(settings: Settings, features: int, outputs: int) -> Any:
    layers = settings.widths or (features, *(settings.hidden or _DEFAULT_HIDDEN), outputs)
    if len(layers) < 2 or layers[0] != features or layers[-1] != outputs:
        raise ValueError(
            f"--widths {'-'.join(map(str, layers))} does not fit the data, "
            f"which needs {features}-...-{outputs}"
        )
    return parts.model(
        settings.model,
        settings.model_options,
        widths=layers,
        features=features,
        outputs=outputs,
        activation=settings.activation,
        bias=None if settings.bias else False,
    )


def _check_same(model: Any, name: str, params: Any, again: Any, inputs: Any) -> None:
    """Raise unless both networks give the same outputs, bit for bit."""
    xp = arrays.namespace(inputs)
    rows = xp.reshape(inputs, (-1, inputs.shape[-1]))  # tasks, if there are any, side by side
    first, second = model(params, rows), model(again, rows)
    if not bool(xp.all(first == second)):
        gap = float(xp.max(xp.abs(first - second)))
        raise DataError(f"the exported network predicts otherwise on {name}", difference=gap)
