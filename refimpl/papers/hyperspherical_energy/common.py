"""What the regularisers on hyperspherical energy share: hyper-parameters, layers, one step.

The last weight matrix of a network is its output layer, all others are hidden. A hidden layer is
penalised with ``strength`` in the chosen space; the output layer, whose classes are points and not
lines, always in full space and with its own ``output_strength``. A variant says what the energy of
a hidden layer is; everything else is here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    FirstOrder,
    Objective,
    State,
    Tree,
    check_params,
    descend,
    loss_and_gradient,
    tree_namespace,
)
from refimpl.algorithms.penalised import total, weight_matrices
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.arrays import Array, backend_of, namespace
from refimpl.checks import non_negative, one_of
from refimpl.errors import InfeasibleError
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy, Kernel, Metric, Space
from refimpl.random import Rng

Decay = Literal["squared", "norm"]


class EnergyInfo(NamedTuple):
    """Diagnostics of a step with an energy penalty, all taken before the step.

    Attributes
    ----------
    loss : 0-d array
        The loss of the batch, without any penalty.
    penalty : 0-d array
        Everything that was added to it, with its strengths.
    energy : 0-d array
        Mean pair energy of the hidden layers with epsilon 0 and no projection, summed over
        layers: what a variant is supposed to lower, whatever it minimises. Infinite where a
        neuron has no direction.
    smallest_norm : 0-d array
        Of all hidden neurons. With epsilon > 0 the penalty falls with it, at no gain in diversity.
    """

    loss: Array
    penalty: Array
    energy: Array
    smallest_norm: Array


@dataclass(frozen=True)
class EnergyPenalty:
    """Hyper-parameters of every regulariser on hyperspherical energy.

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
    learning_rate, base, momentum
        Of the first-order update.
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
    learning_rate: float = field(default=0.1, metadata={"help": "step size, positive"})
    base: BaseName = field(default="sgd", metadata={"help": BASE_HELP})
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})

    def __post_init__(self) -> None:
        for name in ("strength", "output_strength", "s", "epsilon", "decay"):
            non_negative(name, getattr(self, name))
        one_of("space", self.space, get_args(Space))
        one_of("metric", self.metric, get_args(Metric))
        one_of("kernel", self.kernel, get_args(Kernel))
        one_of("decay_form", self.decay_form, get_args(Decay))
        first_order(self.base, self.learning_rate, self.momentum)

    @property
    def update(self) -> FirstOrder:
        """The first-order update that takes the step."""
        return first_order(self.base, self.learning_rate, self.momentum)

    @property
    def hidden_energy(self) -> HypersphericalEnergy:
        """The energy of a hidden layer, or of its projection."""
        return HypersphericalEnergy(
            float(self.s), self.space, self.metric, "mean", float(self.epsilon), self.kernel
        )

    @property
    def output_energy(self) -> HypersphericalEnergy:
        """The energy of the output layer: full space."""
        return replace(self.hidden_energy, space="full")

    def output_term(self, weight: Array, batch: Any) -> Array:
        """The energy of the output layer; a variant may use the batch."""
        return self.output_energy(weight)


def check_layers(algorithm: EnergyPenalty, params: Tree) -> list[Array]:
    """The weight matrices, or an error that says which layer cannot have an energy.

    Raises
    ------
    TypeError
        If a parameter is not a floating array.
    InfeasibleError
        If a penalised layer has fewer than two neurons; with the layer and its neurons.
    """
    check_params(params)
    matrices = weight_matrices(params)
    for layer, weight in enumerate(matrices):
        output = layer == len(matrices) - 1
        strength = algorithm.output_strength if output else algorithm.strength
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


