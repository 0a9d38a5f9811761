"""The Lagrangian of learning under the state equation, and its derivatives.

Lagr(θ, X, Λ) = w L(θ, X) + Σ_k Σ_v λ_{k,v} · G(x_{k,v} − F_{k,v}) + (ρ/2) Σ ‖x − F‖²

with sums over labeled nodes in L and over nodes and dimensions beside the multipliers, or means of
either as in the released code. The multipliers are one a node, one a node and dimension, or one in
all for each layer. L reads the states of labeled nodes, or, where graphs are labeled, the new
states added up over the nodes of each.

Source: M. Tiezzi, G. Marra, S. Melacci and M. Maggini, IEEE TPAMI 44 (2022), as printed in the
thesis of the first author; the augmented term is not in it.

Deviations
----------
* As printed, the sum is over the labeled nodes, though the problem asks it of all; then the
  others are free. Here it is over all; :mod:`refimpl.papers.graph_propagation.labeled_only` has
  the printed sum, to look at.

>>> Terms(multipliers="dimension").multiplier_shape(3, 2)
(3, 2)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, namespace, one_hot
from refimpl.checks import non_negative, one_of
from refimpl.errors import SettingError
from refimpl.papers.graph_propagation.constraints import (
    CONSTRAINTS,
    ConstraintName,
    constraint_value,
)
from refimpl.papers.graph_propagation.graphs import GraphBatch
from refimpl.papers.graph_propagation.network import States

Multipliers = Literal["node", "dimension", "global"]
ReadOut = Literal["printed", "state", "new"]
Reduction = Literal["sum", "mean"]


class Saddle(NamedTuple):
    """What is searched for: weights, states and multipliers of every layer."""

    network: Any
    states: States
    multipliers: States


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the Lagrangian is made of.

    Parameters
    ----------
    constraint : str
        G; see :mod:`refimpl.papers.graph_propagation.constraints`.
    epsilon : float
        ε, non-negative.
    multipliers : {"node", "dimension", "global"}
    read_out : {"printed", "state", "new"}
        The output reads X, or F(X); as printed, X where nodes have targets and F(X) where graphs
        have them.
    reduction : {"sum", "mean"}
        Of the constraint, over nodes and dimensions.
    loss_reduction : {"sum", "mean"}
        Of the loss, over labeled nodes (or graphs); whatever that of the objective is.
    rho : float
        Of the augmented term, non-negative.
    loss_weight : float
        w, non-negative; 0 leaves the loss out.

    Raises
    ------
    SettingError
        For "eps_l1", which is one number a node, with multipliers for each dimension.

    Examples
    --------
    >>> Terms(epsilon=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: epsilon must be non-negative and finite, not -1.0
    """

    constraint: ConstraintName = "lin"
    epsilon: float = 0.0
    multipliers: Multipliers = "node"
    read_out: ReadOut = "printed"
    reduction: Reduction = "sum"
    loss_reduction: Reduction = "sum"
    rho: float = 0.0
    loss_weight: float = 1.0

    def __post_init__(self) -> None:
        one_of("constraint", self.constraint, CONSTRAINTS)
        non_negative("epsilon", self.epsilon)
        one_of("multipliers", self.multipliers, get_args(Multipliers))
        one_of("read_out", self.read_out, get_args(ReadOut))
        one_of("reduction", self.reduction, get_args(Reduction))
        one_of("loss_reduction", self.loss_reduction, get_args(Reduction))
        non_negative("rho", self.rho)
        non_negative("loss_weight", self.loss_weight)
        if self.constraint == "eps_l1" and self.multipliers == "dimension":
            raise SettingError("eps_l1 is one number a node: take multipliers='node' or 'global'")

    def multiplier_shape(self, nodes: int, width: int) -> tuple[int, int]:
        """Of one layer."""
        if self.multipliers == "dimension":
            return (nodes, width)
        return (nodes if self.multipliers == "node" else 1, 1)

    def zero_multipliers(self, states: States) -> States:
        """Λ = 0 beside these states."""
        xp = namespace(*states)
        return tuple(
            xp.zeros(self.multiplier_shape(*x.shape), dtype=x.dtype, device=device(x))
            for x in states
        )


