"""Constrained Langevin training for any constraint g(q) = 0: overdamped and underdamped.

The processes keep q on Σ = {g = 0} by a multiplier along J(q)ᵀ, J = g':

    overdamped    dq = −∇V dt + √(2τ) dB + Jᵀ dλ
    underdamped   dq = p dt,  dp = (−∇V − γ p) dt + √(2γτ) dB + Jᵀ dλ,  J(q) p = 0

Algorithm
---------
Overdamped:

1. q̄ ← q − h ∇V(q; batch) + √(2τh) R
2. q ← SHAKE(q, q̄): the point q̄ − J(q)ᵀ λ of Σ (or the nearest point of Σ)

Underdamped, for the letters of the splitting from left to right, each with its share s of h, and
Π(q) = I − Jᵀ(J Jᵀ)⁻¹ J:

* A: q' ← SHAKE(q, q + s p),  p ← Π(q') (q' − q)/s  (circles rotate instead)
* B: p ← Π(q) (p − s ∇V(q; batch))
* O: p ← Π(q) (c p + d R),  c = exp(−γ s),  d = √(τ (1 − c²))

At τ = 0 these are constrained gradient descent and, for OBA, constrained heavy-ball momentum with
learning rate h² and μ = exp(−γ h).

Sources: B. Leimkuhler, T. Pouchon, T. Vlaar and A. Storkey, "Constraint-Based Regularization of
Neural Networks", arXiv 2006.10114; B. Leimkuhler, T. Vlaar, T. Pouchon and A. Storkey, "Better
Training using Weight-Constrained Stochastic Dynamics", ICML 2021. The processes are those of the
abstracts; the discretisation is derived here from the standard theory of constrained Langevin
dynamics (T. Lelièvre, M. Rousset and G. Stoltz, Math. Comp. 81, 2012; B. Leimkuhler and C.
Matthews, Proc. R. Soc. A 472, 2016).

===== ==========================================
paper code
===== ==========================================
h     ``step_size``
τ     ``temperature``
γ     ``friction``
q     ``state.positions``, slacks included
p     ``state.momenta``
g     ``blocks.constraints[i].residual``
λ     its largest entry is ``info.multiplier``
===== ==========================================

Deviations
----------
* Consecutive projections on one tangent space are one: momenta are projected before a drift and
  at the end of a step.
* One gradient a step: BAOAB and OBABO keep their last gradient for the next step's first B.
* A drift that has no solution raises. As options it is rejected (q kept, p ← −p), the step is
  halved (which changes the sampled law), or the nearest point is taken; ``info`` says so.

>>> import numpy as np
>>> from refimpl import autodiff as ad
>>> from refimpl.constraints import UserConstraint
>>> sphere = UserConstraint(lambda w: ad.sum(w * w) - 1.0)
>>> algorithm = ConstrainedOverdamped(step_size=0.1, temperature=0.0, user=sphere)
>>> state = algorithm.init(np.array([1.0, 0.0]))
>>> for _ in range(200):
...     state, info = algorithm.step(state, lambda w, batch: -w[1], None)
>>> np.round(state.params, 6)
array([0., 1.])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Objective,
    Tree,
    check_params,
    count,
    flag,
    loss_and_gradient,
    non_negative,
    one_of,
    positive,
    required_rng,
)
from refimpl.arrays import Array, eps, namespace
from refimpl.constraints import (
    Blocks,
    Circle,
    Constraint,
    Moved,
    Solved,
    Solver,
    Unconstrained,
    UserConstraint,
    circle_blocks,
    largest,
    orthogonal_blocks,
    orthonormal_params,
    residual_of,
    user_blocks,
    worst,
)
from refimpl.errors import ConvergenceError, DivergenceError, InfeasibleError, RefimplError
from refimpl.random import Rng

Splitting = Literal["BAOAB", "OBABO", "OABAO", "OBA", "AOAB", "as_released"]
OnFailure = Literal["raise", "reject", "halve", "polar"]
Start = Literal["qr", "polar", "require"]

LETTERS = {name: name for name in get_args(Splitting)} | {"as_released": "OBA"}
"""The parts of each splitting in time; ``as_released`` is the released order for matrices."""

SPLITTING_HELP = "order of the parts in time; as_released: the released code's order"
FAILURE_HELP = "what to do where a projection has no solution; all but raise are reported"
START_HELP = "how initial weights that are not orthonormal become so, or require that they are"


class OverdampedState(NamedTuple):
    """State of the overdamped scheme: ``positions`` are ``params`` with their slacks."""

    params: Tree
    step: int
    positions: list[Array]


class UnderdampedState(NamedTuple):
    """State of the underdamped scheme.

    Attributes
    ----------
    params : tree
    step : int
    positions, momenta : list of array
        Extended configurations and tangent momenta, one of each a block.
    gradients : list of array, or None
        The gradient at ``positions`` for the next step's first B; None where it is not reused.
        Zero, and not used, before the first step.
    """

    params: Tree
    step: int
    positions: list[Array]
    momenta: list[Array]
    gradients: list[Array] | None


class ConstrainedInfo(NamedTuple):
    """Diagnostics of a constrained step.

    Attributes
    ----------
    loss : 0-d array
        Where the gradient was taken.
    residual : 0-d array
        Largest entry of g after the step.
    tangency : 0-d array
        Largest entry of J p after the step; zero for overdamped steps.
    multiplier : 0-d array
        Largest Lagrange multiplier of the projections.
    iterations : int
        Of the projections' solvers, in all.
    rejected : int
        Drifts that were not made.
    halvings : int
        How often the step size was halved.
    fallbacks : int
        Projections replaced by the nearest point.
    """

    loss: Array
    residual: Array
    tangency: Array
    multiplier: Array
    iterations: int
    rejected: int
    halvings: int
    fallbacks: int


@dataclass
class _Tally:
    """What happened inside one step."""

    multipliers: list[Array]
    residuals: list[Array]
    iterations: int = 0
    rejected: int = 0
    halvings: int = 0
    fallbacks: int = 0

    def count(self, blocks: Blocks, ends: Sequence[Solved | Moved]) -> None:
        """Enter the projections of all blocks; the residual is that of the last ones."""
        self.multipliers += [end.multiplier for end in ends]
        self.residuals = blocks.each(residual_of, ends)
        self.iterations += sum(end.iterations for end in ends)

    def info(self, loss: Array, tangency: Array) -> ConstrainedInfo:
        return ConstrainedInfo(
            loss,
            worst(self.residuals),
            tangency,
            worst(self.multipliers),
            self.iterations,
            self.rejected,
            self.halvings,
            self.fallbacks,
        )


def checked_gradient(
    objective: Objective, params: Tree, batch: Any, step: int
) -> tuple[Array, Tree]:
    """The loss and its gradient.

    Raises
    ------
    DivergenceError
        If either is not finite: carries the step and the loss. The state that was given to the
        step is untouched, so a run can go on from it with a smaller step size.
    """
    loss, gradient = loss_and_gradient(objective, params, batch)
    leaves, _ = ad.flatten(gradient)
    xp = namespace(loss)
    total = loss
    for leaf in leaves:
        total = total + xp.sum(leaf)
    if not bool(xp.isfinite(total)):
        bad = [i for i, leaf in enumerate(leaves) if not bool(xp.all(xp.isfinite(leaf)))]
        if bad or not bool(xp.isfinite(loss)):
            raise DivergenceError(
                "the loss or its gradient is not finite; the state before the step is kept: "
                "lower the step size or the temperature",
                step=step,
                loss=float(loss),
                parameters=tuple(bad),
            )
    return loss, gradient


def _explained(error: RefimplError, step: int, step_size: float) -> RefimplError:
    numbers = {**error.numbers, "step": step, "step_size": step_size}
    return type(error)(error.message, **numbers)


def _noise(q: list[Array], rng: Rng | None) -> list[Array]:
    stream = required_rng(rng)
    return [stream.normal(x.shape, like=x) for x in q]


# --- overdamped ----------------------------------------------------------------------------------


def overdamped_step(
    blocks: Blocks,
    state: OverdampedState,
    objective: Objective,
    batch: Any,
    rng: Rng | None,
    *,
    step_size: float,
    temperature: float,
    projection: str = "shake",
    increment: str = "raw",
    on_failure: OnFailure = "raise",
    max_halvings: int = 10,
) -> tuple[OverdampedState, ConstrainedInfo]:
    """One overdamped step of any blocks; see the module's algorithm.

    Parameters
    ----------
    projection : {"shake", "nearest"}
    increment : {"raw", "projected"}
        Whether the increment is first projected on the tangent space. SHAKE gives the same
        point; the nearest point is another scheme.
    on_failure : {"raise", "reject", "halve", "polar"}

    Raises
    ------
    InfeasibleError, ConvergenceError
        With ``step`` and ``step_size`` among the numbers.
    DivergenceError
        If the gradient is not finite.
    """
    q = state.positions
    loss, gradient = checked_gradient(objective, state.params, batch, state.step)
    slopes = blocks.gradients(gradient, q)
    tally = _Tally([], [])
    noise = _noise(q, rng) if temperature > 0.0 else None

    def solve(constraint: Constraint, x: Array, u: Array) -> Solved:
        if projection == "nearest":
            return constraint.nearest(x + u)
        try:
            return constraint.project(x, x + u)
        except (InfeasibleError, ConvergenceError):
            if on_failure != "polar":
                raise
            tally.fallbacks += 1
            return constraint.nearest(x + u)

    h = step_size
    while True:
        steps = [-h * slope for slope in slopes]
        if noise is not None:
            scale = math.sqrt(2.0 * temperature * h)
            steps = [u + scale * xi for u, xi in zip(steps, noise, strict=True)]
        if increment == "projected":
            steps = blocks.each(lambda c, x, u: c.project_tangent(x, u), q, steps)
        try:
            solved = blocks.each(solve, q, steps)
        except (InfeasibleError, ConvergenceError) as error:
            if on_failure == "halve" and tally.halvings < max_halvings:
                tally.halvings += 1
                h = 0.5 * h
                continue
            if on_failure != "reject":
                raise _explained(error, state.step, h) from None
            tally.rejected = 1
            solved = [Solved(x, 0, 0.0 * largest(x)) for x in q]
        break
    new = [item.point for item in solved]
    tally.count(blocks, solved)
    params = blocks.params(state.params, new)
    return OverdampedState(params, state.step + 1, new), tally.info(loss, 0.0 * loss)


# --- underdamped ---------------------------------------------------------------------------------


def initial_momenta(
    blocks: Blocks, positions: list[Array], temperature: float, rng: Rng | None
) -> list[Array]:
    """Zero momenta, or with an rng the tangent Gaussian law N(0, τ Π(q))."""
    if rng is None or temperature == 0.0:
        return [0.0 * q for q in positions]
    scale = math.sqrt(temperature)
    draws = [scale * xi for xi in _noise(positions, rng)]
    return blocks.each(lambda c, q, u: c.project_tangent(q, u), positions, draws)


def keeps_gradient(letters: str) -> bool:
    """Whether the step ends with a gradient taken at its last position."""
    return letters != "AOAB" and letters.rindex("B") > letters.rindex("A")


def underdamped_step(
    blocks: Blocks,
    state: UnderdampedState,
    objective: Objective,
    batch: Any,
    rng: Rng | None,
    *,
    letters: str,
    step_size: float,
    friction: float,
    temperature: float,
    on_failure: OnFailure = "raise",
    max_halvings: int = 10,
    reversibility_check: bool = False,
) -> tuple[UnderdampedState, ConstrainedInfo]:
    """One underdamped step of any blocks; see the module's algorithm.

    Parameters
    ----------
    letters : str
        The parts of the splitting in time; the share of a part is h over its number of
        appearances. For ``"AOAB"`` the first step begins with half a B, so that its positions
        are those of BAOAB.
    on_failure : {"raise", "reject", "halve", "polar"}
    reversibility_check : bool
        Reject a drift, with p ← −p, from which the reversed drift does not lead back.

    Raises
    ------
    InfeasibleError, ConvergenceError
        With ``step`` and ``step_size`` among the numbers.
    DivergenceError
        If the gradient is not finite.
    """
    h, halvings = step_size, 0
    while True:
        try:
            return _underdamped_attempt(
                blocks, state, objective, batch, rng, letters, h, friction, temperature,
                on_failure, reversibility_check, halvings,
            )  # fmt: skip
        except (InfeasibleError, ConvergenceError) as error:
            if on_failure != "halve" or halvings >= max_halvings:
                raise _explained(error, state.step, h) from None
            h, halvings = 0.5 * h, halvings + 1
            rng = None if rng is None else rng.child("halving", halvings)


def _underdamped_attempt(
    blocks: Blocks,
    state: UnderdampedState,
    objective: Objective,
    batch: Any,
    rng: Rng | None,
    letters: str,
    h: float,
    friction: float,
    temperature: float,
    on_failure: OnFailure,
    reversibility_check: bool,
    halvings: int,
) -> tuple[UnderdampedState, ConstrainedInfo]:
    q, p = state.positions, state.momenta
    params = state.params
    tally = _Tally([], [], halvings=halvings)
    slopes = state.gradients if state.step > 0 else None
    loss = None
    tangent = True

    def project(q: list[Array], p: list[Array]) -> list[Array]:
        return blocks.each(lambda c, x, u: c.project_tangent(x, u), q, p)

    def kick(p: list[Array], s: float) -> list[Array]:
        nonlocal loss, slopes, params
        if slopes is None:
            params = blocks.params(state.params, q)
            loss, gradient = checked_gradient(objective, params, batch, state.step)
            slopes = blocks.gradients(gradient, q)
        return [u - s * slope for u, slope in zip(p, slopes, strict=True)]

    if letters == "AOAB" and state.step == 0:
        p, tangent, slopes = kick(p, 0.5 * h), False, None
    for part in letters:
        s = h / letters.count(part)
        if part == "A":
            options = (s, tangent, on_failure, reversibility_check, tally)
            moved = blocks.each(lambda c, x, u, o=options: _move(c, x, u, *o), q, p)
            q, p = [m.position for m in moved], [m.momentum for m in moved]
            tally.count(blocks, moved)
            slopes = None
        elif part == "B":
            p = kick(p, s)
        else:
            c = math.exp(-friction * s)
            d = math.sqrt(temperature * -math.expm1(-2.0 * friction * s))
            p = [c * u for u in p]
            if d > 0.0:
                p = [u + d * xi for u, xi in zip(p, _noise(q, rng), strict=True)]
        tangent = False
    p = project(q, p)
    params = blocks.params(state.params, q)
    kept = slopes if keeps_gradient(letters) else None
    new = UnderdampedState(params, state.step + 1, q, p, kept)
    assert loss is not None
    tangency = worst(blocks.each(lambda c, x, u: largest(c.tangency(x, u)), q, p))
    return new, tally.info(loss, tangency)


def _move(
    constraint: Constraint,
    q: Array,
    p: Array,
    h: float,
    tangent: bool,
    on_failure: OnFailure,
    reversibility_check: bool,
    tally: _Tally,
) -> Moved:
    """The drift of one block, and what becomes of one without a solution."""
    try:
        end = constraint.move(q, p, h, tangent)
    except (InfeasibleError, ConvergenceError):
        if on_failure == "reject":
            tally.rejected += 1
            return Moved(q, -p, 0, 0.0 * largest(q))
        if on_failure != "polar":
            raise
        tally.fallbacks += 1
        point = constraint.nearest(q + h * constraint.project_tangent(q, p))
        return Moved(point.point, (point.point - q) / h, 0, point.multiplier)
    if not reversibility_check or isinstance(constraint, (Circle, Unconstrained)):
        return end
    back = constraint.project_tangent(end.position, -end.momentum)
    try:
        returned = constraint.move(end.position, back, h).position
        gap = float(largest(returned - q))
    except (InfeasibleError, ConvergenceError):
        gap = math.inf
    if gap <= math.sqrt(eps(q)) * (1.0 + float(largest(q))):
        return end
    tally.rejected += 1
    return Moved(q, -p, end.iterations, end.multiplier)


# --- the general algorithms ----------------------------------------------------------------------


def _general_blocks(algorithm: Any, params: Tree) -> Blocks:
    if algorithm.user is not None:
        return user_blocks(algorithm.user)
    if algorithm.constraint == "circle":
        return circle_blocks(params, algorithm.radii, motion=algorithm.circle_motion)
    if algorithm.constraint == "orthogonal":
        return orthogonal_blocks(params, algorithm.free_first, algorithm.solver)
    return Blocks(tuple(Unconstrained() for _ in ad.flatten(params)[0]))


def _general_start(algorithm: Any, params: Tree) -> tuple[Tree, list[Array]]:
    check_params(params)
    blocks = _general_blocks(algorithm, params)
    if not blocks.whole and algorithm.start != "require":
        params = orthonormal_params(params, blocks, algorithm.start)
    return params, blocks.positions(params)


def check_common(algorithm: Any) -> None:
    """Check the fields that all algorithms with a projection share."""
    positive("step_size", algorithm.step_size)
    non_negative("temperature", algorithm.temperature)
    one_of("solver", algorithm.solver, get_args(Solver))
    one_of("on_failure", algorithm.on_failure, get_args(OnFailure))
    count("max_halvings", algorithm.max_halvings)
    one_of("start", algorithm.start, get_args(Start))
    flag("free_first", algorithm.free_first)


def check_radii(radii: Any) -> None:
    """Raise unless ``radii`` is a tuple of one positive number or more."""
    if not isinstance(radii, tuple):
        raise TypeError(f"radii must be a tuple of numbers, not {type(radii).__name__}")
    if not radii:
        raise ValueError("radii must hold one radius or more")
    for radius in radii:
        positive("radii", radius)


def _check_general(algorithm: Any) -> None:
    check_common(algorithm)
    one_of("constraint", algorithm.constraint, ("orthogonal", "circle", "none"))
    one_of("circle_motion", algorithm.circle_motion, ("rotation", "shake"))
    check_radii(algorithm.radii)
    if algorithm.user is not None and not isinstance(algorithm.user, UserConstraint):
        raise TypeError(
            f"user must be a UserConstraint or None, not {type(algorithm.user).__name__}"
        )
    if algorithm.user is not None and algorithm.on_failure == "polar":
        raise ValueError("on_failure='polar' needs a nearest point, which user constraints lack")


Named = Literal["orthogonal", "circle", "none"]
_CONSTRAINT_HELP = "the constraint, where no user constraint is given"


@dataclass(frozen=True)
class ConstrainedOverdamped:
    """Overdamped constrained Langevin dynamics for any constraint (constrained SGLD).

    Parameters
    ----------
    step_size : float
        h, positive.
    temperature : float
        τ, non-negative; zero is constrained gradient descent.
    constraint : {"orthogonal", "circle", "none"}
        Used where ``user`` is None.
    radii : tuple of float
        For circles: one for every layer; the last one serves all further layers.
    circle_motion : {"rotation", "shake"}
        Drift of circles (underdamped only).
    free_first : bool
        Whether orthogonality leaves the first layer free.
    user : UserConstraint, optional
        On all parameters together, as one vector.
    projection : {"shake", "nearest"}
        Along the old normal, or to the nearest point.
    increment : {"raw", "projected"}
    solver : {"auto", "quasi_newton", "newton"}
        Of the orthogonality projection.
    on_failure : {"raise", "reject", "halve", "polar"}
    max_halvings : int
    start : {"qr", "polar", "require"}

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> ConstrainedOverdamped(radii=(-1.0,))
    Traceback (most recent call last):
    ...
    ValueError: radii must be positive and finite, not -1.0
    """

    step_size: float = field(default=0.1, metadata={"help": "step size h, positive"})
    temperature: float = field(default=1e-5, metadata={"help": "temperature, >= 0"})
    constraint: Named = field(default="orthogonal", metadata={"help": _CONSTRAINT_HELP})
    radii: tuple[float, ...] = field(default=(1.0,), metadata={"help": "circle radius per layer"})
    circle_motion: Literal["rotation", "shake"] = field(
        default="rotation", metadata={"help": "drift of circles"}
    )
    free_first: bool = field(default=True, metadata={"help": "leave the first layer free"})
    user: UserConstraint | None = field(
        default=None, metadata={"help": "a user-defined constraint (from Python only)"}
    )
    projection: Literal["shake", "nearest"] = field(
        default="shake", metadata={"help": "along the old normal, or to the nearest point"}
    )
    increment: Literal["raw", "projected"] = field(
        default="raw", metadata={"help": "project the increment on the tangent space first"}
    )
    solver: Solver = field(default="auto", metadata={"help": "of the orthogonality projection"})
    on_failure: OnFailure = field(default="raise", metadata={"help": FAILURE_HELP})
    max_halvings: int = field(default=10, metadata={"help": "most halvings of one step"})
    start: Start = field(default="qr", metadata={"help": START_HELP})

    def __post_init__(self) -> None:
        _check_general(self)
        one_of("projection", self.projection, ("shake", "nearest"))
        one_of("increment", self.increment, ("raw", "projected"))
        if self.user is not None and self.projection == "nearest":
            raise ValueError("projection='nearest' is not available for user constraints")

    def blocks(self, params: Tree) -> Blocks:
        """Which constraint acts on which parameters."""
        return _general_blocks(self, params)

    def init(self, params: Tree) -> OverdampedState:
        """The state before the first step.

        Raises
        ------
        InfeasibleError
            If the parameters do not satisfy the constraint and cannot be made to.
        ConstraintError
            If a user constraint's Jacobian has no full rank.
        """
        params, positions = _general_start(self, params)
        return OverdampedState(params, 0, positions)

    def step(
        self, state: OverdampedState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[OverdampedState, ConstrainedInfo]:
        """One step; see :func:`overdamped_step` for the errors."""
        return overdamped_step(
            self.blocks(state.params),
            state,
            objective,
            batch,
            rng,
            step_size=self.step_size,
            temperature=self.temperature,
            projection=self.projection,
            increment=self.increment,
            on_failure=self.on_failure,
            max_halvings=self.max_halvings,
        )


@dataclass(frozen=True)
class ConstrainedUnderdamped:
    """Underdamped constrained Langevin dynamics for any constraint.

    Parameters
    ----------
    step_size : float
        h, positive.
    friction : float
        γ, non-negative.
    temperature : float
        τ, non-negative; zero is constrained momentum.
    splitting : {"BAOAB", "OBABO", "OABAO", "OBA", "AOAB", "as_released"}
        Order of the parts in time.
    constraint, radii, circle_motion, free_first, user, solver, on_failure, max_halvings, start
        As for :class:`ConstrainedOverdamped`.
    reversibility_check : bool
        Reject drifts that the reversed drift does not undo (another branch was reached).

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> ConstrainedUnderdamped(friction=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: friction must be non-negative and finite, not -1.0
    """

    step_size: float = field(default=0.1, metadata={"help": "step size h, positive"})
    friction: float = field(default=1.0, metadata={"help": "friction gamma, >= 0"})
    temperature: float = field(default=1e-5, metadata={"help": "temperature, >= 0"})
    splitting: Splitting = field(default="BAOAB", metadata={"help": SPLITTING_HELP})
    constraint: Named = field(default="orthogonal", metadata={"help": _CONSTRAINT_HELP})
    radii: tuple[float, ...] = field(default=(1.0,), metadata={"help": "circle radius per layer"})
    circle_motion: Literal["rotation", "shake"] = field(
        default="rotation", metadata={"help": "drift of circles"}
    )
    free_first: bool = field(default=True, metadata={"help": "leave the first layer free"})
    user: UserConstraint | None = field(
        default=None, metadata={"help": "a user-defined constraint (from Python only)"}
    )
    solver: Solver = field(default="auto", metadata={"help": "of the orthogonality projection"})
    on_failure: OnFailure = field(default="raise", metadata={"help": FAILURE_HELP})
    max_halvings: int = field(default=10, metadata={"help": "most halvings of one step"})
    reversibility_check: bool = field(
        default=False, metadata={"help": "reject drifts that cannot be undone"}
    )
    start: Start = field(default="qr", metadata={"help": START_HELP})

    def __post_init__(self) -> None:
        _check_general(self)
        non_negative("friction", self.friction)
        one_of("splitting", self.splitting, get_args(Splitting))
        flag("reversibility_check", self.reversibility_check)

    def blocks(self, params: Tree) -> Blocks:
        """Which constraint acts on which parameters."""
        return _general_blocks(self, params)

    def init(self, params: Tree, rng: Rng | None = None) -> UnderdampedState:
        """The state before the first step; ``rng`` draws the momenta from N(0, τ Π).

        Raises
        ------
        InfeasibleError, ConstraintError
            As :meth:`ConstrainedOverdamped.init`.
        """
        params, positions = _general_start(self, params)
        return first_underdamped(self, self.blocks(params), params, positions, rng)

    def step(
        self, state: UnderdampedState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[UnderdampedState, ConstrainedInfo]:
        """One step; see :func:`underdamped_step` for the errors."""
        return underdamped_step(
            self.blocks(state.params),
            state,
            objective,
            batch,
            rng,
            letters=LETTERS[self.splitting],
            step_size=self.step_size,
            friction=self.friction,
            temperature=self.temperature,
            on_failure=self.on_failure,
            max_halvings=self.max_halvings,
            reversibility_check=self.reversibility_check,
        )


def first_underdamped(
    algorithm: Any, blocks: Blocks, params: Tree, positions: list[Array], rng: Rng | None
) -> UnderdampedState:
    """The first state of an underdamped algorithm with ``temperature`` and ``splitting``."""
    momenta = initial_momenta(blocks, positions, algorithm.temperature, rng)
    kept = None
    if keeps_gradient(LETTERS[algorithm.splitting]):
        kept = [0.0 * q for q in positions]
    return UnderdampedState(params, 0, positions, momenta, kept)
