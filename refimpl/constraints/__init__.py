"""Constraints on parameters, one file each, behind one interface, and who is constrained.

>>> import numpy as np
>>> params = [{"weight": np.eye(3, 2)}, {"weight": np.eye(2), "bias": np.zeros(2)}]
>>> [type(c).__name__ for c in orthogonal_blocks(params).constraints]
['Unconstrained', 'Orthogonal', 'Unconstrained']
"""

from refimpl.constraints.base import (
    Blocks,
    Constraint,
    Moved,
    Solved,
    Solver,
    drift,
    largest,
    residual_of,
    worst,
)
from refimpl.constraints.circle import Circle
from refimpl.constraints.many import over_chains
from refimpl.constraints.many_base import ManyChains, Moves, choose, largest_of_each
from refimpl.constraints.maps import (
    circle_blocks,
    layer_radii,
    orthogonal_blocks,
    orthonormal_params,
    user_blocks,
)
from refimpl.constraints.orthogonal import Orthogonal, orthonormal_factor
from refimpl.constraints.orthogonal_existence import increment_norms, solvability
from refimpl.constraints.unconstrained import Unconstrained
from refimpl.constraints.user import UserConstraint

__all__ = [
    "Blocks",
    "Circle",
    "Constraint",
    "ManyChains",
    "Moved",
    "Moves",
    "Orthogonal",
    "Solved",
    "Solver",
    "Unconstrained",
    "UserConstraint",
    "choose",
    "circle_blocks",
    "drift",
    "increment_norms",
    "largest",
    "largest_of_each",
    "layer_radii",
    "orthogonal_blocks",
    "orthonormal_factor",
    "orthonormal_params",
    "over_chains",
    "residual_of",
    "solvability",
    "user_blocks",
    "worst",
]
