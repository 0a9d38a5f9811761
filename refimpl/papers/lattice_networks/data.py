"""The targets as data sets: training points on a lattice or at random, fresh random test points.

>>> from refimpl.random import Rng
>>> parts = load_lattice_algebraic(rng=Rng(0), training=31, dimension=4, test=10)
>>> len(parts.train), parts.train.features, parts.test.targets.shape
(31, 4, (10, 1))
"""

from __future__ import annotations

from typing import Any, Literal

from refimpl.arrays import Array, Backend
from refimpl.arrays import backend as make_backend
from refimpl.checks import count, flag, one_of
from refimpl.datasets.base import Dataset, Split
from refimpl.errors import SettingError
from refimpl.papers.lattice_networks.construction import (
    fast_construction,
    is_prime,
    naive_construction,
)
from refimpl.papers.lattice_networks.decay import check_decay, decay_sequence
from refimpl.papers.lattice_networks.embedded import embedded_lattice
from refimpl.papers.lattice_networks.lattices import Lattice, tent_map
from refimpl.papers.lattice_networks.targets import AlgebraicTarget, DiffusionTarget
from refimpl.papers.lattice_networks.weights import ProductWeights
from refimpl.random import Rng

Points = Literal["lattice", "embedded", "random"]

WEIGHT_POWER = 1.25
"""Product weights (b_j / b_1)^1.25 for the lattices of training points."""

_LARGEST_NAIVE = 4096


def training_lattice(size: int, decay: tuple[float, ...], smoothness: int = 1) -> Lattice:
    """The lattice built for γ_j = (b_j / b_1)^1.25: fast for primes, naive for other small sizes.

    Raises
    ------
    SettingError
        For a large composite size.

    Examples
    --------
    >>> training_lattice(127, tuple(0.5 / j**2 for j in range(1, 6))).vector
    (1, 29, 54, 22, 47)
    """
    from refimpl.papers.lattice_networks.worst_case import Kernel

    weights = ProductWeights(gammas=tuple((b / decay[0]) ** WEIGHT_POWER for b in decay))
    kernel = Kernel(smoothness=smoothness)
    if is_prime(size):
        return fast_construction(size, weights, kernel)
    if size > _LARGEST_NAIVE:
        raise SettingError(
            "building a lattice of this size is slow: take a prime, or points='embedded'",
            size=size,
        )
    return naive_construction(size, weights, kernel)


def training_points(
    kind: Points, size: int, decay: tuple[float, ...], rng: Rng, *, tent: bool = False
) -> Array:
    """Randomly shifted lattice points, or independent random ones; host float64, (N, s).

    Raises
    ------
    SettingError
        For embedded points of a number that is no power of 2.
    """
    one_of("points", kind, ("lattice", "embedded", "random"))
    count("training", size, at_least=2)
    if kind == "random":
        points = rng.child("points").uniform((size, len(decay)))
        return tent_map(points) if tent else points
    if kind == "embedded":
        if size & (size - 1):
            raise SettingError("the embedded lattice has 2^m points", training=size)
        lattice = embedded_lattice(size.bit_length() - 1, dimension=len(decay))
    else:
        lattice = training_lattice(size, decay)
    return lattice.shifted(rng.child("shift")).points(tent=tent)


def regression_split(
    name: str,
    target: Any,
    train_points: Array,
    rng: Rng,
    *,
    validation: int,
    test: int,
    standardize: bool,
    backend: Backend | None = None,
) -> Split:
    """Values of ``target`` at training points and at fresh random ones, in columns.

    With ``standardize`` the targets are shifted and scaled by the training mean and deviation,
    which ``truth`` holds as ``mean`` and ``scale`` (0 and 1 without).
    """
    xp = make_backend().xp
    place = backend or make_backend()
    dimension = train_points.shape[1]
    inputs = {
        "train": train_points,
        "validation": rng.child("validation").uniform((validation, dimension)),
        "test": rng.child("test").uniform((test, dimension)),
    }
    values = {part: target(points) for part, points in inputs.items()}
    mean, scale = 0.0, 1.0
    if standardize:
        mean = float(xp.mean(values["train"]))
        scale = float(xp.std(values["train"])) or 1.0
    truth = {
        "mean": place.asarray(xp.asarray([mean])),
        "scale": place.asarray(xp.asarray([scale])),
        "decay": place.asarray(xp.asarray(target.decay)),
    }
    kind = "periodic" if target.periodic else "not periodic"
    parts = [
        Dataset(
            name,
            place.asarray(inputs[part]),
            place.asarray((values[part][:, None] - mean) / scale),
            None,
            f"{name}, {dimension} parameters, {kind}",
            truth,
        )
        for part in ("train", "validation", "test")
    ]
    return Split(*parts)


