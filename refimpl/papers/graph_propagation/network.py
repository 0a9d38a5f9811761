"""Graph networks: what the neighbors send, added up, and what is read out of a state.

New states of layer k are F_v = Σ_u A_vu m_vu over the edges (v, u). The messages m are small
networks with tanh on their hidden layers and on their output, of the inputs

=========== ============================= =============================================
layer       as printed                    as in the released code
=========== ============================= =============================================
the first   l_v, l_u, x_u, x_v, and where l_v, l_u, x_u
            edges have labels, l_(v,u)
            and l_(u,v)
the others  x_{u,k}, x_{v,k}, x_{v,k−1}   x_{u,k}, and the new states of layer k − 1
                                          at v and at u
=========== ============================= =============================================

Source: M. Tiezzi, G. Marra, S. Melacci and M. Maggini, "Deep constraint-based propagation in graph
neural networks", IEEE TPAMI 44 (2022); as printed in the first author's thesis, chapters 3 and 4.

>>> from refimpl import Rng
>>> from refimpl.papers.graph_propagation.graphs import make_graph
>>> network = GraphNetwork((1, 4, 2), state_widths=(3,))
>>> graph = make_graph([(0, 1), (1, 0)], [[1.0], [2.0]])
>>> theta = network.init(Rng(0))
>>> network.transition(theta, network.zeros(graph), graph)[0].shape
(2, 3)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend, device, namespace
from refimpl.checks import count, one_of
from refimpl.errors import SettingError
from refimpl.models import MLP
from refimpl.papers.graph_propagation.graphs import Graph, incidence
from refimpl.random import Rng

Form = Literal["printed", "released"]
States = tuple[Array, ...]
"""One array (n, d_k) a layer."""


@dataclass(frozen=True)
class GraphNetwork:
    """Transition and output networks.

    Parameters
    ----------
    widths : tuple of int
        Labels of a node, hidden widths of the messages, classes.
    state_widths : tuple of int
        d_k of each layer of states.
    output_widths : tuple of int
        Hidden widths of the output network; empty for a linear read-out.
    form : {"printed", "released"}
        What the messages see; see the module.
    edge_labels : int
        Number e of labels of an edge.

    Raises
    ------
    ValueError
        For widths below 1 or an unknown form.
    SettingError
        For labels of edges in the released form, which does not see them.

    Examples
    --------
    >>> GraphNetwork((1, 4, 2), form="other")
    Traceback (most recent call last):
    ...
    ValueError: form must be one of printed, released, not 'other'
    """

    widths: tuple[int, ...] = field(metadata={"help": "labels, hidden widths, classes"})
    state_widths: tuple[int, ...] = field(default=(10,), metadata={"help": "of each layer"})
    output_widths: tuple[int, ...] = field(default=(), metadata={"help": "hidden, of the output"})
    form: Form = field(default="printed", metadata={"help": "what the messages see"})
    edge_labels: int = field(default=0, metadata={"help": "number of labels of an edge"})

    def __post_init__(self) -> None:
        one_of("form", self.form, get_args(Form))
        object.__setattr__(self, "widths", MLP(self.widths).widths)
        if not self.state_widths:
            raise ValueError("state_widths must name a width for each layer, at least one")
        for width in (*self.state_widths, *self.output_widths):
            count("a width", width)
        count("edge_labels", self.edge_labels, 0)
        if self.edge_labels and self.form == "released":
            raise SettingError("the released form sees no labels of edges: take form='printed'")

    @property
    def message_networks(self) -> tuple[MLP, ...]:
        """The networks of the messages, one a layer."""
        labels, hidden = self.widths[0], self.widths[1:-1]
        found = []
        for k, width in enumerate(self.state_widths):
            if k == 0:
                own = width if self.form == "printed" else 0
                inputs = 2 * labels + width + own + 2 * self.edge_labels
            elif self.form == "printed":
                inputs = 2 * width + self.state_widths[k - 1]
            else:
                inputs = width + 2 * self.state_widths[k - 1]
            found.append(MLP((inputs, *hidden, width), activation="tanh"))
        return tuple(found)

    @property
    def output_network(self) -> MLP:
        """From the last layer's state to the scores."""
        return MLP((self.state_widths[-1], *self.output_widths, self.widths[-1]), activation="tanh")

    def init(
        self,
        rng: Rng,
        initializer: str = "glorot_normal",
        *,
        scale: float = 1.0,
        bias_scale: float = 1.0,
        backend: Backend | None = None,
    ) -> dict[str, Any]:
        """Draw the weights: ``{"messages": one list of layers for each, "output": layers}``."""
        return {
            "messages": [
                network.init(
                    rng.child("messages", k), initializer,
                    scale=scale, bias_scale=bias_scale, backend=backend,
                )
                for k, network in enumerate(self.message_networks)
            ],
            "output": self.output_network.init(
                rng.child("output"), initializer, bias_scale=bias_scale, backend=backend
            ),
        }  # fmt: skip

    def zeros(self, graph: Graph) -> States:
        """States of zeros, where everything starts."""
        xp, here = namespace(graph.labels), device(graph.labels)
        return tuple(
            xp.zeros((graph.nodes, width), dtype=graph.labels.dtype, device=here)
            for width in self.state_widths
        )

    def transition(self, params: Any, states: States, graph: Graph) -> States:
        """F: the new state of every layer, from the free ones; differentiable in both."""
        spread = incidence(graph, graph.labels)
        new: list[Array] = []
        for k, network in enumerate(self.message_networks):
            messages = ad.tanh(network(params["messages"][k], self._seen(k, states, new, graph)))
            new.append(ad.matmul(spread, messages))
        return tuple(new)

    def outputs(self, params: Any, state: Array) -> Array:
        """Scores (n, K) from the state of the last layer."""
        return self.output_network(params["output"], state)

    def _seen(self, k: int, states: States, new: list[Array], graph: Graph) -> Array:
        def at_u(values: Array) -> Array:
            return ad.take(values, graph.senders, axis=0)

        def at_v(values: Array) -> Array:
            return ad.take(values, graph.receivers, axis=0)

        own = states[k]
        if k == 0:
            seen = [at_v(graph.labels), at_u(graph.labels), at_u(own)]
            if self.form == "printed":
                seen.append(at_v(own))
            if self.edge_labels:
                seen.append(self._marks(graph))
            return ad.concat(seen, axis=1)
        if self.form == "printed":
            return ad.concat([at_u(own), at_v(own), at_v(states[k - 1])], axis=1)
        return ad.concat([at_u(own), at_v(new[k - 1]), at_u(new[k - 1])], axis=1)

    def _marks(self, graph: Graph) -> Array:
        found = 0 if graph.edge_labels is None else graph.edge_labels.shape[1] // 2
        if graph.edge_labels is None or found != self.edge_labels:
            raise SettingError(
                "the network and the graph differ in the number of labels of an edge",
                network=self.edge_labels,
                graph=found,
            )
        return graph.edge_labels


