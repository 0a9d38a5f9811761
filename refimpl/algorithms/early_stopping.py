"""Early stopping: keep the parameters with the lowest validation loss.

Algorithm
---------
1. w ← first-order step on the training batch
2. every k steps, and at the start: E ← L(w; validation)
3. if E < E_best − δ: (w_best, E_best) ← (w, E), count ← 0; else count ← count + 1
4. stop when count = patience; the answer is w_best

Source: L. Prechelt, "Early stopping - but when?", in *Neural Networks: Tricks of the Trade*,
Springer 1998, section 2.1 (the criteria GL and UP) and step 4 of his procedure: "use the weights
the network had in [the best] step".

===== ============================
paper code
===== ============================
k     ``evaluate_every``
s     ``patience``
E_opt ``state.best_loss``
E_va  ``state.validation_loss``
===== ============================

Deviations
----------
* The count is of evaluations without a new minimum. Prechelt's UP counts successive rises from
  one evaluation to the next; the two agree when the validation loss has one minimum.
* Optional margin δ (``minimum_change``), zero by default.

>>> import numpy as np
>>> def distance(params, batch):
...     return ((params["weight"] - batch) ** 2)[0]
>>> algorithm = EarlyStopping(learning_rate=0.25, evaluate_every=1, patience=1)
>>> state = algorithm.init({"weight": np.asarray([0.0])}, validation=1.0)
>>> for _ in range(2):
...     state, info = algorithm.step(state, distance, 2.0)
>>> state.params["weight"], algorithm.solution(state)["weight"], info.stopped
(array([1.5]), array([1.]), True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from refimpl.algorithms.base import (
    FirstOrder,
    Objective,
    State,
    Tree,
    plain_step,
    start,
)
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.arrays import Array
from refimpl.checks import count, non_negative
from refimpl.errors import DivergenceError
from refimpl.random import Rng


class EarlyStoppingState(NamedTuple):
    """State of early stopping.

    Attributes
    ----------
    params, step, buffers
        Those of the first-order update.
    validation : Batch
        The validation data, handed to the objective as a batch.
    best_params : tree
    best_loss, validation_loss : float
        The lowest and the latest validation loss; infinite before the first evaluation.
    misses : int
        Evaluations since the last new minimum.
    """

    params: Tree
    step: int
    buffers: Tree
    validation: Any
    best_params: Tree
    best_loss: float
    validation_loss: float
    misses: int


class EarlyStoppingInfo(NamedTuple):
    """Diagnostics: training loss before the step, latest and best validation loss, the end."""

    loss: Array
    validation_loss: float
    best_loss: float
    stopped: bool


@dataclass(frozen=True)
class EarlyStopping:
    """Early stopping around a first-order update.

    Parameters
    ----------
    learning_rate : float
        α of the base update, positive.
    base : {"sgd", "momentum", "nesterov", "adam"}
        The first-order update.
    momentum : float
        μ of the base update, in [0, 1).
    evaluate_every : int
        Steps between evaluations of the validation loss.
    patience : int
        Evaluations without a new minimum after which the run stops.
    minimum_change : float
        By how much a loss must fall below the best to count as a new minimum, non-negative.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> EarlyStopping(patience=0)
    Traceback (most recent call last):
    ...
    ValueError: patience must be at least 1, not 0
    """

    requires: ClassVar[tuple[str, ...]] = ("validation",)

    learning_rate: float = field(default=0.1, metadata={"help": "step size, positive"})
    base: BaseName = field(default="sgd", metadata={"help": BASE_HELP})
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})
    evaluate_every: int = field(default=10, metadata={"help": "steps between evaluations"})
    patience: int = field(default=10, metadata={"help": "evaluations without a new minimum"})
    minimum_change: float = field(default=0.0, metadata={"help": "smallest fall that counts"})

    def __post_init__(self) -> None:
        first_order(self.base, self.learning_rate, self.momentum)
        count("evaluate_every", self.evaluate_every)
        count("patience", self.patience)
        non_negative("minimum_change", self.minimum_change)

    @property
    def update(self) -> FirstOrder:
        """The first-order update that takes the step."""
        return first_order(self.base, self.learning_rate, self.momentum)

    def init(self, params: Tree, validation: Any) -> EarlyStoppingState:
        """The state before the first step.

        Parameters
        ----------
        params : tree
        validation : Batch
            What the objective is given as a batch when the validation loss is taken.
        """
        first = start(self.update, params)
        return EarlyStoppingState(*first, validation, params, math.inf, math.inf, 0)

    def step(
        self, state: EarlyStoppingState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[EarlyStoppingState, EarlyStoppingInfo]:
        """One step; ``rng`` is not used.

        Raises
        ------
        DivergenceError
            If the validation loss is not finite.
        """
        if state.step == 0:
            state = self._watch(state, objective)
        moved, info = plain_step(
            self.update, State(state.params, state.step, state.buffers), objective, batch
        )
        state = state._replace(params=moved.params, step=moved.step, buffers=moved.buffers)
        if state.step % self.evaluate_every == 0:
            state = self._watch(state, objective)
        stopped = state.misses >= self.patience
        return state, EarlyStoppingInfo(info.loss, state.validation_loss, state.best_loss, stopped)

    def solution(self, state: EarlyStoppingState) -> Tree:
        """The parameters with the lowest validation loss seen."""
        return state.best_params

    def _watch(self, state: EarlyStoppingState, objective: Objective) -> EarlyStoppingState:
        loss = float(objective(state.params, state.validation))
        if not math.isfinite(loss):
            raise DivergenceError("the validation loss is not finite", step=state.step, loss=loss)
        if loss < state.best_loss - self.minimum_change:
            return state._replace(
                best_params=state.params, best_loss=loss, validation_loss=loss, misses=0
            )
        return state._replace(validation_loss=loss, misses=state.misses + 1)
