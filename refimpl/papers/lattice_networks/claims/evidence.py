"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import gain
from refimpl.claims.ledger import Outcome, claim
from refimpl.experiments.base import Result


@claim(
    "LAT-27",
    paper="lattice_networks",
    place="abstract (outperforms the standard penalty); recorded comparison, algebraic target",
    statement="On 127 lattice points the tailored penalty ends with a smaller error than "
    "the best-tuned baseline, in the recorded comparison",
    experiment="lattice_small",
)
def tailored_ahead(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "tailored", scale=1.0, what="less rms error")


@claim(
    "LAT-28",
    paper="lattice_networks",
    place="abstract (outperforms the standard penalty); recorded comparison, algebraic target",
    statement="On 1021 lattice points the tailored penalty ends with a smaller error than "
    "the best-tuned baseline, in the recorded comparison",
    experiment="lattice_large",
)
def tailored_ahead_on_more_points(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "tailored", scale=1.0, what="less rms error")
