"""Known deviations of implementations, as settings of the reference.

The released code is known by its behavior; what breaks the method is a class of its own.

>>> [deviation.name for deviation in DEVIATIONS][:2]
['read_new', 'means']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl import conformance as kit
from refimpl.arrays import namespace
from refimpl.papers.graph_propagation.constraints import CONSTRAINTS, constraint_value
from refimpl.papers.graph_propagation.graphs import Graph
from refimpl.papers.graph_propagation.network import GraphNetwork

DEVIATIONS = (
    kit.Known(
        "read_new",
        "the output reads F(X) for tasks on nodes too: other multipliers, the same weight gradient "
        "at a saddle point",
        {"read_out": "new"},
        "ConstraintPropagation",
    ),
    kit.Known(
        "means",
        "the constraint is averaged over nodes and dimensions: multipliers count for less",
        {"reduction": "mean"},
        "ConstraintPropagation",
    ),
    kit.Known(
        "mean_loss",
        "the loss is averaged over labeled nodes: multipliers are adjoints of that average",
        {"loss_reduction": "mean"},
        "ConstraintPropagation",
    ),
    kit.Known(
        "small_loss",
        "the loss is weighed by 0.001",
        {"loss_weight": 0.001},
        "ConstraintPropagation",
    ),
    kit.Known(
        "signed_node",
        "a signed G with one multiplier a node: only the sums of gaps vanish",
        {"constraint": "lin", "multipliers": "node"},
        "ConstraintPropagation",
    ),
    kit.Known(
        "narrow_band",
        "ε of 1e-4 or 1e-6: equal plain steps diverge but for losses of slope below about 2ε/η",
        {"constraint": "eps", "epsilon": 1e-4},
        "ConstraintPropagation",
    ),
    kit.Known(
        "no_half",
        "an augmented term ρ‖x − F‖² without the half: twice the reference's rho",
        {"rho": 2.0},
        "ConstraintPropagation",
    ),
    kit.Known(
        "sweeps",
        "the baseline differentiates a fixed number of sweeps, which need not have settled",
        {"sweeps": 13},
        "FixedPointLearning",
    ),
    kit.Known(
        "cube",
        "G = a³, which is not printed: residuals fall as t^(-1/5)",
        {"constraint": "cubed"},
        "ConstraintPropagation",
    ),
    kit.Known(
        "released_layers",
        "messages without the own state, and deeper layers that see new states of both ends",
        {"form": "released"},
        "GraphNetwork",
    ),
    kit.Known(
        "labeled_only",
        "the constraint summed over labeled nodes, as printed: the others are free",
        {},
        "LabeledOnly",
    ),
    kit.Known(
        "one_way_club",
        "friendships in one direction, and (8, 30) missing: eight nodes receive nothing",
        {},
        "released_club",
    ),
    kit.Known(
        "column_mean",
        "degrees divide by sums of columns: no mean over neighbors",
        {},
        "column_normalized",
    ),
)


# --- what an implementation can be checked against ------------------------------------------------


def _gap_function(constraint: str = "eps", epsilon: float = 0.2) -> Callable[..., Any]:
    return lambda gap: constraint_value(constraint, gap, epsilon)  # type: ignore[arg-type]


def _gap_cases(settings: Any, rng: Any) -> list[kit.Case]:
    return [kit.Case("gaps", {"gap": rng.child("gap").normal((6, 3))})]


GAPS = (
    kit.Deviation("ε not subtracted", "the gap counts whole where it is above ε",
                  instead=lambda constraint, epsilon: lambda gap: gap_where(gap, epsilon)),
    kit.Deviation("negative gaps dropped", "max(a − ε, 0): one side only",
                  instead=lambda constraint, epsilon: lambda gap: ad.relu(gap - epsilon)),
    kit.Deviation("squared beyond ε", "the square of the excess",
                  instead=lambda constraint, epsilon: lambda gap: ad.square(
                      ad.relu(ad.abs(gap) - epsilon))),
)  # fmt: skip


def gap_where(gap: Any, epsilon: float) -> Any:
    """|a| where |a| > ε, else 0."""
    size = ad.abs(gap)
    return ad.where(ad.value(size) > epsilon, size, 0.0 * size)


def _transition(form: str = "printed") -> Callable[..., Any]:
    def new_states(w1: Any, b1: Any, w2: Any, b2: Any, states: Any, *graph: Any) -> Any:
        labels, receivers, senders = (ad.value(part) for part in graph)
        ones = namespace(labels).ones_like(labels[:1, 0])
        edges = Graph(labels, receivers, senders, ones[0] + 0.0 * receivers)
        network = GraphNetwork(
            (labels.shape[1], w1.shape[0], 2),
            (states.shape[1],),
            form=form,  # type: ignore[arg-type]
        )
        layers = [{"weight": w1, "bias": b1}, {"weight": w2, "bias": b2}]
        return network.transition({"messages": [layers]}, (states,), edges)[0]

    return new_states


def _graph_cases(settings: Any, rng: Any) -> list[kit.Case]:
    draw = rng.child("graph")
    nodes, labels, width, hidden = 6, 2, 3, 4
    receivers = [0, 0, 1, 2, 3, 4, 5, 5, 5, 1]
    senders = [1, 2, 3, 0, 5, 2, 0, 1, 4, 5]
    inputs = 2 * labels + 2 * width
    arguments = {
        "w1": 0.5 * draw.normal((hidden, inputs)), "b1": 0.3 * draw.normal((hidden,)),
        "w2": 0.5 * draw.normal((width, hidden)), "b2": 0.3 * draw.normal((width,)),
        "states": draw.normal((nodes, width)), "labels": draw.normal((nodes, labels)),
        "receivers": kit.array_of(receivers), "senders": kit.array_of(senders),
    }  # fmt: skip
    return [kit.Case("six nodes", arguments, {"nodes": nodes, "edges": len(senders)})]


def _messages(**options: Any) -> Callable[..., Any]:
    """The transition with one thing done in another way.

    Parameters
    ----------
    swapped : bool
        Senders for receivers.
    order : sequence of int
        Of the four inputs of a message.
    outer : bool
        Whether messages go through tanh.
    mean : bool
        Messages are averaged over neighbors.
    largest : bool
        The largest message is taken.
    """

    def make(**settings: Any) -> Callable[..., Any]:
        def new_states(w1: Any, b1: Any, w2: Any, b2: Any, states: Any, *graph: Any) -> Any:
            labels, v, u = (ad.value(part) for part in graph)
            if options.get("swapped"):
                v, u = u, v
            seen = [labels[v], labels[u], ad.take(states, u, axis=0), ad.take(states, v, axis=0)]
            seen = [seen[i] for i in options.get("order", (0, 1, 2, 3))]
            message = ad.tanh(ad.linear(ad.concat(seen, axis=1), w1, b1))
            message = ad.linear(message, w2, b2)
            if options.get("outer", True):
                message = ad.tanh(message)
            xp = namespace(labels)
            place = xp.arange(states.shape[0])[:, None] == v[None, :]
            spread = xp.astype(place, labels.dtype)
            if options.get("mean"):
                spread = spread / xp.clip(xp.sum(spread, axis=1, keepdims=True), 1.0, None)
            return ad.matmul(spread, message)

        return new_states

    return make


MESSAGES = (
    kit.Deviation("senders and receivers exchanged", "edges lead the other way",
                  family=_messages, options={"swapped": True}),
    kit.Deviation("states of both ends exchanged", "the own state stands where the neighbor's is",
                  family=_messages, options={"order": (0, 1, 3, 2)}),
    kit.Deviation("labels of both ends exchanged", "the neighbor's label stands first",
                  family=_messages, options={"order": (1, 0, 2, 3)}),
    kit.Deviation("outer tanh missing", "messages are not bounded",
                  family=_messages, options={"outer": False}),
    kit.Deviation("mean over neighbors", "messages are averaged, not summed",
                  family=_messages, options={"mean": True}),
)  # fmt: skip

SUBJECTS: tuple[kit.Subject, ...] = (
    kit.function("graph_constraint", "f(gap) -> G(gap), entry by entry", _gap_function, _gap_cases,
                 settings={"constraint": "eps", "epsilon": 0.2},
                 alternatives={"constraint": CONSTRAINTS}, differentiate=("gap",),
                 deviations=GAPS),
    kit.function("graph_transition",
                 "f(w1, b1, w2, b2, states, labels, receivers, senders) -> new states; messages "
                 "tanh(w2 tanh(w1 [l_v, l_u, x_u, x_v] + b1) + b2)", _transition, _graph_cases,
                 settings={"form": "printed"}, fixed=("form",),
                 differentiate=("w1", "b1", "w2", "b2", "states"), deviations=MESSAGES),
)  # fmt: skip
