"""The same batch in every step: how a Metropolis test knows it, and why it needs it.

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> one, other = Batch(np.ones((2, 1)), np.zeros(2)), Batch(np.ones((3, 1)), np.zeros(3))
>>> like = np.zeros(1)
>>> [bool(same_batch(mark(one, like), mark(batch, like))) for batch in (one, other)]
[True, False]
"""

from __future__ import annotations

import math
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, eps, namespace
from refimpl.constraints import largest
from refimpl.constraints.base import zero_like

FULL_BATCH = (
    "a Metropolis test compares two values of one loss, and that of a minibatch is noise: the "
    "chain would sample no law that is known. Give the whole set in every step (batch size 0 on "
    "the command line), or take a method without the test, such as constrained_ud"
)


def mark(batch: Any, like: Array) -> Array:
    """Two numbers that tell batches apart, whatever the order of their rows: the sum of all
    entries, and that of their moduli with the number of entries."""
    total = size = 0.0
    for leaf in ad.flatten(batch)[0]:
        if hasattr(leaf, "dtype") and hasattr(leaf, "shape"):
            xp = namespace(leaf)
            values = xp.astype(leaf, xp.int64) if xp.isdtype(leaf.dtype, "bool") else leaf
            total += float(xp.sum(values))
            size += float(xp.sum(xp.abs(values))) + math.prod(leaf.shape)
    xp, zero = namespace(like), zero_like(like)
    return xp.stack([zero + total, zero + size])


def same_batch(one: Array, other: Array) -> bool:
    """Whether two marks differ by no more than another order of summation can do."""
    return float(largest(one - other)) <= 100.0 * eps(one) * float(largest(one))
