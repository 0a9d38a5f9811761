"""Adversarial model perturbation: the gradient at a nearby point of higher loss.

Algorithm
---------
For each minibatch B, with J its loss:

1. Δ ← 0
2. N times: Δ ← Δ + ζ ∇J(θ + Δ); where ‖Δ‖ > ε, Δ ← ε Δ / ‖Δ‖
3. the update gets ∇J(θ + Δ), Δ held constant; it acts on θ

N + 1 gradients a step. Penalties, weight decay among them, are taken at θ and not at θ + Δ, and
have no part in line 2.

Source: Y. Zheng, R. Zhang and Y. Mao, "Regularizing neural networks via adversarial model
perturbation", CVPR 2021, the objective min over θ of max over ‖Δ‖ ≤ ε of the loss, and its
minibatch algorithm; defaults of the released training script.

===== =================================
paper code
===== =================================
ε     ``radius``
ζ     ``ascent_rate``
N     ``inner_steps``
Δ     ``perturb(...).delta``
η     ``learning_rate`` of the update
===== =================================

Deviations
----------
* Line 2 projects onto the ball and does not rescale to its surface: where ‖ζ∇J‖ ≤ ε, Δ = ζ∇J. SAM
  rescales always; with N = 1, ``norm="global"`` and ζ → ∞ the two agree.
* ``norm``: the paper writes ‖Δ‖₂, which reads as one ball for all parameters. Both released forms
  give each tensor a ball of its own, which the published radii belong to; that is the default, and
  ``"global"`` the other reading. ``"linf"`` and ``scales`` are options of the first released form.
* The released code divides by ‖Δ‖ + 10⁻¹² (its first form: 10⁻⁶): ``stabilizer``, here 0.
* The released optimiser clips gradients to norm 50 in every pass, its first form in the last one
  only: ``gradient_limit`` and ``limit_where``; the printed algorithm has no such thing.
* The loss that is reported is that of θ; the first released form has that of θ + Δ:
  ``reported``. Both are in the diagnostics.
* The released code subtracts Δ to come back to θ, with the rounding of that; here θ is never
  changed.
* With ε = 0 or N = 0 one gradient is taken, and the step is the update's own, bit for bit (the
  released code fails at N = 0).
* At a stationary point Δ = 0 for every N: the inner loop does not find the maximum over the ball
  there, which :mod:`refimpl.papers.amp.theory` has in closed form.

>>> import numpy as np
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.sgd import SGD
>>> algorithm = Composition(SGD(learning_rate=0.1), wrappers=[AMP(radius=0.5)])
>>> state = algorithm.init({"weight": np.asarray([2.0])})
>>> state, info = algorithm.step(state, lambda p, batch: (1.5 * p["weight"] ** 2)[0], None)
>>> state.params["weight"], float(info.loss), float(info.diagnostics["perturbed_loss"])
(array([1.25]), 6.0, 9.375)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.algorithms.composition import Gradients
from refimpl.arrays import Array
from refimpl.checks import count, non_negative, one_of, plain_numbers, positive
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
    joined,
    limit_gradient,
    project,
    radii_of,
    shifted,
)
from refimpl.random import Rng

LimitWhere = Literal["nowhere", "descent", "everywhere"]
Reported = Literal["unperturbed", "perturbed"]


@dataclass(frozen=True, kw_only=True)
class AMP:
    """Adversarial model perturbation, a wrapper around any update.

    Parameters
    ----------
    radius : float
        ε, non-negative.
    ascent_rate : float
        ζ, positive.
    inner_steps : int
        N, non-negative.
    norm : {"per_tensor", "global", "linf"}
        What ‖Δ‖ ≤ ε means.
    scales : tuple of float
        Factors on ε, one for each tensor, in the order of the leaves.
    stabilizer : float
        Added to the norm that divides in the projection.
    limit_where : {"nowhere", "descent", "everywhere"}
        Which gradients are clipped: none, the last, or those of the inner steps too.
    gradient_limit : float
        The global norm to which they are clipped, positive.
    reported : {"unperturbed", "perturbed"}
        Which loss the history gets.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> AMP(ascent_rate=0.0)
    Traceback (most recent call last):
    ...
    ValueError: ascent_rate must be positive and finite, not 0.0
    """

    memoryless: ClassVar[bool] = True

    radius: float = field(default=0.5, metadata={"help": "of the ball of perturbations, >= 0"})
    ascent_rate: float = field(default=1.0, metadata={"help": "step size of the inner ascent"})
    inner_steps: int = field(default=1, metadata={"help": "steps of the inner ascent, >= 0"})
    norm: Norm = field(default="per_tensor", metadata={"help": NORM_HELP})
    scales: tuple[float, ...] = field(default=(), metadata={"help": SCALES_HELP})
    stabilizer: float = field(
        default=0.0, metadata={"help": "added to the norm that divides; released code: 1e-12"}
    )
    limit_where: LimitWhere = field(
        default="nowhere", metadata={"help": "which gradients are clipped"}
    )
    gradient_limit: float = field(
        default=50.0, metadata={"help": "global norm to which gradients are clipped, positive"}
    )
    reported: Reported = field(
        default="unperturbed", metadata={"help": "which loss the history gets"}
    )

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("radius", self.radius)
        positive("ascent_rate", self.ascent_rate)
        count("inner_steps", self.inner_steps, at_least=0)
        one_of("norm", self.norm, get_args(Norm))
        check_scales(self.scales, self.norm)
        non_negative("stabilizer", self.stabilizer)
        one_of("limit_where", self.limit_where, get_args(LimitWhere))
        positive("gradient_limit", self.gradient_limit)
        one_of("reported", self.reported, get_args(Reported))

    def init(self, params: Tree) -> tuple[()]:
        """No memory; raises SettingError where the scales do not fit the parameters."""
        radii_of(ad.flatten(params)[0], self.radius, self.scales)
        return ()

    def perturb(self, loss: Loss, params: Tree, rng: Rng | None = None) -> Perturbation:
        """Lines 1 and 2: Δ at these parameters; ``rng`` is not used.

        Parameters
        ----------
        loss : callable
            ``loss(params)`` is (value, gradient).
        params : tree
        """
        radii = radii_of(ad.flatten(params)[0], self.radius, self.scales)

        def move(delta: list[Array], slopes: list[Array]) -> Point:
            if self.limit_where == "everywhere":
                slopes = limit_gradient(slopes, self.gradient_limit)
            raised = [self.ascent_rate * slope for slope in slopes]
            if delta:
                raised = [d + r for d, r in zip(delta, raised, strict=True)]
            return project(raised, radii, self.norm, self.stabilizer)

        return climb(loss, params, self.inner_steps if self.radius > 0.0 else 0, move)

    def gradient(
        self, loss: Loss, penalty: Loss, params: Tree, aux: Any, step: int, rng: Rng | None
    ) -> tuple[Gradients, Any]:
        """Line 3: the loss's gradient at θ + Δ, the penalties' at θ; ``rng`` is not used.

        Returns
        -------
        Gradients
            With the diagnostics ``unperturbed_loss``, ``perturbed_loss``, ``perturbation_norm``
            (of all parameters together) and ``clipped`` (the share of tensors, or of entries for
            ``linf``, that the last projection shortened).
        aux

        Raises
        ------
        DivergenceError
            If a loss or gradient of any pass is not finite.
        """
        found = self.perturb(loss, params)
        value, gradient = loss(shifted(params, found.delta))
        slopes, structure = ad.flatten(gradient)
        passes = [*found.passes, (value, slopes)]
        check_finite(
            passes, found.length, step=step, radius=self.radius, ascent_rate=self.ascent_rate
        )
        if self.limit_where != "nowhere":
            slopes = limit_gradient(slopes, self.gradient_limit)
        return joined(
            ad.unflatten(structure, slopes),
            penalty(params),
            passes[0][0] if self.reported == "unperturbed" else value,
            {
                "unperturbed_loss": passes[0][0],
                "perturbed_loss": value,
                "perturbation_norm": found.length,
                "clipped": found.clipped,
            },
        ), aux
