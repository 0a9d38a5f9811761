"""Minnorm training: each way of failing on a minimal case, and the error that it raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl.arrays import Backend
from refimpl.datasets import Batch
from refimpl.errors import RefimplError
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, DeepLinear, LinearChain, Objective
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.random import Rng

_STEPS = 8_000


@dataclass(frozen=True)
class Config:
    """Nothing to choose: the cases are the smallest that fail."""

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls()


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    cases = {
        "simultaneous step beyond the limit": ("StepSizeError", _beyond_limit, {}),
        "the step not refused": ("DivergenceError", _beyond_limit, {"refuse": False}),
        "inconsistent targets": ("InfeasibleError", _inconsistent, {}),
        "inconsistent targets not refused": ("InfeasibleError", _inconsistent, {"refuse": False}),
        "equal inputs with two labels": ("InfeasibleError", _contradiction, {}),
        "two labels not refused": ("InfeasibleError", _contradiction, {"refuse": False}),
        "undamped chain of two": ("StepSizeError", _undamped, {}),
        "chain of three from a small start": ("CollapseError", _collapse, {"refuse": False}),
        "inputs of zero norm": ("InfeasibleError", _zero_input, {}),
    }
    rows = [
        (name, wanted, _outcome(backend, make, more))
        for name, (wanted, make, more) in cases.items()
    ]
    names, wanted, found = zip(*rows, strict=True)
    return {"case": list(names), "wanted": list(wanted), "found": list(found)}


def _outcome(backend: Backend, make: Any, more: dict[str, Any]) -> str:
    """The name of the error that the run ends with."""
    hyper, objective, params, data = make(backend)
    algorithm: Any = Minnorm(**{**hyper, **more})
    try:
        state = algorithm.init(params, data, objective)
        for _ in range(_STEPS):
            state, _ = algorithm.step(state, objective, data)
    except RefimplError as error:
        return type(error).__name__
    return "nothing"


def _shallow(backend: Backend, rows: list[list[float]], targets: list[float]) -> Any:
    inputs = backend.asarray(rows)
    objective = Objective(DeepLinear((len(rows[0]), 1)), "mean_squared_error")
    return objective, [backend.ones((1, len(rows[0])))], Batch(
        inputs, backend.asarray([[value] for value in targets])
    )  # fmt: skip


def _beyond_limit(backend: Backend) -> Any:
    hyper = {
        "constraint": "equality",
        "learning_rate": 0.5,
        "multiplier_rate": 1.02,
        "damping": 0.0,
    }
    return hyper, *_shallow(backend, [[1.0, 0.0]], [2.0])


def _inconsistent(backend: Backend) -> Any:
    hyper = {"constraint": "equality", "learning_rate": 0.1, "multiplier_rate": 0.1}
    return hyper, *_shallow(backend, [[1.0, 0.0], [2.0, 0.0]], [1.0, 1.0])


def _contradiction(backend: Backend) -> Any:
    model = MLP((2, 6, 2), activation="tanh")
    inputs = backend.asarray([[1.0, 0.5], [1.0, 0.5], [-1.0, 0.0]])
    data = Batch(inputs, backend.asarray([0, 1, 1]))
    hyper = {"constraint": "crammer_singer", "learning_rate": 0.05, "multiplier_rate": 0.05}
    return hyper, Objective(model), model.init(Rng(0), backend=backend), data


def _chain(backend: Backend, depth: int, start: float) -> Any:
    model = LinearChain(depth)
    data = Batch(backend.ones((1,)), 2.0 * backend.ones((1,)))
    objective = Objective(model, "mean_squared_error")
    return objective, model.init(start, backend=backend), data


def _undamped(backend: Backend) -> Any:
    hyper = {"constraint": "equality", "damping": 0.0, "order": "alternating"}
    return hyper, *_chain(backend, 2, 1.0)


def _collapse(backend: Backend) -> Any:
    rates = {"learning_rate": 0.01, "multiplier_rate": 0.01}
    return {"constraint": "equality", "damping": 0.0, **rates}, *_chain(backend, 3, 0.2)


def _zero_input(backend: Backend) -> Any:
    hyper = {"constraint": "margin"}
    objective, params, data = _shallow(backend, [[1.0, 0.0], [0.0, 0.0]], [1.0, -1.0])
    data = data._replace(targets=data.targets[:, 0])
    return hyper, Objective(objective.model, "logistic"), params, data


EXPERIMENT = Experiment(
    name="minnorm_failures",
    summary="The error that each way of failing raises, on minimal cases",
    config=Config,
    run_task=run_task,
)
