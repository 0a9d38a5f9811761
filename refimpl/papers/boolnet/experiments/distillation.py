"""The gradient of distillation against (p_s − p̄_t)/B."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.boolnet.distillation import distillation_loss
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Batch, classes and teachers of random logits."""

    batch: int = 17
    classes: int = 6
    teachers: tuple[int, ...] = (1, 2, 3)

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(batch=1000)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    error, of_logits, loss_error = [], [], []
    shape = (config.batch, config.classes)
    for count in config.teachers:
        z = np.asarray(2.0 * rng.child("student", count).normal(shape))
        teachers = [
            np.asarray(2.0 * rng.child("teacher", count, i).normal(shape)) for i in range(count)
        ]
        gradient = ad.grad(lambda v, t=teachers: distillation_loss(v, t))(z)
        mean = np.mean([_softmax(t) for t in teachers], axis=0)
        error.append(np.max(np.abs(gradient - (_softmax(z) - mean) / config.batch)))
        wrong = _softmax(np.mean(teachers, axis=0))
        of_logits.append(np.max(np.abs(gradient - (_softmax(z) - wrong) / config.batch)))
        expected = -np.mean(np.sum(mean * np.log(_softmax(z)), axis=1))
        loss_error.append(abs(float(distillation_loss(z, teachers)) - expected))
    return {
        "teachers": config.teachers,
        "gradient_error": error,
        "mean_of_logits_apart": of_logits,
        "loss_error": loss_error,
    }


def _softmax(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


EXPERIMENT = Experiment(
    "boolnet_distillation",
    Config,
    run_task,
    summary="the gradient of distillation against the difference of probabilities",
)
