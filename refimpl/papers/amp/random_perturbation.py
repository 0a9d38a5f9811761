"""Random model perturbation: the baseline that takes the gradient at a random nearby point.

Algorithm
---------
1. Δ_l ← Uniform(−b_l, b_l) entry by entry, for every tensor l of n_l entries
2. the update gets ∇J(θ + Δ); it acts on θ

with b_l = √(ε_l / n_l) in the released code (``match="released"``), or b_l = ε_l √(3/n_l)
(``match="rms"``).

Source: Y. Zheng, R. Zhang and Y. Mao, "Regularizing neural networks via adversarial model
perturbation", CVPR 2021, the baseline beside AMP; the law of Δ is that of their released code.

===== ===============================
paper code
===== ===============================
ε_l   ``radius``, times its ``scales``
Δ     ``perturb(...).delta``
===== ===============================

Deviations
----------
* The released law is called an l2 norm there, but E‖Δ_l‖² = ε_l/3: neither the radius ε_l nor its
  square. It is the default because published numbers use it; ``match="rms"`` has E‖Δ_l‖² = ε_l²,
  the length of an AMP perturbation on the surface of its ball.
* One gradient a step: the loss that is reported is that of θ + Δ, there is no other.

>>> import numpy as np
>>> from refimpl import Rng
>>> params = {"weight": np.zeros((30, 40))}
>>> found = RandomPerturbation(radius=0.5, match="rms").perturb(None, params, Rng(0))
>>> round(float(np.linalg.norm(found.delta[0])), 2)
0.5
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, required_rng
from refimpl.algorithms.composition import Gradients
from refimpl.arrays import one
from refimpl.checks import non_negative, one_of, plain_numbers
from refimpl.papers.amp.perturbation import (
    SCALES_HELP,
    Loss,
    Perturbation,
    check_finite,
    check_scales,
    joined,
    norm_of,
    origin,
    radii_of,
    shifted,
)
from refimpl.random import Rng

Match = Literal["released", "rms"]


@dataclass(frozen=True, kw_only=True)
class RandomPerturbation:
    """Random model perturbation, a wrapper around any update.

    Parameters
    ----------
    radius : float
        ε, non-negative.
    match : {"released", "rms"}
        E‖Δ_l‖² = ε_l/3, or ε_l².
    scales : tuple of float
        Factors on ε, one for each tensor, in the order of the leaves.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> RandomPerturbation(match="l2")
    Traceback (most recent call last):
    ...
    ValueError: match must be one of released, rms, not 'l2'
    """

    memoryless: ClassVar[bool] = True

    radius: float = field(default=0.1, metadata={"help": "size of the perturbation, >= 0"})
    match: Match = field(
        default="released", metadata={"help": "mean squared length: radius / 3, or radius squared"}
    )
    scales: tuple[float, ...] = field(default=(), metadata={"help": SCALES_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("radius", self.radius)
        one_of("match", self.match, get_args(Match))
        check_scales(self.scales, "per_tensor")

    def init(self, params: Tree) -> tuple[()]:
        """No memory; raises SettingError where the scales do not fit the parameters."""
        radii_of(ad.flatten(params)[0], self.radius, self.scales)
        return ()

    def bound(self, radius: float, entries: int) -> float:
        """b, the half-width of the uniform law of a tensor's entries.

        Examples
        --------
        >>> law = RandomPerturbation(match="rms")
        >>> law.bound(2.0, 12), RandomPerturbation().bound(3.0, 12)
        (1.0, 0.5)
        """
        if self.match == "rms":
            return radius * math.sqrt(3.0 / entries)
        return math.sqrt(radius / entries)

    def perturb(self, loss: Loss | None, params: Tree, rng: Rng | None = None) -> Perturbation:
        """Line 1: Δ, drawn from ``rng`` leaf after leaf; ``loss`` is not asked.

        Raises
        ------
        TypeError
            If there is no rng and the radius is not zero.
        """
        leaves, _ = ad.flatten(params)
        if self.radius == 0.0:
            return Perturbation(*origin(params), [])
        stream = required_rng(rng)
        delta = []
        for leaf, radius in zip(leaves, radii_of(leaves, self.radius, self.scales), strict=True):
            reach = self.bound(radius, max(1, math.prod(leaf.shape)))
            delta.append(stream.uniform(leaf.shape, -reach, reach, like=leaf))
        return Perturbation(delta, norm_of(delta), 0.0 * one(leaves[0]), [])

    def gradient(
        self, loss: Loss, penalty: Loss, params: Tree, aux: Any, step: int, rng: Rng | None
    ) -> tuple[Gradients, Any]:
        """Line 2: the loss's gradient at θ + Δ, the penalties' at θ.

        Returns
        -------
        Gradients
            With the loss at θ + Δ and the diagnostic ``perturbation_norm``.
        aux

        Raises
        ------
        TypeError
            If there is no rng and the radius is not zero.
        DivergenceError
            If the loss or its gradient is not finite.
        """
        found = self.perturb(loss, params, rng)
        value, gradient = loss(shifted(params, found.delta))
        check_finite(
            [(value, ad.flatten(gradient)[0])], found.length, step=step, radius=self.radius
        )
        diagnostics = {"perturbation_norm": found.length}
        return joined(gradient, penalty(params), value, diagnostics), aux
