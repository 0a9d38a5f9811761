"""Training on adversarial inputs: the methods PGD-l2 and PGD-linf.

Algorithm
---------
1. d_i ← projected gradient ascent on the loss of every example of the batch
   (:mod:`refimpl.algorithms.attacks`)
2. a step of ``inner`` on the batch (x_i + d_i, y_i) in place of (x_i, y_i), no clean term

Sources: A. Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR
2018; it is the robust baseline of A. Bietti, G. Mialon, D. Chen and J. Mairal, ICML 2019. Their
released settings: l2, five steps of 0.3 ε from zero; linf, steps of 0.01 from a uniform start,
pixels clamped to [0, 1].

====== ==============
symbol code
====== ==============
ε      ``radius``
====== ==============

Deviations
----------
* ``start="zero"`` for both balls by default; "random" as released for linf.
* An example whose gradient is exactly 0 stays where it is. The released l2 projection divides 0 by
  0 there (:mod:`released`).

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.models import MLP, Objective
>>> algorithm = AdversarialTraining(radius=0.0)
>>> state = algorithm.init([{"weight": np.eye(2), "bias": np.zeros(2)}])
>>> batch = Batch(np.ones((1, 2)), np.array([0]))
>>> state, info = algorithm.step(state, Objective(MLP((2, 2))), batch)
>>> round(float(info.loss), 6)
0.693147
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from refimpl.algorithms.attacks import Norm, ProjectedGradientAttack, Start
from refimpl.algorithms.base import Algorithm, Objective, Tree
from refimpl.algorithms.momentum import Momentum
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class AdversarialTraining:
    """Steps of an algorithm on attacked batches.

    Parameters
    ----------
    inner : Algorithm
        What takes the step: an update, or a composition with penalties and projections. Its
        gradients, penalties and diagnostics are those of the attacked batch.
    radius, norm, steps, step_size, start, low, high
        Of the attack; see :class:`refimpl.algorithms.attacks.ProjectedGradientAttack`. Radius 0
        is ``inner`` itself, bit for bit.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.
    """

    inner: Algorithm = field(
        default=Momentum(learning_rate=0.05), metadata={"help": "the algorithm that steps"}
    )
    radius: float = field(default=0.5, metadata={"help": "radius of the attack"})
    norm: Norm = field(default="l2", metadata={"help": "l2 or linf"})
    steps: int = field(default=5, metadata={"help": "ascent steps of the attack"})
    step_size: float | None = field(
        default=None, metadata={"help": "length of an ascent step (default 1.5 radius / steps)"}
    )
    start: Start = field(default="zero", metadata={"help": "of the attack: zero or random"})
    low: float = field(default=-math.inf, metadata={"help": "least valid input"})
    high: float = field(default=math.inf, metadata={"help": "largest valid input"})

    def __post_init__(self) -> None:
        self.attack  # noqa: B018  (checks the settings of the attack)

    @property
    def attack(self) -> ProjectedGradientAttack:
        """The attack on every batch."""
        return ProjectedGradientAttack(
            radius=self.radius,
            norm=self.norm,
            steps=self.steps,
            step_size=self.step_size,
            start=self.start,
            low=self.low,
            high=self.high,
        )

    @property
    def requires(self) -> tuple[str, ...]:
        """What ``inner`` requires of the training loop."""
        return tuple(getattr(self.inner, "requires", ()))

    def init(self, params: Tree, **extra: Any) -> Any:
        """The state of ``inner``."""
        return self.inner.init(params, **extra)

    def step(
        self, state: Any, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[Any, Any]:
        """One step of ``inner`` on the attacked batch; its loss is the adversarial one."""
        stream = None if rng is None else rng.child("attack")
        attacked = self.attack(objective, state.params, batch, stream)
        return self.inner.step(state, objective, batch._replace(inputs=attacked), rng)
