"""Few-shot classification of the bundled digits: tasks of a few classes with a few examples each.

The ten classes are divided into three disjoint groups, for training, validation and test: a test
task asks for digits that no training task showed. A task is a few classes of its group in random
order, which gives its labels, and a few images of each.

>>> from refimpl.random import Rng
>>> parts = load_few_shot_digits(rng=Rng(0), training=6)
>>> len(parts.train), parts.train.inputs.shape, parts.train.support
(6, (6, 60, 64), 15)
"""

from __future__ import annotations

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.datasets.base import check_count
from refimpl.datasets.digits import digits
from refimpl.datasets.tasks import TaskSet, TaskSplit
from refimpl.random import Rng

DESCRIPTION = "few-shot tasks of the bundled digits, with classes of their own for each part"


def load_few_shot_digits(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 10,
    validation: int = 40,
    test: int = 100,
    ways: int = 3,
    shots: int = 5,
    queries: int = 15,
    classes: tuple[int, int, int] = (4, 3, 3),
) -> TaskSplit:
    """Tasks for training, validation and test.

    Parameters
    ----------
    rng : Rng
        Decides the groups of classes, the tasks and their images.
    backend : Backend, optional
    training, validation, test : int
        Tasks. The number of one part does not change the others.
    ways : int
        Classes of a task.
    shots, queries : int
        Images of each class to adapt on and to judge by.
    classes : (int, int, int)
        Classes of the three groups, at most ten in all, each at least ``ways``.

    Returns
    -------
    TaskSplit
        Of :class:`~refimpl.datasets.tasks.TaskSet`: inputs (T, ways (shots + queries), 64).

    Raises
    ------
    ValueError
        If the counts do not fit.

    Examples
    --------
    >>> load_few_shot_digits(rng=Rng(0), ways=5)
    Traceback (most recent call last):
    ...
    ValueError: groups of (4, 3, 3) classes do not fit tasks of 5 out of 10 classes
    """
    for name, value in (("ways", ways), ("shots", shots), ("queries", queries)):
        check_count(name, value, 1)
    rng = rng.child("few-shot-digits")
    data = digits()
    total = data.outputs
    if len(classes) != 3 or min(classes) < ways or sum(classes) > total:
        raise ValueError(
            f"groups of {tuple(classes)} classes do not fit tasks of {ways} out of {total} classes"
        )
    images, labels = np.asarray(data.inputs), np.asarray(data.targets)
    pools = [np.flatnonzero(labels == digit) for digit in range(total)]
    per_class = shots + queries
    smallest = min(pool.size for pool in pools)
    if per_class > smallest:
        raise ValueError(f"{per_class} images of a class are asked for, but one has {smallest}")
    groups = np.split(rng.child("groups").permutation(total), np.cumsum(classes))[:3]
    target = backend or make_backend()
    parts = []
    counts = (("train", training), ("validation", validation), ("test", test))
    for (part, count), group in zip(counts, groups, strict=True):
        check_count(part, count, 0)
        chosen = np.empty((count, per_class, ways), dtype=np.int64)
        for task in range(count):
            stream = rng.child(part, task)
            for way, index in enumerate(stream.choice(group.size, ways)):
                pool = pools[group[index]]
                chosen[task, :, way] = pool[stream.child(way).choice(pool.size, per_class)]
        inputs = images[chosen.reshape(count, per_class * ways)]
        answers = np.tile(np.arange(ways), (count, per_class))
        named = ", ".join(map(str, sorted(group.tolist())))
        parts.append(
            TaskSet(
                "few-shot-digits",
                target.asarray(inputs),
                target.asarray(answers),
                ways * shots,
                ways,
                f"{ways} of the digits {named}",
            )
        )
    return TaskSplit(*parts)
