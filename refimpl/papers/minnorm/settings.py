"""The hyper-parameters of Minnorm training (:mod:`refimpl.papers.minnorm.minnorm`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    FirstOrder,
    Include,
    Tree,
    count,
    flag,
    non_negative,
    one_of,
    positive,
)
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.arrays import Array
from refimpl.papers.minnorm.constraints import (
    CONSTRAINTS,
    Constraint,
    ConstraintName,
    make_constraint,
)

Order = Literal["simultaneous", "alternating"]
Norm = Literal["squared", "plain"]


@dataclass(frozen=True)
class MinnormSettings:
    """The choices of Minnorm training, checked, and what follows from them alone.

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
    >>> MinnormSettings(constraint="loss", loss_level=0.0)
    Traceback (most recent call last):
    ...
    ValueError: loss_level must be positive and finite, not 0.0
    """

    requires: ClassVar[tuple[str, ...]] = ("training", "objective")

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

    def layers(self, params: Tree) -> list[Array]:
        """The leaves that decay, in order."""
        return [leaf for leaf in ad.flatten(params)[0] if self.decays(leaf)]

    def decays(self, leaf: Array) -> bool:
        """Whether ``leaf`` is a layer."""
        return self.include == "all" or leaf.ndim != 1
