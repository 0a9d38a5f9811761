"""Networks of one shape on points of their own, trained as a stack.

The loss of the papers is the mean of squares plus λ R; that of the package has a half in front of
the squares. So a run minimizes half of it, with strength λ/2, which is the same descent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.arrays import to_host
from refimpl.datasets import Batch, Split
from refimpl.errors import DivergenceError
from refimpl.models import Objective
from refimpl.papers.lattice_networks.network import SmoothNetwork
from refimpl.papers.lattice_networks.tailored import Form, TailoredPenalty
from refimpl.training.stepping import stepper


class Run(NamedTuple):
    """One network of a stack: where it starts, its points, and λ."""

    start: Any
    split: Split
    strength: float


@dataclass(frozen=True)
class StackedPenalty:
    """The penalties of a stack of networks, each with a strength of its own.

    All networks together are one that is as wide as they are: its penalty of strength 1 has their
    gradients side by side, and each is multiplied by its own λ. The value is left out.
    """

    unit: TailoredPenalty
    strengths: tuple[float, ...]

    def init(self, params: Any) -> Any:
        return self.unit.init(ad.map_tree(self._wide, params))

    def value_and_gradient(
        self, params: Any, batch: Any, objective: Any, aux: Any, rng: Any
    ) -> tuple[Any, Any, Any]:
        wide = ad.map_tree(self._wide, params)
        _, gradient, aux = self.unit.value_and_gradient(wide, batch, objective, aux, rng)

        def own(leaf: Any, like: Any) -> Any:
            strengths = np.array(self.strengths, dtype=like.dtype)
            return strengths.reshape(-1, *(1,) * (like.ndim - 1)) * leaf.reshape(like.shape)

        return np.zeros(()), ad.map_tree(own, gradient, params), aux

    @staticmethod
    def _wide(leaf: Any) -> Any:
        return leaf.reshape(leaf.shape[0] * leaf.shape[1], *leaf.shape[2:])


def fit(
    count: int, rate: float, network: SmoothNetwork, runs: Sequence[Run], penalty: str
) -> list[Any]:
    """The parameters of each run after ``count`` full-batch steps of Adam, trained as one stack.

    The rate falls from ``rate`` to zero as a cosine. The loss of the stack is the sum of theirs, so
    that each gets its own gradient, and Adam acts entry by entry.

    Raises
    ------
    DivergenceError
        With λ and the learning rate, if the loss is not finite at the end.
    """
    decay = tuple(float(b) for b in to_host(runs[0].split.train.truth["decay"]))
    parts = []
    if penalty != "none":
        form: Form = "tailored" if penalty == "tailored" else "l2"
        unit = TailoredPenalty(strength=1.0, form=form, decay=decay)
        parts = [StackedPenalty(unit, tuple(0.5 * run.strength for run in runs))]
    objective = Objective(network, "mean_squared_error")
    data = [run.split.train.batch() for run in runs]
    batch = Batch(*(np.stack([to_host(b[k]) for b in data]) for k in (0, 1)))
    start = ad.map_tree(lambda *leaves: np.stack(leaves), *(run.start for run in runs))
    algorithm = Composition(Adam(learning_rate=rate), penalties=parts)
    steps = stepper(algorithm, lambda p, b: ad.sum(objective.each(p, b)), start, replay=True)
    for step in range(count):
        falling = 0.5 * rate * (1.0 + math.cos(math.pi * step / count))
        steps.algorithm = replace(algorithm, update=Adam(learning_rate=falling))
        steps.step(batch)
    params = steps.state.params
    losses = objective.each(params, batch)
    for run, loss in zip(runs, losses, strict=True):
        if not math.isfinite(float(loss)):
            raise DivergenceError(
                "training diverged",
                strength=run.strength,
                learning_rate=rate,
                loss=float(loss),
            )
    return [ad.map_tree(lambda leaf, k=k: leaf[k, ...], params) for k in range(len(runs))]
