"""The schedule of λ in a training run: what each epoch uses, and what the first one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.models import MLP
from refimpl.papers.isda.experiments.recipe import run
from refimpl.papers.isda.isda import ISDA
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """A short training on digits."""

    size: int = 150
    epochs: int = 5
    batch_size: int = 40
    strength: float = 0.4
    rate: float = 0.05

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(epochs=20)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    split = datasets.load("digits", rng=rng.child("data"), training=config.size)
    model = MLP((64, 20, 10))
    found: dict[str, Any] = {}
    paths = {}
    for name, strength in (("epoch", config.strength), ("iteration", config.strength), ("", 0.0)):
        used: list[float] = []
        params: list[Any] = []

        def watch(step: int, state: Any, info: Any, used: Any = used, params: Any = params) -> None:
            used.append(float(info.isda_strength))
            params.append(state.params)

        isda = ISDA(strength=strength, schedule=name or "epoch", epochs=config.epochs)  # type: ignore[arg-type]
        run(
            isda,
            model,
            split.train,
            rng.child("run"),
            rate=config.rate,
            batch_size=config.batch_size,
            on_step=watch,
        )
        found[f"strength_{name or 'plain'}"] = np.array(used)
        paths[name] = params
    steps = len(paths[""])
    first = steps // config.epochs

    def apart(step: int) -> float:
        difference = ad.map_tree(lambda a, b: a - b, paths["epoch"][step], paths[""][step])
        return float(ad.norm_tree(difference))

    return {**found, "first_epoch_apart": apart(first - 1), "last_epoch_apart": apart(steps - 1)}


EXPERIMENT = Experiment(
    "isda_schedule",
    Config,
    run_task,
    summary="The schedule of λ in a training run, epoch by epoch",
)
