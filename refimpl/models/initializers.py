"""Initial weights. A weight matrix is (out, in): a row is a neuron.

Each initializer draws an array of a given shape; its standard deviation (Gaussian) or bound
(uniform) follows from fan_in = number of columns and fan_out = number of rows.

>>> from refimpl import Rng
>>> w = INITIALIZERS["orthogonal"]((4, 2), Rng(0))
>>> bool(abs(w.T @ w - [[1, 0], [0, 1]]).max() < 1e-14)
True
"""

from __future__ import annotations

import math
from collections.abc import Callable

from refimpl.arrays import Array, qr
from refimpl.random import Rng


def glorot_uniform(shape: tuple[int, int], rng: Rng, like: Array | None = None) -> Array:
    """Uniform on +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    bound = math.sqrt(6.0 / (shape[0] + shape[1]))
    return rng.uniform(shape, -bound, bound, like=like)


def glorot_normal(shape: tuple[int, int], rng: Rng, like: Array | None = None) -> Array:
    """Gaussian of variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""
    return math.sqrt(2.0 / (shape[0] + shape[1])) * rng.normal(shape, like=like)


def he_uniform(shape: tuple[int, int], rng: Rng, like: Array | None = None) -> Array:
    """Uniform on +-sqrt(6 / fan_in) (He et al. 2015)."""
    bound = math.sqrt(6.0 / shape[1])
    return rng.uniform(shape, -bound, bound, like=like)


def he_normal(shape: tuple[int, int], rng: Rng, like: Array | None = None) -> Array:
    """Gaussian of variance 2 / fan_in (He et al. 2015)."""
    return math.sqrt(2.0 / shape[1]) * rng.normal(shape, like=like)


def lecun_uniform(shape: tuple[int, int], rng: Rng, like: Array | None = None) -> Array:
    """Uniform on +-sqrt(3 / fan_in) (LeCun et al. 1998)."""
    bound = math.sqrt(3.0 / shape[1])
    return rng.uniform(shape, -bound, bound, like=like)


def lecun_normal(shape: tuple[int, int], rng: Rng, like: Array | None = None) -> Array:
    """Gaussian of variance 1 / fan_in (LeCun et al. 1998)."""
    return math.sqrt(1.0 / shape[1]) * rng.normal(shape, like=like)


def torch_default(shape: tuple[int, int], rng: Rng, like: Array | None = None) -> Array:
    """Uniform on +-1 / sqrt(fan_in), what PyTorch's Linear draws (variance 1 / (3 fan_in))."""
    bound = 1.0 / math.sqrt(shape[1])
    return rng.uniform(shape, -bound, bound, like=like)


def orthogonal(shape: tuple[int, int], rng: Rng, like: Array | None = None) -> Array:
    """Haar-distributed with orthonormal columns (tall, square) or rows (wide) (Saxe et al. 2014).

    QR of a Gaussian matrix with the signs of R's diagonal fixed, which makes the law exactly Haar
    (Mezzadri 2007).
    """
    rows, columns = shape
    wide = rows < columns
    q, _ = qr(rng.normal((columns, rows) if wide else (rows, columns), like=like))
    return q.mT if wide else q


def gaussian(shape: tuple[int, int], rng: Rng, like: Array | None = None) -> Array:
    """Gaussian of unit variance; scale it with ``scale``."""
    return rng.normal(shape, like=like)


INITIALIZERS: dict[str, Callable[..., Array]] = {
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_uniform": lecun_uniform,
    "lecun_normal": lecun_normal,
    "torch_default": torch_default,
    "orthogonal": orthogonal,
    "gaussian": gaussian,
}
