"""SRIP: the spectral restricted-isometry penalty on weight matrices.

Algorithm
---------
For every weight matrix W with M = Wᵀ W − I:

1. exact:  σ(M) = largest |eigenvalue| of M, the spectral norm
2. power:  b ← random;  v ← M b / ‖M b‖ (``iterations`` times);  σ̃ = ‖M v‖, differentiated
   through every product
3. g ← ∇L(w; batch) + λ Σ_W ∇σ(M)², or ∇σ(M) with ``squared=False``
4. w ← w − α d, with d the direction of the base update for g

Source: N. Bansal, X. Chen and Z. Wang, "Can we gain more from orthogonality regularizations in
training deep networks?", NeurIPS 2018: the penalty λ σ(Wᵀ W − I) and its estimate by one power
iteration.

======== ================================================
paper    code
======== ================================================
W        a weight matrix, transposed: row = neuron
M        :func:`refimpl.algorithms.orthogonality.gram_defect`
λ        ``strength``
α        ``learning_rate``
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
>>> algorithm = SRIP(strength=0.5, learning_rate=0.125)
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
from refimpl.algorithms.base import (
    FirstOrder,
    Objective,
    State,
    Tree,
    required_rng,
    start,
)
from refimpl.algorithms.orthogonality import Gram, gram_defect
from refimpl.algorithms.penalised import penalised_step, total, weight_matrices
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.algorithms.weight_decay import PenaltyInfo
from refimpl.arrays import Array, linalg_errors, namespace
from refimpl.checks import count, flag, non_negative, one_of
from refimpl.random import Rng

Method = Literal["exact", "power"]
Start = Literal["uniform", "normal"]


@dataclass(frozen=True)
class SRIP:
    """Spectral restricted-isometry penalty around a first-order update.

    Parameters
    ----------
    strength : float
        λ, non-negative.
    learning_rate : float
        α of the base update, positive.
    base : {"sgd", "momentum", "nesterov", "adam"}
    momentum : float
        μ of the base update, in [0, 1).
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
    learning_rate: float = field(default=0.1, metadata={"help": "step size, positive"})
    base: BaseName = field(default="sgd", metadata={"help": BASE_HELP})
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})
    method: Method = field(
        default="exact", metadata={"help": "spectral norm exactly, or by power iteration"}
    )
    squared: bool = field(default=True, metadata={"help": "penalise the squared norm"})
    gram: Gram = field(default="smaller", metadata={"help": "Gram matrix that is to be I"})
    iterations: int = field(default=1, metadata={"help": "power iterations, at least 1"})
    start: Start = field(default="uniform", metadata={"help": "start of the power iteration"})

    def __post_init__(self) -> None:
        non_negative("strength", self.strength)
        first_order(self.base, self.learning_rate, self.momentum)
        one_of("method", self.method, get_args(Method))
        flag("squared", self.squared)
        one_of("gram", self.gram, get_args(Gram))
        count("iterations", self.iterations)
        one_of("start", self.start, get_args(Start))

    @property
    def update(self) -> FirstOrder:
        """The first-order update that takes the step."""
        return first_order(self.base, self.learning_rate, self.momentum)

    def init(self, params: Tree) -> State:
        """The state before the first step: that of the base update."""
        return start(self.update, params)

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

    def step(
        self, state: State, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[State, PenaltyInfo]:
        """One step; ``rng`` gives the starting vectors of "power"."""
        state, loss, penalty = penalised_step(
            self.update,
            state,
            objective,
            batch,
            lambda params: self.penalty(params, rng),
            self.strength,
        )
        return state, PenaltyInfo(loss, self.strength * penalty)

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
