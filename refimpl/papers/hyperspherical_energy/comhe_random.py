"""RP-CoMHE: hyperspherical energy of randomly projected neurons.

Algorithm
---------
Every ``redraw_every`` steps, for each hidden layer with neurons in R^n:

1. draw P_1..P_C in R^{k x n} with N(0, 1) entries

In every step:

2. E(W) = (1/C) Σ_c mean pair energy of the directions of P_c w_i
3. g ← g + λ_h Σ ∇E(W) + λ_o ∇E(W_out), back through Z_c = P_c W by one product for all c

Source: R. Lin et al., "Regularizing Neural Networks via Minimizing Hyperspherical Energy", CVPR
2020 (arXiv 1906.04892), random projection; defaults k = 40 and C = 20 of the released code are
left to the caller, since most small layers have fewer inputs.

Derived, not in the paper: in half space with s = 2 the expectation over P is
k/(k−3) times the energy of the unprojected lines plus a constant, so that the expected gradient
is that of MHE times k/(k−3), and what the projection adds is noise.

========== ================================
paper      code
========== ================================
k          ``dimension``
C          ``projections``
λ_h, λ_o   ``strength``, ``output_strength``
========== ================================

Deviations
----------
* The mean of the energy over P exists for k > s + 1 only, and smaller k is refused; its variance
  for half space and s = 2 needs k > 5, and that of the gradient k > 7.
* The paper redraws every certain number of iterations, the released code in every step (default).
* ``sharing="dimension"`` gives layers of equal n the same P. In the released code this follows
  from its seeds.
* ``project_first=False`` leaves the first layer as it is, as the released code does.

>>> import numpy as np
>>> from refimpl.random import Rng
>>> weights = [{"weight": Rng(0).normal((6, 8))}, {"weight": np.eye(2)}]
>>> from refimpl.algorithms.composition import alone
>>> algorithm = alone(RPCoMHE, dimension=5, projections=3, output_strength=0.0)
>>> state = algorithm.init(weights)
>>> state, info = algorithm.step(state, lambda p, b: 0.0 * p[1]["weight"][0, 0], None, Rng(1))
>>> bool(info.penalty > info.energy)  # projected neurons are closer
True
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, required_rng
from refimpl.arrays import Array
from refimpl.checks import count, flag, one_of
from refimpl.papers.hyperspherical_energy.common import (
    EnergyPenalty,
    Projections,
    check_dimension,
    check_layers,
    draw_projections,
    empty_projection,
    energy_gradient,
)
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.random import Rng

Sharing = Literal["none", "dimension"]


def projected_energy(weight: Array, projections: Array, energy: HypersphericalEnergy) -> Array:
    """The mean over c of the energy of the rows of ``weight`` projected by P_c.

    Parameters
    ----------
    weight : array, shape (N, n)
    projections : array, shape (C, k, n)
    energy : HypersphericalEnergy

    Returns
    -------
    0-d array, differentiable in both arguments

    Examples
    --------
    >>> import numpy as np
    >>> float(projected_energy(np.eye(3), np.eye(3)[None], HypersphericalEnergy(s=0.0)))
    -0.34657359027997264
    """
    many, dimension, inputs = projections.shape
    stacked = ad.reshape(projections, (many * dimension, inputs))
    images = ad.matmul(weight, stacked.mT)
    images = ad.reshape(images, (weight.shape[0], many, dimension))
    return ad.mean(energy(ad.permute_dims(images, (1, 0, 2))))


@dataclass(frozen=True, kw_only=True)
class RPCoMHE(EnergyPenalty):
    """Random-projection CoMHE, a penalty.

    Parameters
    ----------
    strength, output_strength, s, space, metric, epsilon, kernel, decay, decay_form
        See :class:`refimpl.papers.hyperspherical_energy.common.EnergyPenalty`.
    dimension : int
        k, above s + 1 and at most the dimension of the neurons.
    projections : int
        C.
    redraw_every : int
        Steps between draws.
    sharing : {"none", "dimension"}
        Whether layers with neurons of one dimension share their projections.
    project_first : bool
        Whether the first layer is projected too.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> RPCoMHE(dimension=3)
    Traceback (most recent call last):
    ...
    ValueError: dimension must exceed s + 1 = 3 for the mean energy to exist, not 3
    """

    dimension: int = field(default=20, metadata={"help": "dimension of the projection"})
    projections: int = field(default=5, metadata={"help": "number of projections"})
    redraw_every: int = field(default=1, metadata={"help": "steps between draws"})
    sharing: Sharing = field(
        default="none", metadata={"help": "whether layers of one dimension share projections"}
    )
    project_first: bool = field(default=True, metadata={"help": "project the first layer too"})

    def __post_init__(self) -> None:
        super().__post_init__()
        count("dimension", self.dimension, at_least=2)
        if self.dimension <= self.s + 1:
            raise ValueError(
                f"dimension must exceed s + 1 = {self.s + 1:g} for the mean energy to exist, "
                f"not {self.dimension}"
            )
        count("projections", self.projections)
        count("redraw_every", self.redraw_every)
        one_of("sharing", self.sharing, get_args(Sharing))
        flag("project_first", self.project_first)

    def init(self, params: Tree) -> Projections:
        """What is remembered before the first step.

        Raises
        ------
        InfeasibleError
            If a layer that would be projected has fewer inputs than ``dimension``.
        """
        hidden = check_layers(self, params)[:-1]
        kept = []
        for layer, weight in enumerate(hidden):
            if self.strength > 0.0 and self._projected(layer):
                check_dimension(self.dimension, weight, layer)
                if self.redraw_every > 1:
                    kept.append(empty_projection(self._shape(weight), weight))
        return Projections(0, tuple(kept))

    def value_and_gradient(
        self,
        params: Tree,
        batch: Any,
        objective: Any,
        aux: Projections,
        rng: Rng | None = None,
    ) -> tuple[Array, Tree | None, Projections]:
        """R, 0-d, its gradient, and the projections; ``rng`` draws them."""
        energy = self.hidden_energy
        fresh = aux.step % self.redraw_every == 0
        drawn: dict[int, Array] = {}
        kept: list[Array] = []

        def hidden(weight: Array, layer: int) -> Array:
            if not self._projected(layer):
                return energy(weight)
            plain = ad.value(weight)
            if not fresh:
                projection = aux.arrays[len(kept)]
            else:
                stream = plain.shape[1] if self.sharing == "dimension" else layer
                if stream not in drawn:
                    drawn[stream] = draw_projections(
                        required_rng(rng), self._shape(plain), plain, stream
                    )
                projection = drawn[stream]
            if self.redraw_every > 1:
                kept.append(projection)
            return projected_energy(weight, projection, energy)

        value, gradient = energy_gradient(self, params, batch, hidden)
        return value, gradient, Projections(aux.step + 1, tuple(kept))

    def _projected(self, layer: int) -> bool:
        return layer > 0 or self.project_first

    def _shape(self, weight: Array) -> tuple[int, int, int]:
        return self.projections, self.dimension, weight.shape[1]
