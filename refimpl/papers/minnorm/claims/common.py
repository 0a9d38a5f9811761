"""What several claims about minimum-norm training share."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, compare
from refimpl.experiments.base import Result

PAPER = "minnorm"


def same_path(registered: Result, *cases: str) -> Outcome:
    """The registered algorithm and the steps that the experiment writes out agree to rounding."""
    return compare(
        0.0,
        np.concatenate([registered[case] for case in cases]),
        1e4 * registered["eps"],
        note=f"registered algorithm against the written steps: {', '.join(cases)}",
    )
