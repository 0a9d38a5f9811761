"""Why a deep logic network without a scale learns little: the size of normalized numbers.

Digits, 64-128-64-10 with two blocks at each width: nine binary layers. What differs is how large
the numbers are of which signs are taken: by the scale mean |w| beside e, by e itself, by γ at the
start; and whether weights are signs from the first step on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.boolnet.experiments.recipe import run, steps_per_epoch
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.normalization import batch_normalized
from refimpl.papers.boolnet.statistics import Params, binary_layers, recalibrate
from refimpl.papers.boolnet.theory.operators import spread_at_start
from refimpl.random import Rng
from refimpl.training import accuracy

TINY = 1e-20
SMALL = 0.05
FORMS: dict[str, dict[str, Any]] = {
    "no scale": {},
    "scale": {"weight_scale": "mean_abs"},
    "scale, no e": {"weight_scale": "mean_abs", "epsilon": TINY},
    "e = 1": {"epsilon": 1.0},
    "small gain": {},
    "signs throughout": {"progressive": False},
}


@dataclass(frozen=True)
class Config:
    """The data, the network and the training."""

    size: int = 200
    test: int = 200
    widths: tuple[int, ...] = (64, 128, 64, 10)
    blocks: int = 2
    epochs: int = 2
    batch_size: int = 50
    rate: float = 4e-3
    seeds: int = 2

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(size=1000, test=400, epochs=20, seeds=5)


def tasks(config: Config) -> list[Task]:
    return [{"form": form, "seed": seed} for form in FORMS for seed in range(config.seeds)]


def with_gain(params: Params, gain: float) -> Params:
    """Parameters with ``gain`` for γ behind every binary layer."""
    blocks = [
        {
            name: {**layer, "gain": gain * layer["gain"]} if "weight" in layer else layer
            for name, layer in block.items()
        }
        for block in params["blocks"]
    ]
    return {**params, "blocks": blocks}


def run_task(config: Config, backend: Backend, rng: Rng, *, form: str, seed: int) -> dict[str, Any]:
    shared = Rng(rng.seed).child("boolnet_starts", seed)  # of the seed alone: all are paired
    split = datasets.load(
        "digits", rng=shared.child("data"), backend=backend, training=config.size,
        validation=300, test=config.test,
    )  # fmt: skip
    model = BoolNet(config.widths, blocks=config.blocks, **FORMS[form])
    gain = SMALL if form == "small gain" else 1.0
    start: Callable[[Params], Params] = partial(with_gain, gain=gain)
    objective = model.objective(
        epochs=config.epochs, steps_per_epoch=steps_per_epoch(config.size, config.batch_size)
    )
    trained = run(
        model, objective, split.train, shared, rate=config.rate, epochs=config.epochs,
        batch_size=config.batch_size, backend=backend, start=start,
    )  # fmt: skip
    final = recalibrate(model, trained.params, split.train.inputs)
    begun = start(model.init(shared.child("init"), backend=backend))
    units, inputs = binary_layers(begun)[0]["weight"].shape
    return {
        "form": form,
        "seed": seed,
        "accuracy": accuracy(model)(final, split.test),
        "train_accuracy": accuracy(model)(final, split.train),
        "spread": _spread(model, begun, split.train.inputs),
        "spread_expected": spread_at_start(
            inputs,
            units,
            first_gain=model.gain,
            epsilon=model.epsilon,
            scaled=model.weight_scale == "mean_abs",
            signs=not model.progressive,
            gain=gain,
        ),
    }


def _spread(model: BoolNet, params: Params, inputs: Any) -> float:
    """Root of the mean square of what the first binary layer gives to its signs, λ as at first."""
    seen: list[Any] = []

    def normalize(x: Any, layer: Any) -> Any:
        seen.append(batch_normalized(x, layer, model.epsilon)[0])
        return seen[-1]

    model.forward(params, inputs, normalize, 1.0 if model.progressive else 0.0)
    return float(np.sqrt(np.mean(to_host(seen[1]) ** 2)))


EXPERIMENT = Experiment(
    "boolnet_starts",
    Config,
    run_task,
    tasks,
    cost=lambda config, task: 5.0,
    summary="deep logic networks on digits: the size of normalized numbers at the start",
)
