"""How what meta-learning found is judged: query loss and accuracy before and after adaptation.

>>> import numpy as np
>>> from refimpl.datasets import TaskSet
>>> data = TaskSet("toy", np.zeros((2, 3, 1)), np.ones((2, 3, 1)), support=1)
>>> mean_over_tasks(lambda episode: np.sum(episode.query.targets[..., 0], axis=1), data)
2.0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl import models
from refimpl.algorithms.base import Tree
from refimpl.arrays import Array, namespace
from refimpl.papers.gradient_dropout.inner import Each, one_by_one, takes_stacks

_CHUNK = 64  # tasks that are adapted to at once

At = Callable[[Tree, Any, bool], Tree]
"""``at(params, episode, after)``: stacked parameters of the tasks, before or after adaptation."""


def task_metrics(at: At, objective: Any) -> dict[str, Callable[[Tree, Any], float]]:
    """Metrics on sets of tasks, means over the tasks.

    Parameters
    ----------
    at : callable
    objective : Objective or callable
        With softmax cross-entropy there are accuracies too.

    Returns
    -------
    dict
        ``pre_loss`` and ``post_loss``, and perhaps ``pre_accuracy`` and ``post_accuracy``:
        ``metric(params, data)`` with a :class:`~refimpl.datasets.tasks.TaskSet`.
    """

    def loss(params: Tree, episode: Any, after: bool) -> Array:
        return ad.value(Each.of(objective)(at(params, episode, after), episode.query))

    def accuracy(params: Tree, episode: Any, after: bool) -> Array:
        point = at(params, episode, after)
        if takes_stacks(objective):
            outputs = objective.outputs(point, episode.query)
        else:
            outputs = one_by_one(objective.outputs, point, episode.query)
        xp = namespace(outputs)
        right = xp.argmax(outputs, axis=-1) == episode.query.targets
        return xp.mean(xp.astype(right, outputs.dtype), axis=-1)

    def metric(function: Callable[..., Array], after: bool) -> Callable[[Tree, Any], float]:
        return lambda params, data: mean_over_tasks(
            lambda episode: function(params, episode, after), data
        )

    found = {"pre_loss": metric(loss, False), "post_loss": metric(loss, True)}
    if getattr(objective, "loss", None) is models.LOSSES["softmax_cross_entropy"]:
        found["pre_accuracy"] = metric(accuracy, False)
        found["post_accuracy"] = metric(accuracy, True)
    return found


def mean_over_tasks(function: Callable[[Any], Array], data: Any) -> float:
    """The mean over all tasks of ``function(episode)``, shape (T,), some tasks at a time."""
    total, tasks = 0.0, len(data)
    for first in range(0, tasks, _CHUNK):
        values = function(data.batch(list(range(first, min(first + _CHUNK, tasks)))))
        total += float(namespace(values).sum(values))
    return total / tasks
