"""AP-CoMHE: hyperspherical energy after a projection that is trained to preserve angles.

Algorithm
---------
At the first step draw P in R^{k x n} with N(0, 1) entries for each hidden layer. In every step:

1. D(P, W) = ‖cos(P W) − cos(W)‖_F, or its square, or Σ (θ_P − θ)² over pairs of neurons
2. alternating: P ← P − η (∂_P D + c P), ``inner_steps`` times
3. alternating: the hidden energy is E(P W), with P constant
   unrolled: P₁ = P − η ∂_P D(P, W), and the energy is E(P₁ W), differentiated through P₁;
   then P ← P₁
   both: 2, then the unrolled energy, whose P₁ is forgotten (the released code)
4. g ← g + λ_h Σ ∇E + λ_o ∇E(W_out)

Source: R. Lin et al., "Regularizing Neural Networks via Minimizing Hyperspherical Energy", CVPR
2020 (arXiv 1906.04892), angle-preserving projection: P* minimizes the squared differences of
angles. Cosines and the norm that is not squared are the released code's.

Derived, not in the paper: cos(P W) has rank at most k, so that for N orthogonal neurons
D >= √(N (N − k) / k): with k < N angles cannot be preserved.

========== =====================================
paper      code
========== =====================================
k          ``dimension``
η          ``inner_rate``
c          ``inner_decay``
θ          ``target="angle"``
========== =====================================

Deviations
----------
* η is a constant of its own; the released code uses the network's decaying learning rate.
* The diagonal, which the released code includes, counts only where ε > 0: without it both cosines
  are 1 there, with it they are ‖w‖² / (‖w‖² + ε) before and after. Angles are those of pairs.
* ``detach_target=True`` holds cos(W) constant; the released code differentiates it.

>>> import numpy as np
>>> from refimpl.random import Rng
>>> weights = [{"weight": Rng(0).normal((6, 8))}, {"weight": np.eye(2)}]
>>> from refimpl.algorithms.composition import alone
>>> algorithm = alone(APCoMHE, dimension=5, output_strength=0.0)
>>> state = algorithm.init(weights)
>>> state, info = algorithm.step(state, lambda p, b: 0.0 * p[1]["weight"][0, 0], None, Rng(1))
>>> state.memory.penalties[0].arrays[0].shape
(5, 8)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.arrays import Array, backend_of, namespace
from refimpl.checks import count, flag, non_negative, one_of, positive
from refimpl.papers.hyperspherical_energy.common import EnergyPenalty, Projections
from refimpl.papers.hyperspherical_energy.cosines import cosines
from refimpl.papers.hyperspherical_energy.trained import (
    projected_layers,
    start_projected,
    trained_gradient,
)
from refimpl.random import Rng

Target = Literal["norm", "squared", "angle"]
Optimizer = Literal["both", "alternating", "unrolled"]


@dataclass(frozen=True, kw_only=True)
class APCoMHE(EnergyPenalty):
    """Angle-preserving CoMHE, a penalty; reports ``distortion`` too.

    Parameters
    ----------
    strength, output_strength, s, space, metric, epsilon, kernel, decay, decay_form
        See :class:`refimpl.papers.hyperspherical_energy.common.EnergyPenalty`.
    dimension : int
        k, at least 2 and at most the dimension of the neurons.
    optimizer : {"both", "alternating", "unrolled"}
    target : {"norm", "squared", "angle"}
        The distortion D.
    inner_steps : int
        Steps on P, where there are any.
    inner_rate : float
        η, positive.
    inner_decay : float
        c.
    detach_target : bool
        Hold the angles of W constant in D.
    project_first : bool
        Whether the first layer is projected too.

    Examples
    --------
    >>> APCoMHE(dimension=1)
    Traceback (most recent call last):
    ...
    ValueError: dimension must be at least 2, not 1
    """

    dimension: int = field(default=20, metadata={"help": "dimension of the projection"})
    optimizer: Optimizer = field(
        default="both",
        metadata={
            "help": "how the projection and the weights take turns",
            "formerly": "optimiser",
        },
    )
    target: Target = field(default="norm", metadata={"help": "measure of distorted angles"})
    inner_steps: int = field(default=1, metadata={"help": "steps on the projection"})
    inner_rate: float = field(default=0.1, metadata={"help": "step size on the projection"})
    inner_decay: float = field(default=0.0, metadata={"help": "decay of the projection, >= 0"})
    detach_target: bool = field(default=False, metadata={"help": "hold the true angles constant"})
    project_first: bool = field(default=True, metadata={"help": "project the first layer too"})

    def __post_init__(self) -> None:
        super().__post_init__()
        count("dimension", self.dimension, at_least=2)
        one_of("optimizer", self.optimizer, get_args(Optimizer))
        one_of("target", self.target, get_args(Target))
        count("inner_steps", self.inner_steps)
        positive("inner_rate", self.inner_rate)
        non_negative("inner_decay", self.inner_decay)
        flag("detach_target", self.detach_target)
        flag("project_first", self.project_first)

    def init(self, params: Tree) -> Projections:
        """What is remembered before the first step, which draws the projections.

        Raises
        ------
        InfeasibleError
            If a layer that would be projected has fewer inputs than ``dimension``.
        """
        return start_projected(self, params, self.dimension, self.project_first)

    def distortion(self, projection: Array, weight: Array, true: Array | None = None) -> Array:
        """D(P, W) of one layer; differentiable in both.

        ``true`` is :meth:`cosines_of` (W) where it is known already: for one W every P is compared
        with the same.
        """
        seen = self.cosines_of(ad.matmul(weight, projection.mT))
        true = self.cosines_of(weight) if true is None else true
        if self.detach_target:
            true = ad.stop_gradient(true)
        if self.target == "angle":
            seen, true = _angles(seen), _angles(true)
        difference = ad.subtract(seen, true)
        if self.target == "norm":
            return ad.norm(difference)
        return ad.sum(difference * difference)

    def cosines_of(self, weight: Array) -> Array:
        """The cosines; on the diagonal, less 1, those of a neuron with itself."""
        found = cosines(weight, self.epsilon)
        if self.epsilon == 0.0 or self.target == "angle":
            return found
        lacking = -self.epsilon / (ad.sum(weight * weight, axis=1, keepdims=True) + self.epsilon)
        eye = backend_of(ad.value(weight)).eye(weight.shape[0])
        return ad.where(eye > 0, lacking, found)

    def unrolled(self, projection: Array, weight: Array, true: Array | None = None) -> Array:
        """P₁ = P − η ∂_P D(P, W), as a function of W."""
        slope = ad.grad(lambda p: self.distortion(p, weight, true))(projection)
        return ad.subtract(projection, self.inner_rate * slope)

    def follow(self, projection: Array, weight: Array, true: Array | None = None) -> Array:
        """P after the inner steps of descent, for fixed W."""
        true = self.cosines_of(weight) if true is None else true
        for _ in range(self.inner_steps):
            slope = ad.grad(lambda p: self.distortion(p, weight, true))(projection)
            projection = projection - self.inner_rate * (slope + self.inner_decay * projection)
        return projection

    def trained(self, projection: Array, weight: Array) -> tuple[Array, Array]:
        """The projection that the energy is taken under, and the one that is kept."""
        true = self.cosines_of(weight)
        if self.optimizer != "unrolled":
            projection = self.follow(projection, ad.value(weight), ad.value(true))
        if self.optimizer == "alternating":
            return projection, projection
        used = self.unrolled(projection, weight, true)
        return used, ad.value(used) if self.optimizer == "unrolled" else projection

    def value_and_gradient(
        self,
        params: Tree,
        batch: Any,
        objective: Any,
        aux: Projections,
        rng: Rng | None = None,
    ) -> tuple[Array, Tree | None, Projections]:
        """R, 0-d, its gradient, and the projections; ``rng`` draws those of the first step."""
        first = self.project_first
        return trained_gradient(
            self, params, batch, aux, rng, project_first=first, train=self.trained
        )

    def diagnostics(
        self, params: Tree, batch: Any, objective: Any, aux: Projections
    ) -> dict[str, Array]:
        """Also ``distortion``: ‖cos(P W) − cos(W)‖_F summed over layers, after the steps on P."""
        found = super().diagnostics(params, batch, objective, aux)
        distortion = 0.0 * found["smallest_norm"]
        for weight, projection in zip(
            projected_layers(params, self.project_first), aux.arrays, strict=False
        ):
            seen = self.cosines_of(weight @ projection.mT) - self.cosines_of(weight)
            distortion = distortion + ad.norm(seen)
        return {**found, "distortion": distortion}


def _angles(cosine: Array) -> Array:
    """arccos inside of its kinks: where a cosine rounds to ±1 the angle has no slope."""
    plain = ad.value(cosine)
    edge = 1.0 - float(namespace(plain).finfo(plain.dtype).eps)
    return ad.arccos(ad.clip(cosine, -edge, edge))
