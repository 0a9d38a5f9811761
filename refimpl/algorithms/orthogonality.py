"""Soft orthogonality: a penalty on how far a layer's Gram matrix is from the identity.

Algorithm
---------
For every weight matrix W, whose N columns are the neurons (here the rows of ``weight``), with
G = Wᵀ W, Ĝ the matrix of cosines, and R(W) one of

1. soft (SO):       R = ‖G − I‖²_F
2. double (DSO):    R = ‖Wᵀ W − I‖²_F + ‖W Wᵀ − I‖²_F
3. coherence (MC):  R = max |G − I|
4. cosine:          R = Σ_{i≠j} Ĝ_ij²
5. orthoreg:        R = Σ_{i<j} log(1 + exp(β (Ĝ_ij − 1)))

6. g ← g + λ Σ_W ∇R(W)

Sources: N. Bansal, X. Chen and Z. Wang, "Can we gain more from orthogonality regularizations in
training deep networks?", NeurIPS 2018 (1 to 3; their fourth form, the spectral one, is in
:mod:`refimpl.algorithms.srip`); P. Rodríguez et al., "Regularizing CNNs with locally constrained
decorrelations", ICLR 2017 (5). The comparisons of "Regularizing Neural Networks via Minimizing
Hyperspherical Energy" (arXiv 1906.04892) name an orthogonal baseline; which formula is behind it
is not known here, and 1 and 4 are the candidates.

======== ============================================
paper    code
======== ============================================
W        a weight matrix, transposed: row = neuron
Wᵀ W     Gram matrix of ``gram="neurons"``
W Wᵀ     Gram matrix of ``gram="inputs"``
λ        ``strength``
β        ``sharpness``
======== ============================================

Deviations
----------
* With more neurons than inputs Wᵀ W has rank below N and cannot be I: ‖Wᵀ W − I‖²_F stays at
  N − n or above. ``gram="smaller"`` takes Wᵀ W or W Wᵀ, whichever is smaller.
* The norm of 3 is read as the largest absolute entry; its sub-gradient shares ties equally.
* The penalty is summed over layers, not averaged; biases are left out.

>>> import numpy as np
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.sgd import SGD
>>> algorithm = Composition(SGD(learning_rate=0.125), Orthogonality(strength=0.5))
>>> state = algorithm.init({"weight": np.asarray([[2.0, 0.0], [0.0, 1.0]])})
>>> state, info = algorithm.step(state, lambda p, batch: 0.0 * p["weight"][0, 0], None)
>>> state.params["weight"], float(info.penalty)
(array([[0.5, 0. ],
       [0. , 1. ]]), 4.5)
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
from refimpl.arrays import Array, device, namespace
from refimpl.checks import non_negative, one_of, plain_numbers, positive
from refimpl.errors import InfeasibleError
from refimpl.random import Rng

Form = Literal["soft", "double", "coherence", "cosine", "orthoreg"]
Gram = Literal["neurons", "inputs", "smaller"]


@dataclass(frozen=True, kw_only=True)
class Orthogonality:
    """Soft orthogonality of the weight matrices, a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative.
    form : {"soft", "double", "coherence", "cosine", "orthoreg"}
        R above.
    gram : {"neurons", "inputs", "smaller"}
        Which Gram matrix "soft" and "coherence" compare with I.
    sharpness : float
        β of "orthoreg", positive.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> Orthogonality(form="hard")
    Traceback (most recent call last):
    ...
    ValueError: form must be one of soft, double, coherence, cosine, orthoreg, not 'hard'
    """

    strength: float = field(default=1e-2, metadata={"help": "weight of the penalty, >= 0"})
    form: Form = field(default="soft", metadata={"help": "which penalty"})
    gram: Gram = field(
        default="neurons", metadata={"help": "Gram matrix of soft and coherence that is to be I"}
    )
    sharpness: float = field(default=10.0, metadata={"help": "beta of orthoreg, positive"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        one_of("form", self.form, get_args(Form))
        one_of("gram", self.gram, get_args(Gram))
        positive("sharpness", self.sharpness)

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember; raises SettingError if there is no weight matrix."""
        require_matrices(params, "the orthogonality penalty")
        return ()

    def penalty(self, params: Tree) -> Array:
        """Σ_W R(W), without λ; differentiable."""
        return total([self._term(weight) for weight in weight_matrices(params)], params)

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Any, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree | None, tuple[()]]:
        """λ Σ_W R(W), 0-d, and its gradient."""
        return *scaled_gradient(self.penalty, params, self.strength), ()

    def _term(self, weight: Array) -> Array:
        if self.form == "double":
            neurons = gram_defect(weight, "neurons")
            inputs = gram_defect(weight, "inputs")
            return ad.sum(neurons * neurons) + ad.sum(inputs * inputs)
        if self.form in ("soft", "coherence"):
            defect = gram_defect(weight, self.gram)
            return ad.sum(defect * defect) if self.form == "soft" else ad.max(ad.abs(defect))
        cosines = off_diagonal_cosines(weight)
        if self.form == "cosine":
            return ad.sum(cosines * cosines)
        terms = ad.softplus(self.sharpness * (cosines - 1.0))
        return 0.5 * ad.sum(terms * _off_diagonal(cosines))


def gram_defect(weight: Array, gram: Gram = "neurons") -> Array:
    """Wᵀ W − I, W Wᵀ − I, or the smaller of the two; differentiable.

    Parameters
    ----------
    weight : array, shape (N, n)
        Row = neuron, so that "neurons" gives the (N, N) Gram matrix of the neurons.
    gram : {"neurons", "inputs", "smaller"}

    Examples
    --------
    >>> import numpy as np
    >>> gram_defect(np.asarray([[3.0], [4.0]]), "smaller")
    array([[24.]])
    """
    neurons, inputs = weight.shape
    wide = gram == "neurons" or (gram == "smaller" and neurons <= inputs)
    product = ad.gram(weight if wide else weight.mT)
    plain = ad.value(product)
    xp = namespace(plain)
    return product - xp.eye(plain.shape[0], dtype=plain.dtype, device=device(plain))


def off_diagonal_cosines(weight: Array) -> Array:
    """Cosines between the rows, with zeros on the diagonal; differentiable.

    Raises
    ------
    InfeasibleError
        If a neuron is zero, and so has no direction.
    """
    norms = ad.norm(weight, axis=1, keepdims=True)
    plain = ad.value(norms)
    xp = namespace(plain)
    if bool(xp.any(plain == 0)):
        neuron = int(xp.argmin(plain))
        raise InfeasibleError("a zero neuron has no direction", neuron=neuron)
    unit = weight / norms
    cosines = ad.gram(unit)
    return cosines * _off_diagonal(cosines)


def _off_diagonal(square: Array) -> Array:
    """1 off the diagonal, 0 on it, of the kind of ``square``."""
    plain = ad.value(square)
    xp = namespace(plain)
    return 1.0 - xp.eye(plain.shape[0], dtype=plain.dtype, device=device(plain))
