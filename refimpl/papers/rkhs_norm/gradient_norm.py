"""The penalty ‖∇f‖²: the largest slope of every output over the batch, squared.

Algorithm
---------
For every output k of the network

1. i_k ← the example with the largest |∇f_k(x_i)|²
2. R ← λ Σ_k |∇f_k(x_{i_k})|²
3. ∂R/∂W_l = 2 λ Σ_k v̂_l u_{l-1}ᵀ, ∂R/∂b_l = 0 (:mod:`refimpl.models.linear_pieces`)

Source: A. Bietti, G. Mialon, D. Chen and J. Mairal, "A kernel perspective for regularizing deep
neural networks", ICML 2019: sup_x |∇f(x)| is a lower bound of the norm |f|_H for a feature map that
does not stretch distances. The choice of one example an output is that of the released code; the
closed form is derived.

====== =================
symbol code
====== =================
λ      ``strength``
sup    ``reduction="sup"``
====== =================

Deviations
----------
The largest slope over a batch is at most that over the data, and it grows with the batch: the
strength of the method depends on the size of the batch. ``reduction="mean"`` replaces the
largest by the average, Σ_k mean_i |∇f_k(x_i)|² (Tikhonov regularization, :mod:`averaged`).

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.models import MLP, Objective
>>> params = [{"weight": np.array([[3.0, 4.0], [0.0, 1.0]]), "bias": np.zeros(2)}]
>>> part, batch = GradientNorm(strength=0.5), Batch(np.ones((3, 2)), np.array([0, 1, 1]))
>>> value, gradient, _ = part.value_and_gradient(params, batch, Objective(MLP((2, 2))), ())
>>> float(value), gradient[0]["weight"]
(13.0, array([[3., 4.],
       [0., 1.]]))
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
    plain,
    squared_slopes,
    taped,
    unit_rows,
    zero,
    zeros,
)
from refimpl.arrays import Array, namespace
from refimpl.checks import non_negative, one_of, plain_numbers
from refimpl.models.input_gradients import input_gradients
from refimpl.models.linear_pieces import backward, pull_back
from refimpl.papers.rkhs_norm.averaged import AveragedGradient
from refimpl.random import Rng

Reduction = Literal["sup", "mean"]


@dataclass(frozen=True, kw_only=True)
class GradientNorm:
    """λ Σ_k max_i |∇f_k(x_i)|², a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative; 0 leaves training as it is.
    reduction : {"sup", "mean"}
        The largest slope of the batch for every output, or the average.
    derivatives : {"auto", "closed_form", "tape"}

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> GradientNorm(strength=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: strength must be non-negative and finite, not -1.0
    """

    strength: float = field(default=0.1, metadata={"help": STRENGTH_HELP})
    reduction: Reduction = field(
        default="sup", metadata={"help": "largest slope of the batch (sup) or average (mean)"}
    )
    derivatives: Derivatives = field(default="auto", metadata={"help": DERIVATIVES_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        one_of("reduction", self.reduction, get_args(Reduction))
        check_derivatives(self.derivatives)

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def value(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, tuple[()]]:
        """R, 0-d, differentiable in ``params`` by the tape."""
        if self.reduction == "mean":
            return self._averaged.value(params, batch, objective, aux, rng)
        if self.strength == 0.0:
            return zero(params), ()
        model = objective.model  # type: ignore[attr-defined]
        squares, _ = squared_slopes(model, plain(params), batch.inputs, self.derivatives)
        xp = namespace(squares)
        inputs = xp.take(batch.inputs, xp.argmax(squares, axis=0), axis=0)
        slopes = input_gradients(model, params, inputs, unit_rows(squares))
        return self.strength * ad.sum(slopes * slopes), ()

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree, tuple[()]]:
        """R and its gradient, in closed form where there is one."""
        if self.reduction == "mean":
            return self._averaged.value_and_gradient(params, batch, objective, aux, rng)
        if self.strength == 0.0:
            return zero(params), zeros(params), ()
        squares, pieces = squared_slopes(
            objective.model,  # type: ignore[attr-defined]
            params,
            batch.inputs,
            self.derivatives,
        )
        if pieces is None:
            return taped(self, params, batch, objective, rng)
        xp = namespace(squares)
        chosen = pieces.take(xp.argmax(squares, axis=0))
        back = backward(chosen, unit_rows(squares))
        value = self.strength * xp.sum(back.gradients * back.gradients)
        gradient, _ = pull_back(chosen, back, 2.0 * self.strength * back.gradients)
        return value, gradient, ()

    def diagnostics(
        self, params: Tree, batch: Any, objective: Objective, aux: Any
    ) -> dict[str, Array]:
        """``slope``: √(Σ_k max_i |∇f_k(x_i)|²) over the batch, whatever the reduction."""
        squares, _ = squared_slopes(
            objective.model,  # type: ignore[attr-defined]
            params,
            batch.inputs,
            self.derivatives,
        )
        xp = namespace(squares)
        return {"slope": xp.sqrt(xp.sum(xp.max(squares, axis=0)))}

    @property
    def _averaged(self) -> AveragedGradient:
        return AveragedGradient(strength=self.strength, power=2, derivatives=self.derivatives)
