"""The 1797 handwritten digits, 8 x 8 pixels, that scikit-learn carries: the embedded default.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998 (the test part, pixels 0 to 16).

>>> from refimpl.random import Rng
>>> parts = load_digits(rng=Rng(0))
>>> [len(part) for part in parts]
[1257, 180, 360]
>>> float(parts.train.inputs.min()), float(parts.train.inputs.max())
(0.0, 1.0)
"""

from __future__ import annotations

import functools

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.datasets.base import Dataset, Size, Split, partition
from refimpl.datasets.images import Scale, image_split
from refimpl.errors import DataError
from refimpl.random import Rng

DESCRIPTION = "1797 handwritten digits of 8x8 pixels, bundled with scikit-learn"
_TOP = 16.0
_CLASSES = 10


def digits(backend: Backend | None = None) -> Dataset:
    """All 1797 digits in scikit-learn's order, pixels scaled to [0, 1].

    Parameters
    ----------
    backend : Backend, optional
        NumPy in float64 by default.

    Returns
    -------
    Dataset
        Inputs (1797, 64), labels (1797,).

    Raises
    ------
    DataError
        If scikit-learn is not installed.

    Examples
    --------
    >>> data = digits()
    >>> data.inputs.shape, data.targets[:4].tolist()
    ((1797, 64), [0, 1, 2, 3])
    """
    pixels, labels = _bundled()
    target = backend or make_backend()
    return Dataset(
        "digits",
        target.asarray(pixels / _TOP),
        target.asarray(labels.copy()),
        _CLASSES,
        DESCRIPTION,
    )


def load_digits(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: Size = None,
    validation: Size = 180,
    test: Size = 360,
    center: bool = False,
    scale: Scale = "unit",
    label_noise: float = 0.0,
) -> Split:
    """The digits in a random split, stratified by class.

    Parameters
    ----------
    rng : Rng
        Decides the split and the label noise.
    backend : Backend, optional
    training, validation, test : int, float or None
        Counts, fractions, or None for what the others leave.
    center : bool
        Subtract the mean training image.
    scale : {"unit", "std", "norm"}
        Leave pixels in [0, 1]; or divide by one standard deviation; or make the mean squared
        norm of the training images 1 (``datasets/images.py`` has the formulas).
    label_noise : float
        Probability with which each training label is redrawn uniformly.

    Returns
    -------
    Split

    Raises
    ------
    DataError
        If scikit-learn is not installed.
    ValueError
        If a size or an option does not fit.

    Examples
    --------
    >>> parts = load_digits(rng=Rng(0), training=100, center=True, scale="norm")
    >>> round(float((parts.train.inputs**2).sum(axis=1).mean()), 12)
    1.0
    """
    pixels, labels = _bundled()
    sets = partition(
        labels.size, rng.child("digits", "split"), (training, validation, test), labels=labels
    )
    return image_split(
        "digits",
        DESCRIPTION,
        [(pixels[indices], labels[indices]) for indices in sets],
        top=_TOP,
        classes=_CLASSES,
        rng=rng.child("digits"),
        backend=backend,
        center=center,
        scale=scale,
        label_noise=label_noise,
    )


@functools.cache
def _bundled() -> tuple[np.ndarray, np.ndarray]:
    """Pixels (1797, 64) in [0, 16] and labels (1797,), read-only because they are shared."""
    try:
        from sklearn.datasets import load_digits as bundled
    except ImportError as error:
        raise DataError(
            f"the digits come with scikit-learn, which cannot be imported ({error}); "
            f"install it with pip install 'refimpl[experiments]'"
        ) from None
    pixels, labels = bundled(return_X_y=True)
    labels = labels.astype(np.int64)
    pixels.flags.writeable = False
    labels.flags.writeable = False
    return pixels, labels
