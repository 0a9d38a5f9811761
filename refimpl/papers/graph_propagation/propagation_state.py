"""State and diagnostics of constraint-based propagation, and what of the state a batch moves."""

from __future__ import annotations

from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace, put_rows, take_rows
from refimpl.papers.graph_propagation.lagrangian import (
    Saddle,
    Seen,
    largest,
)


class PropagationState(NamedTuple):
    """State of the search.

    Attributes
    ----------
    params : Saddle
        Weights, states and multipliers of all training nodes.
    step : int
    buffers : Saddle
        Those of the three updates.
    """

    params: Saddle
    step: int
    buffers: Saddle


class PropagationInfo(NamedTuple):
    """Diagnostics of a step, before it, on its batch.

    Attributes
    ----------
    loss : 0-d array
        On the supervised nodes or graphs, by the read-out.
    lagrangian : 0-d array
    residual : 0-d array
        max |x − F|.
    node_sum : 0-d array
        max over nodes of |Σ_d (x − F)|, all that one multiplier a node and a signed G look at.
    multiplier_norm : 0-d array
    """

    loss: Array
    lagrangian: Array
    residual: Array
    node_sum: Array
    multiplier_norm: Array


def diagnose(point: Saddle, value: Array, seen: Seen) -> PropagationInfo:
    """What a step tells of the point that it starts from, where the Lagrangian was evaluated."""
    found = tuple(x - f for x, f in zip(point.states, seen.new, strict=True))
    xp = namespace(*found)
    sums = tuple(xp.sum(gap, axis=1, keepdims=True) for gap in found)
    return PropagationInfo(
        seen.loss,
        value,
        largest(found),
        largest(sums),
        ad.norm_tree(list(point.multipliers)),
    )


def taken(state: PropagationState, rows: Any, nodes: int) -> PropagationState:
    """The rows of states and multipliers (and of their buffers) that belong to a batch."""

    def take(leaf: Array) -> Array:
        if leaf.ndim == 0 or leaf.shape[0] != nodes:
            return leaf
        return take_rows(leaf, rows)

    params, buffers = state.params, state.buffers
    return PropagationState(
        Saddle(params.network, *(ad.map_tree(take, part) for part in params[1:])),
        state.step,
        Saddle(buffers.network, *(ad.map_tree(take, part) for part in buffers[1:])),
    )


def put_back(
    old: PropagationState, new: PropagationState, rows: Any, nodes: int
) -> PropagationState:
    """The whole state with the rows of ``new`` in their places."""

    def put(leaf: Array, part: Array) -> Array:
        return put_rows(leaf, rows, part) if leaf.ndim and leaf.shape[0] == nodes else part

    def joined(before: Saddle, after: Saddle) -> Saddle:
        parts = [ad.map_tree(put, b, a) for b, a in zip(before[1:], after[1:], strict=True)]
        return Saddle(after.network, *parts)

    return PropagationState(
        joined(old.params, new.params), new.step, joined(old.buffers, new.buffers)
    )
