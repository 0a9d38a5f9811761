"""Images with redrawn labels, and the numbers by which a run ranks the changed ones first.

Minnorm ranks by its multipliers, every method by the loss of each image or by the length of its
gradient at the end, and a followed descent also by the losses of all its steps. To look at the
losses takes a descent off the recorded path, so that its steps cost more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from refimpl import datasets
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.datasets import Batch
from refimpl.experiments.comparison import Problem
from refimpl.experiments.declared import Size, noisy
from refimpl.experiments.kept import kept_by_seed
from refimpl.models import MLP, Objective
from refimpl.papers.minnorm.diagnosis import difficulty
from refimpl.papers.minnorm.experiments.images import area_under_curve
from refimpl.papers.minnorm.minnorm import Minnorm, MinnormState
from refimpl.random import Rng
from refimpl.training import TrainingResult


class FollowedState(NamedTuple):
    """State of :class:`Followed`: that of the descent, and the losses of each example so far."""

    inner: Any
    total: np.ndarray

    @property
    def params(self) -> Any:
        """Those of the descent."""
        return self.inner.params

    @property
    def step(self) -> int:
        """That of the descent."""
        return self.inner.step


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A descent that adds up the losses of the examples of its batches; its steps are the same."""

    requires: ClassVar[tuple[str, ...]] = ("training",)

    inner: Momentum

    def init(self, params: Any, training: Batch) -> FollowedState:
        """Before the first step."""
        return FollowedState(self.inner.init(params), np.zeros(len(training.targets)))

    def step(
        self, state: FollowedState, objective: Any, batch: Batch, rng: Rng | None = None
    ) -> tuple[FollowedState, Any]:
        """One step of the descent."""
        total = state.total.copy()
        total[batch.indices] += losses(objective, state.params, batch)
        inner, info = self.inner.step(state.inner, objective, batch, rng)
        return FollowedState(inner, total), info


def losses(objective: Objective, params: Any, batch: Batch) -> np.ndarray:
    """The loss of each example, (P,)."""
    each = objective.loss(objective.outputs(params, batch), batch.targets, reduction="none")
    return to_host(each).astype(np.float64)


def gradient_lengths(objective: Objective, params: Any, batch: Batch) -> np.ndarray:
    """The length of the gradient of each example's cross-entropy in all weights, (P,).

    Of a network of one hidden layer without biases: |s|² |h|² + |Wᵀ s · 1(h > 0)|² |x|² with the
    signal s of the outputs and the hidden values h.
    """
    inner, outer = (to_host(layer["weight"]).astype(np.float64) for layer in params)
    inputs = to_host(batch.inputs).astype(np.float64)
    hidden = np.maximum(inputs @ inner.T, 0.0)
    outputs = hidden @ outer.T
    shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    signal = shares / shares.sum(axis=1, keepdims=True)
    signal[np.arange(len(signal)), to_host(batch.targets)] -= 1.0
    pulled = (signal @ outer) * (hidden > 0.0)
    squares = [np.sum(part**2, axis=1) for part in (signal, hidden, pulled, inputs)]
    return np.sqrt(squares[0] * squares[1] + squares[2] * squares[3])


@kept_by_seed(5)
def problem(size: Size, backend: Backend, rng: Rng) -> Problem:
    """Centred images of unit mean square norm, one hidden layer, no biases, a start at 0.7 of
    He's; where labels were redrawn, areas under the curve for those that changed."""
    place = make_backend(backend.name, size.dtype)
    clean = datasets.load(
        size.data, rng=rng.child("data"), backend=place, training=size.training,
        validation=size.validation, test=size.test, center=True, scale="norm",
    )  # fmt: skip
    split = noisy(clean, size.noise, rng.child("noise"))
    changed = to_host(clean.train.targets) != to_host(split.train.targets)
    model = MLP((split.train.features, *size.hidden, split.train.outputs), bias=False)
    objective = Objective(model)

    def ranks(outcome: TrainingResult) -> dict[str, float]:
        if not changed.any():
            return {}
        batch, state = split.train.batch(), outcome.state
        scores = {
            "loss": losses(objective, outcome.params, batch),
            "gradient": gradient_lengths(objective, outcome.params, batch),
        }
        if isinstance(state, FollowedState):
            scores["average"] = state.total
        if isinstance(state, MinnormState):
            algorithm = Minnorm(constraint="one_vs_rest")
            scores["multipliers"] = np.asarray(to_host(difficulty(algorithm, state)))
        return {f"auc_{name}": area_under_curve(score, changed) for name, score in scores.items()}

    start = model.init(rng.child("init"), scale=0.7, backend=place)
    return Problem(split, objective, start, observe=ranks)
