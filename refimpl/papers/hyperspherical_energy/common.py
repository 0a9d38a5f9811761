"""What the regularizers on hyperspherical energy share: hyper-parameters, layers, one step.

The last weight matrix of a network is its output layer, all others are hidden. A hidden layer is
penalized with ``strength`` in the chosen space; the output layer, whose classes are points and not
lines, always in full space and with its own ``output_strength``. A variant says what the energy of
a hidden layer is; everything else is here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, check_params, tree_namespace
from refimpl.algorithms.penalized import require_matrices, total, weight_matrices
from refimpl.arrays import Array, backend_of
from refimpl.checks import non_negative, one_of, plain_numbers
from refimpl.errors import InfeasibleError
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy, Kernel, Metric, Space
from refimpl.random import Rng

Decay = Literal["squared", "norm"]


class Projections(NamedTuple):
    """What a variant with projections remembers.

    Attributes
    ----------
    step : int
        How many steps have been taken.
    arrays : tuple of array
        One a projected layer; empty where every step draws its own.
    """

    step: int
    arrays: tuple[Array, ...]


@dataclass(frozen=True, kw_only=True)
class EnergyPenalty:
    """Hyper-parameters and diagnostics of every penalty on hyperspherical energy.

    Reported, before the step: ``energy``, the mean pair energy of the hidden layers with epsilon 0
    and no projection, summed over layers, which is what a variant is supposed to lower, whatever
    it minimizes (infinite where a neuron has no direction); and ``smallest_norm`` of all hidden
    neurons: with epsilon > 0 the penalty falls with it, at no gain in diversity.

    Parameters
    ----------
    strength : float
        λ_h of the hidden layers, on the mean over pairs.
    output_strength : float
        λ_o of the output layer; the released code has 10 times λ_h.
    s : float
        Power of the kernel; 0 is the logarithm.
    space : {"half", "full"}
        Of the hidden layers.
    metric : {"euclidean", "angular"}
    epsilon : float
        Added to squared norms; 1e-4 in the released code.
    kernel : {"paper", "released"}
        Constants of the kernels.
    decay : float
        λ_w on the norms of the neurons.
    decay_form : {"squared", "norm"}
        ½ λ_w Σ ‖W‖² (the released code), or λ_w times the mean ‖w_i‖ (as printed).
    """

    strength: float = field(default=1.0, metadata={"help": "weight of hidden layers, >= 0"})
    output_strength: float = field(
        default=1.0, metadata={"help": "weight of the output layer, >= 0"}
    )
    s: float = field(default=2.0, metadata={"help": "power of the kernel, 0 = logarithm"})
    space: Space = field(default="half", metadata={"help": "hidden neurons as lines or as points"})
    metric: Metric = field(default="euclidean", metadata={"help": "distance or angle"})
    epsilon: float = field(default=0.0, metadata={"help": "added to squared norms, >= 0"})
    kernel: Kernel = field(default="paper", metadata={"help": "constants of the kernels"})
    decay: float = field(default=0.0, metadata={"help": "weight of the norms, >= 0"})
    decay_form: Decay = field(
        default="squared", metadata={"help": "half squared norm, or mean norm of the neurons"}
    )

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name in ("strength", "output_strength", "s", "epsilon", "decay"):
            non_negative(name, getattr(self, name))
        one_of("space", self.space, get_args(Space))
        one_of("metric", self.metric, get_args(Metric))
        one_of("kernel", self.kernel, get_args(Kernel))
        one_of("decay_form", self.decay_form, get_args(Decay))

    @property
    def hidden_energy(self) -> HypersphericalEnergy:
        """The energy of a hidden layer, or of its projection."""
        return mean_energy(self, self.space)

    @property
    def output_energy(self) -> HypersphericalEnergy:
        """The energy of the output layer: full space."""
        return mean_energy(self, "full")

    def output_term(self, weight: Array, batch: Any) -> Array:
        """The energy of the output layer; a variant may use the batch."""
        return self.output_energy(weight)

    def diagnostics(self, params: Tree, batch: Any, objective: Any, aux: Any) -> dict[str, Array]:
        """``energy`` and ``smallest_norm``."""
        hidden = weight_matrices(params)[:-1]
        zero = total([], params)
        xp = tree_namespace(params)
        energy = mean_energy(self, self.space, 0.0)
        values, norms = [zero], [zero + math.inf]
        for weight in hidden:
            norms.append(xp.min(xp.linalg.vector_norm(weight, axis=1)))
            try:
                values.append(energy(weight))
            except InfeasibleError:
                values.append(zero + math.inf)
        return {"energy": total(values, params), "smallest_norm": xp.min(xp.stack(norms))}


def mean_energy(
    part: EnergyPenalty, space: Space, epsilon: float | None = None
) -> HypersphericalEnergy:
    """The mean pair energy with the settings of a penalty."""
    chosen = part.epsilon if epsilon is None else epsilon
    return _energy(float(part.s), space, part.metric, "mean", float(chosen), part.kernel)


_energy = functools.lru_cache(maxsize=64)(HypersphericalEnergy)
"""Settings are checked once: an energy of its own every step would cost as much as a product."""


def check_layers(part: EnergyPenalty, params: Tree) -> list[Array]:
    """The weight matrices, or an error that says which layer cannot have an energy.

    Raises
    ------
    TypeError
        If a parameter is not a floating array.
    SettingError
        If there is no weight matrix.
    InfeasibleError
        If a penalized layer has fewer than two neurons; with the layer and its neurons.
    """
    check_params(params)
    matrices = require_matrices(params, "the hyperspherical energy")
    for layer, weight in enumerate(matrices):
        output = layer == len(matrices) - 1
        strength = part.output_strength if output else part.strength
        if strength > 0.0 and weight.shape[0] < 2:
            raise InfeasibleError(
                "a layer of one neuron has no energy: set its strength to 0",
                layer=layer,
                neurons=weight.shape[0],
            )
    return matrices


def check_dimension(dimension: int, weight: Array, layer: int) -> None:
    """Raise unless a layer's neurons can be projected to ``dimension``."""
    if dimension > weight.shape[1]:
        raise InfeasibleError(
            "the projection's dimension exceeds the neurons' own; take a smaller dimension"
            + (", or project_first=False" if layer == 0 else ""),
            dimension=dimension,
            inputs=weight.shape[1],
            layer=layer,
        )


