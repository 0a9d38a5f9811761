"""Batch normalization, its running statistics, and its fusion with the sign.

y = γ (x − μ)/sqrt(v + e) + β = a (x + c), a = γ/sqrt(v + e), c = β/a − μ, so that
sign(y) = XNOR(sign(a), sign(x + c)) (Eqs. 1-4). For an integer x that is a threshold, which is
searched for by the very numbers of the float layer (:func:`integer_threshold`): no rounding of c
can move it.

Variances are those of the batch as they are (divided by P), in training and in the averages.

>>> import numpy as np
>>> layer = norm_params(2, np.zeros(1))
>>> y, mean, variance = batch_normalized(np.asarray([[1.0, 0.0], [3.0, 0.0]]), layer, 0.0625)
>>> mean, variance
(array([2., 0.]), array([1., 0.]))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, namespace
from refimpl.errors import SettingError

EPSILON = 1e-5


def norm_params(width: int, like: Array) -> dict[str, Array]:
    """γ = 1, β = 0, and statistics that have seen nothing (variance 0)."""
    xp = namespace(like)
    place = {"dtype": like.dtype, "device": device(like)}
    return {
        "gain": xp.ones((width,), **place),
        "shift": xp.zeros((width,), **place),
        "mean": xp.zeros((width,), **place),
        "variance": xp.zeros((width,), **place),
    }


def batch_normalized(x: Any, layer: Mapping[str, Any], epsilon: float) -> tuple[Any, Any, Any]:
    """y by the batch's own statistics, and these.

    Parameters
    ----------
    x : array, shape (P, C)
    layer : mapping
        With ``gain`` and ``shift``.
    epsilon : float
        e.

    Raises
    ------
    SettingError
        For a batch of one example, whose variance is 0.
    """
    if x.shape[0] < 2:
        raise SettingError("normalization needs a batch of two or more", batch=x.shape[0])
    mean = ad.mean(x, axis=0)
    centered = x - mean
    variance = ad.mean(centered * centered, axis=0)
    y = layer["gain"] * centered / ad.sqrt(variance + epsilon) + layer["shift"]
    return y, mean, variance


def normalized(x: Any, layer: Mapping[str, Any], epsilon: float) -> Any:
    """y by the statistics in ``layer``."""
    deviation = ad.sqrt(layer["variance"] + epsilon)
    return layer["gain"] * (x - layer["mean"]) / deviation + layer["shift"]


def check_statistics(layer: Mapping[str, Any], where: str) -> None:
    """Raise SettingError where a layer's statistics have seen nothing. Reads the data.

    Examples
    --------
    >>> import numpy as np
    >>> check_statistics(norm_params(2, np.zeros(1)), "stem")
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: the normalization of stem has no statistics: train the network, \
or call recalibrate
    """
    xp = namespace(layer["variance"])
    if not bool(xp.any(layer["variance"] > 0)):
        raise SettingError(
            f"the normalization of {where} has no statistics: train the network, or call "
            f"recalibrate"
        )


def fused_sign(x: Array, layer: Mapping[str, Array], epsilon: float) -> Array:
    """sign(y) as XNOR(sign(a), sign(x + c)), with sign(0) = +1 throughout; sign(β) where γ = 0.

    Only where y is exactly 0 and a < 0 it differs from sign(y): −1 for +1.

    Parameters
    ----------
    x : array, shape (P, C)
    layer : mapping
        Normalization.
    """
    xp = namespace(x)
    one = xp.ones_like(layer["gain"])
    a = layer["gain"] / xp.sqrt(layer["variance"] + epsilon)
    flat = a == 0
    c = layer["shift"] / xp.where(flat, one, a) - layer["mean"]
    side = xp.where(a >= 0, one, -one)
    constant = xp.where(layer["shift"] >= 0, one, -one)
    return xp.where(flat, constant, side * xp.where(x + c >= 0, 1.0, -1.0))


def integer_threshold(
    layer: Mapping[str, Array], offset: float, scale: Array | None, n: int, epsilon: float
) -> tuple[Array, Array]:
    """d and t so that sign(y + b) = +1 exactly where d z >= t, for integers |z| <= n.

    Parameters
    ----------
    layer : mapping
        Normalization of C units.
    offset : float
        b of the slice.
    scale : array, shape (C,), optional
        x = scale · z, non-negative; x = z without.
    n : int
        The number of inputs.
    epsilon : float

    Returns
    -------
    direction : array of int64, shape (C,)
        d, −1 where γ < 0, else +1.
    threshold : array of int64, shape (C,)
        In −n .. n + 1; n + 1 is never reached.

    Notes
    -----
    Each floating-point operation of y is monotone in z, and so is their composition: n values are
    halved until one is left, with the float layer as the judge.
    """
    xp = namespace(layer["gain"])
    place = {"dtype": xp.int64, "device": device(layer["gain"])}
    width = layer["gain"].shape[0]
    direction = xp.where(layer["gain"] < 0, xp.asarray(-1, **place), xp.asarray(1, **place))
    low = xp.full((width,), -n, **place)
    high = xp.full((width,), n + 1, **place)
    for _ in range((2 * n + 1).bit_length()):
        middle = (low + high) // 2
        x = xp.astype(direction * middle, layer["gain"].dtype)
        y = normalized(x if scale is None else scale * x, layer, epsilon)
        reached = (y + offset if offset else y) >= 0
        high = xp.where(reached & (low < high), middle, high)
        low = xp.where(reached | (low >= high), low, middle + 1)
    return direction, high
