"""Graphs as arrays: labels of the nodes and a list of directed edges.

An edge (v, u) brings the state of u to v: v receives, u sends. A set of graphs is one graph
without edges between its parts.

>>> graph = make_graph([(0, 1), (1, 0)], [[1.0], [2.0]])
>>> graph.nodes, [int(u) for u in graph.senders]
(2, [1, 0])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

from refimpl.arrays import Array, Backend, backend, device, namespace, one_hot
from refimpl.checks import one_of

Aggregation = Literal["sum", "mean"]
Isolated = Literal["zero", "error"]


class Graph(NamedTuple):
    """Directed edges between labeled nodes.

    Attributes
    ----------
    labels : array, shape (n, c)
    receivers, senders : integer array, shape (E,)
        v and u of each edge.
    weights : array, shape (E,)
        A_vu, the factor on the message.
    edge_labels : array, shape (E, 2e), or None
        l_(v,u) and l_(u,v): of the edge and of the one back, 0 where there is none back.
    """

    labels: Array
    receivers: Array
    senders: Array
    weights: Array
    edge_labels: Array | None = None

    @property
    def nodes(self) -> int:
        """Number n of nodes."""
        return self.labels.shape[0]


class GraphBatch(NamedTuple):
    """Graphs with targets.

    Attributes
    ----------
    graph : Graph
    targets : array, shape (n,) or (n, K)
        Of every node, or of every graph; read at the supervised ones.
    supervised : integer array, shape (S,)
        S, the nodes (or graphs) whose targets count.
    indices : numpy.ndarray of int, shape (n,), or None
        Where the nodes stand in the training set, on the host; None where they are all of it.
    members : integer array, shape (n,), or None
        The graph that each node belongs to, where graphs have targets and not nodes.
    """

    graph: Graph
    targets: Array
    supervised: Array
    indices: Any = None
    members: Array | None = None


def make_graph(
    edges: Sequence[tuple[int, int]],
    labels: Any,
    *,
    aggregation: Aggregation = "sum",
    isolated: Isolated = "zero",
    edge_labels: Sequence[Sequence[float]] | None = None,
    place: Backend | None = None,
) -> Graph:
    """A graph from its directed edges (receiver, sender).

    Parameters
    ----------
    edges : sequence of (int, int)
        A self-loop stands once, like every edge.
    labels : array or nested list, shape (n, c)
    aggregation : {"sum", "mean"}
        Messages are added, or averaged over the neighbors.
    isolated : {"zero", "error"}
        A node that receives nothing has the state 0, or is refused.
    edge_labels : sequence of E rows of e numbers, optional
        In the order of ``edges``.
    place : Backend, optional

    Raises
    ------
    ValueError
        For duplicate edges, ends that are no nodes, labels that are not one row an edge and, where
        it is asked for, nodes without neighbors.

    Examples
    --------
    >>> make_graph([(0, 1), (0, 1)], [[1.0], [1.0]])
    Traceback (most recent call last):
    ...
    ValueError: the edge (0, 1) is given twice
    """
    one_of("aggregation", aggregation, get_args(Aggregation))
    one_of("isolated", isolated, get_args(Isolated))
    where = place or backend()
    features = where.asarray(labels)
    nodes = features.shape[0]
    received = [0] * nodes
    seen: set[tuple[int, int]] = set()
    for v, u in edges:
        if (v, u) in seen:
            raise ValueError(f"the edge ({v}, {u}) is given twice")
        if not (0 <= v < nodes and 0 <= u < nodes):
            raise ValueError(f"the edge ({v}, {u}) leaves the {nodes} nodes")
        seen.add((v, u))
        received[v] += 1
    if isolated == "error" and 0 in received:
        raise ValueError(f"node {received.index(0)} has no neighbors")
    ordered = sorted(seen)
    weights = [1.0 if aggregation == "sum" else 1.0 / received[v] for v, _ in ordered]
    marks = None if edge_labels is None else where.asarray(_there_and_back(edges, edge_labels))
    xp = namespace(features)
    here = device(features)
    return Graph(
        features,
        xp.asarray([v for v, _ in ordered], dtype=xp.int64, device=here),
        xp.asarray([u for _, u in ordered], dtype=xp.int64, device=here),
        xp.asarray(weights, dtype=features.dtype, device=here),
        marks,
    )


def _there_and_back(
    edges: Sequence[tuple[int, int]], labels: Sequence[Sequence[float]]
) -> list[list[float]]:
    """Labels of each edge beside those of the edge back, in the order of the sorted edges."""
    widths = {len(row) for row in labels}
    if len(labels) != len(edges) or len(widths) > 1:
        raise ValueError(
            f"edge_labels must be {len(edges)} rows of equal length, not {len(labels)} of "
            f"{sorted(widths)}"
        )
    found = dict(zip(edges, labels, strict=True))
    none = [0.0] * max(widths, default=0)
    return [[*found[v, u], *found.get((u, v), none)] for v, u in sorted(found)]


def both_ways(edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Every undirected edge in both directions; a self-loop once.

    Examples
    --------
    >>> both_ways([(0, 1), (2, 2)])
    [(0, 1), (1, 0), (2, 2)]
    """
    return [pair for v, u in edges for pair in dict.fromkeys([(v, u), (u, v)])]


def incidence(graph: Graph, like: Array) -> Array:
    """(n, E): the weight of each edge in the row of its receiver."""
    return one_hot(graph.receivers, graph.nodes, like).mT * graph.weights[None, :]


def permuted(graph: Graph, order: Sequence[int]) -> Graph:
    """The same graph with node ``order[k]`` renamed k."""
    xp, here = namespace(graph.labels), device(graph.labels)
    place = {old: new for new, old in enumerate(order)}

    def renamed(ends: Array) -> Array:
        return xp.asarray([place[int(end)] for end in ends], dtype=xp.int64, device=here)

    chosen = xp.asarray(list(order), dtype=xp.int64, device=here)
    return Graph(
        xp.take(graph.labels, chosen, axis=0),
        renamed(graph.receivers),
        renamed(graph.senders),
        graph.weights,
        graph.edge_labels,
    )
