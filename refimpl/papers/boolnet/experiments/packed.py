"""Networks trained on digits, in every form, and their packed twins epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.boolnet.experiments.recipe import (
    disagreements,
    run,
    steps_per_epoch,
    wrong_weights,
)
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.statistics import (
    recalibrate,
)
from refimpl.random import Rng
from refimpl.training import accuracy

FORMS: dict[str, dict[str, Any]] = {
    "one slice": {},
    "four slices": {"slices": 4},
    "four slices, split": {"slices": 4, "split": True},
    "no shortcuts": {"shortcuts": "none", "slices": 2},
    "scaled": {"weight_scale": "mean_abs"},
}


@dataclass(frozen=True)
class Config:
    """The data, the networks' width and the training."""

    training: int = 600
    test: int = 360
    widths: tuple[int, ...] = (64, 48, 40, 10)
    blocks: int = 1
    epochs: int = 6
    batch_size: int = 50
    rate: float = 0.256

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(training=1257, widths=(64, 128, 64, 10), blocks=2, epochs=20)


def tasks(config: Config) -> list[Task]:
    return [{"form": form} for form in FORMS]


def run_task(config: Config, backend: Backend, rng: Rng, *, form: str) -> dict[str, Any]:
    split = datasets.load(
        "digits",
        rng=rng.child("data"),
        backend=backend,
        training=config.training,
        validation=180,
        test=config.test,
    )
    model = BoolNet(config.widths, blocks=config.blocks, **FORMS[form])
    objective = model.objective(
        epochs=config.epochs, steps_per_epoch=steps_per_epoch(config.training, config.batch_size)
    )
    count, score = disagreements(model), accuracy(model)
    trained = run(
        model,
        objective,
        split.train,
        rng,
        rate=config.rate,
        epochs=config.epochs,
        batch_size=config.batch_size,
        backend=backend,
        evaluate={"test": split.test},
        metrics={"disagreements": count, "accuracy": score},
    )
    final = recalibrate(model, trained.params, split.train.inputs)
    history = trained.history.epochs
    return {
        "form": form,
        "disagreements": np.array(history["test_disagreements"], dtype=np.float64)[
            -config.epochs :
        ],
        "accuracies": np.array(history["test_accuracy"], dtype=np.float64)[-config.epochs :],
        "recalibrated_disagreements": count(final, split.test) + count(final, split.train),
        "points": len(split.test) + len(split.train),
        "wrong_weights": wrong_weights(model, final),
        "accuracy": score(final, split.test),
    }


EXPERIMENT = Experiment(
    "boolnet_packed",
    Config,
    run_task,
    tasks,
    cost=lambda config, task: 2.0,
    summary="networks trained on digits in every form, and their packed twins",
)
