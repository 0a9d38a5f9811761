"""MNIST and Fashion-MNIST from their IDX files, gzip-compressed or plain.

Sources: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to
document recognition, 1998; H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, 2017.

Each has 60 000 training and 10 000 test images of 28 x 28 pixels in 10 classes. The test part is
the published one; the validation part comes off the training part. The files are not part of the
package: ``refimpl data fetch mnist`` brings them.

>>> from refimpl.random import Rng
>>> from refimpl.errors import DataError
>>> try:
...     load_mnist(data_dir="no/such/folder", rng=Rng(0))
... except DataError as error:
...     print("refimpl data fetch mnist" in str(error))
True
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np

from refimpl.arrays import Backend
from refimpl.datasets.base import Size, Split, check_count, partition
from refimpl.datasets.fetch import (
    ENVIRONMENT_VARIABLE,
    SOURCES,
    data_directory,
    find_file,
    mismatch,
    spellings,
)
from refimpl.datasets.idx import read_labeled
from refimpl.datasets.images import Scale, image_split
from refimpl.errors import DataError, MissingDataError
from refimpl.random import Rng

_TOP = 255.0
_CLASSES = 10
_MOST = 100_000 * 28 * 28  # bytes; the largest file has 60,000 images

Holdout = Literal["random", "last"]


def load_mnist(
    *,
    rng: Rng,
    data_dir: str | os.PathLike[str] | None = None,
    backend: Backend | None = None,
    training: Size = None,
    validation: int = 10_000,
    test: int | None = None,
    holdout: Holdout = "random",
    center: bool = False,
    scale: Scale = "unit",
    label_noise: float = 0.0,
) -> Split:
    """MNIST, with a validation part split off its training images.

    Parameters
    ----------
    rng : Rng
        Decides the split, the subsets and the label noise.
    data_dir : path-like, optional
        A folder with ``mnist/`` in it, or the folder of the files itself; by default the variable
        REFIMPL_DATA, or else the folder of this user's data.
    backend : Backend, optional
        NumPy in float64 by default; float32 halves the memory.
    training : int, float or None
        A stratified subset of what validation leaves; None for all of it.
    validation : int
        Number of training images held out.
    test : int or None
        A stratified subset of the published test images; None for all of them.
    holdout : {"random", "last"}
        Hold out a stratified random part, or the last images of the training file.
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
        Inputs of shape (P, 784).

    Raises
    ------
    DataError
        If the files are missing (the message says what was looked for and how to fetch them),
        damaged, mislabeled, or those of another data set.
    ValueError
        If a size or an option does not fit.

    Examples
    --------
    >>> from refimpl.random import Rng
    >>> load_mnist(data_dir="/tmp", rng=Rng(0), holdout="first")
    Traceback (most recent call last):
    ...
    ValueError: holdout must be 'random' or 'last', not 'first'
    """
    return _load(
        "mnist", rng, data_dir, backend, training, validation, test, holdout, center, scale,
        label_noise,
    )  # fmt: skip


def load_fashion_mnist(
    *,
    rng: Rng,
    data_dir: str | os.PathLike[str] | None = None,
    backend: Backend | None = None,
    training: Size = None,
    validation: int = 10_000,
    test: int | None = None,
    holdout: Holdout = "random",
    center: bool = False,
    scale: Scale = "unit",
    label_noise: float = 0.0,
) -> Split:
    """Fashion-MNIST; everything is as for :func:`load_mnist`, in the folder ``fashion-mnist/``.

    Examples
    --------
    >>> from refimpl.random import Rng
    >>> from refimpl.errors import DataError
    >>> try:
    ...     load_fashion_mnist(data_dir="no/such/folder", rng=Rng(0))
    ... except DataError as error:
    ...     print("refimpl data fetch fashion-mnist" in str(error))
    True
    """
    return _load(
        "fashion-mnist", rng, data_dir, backend, training, validation, test, holdout, center,
        scale, label_noise,
    )  # fmt: skip


def find_files(name: str, data_dir: str | os.PathLike[str] | None = None) -> dict[str, Path]:
    """The four files of ``name``, by role.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist"}
    data_dir : path-like, optional
        As in :func:`load_mnist`.

    Returns
    -------
    dict
        ``train_images``, ``train_labels``, ``test_images``, ``test_labels`` to a path.

    Raises
    ------
    DataError
        If one is missing, or the labels are those of another data set.

    Examples
    --------
    >>> find_files("mnist", "no/such/folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    refimpl.errors.MissingDataError: MNIST is not complete: ...
    """
    source = SOURCES[name]
    root = data_directory(data_dir)
    folders = (root / name, root)
    for folder in folders:
        found = {role: find_file(folder, public.name) for role, public in source.files.items()}
        if any(found.values()):
            break
    missing = [source.files[role].name for role, path in found.items() if path is None]
    if missing:
        looked = ", ".join(spelling for file in missing for spelling in spellings(file)[:2])
        looked_in = (folder,) if any(found.values()) else folders
        places = " and ".join(str(place).replace(str(Path.home()), "~", 1) for place in looked_in)
        usual = root == data_directory(None)
        command = f"refimpl data fetch {name}{'' if usual else f' --data-dir {root}'}"
        raise MissingDataError(
            f"{source.title} is not complete: looked for {looked} in {places}; "
            f"`{command}` downloads what is missing; --data-dir or {ENVIRONMENT_VARIABLE} name "
            f"another folder",
            missing=len(missing),
        )
    paths = {role: path for role, path in found.items() if path is not None}
    _check_identity(name, paths["test_labels"])
    return paths


def _check_identity(name: str, labels: Path) -> None:
    """MNIST and Fashion-MNIST use the same file names; a folder given directly can be the wrong
    one, and training would not notice. The label file is small enough to tell by checksum."""
    for other, source in SOURCES.items():
        if other != name and mismatch(labels, source.files["test_labels"]) is None:
            raise DataError(
                f"these are the files of {source.title}, not of {SOURCES[name].title}",
                path=str(labels),
            )


def _load(
    name: str,
    rng: Rng,
    data_dir: str | os.PathLike[str] | None,
    backend: Backend | None,
    training: Size,
    validation: int,
    test: int | None,
    holdout: Holdout,
    center: bool,
    scale: Scale,
    label_noise: float,
) -> Split:
    if holdout not in ("random", "last"):
        raise ValueError(f"holdout must be 'random' or 'last', not {holdout!r}")
    check_count("validation", validation, 0)
    paths = find_files(name, data_dir)
    images, labels = read_labeled(
        paths["train_images"], paths["train_labels"], classes=_CLASSES, limit=_MOST
    )
    test_images, test_labels = read_labeled(
        paths["test_images"], paths["test_labels"], classes=_CLASSES, limit=_MOST
    )
    if test_images.shape[1] != images.shape[1]:
        raise DataError(
            "training and test images have different sizes",
            path=str(paths["test_images"]),
            expected=images.shape[1],
            found=test_images.shape[1],
        )
    rng = rng.child(name)
    if validation > labels.size:
        raise ValueError(f"validation takes {validation} of {labels.size} training images")
    if holdout == "last":
        held = np.arange(labels.size - validation, labels.size)
        rest = np.arange(labels.size - validation)
    else:
        held, rest = partition(labels.size, rng.child("holdout"), (validation, None), labels=labels)
    # Its own stream: the validation images stay the same whatever the size of the training set.
    (chosen,) = partition(rest.size, rng.child("training"), (training,), labels=labels[rest])
    kept = rest[chosen]
    (tested,) = partition(test_labels.size, rng.child("test"), (test,), labels=test_labels)
    return image_split(
        name,
        f"{SOURCES[name].title}: images of 28x28 pixels, 10 classes",
        [
            (images[kept], labels[kept]),
            (images[held], labels[held]),
            (test_images[tested], test_labels[tested]),
        ],
        top=_TOP,
        classes=_CLASSES,
        rng=rng,
        backend=backend,
        center=center,
        scale=scale,
        label_noise=label_noise,
    )