def energy_gradient(
    part: EnergyPenalty, params: Tree, batch: Any, hidden_term: Callable[[Array, int], Array]
) -> tuple[Array, Tree | None]:
    """λ_h Σ hidden energies + λ_o output energy + decay, and its gradient.

    Parameters
    ----------
    part : EnergyPenalty
    params : tree
    batch : Batch
        For forms of the output layer that read labels.
    hidden_term : callable
        ``hidden_term(weight, layer)``: the energy of hidden layer number ``layer``.

    Returns
    -------
    value : 0-d array
    gradient : tree or None
        None where all strengths are 0.
    """
    if part.strength == part.output_strength == part.decay == 0.0:
        return total([], params), None

    def penalty(p: Tree) -> Array:
        *hidden, output = weight_matrices(p)
        terms = []
        if part.strength > 0.0:
            for layer, weight in enumerate(hidden):
                terms.append(part.strength * hidden_term(weight, layer))
        if part.output_strength > 0.0:
            terms.append(part.output_strength * part.output_term(output, batch))
        return total([*terms, *_decay(part, [*hidden, output])], p)

    return ad.value_and_grad(penalty)(params)


def _decay(part: EnergyPenalty, matrices: list[Array]) -> list[Array]:
    if part.decay == 0.0:
        return []
    if part.decay_form == "squared":
        return [0.5 * part.decay * ad.sum(w * w) for w in matrices]
    neurons = sum(weight.shape[0] for weight in matrices)
    return [(part.decay / neurons) * ad.sum(ad.norm(w, axis=1)) for w in matrices]


def draw_projections(rng: Rng, shape: tuple[int, int, int], like: Array, stream: int) -> Array:
    """C Gaussian projections (C, k, n) with unit variance, from a stream of their own."""
    return rng.child("projection", stream).normal(shape, like=like)


def empty_projection(shape: tuple[int, ...], like: Array) -> Array:
    """The place in the state where a projection will be."""
    return backend_of(like).zeros(shape)
