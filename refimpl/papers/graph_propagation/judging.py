"""How what was learned on graphs is judged: accuracy, state residual and multipliers.

States of graphs that were trained on are those that training left; other graphs get their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import namespace
from refimpl.papers.graph_propagation.graphs import GraphBatch
from refimpl.papers.graph_propagation.lagrangian import (
    ReadOut,
    Saddle,
    gaps,
    largest,
    loss_of,
    outputs_of,
    reads_new,
)

StatesOf = Callable[[Saddle, GraphBatch], Saddle]

_GRAPHS = 20  # that are settled at once


class _Judge:
    """Settles the graphs of a set once for all metrics at the same parameters."""

    def __init__(self, objective: Any, states_of: StatesOf, read_out: ReadOut) -> None:
        self.objective, self.states_of, self.read_out = objective, states_of, read_out
        self.seen: tuple[Any, Any, dict[str, float]] = (None, None, {})

    def __call__(self, params: Saddle, data: Any) -> dict[str, float]:
        if self.seen[0] is not params or self.seen[1] is not data:
            self.seen = (params, data, self._numbers(params, data))
        return self.seen[2]

    def _numbers(self, params: Saddle, data: Any) -> dict[str, float]:
        if data.trained:
            pieces = [(data.batch(), params)]
        else:
            chunks = range(0, len(data), _GRAPHS)
            batches = [data.batch(range(k, min(k + _GRAPHS, len(data)))) for k in chunks]
            pieces = [(batch, self.states_of(params, batch)) for batch in batches]
        right = judged = 0
        loss = residual = squares = 0.0
        for batch, saddle in pieces:
            found = gaps(self.objective.model, saddle.network, saddle.states, batch)
            new = reads_new(self.read_out, batch)
            read = saddle.states[-1] - found[-1] if new else saddle.states[-1]
            outputs = outputs_of(self.objective.model, saddle.network, read, batch)
            xp = namespace(outputs)
            hits = xp.argmax(outputs, axis=1) == batch.targets
            right += int(xp.count_nonzero(xp.take(hits, batch.supervised)))
            judged += batch.supervised.shape[0]
            loss += float(loss_of(self.objective, saddle.network, read, batch))
            residual = max(residual, float(largest(found)))
            squares += float(ad.norm_tree(list(saddle.multipliers))) ** 2
        return {
            "loss": loss / max(judged, 1),
            "accuracy": right / max(judged, 1),
            "state_residual": residual,
            "multiplier_norm": squares**0.5,
        }


def graph_metrics(
    objective: Any, states_of: StatesOf, read_out: ReadOut
) -> dict[str, Callable[[Any, Any], float]]:
    """Metrics on sets of graphs.

    Parameters
    ----------
    objective : Objective
    states_of : callable
        ``states_of(params, batch) -> Saddle`` for graphs that were not trained on.
    read_out : {"printed", "state", "new"}

    Returns
    -------
    dict
        ``loss`` (a mean) and ``accuracy`` of the set's supervised nodes or graphs,
        ``state_residual`` (max |x − F|
        over all its nodes) and ``multiplier_norm``.
    """
    judge = _Judge(objective, states_of, read_out)

    def metric(name: str) -> Callable[[Any, Any], float]:
        return lambda params, data: judge(params, data)[name]

    return {
        name: metric(name) for name in ("loss", "accuracy", "state_residual", "multiplier_norm")
    }
