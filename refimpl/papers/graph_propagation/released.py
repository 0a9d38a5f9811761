"""Negative controls: the released code's karate club, and its normalization by degrees.

>>> graph = released_club()
>>> sorted(set(range(34)) - {int(v) for v in graph.receivers})
[7, 10, 11, 12, 16, 17, 21, 33]
"""

from __future__ import annotations

from refimpl.arrays import Array, namespace, one_hot
from refimpl.papers.graph_propagation.graphs import Graph, make_graph
from refimpl.papers.graph_propagation.karate import EDGES

MISSING = (8, 30)


def released_club() -> Graph:
    """The club with each friendship in one direction and one of them missing.

    The node of the smaller number receives, so that a node whose friends all have smaller numbers
    receives nothing and keeps the state 0.
    """
    labels = [[float(v == u) for u in range(34)] for v in range(34)]
    return make_graph([edge for edge in EDGES if edge != MISSING], labels)


def column_normalized(graph: Graph) -> Array:
    """The adjacency (n, n) divided by the sums of its columns, whose rows are no means.

    Examples
    --------
    >>> from refimpl.papers.graph_propagation.graphs import both_ways
    >>> path = make_graph(both_ways([(0, 1), (1, 2)]), [[0.0], [0.0], [0.0]])
    >>> column_normalized(path).sum(axis=1)
    array([0.5, 2. , 0.5])
    """
    xp = namespace(graph.labels)
    receive = one_hot(graph.receivers, graph.nodes, graph.labels)
    send = one_hot(graph.senders, graph.nodes, graph.labels)
    adjacency = xp.matmul(receive.mT, send)
    return adjacency / xp.sum(adjacency, axis=0)[None, :]
