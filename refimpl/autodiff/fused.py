"""Fused operations: one tape entry for what a network does most.

``linear`` and the losses could be written with the operations of :mod:`operations`; fused, they
record one node, skip temporaries and stay exact where the composition would overflow. Labels and
targets are constants.

Losses come with ``reduction`` "mean" (over examples), "sum" or "none" (one value an example).

``linear``, ``linear_relu``, ``softmax_cross_entropy`` and ``squared_error`` also take stacks:
leading axes in front of the examples, as of T tasks with parameters of their own. All their
arguments then have the same leading axes, and "none" gives one value per task and example.
"""

from __future__ import annotations

import math
from typing import Any

from refimpl.arrays import device, namespace, one_hot, reduce
from refimpl.autodiff import operations as op
from refimpl.autodiff.tape import Primitive, value

REDUCTIONS = ("mean", "sum", "none")


def _reduce(losses: Any, reduction: str) -> Any:
    if reduction == "mean":
        return reduce("sum", losses) / math.prod(losses.shape)
    if reduction == "sum":
        return reduce("sum", losses)
    if reduction == "none":
        return losses
    raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}, not {reduction!r}")


def _per_example(g: Any, count: int, reduction: str) -> Any:
    """The cotangent of each example's loss."""
    return g / count if reduction == "mean" else g


def _column(g: Any) -> Any:
    """(..., P) -> (..., P, 1), and a scalar stays one, to scale rows."""
    return op.expand_dims(g, -1) if len(g.shape) else g


# --- linear layer --------------------------------------------------------------------------------


@Primitive
def linear(x, weight, bias=None, /):
    """A dense layer: x W^T + b.

    Parameters
    ----------
    x : array, shape (P, n) or (..., P, n)
    weight : array, shape (m, n) or (..., m, n)
        A row is a neuron.
    bias : array, shape (m,) or (..., m), optional

    Returns
    -------
    array, shape (P, m) or (..., P, m)

    Raises
    ------
    ValueError
        If the shapes do not fit: leading axes are those of ``x`` in every argument.

    Examples
    --------
    >>> import numpy as np
    >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5]))
    array([[11.5]])
    """
    shape, rows = x.shape, weight.shape
    if len(shape) < 2 or shape[:-2] != rows[:-2] or shape[-1] != rows[-1]:
        raise ValueError(
            f"linear needs inputs (..., P, n) and weights (..., m, n), got {shape} and {rows}"
        )
    result = x @ weight.mT
    if bias is not None:
        if bias.shape != rows[:-1]:
            raise ValueError(f"linear needs a bias of shape {rows[:-1]}, got {bias.shape}")
        result += bias if len(rows) == 2 else bias[..., None, :]  # in place: the product is ours
    return result


_LINEAR_RULES = (
    lambda g, ans, x, weight, bias=None: g @ weight,
    lambda g, ans, x, weight, bias=None: g.mT @ x,
    lambda g, ans, x, weight, bias: op.sum(g, -2),
)
linear.derivatives(*_LINEAR_RULES)


@Primitive
def linear_relu(x, weight, bias=None, /):
    """max(x W^T + b, 0): :func:`linear` and relu, with the derivative 0 at 0, in one entry."""
    return op.relu.forward(linear.forward(x, weight, bias))


linear_relu.derivatives(*_LINEAR_RULES, shared=lambda g, ans: op._masked(g, ans > 0))


# --- losses --------------------------------------------------------------------------------------


def _as_distribution(targets: Any, logits: Any) -> Any:
    """Integer labels (..., P) as one-hot rows; rows of probabilities as they are."""
    if len(targets.shape) < len(logits.shape):
        return one_hot(targets, logits.shape[-1], logits)
    return targets


def _softmax_cross_entropy(logits, targets, /, *, reduction="mean"):
    """-sum_k t_k log softmax(logits)_k.

    Parameters
    ----------
    logits : array, shape (P, K) or (..., P, K)
    targets : integer array, shape (P,), or rows of probabilities, shape (P, K)
        Or these with the leading axes of the logits.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import numpy as np
    >>> float(softmax_cross_entropy(np.zeros((1, 4)), np.array([2])).round(6))
    1.386294
    """
    xp = namespace(logits)
    distribution = _as_distribution(targets, logits)
    shifted = logits - reduce("max", logits, -1, True)
    weights = xp.exp(shifted)
    total = reduce("sum", weights, -1, True)
    losses = -reduce("sum", distribution * (shifted - xp.log(total)), -1)
    return _reduce(losses, reduction), (weights, total, distribution)


