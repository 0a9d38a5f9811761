"""Hyperspherical uniformity with a learned pole: polarization and covering.

Each layer has a pole v on the sphere that looks for the place which the neurons leave emptiest, and
the neurons fill it. With d_i² = 2 − 2 cos(v, w_i) over the N neurons (in half space over the 2N
points ±w_i):

* polarization: U(v, W) = mean_i d_i^(−2), least at the pole; the neurons raise it, R = −U
* covering: C(v, W) = −(1/β) log mean_i exp(−β d_i²), largest at the pole; the neurons lower it,
  R = C

Algorithm
---------
In the first step v ~ N(0, I), b = 0. In every step and layer:

1. inner_steps times: b ← μ b + ∂_v R(v, W) turned round, + c v;  v ← v − η b.
   The pole goes against the neurons: down U, up C
2. g ← g + λ_h Σ_hidden ∂_W R + λ_o ∂_W R(W_out), for the pole as it is

Source: W. Liu et al., "Learning with hyperspherical uniformity", AISTATS 2021: MHP and MHC, in the
form of its released code.

========== ===================================
paper      code
========== ===================================
λ_h, λ_o   ``strength``, ``output_strength``
η, μ, c    ``inner_rate``, ``inner_momentum``, ``inner_decay``
β          ``sharpness``
========== ===================================

Deviations
----------
* epsilon is 0; the released code adds 1e-4 to squared norms.
* The pole's slope is not multiplied by the layer's strength, as it is in the released code, whose
  strengths are 1 and 10 (polarization), 0.01 and 0.1 (covering).

In half space fewer neurons than dimensions are left alone: the pole ends orthogonal to all of them,
where neither form has a slope (derived).

>>> import numpy as np
>>> from refimpl.random import Rng
>>> algorithm = HypersphericalPole(form="covering", output_strength=0.0, space="full")
>>> weights = [{"weight": np.eye(3)}, {"weight": np.eye(2, 3)}]
>>> aux = algorithm.init(weights)
>>> for _ in range(20):
...     value, gradient, aux = algorithm.value_and_gradient(weights, None, None, aux, Rng(0))
>>> np.round(aux.poles[0] / np.linalg.norm(aux.poles[0]), 2)
array([-0.58, -0.58, -0.58])
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, required_rng
from refimpl.algorithms.penalized import require_matrices, total, weight_matrices
from refimpl.arrays import Array, backend_of, namespace
from refimpl.checks import count, non_negative, one_of, plain_numbers, positive
from refimpl.errors import InfeasibleError
from refimpl.papers.hyperspherical_energy.common import draw_projections
from refimpl.papers.hyperspherical_energy.energy import Space
from refimpl.random import Rng

Form = Literal["polarization", "covering"]


class Poles(NamedTuple):
    """What is remembered: the number of steps, and for each penalized layer its pole (n,) and the
    pole's momentum."""

    step: int
    poles: tuple[Array, ...]
    momenta: tuple[Array, ...]


