"""What the multipliers of Minnorm training hold down: five ways of asking that the data be fitted.

A constraint turns outputs f and targets y into *violations* v, positive where an inequality is
broken (for equalities of either sign), and multipliers into the *output signal* that ordinary
back-propagation is fed instead of the error.

============== ====================================== ======================= ================
name           constraint                             violation v             signal of weight g
============== ====================================== ======================= ================
equality       f_k = y_k                              y_k - f_k               g_k
margin         y f >= m, y = +-1                      m - y f                 y g
one_vs_rest    y_k f_k >= m, y_k = +1 at the label,   m - y_k f_k             y_k g_k
               -1 elsewhere
crammer_singer f_label - f_k >= m for other k         m - f_label + f_k       -g_k, and sum g at
                                                                              the label
loss           l(f, y) <= eps                         l - eps                 -g dl/df
============== ====================================== ======================= ================

Every example has one violation for each constraint on it: shape (P,) for margin and loss, (P, K)
for one_vs_rest and crammer_singer (whose entry at the label is void, always 0), and the shape of
the outputs for equality.

>>> import numpy as np
>>> constraint = make_constraint("crammer_singer", margin=1.0)
>>> v = constraint.violation(np.asarray([[2.0, 0.5, 1.5]]), np.asarray([0]))
>>> v
array([[ 0. , -0.5,  0.5]])
>>> constraint.signal(np.asarray([[2.0, 0.5, 1.5]]), np.asarray([0]), constraint.weight(v))
array([[ 0.5,  0. , -0.5]])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace, one_hot
from refimpl.models import check_labels

ConstraintName = Literal["equality", "margin", "one_vs_rest", "crammer_singer", "loss"]

CONSTRAINTS: tuple[str, ...] = get_args(ConstraintName)


class Constraint(Protocol):
    """The interface of the constraints on outputs."""

    inequality: ClassVar[bool]

    def check(self, outputs: Array, targets: Array) -> None:
        """Raise TypeError or ValueError unless outputs and targets fit; reads the data."""

    def encode(self, outputs: Array, targets: Array) -> Array:
        """Targets in the form that is computed with: signs, or rows of codes. Idempotent."""

    def violation(self, outputs: Array, targets: Array) -> Array:
        """The violations: one number for each constraint."""

    def weight(self, multipliers: Array) -> Array:
        """``multipliers`` projected onto what is allowed: max(0, .) for inequalities."""

    def signal(self, outputs: Array, targets: Array, weights: Array) -> Array:
        """The cotangent of the outputs, of their shape, that these weights ask for."""


class Measured(NamedTuple):
    """What one look at outputs and targets gives.

    Attributes
    ----------
    violation : array
    signal : callable
        From weights to the cotangent of the outputs.
    losses : array, shape (P,), or None
        Of the examples, where the constraint is on the loss and so knows them.
    """

    violation: Array
    signal: Callable[[Array], Array]
    losses: Array | None


def measure(constraint: Constraint, outputs: Array, targets: Array) -> Measured:
    """Violation and signal of ``constraint`` together, for which a loss is computed once.

    Examples
    --------
    >>> import numpy as np
    >>> found = measure(Margin(1.0), np.asarray([0.5]), np.asarray([-1.0]))
    >>> found.violation, found.signal(np.asarray([2.0]))
    (array([1.5]), array([-2.]))
    """
    if isinstance(constraint, LossLevel):
        losses, pullback = ad.vjp(lambda f: constraint.loss(f, targets, reduction="none"), outputs)
        return Measured(losses - constraint.level, lambda weights: -pullback(weights), losses)
    violation = constraint.violation(outputs, targets)
    return Measured(violation, partial(constraint.signal, outputs, targets), None)


def make_constraint(
    name: str,
    *,
    margin: float = 1.0,
    loss_level: float = 0.1,
    loss: Callable[..., Any] | None = None,
) -> Constraint:
    """The constraint called ``name``.

    Parameters
    ----------
    name : {"equality", "margin", "one_vs_rest", "crammer_singer", "loss"}
    margin : float
        m of the three margin constraints.
    loss_level : float
        eps of the loss-valued constraint.
    loss : callable, optional
        ``loss(outputs, targets, reduction="none")``, for the loss-valued constraint.

    Raises
    ------
    ValueError
        For an unknown name.

    Examples
    --------
    >>> make_constraint("margin", margin=2.0)
    Margin(margin=2.0)
    """
    if name == "equality":
        return Equality()
    if name == "margin":
        return Margin(margin)
    if name == "one_vs_rest":
        return OneVersusRest(margin)
    if name == "crammer_singer":
        return CrammerSinger(margin)
    if name == "loss" and loss is not None:
        return LossLevel(loss_level, loss)
    raise ValueError(f"constraint must be one of {', '.join(CONSTRAINTS)}, not {name!r}")


def _positive_part(values: Array) -> Array:
    return namespace(values).maximum(values, 0.0)


def _codes(targets: Array, outputs: Array) -> Array:
    """Integer labels as rows of +1 at the label and -1 elsewhere; other targets as they are."""
    if targets.ndim == 1 and outputs.ndim == 2 and _integral(targets):
        return 2.0 * one_hot(targets, outputs.shape[1], outputs) - 1.0
    return targets


def _integral(targets: Array) -> bool:
    return bool(namespace(targets).isdtype(targets.dtype, "integral"))


def _check_rows(outputs: Array, targets: Array, *, codes: bool) -> None:
    """Scores (P, K) with labels (P,) in range or, with ``codes``, rows of +-1."""
    if outputs.ndim != 2:
        raise ValueError(f"outputs must be (examples, classes), got shape {tuple(outputs.shape)}")
    if targets.ndim == 1:
        if targets.shape[0] != outputs.shape[0]:
            raise ValueError(f"{targets.shape[0]} labels for {outputs.shape[0]} rows of outputs")
        check_labels(targets, outputs.shape[1])
        return
    if not codes or tuple(targets.shape) != tuple(outputs.shape):
        raise ValueError(
            f"targets of shape {tuple(targets.shape)} do not fit outputs of shape "
            f"{tuple(outputs.shape)}"
        )
    _check_signs(targets)


def _check_signs(targets: Array) -> None:
    xp = namespace(targets)
    wrong = xp.reshape((targets != 1) & (targets != -1), (-1,))
    if bool(xp.any(wrong)):
        position = int(xp.argmax(xp.astype(wrong, xp.int64)))
        value = float(xp.reshape(targets, (-1,))[position])
        raise ValueError(
            f"labels must be -1 or 1, but entry {position} is {value:g}; "
            "real targets take constraint 'equality'"
        )


@dataclass(frozen=True)
class Equality:
    """f = y. Integer labels stand for rows of +1 at the label and -1 elsewhere."""

    inequality: ClassVar[bool] = False

    def check(self, outputs: Array, targets: Array) -> None:
        if _integral(targets):
            _check_rows(outputs, targets, codes=False)
        elif tuple(targets.shape) != tuple(outputs.shape):
            raise ValueError(
                f"targets have shape {tuple(targets.shape)} but outputs {tuple(outputs.shape)}"
            )

    def encode(self, outputs: Array, targets: Array) -> Array:
        return _codes(targets, outputs)

    def violation(self, outputs: Array, targets: Array) -> Array:
        return self.encode(outputs, targets) - outputs

    def weight(self, multipliers: Array) -> Array:
        return multipliers

    def signal(self, outputs: Array, targets: Array, weights: Array) -> Array:
        return weights


@dataclass(frozen=True)
class Margin:
    """y f >= margin for labels y of -1 and 1; outputs (P,) or (P, 1)."""

    margin: float = 1.0
    inequality: ClassVar[bool] = True

    def check(self, outputs: Array, targets: Array) -> None:
        if outputs.size != outputs.shape[0] or tuple(targets.shape) != tuple(outputs.shape[:1]):
            raise ValueError(
                f"margin needs one output and one label an example: outputs have shape "
                f"{tuple(outputs.shape)}, targets {tuple(targets.shape)}; several outputs take "
                "constraint 'one_vs_rest' or 'crammer_singer'"
            )
        _check_signs(targets)

    def encode(self, outputs: Array, targets: Array) -> Array:
        return namespace(outputs).astype(targets, outputs.dtype, copy=False)

    def violation(self, outputs: Array, targets: Array) -> Array:
        scores = outputs if outputs.ndim == 1 else outputs[:, 0]
        return self.margin - self.encode(outputs, targets) * scores

    def weight(self, multipliers: Array) -> Array:
        return _positive_part(multipliers)

    def signal(self, outputs: Array, targets: Array, weights: Array) -> Array:
        xp = namespace(outputs)
        return xp.reshape(self.encode(outputs, targets) * weights, tuple(outputs.shape))


@dataclass(frozen=True)
class OneVersusRest:
    """y_k f_k >= margin for every class k; integer labels (P,) or rows of -1 and 1, (P, K)."""

    margin: float = 1.0
    inequality: ClassVar[bool] = True

    def check(self, outputs: Array, targets: Array) -> None:
        _check_rows(outputs, targets, codes=True)

    def encode(self, outputs: Array, targets: Array) -> Array:
        return _codes(targets, outputs)

    def violation(self, outputs: Array, targets: Array) -> Array:
        return self.margin - self.encode(outputs, targets) * outputs

    def weight(self, multipliers: Array) -> Array:
        return _positive_part(multipliers)

    def signal(self, outputs: Array, targets: Array, weights: Array) -> Array:
        return self.encode(outputs, targets) * weights


@dataclass(frozen=True)
class CrammerSinger:
    """f_label - f_k >= margin for every other class k; integer labels (P,)."""

    margin: float = 1.0
    inequality: ClassVar[bool] = True

    def check(self, outputs: Array, targets: Array) -> None:
        _check_rows(outputs, targets, codes=False)

    def encode(self, outputs: Array, targets: Array) -> Array:
        return one_hot(targets, outputs.shape[1], outputs) if targets.ndim == 1 else targets

    def violation(self, outputs: Array, targets: Array) -> Array:
        xp = namespace(outputs)
        mine = self.encode(outputs, targets)
        rivals = self.margin + outputs - xp.sum(mine * outputs, axis=1, keepdims=True)
        return rivals * (1.0 - mine)

    def weight(self, multipliers: Array) -> Array:
        return _positive_part(multipliers)

    def signal(self, outputs: Array, targets: Array, weights: Array) -> Array:
        xp = namespace(outputs)
        mine = self.encode(outputs, targets)
        return mine * xp.sum(weights, axis=1, keepdims=True) - weights


@dataclass(frozen=True)
class LossLevel:
    """l(f, y) <= level for the loss of each example."""

    level: float
    loss: Callable[..., Any]
    inequality: ClassVar[bool] = True

    def check(self, outputs: Array, targets: Array) -> None:
        if targets.ndim == 1 and outputs.ndim == 2 and outputs.shape[1] > 1:
            check_labels(targets, outputs.shape[1])
        elif targets.ndim == 1:
            _check_signs(targets)
        losses = self.loss(outputs, targets, reduction="none")
        if tuple(losses.shape) != (outputs.shape[0],):
            raise ValueError(
                f"the loss must give one number an example with reduction='none', "
                f"not shape {tuple(losses.shape)}"
            )

    def encode(self, outputs: Array, targets: Array) -> Array:
        return targets

    def violation(self, outputs: Array, targets: Array) -> Array:
        return self.loss(outputs, targets, reduction="none") - self.level

    def weight(self, multipliers: Array) -> Array:
        return _positive_part(multipliers)

    def signal(self, outputs: Array, targets: Array, weights: Array) -> Array:
        _, pullback = ad.vjp(lambda f: self.loss(f, targets, reduction="none"), outputs)
        return -pullback(weights)
