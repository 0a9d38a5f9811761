"""What every data set is: inputs, targets and a name, with exact, seeded ways to divide it.

>>> import numpy as np
>>> from refimpl.random import Rng
>>> data = Dataset("toy", np.arange(12.0).reshape(6, 2), np.array([0, 0, 0, 1, 1, 1]), classes=2)
>>> parts = split(data, Rng(0), (2, 2, 2))
>>> [sorted(part.targets.tolist()) for part in parts]
[[0, 1], [0, 1], [0, 1]]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from refimpl.arrays import Array, Backend, check_float, device, namespace, to_host
from refimpl.random import Rng

Size = int | float | None
"""How large a part is: a count (int), a fraction of the set (float), or what is left (None)."""


class Batch(NamedTuple):
    """The examples of one step.

    Attributes
    ----------
    inputs : array, shape (B, n)
    targets : array, shape (B,) or (B, K)
        Integer labels or floating targets.
    indices : numpy.ndarray of int, shape (B,), or None
        Positions of the examples in their data set, on the host; algorithms that keep one
        number per example (multipliers, weights) look it up with these.

    Examples
    --------
    >>> import numpy as np
    >>> batch = Batch(np.ones((3, 2)), np.array([0, 1, 1]))
    >>> batch.inputs.shape, batch.indices
    ((3, 2), None)
    """

    inputs: Array
    targets: Array
    indices: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples of one distribution, in one namespace and on one device.

    Parameters
    ----------
    name : str
    inputs : array, shape (P, n), float64 or float32
    targets : array
        Shape (P,) of int64 in [0, classes) for classification; shape (P,) or (P, K) of the
        inputs' dtype for regression.
    classes : int or None, optional
        Number of classes; None for regression.
    description : str, optional
        One line on what this is and how it was made.
    truth : mapping of str to array, optional
        The parameters that generated a synthetic set (such as its teacher), empty for real data.

    Raises
    ------
    ValueError
        If shapes, devices or the range of the labels do not fit.
    TypeError
        If a dtype does not fit, or the arrays belong to different namespaces.

    Examples
    --------
    >>> import numpy as np
    >>> data = Dataset("line", np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]))
    >>> len(data), data.features
    (3, 1)
    >>> data.batch([2, 0]).targets
    array([5., 1.])
    """

    name: str
    inputs: Array
    targets: Array
    classes: int | None = None
    description: str = ""
    truth: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        xp = namespace(self.inputs, self.targets)
        check_float(self.inputs, "inputs")
        if self.inputs.ndim != 2:
            raise ValueError(f"inputs must have shape (P, n), not {tuple(self.inputs.shape)}")
        allowed = (1,) if self.classes is not None else (1, 2)
        if self.targets.ndim not in allowed or self.targets.shape[0] != self.inputs.shape[0]:
            raise ValueError(
                f"targets of shape {tuple(self.targets.shape)} do not belong to inputs of shape "
                f"{tuple(self.inputs.shape)}: one row each, and labels have one dimension"
            )
        if device(self.inputs) != device(self.targets):
            raise ValueError("inputs and targets must live on the same device")
        if self.classes is None:
            if self.targets.dtype != self.inputs.dtype:
                raise TypeError(
                    f"regression targets must have the inputs' dtype {self.inputs.dtype}, "
                    f"not {self.targets.dtype}; give classes= for labels"
                )
            return
        if self.targets.dtype != xp.int64:
            raise TypeError(f"labels must be int64, not {self.targets.dtype}")
        if len(self):
            low, high = int(xp.min(self.targets)), int(xp.max(self.targets))
            if low < 0 or high >= self.classes:
                raise ValueError(
                    f"labels must lie in [0, {self.classes}), but they reach from {low} to {high}"
                )

    def __len__(self) -> int:
        return self.inputs.shape[0]

    @property
    def features(self) -> int:
        """Number n of input features."""
        return self.inputs.shape[1]

    @property
    def outputs(self) -> int:
        """Outputs a model of this set needs: the number of classes, or the width of a target."""
        if self.classes is not None:
            return self.classes
        return 1 if self.targets.ndim == 1 else self.targets.shape[1]

    def batch(self, indices: Sequence[int] | np.ndarray | None = None) -> Batch:
        """The examples at ``indices``, or all of them in order, without a copy.

        Parameters
        ----------
        indices : sequence of int, shape (B,), optional
            Host positions in [0, P).

        Raises
        ------
        IndexError
            If a position lies outside the set.

        Examples
        --------
        >>> import numpy as np
        >>> data = Dataset("line", np.array([[0.0], [1.0]]), np.array([1.0, 3.0]))
        >>> data.batch().indices
        array([0, 1])
        """
        if indices is None:
            return Batch(self.inputs, self.targets, np.arange(len(self)))
        host = np.asarray(indices, dtype=np.int64)
        if host.ndim != 1:
            raise ValueError(f"indices must have one dimension, not shape {host.shape}")
        if host.size and (int(host.min()) < 0 or int(host.max()) >= len(self)):
            raise IndexError(
                f"indices reach from {host.min()} to {host.max()}, outside [0, {len(self)})"
            )
        xp = namespace(self.inputs)
        there = xp.asarray(host, device=device(self.inputs))
        inputs = xp.take(self.inputs, there, axis=0)
        return Batch(inputs, xp.take(self.targets, there, axis=0), host)

    def take(self, indices: Sequence[int] | np.ndarray) -> Dataset:
        """The data set of the examples at ``indices``, in that order.

        Examples
        --------
        >>> import numpy as np
        >>> data = Dataset("line", np.array([[0.0], [1.0]]), np.array([1.0, 3.0]))
        >>> data.take([1]).targets
        array([3.])
        """
        batch = self.batch(indices)
        return replace(self, inputs=batch.inputs, targets=batch.targets)

    def subset(self, n: int, rng: Rng) -> Dataset:
        """``n`` examples drawn without replacement, stratified by class where there are classes.

        Examples
        --------
        >>> import numpy as np
        >>> data = Dataset("toy", np.zeros((8, 1)), np.array([0, 1] * 4), classes=2)
        >>> sorted(data.subset(4, Rng(1)).targets.tolist())
        [0, 0, 1, 1]
        """
        labels = None if self.classes is None else to_host(self.targets)
        return self.take(partition(len(self), rng, (check_count("n", n, 0),), labels=labels)[0])

    def to(self, backend: Backend) -> Dataset:
        """The same data on ``backend``, floating values in its dtype.

        Examples
        --------
        >>> import numpy as np
        >>> from refimpl.arrays import backend
        >>> data = Dataset("line", np.array([[0.5]]), np.array([1.0]))
        >>> data.to(backend("numpy", "float32")).inputs.dtype
        dtype('float32')
        """
        return replace(
            self,
            inputs=backend.asarray(self.inputs),
            targets=backend.asarray(self.targets),
            truth={name: backend.asarray(value) for name, value in self.truth.items()},
        )

    def one_hot(self, off: float = 0.0) -> Dataset:
        """The same examples as regression onto 1 at the label and ``off`` elsewhere.

        Returns
        -------
        Dataset
            Targets of shape (P, classes) in the inputs' dtype, ``classes`` None.

        Raises
        ------
        ValueError
            If this is a regression set already.

        Examples
        --------
        >>> import numpy as np
        >>> data = Dataset("toy", np.zeros((2, 1)), np.array([1, 0]), classes=2)
        >>> data.one_hot(off=-1.0).targets
        array([[-1.,  1.],
               [ 1., -1.]])
        """
        if self.classes is None:
            raise ValueError(f"data set {self.name!r} has no classes to encode")
        xp = namespace(self.inputs)
        here = device(self.inputs)
        hit = self.targets[:, None] == xp.arange(self.classes, device=here)[None, :]
        codes = xp.asarray([float(off), 1.0], dtype=self.inputs.dtype, device=here)
        return replace(self, targets=xp.where(hit, codes[1], codes[0]), classes=None)