def reads_new(read_out: ReadOut, batch: GraphBatch) -> bool:
    """Whether the output reads F(X) rather than X."""
    return read_out == "new" or (read_out == "printed" and batch.members is not None)


def outputs_of(network: Any, params: Any, state: Array, batch: GraphBatch) -> Any:
    """Scores of every node, or of every graph: from the sum of its nodes' states."""
    if batch.members is not None:
        belongs = one_hot(batch.members, batch.targets.shape[0], batch.graph.labels)
        state = ad.matmul(belongs.mT, state)
    return network.outputs(params, state)


def loss_of(
    objective: Any, params: Any, state: Array, batch: GraphBatch, reduction: Reduction = "sum"
) -> Any:
    """L on the supervised nodes or graphs, read from the last layer's ``state``."""
    scores = outputs_of(objective.model, params, state, batch)
    outputs = ad.take(scores, batch.supervised, axis=0)
    targets = namespace(batch.targets).take(batch.targets, batch.supervised, axis=0)
    return objective.loss(outputs, targets, reduction=reduction)


class Seen(NamedTuple):
    """What an evaluation of the Lagrangian met: F(X) of every layer, and L, also at weight 0."""

    new: States
    loss: Any


def lagrangian(
    terms: Terms, objective: Any, saddle: Saddle, batch: GraphBatch, rows: Any = None
) -> Any:
    """Lagr, differentiable in the three parts of ``saddle``.

    Parameters
    ----------
    terms : Terms
    objective : Objective
        Its model is a graph network.
    saddle : Saddle
    batch : GraphBatch
    rows : integer array, optional
        The nodes that the constraint is summed over; default all.
    """
    return lagrangian_and_seen(terms, objective, saddle, batch, rows)[0]


def lagrangian_and_seen(
    terms: Terms, objective: Any, saddle: Saddle, batch: GraphBatch, rows: Any = None
) -> tuple[Any, Seen]:
    """:func:`lagrangian`, and what it came by."""
    new = objective.model.transition(saddle.network, saddle.states, batch.graph)
    total: Any = 0.0
    for x, f, multiplier in zip(saddle.states, new, saddle.multipliers, strict=True):
        gap = x - f
        if rows is not None:
            gap = ad.take(gap, rows, axis=0)
            multiplier = (
                ad.take(multiplier, rows, axis=0) if multiplier.shape[0] > 1 else multiplier
            )
        weighed = multiplier * constraint_value(terms.constraint, gap, terms.epsilon)
        total = total + (ad.sum if terms.reduction == "sum" else ad.mean)(weighed)
        if terms.rho:
            total = total + (0.5 * terms.rho) * ad.sum(ad.square(gap))
    read = new[-1] if reads_new(terms.read_out, batch) else saddle.states[-1]
    loss = loss_of(objective, saddle.network, read, batch, terms.loss_reduction)
    if terms.loss_weight:
        total = total + terms.loss_weight * loss
    return total, Seen(new, loss)


def derivatives(
    terms: Terms, objective: Any, saddle: Saddle, batch: GraphBatch, rows: Any = None
) -> tuple[Array, Saddle, Seen]:
    """Value, gradient and what was met; without a dependence on θ its part is zero."""
    both = ad.value_and_grad(
        lambda point: lagrangian_and_seen(terms, objective, point, batch, rows), has_aux=True
    )
    (value, seen), slope = both(saddle)
    return value, slope, seen


def gaps(network: Any, params: Any, states: States, batch: GraphBatch) -> States:
    """x − F(x) of every layer: how far the state equation is from being met."""
    new = network.transition(params, states, batch.graph)
    return tuple(x - f for x, f in zip(states, new, strict=True))


def largest(arrays: States) -> Array:
    """The largest absolute entry of all."""
    xp = namespace(*arrays)
    return xp.max(xp.stack([xp.max(xp.abs(a)) for a in arrays]))
