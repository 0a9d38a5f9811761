"""SRIP: the spectral restricted-isometry penalty on weight matrices.

Algorithm
---------
For every weight matrix W with M = Wᵀ W − I:

1. exact:  σ(M) = largest |eigenvalue| of M, the spectral norm
2. power:  b ← random;  v ← M b / ‖M b‖ (``iterations`` times);  σ̃ = ‖M v‖, differentiated
   through every product
3. g ← g + λ Σ_W ∇σ(M)², or ∇σ(M) with ``squared=False``

Source: N. Bansal, X. Chen and Z. Wang, "Can we gain more from orthogonality regularizations in
training deep networks?", NeurIPS 2018: the penalty λ σ(Wᵀ W − I) and its estimate by one power
iteration.

======== ================================================
paper    code
======== ================================================
W        a weight matrix, transposed: row = neuron
M        :func:`refimpl.algorithms.orthogonality.gram_defect`
λ        ``strength``
======== ================================================

Deviations
----------
* The paper's penalty is σ; the released code squares it. Squared is the default here too: the
  root of it has no gradient at an orthogonal W.
* The default of the class is the exact norm by a symmetric eigenvalue problem. Its gradient takes
  the leading eigenvector as constant, which is exact where the leading eigenvalue is simple. The
  name ``srip`` on the command line stands for the estimate that the paper uses.
* The released code starts the power iteration from a uniform vector on [0, 1) and takes the
  smaller of the two Gram matrices (wide residual networks), or from a Gaussian vector with W Wᵀ
  (ImageNet): ``start`` and ``gram``. Its (uᵀ M v)² with u = M v / ‖M v‖ is ‖M v‖².
* The released schedule of λ (0.01, then × 1e-3, 1e-4, 1e-6, 0) is left to the caller.

>>> import numpy as np
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.sgd import SGD
>>> algorithm = Composition(SGD(learning_rate=0.125), SRIP(strength=0.5))
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
from refimpl.algorithms.base import Tree, required_rng
from refimpl.algorithms.orthogonality import Gram, gram_defect
from refimpl.algorithms.penalized import (
    require_matrices,
    scaled_gradient,
    total,
    weight_matrices,
)
from refimpl.arrays import Array, linalg_errors, namespace
from refimpl.checks import count, flag, non_negative, one_of, plain_numbers
from refimpl.random import Rng

Method = Literal["exact", "power"]
Start = Literal["uniform", "normal"]


@dataclass(frozen=True, kw_only=True)
class SRIP:
    """Spectral restricted isometry of the weight matrices, a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative.
    method : {"exact", "power"}
        The spectral norm itself, or its estimate from a random start (needs an ``rng``).
    squared : bool
        Penalise σ² instead of σ.
    gram : {"neurons", "inputs", "smaller"}
        Which Gram matrix is compared with I.
    iterations : int
        Normalised products before the last one, for "power".
    start : {"uniform", "normal"}
        Law of the starting vector, for "power".

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> SRIP(method="power", iterations=0)
    Traceback (most recent call last):
    ...
    ValueError: iterations must be at least 1, not 0
    """

    strength: float = field(default=1e-2, metadata={"help": "weight of the penalty, >= 0"})
    method: Method = field(
        default="exact", metadata={"help": "spectral norm exactly, or by power iteration"}
    )
    squared: bool = field(default=True, metadata={"help": "penalise the squared norm"})
    gram: Gram = field(default="smaller", metadata={"help": "Gram matrix that is to be I"})
    iterations: int = field(default=1, metadata={"help": "power iterations, at least 1"})
    start: Start = field(default="uniform", metadata={"help": "start of the power iteration"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        one_of("method", self.method, get_args(Method))
        flag("squared", self.squared)
        one_of("gram", self.gram, get_args(Gram))
        count("iterations", self.iterations)
        one_of("start", self.start, get_args(Start))

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember; raises SettingError if there is no weight matrix."""
        require_matrices(params, "the restricted-isometry penalty")
        return ()

    def penalty(self, params: Tree, rng: Rng | None = None) -> Array:
        """Σ_W σ(M)² or Σ_W σ(M), without λ; differentiable."""
        terms = []
        for index, weight in enumerate(weight_matrices(params)):
            defect = gram_defect(weight, self.gram)
            if self.method == "exact":
                norm = spectral_norm(defect)
            else:
                norm = self._estimate(defect, required_rng(rng).child("start", index))
            terms.append(norm * norm if self.squared else norm)
        return total(terms, params)

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Any, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree | None, tuple[()]]:
        """λ Σ_W R(W), 0-d, and its gradient; ``rng`` gives the starting vectors of "power"."""
        return *scaled_gradient(lambda p: self.penalty(p, rng), params, self.strength), ()

    def _estimate(self, defect: Array, rng: Rng) -> Array:
        like = ad.value(defect)
        draw = rng.uniform if self.start == "uniform" else rng.normal
        vector = draw((like.shape[0],), like=like)
        for _ in range(self.iterations):
            image = ad.matmul(defect, vector)
            length = ad.norm(image)
            if float(ad.value(length)) == 0.0:
                return length
            vector = image / length
        return ad.norm(ad.matmul(defect, vector))


def spectral_norm(matrix: Array) -> Array:
    """The largest |eigenvalue| of a symmetric matrix; differentiable where it is simple.

    Parameters
    ----------
    matrix : array, shape (p, p)

    Examples
    --------
    >>> import numpy as np
    >>> float(spectral_norm(np.asarray([[2.0, 0.0], [0.0, -3.0]])))
    3.0
    """
    plain = ad.value(matrix)
    xp = namespace(plain)
    with linalg_errors():
        values, vectors = xp.linalg.eigh(plain)
    leading = int(xp.argmax(xp.abs(values)))
    vector = vectors[:, leading]
    # d lambda = u' dM u: with u held constant the quadratic form has the eigenvalue's gradient
    return ad.abs(ad.sum(ad.matmul(matrix, vector) * vector))
