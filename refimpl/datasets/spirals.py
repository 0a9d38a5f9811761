"""Interleaved noisy spirals: the two-dimensional test of B. Leimkuhler, T. Vlaar, T. Pouchon and
A. Storkey, Better training using weight-constrained stochastic dynamics (2021).

With C classes, t ~ U(0, 1), u = t^p and the class c = 0 .. C-1,

    phi = 2 pi (b u + c / C),
    x   = a u (cos phi, sin phi) + s z,      z ~ N(0, I_2):

arms of radius a that wind b times about the origin, each a rotation of the first. For C = 2 the
second arm is the negative of the first. With p = 1/2 the squared radius is uniform on [0, a^2],
so that the density per area is constant. The same t serve every class, as in the authors'
generator; ``shared=False`` draws them independently.

| symbol | name | two turns | four turns |
| --- | --- | --- | --- |
| a | radius | 1 | 2 |
| b | turns | 2 | 4 |
| p | power | 0.5 | 0.5 |
| s | noise | 0.05 | 0.02 |
| training, test points | training, test | 100, 2000 | 500, 1000 |

The two-turn geometry is read off the paper's figure; the four-turn one is the default of the
authors' code for partitioned Langevin training. **Deviation**: both add a validation part, for
hyper-parameters are not chosen on the test part.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.datasets.base import Dataset, Split, check_count, check_positive
from refimpl.random import Rng


def spirals(
    count: int,
    rng: Rng,
    *,
    classes: int = 2,
    radius: float = 1.0,
    turns: float = 2.0,
    power: float = 0.5,
    noise: float = 0.05,
    shared: bool = True,
    backend: Backend | None = None,
) -> Dataset:
    """``count`` points on spirals, equally many per class, in random order.

    Parameters
    ----------
    count : int
        A multiple of ``classes``.
    rng : Rng
    classes : int
        Number C of arms.
    radius, turns, power, noise : float
        a, b, p and s of the module's formula; s is in the units of the radius.
    shared : bool
        Whether all classes use the same t.
    backend : Backend, optional

    Returns
    -------
    Dataset
        Inputs (count, 2).

    Raises
    ------
    ValueError
        If a parameter is out of range or ``count`` is not a multiple of ``classes``.

    Examples
    --------
    >>> data = spirals(6, Rng(0), classes=3, noise=0.0)
    >>> sorted(data.targets.tolist())
    [0, 0, 1, 1, 2, 2]
    >>> bool((data.inputs**2).sum(axis=1).max() <= 1.0)
    True
    """
    check_count("classes", classes, 1)
    check_count("count", count, 0)
    check_positive("radius", radius)
    check_positive("turns", turns)
    check_positive("power", power)
    check_positive("noise", noise, zero=True)
    if count % classes:
        raise ValueError(f"count must be a multiple of the {classes} classes, not {count}")
    per_class = count // classes
    draws = rng.child("t").uniform((1 if shared else classes, per_class))
    u = np.broadcast_to(draws, (classes, per_class)) ** power
    phi = 2.0 * math.pi * (turns * u + np.arange(classes)[:, None] / classes)
    clean = radius * u[:, :, None] * np.stack([np.cos(phi), np.sin(phi)], axis=-1)
    inputs = clean.reshape(count, 2) + noise * rng.child("noise").normal((count, 2))
    labels = np.repeat(np.arange(classes, dtype=np.int64), per_class)
    order = rng.child("order").permutation(count)
    target = backend or make_backend()
    return Dataset(
        "spirals",
        target.asarray(inputs[order]),
        target.asarray(labels[order]),
        classes,
        f"{classes} spiral arms of radius {radius:g}, {turns:g} turns, noise {noise:g}",
    )


def load_spirals(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 100,
    validation: int = 1000,
    test: int = 2000,
    classes: int = 2,
    radius: float = 1.0,
    turns: float = 2.0,
    power: float = 0.5,
    noise: float = 0.05,
    shared: bool = True,
) -> Split:
    """Independent training, validation and test points of the same spirals.

    The parts use streams of their own: the size of one does not change the others.

    Parameters
    ----------
    rng : Rng
    backend : Backend, optional
    training, validation, test : int
        Numbers of points, multiples of ``classes``.
    classes, radius, turns, power, noise, shared
        As in :func:`spirals`.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        As :func:`spirals`.

    Examples
    --------
    >>> [part.inputs.shape for part in load_spirals(rng=Rng(0))]
    [(100, 2), (1000, 2), (2000, 2)]
    """
    parts = (
        spirals(
            count,
            rng.child("spirals", part),
            classes=classes,
            radius=radius,
            turns=turns,
            power=power,
            noise=noise,
            shared=shared,
            backend=backend,
        )
        for part, count in (("train", training), ("validation", validation), ("test", test))
    )
    return Split(*parts)


def load_four_turn_spirals(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 500,
    validation: int = 1000,
    test: int = 1000,
    classes: int = 2,
    radius: float = 2.0,
    turns: float = 4.0,
    power: float = 0.5,
    noise: float = 0.02,
    shared: bool = True,
) -> Split:
    """:func:`load_spirals` with the four-turn defaults of the module's table.

    Examples
    --------
    >>> len(load_four_turn_spirals(rng=Rng(0)).train)
    500
    """
    return load_spirals(
        rng=rng,
        backend=backend,
        training=training,
        validation=validation,
        test=test,
        classes=classes,
        radius=radius,
        turns=turns,
        power=power,
        noise=noise,
        shared=shared,
    )
