"""Where a penalty on slopes is taken: its points and their weights.

========== ==========================================================================
name       points
========== ==========================================================================
data       those of the batch
noisy      those of the batch, each moved by spread times a standard normal vector
fresh      ``count`` independent ones, uniform in the box, new in every step
lattice    ``count`` of a rank-one lattice (i (1, a, a², ...) / count) in the box
midpoint   midpoints of ``count`` equal cells along every axis of the box
========== ==========================================================================

All weights are equal and sum to 1; other rules are given to :func:`check_rule` as they are.

Source: the quadratures are textbook ones. The paper speaks of an error of the quadrature; which
rule its authors use in experiments is not known here.

>>> import numpy as np
>>> penalty_points("midpoint", np.zeros((7, 1)), count=4)[:, 0]
array([0.125, 0.375, 0.625, 0.875])
>>> held_out_points(np.array([[0.0], [1.0], [4.0]]))[:, 0]
array([0.5, 2.5])
"""

from __future__ import annotations

import math
from typing import Any, Literal

from refimpl.algorithms.base import required_rng
from refimpl.arrays import Array, device, namespace
from refimpl.errors import SettingError
from refimpl.random import Rng

Points = Literal["data", "noisy", "fresh", "lattice", "midpoint"]

_MOST = 1_000_000
_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


def penalty_points(
    kind: Points,
    inputs: Array,
    *,
    count: int = 32,
    box: tuple[float, float] = (0.0, 1.0),
    spread: float = 0.1,
    rng: Rng | None = None,
) -> Array:
    """The points of the rule called ``kind``.

    Parameters
    ----------
    kind : {"data", "noisy", "fresh", "lattice", "midpoint"}
    inputs : array, shape (P, n)
        Of the batch: the points themselves, or what they are placed beside.
    count : int
        Points of "fresh" and "lattice"; points along each axis of "midpoint".
    box : (low, high)
        Bounds of every coordinate for the three that do not start from the batch.
    spread : float
        Standard deviation of "noisy", in the units of the inputs.
    rng : Rng, optional
        Needed for "noisy" and "fresh".

    Returns
    -------
    array, shape (Q, n)

    Raises
    ------
    SettingError
        If there is no point, or a grid would have over a million.
    """
    if inputs.shape[0] == 0:
        raise SettingError("a penalty needs points: the batch is empty", points=0)
    if kind == "data":
        return inputs
    if kind == "noisy":
        return inputs + spread * required_rng(rng).normal(inputs.shape, like=inputs)
    features = inputs.shape[1]
    if kind == "fresh":
        return required_rng(rng).uniform((count, features), *box, like=inputs)
    unit = _lattice(inputs, count) if kind == "lattice" else _midpoints(inputs, count)
    return box[0] + (box[1] - box[0]) * unit


def equal_weights(points: Array) -> Array:
    """1 / Q for each of Q points."""
    count = points.shape[0]
    return namespace(points).full((count,), 1.0 / count, dtype=points.dtype, device=device(points))


def multiplier(count: int) -> int:
    """The generator a of a lattice: the number next to 0.618 count that has no factor in common.

    Examples
    --------
    >>> multiplier(8), multiplier(34)
    (5, 21)
    """
    nearest = round(_GOLDEN * count)
    for offset in range(count):
        for candidate in (nearest + offset, nearest - offset):
            if candidate > 0 and math.gcd(candidate, count) == 1:
                return candidate
    return 1


def _lattice(inputs: Array, count: int) -> Array:
    xp = namespace(inputs)
    step, columns, power = multiplier(count), [], 1
    for _ in range(inputs.shape[1]):
        columns.append([((i * power) % count + 0.5) / count for i in range(count)])
        power = power * step % count
    return xp.asarray(columns, dtype=inputs.dtype, device=device(inputs)).mT


def _midpoints(inputs: Array, count: int) -> Array:
    xp = namespace(inputs)
    features = inputs.shape[1]
    if count**features > _MOST:
        raise SettingError(
            "a grid of midpoints has count ** features points", count=count, features=features
        )
    axis = (xp.arange(count, dtype=inputs.dtype, device=device(inputs)) + 0.5) / count
    axes = xp.meshgrid(*[axis] * features, indexing="ij")
    return xp.stack([xp.reshape(a, (-1,)) for a in axes], axis=1)


def held_out_points(points: Array) -> Array:
    """Halfway between neighbors in the order of the points: shape (max(Q - 1, 1), n)."""
    return points if points.shape[0] < 2 else 0.5 * (points[1:, :] + points[:-1, :])


def check_rule(points: Any, weights: Any) -> None:
    """Raise unless ``weights`` (Q,) are non-negative, one for each of Q >= 1 points.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> import numpy as np
    >>> check_rule(np.zeros((2, 1)), np.array([1.5, -0.5]))
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: weights of a rule must be non-negative (smallest=-0.5)
    """
    if points.shape[0] == 0:
        raise SettingError("a penalty needs points", points=0)
    if tuple(weights.shape) != (points.shape[0],):
        raise SettingError(
            "a rule has one weight a point", points=points.shape[0], weights=weights.shape[0]
        )
    xp = namespace(weights)
    smallest = float(xp.min(weights))
    if not smallest >= 0.0 or not math.isfinite(float(xp.sum(weights))):
        raise SettingError("weights of a rule must be non-negative", smallest=smallest)
