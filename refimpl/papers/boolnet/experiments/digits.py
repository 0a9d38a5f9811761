"""Float, plain binary and logic networks on digits, rates by validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.experiments.comparison import Arm, Problem, comparison
from refimpl.models import MLP, Objective
from refimpl.papers.boolnet.experiments.recipe import cosine, steps_per_epoch
from refimpl.papers.boolnet.network import BoolNet
from refimpl.random import Rng

PLAIN = "plain, k=1"
FORMS: dict[str, dict[str, Any]] = {
    PLAIN: {"shortcuts": "none"},
    "logic, k=1": {},
    "plain, k=4": {"shortcuts": "none", "slices": 4},
    "logic, k=4": {"slices": 4},
    "logic, k=1, scaled": {"weight_scale": "mean_abs"},
}


@dataclass(frozen=True)
class Config:
    """The data, the networks, the grid of rates, and the training."""

    size: int = 200
    validation: int = 200
    test: int = 400
    widths: tuple[int, ...] = (64, 32, 10)
    blocks: int = 1
    rates: tuple[float, ...] = (1.6e-2, 6.4e-2, 0.256, 1.024, 4.096)
    epochs: int = 2
    batch_size: int = 50
    seeds: int = 2

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            size=800, validation=400, test=597, widths=(64, 64, 10), blocks=2, epochs=20, seeds=5
        )


def problem(config: Config, backend: Backend, rng: Rng) -> Problem:
    """The start is that of the float network; binary ones draw their own from the same seed."""
    split = datasets.load(
        "digits",
        rng=rng.child("data"),
        backend=backend,
        training=config.size,
        validation=config.validation,
        test=config.test,
    )
    model = float_network(config)
    return Problem(split, Objective(model), model.init(rng.child("init"), backend=backend))


def float_network(config: Config) -> MLP:
    """Dense layers of the same sizes: stem, two a block, head."""
    width = config.widths[1]
    return MLP((config.widths[0], *(width,) * (1 + 2 * config.blocks), config.widths[-1]))


def methods(config: Config) -> Mapping[str, list[Arm]]:
    """Five rates each."""
    steps = steps_per_epoch(config.size, config.batch_size)

    def grid(model: BoolNet | None) -> list[Arm]:
        made = []
        for rate in config.rates:
            at = cosine(rate, config.epochs)
            label = f"rate {rate:g}"
            if model is None:
                made.append(Arm(label, at(0), schedule=at))
                continue
            objective = model.objective(epochs=config.epochs, steps_per_epoch=steps)
            made.append(Arm(label, at(0), objective, _start(model), at))
        return made

    binary = {
        name: grid(BoolNet(config.widths, blocks=config.blocks, **form))
        for name, form in FORMS.items()
    }
    return {"float": grid(None), **binary}


def _start(model: BoolNet) -> Any:
    return lambda params, rng: model.init(rng)


EXPERIMENT = comparison(
    "boolnet_digits",
    Config,
    problem=problem,
    methods=methods,
    reference=PLAIN,
    summary="float, plain binary and logic networks on digits, rates by validation",
    cost=lambda config, task: 1.0,
)
