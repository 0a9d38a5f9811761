"""Minnorm training: the least norm of the weights that fits the data, by Lagrange multipliers.

The program is min 1/2 sum_l ||W_l||² subject to a constraint on every example; its Lagrangian is
descended in the weights and ascended in the multipliers, which therefore integrate the error.

Algorithm
---------
1. v ← violation of each constraint of the batch at W; equality: v = e = y − f
2. g ← λ + ρ v; inequalities: g ← max(0, λ + ρ v)
3. Q_l ← (P/B) Σ_batch (∂f/∂W_l)ᵀ s(g): back-propagation of the signal s(g) in place of the error
   (the table of :mod:`refimpl.algorithms.minnorm_constraints`)
4. W_l ← W_l + η_w (Q_l − W_l), or the base update with the gradient W_l − Q_l
5. λ ← λ + η_λ v (inequalities: max(0, λ + η_λ v)) for the batch, with v of 1 ("simultaneous") or
   taken again at the new W ("alternating")

Source: Y. Bansal, M. Advani, D. Cox and A. Saxe, "Minnorm training: an algorithm for training
over-parameterized deep neural networks", arXiv 1806.00730 (2018), abstract. The abstract fixes
the program (least sum over layers of the norm, data fitted exactly), the multipliers as
integrators of error and the wrapper around back-propagation. Everything else below is derived
from these; it is not taken from the body of the paper.

========== ===========================================================
symbol     code
========== ===========================================================
W_l        ``state.params``, the leaves that decay ("layers")
λ, α       ``state.multipliers``; α where constraints are inequalities
η_w        ``learning_rate`` (dt/τ_w), of step t: η_w/(1 + decay·t)
η_λ        ``multiplier_rate`` (dt/τ_λ)
ρ          ``damping``, the gain of the augmented Lagrangian
ε          ``loss_level``
P, B       examples in the training set and in the batch
========== ===========================================================

Deviations
----------
* Choices the abstract leaves open, fixed here: the norms are squared (``norm="plain"`` has their
  plain sum, with decay W/||W||, which is less stable); data terms are sums over examples; λ
  starts at 0; only the batch's multipliers move; leaves with one axis are biases and are free of
  decay unless ``include="all"``.
* ρ > 0 is not optional in depth: without it a balanced chain of depth 2 oscillates for ever and
  a deeper one is unstable. Linear models of depth two or more are refused without it.
* The exact laws (null space of the first layer, balance, step limits) hold for the base update
  "sgd"; momentum and Adam keep the fixed points and break the laws.
* On minibatches the weights' gradient does not vanish at the solution and constant steps leave a
  noise of order sqrt(η_w); ``decay`` shrinks it and, in linear networks, ``accumulate`` removes
  it: V = Σ s(λ) xᵀ over the whole set is kept up to date and replaces the batch's sum of s(λ).
* The solution is the interpolant of least norm, which under label noise is not the best
  predictor. P (times K) multipliers are kept.

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.models import DeepLinear, Objective
>>> data = Batch(np.asarray([[1.0, 1.0]]), np.asarray([[2.0]]))
>>> objective = Objective(DeepLinear((2, 1)), "mean_squared_error")
>>> algorithm = Minnorm(constraint="equality", learning_rate=0.5, multiplier_rate=0.4, damping=0.0)
>>> state = algorithm.init([np.asarray([[3.0, 0.0]])], training=data, objective=objective)
>>> for _ in range(600):
...     state, info = algorithm.step(state, objective, data)
>>> np.round(state.params[0], 6), np.round(state.multipliers, 6)
(array([[1., 1.]]), array([[1.]]))
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms import minnorm_checks as checks
from refimpl.algorithms.base import (
    FirstOrder,
    Include,
    State,
    Tree,
    check_params,
    count,
    descend,
    flag,
    non_negative,
    one_of,
    positive,
)
from refimpl.algorithms.minnorm_constraints import (
    CONSTRAINTS,
    Constraint,
    ConstraintName,
    make_constraint,
    measure,
)
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.arrays import Array, device, eps, namespace, put_rows, reduce
from refimpl.errors import CollapseError, DivergenceError, InfeasibleError, TargetError
from refimpl.random import Rng

Order = Literal["simultaneous", "alternating"]
Norm = Literal["squared", "plain"]

_STEADY = 0.02  # relative change from one span to its double that still counts as linear growth
_LOST = 1e8  # growth of the violation over its start (or 1) beyond which a run has diverged
_COLLAPSED = 1e-2  # share of the first total norm below which the weights count as lost


class MinnormState(NamedTuple):
    """State of Minnorm training.

    Attributes
    ----------
    params, step, buffers
        Those of the first-order update.
    multipliers : array, shape of the violations of the whole training set
        λ or α; row mu belongs to the example at position mu.
    accumulator : array, shape (K, n), or None
        V, with ``accumulate``.
    active : 0-d int64 array
        Multipliers that are not zero.
    snapshot, growth : arrays like ``multipliers``
        The multipliers at the last mark, and by how much they had grown there since the one
        before. Marks are the looks at which the number of steps has doubled.
    mark, span : int
        The step of the last mark, and how many steps it came after the one before.
    worst : array, shape (3,)
        Largest violation, KKT residual and complementarity since the last look.
    first_norm : float
        Root of the sum of squares of all layers at the start.
    first_violation : float
        The largest violation at the start.
    seen, waited : int
        Examples and steps since the last look.
    stalled : bool
        Whether, at the last mark, the multipliers grew linearly with no progress.
    """

    params: Tree
    step: int
    buffers: Tree
    multipliers: Array
    accumulator: Array | None
    active: Array
    snapshot: Array
    growth: Array
    mark: int
    span: int
    worst: Array
    first_norm: float
    first_violation: float
    seen: int
    waited: int
    stalled: bool


class MinnormInfo(NamedTuple):
    """Diagnostics of a Minnorm step, all before the step and on its batch.

    Attributes
    ----------
    loss : 0-d array
        Of the objective.
    violation : 0-d array
        The largest: of |y − f|, or of the positive part for inequalities.
    kkt_residual : 0-d array
        max_l ||W_l − Q_l|| / ||W_l||: how far W is from stationary with the multipliers g that
        were fed back. At a solution g = λ.
    complementarity : 0-d array
        max g |v| / max g, the slack that carries weight; 0 for equalities.
    active : 0-d int64 array
        Multipliers of the whole set that are not zero, after the step.
    multiplier_norm : 0-d array
        ||λ|| over the batch.
    total_norm : 0-d array
        sum_l ||W_l||².
    layer_norms : array, shape (D,)
        ||W_l||, equal at the solution of a bias-free homogeneous network.
    stalled : bool
        Whether the multipliers grew linearly, with no progress, when last compared.
    stopped : bool
        Whether violation, complementarity and KKT residual met their tolerances.
    """

    loss: Array
    violation: Array
    kkt_residual: Array
    complementarity: Array
    active: Array
    multiplier_norm: Array
    total_norm: Array
    layer_norms: Array
    stalled: bool
    stopped: bool


@dataclass(frozen=True)
class Minnorm:
    """Minnorm training around a first-order update.

    Parameters
    ----------
    constraint : {"equality", "margin", "one_vs_rest", "crammer_singer", "loss"}
        What it means to fit an example; see :mod:`refimpl.algorithms.minnorm_constraints`.
    learning_rate : float
        η_w, positive.
    multiplier_rate : float
        η_λ, positive.
    damping : float
        ρ, non-negative.
    order : {"simultaneous", "alternating"}
        Multipliers by the violation before or after the weights' step; the latter costs a
        second forward pass.
    base : {"sgd", "momentum", "nesterov", "adam"}
        The first-order update that takes W − Q for a gradient.
    momentum : float
        μ of the base update, in [0, 1).
    decay : float
        η_w of step t is learning_rate / (1 + decay t); non-negative.
    margin : float
        Of the margin constraints, positive.
    loss_level : float
        ε of the loss-valued constraint, positive: no finite weights reach loss 0.
    norm : {"squared", "plain"}
        Minimise 1/2 sum ||W_l||², or sum ||W_l||.
    include : {"weights", "all"}
        Decay the weights (leaves with no axis or with two and more), or biases too.
    accumulate : bool
        Keep V = Σ s(λ) xᵀ; for bias-free linear models with any constraint but "loss".
    tolerance, kkt_tolerance : float
        The run ends when largest violation and complementarity, and the KKT residual, are
        within these; 0 goes on.
    check_every : int
        Steps between looks at the numbers (at least one pass over the data).
    patience : float
        Time constants, 1/η_w and 1/η_λ, after which multipliers that grow linearly with no
        progress mean that the constraints are infeasible; 0 never does.
    refuse : bool
        Refuse before the run what is known to fail: step sizes beyond a linear model's limit,
        undamped deep linear models, contradictory or inconsistent data.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> Minnorm(constraint="loss", loss_level=0.0)
    Traceback (most recent call last):
    ...
    ValueError: loss_level must be positive and finite, not 0.0
    """

    requires: ClassVar[tuple[str, ...]] = ("training",)

    constraint: ConstraintName = field(
        default="one_vs_rest", metadata={"help": "what it means to fit an example"}
    )
    learning_rate: float = field(default=0.001, metadata={"help": "step of the weights, positive"})
    multiplier_rate: float = field(
        default=0.001, metadata={"help": "step of the multipliers, positive"}
    )
    damping: float = field(default=0.01, metadata={"help": "rho of the augmented Lagrangian, >= 0"})
    order: Order = field(
        default="simultaneous", metadata={"help": "multipliers by the violation before or after"}
    )
    base: BaseName = field(default="sgd", metadata={"help": BASE_HELP})
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})
    decay: float = field(default=0.0, metadata={"help": "of the weights' step: 1/(1 + decay t)"})
    margin: float = field(default=1.0, metadata={"help": "of the margin constraints, positive"})
    loss_level: float = field(
        default=0.1, metadata={"help": "largest loss of the loss constraint, positive"}
    )
    norm: Norm = field(default="squared", metadata={"help": "minimise squared or plain norms"})
    include: Include = field(
        default="weights", metadata={"help": "decay weights only, or biases too"}
    )
    accumulate: bool = field(
        default=False, metadata={"help": "no minibatch noise in linear models: keep sum s(lam) x"}
    )
    tolerance: float = field(default=0.01, metadata={"help": "violation at which to stop, >= 0"})
    kkt_tolerance: float = field(
        default=0.01, metadata={"help": "KKT residual at which to stop, >= 0"}
    )
    check_every: int = field(default=100, metadata={"help": "steps between convergence tests"})
    patience: float = field(
        default=20.0, metadata={"help": "time constants of no progress that mean infeasible"}
    )
    refuse: bool = field(
        default=True, metadata={"help": "refuse what is known to fail before the run"}
    )

    def __post_init__(self) -> None:
        one_of("constraint", self.constraint, CONSTRAINTS)
        first_order(self.base, self.learning_rate, self.momentum)
        positive("multiplier_rate", self.multiplier_rate)
        non_negative("damping", self.damping)
        one_of("order", self.order, get_args(Order))
        non_negative("decay", self.decay)
        positive("margin", self.margin)
        positive("loss_level", self.loss_level)
        one_of("norm", self.norm, get_args(Norm))
        one_of("include", self.include, get_args(Include))
        flag("accumulate", self.accumulate)
        non_negative("tolerance", self.tolerance)
        non_negative("kkt_tolerance", self.kkt_tolerance)
        count("check_every", self.check_every)
        non_negative("patience", self.patience)
        flag("refuse", self.refuse)
        if self.accumulate and self.constraint == "loss":
            raise ValueError("accumulate needs a signal linear in the multipliers, not 'loss'")

    @property
    def update(self) -> FirstOrder:
        """The first-order update that takes the first step."""
        return first_order(self.base, self.learning_rate, self.momentum)

    def constraint_on(self, objective: Any) -> Constraint:
        """The constraint on the outputs of ``objective``."""
        return make_constraint(
            self.constraint,
            margin=self.margin,
            loss_level=self.loss_level,
            loss=getattr(objective, "loss", None),
        )

    def init(self, params: Tree, training: Any, objective: Any) -> MinnormState:
        """The state before the first step: all multipliers zero.

        Parameters
        ----------
        params : tree
        training : Batch
            All P examples, in the order that the batches' indices mean.
        objective : Objective
            A model and a loss; the loss is reported and, with the loss-valued constraint, held.

        Raises
        ------
        TypeError
            If params are not floating, or the objective is not one of models.
        TargetError
            If targets do not fit the constraint and the outputs: shape, range or sign. It is a
            ValueError too.
        StepSizeError
            With ``refuse``: a step size or a damping beyond the limit of a linear model.
        InfeasibleError
            With ``refuse``: inputs that occur with two targets, inputs of zero norm in a model
            without biases, or a linear system without solution.
        """
        check_params(params)
        constraint = self.constraint_on(objective)
        outputs = checks.outputs_of(objective, params, training)
        try:
            constraint.check(outputs, training.targets)
        except ValueError as error:
            raise TargetError(f"constraint {self.constraint!r}: {error}") from None
        if self.accumulate and not checks.is_linear(objective.model, params):
            raise ValueError("accumulate is for linear models without biases")
        if self.refuse:
            checks.refuse(self, objective.model, params, training, outputs)

        violation = constraint.violation(outputs, training.targets)
        xp = namespace(outputs)
        zero = xp.zeros_like(violation)
        accumulator = None
        if self.accumulate:
            accumulator = _moment(constraint.signal(outputs, training.targets, zero), training)
        squares = [float(xp.sum(leaf * leaf)) for leaf in self.layers(params)]
        return MinnormState(
            params=params,
            step=0,
            buffers=self.update.buffers(params),
            multipliers=zero,
            accumulator=accumulator,
            active=xp.count_nonzero(zero),
            snapshot=zero,
            growth=zero,
            mark=0,
            span=self.check_every,
            worst=xp.zeros((3,), dtype=zero.dtype, device=device(zero)),
            first_norm=math.sqrt(sum(squares)),
            first_violation=float(xp.max(xp.abs(violation))),
            seen=0,
            waited=0,
            stalled=False,
        )

    def layers(self, params: Tree) -> list[Array]:
        """The leaves that decay, in order."""
        return [leaf for leaf in ad.flatten(params)[0] if self._decays(leaf)]

    def step(
        self, state: MinnormState, objective: Any, batch: Any, rng: Rng | None = None
    ) -> tuple[MinnormState, MinnormInfo]:
        """One step; ``rng`` is not used.

        Raises
        ------
        DivergenceError
            At a look, if a violation or a residual is not finite, or has grown beyond 1e8 times
            its start; carries ``step``.
        CollapseError
            At a look, if the weights decay to zero while the multipliers grow.
        InfeasibleError
            At a look, when the multipliers have grown linearly for ``patience`` time constants
            and the violation stayed; carries ``violation``, ``growth_rate`` (norm a step) and
            ``examples``, the positions whose multipliers grow fastest.
        """
        xp = namespace(state.multipliers)
        constraint = self.constraint_on(objective)
        old = _rows(state.multipliers, batch.indices)
        share = state.multipliers.shape[0] / old.shape[0]

        outputs, pullback = ad.vjp(lambda params: objective.outputs(params, batch), state.params)
        targets = constraint.encode(outputs, batch.targets)
        violation, signal_of, losses = measure(constraint, outputs, targets)
        weights = old if self.damping == 0.0 else constraint.weight(old + self.damping * violation)
        signal = signal_of(weights)
        kept = None
        if state.accumulator is None:
            pulled = pullback(signal if share == 1.0 else share * signal)
        else:
            kept = signal_of(old)
            pulled = ad.map_tree(
                lambda a, b: a + b,
                pullback(share * (signal - kept)),
                _pull_moment(objective, state.params, batch, state.accumulator),
            )

        leaves, structure = ad.flatten(state.params)
        gradient, squares, residual = self._gradient(leaves, ad.flatten(pulled)[0])
        moved = self._descend(state, leaves, structure, gradient)

        if self.order == "alternating":
            after = objective.outputs(moved.params, batch)
            increment = constraint.violation(after, targets)
        else:
            increment = violation
        new = constraint.weight(old + self.multiplier_rate * increment)
        accumulator = state.accumulator
        if kept is not None:
            change = signal_of(new) - kept
            accumulator = accumulator + _moment(change, batch)

        if constraint.inequality:
            broken = xp.maximum(reduce("max", violation), 0.0)
            slack = reduce("max", weights * xp.abs(violation)) / _safe(reduce("max", weights))
        else:
            broken = reduce("max", xp.abs(violation))
            slack = xp.zeros_like(broken)
        largest = xp.stack([broken, residual, slack])
        active = state.active + (xp.count_nonzero(new) - xp.count_nonzero(old))
        state = MinnormState(
            params=moved.params,
            step=moved.step,
            buffers=moved.buffers,
            multipliers=_put(state.multipliers, batch.indices, new),
            accumulator=accumulator,
            active=active,
            snapshot=state.snapshot,
            growth=state.growth,
            mark=state.mark,
            span=state.span,
            worst=largest if share == 1.0 else xp.maximum(state.worst, largest),
            first_norm=state.first_norm,
            first_violation=state.first_violation,
            seen=state.seen + old.shape[0],
            waited=state.waited + 1,
            stalled=state.stalled,
        )
        stopped = False
        if state.waited >= self.check_every and state.seen >= state.multipliers.shape[0]:
            state, stopped = self._look(state, constraint.inequality)
        info = MinnormInfo(
            loss=_loss(objective, outputs, batch.targets, losses),
            violation=broken,
            kkt_residual=residual,
            complementarity=slack,
            active=active,
            multiplier_norm=_norm(old),
            total_norm=reduce("sum", squares),
            layer_norms=xp.sqrt(squares),
            stalled=state.stalled,
            stopped=stopped,
        )
        return state, info

    def _decays(self, leaf: Array) -> bool:
        return self.include == "all" or leaf.ndim != 1

    def _gradient(
        self, leaves: list[Array], pulled: list[Array]
    ) -> tuple[list[Array], Array, Array]:
        """The gradient W − Q of the Lagrangian, the squares ||W_l||² and the relative residual."""
        xp = namespace(*leaves)
        gradient, squares, residuals, free = [], [], [], []
        for weight, q in zip(leaves, pulled, strict=True):
            if self._decays(weight):
                square = _square(weight)
                pull = weight if self.norm == "squared" else weight / _safe(xp.sqrt(square))
                difference = pull - q
                squares.append(square)
                residuals.append(_square(difference))
            else:
                difference = -q
                free.append(_square(q))
            gradient.append(difference)
        count = len(squares)
        every = xp.stack(squares + residuals + free)
        sizes = xp.sqrt(every)
        relative = sizes[count : 2 * count]
        if self.norm == "squared":  # at most 1e8, the value at W = 0, where the ratio is none
            relative = relative / _safe(xp.maximum(sizes[:count], 1e-8 * relative))
        residual = reduce("max", relative)
        if free:
            scale = _safe(xp.sqrt(reduce("sum", every[:count])))
            residual = xp.maximum(residual, reduce("max", sizes[2 * count :]) / scale)
        return gradient, every[:count], residual

    def _descend(
        self, state: MinnormState, leaves: list[Array], structure: Any, gradient: list[Array]
    ) -> State:
        """One step of the base update at this step's rate; ``gradient`` is used up."""
        rate = self.learning_rate / (1.0 + self.decay * state.step)
        if self.base != "sgd":
            first = State(state.params, state.step, state.buffers)
            update = first_order(self.base, rate, self.momentum)
            return descend(update, first, ad.unflatten(structure, gradient))
        moved = []
        for weight, new in zip(leaves, gradient, strict=True):
            new *= -rate  # the gradient was made for this step, so it may become the result
            new += weight
            moved.append(new)
        return State(ad.unflatten(structure, moved), state.step + 1, state.buffers)

    def _look(self, state: MinnormState, inequality: bool) -> tuple[MinnormState, bool]:
        """Read the numbers: whether to stop, and whether there is progress."""
        xp = namespace(state.multipliers)
        violation, residual, slack = (float(state.worst[i]) for i in range(3))
        beyond = violation > _LOST * max(state.first_violation, 1.0)
        if beyond or not math.isfinite(violation + residual + slack):
            raise DivergenceError(
                "the violation left every bound; smaller steps or more damping may help",
                step=state.step - 1,
                violation=violation,
                kkt_residual=residual,
            )
        if state.step >= 2 * state.mark:
            state = self._mark(state, inequality, violation)
        met = max(violation, slack) <= self.tolerance and residual <= self.kkt_tolerance
        return state._replace(worst=xp.zeros_like(state.worst), seen=0, waited=0), met

    def _mark(self, state: MinnormState, inequality: bool, violation: float) -> MinnormState:
        """Compare the multipliers' growth with that of the span before, half as long."""
        xp = namespace(state.multipliers)
        growth = state.multipliers - state.snapshot
        span = state.step - state.mark
        size = float(_norm(growth))
        change = float(_norm(growth - (span / state.span) * state.growth))
        floor = 100.0 * eps(growth) * float(_norm(state.multipliers))
        steady = size > floor and change <= _STEADY * size and violation > self.tolerance
        if steady and inequality:  # a certificate of infeasibility has no negative part
            steady = float(xp.min(growth)) >= -_STEADY * float(xp.max(growth))
        time = state.step * min(self.learning_rate, self.multiplier_rate)
        if steady and 0.0 < self.patience <= time:
            self._give_up(state, growth, size / span, violation)
        return state._replace(
            snapshot=state.multipliers, growth=growth, mark=state.step, span=span, stalled=steady
        )

    def _give_up(
        self, state: MinnormState, growth: Array, growth_rate: float, violation: float
    ) -> None:
        xp = namespace(growth)
        norm = math.sqrt(sum(float(xp.sum(leaf * leaf)) for leaf in self.layers(state.params)))
        numbers = {
            "step": state.step,
            "violation": violation,
            "growth_rate": growth_rate,
            "norm": norm,
        }
        if norm < _COLLAPSED * state.first_norm:
            raise CollapseError(
                "the weights decay to zero while the multipliers grow: collapsed modes or dead "
                "units; start from larger weights, raise damping or multiplier_rate",
                **numbers,
            )
        rates = growth * growth
        if rates.ndim > 1:
            rates = xp.sum(rates, axis=1)
        order = xp.argsort(-rates, stable=True)
        worst = [int(order[i]) for i in range(min(5, rates.shape[0]))]
        raise InfeasibleError(
            "the constraints appear infeasible: the multipliers grow linearly while the violation "
            "stays; the examples that conflict most are those whose multipliers grow fastest "
            "(in a deep network a lost mode looks the same: try a larger start or more damping)",
            examples=worst,
            **numbers,
        )


