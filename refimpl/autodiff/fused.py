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

from refimpl.arrays import device, keep_where, label_mask, namespace, one_hot, reduce
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
    if type(x) is not type(weight):
        namespace(x, weight)  # some libraries take each other's arrays without a word
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


def _linear_relu(x, weight, bias=None, /):
    """max(x W^T + b, 0): :func:`linear` and relu, with the derivative 0 at 0, in one entry."""
    return op.relu.forward(linear.forward(x, weight, bias))


linear_relu = Primitive(_linear_relu, selects=True, name="linear_relu")
linear_relu.derivatives(*_LINEAR_RULES, shared=lambda g, ans: op.masked(g, ans > 0))


# --- losses --------------------------------------------------------------------------------------


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
    shifted = logits - reduce("max", logits, -1, True)
    weights = xp.exp(shifted)
    if len(targets.shape) < len(logits.shape):
        mine = label_mask(targets, logits.shape[-1], logits)
        own = reduce("sum", keep_where(shifted, mine), -1, True)
        rivals = keep_where(weights, ~mine)
        others = reduce("sum", rivals, -1, True)
        # log(1 + others/own weight), whose digits are those of the others where the label leads
        excess = others + xp.expm1(own)
        return _reduce((xp.log1p(excess) - own)[..., 0], reduction), (mine, rivals, others, excess)
    total = reduce("sum", weights, -1, True)
    terms = targets * xp.where(targets == 0, 0.0, shifted - xp.log(total))
    return _reduce(-reduce("sum", terms, -1), reduction), (weights, total)


def _cross_entropy_rule(g, ans, logits, targets, reduction="mean", saved=None):
    scale = _column(_per_example(g, math.prod(logits.shape[:-1]), reduction))
    if len(targets.shape) < len(logits.shape):
        # at the label p - 1 is minus the sum of the others, which keeps its digits as p goes to 1
        if saved is not None:
            mine, rivals, others, excess = saved
            return (rivals - keep_where(others, mine)) * (scale / (1.0 + excess))
        mine = label_mask(targets, logits.shape[-1], value(logits))
        chances = op.softmax(logits)
        others = op.sum(op.where(mine, 0.0, chances), axis=-1, keepdims=True)
        return scale * op.where(mine, -others, chances)
    probabilities = op.softmax(logits) if saved is None else saved[0] / saved[1]
    mass = op.sum(targets, axis=-1, keepdims=True)
    return scale * (probabilities * mass - targets)


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
    violated = margin - labels * value(scores) > 0
    return op.masked(_per_example(g, scores.shape[0], reduction) * -labels, violated)


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
    own = reduce("sum", keep_where(scores, mine > 0), -1)
    return _reduce(op.relu(margin + best - own), reduction)


def _multiclass_rule(g, ans, scores, labels, margin=1.0, reduction="mean"):
    plain = value(scores)
    mine, rival, best = _rival(plain, labels)
    violated = margin + best - reduce("sum", keep_where(plain, mine > 0), -1) > 0
    scale = _column(_per_example(g, plain.shape[0], reduction))
    return op.masked(scale * (rival - mine), violated[:, None])


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