def _load(
    name: str,
    kind: Any,
    rng: Rng,
    backend: Backend | None,
    settings: dict[str, Any],
) -> Split:
    for part, least in (("training", 2), ("validation", 0), ("test", 0), ("dimension", 1)):
        count(part, settings[part], at_least=least)
    for switch in ("tent", "standardize"):
        flag(switch, settings[switch])
    check_decay((), settings["power"], settings["scale"])
    decay = decay_sequence(settings["dimension"], (), settings["power"], settings["scale"])
    target = kind(decay=decay, periodic=settings["periodic"])
    stream = rng.child(name)
    return regression_split(
        name,
        target,
        training_points(
            settings["points"], settings["training"], decay, stream, tent=settings["tent"]
        ),
        stream,
        validation=settings["validation"],
        test=settings["test"],
        standardize=settings["standardize"],
        backend=backend,
    )


def load_lattice_algebraic(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 127,
    validation: int = 2048,
    test: int = 8192,
    dimension: int = 20,
    power: float = 2.0,
    scale: float = 0.5,
    periodic: bool = False,
    points: Points = "lattice",
    tent: bool = False,
    standardize: bool = True,
) -> Split:
    """1 / (1 + Σ b_j m(y_j)) with b_j = scale / j^power.

    Parameters
    ----------
    rng : Rng
        Shift of the lattice, or random training points; validation and test points.
    backend : Backend, optional
    training, validation, test : int
    dimension : int
        s.
    power, scale : float
    periodic : bool
        m(y) = sin(2πy)/√6 instead of y − ½.
    points : {"lattice", "embedded", "random"}
        Of training: component by component, the embedded vector (a power of 2), independent.
    tent : bool
        Fold the training points by the baker's map.
    standardize : bool
        By the training mean and deviation.

    Returns
    -------
    Split
        Inputs y (P, s), targets (P, 1); ``truth`` has ``mean``, ``scale`` and ``decay``.

    Raises
    ------
    SettingError
        If Σ b_j is too large, or there is no lattice of that size.

    Examples
    --------
    >>> parts = load_lattice_algebraic(rng=Rng(0), training=16, dimension=2, points="embedded")
    >>> abs(float(parts.train.targets.mean())) < 1e-12
    True
    """
    return _load("lattice_algebraic", AlgebraicTarget, rng, backend, dict(locals()))


def load_lattice_diffusion(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 127,
    validation: int = 2048,
    test: int = 8192,
    dimension: int = 10,
    power: float = 2.0,
    scale: float = 0.5,
    periodic: bool = False,
    points: Points = "lattice",
    tent: bool = False,
    standardize: bool = True,
) -> Split:
    """u(½) of the parametric diffusion problem, a = 1 + Σ b_j sin(jπx) m(y_j).

    Parameters
    ----------
    rng, backend, training, validation, test, dimension, power, scale, periodic, points, tent
        As for :func:`load_lattice_algebraic`.
    standardize : bool

    Returns
    -------
    Split

    Raises
    ------
    SettingError
        If the coefficient can reach 0, or there is no lattice of that size.

    Examples
    --------
    >>> parts = load_lattice_diffusion(rng=Rng(0), training=13, dimension=3, test=4)
    >>> parts.train.inputs.shape, parts.test.targets.shape
    ((13, 3), (4, 1))
    """
    return _load("lattice_diffusion", DiffusionTarget, rng, backend, dict(locals()))


_RECIPE = {"epochs": 200, "batch_size": 16, "hidden": (32, 32, 32), "model": "lattice_network"}
"""What training from the command line takes where it is not told otherwise."""

for _loader in (load_lattice_algebraic, load_lattice_diffusion):
    _loader.recipe = _RECIPE  # type: ignore[attr-defined]
