"""Gradient clipping: a gradient that is too long is shortened, all parameters together.

Algorithm
---------
1. g ← gradient of loss and penalties
2. where ‖g‖ > c, over all parameters as one vector: g ← c g / ‖g‖

Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
networks", ICML 2013, Algorithm 1.

===== =========
paper code
===== =========
c     ``limit``
===== =========

Deviations
----------
PyTorch divides by ‖g‖ + 10⁻⁶. What acts after the gradient (decoupled decay, proximal maps) is not
clipped.

>>> import numpy as np
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.sgd import SGD
>>> algorithm = Composition(SGD(learning_rate=1.0), wrappers=[GradientClipping(limit=2.0)])
>>> state = algorithm.init({"weight": np.asarray([1.0])})
>>> state, info = algorithm.step(state, lambda p, batch: -8.0 * p["weight"][0], None)
>>> state.params["weight"], float(info.gradient_norm), float(info.gradient_clipped)
(array([3.]), 8.0, 1.0)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.algorithms.composed_gradient import Evaluate, Gradients, plain
from refimpl.arrays import namespace
from refimpl.checks import plain_numbers, positive
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class GradientClipping:
    """A bound on the norm of the gradient, a wrapper around any update.

    Parameters
    ----------
    limit : float
        c, positive.

    Raises
    ------
    TypeError, ValueError
        If the limit is no positive number.

    Examples
    --------
    >>> GradientClipping(limit=0.0)
    Traceback (most recent call last):
    ...
    ValueError: limit must be positive and finite, not 0.0
    """

    memoryless: ClassVar[bool] = True

    limit: float = field(default=1.0, metadata={"help": "largest norm of the gradient, positive"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("limit", self.limit)

    def init(self, params: Tree) -> tuple[()]:
        """No memory."""
        return ()

    def gradient(
        self, loss: Evaluate, penalty: Evaluate, params: Tree, aux: Any, step: int, rng: Rng | None
    ) -> tuple[Gradients, Any]:
        """The gradient of both, shortened; ``rng`` is not used.

        Returns
        -------
        Gradients
            With the diagnostics ``gradient_norm``, before it is clipped, and
            ``gradient_clipped``, 1 where it was.
        aux
        """
        found = plain(loss, penalty, params)
        norm = ad.norm_tree(found.gradient)
        xp = namespace(norm)
        one = xp.ones_like(norm)
        longer = norm > self.limit
        factor = xp.where(longer, self.limit / xp.where(longer, norm, one), one)
        clipped = ad.map_tree(lambda g: factor * g, found.gradient)
        watched = {"gradient_norm": norm, "gradient_clipped": xp.astype(longer, norm.dtype)}
        return found._replace(gradient=clipped, diagnostics={**found.diagnostics, **watched}), aux
