"""Learning with the states at their fixed point: what constraint-based propagation replaces.

Algorithm
---------
1. x ← the fixed point of F(·; θ), from the last one
2. θ ← θ − update(dL/dθ) by implicit differentiation, or through a number of sweeps from 0

Source: F. Scarselli et al., "The graph neural network model", IEEE Transactions on Neural Networks
20 (2009).

===== ==================================
paper code
===== ==================================
x     ``state.params.states``
F     the model's state map
θ     ``state.params.network``
L     loss over supervised nodes
===== ==================================

Deviations
----------
* The fixed point is iterated to ``tolerance`` from the last one, and the adjoint is solved exactly
  (or iterated) instead of run back through the iterations.
* No penalty keeps the map contractive: where it is not, a ConvergenceError carries the radius. At
  the weights that ``GraphNetwork.init`` draws it is not on a graph with hubs: messages are added,
  so the radius grows with that of the adjacency matrix (Zachary's karate club: 9.6; 1.7 with
  messages averaged). There take ``sweeps``, or weights drawn with a smaller ``scale``.

>>> FixedPointLearning(sweeps=-1)
Traceback (most recent call last):
...
ValueError: sweeps must be at least 0, not -1
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import check_params
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.arrays import Array, namespace
from refimpl.checks import count, one_of, positive
from refimpl.errors import SettingError
from refimpl.papers.graph_propagation.fixed_point import (
    Solver,
    fixed_point,
    implicit_gradient,
    unrolled_gradient,
)
from refimpl.papers.graph_propagation.graphs import GraphBatch
from refimpl.papers.graph_propagation.judging import graph_metrics
from refimpl.papers.graph_propagation.lagrangian import Reduction, Saddle, gaps, largest
from refimpl.random import Rng


class FixedPointState(NamedTuple):
    """State: weights, the last fixed point and −z as a ``Saddle``; step; the update's buffers."""

    params: Saddle
    step: int
    buffers: Any


class FixedPointInfo(NamedTuple):
    """Diagnostics of a step: loss, max |x − F| and ‖z‖ before it."""

    loss: Array
    residual: Array
    multiplier_norm: Array


@dataclass(frozen=True, kw_only=True)
class FixedPointLearning:
    """Gradient descent through the fixed point of the states.

    Parameters
    ----------
    base, learning_rate, momentum
        Of the update of θ.
    sweeps : int
        0: exact fixed points and implicit gradients. Otherwise that many applications of F from
        0, differentiated.
    tolerance : float
        Of the fixed point and of the iterated adjoint.
    max_iterations : int
        Of the fixed point and of the iterated adjoint.
    solver : {"iterate", "dense"}
        Of the adjoint equation.
    loss_reduction : {"sum", "mean"}
        Over labeled nodes or graphs.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.
    """

    requires: ClassVar[tuple[str, ...]] = ("training", "objective")
    composes: ClassVar[str] = "its gradient goes through a fixed point"

    base: BaseName = field(default="adam", metadata={"help": BASE_HELP})
    learning_rate: float = field(default=0.01, metadata={"help": "step of the weights, positive"})
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})
    sweeps: int = field(default=0, metadata={"help": "unrolled; 0: implicit gradients"})
    tolerance: float = field(default=1e-6, metadata={"help": "of the fixed point, positive"})
    max_iterations: int = field(default=2000, metadata={"help": "of the fixed point"})
    solver: Solver = field(default="iterate", metadata={"help": "of the adjoint equation"})
    loss_reduction: Reduction = field(default="sum", metadata={"help": "of the loss"})

    def __post_init__(self) -> None:
        first_order(self.base, self.learning_rate, self.momentum)
        count("sweeps", self.sweeps, 0)
        positive("tolerance", self.tolerance)
        count("max_iterations", self.max_iterations)
        one_of("solver", self.solver, get_args(Solver))
        one_of("loss_reduction", self.loss_reduction, get_args(Reduction))

    def init(self, params: Any, training: GraphBatch, objective: Any) -> FixedPointState:
        """The state before the first step.

        Raises
        ------
        SettingError
            If the model is no graph network, the data no graphs, or no node is supervised.
        """
        check_params(params)
        if not hasattr(objective.model, "transition") or not isinstance(training, GraphBatch):
            raise SettingError("fixed points need a graph network on graphs: graph_network, karate")
        if training.supervised.shape[0] == 0:
            raise SettingError("no node or graph is supervised")
        zeros = objective.model.zeros(training.graph)
        buffers = first_order(self.base, self.learning_rate, self.momentum).buffers(params)
        return FixedPointState(Saddle(params, zeros, zeros), 0, buffers)

    def step(
        self, state: FixedPointState, objective: Any, batch: GraphBatch, rng: Rng | None = None
    ) -> tuple[FixedPointState, FixedPointInfo]:
        """One step; ``rng`` is not used.

        Raises
        ------
        ConvergenceError
            If there is no fixed point within ``max_iterations``; with the spectral radius.
        """
        params, whole = state.params.network, batch.indices is None
        update = first_order(self.base, self.learning_rate, self.momentum)
        if self.sweeps:
            loss, gradient = unrolled_gradient(
                objective, params, batch, self.sweeps, loss_reduction=self.loss_reduction
            )
            states = self._swept(params, objective, batch)
            adjoint = tuple(0.0 * x for x in states)
        else:
            found = fixed_point(
                objective.model, params, batch,
                start=state.params.states if whole else None,
                tolerance=self.tolerance, max_iterations=self.max_iterations,
            )  # fmt: skip
            states = found.states
            loss, gradient, adjoint = implicit_gradient(
                objective, params, batch, states, loss_reduction=self.loss_reduction,
                solver=self.solver, tolerance=self.tolerance, max_iterations=self.max_iterations,
            )  # fmt: skip
        info = FixedPointInfo(
            loss,
            largest(gaps(objective.model, params, states, batch)),
            ad.norm_tree(list(adjoint)),
        )
        direction, buffers = update.direction(state.buffers, gradient, state.step)
        rate = self.learning_rate
        moved = ad.map_tree(lambda w, d: w - rate * d, params, direction)
        negative = tuple(-z for z in adjoint)
        kept = Saddle(moved, states, negative) if whole else state.params._replace(network=moved)
        return FixedPointState(kept, state.step + 1, buffers), info

    def metrics(self, objective: Any) -> dict[str, Callable[[Any, Any], float]]:
        """Accuracy, state residual and norm of the adjoint (0 on graphs that are not trained on).

        Sets that were trained on are judged at the fixed point of the final weights too.
        """

        def states_of(params: Saddle, batch: GraphBatch) -> Saddle:
            if self.sweeps:
                states = self._swept(params.network, objective, batch)
            else:
                states = fixed_point(
                    objective.model, params.network, batch,
                    tolerance=self.tolerance, max_iterations=self.max_iterations,
                ).states  # fmt: skip
            xp = namespace(*states)
            return Saddle(params.network, states, tuple(xp.zeros_like(x) for x in states))

        return graph_metrics(objective, states_of, "printed")

    def network(self, params: Saddle) -> Any:
        """The weights of the network within what is learned."""
        return params.network

    def _swept(self, params: Any, objective: Any, batch: GraphBatch) -> Any:
        states = objective.model.zeros(batch.graph)
        for _ in range(self.sweeps):
            states = objective.model.transition(params, states, batch.graph)
        return states