@dataclass(frozen=True, kw_only=True)
class HypersphericalPole:
    """Uniformity seen from a learned pole, a penalty.

    Parameters
    ----------
    strength, output_strength : float
        λ_h and λ_o, non-negative.
    form : {"polarization", "covering"}
    space : {"half", "full"}
        Of the hidden layers; the output layer is in full space.
    sharpness : float
        β of the covering form, positive.
    inner_steps : int
        Steps on the poles.
    inner_rate, inner_momentum, inner_decay : float
        η > 0, μ in [0, 1), c >= 0.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> HypersphericalPole(inner_steps=0)
    Traceback (most recent call last):
    ...
    ValueError: inner_steps must be at least 1, not 0
    """

    strength: float = field(default=0.1, metadata={"help": "weight of hidden layers, >= 0"})
    output_strength: float = field(
        default=0.1, metadata={"help": "weight of the output layer, >= 0"}
    )
    form: Form = field(default="polarization", metadata={"help": "what the pole looks for"})
    space: Space = field(default="half", metadata={"help": "hidden neurons as lines or as points"})
    sharpness: float = field(default=10.0, metadata={"help": "of the covering form, positive"})
    inner_steps: int = field(default=10, metadata={"help": "steps on the poles"})
    inner_rate: float = field(default=0.1, metadata={"help": "step size on the poles"})
    inner_momentum: float = field(default=0.9, metadata={"help": "momentum of the poles"})
    inner_decay: float = field(default=5e-4, metadata={"help": "decay of the poles, >= 0"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name in ("strength", "output_strength", "inner_decay", "inner_momentum"):
            non_negative(name, getattr(self, name))
        for name in ("sharpness", "inner_rate"):
            positive(name, getattr(self, name))
        if self.inner_momentum >= 1.0:
            raise ValueError(f"inner_momentum must be below 1, not {self.inner_momentum}")
        count("inner_steps", self.inner_steps)
        one_of("form", self.form, get_args(Form))
        one_of("space", self.space, get_args(Space))

    def init(self, params: Tree) -> Poles:
        """What is remembered before the first step, which draws the poles.

        Raises
        ------
        SettingError
            If there is no weight matrix.
        """
        matrices = require_matrices(params, "the uniformity penalty")
        empty = tuple(backend_of(w).zeros((w.shape[1],)) for w, _, _ in self._layers(matrices))
        return Poles(0, empty, empty)

    def measure(self, pole: Array, weight: Array, space: Space = "full") -> Array:
        """R = −U or C of one layer, 0-d; differentiable in both.

        Parameters
        ----------
        pole : array, shape (n,)
        weight : array, shape (N, n)
        space : {"full", "half"}

        Raises
        ------
        InfeasibleError
            For a zero neuron or pole.
        """
        lengths, own = ad.norm(weight, axis=1), ad.norm(pole)
        smallest = namespace(ad.value(own)).min(ad.value(lengths))
        if float(smallest) == 0.0 or float(ad.value(own)) == 0.0:
            raise InfeasibleError(
                "a zero neuron or pole has no direction",
                smallest_norm=float(smallest),
                pole=float(ad.value(own)),
            )
        cosine = ad.divide(ad.sum(ad.multiply(weight, pole), axis=1), ad.multiply(lengths, own))
        if space == "half":
            cosine = ad.concat([cosine, -1.0 * cosine])
        squares = 2.0 - 2.0 * cosine
        if self.form == "polarization":
            return -1.0 * ad.mean(1.0 / squares)
        mean = ad.logsumexp(-self.sharpness * squares) - math.log(squares.shape[0])
        return (-1.0 / self.sharpness) * mean

    def follow(
        self, pole: Array, momentum: Array, weight: Array, space: Space
    ) -> tuple[Array, Array]:
        """The pole and its momentum after the inner steps up R, for fixed weights."""
        for _ in range(self.inner_steps):
            slope = ad.grad(lambda v: self.measure(v, weight, space))(pole)
            momentum = self.inner_momentum * momentum - slope + self.inner_decay * pole
            pole = pole - self.inner_rate * momentum
        return pole, momentum

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Any, aux: Poles, rng: Rng | None = None
    ) -> tuple[Array, Tree | None, Poles]:
        """λ_h Σ_hidden R + λ_o R(W_out), 0-d, its gradient, and the poles; ``rng`` draws those of
        the first step."""
        moved: list[tuple[Array, Array]] = []
        for layer, (weight, _, space) in enumerate(self._layers(weight_matrices(params))):
            pole, momentum = aux.poles[layer], aux.momenta[layer]
            if aux.step == 0:
                shape = (1, 1, weight.shape[1])
                pole = draw_projections(required_rng(rng), shape, pole, layer)[0, 0, :]
            moved.append(self.follow(pole, momentum, weight, space))
        kept = Poles(aux.step + 1, tuple(v for v, _ in moved), tuple(b for _, b in moved))
        if not moved:
            return total([], params), None, kept

        def penalty(p: Tree) -> Array:
            layers = zip(self._layers(weight_matrices(p)), kept.poles, strict=True)
            return total([s * self.measure(v, w, space) for (w, s, space), v in layers], p)

        return *ad.value_and_grad(penalty)(params), kept

    def _layers(self, matrices: list[Array]) -> list[tuple[Array, float, Space]]:
        """The penalized layers, each with its strength and its space."""
        *hidden, output = matrices
        layers: list[tuple[Array, float, Space]] = [
            (weight, self.strength, self.space) for weight in hidden
        ]
        layers.append((output, self.output_strength, "full"))
        return [layer for layer in layers if layer[1] > 0.0]