class Split(NamedTuple):
    """Three disjoint parts of one distribution; a part that was not asked for has length 0.

    Choose hyper-parameters on ``validation`` and look at ``test`` once.

    Attributes
    ----------
    train, validation, test : Dataset

    Examples
    --------
    >>> import numpy as np
    >>> data = Dataset("toy", np.zeros((10, 1)), np.zeros(10))
    >>> [len(part) for part in split(data, Rng(0), (0.5, 0.2, 0.3))]
    [5, 2, 3]
    """

    train: Dataset
    validation: Dataset
    test: Dataset

    def to(self, backend: Backend) -> Split:
        """All three parts on ``backend``."""
        return Split(*(part.to(backend) for part in self))


def split(
    dataset: Dataset,
    rng: Rng,
    sizes: tuple[Size, Size, Size] = (0.7, 0.15, 0.15),
    *,
    stratified: bool = True,
) -> Split:
    """Divide ``dataset`` at random into training, validation and test parts without overlap.

    Parameters
    ----------
    dataset : Dataset
    rng : Rng
    sizes : (train, validation, test)
        Each a count (int), a fraction of the set (float) or None for what the others leave.
        Examples beyond the sum of the sizes are not used.
    stratified : bool
        Keep the proportions of the classes: the number taken from each class differs by less
        than one from its exact share of the examples still unassigned, and is exact where that
        share is whole. A regression set has no classes and is split at random.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If a size is negative, more than one is None, or they exceed the set.

    Examples
    --------
    >>> import numpy as np
    >>> data = Dataset("toy", np.zeros((20, 1)), np.array([0] * 15 + [1] * 5), classes=2)
    >>> parts = split(data, Rng(3), (None, 4, 0.2))
    >>> [(len(part), int(part.targets.sum())) for part in parts]
    [(12, 3), (4, 1), (4, 1)]
    """
    labels = to_host(dataset.targets) if stratified and dataset.classes is not None else None
    train, validation, test = partition(len(dataset), rng, sizes, labels=labels)
    return Split(dataset.take(train), dataset.take(validation), dataset.take(test))


