"""Karate club: the released setting and one that enforces the state equation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.models import Objective
from refimpl.papers.graph_propagation.data import load_karate
from refimpl.papers.graph_propagation.network import GraphNetwork
from refimpl.papers.graph_propagation.propagation import ConstraintPropagation
from refimpl.random import Rng

EPSILON = 1e-4
JUDGED = 3000
"""The epoch at which residuals are compared; augmented runs go on to show what happens later."""

METHODS = {
    "released": ConstraintPropagation(
        constraint="eps", epsilon=EPSILON, multipliers="node", read_out="new",
        reduction="mean", loss_reduction="mean", loss_weight=0.001,
        learning_rate=0.03, state_rate=0.03, multiplier_rate=0.03,
    ),
    "augmented": ConstraintPropagation(
        constraint="lin", epsilon=0.0, multipliers="dimension", read_out="new", rho=4.0,
        learning_rate=0.001, state_base="sgd", state_rate=0.03, multiplier_rate=0.1,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Seeds and epochs; in quick too few to judge, for the picture alone."""

    seeds: int = 15
    epochs: int = 6000
    methods: tuple[str, ...] = ("released", "augmented")

    @classmethod
    def quick(cls) -> Config:
        return cls(seeds=1, epochs=300)

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"method": m, "seed": s} for m in config.methods for s in range(config.seeds)]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, method: str, seed: int
) -> dict[str, Any]:
    """Residual in each epoch (NaN after the last), accuracy and predictions at the end.

    ``residual`` is the median of the hundred epochs before the judged one, or before the end.
    Both methods start from the same weights and labeled nodes of a seed. Released runs, whose
    residuals have long settled, end at the judged epoch.
    """
    own = Rng(seed).child("karate")
    split = load_karate(rng=own, backend=backend)
    network = GraphNetwork((34, 7, 4), state_widths=(10, 5), output_widths=(3,), form="released")
    objective = Objective(network, "softmax_cross_entropy")
    batch = split.train.batch()
    algorithm = METHODS[method]
    state = algorithm.init(network.init(own.child("init"), backend=backend), batch, objective)
    epochs = config.epochs if method == "augmented" else min(config.epochs, JUDGED)
    residuals = np.full(config.epochs, np.nan)
    for epoch in range(epochs):
        state, info = algorithm.step(state, objective, batch)
        residuals[epoch] = float(info.residual)
    new = network.transition(state.params.network, state.params.states, batch.graph)
    predicted = np.argmax(network.outputs(state.params.network, new[-1]), axis=1)
    others = np.setdiff1d(np.arange(34), batch.supervised)
    return {
        "method": method,
        "seed": seed,
        "residuals": residuals,
        "residual": float(np.median(residuals[: min(JUDGED, epochs)][-100:])),
        "accuracy": float(np.mean(predicted[others] == batch.targets[others])),
        "predicted": predicted,
        "labeled": np.asarray(batch.supervised),
    }


EXPERIMENT = Experiment(
    name="graph_karate",
    summary="State residual on the karate club, released and augmented setting",
    config=Config,
    run_task=run_task,
    tasks=tasks,
    cost=lambda config, task: config.epochs / (400.0 if task["method"] == "augmented" else 800.0),
)
