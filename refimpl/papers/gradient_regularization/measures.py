"""From Jacobian rows to the number that is penalized, and how it changes with the rows.

With rows g_mq at the points x_q (all K rows of the Jacobian, or M random probes of it), weights w_q
and δ >= 0:

============================= ==================================================
Tikhonov                      Σ_q w_q Σ_m |g_mq|² (/ M for probes; ½ of it with ``half``)
total variation, frobenius    Σ_q w_q √(Σ_m |g_mq|² + δ²)
total variation, per class    Σ_q w_q Σ_m √(|g_mq|² + δ²)
============================= ==================================================

A probe Jᵀv of a random covector v with E[v vᵀ] = I has E|Jᵀv|² = ‖J‖²_F: Rademacher signs, a
uniform vector on the sphere of radius √K, or a standard normal one. It serves the square only: of
the root of a mean the expectation is not the root of the expectation.

Source: L. Li, X.-C. Tai and J. Yang, Commun. Comput. Phys. 32 (2022), whose abstract names the two
penalties; which norm they take for K > 1 is not known here. Probes: derived.

>>> import numpy as np
>>> rows, weights = np.array([[[3.0, 4.0]], [[0.0, 12.0]]]), np.ones(1)
>>> [float(total(rows, weights, power, norm)) for power, norm in
...     ((2, "frobenius"), (1, "frobenius"), (1, "per_class"))]
[169.0, 13.0, 17.0]
"""

from __future__ import annotations

import math
from typing import Any, Literal

from refimpl import autodiff as ad
from refimpl.algorithms.base import required_rng
from refimpl.arrays import Array, device, namespace
from refimpl.errors import SettingError
from refimpl.random import Rng

Norm = Literal["frobenius", "per_class"]
Law = Literal["rademacher", "sphere", "normal"]


def covectors(outputs: Array, probes: int | None, law: Law, rng: Rng | None) -> Array:
    """All unit covectors, or random probes: shape (K, P, K) or (probes, P, K).

    Parameters
    ----------
    outputs : array, shape (P, K)
        Beside which they are made.
    probes : int or None
        None for the whole Jacobian.
    law : {"rademacher", "sphere", "normal"}
    rng : Rng or None
        Needed for probes.
    """
    xp = namespace(outputs)
    points, classes = outputs.shape
    if probes is None:
        unit = xp.eye(classes, dtype=outputs.dtype, device=device(outputs))
        # multiplied out: products of arrays with strides of 0 bypass fast routines
        return unit[:, None, :] * xp.ones(
            (1, points, 1), dtype=outputs.dtype, device=device(outputs)
        )
    shape = (probes, points, classes)
    if law == "rademacher":
        return required_rng(rng).rademacher(shape, like=outputs)
    drawn = required_rng(rng).normal(shape, like=outputs)
    if law == "normal":
        return drawn
    lengths = xp.linalg.vector_norm(drawn, axis=-1, keepdims=True)
    return math.sqrt(classes) * drawn / lengths


def taped_rows(model: Any, params: Any, points: Array, units: Array) -> Array:
    """The rows Jᵀ r at every point, through the tape: shape (M, P, n)."""
    _, pullback = ad.vjp(lambda x: model(params, x), points)
    return ad.stack([pullback(units[m, ...]) for m in range(units.shape[0])], axis=0)


def total(
    rows: Any, weights: Array, power: int, norm: Norm = "frobenius", smoothing: float = 0.0
) -> Any:
    """The penalty of rows (M, Q, n) under weights (Q,): 0-d, differentiable in the rows."""
    if power == 2:
        return ad.sum(weights * ad.sum(rows * rows, axis=(0, 2)))
    axes: Any = (0, 2) if norm == "frobenius" else 2
    if smoothing == 0.0:
        lengths = ad.norm(rows, axis=axes)
    else:
        _check_smoothing(ad.value(rows), smoothing)
        lengths = ad.sqrt(ad.sum(rows * rows, axis=axes) + smoothing**2)
    return ad.sum(weights * lengths)


def total_and_slope(
    rows: Array, weights: Array, power: int, norm: Norm = "frobenius", smoothing: float = 0.0
) -> tuple[Array, Array]:
    """The same, and its derivative in the rows, which is 0 where a length is 0."""
    xp = namespace(rows)
    if power == 2:
        weighted = weights[None, :, None] * rows
        return xp.sum(weighted * rows), 2.0 * weighted
    axes: Any = (0, 2) if norm == "frobenius" else (2,)
    if smoothing > 0.0:
        _check_smoothing(rows, smoothing)
    top = xp.max(xp.abs(rows), axis=axes, keepdims=True)
    top = xp.where(top > smoothing, top, smoothing * xp.ones_like(top))
    one = xp.ones_like(top)
    safe = xp.where(top > 0, top, one)
    scaled = rows / safe
    ratio = smoothing / safe
    root = xp.sqrt(xp.sum(scaled * scaled, axis=axes, keepdims=True) + ratio * ratio)
    direction = scaled / xp.where(root > 0, root, one)
    lengths = top * root
    return xp.sum(weights[None, :, None] * lengths), weights[None, :, None] * direction


def _check_smoothing(rows: Array, smoothing: float) -> None:
    """δ² must not be lost: at least the root of the smallest normal number of the dtype."""
    smallest = math.sqrt(float(namespace(rows).finfo(rows.dtype).smallest_normal))
    if smoothing < smallest:
        raise SettingError(
            f"smoothing is lost when it is squared in {rows.dtype}: take 0 or more",
            smoothing=smoothing,
            smallest=smallest,
        )
