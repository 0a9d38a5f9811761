"""Planted cliques: targets against another search, and how many nodes they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.graph_propagation.planted import clique_graph
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Graphs, nodes, size of the clique, density of the other edges."""

    graphs: int = 600
    nodes: int = 10
    clique: int = 5
    density: float = 0.2

    @classmethod
    def quick(cls) -> Config:
        return cls(graphs=200)

    @classmethod
    def full(cls) -> Config:
        return cls()


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    wrong, positives, edges, connected = [], [], [], []
    for k in range(config.graphs):
        graph = clique_graph(rng.child(k), config.nodes, config.clique, config.density)
        wrong.append(_members(graph.edges, config) != {v for v, t in enumerate(graph.targets) if t})
        positives.append(sum(graph.targets))
        edges.append(len(graph.edges))
        connected.append(_is_connected(graph.edges, config.nodes))
    pairs = config.nodes * (config.nodes - 1) / 2
    return {
        "wrong": np.array(wrong),
        "positives": np.array(positives),
        "connected": np.array(connected),
        "density": float(np.mean(edges)) / pairs,
    }


def _members(edges: Any, config: Config) -> set[int]:
    """Nodes of cliques by growing them node by node: another way than the generator's."""
    near = np.zeros((config.nodes, config.nodes), dtype=bool)
    for v, u in edges:
        near[v, u] = near[u, v] = True
    cliques: list[tuple[int, ...]] = [(v,) for v in range(config.nodes)]
    for _ in range(config.clique - 1):
        cliques = [
            (*c, v)
            for c in cliques
            for v in range(c[-1] + 1, config.nodes)
            if near[list(c), v].all()
        ]
    return {v for clique in cliques for v in clique}


def _is_connected(edges: Any, nodes: int) -> bool:
    near = np.eye(nodes)
    for v, u in edges:
        near[v, u] = near[u, v] = 1.0
    return bool(np.all(np.linalg.matrix_power(near, nodes) > 0))


EXPERIMENT = Experiment(
    name="graph_cliques",
    summary="Targets of planted cliques by another search",
    config=Config,
    run_task=run_task,
)
