"""Early stopping: keep the parameters with the lowest validation loss.

Algorithm
---------
1. w ← step on the training batch
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
E_opt ``Watched.best_loss``
E_va  ``Watched.validation_loss``
===== ============================

Deviations
----------
* The count is of evaluations without a new minimum. Prechelt's UP counts successive rises from
  one evaluation to the next; the two agree when the validation loss has one minimum.
* Optional margin δ (``minimum_change``), zero by default.

>>> import numpy as np
>>> def distance(params, batch):
...     return ((params["weight"] - batch) ** 2)[0]
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.sgd import SGD
>>> part = EarlyStopping(evaluate_every=1, patience=1)
>>> algorithm = Composition(SGD(learning_rate=0.25), wrappers=part)
>>> state = algorithm.init({"weight": np.asarray([0.0])}, validation=1.0, objective=distance)
>>> for _ in range(2):
...     state, info = algorithm.step(state, distance, 2.0)
>>> state.params["weight"], algorithm.solution(state)["weight"], info.stopped
(array([1.5]), array([1.]), True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from refimpl.algorithms.base import Objective, Tree
from refimpl.algorithms.composed_gradient import Evaluate, Gradients, plain
from refimpl.checks import count, non_negative, plain_numbers
from refimpl.errors import DivergenceError
from refimpl.random import Rng


class Watched(NamedTuple):
    """What early stopping remembers.

    Attributes
    ----------
    validation : Batch
        The validation data, handed to the objective as a batch.
    best_params : tree
    best_loss, validation_loss : float
        The lowest and the latest validation loss.
    misses : int
        Evaluations since the last new minimum.
    """

    validation: Any
    best_params: Tree
    best_loss: float
    validation_loss: float
    misses: int


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Early stopping, a wrapper: the gradient stays as it is, the answer is the best seen.

    Parameters
    ----------
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

    requires: ClassVar[tuple[str, ...]] = ("validation", "objective")

    evaluate_every: int = field(default=10, metadata={"help": "steps between evaluations"})
    patience: int = field(default=10, metadata={"help": "evaluations without a new minimum"})
    minimum_change: float = field(default=0.0, metadata={"help": "smallest fall that counts"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        count("evaluate_every", self.evaluate_every)
        count("patience", self.patience)
        non_negative("minimum_change", self.minimum_change)

    def init(self, params: Tree, validation: Any, objective: Objective) -> Watched:
        """What is remembered before the first step: the loss at the start.

        Parameters
        ----------
        params : tree
        validation : Batch
            What the objective is given as a batch when the validation loss is taken.
        objective : callable

        Raises
        ------
        DivergenceError
            If the validation loss is not finite.
        """
        loss = self._loss(params, objective, validation, step=0)
        return Watched(validation, params, loss, loss, 0)

    def gradient(
        self,
        loss: Evaluate,
        penalty: Evaluate,
        params: Tree,
        aux: Watched,
        step: int,
        rng: Rng | None = None,
    ) -> tuple[Gradients, Watched]:
        """The gradients as they are."""
        return plain(loss, penalty, params), aux

    def after(
        self, params: Tree, objective: Objective, aux: Watched, step: int
    ) -> tuple[Watched, dict[str, Any]]:
        """Take the validation loss where it is due; the run ends when the patience does.

        Raises
        ------
        DivergenceError
            If the validation loss is not finite.
        """
        if step % self.evaluate_every == 0:
            loss = self._loss(params, objective, aux.validation, step)
            if loss < aux.best_loss - self.minimum_change:
                aux = Watched(aux.validation, params, loss, loss, 0)
            else:
                aux = aux._replace(validation_loss=loss, misses=aux.misses + 1)
        return aux, {
            "validation_loss": aux.validation_loss,
            "best_loss": aux.best_loss,
            "stopped": aux.misses >= self.patience,
        }

    def solution(self, params: Tree, aux: Watched) -> Tree:
        """The parameters with the lowest validation loss seen."""
        return aux.best_params

    def _loss(self, params: Tree, objective: Objective, validation: Any, step: int) -> float:
        loss = float(objective(params, validation))
        if not math.isfinite(loss):
            raise DivergenceError("the validation loss is not finite", step=step, loss=loss)
        return loss
