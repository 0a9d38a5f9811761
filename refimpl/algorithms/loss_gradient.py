"""The penalty on the gradient of the loss in the inputs: squared l2, or l1.

Algorithm
---------
With r_i = ∂l_i/∂f(x_i) and a_i = J_iᵀ r_i, the gradient of example i's loss in its input,

1. l2: R ← (λ/P) Σ_i |a_i|²;  l1: R ← (λ/P) Σ_i |a_i|_1
2. ∂R/∂W_l ← Σ_i v̂_l u_{l-1}ᵀ, run from ā_i = 2λ a_i / P or λ sign(a_i) / P
3. plus ordinary backpropagation from the covectors H_i u_L, H_i the Hessian of the loss in the
   outputs: r moves with the parameters too. For cross-entropy H = diag(p) − p pᵀ.

The second term reaches the biases, the first does not.

Sources: H. Drucker and Y. Le Cun, "Improving generalization performance using double
backpropagation", IEEE Trans. Neural Networks 3 (1992), for l2; it is the method "grad-l2" that
A. Bietti, G. Mialon, D. Chen and J. Mairal, ICML 2019, compare with, and their released code has
both norms. The closed form is derived.

====== =================
symbol code
====== =================
λ      ``strength``
====== =================

Deviations
----------
The derivative of |a|_1 at an entry that is exactly 0 is taken as 0. The penalty acts on the loss at
the data: it can shrink the slopes there while the spectral norms grow.

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.models import MLP, Objective
>>> params = [{"weight": np.array([[3.0, 4.0], [3.0, 6.0]]), "bias": np.zeros(2)}]
>>> batch = Batch(np.zeros((3, 2)), np.array([0, 1, 1]))
>>> part = LossGradient(strength=0.5)
>>> value, gradient, _ = part.value_and_gradient(params, batch, Objective(MLP((2, 2))), ())
>>> float(value), bool(abs(gradient[0]["bias"]).max() > 0)
(0.5, True)
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
    zero,
    zeros,
)
from refimpl.arrays import Array, namespace
from refimpl.checks import non_negative, one_of, plain_numbers
from refimpl.models.input_gradients import loss_gradients
from refimpl.models.linear_pieces import backward, linear_pieces, parameter_gradient, pull_back
from refimpl.random import Rng

Norm = Literal["l2", "l1"]


@dataclass(frozen=True, kw_only=True)
class LossGradient:
    """λ times the batch average of |∇_x l|² (or |∇_x l|_1), a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative; 0 leaves training as it is.
    norm : {"l2", "l1"}
        The squared Euclidean norm, or the sum of absolute values.
    derivatives : {"auto", "closed_form", "tape"}

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> LossGradient(norm="linf")
    Traceback (most recent call last):
    ...
    ValueError: norm must be one of l2, l1, not 'linf'
    """

    strength: float = field(default=0.1, metadata={"help": STRENGTH_HELP})
    norm: Norm = field(default="l2", metadata={"help": "l2 (squared) or l1"})
    derivatives: Derivatives = field(default="auto", metadata={"help": DERIVATIVES_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
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
        slopes = loss_gradients(objective, params, batch)
        terms = slopes * slopes if self.norm == "l2" else ad.abs(slopes)
        return (self.strength / slopes.shape[0]) * ad.sum(terms), ()

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree, tuple[()]]:
        """R and its gradient, in closed form where there is one."""
        if self.strength == 0.0:
            return zero(params), zeros(params), ()
        model, loss = objective.model, objective.loss  # type: ignore[attr-defined]
        if not closed(self.derivatives, model):
            return taped(self, params, batch, objective, rng)

        def total(outputs: Array) -> Array:
            return ad.sum(loss(outputs, batch.targets, reduction="none"))

        pieces = linear_pieces(model, params, batch.inputs)
        back = backward(pieces, ad.grad(total)(pieces.outputs))
        xp = namespace(pieces.outputs)
        scale = self.strength / pieces.outputs.shape[0]
        if self.norm == "l2":
            value = scale * xp.sum(back.gradients * back.gradients)
            along = (2.0 * scale) * back.gradients
        else:
            value = scale * xp.sum(xp.abs(back.gradients))
            along = scale * xp.sign(back.gradients)
        direct, moved = pull_back(pieces, back, along)
        curved = ad.hvp(total, pieces.outputs, moved)
        return value, sum_trees([direct, parameter_gradient(pieces, curved)]), ()