def partition(
    count: int, rng: Rng, sizes: Sequence[Size], *, labels: np.ndarray | None = None
) -> list[np.ndarray]:
    """Disjoint random index sets of the given sizes out of ``range(count)``.

    Parameters
    ----------
    count : int
    rng : Rng
        Only named child streams are used, so nothing drawn before matters.
    sizes : sequence of int, float or None
        As in :func:`split`, any number of parts.
    labels : numpy.ndarray of int, shape (count,), optional
        Strata whose proportions every part keeps.

    Returns
    -------
    list of numpy.ndarray of int64
        One per size, each in random order.

    Examples
    --------
    >>> parts = partition(6, Rng(0), (4, None))
    >>> sorted(int(i) for part in parts for i in part)
    [0, 1, 2, 3, 4, 5]
    """
    counts = _counts(count, sizes)
    strata = np.zeros(count, dtype=np.int64) if labels is None else np.asarray(labels)
    values = np.unique(strata)
    pools = []
    for value in values:
        members = np.flatnonzero(strata == value)
        pools.append(members[rng.child("stratum", int(value)).permutation(members.size)])
    parts = []
    for position, size in enumerate(counts):
        shares = _shares([pool.size for pool in pools], size)
        chosen = [pool[:share] for pool, share in zip(pools, shares, strict=True)]
        pools = [pool[share:] for pool, share in zip(pools, shares, strict=True)]
        members = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
        parts.append(members[rng.child("part", position).permutation(size)])
    return parts


def _counts(count: int, sizes: Sequence[Size]) -> list[int]:
    """Sizes as counts. Fractions are rounded cumulatively, so that fractions that sum to one
    use every example."""
    counts: list[int | None] = []
    passed = 0.0
    for size in sizes:
        if size is None:
            counts.append(None)
        elif isinstance(size, float):
            if not 0.0 <= size <= 1.0:
                raise ValueError(f"a fraction must lie in [0, 1], not {size}")
            before = math.floor(passed * count + 0.5)
            passed += size
            counts.append(math.floor(passed * count + 0.5) - before)
        else:
            counts.append(check_count("size", size, 0))
    if counts.count(None) > 1:
        raise ValueError(f"only one size may be None, not {tuple(sizes)}")
    rest = count - sum(size for size in counts if size is not None)
    if rest < 0:
        raise ValueError(f"sizes {tuple(sizes)} need {count - rest} examples of {count}")
    return [rest if size is None else size for size in counts]


def _shares(available: list[int], wanted: int) -> list[int]:
    """Divide ``wanted`` in the proportions of ``available`` by largest remainder, in integers."""
    total = sum(available)
    if wanted == 0:
        return [0] * len(available)
    shares = [size * wanted // total for size in available]
    remainders = [size * wanted % total for size in available]
    order = sorted(range(len(available)), key=lambda k: -remainders[k])
    for k in order[: wanted - sum(shares)]:
        shares[k] += 1
    return shares


def with_label_noise(dataset: Dataset, probability: float, rng: Rng) -> Dataset:
    """Redraw each label uniformly over all classes with the given probability.

    A redrawn label may fall on the true class, so a fraction
    ``probability * (1 - 1 / classes)`` of the labels is wrong on average.

    Parameters
    ----------
    dataset : Dataset
        With classes.
    probability : float
        In [0, 1].
    rng : Rng

    Returns
    -------
    Dataset

    Examples
    --------
    >>> import numpy as np
    >>> data = Dataset("toy", np.zeros((4, 1)), np.array([0, 1, 2, 0]), classes=3)
    >>> with_label_noise(data, 0.0, Rng(0)).targets
    array([0, 1, 2, 0])
    """
    if dataset.classes is None:
        raise ValueError(f"data set {dataset.name!r} has no labels to redraw")
    if not isinstance(probability, (int, float)) or not 0.0 <= probability <= 1.0:
        raise ValueError(f"probability of a redrawn label must lie in [0, 1], not {probability!r}")
    xp = namespace(dataset.inputs)
    here = device(dataset.inputs)
    hit = rng.child("hit").uniform((len(dataset),)) < probability
    drawn = rng.child("label").integers(0, dataset.classes, (len(dataset),))
    targets = xp.where(
        xp.asarray(hit, device=here),
        xp.asarray(drawn, dtype=xp.int64, device=here),
        dataset.targets,
    )
    return replace(dataset, targets=targets)


def check_count(name: str, value: int, minimum: int) -> int:
    """``value`` if it is an integer of at least ``minimum``, else an error that names it.

    Examples
    --------
    >>> check_count("training", -1, 0)
    Traceback (most recent call last):
    ...
    ValueError: training must be at least 0, not -1
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, not {value}")
    return int(value)


def check_positive(name: str, value: float, *, zero: bool = False) -> float:
    """``value`` if it is finite and positive (or zero, where allowed), else a ValueError.

    Examples
    --------
    >>> check_positive("noise", 0.0, zero=True)
    0.0
    """
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise ValueError(f"{name} must be {'non-negative' if zero else 'positive'}, not {value}")
    return float(value)
