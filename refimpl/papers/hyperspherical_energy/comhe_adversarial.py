"""Adversarial CoMHE: the weights lower the energy that a projection raises.

Algorithm
---------
At the first step draw P in R^{k x n} with N(0, 1) entries for each hidden layer. In every step:

1. P ← P + η ∂_P E⁺(P W), ``inner_steps`` times, where E⁺ is the energy in ``ascent_space``
2. P₁ = P + η ∂_P E⁺(P W), as a function of W
3. the hidden energy is E(P₁ W), differentiated through P₁, which is then forgotten
4. g ← g + λ_h Σ ∇E + λ_o ∇E(W_out)

Source: R. Lin et al., "Regularizing Neural Networks via Minimizing Hyperspherical Energy", CVPR
2020 (arXiv 1906.04892), min_W max_P; the inner steps, and full space for P against half space for
W, are those of the released code.

Derived, not in the paper: the game has no value. For k < n some P sends two neurons to one
direction, so that max_P E = ∞ whatever W is; only few small steps (and epsilon > 0) keep it
finite. ``adversary`` in the info shows how far P has come.

========== =====================================
paper      code
========== =====================================
k          ``dimension``
η          ``inner_rate``
E⁺         ``ascent_space``
========== =====================================

Deviations
----------
* η is a constant of its own; the released code uses the network's decaying learning rate.
* Where P does collapse two neurons the step raises an InfeasibleError.

>>> import numpy as np
>>> from refimpl.random import Rng
>>> weights = [{"weight": Rng(0).normal((6, 8))}, {"weight": np.eye(2)}]
>>> from refimpl.algorithms.composition import alone
>>> algorithm = alone(AdversarialCoMHE, dimension=5, output_strength=0.0)
>>> state = algorithm.init(weights)
>>> state, info = algorithm.step(state, lambda p, b: 0.0 * p[1]["weight"][0, 0], None, Rng(1))
>>> bool(info.adversary > 0.5)
True
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.arrays import Array
from refimpl.checks import count, flag, one_of, positive
from refimpl.papers.hyperspherical_energy.common import EnergyPenalty, Projections, mean_energy
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy, Space
from refimpl.papers.hyperspherical_energy.trained import (
    projected_layers,
    start_projected,
    trained_gradient,
)
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class AdversarialCoMHE(EnergyPenalty):
    """Adversarial CoMHE, a penalty; reports ``adversary`` too.

    Parameters
    ----------
    strength, output_strength, s, space, metric, epsilon, kernel, decay, decay_form
        See :class:`refimpl.papers.hyperspherical_energy.common.EnergyPenalty`.
    dimension : int
        k, at least 2 and at most the dimension of the neurons.
    inner_steps : int
        Ascent steps on P before the unrolled one, 0 or more.
    inner_rate : float
        η, positive.
    ascent_space : {"full", "half"}
    project_first : bool
        Whether the first layer is projected too.

    Examples
    --------
    >>> AdversarialCoMHE(inner_rate=0.0)
    Traceback (most recent call last):
    ...
    ValueError: inner_rate must be positive and finite, not 0.0
    """

    dimension: int = field(default=20, metadata={"help": "dimension of the projection"})
    inner_steps: int = field(default=10, metadata={"help": "ascent steps on the projection"})
    inner_rate: float = field(default=0.1, metadata={"help": "step size on the projection"})
    ascent_space: Space = field(default="full", metadata={"help": "space of the raised energy"})
    project_first: bool = field(default=True, metadata={"help": "project the first layer too"})

    def __post_init__(self) -> None:
        super().__post_init__()
        count("dimension", self.dimension, at_least=2)
        count("inner_steps", self.inner_steps, at_least=0)
        positive("inner_rate", self.inner_rate)
        one_of("ascent_space", self.ascent_space, get_args(Space))
        flag("project_first", self.project_first)

    @property
    def ascent_energy(self) -> HypersphericalEnergy:
        """E⁺."""
        return mean_energy(self, self.ascent_space)

    def init(self, params: Tree) -> Projections:
        """What is remembered before the first step, which draws the projections.

        Raises
        ------
        InfeasibleError
            If a layer that would be projected has fewer inputs than ``dimension``.
        """
        return start_projected(self, params, self.dimension, self.project_first)

    def raised_energy(self, projection: Array, weight: Array) -> Array:
        """E⁺(P W) of one layer; differentiable in both."""
        return self.ascent_energy(ad.matmul(weight, projection.mT))

    def ascend(self, projection: Array, weight: Array) -> Array:
        """One step of P up the energy, ∂_P E⁺ = (∂E⁺/∂Z)ᵀ W with Z = W Pᵀ; differentiable in W."""
        slope = self.ascent_energy.gradient(ad.matmul(weight, projection.mT))
        return ad.add(projection, self.inner_rate * ad.matmul(slope.mT, weight))

    def trained(self, projection: Array, weight: Array) -> tuple[Array, Array]:
        """P₁ as a function of W, and P after the inner steps."""
        plain = ad.value(weight)
        for _ in range(self.inner_steps):
            projection = self.ascend(projection, plain)
        return self.ascend(projection, weight), projection

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
        """Also ``adversary``: E⁺ after the ascent, summed over layers."""
        found = super().diagnostics(params, batch, objective, aux)
        adversary = 0.0 * found["smallest_norm"]
        for weight, projection in zip(
            projected_layers(params, self.project_first), aux.arrays, strict=False
        ):
            adversary = adversary + self.raised_energy(projection, weight)
        return {**found, "adversary": adversary}