def difficulty(algorithm: Minnorm, state: MinnormState) -> Array:
    """How hard each example is to fit: the sensitivity of the least norm to its constraint.

    Parameters
    ----------
    algorithm : Minnorm
    state : MinnormState

    Returns
    -------
    array, shape (P,)
        sum_k α_k for inequalities, ||λ|| for equalities.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.datasets import Batch
    >>> from refimpl.models import DeepLinear, Objective
    >>> algorithm = Minnorm(constraint="margin")
    >>> data = Batch(np.asarray([[1.0], [2.0]]), np.asarray([1.0, 1.0]))
    >>> objective = Objective(DeepLinear((1, 1)), "logistic")
    >>> state = algorithm.init([np.asarray([[0.0]])], data, objective)
    >>> difficulty(algorithm, state._replace(multipliers=np.asarray([0.5, 0.0])))
    array([0.5, 0. ])
    """
    xp = namespace(state.multipliers)
    values = state.multipliers
    if algorithm.constraint == "equality":
        return xp.abs(values) if values.ndim == 1 else xp.linalg.vector_norm(values, axis=1)
    return values if values.ndim == 1 else xp.sum(values, axis=1)


def _rows(values: Array, indices: Any) -> Array:
    if indices is None:
        return values
    xp = namespace(values)
    return xp.take(values, xp.asarray(indices, device=device(values)), axis=0)


