"""Relatives of hyperspherical energy: other measures of how evenly directions are spread.

Algorithm
---------
With the cosines c_ij and distances d_ij = √(2 − 2 c_ij) of a layer's neurons ŵ_i (in half space, of
the points ±ŵ_i):

1. mma:          R = −(1/N) Σ_i arccos(clip(max_{j≠i} c_ij, ±0.99999))
2. separation:   R = −min_{i≠j} d_ij²
3. determinant:  R = −log det(exp(−d_ij²) + 1e-6 I)
4. mean:         R = ‖Σ_i w_i‖, of the vectors themselves
5. g ← g + λ_h Σ_hidden ∇R + λ_o ∇R(W_out)

Sources: Z. Wang et al., "MMA regularization: decorrelating weights of neural networks by
maximizing the minimal angles", NeurIPS 2020 (1); W. Liu et al., "Learning with hyperspherical
uniformity", AISTATS 2021, and its released code (2 to 4). Its two forms with a learned pole are in
:mod:`refimpl.papers.hyperspherical_energy.uniformity_pole`.

========== ===================================
paper      code
========== ===================================
λ_h, λ_o   ``strength``, ``output_strength``
========== ===================================

Deviations
----------
* Half space is for hidden layers, and means |c_ij| in 1 and 2; in 3 the 2N x 2N determinant is
  that of K⁺ + K⁻ times that of K⁺ − K⁻, with K± = exp(−(2 ∓ 2 c_ij)) (derived), so that no 2N
  points are formed. "mean" has no half-space form.
* epsilon is 0; the released code adds 1e-4 to squared norms.

>>> import numpy as np
>>> algorithm = HypersphericalUniformity(form="separation", space="full", output_strength=0.0)
>>> weights = [{"weight": np.asarray([[1.0, 0.0], [0.0, 1.0]])}, {"weight": np.eye(2)}]
>>> float(algorithm.penalty(weights))
-0.2
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.algorithms.penalized import (
    require_matrices,
    scaled_gradient,
    total,
    weight_matrices,
)
from refimpl.arrays import Array, backend_of, linalg_errors, namespace
from refimpl.checks import non_negative, one_of, plain_numbers
from refimpl.papers.hyperspherical_energy.cosines import cosines
from refimpl.papers.hyperspherical_energy.energy import Space
from refimpl.random import Rng

Form = Literal["mma", "separation", "determinant", "mean"]

_CLIP = 0.99999
_RIDGE = 1e-6


@dataclass(frozen=True, kw_only=True)
class HypersphericalUniformity:
    """Uniformity of the neurons on the sphere, a penalty.

    Parameters
    ----------
    strength, output_strength : float
        λ_h and λ_o, non-negative.
    form : {"mma", "separation", "determinant", "mean"}
    space : {"half", "full"}
        Of the hidden layers; the output layer is in full space.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> HypersphericalUniformity(form="covering")
    Traceback (most recent call last):
    ...
    ValueError: form must be one of mma, separation, determinant, mean, not 'covering'
    """

    strength: float = field(default=0.1, metadata={"help": "weight of hidden layers, >= 0"})
    output_strength: float = field(
        default=0.1, metadata={"help": "weight of the output layer, >= 0"}
    )
    form: Form = field(default="mma", metadata={"help": "which measure of uniformity"})
    space: Space = field(default="half", metadata={"help": "hidden neurons as lines or as points"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        non_negative("output_strength", self.output_strength)
        one_of("form", self.form, get_args(Form))
        one_of("space", self.space, get_args(Space))

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember; raises SettingError if there is no weight matrix."""
        require_matrices(params, "the uniformity penalty")
        return ()

    def penalty(self, params: Tree) -> Array:
        """λ_h Σ_hidden R + λ_o R(W_out); differentiable."""
        *hidden, output = weight_matrices(params)
        terms: list[Array] = []
        if self.strength > 0.0:
            terms.extend(self.strength * uniformity(w, self.form, self.space) for w in hidden)
        if self.output_strength > 0.0:
            terms.append(self.output_strength * uniformity(output, self.form, "full"))
        return total(terms, params)

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Any, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree | None, tuple[()]]:
        """λ_h Σ_hidden R + λ_o R(W_out), 0-d, and its gradient."""
        active = 1.0 if self.strength > 0.0 or self.output_strength > 0.0 else 0.0
        return *scaled_gradient(self.penalty, params, active), ()


def uniformity(weight: Array, form: Form, space: Space = "full") -> Array:
    """R of one layer; differentiable.

    Parameters
    ----------
    weight : array, shape (N, n)
        Row = neuron.
    form, space
        As above.

    Raises
    ------
    InfeasibleError
        For a zero neuron.
    """
    if form == "mean":
        return ad.norm(ad.sum(weight, axis=0))
    cosine = cosines(weight, 0.0)
    half = space == "half"
    plain = ad.value(cosine)
    eye = backend_of(plain).eye(plain.shape[0])
    if form == "determinant":
        near = ad.exp(2.0 * (cosine + eye) - 2.0)
        if not half:
            return -log_determinant(near + _RIDGE * eye)
        far = ad.exp(-2.0 * (cosine + eye) - 2.0)
        return -log_determinant(near + far + _RIDGE * eye) - log_determinant(
            near - far + _RIDGE * eye
        )
    if half:
        cosine = ad.abs(cosine)
    nearest = ad.max(cosine - 3.0 * eye, axis=1)  # below every cosine, so never on the diagonal
    if form == "separation":
        return 2.0 * ad.max(nearest) - 2.0
    return -ad.mean(ad.arccos(ad.clip(nearest, -_CLIP, _CLIP)))


def _log_determinant(matrix: Array) -> Array:
    xp = namespace(matrix)
    with linalg_errors():
        return xp.linalg.slogdet(matrix)[1]


def _inverse(matrix: Array) -> Array:
    with linalg_errors():
        return namespace(matrix).linalg.inv(matrix)


log_determinant = ad.Primitive(_log_determinant)
inverse = ad.Primitive(_inverse)

log_determinant.derivatives(lambda g, ans, matrix: g * inverse(matrix).mT)
inverse.derivatives(lambda g, ans, matrix: -ad.matmul(ad.matmul(ans.mT, g), ans.mT))
