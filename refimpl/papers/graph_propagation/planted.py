"""Random connected graphs in which a clique or a fixed subgraph is planted.

>>> from refimpl.random import Rng
>>> graph = clique_graph(Rng(0), 10, 5, 0.2)
>>> sorted(sum(graph.edges, ()))[0]
0
>>> graph.targets == clique_members(graph.edges, 10, 5)
True
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

from refimpl.random import Rng

Edge = tuple[int, int]


class Planted(NamedTuple):
    """A graph: undirected edges, labels (n, c) and target of every node."""

    edges: tuple[Edge, ...]
    labels: list[list[float]]
    targets: list[int]


def random_edges(rng: Rng, nodes: int, density: float) -> set[Edge]:
    """Each pair with probability ``density``."""
    pairs = list(itertools.combinations(range(nodes), 2))
    draws = rng.uniform((len(pairs),))
    return {pair for pair, draw in zip(pairs, draws, strict=True) if draw < density}


def clique_members(edges: Iterable[Edge], nodes: int, size: int) -> list[int]:
    """1 for the nodes of any clique of that size, by exhaustive search.

    Examples
    --------
    >>> clique_members([(0, 1), (1, 2), (0, 2), (2, 3)], 4, 3)
    [1, 1, 1, 0]
    """
    there = {frozenset(edge) for edge in edges}
    members: set[int] = set()
    for chosen in itertools.combinations(range(nodes), size):
        if all(frozenset(pair) in there for pair in itertools.combinations(chosen, 2)):
            members.update(chosen)
    return [int(v in members) for v in range(nodes)]


def is_connected(edges: Iterable[Edge], nodes: int) -> bool:
    """Whether all nodes hang together.

    Examples
    --------
    >>> is_connected([(0, 1)], 3)
    False
    """
    neighbors: dict[int, set[int]] = {v: set() for v in range(nodes)}
    for v, u in edges:
        neighbors[v].add(u)
        neighbors[u].add(v)
    seen, open_ones = {0}, [0]
    while open_ones:
        for u in neighbors[open_ones.pop()] - seen:
            seen.add(u)
            open_ones.append(u)
    return len(seen) == nodes


def clique_graph(rng: Rng, nodes: int, size: int, density: float) -> Planted:
    """Random edges, a planted clique, nodes in random order; drawn again until connected.

    The targets are all members of cliques of that size, of which the random edges may complete
    more than one.
    """
    for attempt in itertools.count():
        stream = rng.child("attempt", attempt)
        edges = random_edges(stream, nodes, density)
        edges |= set(itertools.combinations(range(size), 2))
        if is_connected(edges, nodes):
            break
    edges = _renamed(edges, [int(k) for k in stream.permutation(nodes)])
    labels = [[int(k) / 8.0] for k in stream.integers(0, 9, (nodes,))]
    return Planted(tuple(sorted(edges)), labels, clique_members(edges, nodes, size))


def clique_free_graph(rng: Rng, nodes: int, size: int, density: float) -> Planted:
    """As many edges as a graph of :func:`clique_graph` has, but no clique of that size.

    Counting edges does not tell the two apart. Drawn again until connected and free of cliques.
    """
    like = clique_graph(rng.child("like"), nodes, size, density)
    pairs = list(itertools.combinations(range(nodes), 2))
    for attempt in itertools.count():
        order = rng.child("free", attempt).permutation(len(pairs))
        edges = sorted(pairs[int(k)] for k in order[: len(like.edges)])
        members = clique_members(edges, nodes, size)
        if is_connected(edges, nodes) and not any(members):
            break
    return Planted(tuple(edges), like.labels, members)


def subgraph_graph(
    rng: Rng, pattern: Rng, nodes: int, size: int, density: float, noise: float
) -> Planted:
    """Random edges with a fixed labeled subgraph planted, its target 1; labels are noisy.

    ``pattern`` draws the subgraph, the same for all graphs of a set.
    """
    path = {(k, k + 1) for k in range(size - 1)}
    inner = path | random_edges(pattern.child("edges"), size, 0.5)
    marks = pattern.child("labels").uniform((size, 2), -1.0, 1.0)
    for attempt in itertools.count():
        stream = rng.child("attempt", attempt)
        drawn = random_edges(stream, nodes, density)
        edges = {pair for pair in drawn if max(pair) >= size} | inner
        if is_connected(edges, nodes):
            break
    order = [int(k) for k in stream.permutation(nodes)]
    draws = stream.uniform((nodes, 2), -1.0, 1.0)
    blur = noise * stream.normal((nodes, 2))
    labels, targets = [[0.0, 0.0] for _ in range(nodes)], [0] * nodes
    for old, new in enumerate(order):
        base = marks[old] if old < size else draws[old]
        labels[new] = [float(base[k] + blur[old][k]) for k in (0, 1)]
        targets[new] = int(old < size)
    return Planted(tuple(sorted(_renamed(edges, order))), labels, targets)


def _renamed(edges: set[Edge], order: list[int]) -> set[Edge]:
    return {(min(order[v], order[u]), max(order[v], order[u])) for v, u in edges}