def _put(values: Array, indices: Any, rows: Array) -> Array:
    return rows if indices is None else put_rows(values, indices, rows)


def _loss(objective: Any, outputs: Array, targets: Array, losses: Array | None) -> Array:
    """The objective on ``outputs``, from the ``losses`` of the examples where they are known."""
    if losses is None:
        return objective.loss(outputs, targets, reduction=objective.reduction)
    total = reduce("sum", losses)
    return total / losses.shape[0] if objective.reduction == "mean" else total


def _square(values: Array) -> Array:
    """The sum of squares."""
    flat = namespace(values).reshape(values, (-1,))
    return flat @ flat


def _norm(values: Array) -> Array:
    return namespace(values).sqrt(_square(values))


def _safe(norm: Array) -> Array:
    """``norm``, or a number that float32 still holds where it is zero."""
    return namespace(norm).maximum(norm, 1e-37)


def _moment(signal: Array, batch: Any) -> Array:
    """sum over examples of signal times input: (K, n), or (1,) for a scalar chain."""
    xp = namespace(signal)
    if batch.inputs.ndim == 1:
        return xp.reshape(xp.sum(signal * batch.inputs), (1,))
    columns = xp.reshape(signal, (signal.shape[0], -1))
    return columns.mT @ batch.inputs


def _pull_moment(objective: Any, params: Tree, batch: Any, moment: Array) -> Tree:
    """The gradient of sum_mu s_mu . f(x_mu) for a linear f, which is the trace of f(V)."""
    xp = namespace(moment)
    outputs, pullback = ad.vjp(
        lambda p: objective.outputs(p, batch._replace(inputs=moment, indices=None)), params
    )
    rows = outputs.shape[0]
    unit = xp.eye(rows, dtype=moment.dtype, device=device(moment))
    return pullback(xp.reshape(unit, tuple(outputs.shape)))
