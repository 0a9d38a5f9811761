"""Negative control: the bound with the label's row of the gradient as it was printed.

The supplement of September 2019 prints ∂L/∂w_y = (a + λ Σ_n v_nΣ)(p_y − 1) with v_n = w_n − w_y.
The value of the loss is right; following this gradient is not descent on it for three classes or
more (:mod:`refimpl.papers.isda.bound` has the true rule).

>>> import numpy as np
>>> from refimpl import autodiff as ad
>>> from refimpl.papers.isda.bound import moved_logits
>>> W, y, S = np.asarray([[0.0], [1.0], [3.0]]), np.asarray([0]), np.ones((3, 1, 1))
>>> def label_row(moved):
...     def loss(weight):
...         return ad.softmax_cross_entropy(moved(np.zeros((1, 3)), weight, y, S, 1.0), y)
...     return float(ad.grad(loss)(W)[0, 0].round(2))
>>> label_row(moved_logits), label_row(printed_logits)
(-2.93, -3.96)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace, one_hot
from refimpl.papers.isda.head import Head
from refimpl.papers.isda.isda import ISDA


def printed_logits(
    logits: Array, weight: Array, labels: Array, covariance: Array, strength: float
) -> Array:
    """As :func:`refimpl.papers.isda.bound.moved_logits`, with the printed derivative.

    The quadratic terms are constants, beside terms that are zero and have the printed derivative:
    2 Σ v_j in row j, as it should be, and 2 Σ_n Σ v_n in the label's row.
    """
    if strength == 0.0:
        return logits
    plain = ad.value(weight)
    xp = namespace(plain)
    own = covariance if covariance.shape[0] == 1 else xp.take(covariance, labels, axis=0)
    v = plain[None, :, :] - xp.take(plain, labels, axis=0)[:, None, :]
    spread = v * own[:, None, :] if covariance.ndim == 2 else v @ own
    mine = one_hot(labels, plain.shape[0], plain)[:, :, None]
    slopes = 2.0 * (spread + mine * xp.sum(spread, axis=1, keepdims=True))
    zero = ad.sum(slopes * ad.expand_dims(weight - plain, 0), axis=-1)
    return logits + 0.5 * strength * (xp.sum(spread * v, axis=-1) + zero)


@dataclass(frozen=True, kw_only=True)
class PrintedRowISDA(ISDA):
    """ISDA whose gradient has the label's row as printed: a negative control, not to train with.

    Parameters are those of :class:`refimpl.papers.isda.isda.ISDA`.
    """

    def loss(
        self, logits: Any, head: Head, batch: Any, covariance: Array, strength: float, step: int
    ) -> Any:
        """The mean bound; its derivative is the printed one."""
        moved = printed_logits(logits, head.weight, batch.targets, covariance, strength)
        return ad.softmax_cross_entropy(moved, batch.targets)
