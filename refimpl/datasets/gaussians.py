"""Gaussian points that hyperplanes through the origin separate with a known margin.

A teacher W of C orthonormal rows, drawn uniformly, labels Gaussian points and then pulls the
classes apart:

    z ~ N(0, I_d),   y = argmax_c w_c . z,   x = z + sqrt(2) g (w_y - mean_c w_c).

Since the rows are orthonormal, (w_y - w_j) . (w_y - mean_c w_c) = 1 for every j != y, and
|w_y - w_j| = sqrt(2). The distance of x to the boundary between y and j is therefore

    (w_y - w_j) . x / sqrt(2) = (w_y - w_j) . z / sqrt(2) + g >= g:

the set is linearly separable with Euclidean margin at least g, and the teacher has this margin.
For C = 2 the boundary is the hyperplane with unit normal v = (w_1 - w_0) / sqrt(2), and
x = z +- g v: a Gaussian cut along the hyperplane, its halves moved apart by g each.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.arrays import Backend, qr
from refimpl.arrays import backend as make_backend
from refimpl.datasets.base import Dataset, Split, check_count, check_positive
from refimpl.random import Rng


def gaussian_teacher(rng: Rng, *, dimension: int, classes: int = 2) -> np.ndarray:
    """A matrix of orthonormal rows, uniform (Haar) over all of them.

    Parameters
    ----------
    rng : Rng
    dimension : int
        d, at least ``classes``.
    classes : int
        C, at least 2.

    Returns
    -------
    numpy.ndarray, shape (classes, dimension)

    Raises
    ------
    ValueError
        If the dimension is too small.

    Examples
    --------
    >>> W = gaussian_teacher(Rng(0), dimension=5)
    >>> bool(np.allclose(W @ W.T, np.eye(2)))
    True
    """
    check_count("classes", classes, 2)
    check_count("dimension", dimension, classes)
    q, _ = qr(rng.child("teacher").normal((dimension, classes)))
    return q.T


def gaussians(
    count: int,
    rng: Rng,
    teacher: np.ndarray,
    *,
    margin: float = 0.5,
    backend: Backend | None = None,
) -> Dataset:
    """``count`` points labelled by ``teacher`` and separated by ``margin``.

    Parameters
    ----------
    count : int
    rng : Rng
    teacher : numpy.ndarray, shape (C, d)
        Orthonormal rows, as of :func:`gaussian_teacher`.
    margin : float
        g >= 0: the least distance of a point to a boundary of its class, up to the rounding of
        the backend's dtype.
    backend : Backend, optional

    Returns
    -------
    Dataset
        Inputs (count, d). ``truth["teacher"]`` is W, shape (C, d); for C = 2
        ``truth["normal"]`` is v, shape (d,), pointing to class 1.

    Raises
    ------
    ValueError
        If the margin is negative or the rows are not orthonormal.

    Examples
    --------
    >>> data = gaussians(50, Rng(1), gaussian_teacher(Rng(0), dimension=5), margin=0.5)
    >>> signs = 2.0 * data.targets - 1.0
    >>> bool((signs * (data.inputs @ data.truth["normal"])).min() >= 0.5)
    True
    """
    check_count("count", count, 0)
    check_positive("margin", margin, zero=True)
    classes, dimension = teacher.shape
    defect = float(np.max(np.abs(teacher @ teacher.T - np.eye(classes))))
    if defect > 1e-6:
        raise ValueError(f"the teacher's rows must be orthonormal, but W W^T is {defect:.3g} off I")
    z = rng.child("points").normal((count, dimension))
    labels = np.argmax(z @ teacher.T, axis=1).astype(np.int64)
    x = z + math.sqrt(2.0) * margin * (teacher - teacher.mean(axis=0))[labels]
    target = backend or make_backend()
    truth = {"teacher": target.asarray(teacher)}
    if classes == 2:
        truth["normal"] = target.asarray((teacher[1] - teacher[0]) / math.sqrt(2.0))
    return Dataset(
        "gaussians",
        target.asarray(x),
        target.asarray(labels),
        classes,
        f"Gaussian points in {dimension} dimensions, {classes} classes, margin {margin:g}",
        truth,
    )


def load_gaussians(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 100,
    validation: int = 1000,
    test: int = 1000,
    dimension: int = 20,
    classes: int = 2,
    margin: float = 0.5,
) -> Split:
    """Independent training, validation and test points of one teacher.

    The teacher and the parts use streams of their own: the size of one changes nothing else.

    Parameters
    ----------
    rng : Rng
    backend : Backend, optional
    training, validation, test : int
    dimension, classes, margin
        d, C and g of the module's formula.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> parts = load_gaussians(rng=Rng(0), dimension=3, classes=3)
    >>> parts.train.inputs.shape, parts.train.truth["teacher"].shape
    ((100, 3), (3, 3))
    """
    rng = rng.child("gaussians")
    teacher = gaussian_teacher(rng, dimension=dimension, classes=classes)
    parts = (
        gaussians(count, rng.child(part), teacher, margin=margin, backend=backend)
        for part, count in (("train", training), ("validation", validation), ("test", test))
    )
    return Split(*parts)
