"""The penalties ‖f‖_τ² and ‖D_τ f‖²: what deformations of the inputs do to every output.

Algorithm
---------
Draw F fields τ_a. For every output k,

* ``DeformationNorm``: R ← λ Σ_k max_{i,a} (f_k(L_{τ_a} x_i) − f_k(x_i))², over the first
  ``examples`` images of the batch;
* ``TangentNorm``: R ← λ Σ_k max_i Σ_a <∇f_k(x_i), t_{ia}>², t_ia the tangent vector of τ_a at x_i:
  the squared derivative of f_k(x_i + Σ_a α_a t_ia) in α at 0.

Source: A. Bietti, G. Mialon, D. Chen and J. Mairal, "A kernel perspective for regularizing deep
neural networks", ICML 2019: sup over x and deformations of size at most C, a lower bound of |f|_H,
and its tangent version. Their numbers: 32 images and 32 deformations of a batch, 30 tangents.

====== =================
symbol code
====== =================
λ      ``strength``
F      ``fields``
C      ``amplitude``
====== =================

Deviations
----------
* The fields are drawn here (:mod:`refimpl.papers.rkhs_norm.deformations`), once a step and shared
  by the images of the batch; the paper reads deformed copies of each image from files.
* The released selectors are not reproduced: the worst case of ‖f‖_τ compared with the outputs of
  wrong examples, the tangent version summed signed derivatives instead of squares
  (:mod:`released` has both). ``selector`` chooses the largest gain ("signed", as the definition
  says) or the largest change ("absolute"); in the tangent version both are the same.

>>> import numpy as np
>>> from refimpl import Rng
>>> from refimpl.datasets import Batch
>>> from refimpl.models import MLP, Objective
>>> model, images = MLP((9, 2)), Rng(0).uniform((4, 9))
>>> params, batch = model.init(Rng(1)), Batch(images, np.array([0, 1, 1, 0]))
>>> value, _ = DeformationNorm(amplitude=0.0).value(params, batch, Objective(model), (), Rng(2))
>>> float(value)
0.0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective, Tree, required_rng
from refimpl.algorithms.gradient_penalties import STRENGTH_HELP, plain, unit_rows, zero
from refimpl.arrays import Array, namespace
from refimpl.checks import count, non_negative, one_of, plain_numbers
from refimpl.models.input_gradients import input_gradients, output_gradients
from refimpl.papers.rkhs_norm.adversarial_norm import Selector
from refimpl.papers.rkhs_norm.deformations import image_height, random_fields, tangents, warp
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class _Deforming:
    """The settings of the fields."""

    strength: float = field(default=0.1, metadata={"help": STRENGTH_HELP})
    fields: int = field(default=32, metadata={"help": "deformations drawn in a step"})
    amplitude: float = field(default=1.0, metadata={"help": "largest displacement, in pixels"})
    cutoff: int = field(default=2, metadata={"help": "highest frequency of a field; 0: shifts"})
    height: int = field(default=0, metadata={"help": "rows of an image; 0: square images"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        count("fields", self.fields)
        non_negative("amplitude", self.amplitude)
        count("cutoff", self.cutoff, at_least=0)
        count("height", self.height, at_least=0)

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def _fields(self, images: Array, rng: Rng | None) -> tuple[Array, int]:
        height = image_height(images.shape[1], self.height)
        width = images.shape[1] // height
        stream = required_rng(rng)
        drawn = random_fields(
            stream, self.fields, height, width, self.amplitude, self.cutoff, images
        )
        return drawn, height


@dataclass(frozen=True, kw_only=True)
class DeformationNorm(_Deforming):
    """λ Σ_k max over images and fields of (f_k(L_τ x) − f_k(x))², a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative; 0 leaves training as it is and draws nothing.
    fields : int
        Deformations drawn in a step.
    amplitude : float
        Largest displacement of a pixel, in pixels.
    cutoff : int
        Highest frequency of a field along a side.
    height : int
        Rows of an image; 0 takes it for square.
    examples : int
        Images of the batch that are deformed, from the first.
    selector : {"signed", "absolute"}

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.
    SettingError
        In a step, if the inputs are no images of that height.

    Examples
    --------
    >>> DeformationNorm(fields=0)
    Traceback (most recent call last):
    ...
    ValueError: fields must be at least 1, not 0
    """

    examples: int = field(default=32, metadata={"help": "images deformed in a step"})
    selector: Selector = field(
        default="signed", metadata={"help": "largest gain (signed) or largest change (absolute)"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        count("examples", self.examples)
        one_of("selector", self.selector, get_args(Selector))

    def value(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, tuple[()]]:
        """R, 0-d, differentiable in ``params`` by the tape."""
        if self.strength == 0.0:
            return zero(params), ()
        model = objective.model  # type: ignore[attr-defined]
        images = batch.inputs[: min(self.examples, batch.inputs.shape[0]), :]
        drawn, height = self._fields(images, rng)
        warped = warp(images, drawn, height)
        xp = namespace(images)
        flat = xp.reshape(warped, (-1, images.shape[1]))
        before = ad.value(model(plain(params), images))
        after = ad.value(model(plain(params), flat))
        shape = (self.fields, *before.shape)
        changes = xp.reshape(xp.reshape(after, shape) - before[None, :, :], (-1, before.shape[1]))
        if self.selector == "absolute":
            changes = xp.abs(changes)
        worst = xp.argmax(changes, axis=0)  # field * P + image, for every output
        inputs = xp.take(images, worst % before.shape[0], axis=0)
        moved = xp.take(flat, worst, axis=0)
        unit = unit_rows(before)
        gains = ad.sum((model(params, moved) - model(params, inputs)) * unit, axis=-1)
        return self.strength * ad.sum(gains * gains), ()


@dataclass(frozen=True, kw_only=True)
class TangentNorm(_Deforming):
    """λ Σ_k max_i Σ_a <∇f_k(x_i), t_ia>², a penalty.

    Parameters
    ----------
    strength, fields, amplitude, cutoff, height
        As for :class:`DeformationNorm`; ``fields`` is the number of tangent vectors of each image.

    Raises
    ------
    TypeError, ValueError, SettingError
        As for :class:`DeformationNorm`.
    """

    fields: int = field(default=30, metadata={"help": "tangent vectors drawn in a step"})

    def value(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, tuple[()]]:
        """R, 0-d, differentiable in ``params`` by the tape."""
        if self.strength == 0.0:
            return zero(params), ()
        model = objective.model  # type: ignore[attr-defined]
        drawn, height = self._fields(batch.inputs, rng)
        vectors = tangents(batch.inputs, drawn, height)  # (F, P, n)
        xp = namespace(vectors)
        vectors = xp.permute_dims(vectors, (1, 2, 0))  # (P, n, F)
        slopes = output_gradients(model, plain(params), batch.inputs)  # (P, K, n)
        along = slopes @ vectors
        squares = xp.sum(along * along, axis=-1)
        rows = xp.argmax(squares, axis=0)
        inputs = xp.take(batch.inputs, rows, axis=0)
        chosen = xp.take(vectors, rows, axis=0)  # (K, n, F)
        gradients = input_gradients(model, params, inputs, unit_rows(squares))
        products = ad.sum(ad.expand_dims(gradients, -1) * chosen, axis=1)
        return self.strength * ad.sum(products * products), ()
