"""Projection of every weight matrix to singular values of at most τ, after each step.

Algorithm
---------
For every weight matrix, kernels reshaped to (out, everything else),

1. W = U diag(σ) Vᵀ
2. W ← W − U diag(max(σ − τ, 0)) Vᵀ
3. with ``decay`` κ, the limit is relaxed early in training: τ_epoch = τ (1 + 4 exp(−epoch / κ))

Source: A. Bietti, G. Mialon, D. Chen and J. Mairal, "A kernel perspective for regularizing deep
neural networks", ICML 2019: the constraint on the upper bound Π |W_l|² of |f|_H². The schedule is
that of the released code (κ = 2; 50 in its robust recipe).

====== ===================
symbol code
====== ===================
τ      ``limit``
κ      ``decay``
j      ``jitter``
====== ===================

Deviations
----------
* ``jitter`` 0, an exact projection by singular value decomposition. The released code takes the
  eigenvalues of WᵀW + j I with j = 1e-6, which moves σ to σ min(σ', τ) / σ', σ' = √(σ² + j): a
  second projection still changes up to j / (2 τ). ``jitter=1e-6`` does the same.
* The released code projects every parameter whose name contains "weight". Here it is every
  parameter with two axes or more; a parameter called "weight" with one axis is that of a
  normalization layer and is refused, for a projected network with free scales is not bounded.

>>> import numpy as np
>>> part = SpectralProjection(limit=1.2)
>>> params = [{"weight": np.diag([3.0, 0.5]), "bias": np.zeros(2)}]
>>> part.project(params, part.init(params), 0)[0][0]["weight"]
array([[1.2, 0. ],
       [0. , 0.5]])
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.arrays import Array, linalg_errors, namespace
from refimpl.checks import count, non_negative, plain_numbers, positive
from refimpl.errors import ConvergenceError, SettingError
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class SpectralProjection:
    """Singular values of at most τ in every weight matrix, a projection.

    Parameters
    ----------
    limit : float
        τ, positive.
    decay : float, optional
        κ in epochs, positive: the limit starts at 5 τ and decays to τ. Without it, τ at once.
    jitter : float
        j, non-negative; 0 is exact.
    steps_per_epoch : int
        Turns steps into epochs for the schedule; where the training loop tells the number, it
        is that one.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.
    SettingError
        From ``init``, if there is no weight matrix or a normalization layer.
    ConvergenceError
        If a weight is not finite or its decomposition does not converge.

    Examples
    --------
    >>> SpectralProjection(limit=0.0)
    Traceback (most recent call last):
    ...
    ValueError: limit must be positive and finite, not 0.0
    """

    limit: float = field(default=1.0, metadata={"help": "largest singular value, positive"})
    decay: float | None = field(
        default=None, metadata={"help": "epochs over which the limit falls from 5 limit (none)"}
    )
    jitter: float = field(default=0.0, metadata={"help": "0: exact; 1e-6: as in the released code"})
    steps_per_epoch: int = field(default=1, metadata={"help": "steps of an epoch, for decay"})

    requires: ClassVar[tuple[str, ...]] = ("steps_per_epoch",)

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("limit", self.limit)
        if self.decay is not None:
            positive("decay", self.decay)
        non_negative("jitter", self.jitter)
        count("steps_per_epoch", self.steps_per_epoch)

    def init(self, params: Tree, *, steps_per_epoch: int | None = None) -> int:
        """Steps of an epoch; raises SettingError where the projection does not apply."""
        _check_layers(params)
        return self.steps_per_epoch if steps_per_epoch is None else steps_per_epoch

    def project(
        self, params: Tree, aux: int, step: int, rng: Rng | None = None
    ) -> tuple[Tree, int]:
        """The projected parameters after step number ``step``, counted from 0."""
        limit = self.limit_at(step // aux)
        leaves, structure = ad.flatten(params)
        kept = [
            _projected(leaf, limit, self.jitter, place) if leaf.ndim >= 2 else leaf
            for place, leaf in enumerate(leaves)
        ]
        return ad.unflatten(structure, kept), aux

    def limit_at(self, epoch: int) -> float:
        """τ_epoch.

        Examples
        --------
        >>> SpectralProjection(limit=0.5, decay=2.0).limit_at(0)
        2.5
        """
        if self.decay is None:
            return float(self.limit)
        return float(self.limit) * (1.0 + 4.0 * math.exp(-epoch / self.decay))


def _projected(leaf: Array, limit: float, jitter: float, place: int) -> Array:
    xp = namespace(leaf)
    matrix = xp.reshape(leaf, (leaf.shape[0], -1))
    if not bool(xp.all(xp.isfinite(matrix))):
        raise ConvergenceError(
            f"the weights of parameter {place} are not finite before the spectral projection: "
            f"lower the learning rate",
            limit=limit,
        )
    try:
        with linalg_errors():
            if jitter == 0.0:
                u, sigma, vt = xp.linalg.svd(matrix, full_matrices=False)
                excess = xp.maximum(sigma - limit, xp.zeros_like(sigma))
                result = matrix - (u * excess[None, :]) @ vt
            else:
                result = _clipped(matrix, limit, jitter)
    except Exception as error:
        if type(error).__name__ != "LinAlgError":
            raise
        raise ConvergenceError(
            f"the decomposition of parameter {place} did not converge ({error})", limit=limit
        ) from None
    return xp.reshape(result, leaf.shape)


def _clipped(matrix: Array, limit: float, jitter: float) -> Array:
    """The projection through the eigenvalues of the smaller Gram matrix plus ``jitter``."""
    xp = namespace(matrix)
    wide = matrix.shape[0] <= matrix.shape[1]
    short = matrix if wide else matrix.mT
    eigenvalues, vectors = xp.linalg.eigh(short @ short.mT)
    lifted = xp.sqrt(xp.maximum(eigenvalues, xp.zeros_like(eigenvalues)) + jitter)
    factors = xp.minimum(lifted, limit * xp.ones_like(lifted)) / lifted
    result = (vectors * factors[None, :]) @ (vectors.mT @ short)
    return result if wide else result.mT


def _check_layers(params: Tree) -> None:
    """Raise where a layer is not one that the projection bounds."""
    found = False
    pending: list[tuple[str, Any]] = [("", params)]
    while pending:
        name, tree = pending.pop()
        if isinstance(tree, dict):
            scale = tree.get("weight")
            if scale is not None and getattr(scale, "ndim", 2) < 2:
                raise SettingError(
                    f"layer {name or 'of the parameters'} has a weight of shape "
                    f"{tuple(scale.shape)}, as BatchNorm's: the spectral projection does not "
                    f"bound a network with normalization layers"
                )
            pending += [(f"{name}.{key}".strip("."), child) for key, child in tree.items()]
        elif isinstance(tree, (list, tuple)):
            pending += [(f"{name}.{place}".strip("."), child) for place, child in enumerate(tree)]
        elif tree is not None:
            found = found or tree.ndim >= 2
    if not found:
        raise SettingError("the spectral projection acts on no parameter: none has two axes")
