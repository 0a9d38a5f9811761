"""From integer pixels to inputs: the scaling shared by the image sets.

With pixels p in [0, top], the inputs are x = (p / top - m) / s, where

* m is 0, or with ``center`` the mean image of the training part;
* s is 1 for ``scale="unit"``; for ``"std"`` the standard deviation of all training values
  p / top - m about their common mean, one number; for ``"norm"`` the root of the mean squared
  norm of the training rows p / top - m, so that E|x|^2 = 1.

Only the training part enters m and s: nothing of validation and test leaks.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.datasets.base import Dataset, Split, with_label_noise
from refimpl.random import Rng

Scale = Literal["unit", "std", "norm"]
SCALES: tuple[Scale, ...] = ("unit", "std", "norm")

_CHUNK = 4096  # rows converted to float64 at a time; all of MNIST at once would take 0.4 GB


def image_split(
    name: str,
    description: str,
    parts: list[tuple[np.ndarray, np.ndarray]],
    *,
    top: float,
    classes: int,
    rng: Rng,
    backend: Backend | None,
    center: bool,
    scale: Scale,
    label_noise: float,
) -> Split:
    """Scale three parts of pixels and labels and place them on the backend.

    Parameters
    ----------
    name, description : str
    parts : list of (pixels, labels)
        Training, validation, test; pixels of shape (P, n) in [0, top], integer labels (P,).
    top : float
        The largest pixel value.
    classes : int
    rng : Rng
        For the label noise.
    backend : Backend or None
        None is NumPy in float64.
    center : bool
    scale : {"unit", "std", "norm"}
    label_noise : float
        Probability with which each training label is redrawn uniformly.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If ``scale`` is unknown, or the statistics of an empty or constant training part are
        asked for.

    Examples
    --------
    >>> part = (np.array([[0, 4], [2, 2]]), np.array([0, 1]))
    >>> made = image_split("toy", "", [part] * 3, top=4, classes=2, rng=Rng(0), backend=None,
    ...                    center=True, scale="unit", label_noise=0.0)
    >>> made.train.inputs
    array([[-0.25,  0.25],
           [ 0.25, -0.25]])
    """
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(SCALES)}, not {scale!r}")
    target = backend or make_backend()
    shift, factor = _statistics(parts[0][0], top, center, scale)
    made = []
    for pixels, labels in parts:
        inputs = np.empty(pixels.shape, dtype=target.dtype_name)
        for start in range(0, pixels.shape[0], _CHUNK):
            rows = slice(start, start + _CHUNK)
            inputs[rows] = (pixels[rows] / top - shift) / factor
        made.append(
            Dataset(
                name,
                target.asarray(inputs),
                target.asarray(labels.astype(np.int64)),
                classes,
                description,
            )
        )
    train, validation, test = made
    if label_noise:
        train = with_label_noise(train, label_noise, rng.child("label_noise"))
    return Split(train, validation, test)


def _statistics(
    pixels: np.ndarray, top: float, center: bool, scale: Scale
) -> tuple[np.ndarray | float, float]:
    """The m and s of the module's formula, in float64."""
    if not center and scale == "unit":
        return 0.0, 1.0
    if pixels.shape[0] == 0:
        raise ValueError("centring and scaling need at least one training image")
    shift = pixels.mean(axis=0, dtype=np.float64) / top if center else 0.0
    if scale == "unit":
        return shift, 1.0
    total = squares = 0.0
    for start in range(0, pixels.shape[0], _CHUNK):
        values = pixels[start : start + _CHUNK] / top - shift
        total += float(values.sum())
        squares += float((values * values).sum())
    if scale == "norm":
        spread = squares / pixels.shape[0]
    else:
        spread = squares / pixels.size - (total / pixels.size) ** 2
    if spread <= 0:
        raise ValueError("the training images do not vary, so they cannot be scaled")
    return shift, spread**0.5
