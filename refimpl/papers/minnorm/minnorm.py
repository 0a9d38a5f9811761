"""Minnorm training: the least norm of the weights that fits the data, by Lagrange multipliers.

The program is min 1/2 sum_l ||W_l||² subject to a constraint on every example; its Lagrangian is
descended in the weights and ascended in the multipliers, which therefore integrate the error.

Algorithm
---------
1. v ← violation of each constraint of the batch at W; equality: v = e = y − f
2. g ← λ + ρ v; inequalities: g ← max(0, λ + ρ v)
3. Q_l ← (P/B) Σ_batch (∂f/∂W_l)ᵀ s(g): back-propagation of the signal s(g) in place of the error
   (the table of :mod:`refimpl.papers.minnorm.constraints`)
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

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    FirstOrder,
    Include,
    State,
    Tree,
    check_params,
    descend,
)
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.arrays import Array, namespace, put_rows, reduce, take_rows
from refimpl.checks import count, flag, non_negative, one_of, plain_numbers, positive
from refimpl.errors import TargetError
from refimpl.papers.minnorm.constraints import (
    CONSTRAINTS,
    Constraint,
    ConstraintName,
    make_constraint,
    measure,
)
from refimpl.papers.minnorm.guards import Steps, is_linear, refuse_data, refuse_linear
from refimpl.papers.minnorm.lagrangian import (
    lagrangian_gradient,
    moment,
    norm,
    pull_moment,
    shortfall,
)
from refimpl.papers.minnorm.progress import Terms, Watch
from refimpl.random import Rng

Order = Literal["simultaneous", "alternating"]
Norm = Literal["squared", "plain"]
PutRows = Callable[[Array, Any, Array], Array]


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
    watch : Watch
        By which the run is judged; the steps do not depend on it.
    """

    params: Tree
    step: int
    buffers: Tree
    multipliers: Array
    accumulator: Array | None
    active: Array
    watch: Watch


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


