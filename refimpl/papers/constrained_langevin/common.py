"""What the constrained Langevin algorithms share: diagnostics, noise, failures, choices.

The processes themselves are in :mod:`refimpl.papers.constrained_langevin.overdamped` and
:mod:`refimpl.papers.constrained_langevin.splitting`. A step computes one checked gradient, moves
every
block of parameters on its constraint, and enters into a tally what the projections cost and which
of them failed.

>>> import numpy as np
>>> loss, gradient = checked_gradient(lambda w, batch: w[0] * w[0], np.array([3.0]), None, step=0)
>>> float(loss), gradient
(9.0, array([6.]))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Objective,
    Tree,
    check_params,
    loss_and_gradient,
    required_rng,
)
from refimpl.arrays import Array, namespace
from refimpl.checks import count, flag, non_negative, one_of, positive
from refimpl.constraints import (
    Blocks,
    Moved,
    Solved,
    Solver,
    orthonormal_params,
    residual_of,
    worst,
)
from refimpl.errors import DivergenceError, RefimplError
from refimpl.random import Rng

OnFailure = Literal["raise", "reject", "halve", "polar"]
Start = Literal["qr", "polar", "require"]
Determinant = Literal["start", "positive", "negative"]
DETERMINANTS: dict[str, int | None] = {"start": None, "positive": 1, "negative": -1}

FAILURE_HELP = "what to do where a projection has no solution; all but raise are reported"
DETERMINANT_HELP = "of square layers at the start, whose sign a run keeps"
START_HELP = "how initial weights that are not orthonormal become so, or require that they are"


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
class Tally:
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
        """The diagnostics of the step."""
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


def explained(error: RefimplError, step: int, step_size: float) -> RefimplError:
    """The error with the step and the step size among its numbers."""
    numbers = {**error.numbers, "step": step, "step_size": step_size}
    return type(error)(error.message, **numbers)


def draw_noise(q: list[Array], rng: Rng | None) -> list[Array]:
    """Standard normal numbers of the shape of every block."""
    stream = required_rng(rng)
    return [stream.normal(x.shape, like=x) for x in q]


def check_common(algorithm: Any) -> None:
    """Check the fields that all algorithms with a projection share."""
    check_solving(algorithm)
    one_of("on_failure", algorithm.on_failure, get_args(OnFailure))
    count("max_halvings", algorithm.max_halvings)


def check_solving(algorithm: Any) -> None:
    """Check the fields of :func:`check_common` but for those on steps without a solution."""
    positive("step_size", algorithm.step_size)
    non_negative("temperature", algorithm.temperature)
    one_of("solver", algorithm.solver, get_args(Solver))
    one_of("start", algorithm.start, get_args(Start))
    one_of("determinant", getattr(algorithm, "determinant", "start"), get_args(Determinant))
    flag("free_first", algorithm.free_first)


def check_radii(radii: Any) -> None:
    """Raise unless ``radii`` is a tuple of one positive number or more."""
    if not isinstance(radii, tuple):
        raise TypeError(f"radii must be a tuple of numbers, not {type(radii).__name__}")
    if not radii:
        raise ValueError("radii must hold one radius or more")
    for radius in radii:
        positive("radii", radius)


def feasible_start(algorithm: Any, params: Tree) -> tuple[Tree, Blocks, list[Array]]:
    """The parameters, made orthonormal where ``start`` says so, their blocks and positions."""
    check_params(params)
    blocks = algorithm.blocks(params)
    if not blocks.whole and algorithm.start != "require":
        sign = DETERMINANTS[getattr(algorithm, "determinant", "start")]
        params = orthonormal_params(params, blocks, algorithm.start, sign)
    return params, blocks, blocks.positions(params)
