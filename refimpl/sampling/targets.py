"""Named laws exp(−V) on arrays of any shape, for trying samplers out.

Each potential takes one array with a leading axis of chains, alone or in a container, and has one
number, its strength k.

>>> import numpy as np
>>> TARGETS["bimodal"].potential(2.0)([np.ones((3, 2))])
array([-4., -4., -4.])
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.arrays import device, namespace

Potential = Callable[[Tree], Any]


@dataclass(frozen=True)
class Target:
    """A potential by name.

    Attributes
    ----------
    summary : str
        The formula, in one line.
    make : callable
        From the strength to the function of rows, (chains, entries) and the shape of one chain.
    strength : float
        The default.
    """

    summary: str
    make: Callable[[Any, tuple[int, ...], float], Any]
    strength: float = 1.0

    def potential(self, strength: float | None = None) -> Potential:
        """V of the parameters, shape (chains,)."""
        k = self.strength if strength is None else float(strength)

        def value(params: Tree) -> Any:
            [q] = ad.flatten(params)[0]
            return self.make(ad.reshape(q, (q.shape[0], -1)), tuple(q.shape[1:]), k)

        return value


def _uniform(rows: Any, shape: tuple[int, ...], k: float) -> Any:
    return 0.0 * ad.sum(rows, axis=1)


def _linear(rows: Any, shape: tuple[int, ...], k: float) -> Any:
    columns = math.prod(shape[1:])
    picked = [i * columns + i for i in range(min(shape[0], columns))]
    total = rows[:, picked[0]]
    for index in picked[1:]:
        total = total + rows[:, index]
    return -k * total


def _gaussian(rows: Any, shape: tuple[int, ...], k: float) -> Any:
    plain = ad.value(rows)
    xp, entries = namespace(plain), rows.shape[1]
    exponents = xp.arange(entries, dtype=plain.dtype, device=device(plain)) / max(entries - 1, 1)
    return 0.5 * ad.sum(k**exponents * rows * rows, axis=1)


def _bimodal(rows: Any, shape: tuple[int, ...], k: float) -> Any:
    return -k * ad.sum(rows * rows, axis=1)


TARGETS = {
    "uniform": Target("V = 0", _uniform),
    "von-mises-fisher": Target("V = -k sum_i W_ii", _linear, 2.0),
    "gaussian": Target("V = sum_i a_i w_i^2 / 2, curvatures a_i from 1 to k", _gaussian, 10.0),
    "bimodal": Target("V = -k sum_i w_i^2: two modes for each bounded weight", _bimodal, 2.0),
}
"""The laws that ``refimpl sample --target`` knows."""