@dataclass(frozen=True)
class LinearGraphNetwork:
    """F(x) = M x + c on all coordinates at once, read out as it is: the case with closed forms.

    Parameters
    ----------
    width : int
        d, of the states.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.papers.graph_propagation.graphs import make_graph
    >>> graph = make_graph([], [[0.0]])
    >>> params = {"matrix": np.array([[0.5]]), "offset": np.array([1.0])}
    >>> LinearGraphNetwork(1).transition(params, (np.array([[2.0]]),), graph)
    (array([[2.]]),)
    """

    width: int = field(metadata={"help": "of the states"})

    def __post_init__(self) -> None:
        count("width", self.width)

    @property
    def state_widths(self) -> tuple[int, ...]:
        """One layer."""
        return (self.width,)

    def zeros(self, graph: Graph) -> States:
        """States of zeros."""
        xp = namespace(graph.labels)
        shape = (graph.nodes, self.width)
        return (xp.zeros(shape, dtype=graph.labels.dtype, device=device(graph.labels)),)

    def transition(self, params: Any, states: States, graph: Graph) -> States:
        """F(x), as (n, d)."""
        flat = ad.reshape(states[0], (graph.nodes * self.width,))
        new = ad.matmul(params["matrix"], flat) + params["offset"]
        return (ad.reshape(new, (graph.nodes, self.width)),)

    def outputs(self, params: Any, state: Array) -> Array:
        """The state itself."""
        return state
