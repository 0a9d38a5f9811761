"""What the training experiments on hyperspherical energy share: methods, controls, one run.

Every method minimizes cross-entropy plus the same weight decay; strengths are on the mean over
pairs, biases and the output layer are left out. Controls of random projection: the same layer
energy without projection at k/(k−3) times the strength (equal expected gradient), and that plus
isotropic tangent noise of the projected gradient's own size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition, alone
from refimpl.algorithms.orthogonality import Orthogonality
from refimpl.algorithms.penalized import weight_matrices
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.srip import SRIP
from refimpl.models import MLP, Objective
from refimpl.papers.hyperspherical_energy.comhe_adversarial import AdversarialCoMHE
from refimpl.papers.hyperspherical_energy.comhe_angle import APCoMHE
from refimpl.papers.hyperspherical_energy.comhe_group import GroupCoMHE
from refimpl.papers.hyperspherical_energy.comhe_random import RPCoMHE, projected_energy
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.mhe import MHE
from refimpl.papers.hyperspherical_energy.uniformity import HypersphericalUniformity
from refimpl.random import Rng

HALF = HypersphericalEnergy(2.0, "half")


@dataclass(frozen=True)
class Decayed:
    """An objective plus ½ ``decay`` Σ ‖W‖² over the weight matrices."""

    objective: Objective
    decay: float

    @property
    def model(self) -> Any:
        """The network."""
        return self.objective.model

    @property
    def replayable(self) -> bool:
        """Whether its calls can be replayed: those of the objective, for the rest are sums."""
        return ad.is_replayable(self.objective)

    def __call__(self, params: Any, batch: Any) -> Any:
        total = self.objective(params, batch)
        for weight in weight_matrices(params):
            total = total + 0.5 * self.decay * ad.sum(weight * weight)
        return total


@dataclass(frozen=True)
class MatchedNoise:
    """Half-space MHE plus isotropic tangent noise as large as that of random projection.

    In each step and layer a fresh projected gradient is drawn; its distance from the expected one
    is the length of the noise, whose direction is uniform in the tangent space of the spheres.
    """

    inner: Composition
    dimension: int
    projections: int

    def init(self, params: Any) -> Any:
        return self.inner.init(params)

    def step(self, state: Any, objective: Any, batch: Any, rng: Rng) -> tuple[Any, Any]:
        after, info = self.inner.step(state, objective, batch, rng)
        params = [dict(layer) for layer in after.params]
        k = self.dimension
        for layer in range(len(params) - 1):
            weight = state.params[layer]["weight"]
            stream = rng.child("noise", layer)
            draws = stream.normal((self.projections, k, weight.shape[1]), like=weight)
            projected = ad.grad(lambda w, p=draws: projected_energy(w, p, HALF))(weight)
            error = projected - (k / (k - 3.0)) * HALF.value_and_gradient(weight)[1]
            noise = stream.normal(weight.shape, like=weight)
            norms = (weight * weight).sum(axis=1, keepdims=True)
            noise = noise - (noise * weight).sum(axis=1, keepdims=True) / norms * weight
            length = ((error * error).sum() / (noise * noise).sum()) ** 0.5
            # the strength of the inner method holds k/(k-3) already
            strength = self.inner.penalties[0].strength * (k - 3.0) / k
            rate = self.inner.learning_rate * strength * length
            params[layer]["weight"] = params[layer]["weight"] - rate * noise
        return after._replace(params=params), info


def method(name: str, strength: float, rate: float, dimension: int, projections: int) -> Any:
    """The algorithm called ``name`` in results and figures."""
    shared: dict[str, Any] = {"learning_rate": rate}
    energy = {**shared, "strength": strength, "output_strength": 0.0}
    if name == "none":
        return SGD(**shared)
    if name == "orthogonal":
        return alone(Orthogonality, form="cosine", strength=1e-3 * strength, **shared)
    if name == "SRIP":
        return alone(SRIP, method="power", strength=1e-2 * strength, **shared)
    if name == "MHE":
        return alone(MHE, space="full", **energy)
    if name == "half-space":
        return alone(MHE, **energy)
    factor = dimension / (dimension - 3.0)
    if name == "half-space, matched":
        return alone(MHE, **{**energy, "strength": factor * strength})
    if name == "half-space, matched, noise":
        matched = alone(MHE, **{**energy, "strength": factor * strength})
        return MatchedNoise(matched, dimension, projections)
    if name == "random projection":
        return alone(RPCoMHE, dimension=dimension, projections=projections, **energy)
    if name == "angle-preserving":
        return alone(APCoMHE, dimension=dimension, **energy)
    if name == "adversarial":
        return alone(AdversarialCoMHE, dimension=dimension, epsilon=1e-4, inner_rate=rate, **energy)
    if name == "group":
        return alone(GroupCoMHE, groups=2, **energy)
    if name == "uniformity":
        return alone(HypersphericalUniformity, **{**energy, "strength": 1e-2 * strength})
    raise ValueError(f"unknown method {name!r}")


def layer_energies(params: Any) -> np.ndarray:
    """Half-space mean energy of every hidden layer, epsilon 0."""
    return np.array([float(HALF(weight)) for weight in weight_matrices(params)[:-1]])


def optimum(neurons: int, inputs: int) -> float:
    """A lower bound of the half-space mean energy, s = 2: orthonormal or equiangular lines."""
    square = max(0.0, (neurons - inputs) / (inputs * (neurons - 1.0)))
    return (0.25 + (neurons - 1.0) / (1.0 - square)) / (2.0 * neurons - 1.0)


def model_and_objective(widths: tuple[int, ...], decay: float) -> tuple[MLP, Any]:
    """The network and the decayed cross-entropy."""
    model = MLP(widths)
    return model, Decayed(Objective(model), decay)
