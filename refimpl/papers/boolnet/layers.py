"""Layers of signs: their parameters, their outputs, and the mean over slices.

z = F(w, λ) x in groups: group s of the units reads slice s of the inputs; with a scale, z times
mean |w| of the unit.

>>> import numpy as np
>>> layer = {"weight": np.asarray([[0.5, -0.1], [0.2, 0.3]])}
>>> x = np.asarray([[1.0, -1.0, 1.0, 1.0]])  # two slices of two channels
>>> binary_units(x, layer, 0.0, groups=2)
array([[2., 2.]])
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from refimpl import autodiff as ad
from refimpl.arrays import Array
from refimpl.papers.boolnet.normalization import norm_params
from refimpl.papers.boolnet.weights import output_scale, progressive_weights
from refimpl.random import Rng

WeightScale = Literal["none", "mean_abs"]


def binary_params(units: int, inputs: int, gain: float, rng: Rng, like: Array) -> dict[str, Array]:
    """Weights of He's normal law by fan-out times ``gain``, and a normalization."""
    weight = gain * math.sqrt(2.0 / units) * rng.normal((units, inputs), like=like)
    return {"weight": weight, **norm_params(units, like)}


def binary_units(
    x: Any,
    layer: Mapping[str, Any],
    strength: float,
    *,
    groups: int = 1,
    scale: WeightScale = "none",
    detach: bool = False,
) -> Any:
    """The outputs of a binary layer before normalization.

    Parameters
    ----------
    x : array, shape (P, k C)
    layer : mapping
        ``weight`` (U, C), or (U, k C) for one group.
    strength : float
        λ; 0 for signs.
    groups : int
        Group s of U/groups units reads slice s.
    scale : {"none", "mean_abs"}
        Whether a unit's output is multiplied by the mean of its |w|.
    detach : bool
        Whether that is a constant.

    Returns
    -------
    array, shape (P, U)
    """
    weight = progressive_weights(layer["weight"], strength)
    if groups == 1:
        z = ad.linear(x, weight)
    else:
        rows, units = x.shape[0], weight.shape[0]
        parts = ad.permute_dims(ad.reshape(x, (rows, groups, x.shape[1] // groups)), (1, 0, 2))
        grouped = ad.reshape(weight, (groups, units // groups, weight.shape[1]))
        products = ad.matmul(parts, ad.matrix_transpose(grouped))
        # rows after rows in memory, as packed inference has them: layouts decide how the head's
        # sums are rounded
        z = ad.reshape(ad.permute_dims(products, (1, 0, 2)), (rows, units))
    return z if scale == "none" else output_scale(layer["weight"], detach) * z


def mean_of_slices(u: Any, slices: int) -> Any:
    """The mean over the slices: (P, k C) to (P, C)."""
    return ad.mean(ad.reshape(u, (u.shape[0], slices, u.shape[1] // slices)), axis=1)
