"""What training a BoolNet minimizes: a loss with a memory of steps and of statistics.

1. outputs with F(w, λ_t) for weights and the batch's own statistics; the loss of these
2. averages of the statistics ← (1 − ρ) averages + ρ those of this batch, with ρ = max(momentum,
   1/(t + 1)), so that the first batch counts in full
3. after the step the averages are written into the parameters, where evaluation finds them

Without the memory (``objective(params, batch)``) it is the loss of the network as it is evaluated.

>>> from refimpl import Rng
>>> import numpy as np
>>> from refimpl.algorithms.adam import Adam
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.datasets import Batch
>>> from refimpl.papers.boolnet.network import BoolNet
>>> objective = BoolNet((4, 8, 3)).objective(epochs=1, steps_per_epoch=2)
>>> algorithm = Composition(Adam(learning_rate=1e-3))
>>> state = algorithm.init(objective.model.init(Rng(0)), objective=objective)
>>> batch = Batch(Rng(1).normal((16, 4)), np.arange(16) % 3)
>>> state, info = algorithm.step(state, objective, batch)
>>> float(info.boolnet_lambda), bool(state.params["stem"]["variance"].min() > 0)
(1.0, True)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.checks import count
from refimpl.errors import DivergenceError
from refimpl.models import Objective
from refimpl.papers.boolnet.statistics import (
    Params,
    binary_layers,
    collected,
    norm_layers,
    with_statistics,
)


class BoolNetState(NamedTuple):
    """What is remembered: the steps so far, and averages in the order of the normalizations."""

    step: int
    statistics: list[tuple[Array, Array]]


@dataclass(frozen=True)
class BoolNetObjective(Objective):
    """A BoolNet under a loss.

    Parameters
    ----------
    model, loss, reduction
        As for :class:`refimpl.models.Objective`.
    epochs, steps_per_epoch, batch_size : int
        For the schedule of λ.
    checks : bool
        Look at the loss in every step. On a GPU each look waits for the device.
    """

    epochs: int = 1
    steps_per_epoch: int = 1
    batch_size: int = 256
    checks: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        count("epochs", self.epochs)
        count("steps_per_epoch", self.steps_per_epoch)
        count("batch_size", self.batch_size)

    def strength(self, step: int) -> float:
        """λ in the step after ``step`` earlier ones; 0 where weights are signs throughout."""
        if not self.model.progressive:
            return 0.0
        return self.model.progress.strength(
            step=step,
            epochs=self.epochs,
            steps_per_epoch=self.steps_per_epoch,
            batch_size=self.batch_size,
        )

    def init(self, params: Params) -> BoolNetState:
        """The memory before the first batch."""
        layers = [layer for _, layer in norm_layers(params)]
        return BoolNetState(0, [(layer["mean"], layer["variance"]) for layer in layers])

    def value(self, params: Params, batch: Any, state: BoolNetState) -> tuple[Any, BoolNetState]:
        """The loss of a batch, and the memory after it.

        Parameters
        ----------
        params : dict
        batch : Batch
        state : BoolNetState

        Returns
        -------
        loss : 0-d array, differentiable in ``params``
        state : BoolNetState

        Raises
        ------
        SettingError
            For a batch of one example.
        DivergenceError
            If the loss is not finite (with ``checks``), with λ and the step.
        """
        strength = self.strength(state.step)
        outputs, seen = collected(self.model, params, batch.inputs, strength)
        loss = self.loss(outputs, batch.targets, reduction=self.reduction)
        plain = ad.value(loss)
        if self.checks and not bool(namespace(plain).isfinite(plain)):
            raise DivergenceError("the loss is not finite", step=state.step, strength=strength)
        if self.model.statistics == "signs" and strength > 0.0:
            fixed = ad.map_tree(ad.value, params)
            _, seen = collected(self.model, fixed, batch.inputs, 0.0)
        rate = max(float(self.model.momentum), 1.0 / (state.step + 1))
        averages = [
            tuple((1.0 - rate) * old + rate * ad.value(new) for old, new in zip(*pair, strict=True))
            for pair in zip(state.statistics, seen, strict=True)
        ]
        return loss, BoolNetState(state.step + 1, averages)

    def absorb(self, params: Params, state: BoolNetState) -> Params:
        """The parameters with the averages in them."""
        return with_statistics(params, list(state.statistics))

    def diagnostics(self, params: Params, batch: Any, state: BoolNetState) -> dict[str, Any]:
        """Of the step that led to ``state``: λ; the share of binary weights with |w| < λ, which are
        no signs yet; and how many units have all |w| > 1, where only the scale has a gradient."""
        strength = self.strength(state.step - 1)
        weights = [layer["weight"] for layer in binary_layers(params)]
        xp = namespace(weights[0])
        kind = weights[0].dtype
        total = sum(weight.shape[0] * weight.shape[1] for weight in weights)
        soft = sum(xp.sum(xp.astype(xp.abs(weight) < strength, kind)) for weight in weights)
        beyond = sum(
            xp.sum(xp.astype(xp.all(xp.abs(weight) > 1, axis=1), kind)) for weight in weights
        )
        return {
            "boolnet_lambda": strength,
            "boolnet_undecided": soft / total,
            "boolnet_beyond_one": beyond,
        }
