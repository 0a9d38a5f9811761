"""Adversarial inputs by projected gradient ascent, in a Euclidean or a maximum-norm ball.

Algorithm
---------
With d_i = 0 or a random start, for each example i on its own,

1. g ← gradient of example i's score at x_i + d_i
2. l2: d_i ← d_i + s g / |g|;  linf: d_i ← d_i + s sign(g);  where g = 0, d_i stays
3. d_i ← the nearest point of the ball: l2: d_i min(1, ε / |d_i|);  linf: clip to [−ε, ε]
4. if there is a box, x_i + d_i ← clip to [low, high]

Sources: A. Madry, A. Makelov, L. Schmidt, D. Tsipras and A. Vladu, "Towards deep learning models
resistant to adversarial attacks", ICLR 2018 (steps 1-3); I. Goodfellow, J. Shlens and C. Szegedy,
"Explaining and harnessing adversarial examples", ICLR 2015 (one step, linf: the fast gradient
sign method, :meth:`ProjectedGradientAttack.single_step`).

====== ===============================
symbol code
====== ===============================
ε      ``radius``
s      ``step_size`` (default 1.5 ε / steps)
====== ===============================

Where the score is linear in the input the answer is exact: steps that add up to more than the
radius end at the worst point of the ball.

Deviations
----------
* The norm is each example's own. Dividing by the norm of the whole batch's gradient would let
  easy examples move less.
* The only special case is g = 0 exactly. The gradient is scaled by its largest entry before it is
  squared, so that neither a tiny nor a huge one loses its direction.
* The last point is returned, not the best one on the way.

>>> import numpy as np
>>> attack = ProjectedGradientAttack(radius=0.5, norm="l2")
>>> attack.perturb(lambda x: np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2)))
array([[0.3, 0.4],
       [0. , 0. ]])
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from refimpl.algorithms.base import Tree, required_rng
from refimpl.arrays import Array, namespace
from refimpl.checks import count, non_negative, one_of, plain_numbers, positive, real_between
from refimpl.models.input_gradients import loss_gradients
from refimpl.random import Rng

Norm = Literal["l2", "linf"]
Start = Literal["zero", "random"]


@dataclass(frozen=True, kw_only=True)
class ProjectedGradientAttack:
    """Ascent on a score of each example within a ball around it.

    Parameters
    ----------
    radius : float
        ε, in the units of the inputs; 0 returns the inputs.
    norm : {"l2", "linf"}
        The ball, and with it the step: along the normalised gradient, or along its sign.
    steps : int
    step_size : float, optional
        s; default 1.5 ε / steps.
    start : {"zero", "random"}
        "random" draws d from ``rng``: uniform in the linf ball; ε times standard normal entries,
        then projected, in l2 (in many dimensions that is uniform on the sphere).
    low, high : float, optional
        The box of valid inputs; no limits by default.

    Raises
    ------
    TypeError, ValueError
        For a field of the wrong type or range.

    Examples
    --------
    >>> ProjectedGradientAttack(radius=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: radius must be non-negative and finite, not -1.0
    """

    radius: float = field(default=0.1, metadata={"help": "radius of the ball"})
    norm: Norm = field(default="l2", metadata={"help": "l2 or linf"})
    steps: int = field(default=5, metadata={"help": "ascent steps"})
    step_size: float | None = field(
        default=None, metadata={"help": "length of a step (default 1.5 radius / steps)"}
    )
    start: Start = field(default="zero", metadata={"help": "zero, or random in the ball"})
    low: float | None = field(default=None, metadata={"help": "least valid input (no limit)"})
    high: float | None = field(default=None, metadata={"help": "largest valid input (no limit)"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("radius", self.radius)
        one_of("norm", self.norm, ("l2", "linf"))
        count("steps", self.steps)
        if self.step_size is not None:
            positive("step_size", self.step_size)
        one_of("start", self.start, ("zero", "random"))
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        real_between("low", low, -math.inf, math.inf)
        real_between("high", high, -math.inf, math.inf)
        if not low < high:
            raise ValueError(f"low must lie below high, not {self.low!r} and {self.high!r}")

    @classmethod
    def single_step(cls, radius: float, norm: Norm = "linf", **box: Any) -> ProjectedGradientAttack:
        """One step of length ``radius`` from the inputs; with linf the fast gradient sign method.

        Examples
        --------
        >>> import numpy as np
        >>> attack = ProjectedGradientAttack.single_step(0.1)
        >>> attack.perturb(lambda x: np.array([[-2.0, 0.0, 5.0]]), np.zeros((1, 3)))
        array([[-0.1,  0. ,  0.1]])
        """
        return cls(radius=radius, norm=norm, steps=1, step_size=radius or None, **box)

    def __call__(self, objective: Any, params: Tree, batch: Any, rng: Rng | None = None) -> Array:
        """Inputs that raise each example's own loss.

        Parameters
        ----------
        objective : Objective
            A model and a loss that offers ``reduction="none"``.
        params : tree
        batch : Batch
        rng : Rng, optional
            Needed for a random start.

        Returns
        -------
        array, shape of ``batch.inputs``
        """
        return self.perturb(
            lambda x: loss_gradients(objective, params, batch._replace(inputs=x)), batch.inputs, rng
        )

    def perturb(
        self, gradient: Callable[[Array], Array], inputs: Array, rng: Rng | None = None
    ) -> Array:
        """Inputs moved uphill along ``gradient``.

        Parameters
        ----------
        gradient : callable
            ``gradient(x)`` is, row by row, the gradient of each example's score at x.
        inputs : array, shape (P, ...)
            Unchanged.
        rng : Rng, optional
            Needed for a random start.

        Returns
        -------
        array, shape of ``inputs``

        Raises
        ------
        TypeError
            If a random start has no ``rng``.
        """
        if self.radius == 0.0:
            return inputs
        step = 1.5 * self.radius / self.steps if self.step_size is None else self.step_size
        moved = self._confined(inputs, self._first(inputs, rng))
        for _ in range(self.steps):
            direction = self._direction(gradient(inputs + moved))
            moved = self._confined(inputs, moved + step * direction)
        return inputs + moved

    def _first(self, inputs: Array, rng: Rng | None) -> Array:
        if self.start == "zero":
            return namespace(inputs).zeros_like(inputs)
        rng = required_rng(rng)
        if self.norm == "linf":
            return rng.uniform(inputs.shape, -self.radius, self.radius, like=inputs)
        return self.radius * rng.normal(inputs.shape, like=inputs)

    def _direction(self, gradient: Array) -> Array:
        if self.norm == "linf":
            return namespace(gradient).sign(gradient)
        return normalized_rows(gradient)

    def _confined(self, inputs: Array, moved: Array) -> Array:
        """``moved`` in the ball, and ``inputs + moved`` in the box."""
        xp = namespace(inputs)
        if self.norm == "linf":
            moved = xp.clip(moved, -self.radius, self.radius)
        else:
            lengths = row_norms(moved)
            one = xp.ones_like(lengths)
            shrink = xp.where(
                lengths > self.radius, self.radius / xp.where(lengths > 0, lengths, one), one
            )
            moved = shrink * moved
        if self.low is None and self.high is None:
            return moved
        return xp.clip(inputs + moved, self.low, self.high) - inputs


def row_norms(rows: Array) -> Array:
    """The Euclidean norm of each row, scaled before it is squared; shape (P, 1, ...).

    Examples
    --------
    >>> import numpy as np
    >>> row_norms(np.array([[3e-200, 4e-200], [0.0, 0.0]]))
    array([[5.e-200],
           [0.e+000]])
    """
    xp = namespace(rows)
    axes = tuple(range(1, rows.ndim))
    top = xp.max(xp.abs(rows), axis=axes, keepdims=True)
    scaled = rows / xp.where(top > 0, top, xp.ones_like(top))
    return top * xp.sqrt(xp.sum(scaled * scaled, axis=axes, keepdims=True))


def normalized_rows(rows: Array) -> Array:
    """Each row divided by its norm; rows of zeros stay.

    Examples
    --------
    >>> import numpy as np
    >>> normalized_rows(np.array([[3e-200, 4e-200], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    xp = namespace(rows)
    axes = tuple(range(1, rows.ndim))
    top = xp.max(xp.abs(rows), axis=axes, keepdims=True)
    one = xp.ones_like(top)
    scaled = rows / xp.where(top > 0, top, one)
    lengths = xp.sqrt(xp.sum(scaled * scaled, axis=axes, keepdims=True))
    return scaled / xp.where(lengths > 0, lengths, one)
