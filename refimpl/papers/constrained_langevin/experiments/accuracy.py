"""Test accuracy of constrained methods and baselines on images: what two data sets share.

Every method has a small grid. For each seed (split, initial weights, order of batches, noise) every
point of every grid is trained; the point with the best mean validation accuracy over the seeds is
kept for the method, and only its test accuracy is shown. Seeds are shared by the methods, so that
differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from refimpl.algorithms import Algorithm
from refimpl.algorithms.composition import alone
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.langevin import Langevin
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.orthogonality import Orthogonality
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.sgld import SGLD
from refimpl.algorithms.srip import SRIP
from refimpl.arrays import Backend
from refimpl.datasets import Split
from refimpl.experiments.base import stack
from refimpl.models import MLP, Objective
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.c_cola_released import ReleasedCCoLAud
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_od import OCoLAod
from refimpl.papers.constrained_langevin.o_cola_released import ReleasedOCoLAud
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.random import Rng
from refimpl.training import accuracy, chunked_mean, train

_TIGHT, _LOOSE = [0.15, 0.15, 0.15], [0.5, 0.5, 0.5]

GRIDS: dict[str, list[tuple[Callable[..., Algorithm], dict[str, Any]]]] = {
    "SGD": [(SGD, {"learning_rate": rate}) for rate in (0.1, 0.3)],
    "momentum": [(Momentum, {"learning_rate": rate}) for rate in (0.03, 0.1)],
    "weight decay": [
        (partial(alone, L2), {"base": "momentum", "learning_rate": 0.05, "strength": s})
        for s in (1e-4, 1e-3)
    ],
    "SGLD": [(SGLD, {"learning_rate": 0.2, "temperature": tau}) for tau in (1e-7, 1e-5)],
    "Langevin": [
        (Langevin, {"step_size": 0.25, "friction": 0.4, "temperature": tau}) for tau in (1e-7, 1e-5)
    ],
    "orthogonality penalty": [
        (partial(alone, Orthogonality), {"base": "momentum", "learning_rate": 0.05, "strength": s})
        for s in (1e-3, 1e-2)
    ],
    "SRIP": [
        (
            partial(alone, SRIP, method="power"),
            {"base": "momentum", "learning_rate": 0.05, "strength": s},
        )
        for s in (1e-3, 1e-2)
    ],
    "c-CoLA-od": [
        (CCoLAod, {"step_size": 0.2, "radii": radii, "temperature": tau, "outside": "clip"})
        for radii in (_TIGHT, _LOOSE)
        for tau in (0.0, 1e-6)
    ],
    "c-CoLA-ud": [
        (
            CCoLAud,
            {
                "step_size": 0.25,
                "friction": 0.4,
                "radii": radii,
                "temperature": tau,
                "outside": "clip",
            },
        )
        for radii in (_TIGHT, _LOOSE)
        for tau in (0.0, 1e-6)
    ],
    "o-CoLA-od": [
        (OCoLAod, {"step_size": h, "temperature": tau}) for h in (0.1, 0.3) for tau in (0.0, 1e-6)
    ],
    "o-CoLA-ud": [
        (OCoLAud, {"step_size": h, "friction": 0.4, "temperature": tau})
        for h in (0.15, 0.3)
        for tau in (0.0, 1e-6)
    ],
    "c-CoLA-ud as released": [
        (
            ReleasedCCoLAud,
            {"step_size": 0.25, "friction": 0.4, "radii": _LOOSE, "temperature": tau},
        )
        for tau in (0.0, 1e-6)
    ],
    "o-CoLA-ud as released": [(ReleasedOCoLAud, {"learning_rate": rate}) for rate in (0.02, 0.1)],
}
"""Name of each method and the points of its grid: algorithm and hyper-parameters."""

METHODS = tuple(GRIDS)


def tasks(seeds: int) -> list[dict[str, Any]]:
    """One for every method and seed."""
    return [{"method": method, "seed": seed} for method in METHODS for seed in range(seeds)]


def run(
    split: Split,
    backend: Backend,
    rng: Rng,
    *,
    method: str,
    widths: tuple[int, ...],
    epochs: int,
    batch_size: int,
) -> dict[str, Any]:
    """Every point of one method's grid from one start.

    Returns
    -------
    dict of array, shape (points,)
        ``validation``, ``test`` (accuracies), ``loss`` (of the test set) and ``residual``, the
        largest constraint residual of the whole run; NaN where the method has no constraint.
    """
    model = MLP(widths)
    objective = Objective(model)
    start = model.init(rng.child("init"), "torch_default", bias_scale=1.0, backend=backend)
    rows: dict[str, list[float]] = {"validation": [], "test": [], "loss": [], "residual": []}
    for algorithm, hyper in GRIDS[method]:
        plain = {k: tuple(v) if isinstance(v, list) else v for k, v in hyper.items()}
        outcome = train(
            algorithm(**plain),
            objective,
            start,
            split.train,
            epochs=epochs,
            batch_size=batch_size,
            rng=rng.child("training"),
            evaluate={"validation": split.validation, "test": split.test},
            metrics={"accuracy": accuracy(model), "loss": chunked_mean(objective)},
            evaluate_every=epochs,
            progress=False,
        )
        last = outcome.history.epochs
        rows["validation"].append(float(last["validation_accuracy"][-1]))
        rows["test"].append(float(last["test_accuracy"][-1]))
        rows["loss"].append(float(last["test_loss"][-1]))
        residual = outcome.history.steps.get("residual")
        rows["residual"].append(float("nan") if residual is None else float(np.max(residual)))
    return {name: np.asarray(values) for name, values in rows.items()}


def collect(
    config: Any, tasks: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """For each method the point that validates best, seeds along the last axis."""
    rows, chosen = [], []
    for method in METHODS:
        own = [r for task, r in zip(tasks, results, strict=True) if task["method"] == method]
        both = stack(None, [dict(t) for t in tasks if t["method"] == method], own)
        best = int(np.argmax(np.mean(both["validation"], axis=0)))
        rows.append({name: values[:, best] for name, values in both.items()})
        chosen.append("|".join(f"{k}={v}" for k, v in GRIDS[method][best][1].items()))
    names = list(rows[0])
    table = {name: np.stack([row[name] for row in rows]) for name in names}
    return {**table, "setting": np.asarray(chosen), "method": np.asarray(METHODS)}
