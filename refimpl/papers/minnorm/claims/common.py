"""What several claims about minimum-norm training share."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, bound
from refimpl.experiments.base import Result

PAPER = "minnorm"
BRIDGE = "minnorm_registered"

ROUNDINGS = 1e3
"""How many roundings of their numbers two paths of some hundred steps may lie apart."""


def same_path(registered: Result, *cases: str) -> Outcome:
    """The algorithms of the package and the steps that the experiment writes out agree."""
    return bound(
        np.concatenate([registered[case] for case in cases]),
        at_most=ROUNDINGS,
        note=f"roundings between the package's steps and the written ones: {', '.join(cases)}",
    )
