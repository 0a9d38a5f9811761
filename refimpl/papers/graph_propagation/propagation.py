"""Constraint-based propagation: weights, states and multipliers move together to a saddle point.

The states of a graph network are the solution of x = F(x; θ). Instead of iterating F they are
variables, and the equation is a constraint with multipliers.

Algorithm
---------
1. g_θ, g_X, g_Λ ← gradients of Lagr(θ, X, Λ) (:mod:`refimpl.papers.graph_propagation.lagrangian`)
2. θ ← θ − update(g_θ), X ← X − update(g_X)
3. Λ ← Λ + update(g_Λ), with g_Λ of 1 ("simultaneous") or taken again at the new θ and X
   ("alternating"); "extragradient" takes 1 at the point to which plain steps would lead

X and Λ start at 0. On new graphs θ is frozen, and 2 and 3 act on the graphs' own X and Λ without
the loss.

Source: M. Tiezzi, G. Marra, S. Melacci and M. Maggini, "Deep constraint-based propagation in graph
neural networks", IEEE TPAMI 44 (2022), arXiv:2005.02392; details as printed in the thesis of the
first author.

========== ==================================
paper      code
========== ==================================
θ, X, Λ    ``state.params``, a ``Saddle``
G, ε       ``constraint``, ``epsilon``
K          layers of ``model.state_widths``
L          ``objective.loss``
========== ==================================

Deviations
----------
* ``rho``, ``order`` and multipliers for each dimension are additions; the paper has one multiplier
  a node, simultaneous steps and no augmented term.
* ``read_out="new"`` for targets of nodes, means (``reduction``, ``loss_reduction``) and
  ``loss_weight`` are the released code's.
* No default of G and ε is printed. Here it is the thesis's component-wise insensitive one with
  0.01, the middle of the three values that it tries; the released code has 1e-4 and 1e-6.
* With a signed G (lin, lineps, cubed), one multiplier a node asks only that the gaps of a node sum
  to zero over its dimensions; :attr:`PropagationInfo.node_sum` is beside the residual for that.
* With a non-negative G multipliers never fall; steps of equal size η with eps settle near the
  target only where η|∇loss| <= (2 − η)ε.

>>> from refimpl import Rng
>>> from refimpl.models import Objective
>>> from refimpl.papers.graph_propagation.data import load_karate
>>> from refimpl.papers.graph_propagation.network import GraphNetwork
>>> data = load_karate(rng=Rng(0)).train
>>> objective = Objective(GraphNetwork((34, 5, 4)))
>>> algorithm = ConstraintPropagation()
>>> state = algorithm.init(objective.model.init(Rng(1)), data.batch(), objective)
>>> state, info = algorithm.step(state, objective, data.batch())
>>> state.step, float(info.multiplier_norm)
(1, 0.0)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import FirstOrder, check_params
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.arrays import Array, eps
from refimpl.checks import count, one_of, positive
from refimpl.errors import DivergenceError, SettingError
from refimpl.papers.graph_propagation.constraints import NON_NEGATIVE, ConstraintName
from refimpl.papers.graph_propagation.graphs import GraphBatch
from refimpl.papers.graph_propagation.judging import graph_metrics
from refimpl.papers.graph_propagation.lagrangian import (
    Multipliers,
    ReadOut,
    Reduction,
    Saddle,
    Terms,
    derivatives,
)
from refimpl.papers.graph_propagation.propagation_state import (
    PropagationInfo,
    PropagationState,
    diagnose,
    put_back,
    taken,
)
from refimpl.random import Rng

Order = Literal["simultaneous", "alternating", "extragradient"]


@dataclass(frozen=True, kw_only=True)
class ConstraintPropagation:
    """Learning under the state equation as a constraint.

    Parameters
    ----------
    constraint, epsilon, multipliers, read_out, reduction, loss_reduction, rho, loss_weight
        See :class:`~refimpl.papers.graph_propagation.lagrangian.Terms`.
    learning_rate, base : float, str
        Of the update of θ.
    state_rate, multiplier_rate, state_base : float, float, str
        Of the updates of X and Λ.
    momentum : float
        Of all three, where they have one.
    order : {"simultaneous", "alternating", "extragradient"}
    test_steps : int
        Steps on X and Λ for graphs that were not trained on.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.
    SettingError
        For extragradient steps with another base than "sgd".

    Examples
    --------
    >>> ConstraintPropagation(order="extragradient")
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: extragradient steps are plain ones: base and state_base must be sgd
    """

    requires: ClassVar[tuple[str, ...]] = ("training", "objective")
    composes: ClassVar[str] = "it descends in the weights and ascends in multipliers at once"

    constraint: ConstraintName = field(default="eps", metadata={"help": "G of the state equation"})
    epsilon: float = field(default=0.01, metadata={"help": "gap that G does not see, >= 0"})
    multipliers: Multipliers = field(
        default="node", metadata={"help": "one a node, one a node and dimension, or one in all"}
    )
    read_out: ReadOut = field(
        default="printed",
        metadata={
            "help": "the output reads X or F(X); printed: F(X) for targets of graphs, else X"
        },
    )
    reduction: Reduction = field(default="sum", metadata={"help": "of the constraint"})
    loss_reduction: Reduction = field(default="sum", metadata={"help": "of the loss"})
    rho: float = field(default=0.0, metadata={"help": "of the augmented term, >= 0"})
    loss_weight: float = field(default=1.0, metadata={"help": "of the loss, >= 0"})
    base: BaseName = field(default="adam", metadata={"help": f"of the weights: {BASE_HELP}"})
    learning_rate: float = field(default=0.001, metadata={"help": "step of the weights, positive"})
    state_base: BaseName = field(
        default="adam", metadata={"help": "of states and multipliers: " + BASE_HELP}
    )
    state_rate: float = field(default=0.01, metadata={"help": "step of the states, positive"})
    multiplier_rate: float = field(
        default=0.01, metadata={"help": "step of the multipliers, positive"}
    )
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})
    order: Order = field(
        default="simultaneous", metadata={"help": "when the multipliers look at the gaps"}
    )
    test_steps: int = field(default=100, metadata={"help": "on states of new graphs"})

    def __post_init__(self) -> None:
        one_of("state_base", self.state_base, get_args(BaseName))
        positive("state_rate", self.state_rate)
        positive("multiplier_rate", self.multiplier_rate)
        _ = self.terms, self.updates
        one_of("order", self.order, get_args(Order))
        count("test_steps", self.test_steps)
        if self.order == "extragradient" and {self.base, self.state_base} != {"sgd"}:
            raise SettingError(
                "extragradient steps are plain ones: base and state_base must be sgd"
            )

    @property
    def terms(self) -> Terms:
        """What the Lagrangian is made of."""
        return Terms(
            constraint=self.constraint,
            epsilon=self.epsilon,
            multipliers=self.multipliers,
            read_out=self.read_out,
            reduction=self.reduction,
            loss_reduction=self.loss_reduction,
            rho=self.rho,
            loss_weight=self.loss_weight,
        )

    @property
    def updates(self) -> tuple[FirstOrder, FirstOrder, FirstOrder]:
        """The updates of θ, X and Λ."""
        return (
            first_order(self.base, self.learning_rate, self.momentum),
            first_order(self.state_base, self.state_rate, self.momentum),
            first_order(self.state_base, self.multiplier_rate, self.momentum),
        )

    def init(self, params: Any, training: GraphBatch, objective: Any) -> PropagationState:
        """The state before the first step: states and multipliers 0.

        Parameters
        ----------
        params : tree
            Weights of the graph network.
        training : GraphBatch
            All training nodes.
        objective : Objective
            Its model is a graph network.

        Raises
        ------
        SettingError
            If the model is no graph network, or no node is supervised.
        """
        check_params(params)
        if not hasattr(objective.model, "transition"):
            raise SettingError(
                "propagation needs a graph network with a transition: take graph_network"
            )
        if not isinstance(training, GraphBatch):
            raise SettingError("propagation needs graphs, such as karate or cliques")
        if self.loss_weight and training.supervised.shape[0] == 0:
            raise SettingError("no node or graph is supervised")
        states = objective.model.zeros(training.graph)
        saddle = Saddle(params, states, self.terms.zero_multipliers(states))
        buffers = Saddle(*(u.buffers(part) for u, part in zip(self.updates, saddle, strict=True)))
        return PropagationState(saddle, 0, buffers)

    def step(
        self, state: PropagationState, objective: Any, batch: GraphBatch, rng: Rng | None = None
    ) -> tuple[PropagationState, PropagationInfo]:
        """One step on the nodes of the batch; ``rng`` is not used.

        Raises
        ------
        DivergenceError
            If gaps or multipliers are not finite, or the multipliers of a non-negative G are
            beyond 1 / eps(dtype).
        """
        rows = batch.indices
        nodes = state.params.states[0].shape[0]
        inner = state if rows is None else taken(state, rows, nodes)
        moved, info = self._moved(inner, objective, batch)
        if rows is not None:
            moved = put_back(state, moved, rows, nodes)
        self._check(info, state.step)
        return moved, info

    def settle(
        self,
        params: Any,
        objective: Any,
        batch: GraphBatch,
        *,
        steps: int | None = None,
        start: Saddle | None = None,
    ) -> tuple[Saddle, PropagationInfo]:
        """States and multipliers of the graphs of ``batch`` with the weights frozen.

        At test time ``loss_weight`` is 0: see :meth:`constraint_only`.

        Parameters
        ----------
        params : tree
            θ.
        objective : Objective
        batch : GraphBatch
        steps : int, optional
            Default ``test_steps``.
        start : Saddle, optional
            Default zeros.

        Returns
        -------
        Saddle, PropagationInfo
            The info is that of the last step.
        """
        whole = batch._replace(indices=None)
        state = self.init(params, whole, objective)
        if start is not None:
            state = state._replace(params=start._replace(network=params))
        info = None
        for _ in range(self.test_steps if steps is None else steps):
            state, info = self._moved(state, objective, whole, frozen=True)
        if info is None:
            raise ValueError("steps must be at least 1")
        self._check(info, state.step)
        return state.params, info

    def constraint_only(self) -> ConstraintPropagation:
        """The same without the loss: what acts at test time."""
        return replace(self, loss_weight=0.0)

    def metrics(self, objective: Any) -> dict[str, Callable[[Any, Any], float]]:
        """Accuracy, state residual and norm of the multipliers on a set of graphs."""

        def states_of(params: Saddle, batch: GraphBatch) -> Saddle:
            return self.constraint_only().settle(params.network, objective, batch)[0]

        return graph_metrics(objective, states_of, self.read_out)

    def network(self, params: Saddle) -> Any:
        """The weights of the network within what is learned."""
        return params.network

    def rows(self, batch: GraphBatch) -> Array | None:
        """The nodes over which the constraint is summed: None for all."""
        return None

    def _moved(
        self, state: PropagationState, objective: Any, batch: GraphBatch, frozen: bool = False
    ) -> tuple[PropagationState, PropagationInfo]:
        terms, rows, updates = self.terms, self.rows(batch), self.updates
        point, buffers = state.params, state.buffers
        value, slope, seen = derivatives(terms, objective, point, batch, rows)
        info = diagnose(point, value, seen)
        if self.order == "extragradient":
            ahead = Saddle(
                point.network if frozen else _ahead(point[0], slope[0], -self.learning_rate),
                _ahead(point.states, slope.states, -self.state_rate),
                _ahead(point.multipliers, slope.multipliers, self.multiplier_rate),
            )
            slope = derivatives(terms, objective, ahead, batch, rows)[1]
        parts, kept = list(point), list(buffers)
        for k in (1,) if frozen else (0, 1):
            direction, kept[k] = updates[k].direction(buffers[k], slope[k], state.step)
            parts[k] = _ahead(point[k], direction, -updates[k].learning_rate)
        if self.order == "alternating":
            slope = derivatives(terms, objective, Saddle(*parts), batch, rows)[1]
        direction, kept[2] = updates[2].direction(buffers[2], slope[2], state.step)
        parts[2] = _ahead(point[2], direction, self.multiplier_rate)
        return PropagationState(Saddle(*parts), state.step + 1, Saddle(*kept)), info

    def _check(self, info: PropagationInfo, step: int) -> None:
        norm, residual = float(info.multiplier_norm), float(info.residual)
        limit = 1.0 / eps(info.residual) if self.constraint in NON_NEGATIVE else float("inf")
        if not (residual < float("inf") and norm < limit):
            raise DivergenceError(
                "states or multipliers have left every bound: smaller state_rate and "
                "multiplier_rate, a signed constraint or rho > 0 may help",
                step=step,
                residual=residual,
                multiplier_norm=norm,
            )


def _ahead(tree: Any, direction: Any, rate: float) -> Any:
    return ad.map_tree(lambda leaf, d: leaf + rate * d, tree, direction)
