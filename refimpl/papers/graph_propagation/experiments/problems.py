"""Small problems with fixed numbers, which the experiments share."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.models import Objective
from refimpl.papers.graph_propagation.graphs import Graph, GraphBatch, both_ways, make_graph
from refimpl.papers.graph_propagation.network import GraphNetwork, LinearGraphNetwork
from refimpl.random import Rng

RING = ((0, 1), (1, 2), (2, 3), (3, 0), (0, 2))
"""Four nodes and five undirected edges."""


def waves(size: float, shape: tuple[int, ...], phase: float) -> np.ndarray:
    """size · sin(9.1 (i + 2j + 3k ..) + phase): numbers without a generator."""
    grids = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    angle = sum((k + 1.0) * grid for k, grid in enumerate(grids))
    return size * np.sin(9.1 * angle + phase)


def linear_problem(
    matrix: np.ndarray, offset: np.ndarray, target: np.ndarray, width: int
) -> tuple[Objective, dict[str, Any], GraphBatch]:
    """F(x) = M x + c under ½‖x − y‖² on all nodes, without edges of its own."""
    nodes = len(offset) // width
    graph = make_graph([], np.zeros((nodes, 1)))
    objective = Objective(LinearGraphNetwork(width), "mean_squared_error")
    batch = GraphBatch(graph, target.reshape(nodes, width), np.arange(nodes))
    return objective, {"matrix": matrix, "offset": offset}, batch


def ring(labels: int = 2) -> Graph:
    """The ring with fixed labels, edges both ways."""
    return make_graph(both_ways(RING), waves(1.0, (4, labels), 0.2))


def network_problem(
    layers: int, form: str = "printed", scale: float = 0.25
) -> tuple[Objective, Any, GraphBatch]:
    """A small network on the ring, softmax cross-entropy on three of four nodes, summed."""
    widths = (3, 2, 3)[:layers]
    network = GraphNetwork((2, 5, 2), state_widths=widths, output_widths=(4,), form=form)  # type: ignore[arg-type]
    objective = Objective(network, "softmax_cross_entropy")
    params = network.init(Rng(7).child("network", layers), scale=scale)
    return objective, params, GraphBatch(ring(), np.array([0, 1, 1, 0]), np.array([0, 1, 3]))


def side_by_side(states: Any) -> np.ndarray:
    """The states of all layers as one vector."""
    return np.concatenate([np.asarray(x).ravel() for x in states])
