"""Sharpness-aware minimisation, the neighbour of AMP that always goes to the edge of the ball.

Algorithm
---------
For each minibatch, with J its loss:

1. Δ ← 0
2. N times: Δ ← ρ ∇J(θ + Δ) / ‖∇J(θ + Δ)‖, or 0 where the gradient is zero
3. the update gets ∇J(θ + Δ), Δ held constant; it acts on θ

Source: P. Foret, A. Kleiner, H. Mobahi and B. Neyshabur, "Sharpness-aware minimization for
efficiently improving generalization", ICLR 2021, Algorithm 1, with p = 2 and N = 1.

===== ==============================
paper code
===== ==============================
ρ     ``radius``
ε̂(w)  ``perturb(...).delta``
p     2, or ∞ with ``norm="linf"``
===== ==============================

Deviations
----------
* N > 1 is not in the source: it is the limit ζ → ∞ of AMP with N inner steps.
* ``norm="per_tensor"`` rescales each tensor on its own, as AMP's released code projects.
* At ρ = 0 or N = 0 one gradient is taken and the step is the update's own.

>>> import numpy as np
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.sgd import SGD
>>> algorithm = Composition(SGD(learning_rate=0.1), wrappers=[SAM(radius=0.5)])
>>> state = algorithm.init({"weight": np.asarray([2.0])})
>>> state, info = algorithm.step(state, lambda p, batch: (1.5 * p["weight"] ** 2)[0], None)
>>> state.params["weight"], float(info.diagnostics["perturbation_norm"])
(array([1.25]), 0.5)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.algorithms.composition import Gradients
from refimpl.arrays import Array, one
from refimpl.checks import count, non_negative, one_of, plain_numbers
from refimpl.papers.amp.perturbation import (
    NORM_HELP,
    SCALES_HELP,
    Loss,
    Norm,
    Perturbation,
    Point,
    check_finite,
    check_scales,
    climb,
    fill,
    joined,
    norm_of,
    radii_of,
    shifted,
)
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class SAM:
    """Sharpness-aware minimisation, a wrapper around any update.

    Parameters
    ----------
    radius : float
        ρ, non-negative.
    inner_steps : int
        N, non-negative.
    norm : {"global", "per_tensor", "linf"}
        One sphere for all parameters, one for each tensor, or a corner of the cube.
    scales : tuple of float
        Factors on ρ, one for each tensor, in the order of the leaves; not for ``global``.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> SAM(radius=-0.1)
    Traceback (most recent call last):
    ...
    ValueError: radius must be non-negative and finite, not -0.1
    """

    memoryless: ClassVar[bool] = True

    radius: float = field(default=0.05, metadata={"help": "length of the perturbation, >= 0"})
    inner_steps: int = field(default=1, metadata={"help": "gradients that turn it, >= 0"})
    norm: Norm = field(default="global", metadata={"help": NORM_HELP})
    scales: tuple[float, ...] = field(default=(), metadata={"help": SCALES_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("radius", self.radius)
        count("inner_steps", self.inner_steps, at_least=0)
        one_of("norm", self.norm, get_args(Norm))
        check_scales(self.scales, self.norm)

    def init(self, params: Tree) -> tuple[()]:
        """No memory; raises SettingError where the scales do not fit the parameters."""
        radii_of(ad.flatten(params)[0], self.radius, self.scales)
        return ()

    def perturb(self, loss: Loss, params: Tree, rng: Rng | None = None) -> Perturbation:
        """Lines 1 and 2: Δ at these parameters; ``rng`` is not used."""
        radii = radii_of(ad.flatten(params)[0], self.radius, self.scales)

        def move(delta: list[Array], slopes: list[Array]) -> Point:
            edge = fill(slopes, radii, self.norm)
            return Point(edge, norm_of(edge), one(slopes[0]))

        return climb(loss, params, self.inner_steps if self.radius > 0.0 else 0, move)

    def gradient(
        self, loss: Loss, penalty: Loss, params: Tree, aux: Any, step: int, rng: Rng | None
    ) -> tuple[Gradients, Any]:
        """Line 3: the loss's gradient at θ + Δ, the penalties' at θ; ``rng`` is not used.

        Returns
        -------
        Gradients
            With the loss at θ and the diagnostics ``perturbed_loss`` and ``perturbation_norm``.
        aux

        Raises
        ------
        DivergenceError
            If a loss or gradient of any pass is not finite.
        """
        found = self.perturb(loss, params)
        value, gradient = loss(shifted(params, found.delta))
        passes = [*found.passes, (value, ad.flatten(gradient)[0])]
        check_finite(passes, found.length, step=step, radius=self.radius)
        diagnostics = {"perturbed_loss": value, "perturbation_norm": found.length}
        return joined(gradient, penalty(params), passes[0][0], diagnostics), aux
