"""Training on adversarial inputs: projected gradient ascent in l2 or linf, or one step of it.

Algorithm
---------
1. d_i ← projected gradient ascent on the loss of every example of the batch
   (:mod:`refimpl.algorithms.attacks`)
2. the step is taken on (x_i + d_i, y_i) in place of (x_i, y_i), with no clean term

Sources: A. Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR
2018; it is the robust baseline (PGD-l2, PGD-linf) of A. Bietti, G. Mialon, D. Chen and J. Mairal,
ICML 2019, with the released settings: l2, five steps of 0.3 ε from zero; linf, steps of 0.01 from
a uniform start, pixels clamped to [0, 1]. With norm="linf", steps=1 and step_size=radius the attack
is the fast gradient sign method of I. Goodfellow, J. Shlens and C. Szegedy, ICLR 2015.

====== ==============
symbol code
====== ==============
ε      ``radius``
====== ==============

Deviations
----------
* ``start="zero"`` for both balls by default; "random" as released for linf.
* An example whose gradient is exactly 0 stays where it is. The released l2 projection divides 0 by
  0 there.

>>> import numpy as np
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.sgd import SGD
>>> from refimpl.datasets import Batch
>>> from refimpl.models import MLP, Objective
>>> algorithm = Composition(SGD(learning_rate=0.1), wrappers=[AdversarialTraining(radius=0.5)])
>>> state = algorithm.init([{"weight": np.eye(2), "bias": np.zeros(2)}])
>>> batch = Batch(np.zeros((1, 2)), np.array([0]))
>>> state, info = algorithm.step(state, Objective(MLP((2, 2))), batch)
>>> round(float(info.loss), 6)  # log(1 + exp(0.5 √2))
1.10794
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from refimpl.algorithms.attacks import Norm, ProjectedGradientAttack, Start
from refimpl.algorithms.base import Objective, Tree
from refimpl.algorithms.composed_gradient import Evaluate, Gradients, plain
from refimpl.checks import plain_numbers
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class AdversarialTraining:
    """The batch is attacked before every step, a wrapper.

    Loss, penalties and gradients are those of the attacked batch.

    Parameters
    ----------
    radius, norm, steps, step_size, start, low, high
        Of the attack; see :class:`refimpl.algorithms.attacks.ProjectedGradientAttack`. Radius 0
        is plain training, bit for bit.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> AdversarialTraining(steps=0)
    Traceback (most recent call last):
    ...
    ValueError: steps must be at least 1, not 0
    """

    radius: float = field(default=0.5, metadata={"help": "radius of the attack"})
    norm: Norm = field(default="l2", metadata={"help": "ball of the attack: l2 or linf"})
    steps: int = field(default=5, metadata={"help": "ascent steps of the attack"})
    step_size: float | None = field(
        default=None, metadata={"help": "length of an ascent step (default 1.5 radius / steps)"}
    )
    start: Start = field(default="zero", metadata={"help": "of the attack: zero or random"})
    low: float | None = field(default=None, metadata={"help": "least valid input (no limit)"})
    high: float | None = field(default=None, metadata={"help": "largest valid input (no limit)"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        _ = self.attack  # checks the settings

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

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def prepare(
        self,
        batch: Any,
        params: Tree,
        objective: Objective,
        aux: Any,
        step: int,
        rng: Rng | None = None,
    ) -> Any:
        """The attacked batch."""
        return batch._replace(inputs=self.attack(objective, params, batch, rng))

    def gradient(
        self,
        loss: Evaluate,
        penalty: Evaluate,
        params: Tree,
        aux: Any,
        step: int,
        rng: Rng | None = None,
    ) -> tuple[Gradients, Any]:
        """Both gradients at the parameters, added."""
        return plain(loss, penalty, params), aux