@dataclass(frozen=True, kw_only=True)
class Minnorm:
    """Minnorm training around a first-order update.

    Parameters
    ----------
    constraint : {"equality", "margin", "one_vs_rest", "crammer_singer", "loss"}
        What it means to fit an example; see :mod:`refimpl.papers.minnorm.constraints`.
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

    requires: ClassVar[tuple[str, ...]] = ("training", "objective")
    composes: ClassVar[str] = "its multipliers weigh the outputs against its own norm penalty"

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
        plain_numbers(self)
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

    def layers(self, params: Tree) -> list[Array]:
        """The leaves that decay, in order."""
        return [leaf for leaf in ad.flatten(params)[0] if self.decays(leaf)]

    def decays(self, leaf: Array) -> bool:
        """Whether ``leaf`` is a layer."""
        return self.include == "all" or leaf.ndim != 1

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
        outputs = _outputs(objective, params, training)
        try:
            constraint.check(outputs, training.targets)
        except ValueError as error:
            raise TargetError(f"constraint {self.constraint!r}: {error}") from None
        linear = is_linear(objective.model, params)
        if self.accumulate and not linear:
            raise ValueError("accumulate is for linear models without biases")
        if self.refuse:
            refuse_data(self.constraint, objective.model, params, training)
            if linear and self.base == "sgd" and self.norm == "squared":
                steps = Steps(self.learning_rate, self.multiplier_rate, self.damping, self.order)
                refuse_linear(self.constraint, steps, objective.model, training)

        violation = constraint.violation(outputs, training.targets)
        xp = namespace(outputs)
        zero = xp.zeros_like(violation)
        accumulator = None
        if self.accumulate:
            accumulator = moment(constraint.signal(outputs, training.targets, zero), training)
        return MinnormState(
            params=params,
            step=0,
            buffers=self.update.buffers(params),
            multipliers=zero,
            accumulator=accumulator,
            active=xp.count_nonzero(zero),
            watch=Watch.begin(zero, self.layers(params), violation, self.check_every),
        )

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
        return self.step_with_rows(state, objective, batch, put_rows)

    def step_with_rows(
        self, state: MinnormState, objective: Any, batch: Any, put: PutRows
    ) -> tuple[MinnormState, MinnormInfo]:
        """:meth:`step`, where ``put(array, indices, rows)`` replaces the batch's multipliers."""
        xp = namespace(state.multipliers)
        constraint = self.constraint_on(objective)
        old = _rows(state.multipliers, batch.indices)
        share = state.multipliers.shape[0] / old.shape[0]  # P/B

        outputs, pullback = ad.vjp(lambda params: objective.outputs(params, batch), state.params)
        targets = constraint.encode(outputs, batch.targets)
        violation, signal_of, losses = measure(constraint, outputs, targets)  # line 1
        fed = old if self.damping == 0.0 else constraint.weight(old + self.damping * violation)
        signal = signal_of(fed)  # line 2
        if state.accumulator is None:
            pulled = pullback(signal if share == 1.0 else share * signal)  # line 3
        else:
            kept = signal_of(old)
            news = pullback(share * (signal - kept))
            whole = pull_moment(objective, state.params, batch, state.accumulator)
            pulled = ad.map_tree(lambda a, b: a + b, news, whole)

        weights, structure = ad.flatten(state.params)
        gradient, squares, residual = lagrangian_gradient(
            weights,
            ad.flatten(pulled)[0],
            decays=[self.decays(leaf) for leaf in weights],
            plain_norm=self.norm == "plain",
        )
        moved = self._descend(state, weights, structure, gradient)  # line 4
        increment = violation
        if self.order == "alternating":
            increment = constraint.violation(objective.outputs(moved.params, batch), targets)
        new = constraint.weight(old + self.multiplier_rate * increment)  # line 5
        accumulator = state.accumulator
        if accumulator is not None:
            accumulator = accumulator + moment(signal_of(new) - kept, batch)

        multipliers = new
        if batch.indices is not None:
            multipliers = put(state.multipliers, batch.indices, new)
        active = state.active + (xp.count_nonzero(new) - xp.count_nonzero(old))
        broken, slack = shortfall(violation, fed, constraint.inequality)
        numbers = xp.stack([broken, residual, slack])
        watch, stopped = state.watch.record(numbers, old.shape[0]), False
        if watch.due(self.check_every):
            terms = self._terms(constraint.inequality)
            watch, stopped = watch.update(moved.step, multipliers, self.layers(moved.params), terms)
        new_state = MinnormState(*moved, multipliers, accumulator, active, watch)
        info = MinnormInfo(
            loss=_loss(objective, outputs, batch.targets, losses),
            violation=broken,
            kkt_residual=residual,
            complementarity=slack,
            active=active,
            multiplier_norm=norm(old),
            total_norm=reduce("sum", squares),
            layer_norms=xp.sqrt(squares),
            stalled=watch.stalled,
            stopped=stopped,
        )
        return new_state, info

    def _terms(self, inequality: bool) -> Terms:
        rate = min(self.learning_rate, self.multiplier_rate)
        return Terms(self.tolerance, self.kkt_tolerance, self.patience, rate, inequality)

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


def _outputs(objective: Any, params: Tree, batch: Any) -> Array:
    """The outputs on ``batch``, or a TypeError that says what the objective must be."""
    if not hasattr(objective, "outputs") or not hasattr(objective, "loss"):
        raise TypeError(
            "Minnorm constrains the outputs of a network, so it needs an Objective with .model, "
            f".loss and .outputs, not {type(objective).__name__}"
        )
    return objective.outputs(params, batch)


def _rows(values: Array, indices: Any) -> Array:
    return values if indices is None else take_rows(values, indices)


def _loss(objective: Any, outputs: Array, targets: Array, losses: Array | None) -> Array:
    """The objective on ``outputs``, from the ``losses`` of the examples where they are known."""
    if losses is None:
        return objective.loss(outputs, targets, reduction=objective.reduction)
    total = reduce("sum", losses)
    return total / losses.shape[0] if objective.reduction == "mean" else total
