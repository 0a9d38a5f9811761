"""Which constraint: the fields that the four algorithms for any constraint share.

>>> choice = ConstraintChoice(constraint="circle", radii=(0.5,))
>>> import numpy as np
>>> choice.blocks([np.zeros((2, 2)), np.zeros(2)]).constraints[0]
Circle(radius=0.5, motion='rotation')
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.checks import one_of
from refimpl.constraints import (
    Blocks,
    Solver,
    Unconstrained,
    UserConstraint,
    circle_blocks,
    orthogonal_blocks,
    user_blocks,
)
from refimpl.papers.constrained_langevin.common import START_HELP, Start, check_radii

Named = Literal["orthogonal", "circle", "none"]


@dataclass(frozen=True, kw_only=True)
class ConstraintChoice:
    """The constraint of an algorithm for any constraint.

    Parameters
    ----------
    constraint : {"orthogonal", "circle", "none"}
        Used where ``user`` is None.
    radii : tuple of float
        For circles: one for every layer; the last one serves all further layers.
    circle_motion : {"rotation", "shake"}
        Drift of circles.
    free_first : bool
        Whether orthogonality leaves the first layer free.
    user : UserConstraint, optional
        On all parameters together, as one vector.
    solver : {"auto", "quasi_newton", "newton"}
        Of the orthogonality projection.
    start : {"qr", "polar", "require"}
        How initial weights that are not orthonormal become so.
    """

    constraint: Named = field(
        default="orthogonal",
        metadata={"help": "the constraint, where no user constraint is given"},
    )
    radii: tuple[float, ...] = field(default=(1.0,), metadata={"help": "circle radius per layer"})
    circle_motion: Literal["rotation", "shake"] = field(
        default="rotation", metadata={"help": "drift of circles"}
    )
    free_first: bool = field(default=True, metadata={"help": "leave the first layer free"})
    user: UserConstraint | None = field(
        default=None, metadata={"help": "a user-defined constraint (from Python only)"}
    )
    solver: Solver = field(default="auto", metadata={"help": "of the orthogonality projection"})
    start: Start = field(default="qr", metadata={"help": START_HELP})

    def check_choice(self) -> None:
        """Raise TypeError or ValueError for a field out of range that chooses the constraint."""
        one_of("constraint", self.constraint, ("orthogonal", "circle", "none"))
        one_of("circle_motion", self.circle_motion, ("rotation", "shake"))
        check_radii(self.radii)
        if self.user is not None and not isinstance(self.user, UserConstraint):
            raise TypeError(
                f"user must be a UserConstraint or None, not {type(self.user).__name__}"
            )
        if self.user is not None and getattr(self, "on_failure", "raise") == "polar":
            raise ValueError(
                "on_failure='polar' needs a nearest point, which user constraints lack"
            )

    def blocks(self, params: Tree) -> Blocks:
        """Which constraint acts on which parameters."""
        if self.user is not None:
            return user_blocks(self.user)
        if self.constraint == "circle":
            return circle_blocks(params, self.radii, motion=self.circle_motion)
        if self.constraint == "orthogonal":
            return orthogonal_blocks(params, self.free_first, self.solver)
        return Blocks(tuple(Unconstrained() for _ in ad.flatten(params)[0]))
