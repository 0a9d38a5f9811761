"""Averaged gradient penalties: Tikhonov E|∇f|² and total variation E|∇f|.

Algorithm
---------
With a_ki = ∇f_k(x_i) for the P examples of the batch,

* power 2: R ← (λ/P) Σ_i Σ_k |a_ki|²
* power 1, ``norm="per_class"``: R ← (λ/P) Σ_i Σ_k |a_ki|
* power 1, ``norm="frobenius"``: R ← (λ/P) Σ_i √(Σ_k |a_ki|²)

The derivative in W_l is Σ_i v̂_l u_{l-1}ᵀ, run from ā = 2λa/P, λa/(P|a|) and λa_k/(P|a|_F)
(:mod:`refimpl.models.linear_pieces`); where a norm is 0 its derivative is taken as 0.

Source: L. Li, X.-C. Tai and J. Yang, "Generalization error analysis of neural networks with
gradient based regularization", arXiv 2107.02797 (abstract only): an empirical fit plus λ times a
quadrature of the regularizer on the data. For several outputs the abstract leaves the norm open;
the two readings are the option ``norm``.

====== =================
symbol code
====== =================
λ      ``strength``
p      ``power``
====== =================

Deviations
----------
No small number is added to the norms: their derivative at exactly 0 is taken as 0. The penalties
differ from the loss-gradient penalty (∇f, not the gradient of the loss) and from ‖∇f‖² (an
average, not the largest).

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.models import MLP, Objective
>>> params = [{"weight": np.array([[3.0, 4.0], [0.0, 12.0]])}]
>>> objective, batch = Objective(MLP((2, 2), bias=False)), Batch(np.ones((3, 2)), np.zeros(3, int))
>>> [float(AveragedGradient(strength=1.0, power=power, norm=norm).value(params, batch, objective,
...     ())[0]) for power, norm in ((2, "per_class"), (1, "per_class"), (1, "frobenius"))]
[169.0, 17.0, 13.0]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective, Tree
from refimpl.algorithms.gradient_penalties import (
    DERIVATIVES_HELP,
    STRENGTH_HELP,
    Derivatives,
    check_derivatives,
    closed,
    sum_trees,
    taped,
    unit_rows,
    zero,
    zeros,
)
from refimpl.arrays import Array, namespace
from refimpl.checks import count, non_negative, one_of, plain_numbers
from refimpl.models.input_gradients import output_gradients
from refimpl.models.linear_pieces import backward, linear_pieces, pull_back
from refimpl.random import Rng

Norm = Literal["per_class", "frobenius"]


@dataclass(frozen=True, kw_only=True)
class AveragedGradient:
    """λ times the batch average of |∇f|^power, a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative; 0 leaves training as it is.
    power : {1, 2}
        2 is Tikhonov regularization, 1 total variation.
    norm : {"per_class", "frobenius"}
        For several outputs and power 1: the sum of the norms, or the norm of all together.
    derivatives : {"auto", "closed_form", "tape"}

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> AveragedGradient(power=3)
    Traceback (most recent call last):
    ...
    ValueError: power must be 1 or 2, not 3
    """

    strength: float = field(default=0.001, metadata={"help": STRENGTH_HELP})
    power: int = field(default=2, metadata={"help": "2: Tikhonov, 1: total variation"})
    norm: Norm = field(
        default="per_class", metadata={"help": "of several outputs: per_class or frobenius"}
    )
    derivatives: Derivatives = field(default="auto", metadata={"help": DERIVATIVES_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        count("power", self.power)
        if self.power > 2:
            raise ValueError(f"power must be 1 or 2, not {self.power}")
        one_of("norm", self.norm, get_args(Norm))
        check_derivatives(self.derivatives)

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def value(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, tuple[()]]:
        """R, 0-d, differentiable in ``params`` by the tape."""
        if self.strength == 0.0:
            return zero(params), ()
        slopes = output_gradients(objective.model, params, batch.inputs)  # type: ignore[attr-defined]
        if self.power == 2:
            total = ad.sum(slopes * slopes)
        else:
            axes = -1 if self.norm == "per_class" else (1, 2)
            total = ad.sum(ad.norm(slopes, axis=axes))
        return (self.strength / batch.inputs.shape[0]) * total, ()

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree, tuple[()]]:
        """R and its gradient, in closed form where there is one."""
        if self.strength == 0.0:
            return zero(params), zeros(params), ()
        model = objective.model  # type: ignore[attr-defined]
        if not closed(self.derivatives, model):
            return taped(self, params, batch, objective, rng)
        pieces = linear_pieces(model, params, batch.inputs)
        xp = namespace(pieces.outputs)
        unit = unit_rows(pieces.outputs)
        passes = [
            backward(pieces, xp.broadcast_to(unit[k, :][None, :], pieces.outputs.shape))
            for k in range(unit.shape[0])
        ]
        squares = xp.stack([xp.sum(b.gradients * b.gradients, axis=-1) for b in passes])
        value, factors = self._weights(squares)
        trees = [
            pull_back(pieces, back, factors[k, :][:, None] * back.gradients)[0]
            for k, back in enumerate(passes)
        ]
        return value, sum_trees(trees), ()

    def _weights(self, squares: Array) -> tuple[Array, Array]:
        """R, and ā/a for every output and example, from |a_ki|² of shape (K, P)."""
        xp = namespace(squares)
        scale = self.strength / squares.shape[1]
        if self.power == 2:
            return scale * xp.sum(squares), 2.0 * scale * xp.ones_like(squares)
        if self.norm == "frobenius":
            lengths = xp.sqrt(xp.sum(squares, axis=0, keepdims=True))
        else:
            lengths = xp.sqrt(squares)
        one = xp.ones_like(lengths)
        inverse = xp.where(lengths > 0, one / xp.where(lengths > 0, lengths, one), 0.0 * one)
        return scale * xp.sum(lengths), xp.broadcast_to(scale * inverse, squares.shape)
