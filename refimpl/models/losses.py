"""Losses with checked targets, and the objective that joins a model and a loss.

Every loss takes ``reduction`` "mean" (over examples, the default), "sum" or "none". The mean
squared error is sum_k (f_k - y_k)^2 / 2 an example: the half makes its gradient the plain error.
Mean squared error and cross-entropy also take stacks of tasks: leading axes before the examples.

>>> import numpy as np
>>> float(mean_squared_error(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]])))
2.5
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.checks import plain_numbers
from refimpl.errors import TargetError, unknown_name


def mean_squared_error(outputs: Array, targets: Array, reduction: str = "mean") -> Array:
    """Half the squared Euclidean error of each example, reduced over examples.

    Parameters
    ----------
    outputs, targets : array, shape (P, K) or (P,), or a stack (..., P, K)

    Raises
    ------
    ValueError
        If the shapes differ (a (P, 1) against a (P,) would broadcast to (P, P)).
    """
    if tuple(outputs.shape) != tuple(targets.shape):
        raise ValueError(
            f"outputs have shape {tuple(outputs.shape)} but targets {tuple(targets.shape)}"
        )
    _check_together(outputs, targets)
    return ad.squared_error(outputs, targets, reduction=reduction)


def softmax_cross_entropy(outputs: Array, targets: Array, reduction: str = "mean") -> Array:
    """Softmax cross-entropy of logits (P, K) with integer labels (P,) or probabilities (P, K).

    Stacks have leading axes before these, the same in both.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    if len(outputs.shape) < 3:
        _check_scores(outputs, targets, allow_rows=True)
    elif targets.shape not in (outputs.shape[:-1], outputs.shape):
        raise ValueError(f"targets of shape {targets.shape} do not fit outputs {outputs.shape}")
    return ad.softmax_cross_entropy(outputs, targets, reduction=reduction)


def logistic(outputs: Array, targets: Array, reduction: str = "mean") -> Array:
    """log(1 + exp(-y f)) for labels y in {-1, 1}; outputs (P,) or (P, 1)."""
    scores, labels = _binary(outputs, targets)
    return ad.logistic_loss(scores, labels, reduction=reduction)


def hinge(outputs: Array, targets: Array, reduction: str = "mean", margin: float = 1.0) -> Array:
    """max(0, margin - y f) for labels y in {-1, 1}; outputs (P,) or (P, 1)."""
    scores, labels = _binary(outputs, targets)
    return ad.hinge(scores, labels, margin=margin, reduction=reduction)


def multiclass_margin(
    outputs: Array, targets: Array, reduction: str = "mean", margin: float = 1.0
) -> Array:
    """max(0, margin + max_{k != y} f_k - f_y) (Crammer and Singer 2001); labels (P,)."""
    _check_scores(outputs, targets, allow_rows=False)
    return ad.multiclass_hinge(outputs, targets, margin=margin, reduction=reduction)


def _check_scores(outputs: Array, targets: Array, *, allow_rows: bool) -> None:
    shape, wanted = outputs.shape, targets.shape
    _check_together(outputs, targets)
    if len(shape) != 2:
        raise ValueError(f"outputs must be (examples, classes), got shape {shape}")
    if wanted != shape[:1] and not (allow_rows and wanted == shape):
        raise ValueError(f"targets of shape {wanted} do not fit outputs of shape {shape}")


def _binary(outputs: Array, targets: Array) -> tuple[Array, Array]:
    scores = outputs
    _check_together(outputs, targets)
    if len(outputs.shape) == 2 and outputs.shape[1] == 1:
        scores = outputs[:, 0]
    if tuple(scores.shape) != tuple(targets.shape) or len(scores.shape) != 1:
        raise ValueError(
            f"one score an example is needed: outputs have shape {tuple(outputs.shape)}, "
            f"targets {tuple(targets.shape)}"
        )
    plain = ad.value(scores)
    return scores, namespace(plain).astype(targets, plain.dtype, copy=False)


def check_labels(targets: Array, classes: int) -> None:
    """Raise unless ``targets`` are integers in [0, classes). Reads the data once; call it before
    training, not in a step.

    Raises
    ------
    ValueError
        With the first offending label and its position.
    TypeError
        If the labels are not integers.

    Examples
    --------
    >>> import numpy as np
    >>> check_labels(np.array([0, 3]), 3)
    Traceback (most recent call last):
    ...
    ValueError: label 3 at position 1 is outside the class range 0..2
    """
    xp = namespace(targets)
    if not xp.isdtype(targets.dtype, "integral"):
        raise TypeError(f"labels must be integers, not {targets.dtype}")
    bad = (targets < 0) | (targets >= classes)
    if bool(xp.any(bad)):
        position = int(xp.argmax(xp.astype(bad, xp.int64)))
        raise ValueError(
            f"label {int(targets[position])} at position {position} is outside the class "
            f"range 0..{classes - 1}"
        )


def check_signs(targets: Array) -> None:
    """Raise TargetError unless every target is -1 or 1. Reads the data once.

    Examples
    --------
    >>> import numpy as np
    >>> check_signs(np.array([1, 0]))
    Traceback (most recent call last):
    ...
    refimpl.errors.TargetError: this loss takes labels of -1 and 1, and label 0 stands at \
position 1: 2 y - 1 turns 0 and 1 into them (label=0, position=1)
    """
    xp = namespace(targets)
    wrong = (targets != -1) & (targets != 1)
    if bool(xp.any(wrong)):
        position = int(xp.argmax(xp.astype(wrong, xp.int64)))
        label = float(targets[position])
        raise TargetError(
            f"this loss takes labels of -1 and 1, and label {label:g} stands at position "
            f"{position}: 2 y - 1 turns 0 and 1 into them",
            label=label,
            position=position,
        )


