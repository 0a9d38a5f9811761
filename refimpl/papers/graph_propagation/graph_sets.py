"""Sets of graphs with targets on nodes or on whole graphs, side by side as one graph.

>>> from refimpl.papers.graph_propagation.planted import Planted
>>> pair = graph_set("pair", [Planted(((0, 1),), [[1.0], [2.0]], [0, 1])], 2)
>>> len(pair), pair.batch().graph.nodes
(1, 2)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, get_args

from refimpl.arrays import Array, Backend, backend_of, check_float, device, namespace
from refimpl.arrays import backend as make_backend
from refimpl.checks import one_of
from refimpl.papers.graph_propagation.graphs import (
    Aggregation,
    Graph,
    GraphBatch,
    Isolated,
    both_ways,
    make_graph,
)
from refimpl.papers.graph_propagation.planted import Planted

Level = Literal["nodes", "graphs"]


class GraphSplit(NamedTuple):
    """Three parts; see :class:`~refimpl.datasets.base.Split`."""

    train: GraphSet
    validation: GraphSet
    test: GraphSet

    def to(self, backend: Backend) -> GraphSplit:
        """All three parts on ``backend``."""
        return GraphSplit(*(part.to(backend) for part in self))


@dataclass(frozen=True, eq=False)
class GraphSet:
    """Graphs side by side, their nodes one after the other.

    Parameters
    ----------
    name : str
    inputs : array, shape (n, c)
        Labels of the nodes of all graphs.
    targets : array, shape (n,), int64
        Of every node, or of every graph.
    edges : array, shape (E, 2), int64
        Receiver and sender, in the numbering of all nodes.
    starts : tuple of int
        The first node of every graph, and n.
    supervised : tuple of int
        The nodes (or graphs) whose targets count.
    classes : int
    trained : bool
        Whether its nodes are the training nodes, whose states training leaves.
    aggregation : {"sum", "mean"}
    isolated : {"zero", "error"}
    level : {"nodes", "graphs"}
        What has targets.
    edge_labels : sequence of E rows, optional
        In the order of ``edges``.
    description : str
    """

    name: str
    inputs: Array
    targets: Array
    edges: Any
    starts: tuple[int, ...]
    supervised: tuple[int, ...]
    classes: int
    trained: bool = True
    aggregation: Aggregation = "sum"
    isolated: Isolated = "zero"
    level: Level = "nodes"
    edge_labels: Any = None
    description: str = ""
    truth: dict[str, Any] = field(default_factory=dict)

    kind = "graphs"

    def __post_init__(self) -> None:
        check_float(self.inputs, "inputs")
        one_of("level", self.level, get_args(Level))
        wanted = self.inputs.shape[0] if self.level == "nodes" else len(self)
        if self.inputs.ndim != 2 or tuple(self.targets.shape) != (wanted,):
            raise ValueError(
                f"labels (n, c) and targets ({wanted},) are wanted, not "
                f"{tuple(self.inputs.shape)} and {tuple(self.targets.shape)}"
            )

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def features(self) -> int:
        """Number c of labels of a node."""
        return self.inputs.shape[1]

    @property
    def outputs(self) -> int:
        """Number of classes."""
        return self.classes

    def batch(self, indices: Sequence[int] | Any | None = None) -> GraphBatch:
        """The graphs at ``indices``, or all.

        Raises
        ------
        ValueError
            If nothing of them is supervised.
        """
        chosen = range(len(self)) if indices is None else [int(k) for k in indices]
        nodes = [n for k in chosen for n in range(self.starts[k], self.starts[k + 1])]
        judged = nodes if self.level == "nodes" else list(chosen)
        number = {one: k for k, one in enumerate(judged)}
        marked = [number[v] for v in self.supervised if v in number]
        if not marked:
            raise ValueError(f"none of the {self.level} of {self.name} is supervised")
        xp, here = namespace(self.inputs), device(self.inputs)

        def integers(values: Sequence[int]) -> Array:
            return xp.asarray(values, dtype=xp.int64, device=here)

        members = None
        if self.level == "graphs":
            sizes = [self.starts[k + 1] - self.starts[k] for k in chosen]
            members = integers([k for k, size in enumerate(sizes) for _ in range(size)])
        return GraphBatch(
            self._graph(nodes, xp.take(self.inputs, integers(nodes), axis=0)),
            xp.take(self.targets, integers(judged), axis=0),
            integers(marked),
            None if indices is None else make_backend().xp.asarray(nodes),
            members,
        )

    def _graph(self, nodes: list[int], labels: Array) -> Graph:
        number = {node: k for k, node in enumerate(nodes)}
        kept = [k for k, (v, _) in enumerate(self.edges) if v in number]
        return make_graph(
            [(number[v], number[u]) for v, u in (self.edges[k] for k in kept)],
            labels,
            aggregation=self.aggregation,
            isolated=self.isolated,
            edge_labels=None if self.edge_labels is None else [self.edge_labels[k] for k in kept],
            place=backend_of(self.inputs),
        )

    def to(self, backend: Backend) -> GraphSet:
        """The same graphs on ``backend``."""
        return replace(
            self, inputs=backend.asarray(self.inputs), targets=backend.asarray(self.targets)
        )


def graph_set(
    name: str,
    graphs: Sequence[Planted],
    classes: int,
    backend: Backend | None = None,
    level: Level = "nodes",
    **more: Any,
) -> GraphSet:
    """Graphs side by side; ``more`` are fields of the set.

    The target of a graph is the largest of its nodes'.
    """
    place = backend or make_backend()
    starts, edges, labels, targets = [0], [], [], []
    for graph in graphs:
        first = starts[-1]
        edges += [(first + v, first + u) for v, u in both_ways(graph.edges)]
        labels += graph.labels
        targets += graph.targets if level == "nodes" else [max(graph.targets)]
        starts.append(first + len(graph.targets))
    xp = place.xp
    marked = more.pop("supervised", tuple(range(len(targets))))
    return GraphSet(
        name,
        place.asarray(labels),
        xp.asarray(targets, dtype=xp.int64, device=place.device),
        make_backend().xp.asarray(edges),
        tuple(starts),
        tuple(marked),
        classes,
        level=level,
        **more,
    )
