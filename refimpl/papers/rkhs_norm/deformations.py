"""Smooth deformations of images: warps, and the tangent vectors they leave by.

Model
-----
A field τ moves the pixels of an image, (L_τ x)(p) = x(p − τ(p)), read off by bilinear
interpolation; outside the image its border continues. With G_τ the matrix of the interpolation,
L_τ x = G_τ x is linear in x. The derivative of L_{ατ} x in α at 0, with central differences for
∇x, is the tangent vector t = −τ · ∇x (bilinear interpolation itself has a kink at α = 0).

Fields are sums of the lowest cosines on the image with independent normal coefficients, scaled so
that the largest displacement of a pixel is ``amplitude``.

Source: A. Bietti, G. Mialon, D. Chen and J. Mairal, ICML 2019, use the deformations and tangent
vectors of Infinite MNIST (G. Loosli, S. Canu and L. Bottou, 2007), which are files. Here fields
are drawn: the penalties are the paper's, the family of deformations is not.

>>> import numpy as np
>>> still = np.zeros((1, 2, 9))
>>> image = np.arange(9.0)[None, :]
>>> bool((warp(image, still, 3)[0] == image).all())
True
>>> shift = np.zeros((1, 2, 9))
>>> shift[0, 1] = 1.0
>>> warp(image, shift, 3)[0].reshape(3, 3)
array([[0., 0., 1.],
       [3., 3., 4.],
       [6., 6., 7.]])
"""

from __future__ import annotations

import math
from typing import Any

from refimpl.arrays import Array, device, namespace
from refimpl.errors import SettingError
from refimpl.random import Rng


def image_height(features: int, height: int = 0) -> int:
    """Rows of an image of ``features`` pixels: ``height``, or of a square image.

    Raises
    ------
    SettingError
        If the pixels do not fill whole rows.

    Examples
    --------
    >>> image_height(784)
    28
    >>> image_height(10)
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: 10 inputs are no square image: give the height (features=10)
    """
    if height == 0:
        height = math.isqrt(features)
        if height * height != features:
            raise SettingError(
                f"{features} inputs are no square image: give the height", features=features
            )
    if features % height:
        raise SettingError(
            f"{features} inputs do not fill {height} rows", features=features, height=height
        )
    return height


def random_fields(
    rng: Rng, number: int, height: int, width: int, amplitude: float, cutoff: int, like: Array
) -> Array:
    """Smooth displacement fields.

    Parameters
    ----------
    rng : Rng
    number : int
    height, width : int
    amplitude : float
        Largest displacement of a pixel in each field, in pixels.
    cutoff : int
        Highest frequency along a side, 0 for shifts alone.
    like : array
        Namespace, dtype and device of the result.

    Returns
    -------
    array, shape (number, 2, height * width)
        Displacements along rows and along columns.
    """
    xp = namespace(like)
    modes = cutoff + 1
    draws = rng.normal((number, 2, modes, modes), like=like)
    down, across = _cosines(height, modes, like), _cosines(width, modes, like)
    fields = down @ draws @ across.mT
    fields = xp.reshape(fields, (number, 2, height * width))
    lengths = xp.sqrt(xp.max(xp.sum(fields * fields, axis=1, keepdims=True), axis=2, keepdims=True))
    return amplitude * fields / xp.where(lengths > 0, lengths, xp.ones_like(lengths))


def warp(images: Array, fields: Array, height: int) -> Array:
    """L_τ x for every field and image.

    Parameters
    ----------
    images : array, shape (P, height * width)
    fields : array, shape (F, 2, height * width)
    height : int

    Returns
    -------
    array, shape (F, P, height * width)
    """
    xp = namespace(images, fields)
    width = images.shape[1] // height
    rows, columns = _grid(height, width, images)
    found = []
    for number in range(fields.shape[0]):
        y = xp.clip(rows - fields[number, 0, :], 0.0, float(height - 1))
        x = xp.clip(columns - fields[number, 1, :], 0.0, float(width - 1))
        hats = _hats(y, height)[:, :, None] * _hats(x, width)[:, None, :]
        found.append(images @ xp.reshape(hats, (height * width, height * width)).mT)
    return xp.stack(found)


def tangents(images: Array, fields: Array, height: int) -> Array:
    """The tangent vectors −τ · ∇x for every field and image.

    Returns
    -------
    array, shape (F, P, height * width)

    Examples
    --------
    >>> import numpy as np
    >>> shift = np.zeros((1, 2, 9))
    >>> shift[0, 1] = 1.0
    >>> tangents(np.arange(9.0)[None, :], shift, 3)[0]
    array([[-0.5, -1. , -0.5, -0.5, -1. , -0.5, -0.5, -1. , -0.5]])
    """
    xp = namespace(images, fields)
    width = images.shape[1] // height
    square = xp.reshape(images, (images.shape[0], height, width))
    down = 0.5 * (_ahead(square, 1) - _behind(square, 1))
    across = 0.5 * (_ahead(square, 2) - _behind(square, 2))
    slopes = xp.stack([xp.reshape(down, images.shape), xp.reshape(across, images.shape)])
    moved = fields[:, :, None, :] * slopes[None, :, :, :]
    return -xp.sum(moved, axis=1)


def _cosines(length: int, modes: int, like: Array) -> Array:
    """cos(π m (p + ½) / length), shape (length, modes)."""
    xp = namespace(like)
    places = xp.arange(length, dtype=like.dtype, device=device(like)) + 0.5
    order = xp.arange(modes, dtype=like.dtype, device=device(like))
    return xp.cos((math.pi / length) * places[:, None] * order[None, :])


def _grid(height: int, width: int, like: Array) -> tuple[Array, Array]:
    xp = namespace(like)
    options: dict[str, Any] = {"dtype": like.dtype, "device": device(like)}
    rows, columns = xp.meshgrid(
        xp.arange(height, **options), xp.arange(width, **options), indexing="ij"
    )
    return xp.reshape(rows, (-1,)), xp.reshape(columns, (-1,))


def _hats(places: Array, length: int) -> Array:
    """Weights of linear interpolation at ``places`` (N,) on a grid, shape (N, length)."""
    xp = namespace(places)
    grid = xp.arange(length, dtype=places.dtype, device=device(places))
    rise = 1.0 - xp.abs(places[:, None] - grid[None, :])
    return xp.maximum(rise, xp.zeros_like(rise))


def _ahead(square: Array, axis: int) -> Array:
    """The next pixel along an axis, the border repeated."""
    xp = namespace(square)
    if axis == 1:
        return xp.concat([square[:, 1:, :], square[:, -1:, :]], axis=1)
    return xp.concat([square[:, :, 1:], square[:, :, -1:]], axis=2)


def _behind(square: Array, axis: int) -> Array:
    xp = namespace(square)
    if axis == 1:
        return xp.concat([square[:, :1, :], square[:, :-1, :]], axis=1)
    return xp.concat([square[:, :, :1], square[:, :, :-1]], axis=2)