def _check_classes(outputs: tuple[int, ...], targets: Array) -> None:
    """Integer labels in the range of the outputs; rows of probabilities are left alone."""
    xp = namespace(targets)
    if len(targets.shape) >= len(outputs):
        return
    try:
        check_labels(xp.reshape(targets, (-1,)), outputs[-1])
    except (TypeError, ValueError) as error:
        raise TargetError(f"{error}; the network has {outputs[-1]} outputs") from None


def _check_signs_of(outputs: tuple[int, ...], targets: Array) -> None:
    check_signs(namespace(targets).reshape(targets, (-1,)))


LOSSES: dict[str, Callable[..., Array]] = {
    "mean_squared_error": mean_squared_error,
    "softmax_cross_entropy": softmax_cross_entropy,
    "logistic": logistic,
    "hinge": hinge,
    "multiclass_margin": multiclass_margin,
}


_DOORS: dict[Callable[..., Array], Callable[[tuple[int, ...], Array], None]] = {
    softmax_cross_entropy: _check_classes,
    multiclass_margin: _check_classes,
    logistic: _check_signs_of,
    hinge: _check_signs_of,
}


def _check_together(outputs: Any, targets: Any) -> None:
    """Raise TypeError where outputs and targets are arrays of two libraries: some take each
    other's without a word."""
    plain = ad.value(outputs)
    if type(plain) is not type(targets) and hasattr(plain, "dtype") and hasattr(targets, "dtype"):
        namespace(plain, targets)


def accuracy(outputs: Array, targets: Array) -> float:
    """Share of examples classified correctly.

    Parameters
    ----------
    outputs : array, shape (P, K), or (P,) or (P, 1) with labels in {-1, 1}
    targets : array, shape (P,)

    Examples
    --------
    >>> import numpy as np
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    xp = namespace(outputs)
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        scores = outputs if outputs.ndim == 1 else outputs[:, 0]
        right = scores * xp.astype(targets, scores.dtype) > 0
    else:
        right = xp.argmax(outputs, axis=-1) == targets
    return int(xp.count_nonzero(right)) / targets.shape[0]


@dataclass(frozen=True)
class Objective:
    """A model and a loss: what an algorithm minimises, ``objective(params, batch)``.

    Attributes
    ----------
    model : callable
        ``model(params, inputs) -> outputs``.
    loss : callable or str
        ``loss(outputs, targets, reduction=...)``, or a name in ``LOSSES``.
    reduction : {"mean", "sum"}

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.datasets import Batch
    >>> objective = Objective(lambda w, x: x @ w, "mean_squared_error")
    >>> float(objective(np.array([2.0]), Batch(np.ones((3, 1)), np.zeros(3), None)))
    2.0
    """

    model: Any
    loss: Any = "softmax_cross_entropy"
    reduction: str = "mean"

    def __post_init__(self) -> None:
        plain_numbers(self)
        if isinstance(self.loss, str):
            if self.loss not in LOSSES:
                raise ValueError(unknown_name("loss", self.loss, LOSSES))
            object.__setattr__(self, "loss", LOSSES[self.loss])
        if self.reduction not in ("mean", "sum"):
            raise ValueError(f"reduction must be 'mean' or 'sum', not {self.reduction!r}")

    @property
    def replayable(self) -> bool:
        """Whether the value depends on parameters and batch alone: a model that says so of itself,
        under a loss of this module."""
        return self._loss in LOSSES.values() and ad.is_replayable(self.model)

    @property
    def _loss(self) -> Any:
        return self.loss.func if isinstance(self.loss, functools.partial) else self.loss

    def check(self, params: Any, data: Any) -> None:
        """Raise TargetError unless the targets of ``data`` are those that the loss takes.

        Reads all targets once, and runs the model on one example to learn how many outputs it has:
        call it before training, not in a step.
        """
        door = _DOORS.get(self._loss)
        first = data.batch([0]) if door is not None else None
        if door is not None and hasattr(first, "inputs"):  # tasks divide their points themselves
            door(tuple(self.outputs(params, first).shape), data.targets)

    def __call__(self, params: Any, batch: Any) -> Array:
        return self.loss(self.outputs(params, batch), batch.targets, reduction=self.reduction)

    def outputs(self, params: Any, batch: Any) -> Array:
        return self.model(params, batch.inputs)

    def each(self, params: Any, batch: Any) -> Array:
        """The loss of each of T tasks, shape (T,), in one batched computation.

        Parameters
        ----------
        params : tree of array, shape (T, ...)
            The parameters of every task: those of the model with a leading axis.
        batch : Batch
            Inputs (T, P, n) and targets (T, P) or (T, P, K).

        Examples
        --------
        >>> import numpy as np
        >>> from refimpl.datasets import Batch
        >>> objective = Objective(lambda w, x: x @ w, "mean_squared_error")
        >>> weights = np.array([[[2.0]], [[3.0]]])
        >>> objective.each(weights, Batch(np.ones((2, 5, 1)), np.zeros((2, 5, 1))))
        array([2. , 4.5])
        """
        losses = self.loss(self.outputs(params, batch), batch.targets, reduction="none")
        return (ad.mean if self.reduction == "mean" else ad.sum)(losses, axis=-1)
