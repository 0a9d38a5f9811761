"""Tikhonov and total-variation regularization of a network's outputs.

Algorithm
---------
1. x_q, w_q ← points and weights of a quadrature (:mod:`points`)
2. g_mq ← rows of the Jacobian of f at x_q: all of them, or random probes (:mod:`measures`)
3. R ← λ Σ_q w_q ‖J(x_q)‖²_F (Tikhonov; ½ of it with ``half``), or λ Σ_q w_q ‖J(x_q)‖ (total
   variation)
4. the gradient of loss + R goes to the update; that of R comes from :mod:`manual_gradient` for
   perceptrons, else from the tape

Source: L. Li, X.-C. Tai and J. Yang, "Generalization error analysis of neural networks with
gradient based regularization", Commun. Comput. Phys. 32 (2022) 1007-1038, of which the two
abstracts and the opening page were at hand: both penalties, and that training with either solves a
variational problem with a network. Everything below that level is derived or chosen here.

====== ================================
symbol code
====== ================================
λ      ``strength``
δ      ``smoothing``
m      ``probes``
====== ================================

Deviations
----------
* The norm for several outputs, the quadrature and the factor of the square are not known from what
  was read: ``norm``, ``points`` and ``half`` are switches. Variational texts write ½|f − g|² +
  (λ/2)|∇f|²; with this package's mean squared error (which has the half), that is ``half=True``.
* δ = 0 by default: the subgradient at J = 0 is taken as 0.

λ has units. Inputs rescaled by c outside the model leave the problem as it was if λ becomes c²λ
(Tikhonov) or cλ (total variation) and the first layer is divided by c.

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.models import MLP, Objective
>>> params = [{"weight": np.array([[3.0, 4.0], [0.0, 12.0]])}]
>>> objective, batch = Objective(MLP((2, 2), bias=False)), Batch(np.ones((3, 2)), np.zeros(3, int))
>>> part = GradientRegularization(strength=1.0, power=1)
>>> value, gradient, _ = part.value_and_gradient(params, batch, objective, ())
>>> float(value), gradient[0]["weight"].round(3).tolist()
(13.0, [[0.231, 0.308], [0.0, 0.923]])
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from refimpl.algorithms.base import Objective, Tree
from refimpl.algorithms.gradient_penalties import STRENGTH_HELP, plain, taped, zero
from refimpl.arrays import Array, device, namespace
from refimpl.checks import count, flag, non_negative, one_of, plain_numbers, real_between
from refimpl.errors import SettingError
from refimpl.papers.gradient_regularization import diagnosis
from refimpl.papers.gradient_regularization.manual_gradient import by_hand, has_manual
from refimpl.papers.gradient_regularization.measures import (
    Law,
    Norm,
    covectors,
    taped_rows,
    total,
    total_and_slope,
)
from refimpl.papers.gradient_regularization.points import (
    Points,
    check_rule,
    equal_weights,
    held_out_points,
    penalty_points,
)
from refimpl.random import Rng

Derivatives = Literal["auto", "manual", "tape"]

_FAR = 1e100


@dataclass(frozen=True, kw_only=True)
class GradientRegularization:
    """λ times a weighted mean of ‖J_f‖ or its square over points, a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative; 0 is training without it, bit for bit.
    power : {1, 2}
        2 is Tikhonov regularization, 1 total variation.
    half : bool
        The factor ½ of variational texts; with power 2.
    norm : {"frobenius", "per_class"}
        Of several outputs, with power 1.
    smoothing : float
        δ, with power 1: √(‖J‖² + δ²). It adds at most δ (for per_class at most K δ).
    points : {"data", "noisy", "fresh", "lattice", "midpoint"}
        See :mod:`points`.
    count, low, high, spread
        Number of points, bounds of the box, and spread of the noise, of the rules that have them.
    probes : int, optional
        Random probes of the Jacobian at each point, with power 2; default all its rows.
    law : {"rademacher", "sphere", "normal"}
        Of the probes.
    derivatives : {"auto", "manual", "tape"}
    held_out : bool
        Report the penalty also halfway between its points, their ratio, and whether it is over 10.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range, or one has no effect with ``power``.
    SettingError
        From ``init``, if slopes of the model do not exist or are 0 everywhere.

    Examples
    --------
    >>> GradientRegularization(power=1, probes=2)
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: probes are unbiased for the square only: power=2
    """

    strength: float = field(default=0.01, metadata={"help": STRENGTH_HELP})
    power: int = field(default=2, metadata={"help": "2: Tikhonov, 1: total variation"})
    half: bool = field(default=False, metadata={"help": "half the square, as in variational texts"})
    norm: Norm = field(
        default="frobenius", metadata={"help": "of several outputs: frobenius or per_class"}
    )
    smoothing: float = field(default=0.0, metadata={"help": "rounds the norm at 0, >= 0"})
    points: Points = field(
        default="data", metadata={"help": "data, noisy, fresh, lattice or midpoint"}
    )
    count: int = field(default=32, metadata={"help": "points of fresh, lattice, midpoint"})
    low: float = field(
        default=0.0, metadata={"help": "lower bound of the box of points", "minimum": -math.inf}
    )
    high: float = field(
        default=1.0, metadata={"help": "upper bound of the box of points", "minimum": -math.inf}
    )
    spread: float = field(default=0.1, metadata={"help": "of the noise of noisy points"})
    probes: int | None = field(
        default=None, metadata={"help": "random probes of the Jacobian (default all rows)"}
    )
    law: Law = field(default="rademacher", metadata={"help": "rademacher, sphere or normal"})
    derivatives: Derivatives = field(default="auto", metadata={"help": "manual, tape or auto"})
    held_out: bool = field(
        default=False, metadata={"help": "report the penalty between its points"}
    )

    requires: ClassVar[tuple[str, ...]] = ("objective",)

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        count("power", self.power)
        if self.power > 2:
            raise ValueError(f"power must be 1 or 2, not {self.power}")
        flag("half", self.half)
        one_of("norm", self.norm, get_args(Norm))
        non_negative("smoothing", self.smoothing)
        one_of("points", self.points, get_args(Points))
        count("count", self.count)
        real_between("low", self.low, -_FAR, _FAR)
        real_between("high", self.high, -_FAR, _FAR)
        if not self.high > self.low:
            raise ValueError(f"low must lie below high, not {self.low!r} and {self.high!r}")
        non_negative("spread", self.spread)
        if self.probes is not None:
            count("probes", self.probes)
        one_of("law", self.law, get_args(Law))
        one_of("derivatives", self.derivatives, get_args(Derivatives))
        flag("held_out", self.held_out)
        if self.power == 1 and self.probes is not None:
            raise SettingError("probes are unbiased for the square only: power=2")
        if self.power == 1 and self.half:
            raise SettingError("half belongs to the square: power=2")
        if self.power == 2 and self.smoothing > 0.0:
            raise SettingError("the square needs no smoothing: power=1")

    def init(self, params: Tree, objective: Any = None) -> tuple[()]:
        """Nothing to remember; raises SettingError where slopes say nothing of the model."""
        model = getattr(objective, "model", None)
        inputs = None if model is None else diagnosis.probe_inputs(model, params)
        if inputs is not None and self.strength > 0.0:
            diagnosis.check_model(model, params, inputs)
        return ()

    def value(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, tuple[()]]:
        """R, 0-d, differentiable in ``params`` by the tape."""
        if self.strength == 0.0:
            return zero(params), ()
        points = self._points(batch.inputs, rng)
        weights = equal_weights(points)
        return self.strength * self.measure(objective, params, points, weights, rng), ()

    def measure(
        self,
        objective: Any,
        params: Tree,
        points: Array,
        weights: Array,
        rng: Rng | None = None,
    ) -> Array:
        """R / λ under any rule, through the tape.

        Parameters
        ----------
        objective : Objective
        params : tree
        points : array, shape (Q, n)
        weights : array, shape (Q,)
            Non-negative.
        rng : Rng, optional
            For probes.

        Raises
        ------
        SettingError
            For a negative weight or no points.
        """
        check_rule(points, weights)
        outputs = objective.model(plain(params), points)
        units = covectors(outputs, self.probes, self.law, self._stream(rng))
        rows = taped_rows(objective.model, params, points, units)
        return total(rows, self._scale() * weights, self.power, self.norm, self.smoothing)

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree | None, tuple[()]]:
        """R and its gradient (None for λ = 0), by hand where it is written out."""
        if self.strength == 0.0:
            return zero(params), None, ()
        model = objective.model  # type: ignore[attr-defined]
        if not self._manual(model):
            return taped(self, params, batch, objective, rng)
        points = self._points(batch.inputs, rng)
        xp = namespace(points)
        beside = xp.empty(
            (points.shape[0], model.widths[-1]), dtype=points.dtype, device=device(points)
        )
        units = covectors(beside, self.probes, self.law, self._stream(rng))
        weights = self.strength * self._scale() * equal_weights(points)

        def measure(rows: Array, part: slice) -> tuple[Array, Array]:
            return total_and_slope(rows, weights[part], self.power, self.norm, self.smoothing)

        return *by_hand(model, params, points, units, measure), ()

    def diagnostics(self, params: Tree, batch: Any, objective: Any, aux: Any) -> dict[str, Array]:
        """With ``held_out``, R / λ at the points and halfway between them, and a flag.

        Random points are stood for by the batch; probes by the whole Jacobian.
        """
        if not self.held_out:
            return {}
        random = self.points in ("fresh", "noisy")
        points = batch.inputs if random else self._points(batch.inputs, None)
        whole = GradientRegularization(
            strength=1.0, power=self.power, norm=self.norm, smoothing=self.smoothing, half=self.half
        )
        found = []
        for place in (points, held_out_points(points)):
            found.append(whole.measure(objective, params, place, equal_weights(place)))
        ratio = diagnosis.ratio(float(found[0]), float(found[1]))
        xp = namespace(found[0])
        flagged = xp.asarray(float(ratio > diagnosis.TOO_FEW), dtype=found[0].dtype)
        return {
            "penalty_at_points": found[0],
            "penalty_held_out": found[1],
            "too_few_points": flagged,
        }

    def _manual(self, model: Any) -> bool:
        if self.derivatives == "manual" and not has_manual(model):
            what = getattr(model, "activation", type(model).__name__)
            raise SettingError(f"derivatives='manual' needs a perceptron, not {what!r}")
        return self.derivatives != "tape" and has_manual(model)

    def _scale(self) -> float:
        return (0.5 if self.half else 1.0) / (self.probes or 1)

    def _stream(self, rng: Rng | None) -> Rng | None:
        return None if rng is None or self.probes is None else rng.child("probes")

    def _points(self, inputs: Array, rng: Rng | None) -> Array:
        random = self.points in ("fresh", "noisy")
        return penalty_points(
            self.points,
            inputs,
            count=self.count,
            box=(self.low, self.high),
            spread=self.spread,
            rng=rng.child("points") if rng is not None and random else None,
        )
