"""The gradient of the bound: by the tape, in closed form, as printed, by central differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, merge
from refimpl.papers.isda.bound import augmentation_bound
from refimpl.papers.isda.theory.gradient import bound_gradient, printed_gradient
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Shapes of the random problems; ``draws`` of those on the printed row."""

    examples: int = 6
    classes: int = 4
    features: int = 5
    problems: int = 8
    strengths: tuple[float, ...] = (0.5, 2.0)
    row_classes: tuple[int, ...] = (2, 3, 5, 10)
    row_features: int = 4
    draws: int = 200

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(problems=40, draws=1000)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": "gradient"}, {"part": "printed"}]


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    stream = Rng(rng.seed).child("isda_gradient", part)
    return (_gradient if part == "gradient" else _printed)(config, stream)


def _problem(rng: Rng, examples: int, classes: int, features: int) -> tuple[Any, Any, Any]:
    """Parameters (weight, bias, features), labels and full covariances."""
    params = (
        rng.normal((classes, features)),
        rng.normal((classes,)),
        rng.normal((examples, features)),
    )
    root = rng.normal((classes, features, features))
    covariance = root @ root.transpose(0, 2, 1) / features
    return params, rng.integers(0, classes, examples).astype(np.int64), covariance


def _loss(params: Any, labels: Any, covariance: Any, strength: float) -> Any:
    weight, bias, features = params
    return augmentation_bound(features, labels, weight, bias, covariance, strength)


def _differences(function: Any, array: np.ndarray) -> np.ndarray:
    """Central differences of order four, entry by entry."""
    result = np.zeros_like(array)
    step = 1e-3
    for place in np.ndindex(array.shape):
        shift = np.zeros_like(array)
        shift[place] = step
        near = function(array + shift) - function(array - shift)
        far = function(array + 2 * shift) - function(array - 2 * shift)
        result[place] = (8.0 * near - far) / (12.0 * step)
    return result


def _gradient(config: Config, rng: Rng) -> dict[str, Any]:
    """Relative errors of the tape's gradient, (problem · λ · kind, part)."""
    closed, numeric = [], []
    for index in range(config.problems):
        stream = rng.child(index)
        shape = (config.examples, config.classes, config.features)
        params, labels, full = _problem(stream, *shape)
        variances = np.diagonal(full, axis1=1, axis2=2)
        for lam in config.strengths:
            for used, matrix in ((full, full), (variances, _matrices(variances))):
                tape = ad.grad(_loss)(params, labels, used, lam)
                weight, bias, features = params
                exact = bound_gradient(features, labels, weight, bias, matrix, lam)
                row, other = [], []
                for k in range(3):
                    given = (exact.weight, exact.bias, exact.features)[k]
                    size = np.abs(given).max()
                    row.append(np.abs(tape[k] - given).max() / size)

                    def at(values: Any, k: int = k, used: Any = used, lam: float = lam) -> float:
                        moved = tuple(values if j == k else params[j] for j in range(3))  # noqa: B023
                        return float(_loss(moved, labels, used, lam))  # noqa: B023

                    other.append(np.abs(tape[k] - _differences(at, params[k])).max() / size)
                closed.append(row)
                numeric.append(other)
    return {"closed_error": np.array(closed), "numeric_error": np.array(numeric)}


def _matrices(variances: np.ndarray) -> np.ndarray:
    return np.array([np.diag(row) for row in variances])


def _printed(config: Config, rng: Rng) -> dict[str, Any]:
    """Relative errors of the label's row, (classes, draw): printed, derived and by the tape,
    against central differences."""
    shape = (len(config.row_classes), config.draws)
    printed, derived, tape = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    others = np.zeros(shape)
    for row, classes in enumerate(config.row_classes):
        for index in range(config.draws):
            stream = rng.child(classes, index)
            params, labels, covariance = _problem(stream, 1, classes, config.row_features)
            weight, bias, features = params
            label = int(labels[0])

            def at(values: Any) -> float:
                return float(_loss((values, bias, features), labels, covariance, 1.0))  # noqa: B023

            numeric = _differences(at, weight)
            size = np.linalg.norm(numeric[label])
            arguments = (features, labels, weight, bias, covariance, 1.0)
            wrong, right = printed_gradient(*arguments).weight, bound_gradient(*arguments).weight
            automatic = ad.grad(_loss)(params, labels, covariance, 1.0)[0]
            printed[row, index] = np.linalg.norm(wrong[label] - numeric[label]) / size
            derived[row, index] = np.linalg.norm(right[label] - numeric[label]) / size
            tape[row, index] = np.linalg.norm(automatic[label] - right[label]) / size
            difference = np.delete(wrong - numeric, label, axis=0)
            others[row, index] = np.linalg.norm(difference) / np.linalg.norm(numeric)
    return {
        "row_classes": np.array(config.row_classes),
        "printed_error": printed,
        "derived_error": derived,
        "tape_error": tape,
        "other_rows_error": others,
    }


EXPERIMENT = Experiment(
    "isda_gradient",
    Config,
    run_task,
    tasks=tasks,
    collect=merge,
    summary="The gradient of the bound: tape, closed form, as printed, central differences",
)