def energy_step(
    algorithm: EnergyPenalty,
    state: Any,
    objective: Objective,
    batch: Any,
    hidden_term: Callable[[Array, int], Array],
) -> tuple[State, EnergyInfo]:
    """One step on loss + λ_h Σ hidden energies + λ_o output energy + decay.

    Parameters
    ----------
    algorithm : EnergyPenalty
    state : NamedTuple with params, step and buffers
    hidden_term : callable
        ``hidden_term(weight, layer)``: the energy of hidden layer number ``layer``.

    Returns
    -------
    state : State
        Of the base update.
    info : EnergyInfo
    """
    params = state.params
    inner = State(params, state.step, state.buffers)
    loss, gradient = loss_and_gradient(objective, params, batch)
    measured, smallest = _measure(algorithm, params)
    penalty_of = _penalty(algorithm, batch, hidden_term)
    if algorithm.strength == algorithm.output_strength == algorithm.decay == 0.0:
        zero = total([], params)
        return descend(algorithm.update, inner, gradient), EnergyInfo(
            loss, zero, measured, smallest
        )
    penalty, extra = ad.value_and_grad(penalty_of)(params)
    gradient = ad.map_tree(lambda g, e: g + e, gradient, extra)
    info = EnergyInfo(loss, penalty, measured, smallest)
    return descend(algorithm.update, inner, gradient), info


def _penalty(
    algorithm: EnergyPenalty, batch: Any, hidden_term: Callable[[Array, int], Array]
) -> Callable[[Tree], Array]:
    def penalty(params: Tree) -> Array:
        *hidden, output = weight_matrices(params)
        terms = []
        if algorithm.strength > 0.0:
            for layer, weight in enumerate(hidden):
                terms.append(algorithm.strength * hidden_term(weight, layer))
        if algorithm.output_strength > 0.0:
            terms.append(algorithm.output_strength * algorithm.output_term(output, batch))
        if algorithm.decay > 0.0:
            matrices = [*hidden, output]
            if algorithm.decay_form == "squared":
                terms.extend(0.5 * algorithm.decay * ad.sum(w * w) for w in matrices)
            else:
                neurons = sum(weight.shape[0] for weight in matrices)
                terms.extend(
                    (algorithm.decay / neurons) * ad.sum(ad.norm(w, axis=1)) for w in matrices
                )
        return total(terms, params)

    return penalty


def _measure(algorithm: EnergyPenalty, params: Tree) -> tuple[Array, Array]:
    """Energy of the hidden layers with epsilon 0, and the smallest norm among their neurons."""
    hidden = weight_matrices(params)[:-1]
    zero = total([], params)
    xp = tree_namespace(params)
    energy = replace(algorithm.hidden_energy, epsilon=0.0)
    values, norms = [zero], [zero + math.inf]
    for weight in hidden:
        norms.append(xp.min(xp.linalg.vector_norm(weight, axis=1)))
        try:
            values.append(energy(weight))
        except InfeasibleError:
            values.append(zero + math.inf)
    return total(values, params), xp.min(xp.stack(norms))


def draw_projections(rng: Rng, shape: tuple[int, int, int], like: Array, stream: int) -> Array:
    """C Gaussian projections (C, k, n) with unit variance, from a stream of their own."""
    return rng.child("projection", stream).normal(shape, like=like)


def empty_projection(shape: tuple[int, ...], like: Array) -> Array:
    """The place in the state where a projection will be."""
    return backend_of(like).zeros(shape)


def cosines(weight: Array, epsilon: float) -> Array:
    """Cosines between the rows with zeros on the diagonal; differentiable, any order.

    Raises
    ------
    InfeasibleError
        For a zero neuron where epsilon is 0.
    """
    squares = ad.sum(weight * weight, axis=1, keepdims=True) + epsilon
    plain = ad.value(squares)
    xp = namespace(plain)
    if bool(xp.any(plain == 0)):
        raise InfeasibleError("a zero neuron has no direction", neuron=int(xp.argmin(plain)))
    unit = weight / ad.sqrt(squares)
    mask = 1.0 - backend_of(plain).eye(plain.shape[0])
    return ad.matmul(unit, unit.mT) * mask
