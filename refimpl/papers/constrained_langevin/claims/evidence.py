"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import gain
from refimpl.claims.ledger import Outcome, all_of, claim
from refimpl.experiments.base import Result


@claim(
    "CL-49",
    paper="constrained_langevin",
    place="abstract (deep networks without normalization); recorded comparison on digits",
    statement="On eight layers circle and orthogonality constraints are both ahead of the "
    "best-tuned baseline, in the recorded comparison",
    experiment="constrained_deep_digits",
)
def ahead_deep(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "c-CoLA"), gain(result, "o-CoLA"))
