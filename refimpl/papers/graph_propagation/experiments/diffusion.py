"""How far a label has been felt along a path after some steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.models import Objective
from refimpl.papers.graph_propagation.experiments.linear import plain
from refimpl.papers.graph_propagation.experiments.problems import waves
from refimpl.papers.graph_propagation.graphs import GraphBatch, both_ways, make_graph
from refimpl.papers.graph_propagation.network import GraphNetwork
from refimpl.random import Rng

SHIFT = 0.2
"""Of the label; large, so that what is felt far away is no rounding."""


@dataclass(frozen=True)
class Config:
    """Length of the path, layers and steps."""

    nodes: int = 9
    layers: tuple[int, ...] = (1, 2, 3)
    steps: int = 4

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls()


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Influence (layers, step, node) of the label of node 0 on states and on multipliers."""
    states, multipliers = [], []
    for layers in config.layers:
        plus, minus = (_run(config, layers, shift) for shift in (SHIFT, -SHIFT))
        states.append(np.max(np.abs(plus[0] - minus[0]), axis=-1))
        multipliers.append(np.max(np.abs(plus[1] - minus[1]), axis=-1))
    return {"states": np.array(states), "multipliers": np.array(multipliers)}


def _run(config: Config, layers: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    labels = waves(0.5, (config.nodes, 1), 0.3)
    labels[0, 0] += shift
    path = [(v, v + 1) for v in range(config.nodes - 1)]
    targets = np.arange(config.nodes) % 2
    batch = GraphBatch(make_graph(both_ways(path), labels), targets, np.arange(config.nodes))
    network = GraphNetwork((1, 4, 2), state_widths=(2,) * layers, form="released")
    objective = Objective(network, "softmax_cross_entropy")
    params = network.init(Rng(3).child("diffusion", layers))
    algorithm = plain(rate=0.1, read_out="new", loss_weight=1.0)
    state = None
    found: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for _ in range(config.steps):
        state, _ = algorithm.settle(params, objective, batch, steps=1, start=state)
        found[0].append(np.concatenate(state.states, axis=1))
        found[1].append(np.concatenate(state.multipliers, axis=1))
    return np.array(found[0]), np.array(found[1])


EXPERIMENT = Experiment(
    name="graph_diffusion",
    summary="Reach of a label after some steps, by the number of layers",
    config=Config,
    run_task=run_task,
)
