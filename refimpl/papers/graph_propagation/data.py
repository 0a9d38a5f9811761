"""Graphs to learn on: the karate club, planted cliques and subgraphs, chains.

>>> from refimpl.random import Rng
>>> data = load_karate(rng=Rng(0))
>>> len(data.train), data.train.inputs.shape, data.train.edges.shape
(1, (34, 34), (156, 2))
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, get_args

from refimpl.arrays import Backend
from refimpl.checks import count, one_of, positive, real_between
from refimpl.errors import SettingError
from refimpl.papers.graph_propagation.graph_sets import GraphSplit, Level, graph_set
from refimpl.papers.graph_propagation.graphs import Aggregation, Isolated, both_ways
from refimpl.papers.graph_propagation.karate import CLASSES, EDGES
from refimpl.papers.graph_propagation.planted import (
    Planted,
    clique_free_graph,
    clique_graph,
    subgraph_graph,
)
from refimpl.random import Rng

Mark = Literal["node", "edge", "nothing"]


def load_karate(
    *,
    rng: Rng,
    backend: Backend | None = None,
    per_class: int = 1,
    aggregation: Aggregation = "sum",
    isolated: Isolated = "zero",
) -> GraphSplit:
    """Zachary's karate club: 34 nodes, 78 friendships, four communities.

    The parts are the same graph with different supervised nodes: ``per_class`` of each class to
    train on; of the others a third to validate on, and the rest to test.

    Parameters
    ----------
    rng : Rng
        Which nodes.
    backend : Backend, optional
    per_class : int
        Below the size of the smallest class, 5.
    aggregation, isolated
        See :func:`~refimpl.papers.graph_propagation.graphs.make_graph`.

    Returns
    -------
    GraphSplit
    """
    count("per_class", per_class)
    if per_class > 3:
        raise SettingError("the smallest class has 5 nodes: take at most 3", per_class=per_class)
    labels = [[float(v == u) for u in range(34)] for v in range(34)]
    targets = [next(k for k, nodes in enumerate(CLASSES) if v in nodes) for v in range(34)]
    train, rest = [], []
    for k, nodes in enumerate(CLASSES):
        order = [nodes[int(i)] for i in rng.child("karate", k).permutation(len(nodes))]
        train += order[:per_class]
        rest += order[per_class:]
    order = [rest[int(i)] for i in rng.child("karate", "rest").permutation(len(rest))]
    whole = graph_set(
        "karate", [Planted(EDGES, labels, targets)], 4, backend,
        aggregation=aggregation, isolated=isolated, description="Zachary's karate club",
    )  # fmt: skip
    third = len(order) // 3
    parts = (train, order[:third], order[third:])
    return GraphSplit(*(replace(whole, supervised=tuple(sorted(part))) for part in parts))


def load_cliques(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 100,
    validation: int = 50,
    test: int = 50,
    nodes: int = 10,
    clique: int = 5,
    density: float = 0.2,
    aggregation: Aggregation = "sum",
    level: Level = "nodes",
) -> GraphSplit:
    """Which nodes of a random connected graph belong to a clique of a given size.

    Parameters
    ----------
    rng : Rng
    backend : Backend, optional
    training, validation, test : int
        Graphs.
    nodes, clique : int
    density : float
        Of the random edges, in [0, 1].
    aggregation : {"sum", "mean"}
    level : {"nodes", "graphs"}
        With "graphs" the question is which graphs hold such a clique at all: every second one does,
        and the others have as many edges as such a graph.

    Returns
    -------
    GraphSplit
        Labels are integers 0 to 8 as numbers / 8; targets 0 and 1.
    """
    count("clique", clique, 2)
    count("nodes", nodes, clique)
    real_between("density", density, 0.0, 1.0)
    one_of("level", level, get_args(Level))
    if level == "graphs" and clique < 3:
        raise SettingError("a connected graph without an edge: take clique >= 3", clique=clique)

    def draw(stream: Rng, k: int) -> Planted:
        plain = level == "graphs" and k % 2
        return (clique_free_graph if plain else clique_graph)(stream, nodes, clique, density)

    return _parts(
        "cliques", draw, rng, backend, (training, validation, test), aggregation, level=level
    )


def load_subgraphs(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 100,
    validation: int = 50,
    test: int = 50,
    nodes: int = 10,
    size: int = 5,
    density: float = 0.2,
    noise: float = 0.25,
    aggregation: Aggregation = "sum",
) -> GraphSplit:
    """Where a fixed labeled subgraph hides, its labels blurred by noise.

    Parameters
    ----------
    rng, backend, training, validation, test, nodes, density, aggregation
        As for :func:`load_cliques`.
    size : int
        Nodes of the subgraph, which is drawn once.
    noise : float
        Standard deviation on the two labels of every node, positive.

    Returns
    -------
    GraphSplit
    """
    count("size", size, 2)
    count("nodes", nodes, size)
    real_between("density", density, 0.0, 1.0)
    positive("noise", noise)
    pattern = rng.child("subgraphs", "pattern")
    return _parts(
        "subgraphs",
        lambda stream, k: subgraph_graph(stream, pattern, nodes, size, density, noise),
        rng, backend, (training, validation, test), aggregation,
    )  # fmt: skip


def load_chains(
    *,
    rng: Rng,
    backend: Backend | None = None,
    length: int = 10,
    supervised: int = 4,
    marked: Mark = "node",
) -> GraphSplit:
    """Two paths without a link; the class of a node is its path.

    Parameters
    ----------
    rng : Rng
        Which nodes are supervised.
    backend : Backend, optional
    length : int
        Nodes of each path.
    supervised : int
        Nodes to train on; a third of the others validate, the rest test.
    marked : {"node", "edge", "nothing"}
        The node at one end of the first path has the label 1, or its edge has. Without either all
        labels are 0, and nodes of equal position have the same fixed-point state in both paths.
        Edges have labels with "edge" only: the network's ``edge_labels`` is 1 then.

    Returns
    -------
    GraphSplit
    """
    count("length", length, 3)
    count("supervised", supervised, 2)
    one_of("marked", marked, get_args(Mark))
    if supervised > length:
        raise SettingError("more nodes to train on than a path has", supervised=supervised)
    edges = [(s + i, s + i + 1) for s in (0, length) for i in range(length - 1)]
    labels = [[float(marked == "node" and v == 0)] for v in range(2 * length)]
    marks = [[float(set(pair) == {0, 1})] for pair in both_ways(edges)]
    targets = [0] * length + [1] * length
    whole = graph_set(
        "chains", [Planted(tuple(edges), labels, targets)], 2, backend,
        edge_labels=marks if marked == "edge" else None, description="two paths",
    )  # fmt: skip
    paths = [
        [k * length + int(i) for i in rng.child("chains", k).permutation(length)] for k in (0, 1)
    ]
    half = supervised // 2
    train = paths[0][:half] + paths[1][: supervised - half]
    rest = [v for v in (*paths[0], *paths[1]) if v not in train]
    order = [rest[int(i)] for i in rng.child("chains", "rest").permutation(len(rest))]
    third = len(order) // 3
    parts = (train, order[:third], order[third:])
    return GraphSplit(*(replace(whole, supervised=tuple(sorted(part))) for part in parts))


def _parts(
    name: str,
    draw: Any,
    rng: Rng,
    backend: Backend | None,
    sizes: tuple[int, int, int],
    aggregation: Aggregation,
    level: Level = "nodes",
) -> GraphSplit:
    parts = []
    for part, size in zip(("training", "validation", "test"), sizes, strict=True):
        count(part, size)
        graphs = [draw(rng.child(name, part, k), k) for k in range(size)]
        parts.append(
            graph_set(
                name,
                graphs,
                2,
                backend,
                level,
                trained=part == "training",
                aggregation=aggregation,
            )
        )
    return GraphSplit(*parts)


_GRAPHS = {"algorithm": "graph_lagrangian", "model": "graph_network", "hidden": (10,)}
_LOADERS: tuple[tuple[Any, dict[str, int]], ...] = (
    (load_karate, {"epochs": 500, "batch_size": 0}),
    (load_chains, {"epochs": 500, "batch_size": 0}),
    (load_cliques, {"epochs": 20, "batch_size": 10}),
    (load_subgraphs, {"epochs": 20, "batch_size": 10}),
)

for _loader, _recipe in _LOADERS:
    _loader.recipe = {**_GRAPHS, **_recipe}
