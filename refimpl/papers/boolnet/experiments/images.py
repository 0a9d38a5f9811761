"""The pilot on MNIST: shortcuts and slices, with stale and with recomputed statistics.

5 000 images (the pilot had 10 000), stem and head in float, two blocks of two binary layers of 256
units, RAdam from 2e-3 along half a cosine, 15 epochs, batches of 128, gain 1e-2 on the first binary
weights, in float32. λ is multiplied by 0.5 each epoch, so that it ends below the weights; by 0.8
where a network is called slow, which leaves it above most of them. Networks have no scale unless
they are called scaled. Statistics are the running averages of the training pass ("stale") or those
of the training set under signs. Settings are fixed in advance; nothing is chosen on test images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task
from refimpl.models import MLP, Objective
from refimpl.papers.boolnet.accounting import costs
from refimpl.papers.boolnet.experiments.recipe import run, steps_per_epoch
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.statistics import binary_layers, recalibrate
from refimpl.papers.boolnet.weights import undecided
from refimpl.random import Rng
from refimpl.training import accuracy

FLOAT = "float"
SLOW = 0.8
FORMS: dict[str, dict[str, Any]] = {
    "plain, k=1": {"shortcuts": "none"},
    "logic, k=1": {},
    "plain, k=4": {"shortcuts": "none", "slices": 4},
    "logic, k=4": {"slices": 4},
    "plain, k=1, scaled": {"shortcuts": "none", "weight_scale": "mean_abs"},
    "logic, k=1, scaled": {"weight_scale": "mean_abs"},
    "logic, k=1, slow": {"decay": SLOW},
    "logic, k=4, slow": {"decay": SLOW, "slices": 4},
}


@dataclass(frozen=True)
class Config:
    """Data, networks and training; ``decay`` is the factor on λ an epoch."""

    size: int = 5_000
    test: int = 10_000
    width: int = 256
    blocks: int = 2
    methods: tuple[str, ...] = (FLOAT, *FORMS)
    decay: float = 0.5
    rate: float = 2e-3
    epochs: int = 15
    batch_size: int = 128
    dtype: str = "float32"
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls(size=500, test=500, width=32, epochs=2, seeds=2)

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[Task]:
    return [
        {"method": method, "seed": seed}
        for method in config.methods
        for seed in range(config.seeds)
    ]


def network(config: Config, features: int, method: str) -> BoolNet:
    """The binary network of a method."""
    form = {"decay": config.decay, **FORMS[method]}
    widths = (features, config.width, 10)
    return BoolNet(widths, blocks=config.blocks, schedule="epoch", statistics="training", **form)


def run_task(
    config: Config, backend: Backend, rng: Rng, *, method: str, seed: int
) -> dict[str, Any]:
    shared = Rng(rng.seed).child("boolnet_images", seed)  # of the seed alone: all are paired
    place = replace(backend, dtype_name=config.dtype)
    split = datasets.load(
        "mnist", rng=shared.child("data"), backend=place, training=config.size,
        validation=1000, test=config.test,
    )  # fmt: skip
    steps = steps_per_epoch(config.size, config.batch_size)
    binary = network(config, split.train.features, method if method in FORMS else "logic, k=1")
    model: Any = binary
    if method == FLOAT:
        hidden = (config.width,) * (1 + 2 * config.blocks)
        model = MLP((split.train.features, *hidden, 10))
        objective: Any = Objective(model)
    else:
        objective = binary.objective(
            epochs=config.epochs, steps_per_epoch=steps, batch_size=config.batch_size
        )
    trained = run(
        model, objective, split.train, shared, rate=config.rate, epochs=config.epochs,
        batch_size=config.batch_size, backend=place,
    )  # fmt: skip
    score = accuracy(model)
    found = {"method": method, "seed": seed, "stale": score(trained.params, split.test)}
    if method == FLOAT:
        weights = costs(binary)
        bits = weights.float_weight_bits + 32 * weights.binary_weight_bits
        return {**found, "recomputed": found["stale"], "undecided": 0.0, "bits": bits}
    fresh = recalibrate(binary, trained.params, split.train.inputs)
    last = objective.strength(config.epochs * steps - 1)
    shares = [float(undecided(layer["weight"], last)) for layer in binary_layers(fresh)]
    weights = costs(binary)
    return {
        **found,
        "recomputed": score(fresh, split.test),
        "undecided": sum(shares) / len(shares),
        "bits": weights.float_weight_bits + weights.binary_weight_bits,
    }


EXPERIMENT = Experiment(
    "boolnet_images",
    Config,
    run_task,
    tasks,
    cost=lambda config, task: 30.0 if "k=4" in task["method"] else 20.0,
    summary="shortcuts and slices on MNIST, with stale and with recomputed statistics",
)
