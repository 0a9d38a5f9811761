"""Linear regression onto a linear teacher, the solvable model of generalization.

    y = W x + s e,      x in R^N,  W in R^(K x N),  e ~ N(0, I_K)

* Inputs: x_i ~ N(0, 1/N) iid (``normalized``, the convention of M. S. Advani, A. M. Saxe and
  H. Sompolinsky, High-dimensional dynamics of generalization error in neural networks, 2020, so
  that E|x|^2 = 1), or x_i ~ N(0, 1).
* Teacher: W_ki ~ N(0, w^2) iid; with ``rank`` r, W = (w / sqrt(r)) A B^T with A of shape (K, r),
  B of shape (N, r) and iid N(0, 1) entries, so that the entries keep the variance w^2. With
  ``teacher_norm`` W is then rescaled to that Frobenius norm.
* Without ``outputs`` the teacher is a vector and the targets have shape (P,).
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.datasets.base import Dataset, Split, check_count, check_positive
from refimpl.random import Rng


def linear_teacher(
    rng: Rng,
    *,
    dimension: int,
    outputs: int | None = None,
    rank: int | None = None,
    scale: float = 1.0,
    norm: float | None = None,
) -> np.ndarray:
    """A random teacher.

    Parameters
    ----------
    rng : Rng
    dimension : int
        N.
    outputs : int, optional
        K; None for a vector teacher.
    rank : int, optional
        r, at most min(N, K); None for full rank.
    scale : float
        w, the standard deviation of an entry.
    norm : float, optional
        Frobenius norm to rescale to.

    Returns
    -------
    numpy.ndarray, shape (N,) or (K, N)

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> W = linear_teacher(Rng(0), dimension=6, outputs=4, rank=2, norm=3.0)
    >>> W.shape, int(np.linalg.matrix_rank(W)), round(float(np.linalg.norm(W)), 12)
    ((4, 6), 2, 3.0)
    """
    check_count("dimension", dimension, 1)
    check_positive("teacher scale", scale)
    rows = 1 if outputs is None else check_count("outputs", outputs, 1)
    rng = rng.child("teacher")
    if rank is None:
        W = scale * rng.normal((rows, dimension))
    else:
        if check_count("rank", rank, 1) > min(rows, dimension):
            raise ValueError(
                f"rank {rank} exceeds min(outputs, dimension) = {min(rows, dimension)}"
            )
        A = rng.child("left").normal((rows, rank))
        B = rng.child("right").normal((dimension, rank))
        W = scale / math.sqrt(rank) * (A @ B.T)
    if norm is not None:
        W *= check_positive("teacher norm", norm) / float(np.linalg.norm(W))
    return W[0] if outputs is None else W


def teacher_student(
    count: int,
    rng: Rng,
    teacher: np.ndarray,
    *,
    noise: float = 0.5,
    normalized: bool = True,
    backend: Backend | None = None,
) -> Dataset:
    """``count`` examples of one teacher.

    Parameters
    ----------
    count : int
        P.
    rng : Rng
    teacher : numpy.ndarray, shape (N,) or (K, N)
    noise : float
        s, the standard deviation of the noise on each target.
    normalized : bool
        Input variance 1/N (True) or 1.
    backend : Backend, optional

    Returns
    -------
    Dataset
        Inputs (P, N), targets (P,) or (P, K), ``truth["teacher"]`` = W.

    Raises
    ------
    ValueError
        If the noise is negative.

    Examples
    --------
    >>> data = teacher_student(4, Rng(0), np.array([1.0, -2.0]), noise=0.0)
    >>> bool(np.allclose(data.targets, data.inputs[:, 0] - 2.0 * data.inputs[:, 1]))
    True
    """
    check_count("count", count, 0)
    check_positive("noise", noise, zero=True)
    N = teacher.shape[-1]
    x = rng.child("inputs").normal((count, N))
    if normalized:
        x /= math.sqrt(N)
    clean = x @ teacher.T
    y = clean + noise * rng.child("noise").normal(clean.shape)
    target = backend or make_backend()
    return Dataset(
        "teacher-student",
        target.asarray(x),
        target.asarray(y),
        None,
        f"linear teacher in {N} dimensions, noise {noise:g}",
        {"teacher": target.asarray(teacher)},
    )


def load_teacher_student(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 50,
    validation: int = 1000,
    test: int = 1000,
    dimension: int = 100,
    outputs: int | None = None,
    rank: int | None = None,
    noise: float = 0.5,
    teacher_scale: float = 1.0,
    teacher_norm: float | None = None,
    normalized: bool = True,
) -> Split:
    """Independent training, validation and test examples of one teacher.

    The teacher and the parts use streams of their own: the size of one changes nothing else.
    Validation and test targets are noisy too.

    Parameters
    ----------
    rng : Rng
    backend : Backend, optional
    training, validation, test : int
    dimension, outputs, rank, teacher_scale, teacher_norm
        N, K, r, w and |W| of the module's formulas.
    noise : float
        s.
    normalized : bool
        Input variance 1/N (True) or 1.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> parts = load_teacher_student(rng=Rng(0), outputs=3)
    >>> parts.train.inputs.shape, parts.train.targets.shape
    ((50, 100), (50, 3))
    """
    rng = rng.child("teacher-student")
    teacher = linear_teacher(
        rng, dimension=dimension, outputs=outputs, rank=rank, scale=teacher_scale, norm=teacher_norm
    )
    parts = (
        teacher_student(
            count, rng.child(part), teacher, noise=noise, normalized=normalized, backend=backend
        )
        for part, count in (("train", training), ("validation", validation), ("test", test))
    )
    return Split(*parts)