def _cross_entropy_rule(g, ans, logits, targets, reduction="mean", saved=None):
    if saved is not None:
        weights, total, distribution = saved
        probabilities = weights / total
    else:
        distribution = _as_distribution(targets, value(logits))
        probabilities = op.softmax(logits)
    if len(targets.shape) == len(logits.shape):
        probabilities = probabilities * op.sum(distribution, axis=-1, keepdims=True)
    scale = _column(_per_example(g, math.prod(logits.shape[:-1]), reduction))
    return scale * (probabilities - distribution)


softmax_cross_entropy = Primitive(_softmax_cross_entropy, saves=True, name="softmax_cross_entropy")
softmax_cross_entropy.derivatives(_cross_entropy_rule, None)


@Primitive
def logistic_loss(scores, labels, /, *, reduction="mean"):
    """log(1 + exp(-y f)) for scores f and labels y in {-1, 1}, both of shape (P,)."""
    return _reduce(op.softplus(-labels * scores), reduction)


logistic_loss.derivatives(
    lambda g, ans, scores, labels, reduction="mean": (
        _per_example(g, scores.shape[0], reduction) * -labels * op.sigmoid(scores * -labels)
    ),
    None,
)


@Primitive
def hinge(scores, labels, /, *, margin=1.0, reduction="mean"):
    """max(0, margin - y f) for scores f and labels y in {-1, 1}, both of shape (P,)."""
    return _reduce(op.relu(margin - labels * scores), reduction)


def _hinge_rule(g, ans, scores, labels, margin=1.0, reduction="mean"):
    violated = op._as_mask(margin - labels * value(scores) > 0, scores)
    return _per_example(g, scores.shape[0], reduction) * (-labels * violated)


hinge.derivatives(_hinge_rule, None)


def _rival(scores: Any, labels: Any) -> tuple[Any, Any, Any]:
    """One-hot rows of the label and of the best other class, and the rival's score."""
    xp = namespace(scores)
    mine = one_hot(labels, scores.shape[-1], scores)
    lowest = xp.asarray(-xp.inf, dtype=scores.dtype, device=device(scores))
    others = xp.where(mine > 0, lowest, scores)
    best = xp.argmax(others, axis=-1)
    rival = one_hot(xp.astype(best, labels.dtype), scores.shape[-1], scores)
    return mine, rival, reduce("max", others, -1)


@Primitive
def multiclass_hinge(scores, labels, /, *, margin=1.0, reduction="mean"):
    """max(0, margin + max_{k != y} f_k - f_y) (Crammer and Singer 2001).

    Parameters
    ----------
    scores : array, shape (P, K)
    labels : integer array, shape (P,)
    """
    mine, _, best = _rival(scores, labels)
    return _reduce(op.relu(margin + best - reduce("sum", mine * scores, -1)), reduction)


def _multiclass_rule(g, ans, scores, labels, margin=1.0, reduction="mean"):
    plain = value(scores)
    mine, rival, best = _rival(plain, labels)
    violated = op._as_mask(margin + best - reduce("sum", mine * plain, -1) > 0, plain)
    scale = _column(_per_example(g, plain.shape[0], reduction))
    return scale * ((rival - mine) * violated[:, None])


multiclass_hinge.derivatives(_multiclass_rule, None)


@Primitive
def squared_error(outputs, targets, /, *, reduction="mean"):
    """Sum over outputs of (f - y)^2 / 2 for each example.

    The mean is over examples alone, so that "sum" is the usual 1/2 sum ||f - y||^2.
    """
    error = outputs - targets
    losses = 0.5 * (reduce("sum", error * error, -1) if error.ndim > 1 else error * error)
    return _reduce(losses, reduction)


def _squared_error_rule(g, ans, outputs, targets, reduction="mean"):
    rows = outputs.shape[:-1] if len(outputs.shape) > 1 else outputs.shape
    scale = _per_example(g, math.prod(rows), reduction)
    if len(outputs.shape) > 1:
        scale = _column(scale)
    return scale * (outputs - targets)


squared_error.derivatives(_squared_error_rule, None)
