"""Local adaptive shifting: zero points that depend on the neighborhood.

Before the first signs, with x what the stem computed:

    z = N₀(x) + N₂(w * N₁(x)),

N₀, N₁, N₂ normalizations of their own, * a sum over a window of neighbors, one window of weights
for each channel. The signs are then taken of z + b_s: the threshold of each entry is moved by what
lies around it.

Source: BoolNet (2021), section on local adaptive shifting; the form was read in the released code,
its published one was not confirmed. There the neighbors are the 3 × 3 pixels of a feature map.

Deviations
----------
* Dense features have no pixels. The neighbors of a unit are the units beside it (``window`` of
  them, itself in the middle), beyond the ends zeros, as the released padding has them.
* On a map of one pixel the released layer is a window of 1. Then z is an affine function of each
  x_c, which N₀ alone can be: nothing is shifted by anything else (:func:`folded`).

>>> import numpy as np
>>> windowed(np.asarray([[1.0, 2.0, 4.0]]), np.asarray([[1.0, 0.0, 1.0]] * 3))
array([[2., 5., 2.]])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.papers.boolnet.normalization import norm_params
from refimpl.random import Rng


def shift_params(width: int, window: int, rng: Rng, like: Array) -> dict[str, Any]:
    """``taps`` (C, window) by He's normal law of the fan-out, and the normalizations N₁, N₂."""
    taps = math.sqrt(2.0 / (width * window)) * rng.normal((width, window), like=like)
    return {
        "taps": taps,
        "inner": norm_params(width, like),
        "outer": norm_params(width, like),
    }


def windowed(x: Any, taps: Any) -> Any:
    """Σ_j taps[c, j] x[c + j − window//2], zeros beyond the ends.

    Parameters
    ----------
    x : array, shape (P, C)
    taps : array, shape (C, window)
    """
    plain = ad.value(x)
    xp = namespace(plain)
    channels, window = taps.shape
    if window == 1:
        return x * taps[:, 0]
    edge = xp.zeros_like(plain[:, : window // 2])
    padded = ad.concat([edge, x, edge], axis=-1)
    total: Any = 0.0
    for place in range(window):
        total = total + padded[:, place : place + channels] * taps[:, place]
    return total


def locally_shifted(
    y: Any, x: Any, local: Mapping[str, Any], normalize: Callable[[Any, Mapping[str, Any]], Any]
) -> Any:
    """y = N₀(x) with the shift added, by a normalization of the caller's."""
    inner = normalize(x, local["inner"])
    return y + normalize(windowed(inner, local["taps"]), local["outer"])


def folded(stem: Mapping[str, Array], local: Mapping[str, Array], epsilon: float) -> Any:
    """a and c with z = a x + c, where the window is 1 and statistics are stored ones.

    Parameters
    ----------
    stem, local : mapping
        The layer with N₀, and parameters of the shift.
    epsilon : float
        e of the normalizations.

    Returns
    -------
    a, c : array, shape (C,)
    """
    xp = namespace(stem["gain"])

    def affine(layer: Any) -> tuple[Array, Array]:
        slope = layer["gain"] / xp.sqrt(layer["variance"] + epsilon)
        return slope, layer["shift"] - slope * layer["mean"]

    (a, c), (inner, low), (outer, high) = map(affine, (stem, local["inner"], local["outer"]))
    through = outer * local["taps"][:, 0]
    return a + through * inner, c + through * low + high
