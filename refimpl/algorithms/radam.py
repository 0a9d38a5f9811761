"""RAdam: Adam that waits until the second moment has seen enough gradients.

Algorithm
---------
1. g ← ∇L(w; batch),  t ← t + 1
2. m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²
3. m̂ ← m / (1 − β₁ᵗ),  v̂ ← v / (1 − β₂ᵗ)
4. ρ∞ = 2/(1 − β₂) − 1,  ρ ← ρ∞ − 2 t β₂ᵗ/(1 − β₂ᵗ)
5. if ρ > ``threshold``: r = sqrt((ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ)),
   w ← w − α r m̂ / (√v̂ + ε); else w ← w − α m̂

ρ is the length of the simple moving average that a squared gradient's exponential average stands
for; r² is the least variance of 1/√v̂ over its variance at ρ.

Source: L. Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020,
Algorithm 2.

===== =========================
paper code
===== =========================
α     ``learning_rate``
β₁    ``beta1``
β₂    ``beta2``
ε     ``epsilon``
m     ``state.buffers.first``
v     ``state.buffers.second``
t     ``state.step``
θ, w  ``state.params``
===== =========================

Deviations
----------
* ε is not printed; it stands where Adam's does, beside √v̂. PyTorch adds it to √v.
* ``threshold`` is 4 as printed; released code and PyTorch wait until 5.
* ``waiting="nothing"`` takes no step while ρ is at most the threshold, an option of the released
  code; the moments are collected.

>>> import numpy as np
>>> algorithm = RAdam(learning_rate=0.5)
>>> state = algorithm.init({"weight": np.asarray([1.0])})
>>> state, info = algorithm.step(state, lambda p, batch: 3.0 * p["weight"][0], None)
>>> state.params["weight"]  # the mean gradient alone: ρ = 1
array([-0.5])
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam, Moments
from refimpl.algorithms.base import (
    Tree,
    tree_namespace,
)
from refimpl.checks import one_of, positive, real_between

Waiting = Literal["mean", "nothing"]


@dataclass(frozen=True, kw_only=True)
class RAdam(Adam):
    """Rectified Adam: its fields and state are those of :class:`refimpl.algorithms.adam.Adam`.

    Parameters
    ----------
    learning_rate : float
        α, positive.
    beta1, beta2 : float
        Decay of the first and the second moment, in [0, 1). With β₂ <= 0.6, ρ never exceeds 4.
    epsilon : float
        Added to the root of the second moment, positive.
    threshold : float
        Of ρ, 4 or more.
    waiting : {"mean", "nothing"}
        What the step is before ρ exceeds the threshold: α m̂, or none.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> RAdam(threshold=3)
    Traceback (most recent call last):
    ...
    ValueError: threshold must lie in [4, inf], not 3
    """

    threshold: float = field(
        default=4.0, metadata={"help": "on ρ: 4 as printed, 5 in released code"}
    )
    waiting: Waiting = field(
        default="mean", metadata={"help": "the step below the threshold: mean gradient, or nothing"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("threshold", self.threshold)
        real_between("threshold", self.threshold, 4.0, math.inf)
        one_of("waiting", self.waiting, get_args(Waiting))

    def rectifier(self, step: int) -> float | None:
        """r of the step after ``step`` earlier ones; None where ρ is at most the threshold.

        Examples
        --------
        >>> RAdam().rectifier(0) is None, round(RAdam().rectifier(10**6), 9)
        (True, 1.0)
        """
        t, b2 = step + 1, self.beta2
        longest = 2.0 / (1.0 - b2) - 1.0
        length = longest - 2.0 * t * b2**t / (1.0 - b2**t)
        if length <= self.threshold:
            return None
        return math.sqrt(
            (length - 4.0) * (length - 2.0) * longest
            / ((longest - 4.0) * (longest - 2.0) * length)
        )  # fmt: skip

    def direction(self, buffers: Moments, gradient: Tree, step: int) -> tuple[Tree, Moments]:
        """Line 5 over α, and the new moments."""
        xp = tree_namespace(gradient)
        b1, b2, epsilon = self.beta1, self.beta2, self.epsilon
        first = ad.map_tree(lambda m, g: b1 * m + (1.0 - b1) * g, buffers.first, gradient)
        second = ad.map_tree(lambda v, g: b2 * v + (1.0 - b2) * (g * g), buffers.second, gradient)
        t, r = step + 1, self.rectifier(step)
        c1, c2 = 1.0 - b1**t, 1.0 - b2**t
        if r is not None:
            scaled = ad.map_tree(
                lambda m, v: r * (m / c1) / (xp.sqrt(v / c2) + epsilon), first, second
            )
        elif self.waiting == "mean":
            scaled = ad.map_tree(lambda m: m / c1, first)
        else:
            scaled = ad.map_tree(xp.zeros_like, first)
        return scaled, Moments(first, second)
