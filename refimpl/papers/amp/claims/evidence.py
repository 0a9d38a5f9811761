"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import gain, less
from refimpl.claims.ledger import Outcome, claim
from refimpl.experiments.base import Result


@claim(
    "AMP-21",
    paper="amp",
    place="abstract (better generalization); recorded comparison on digits",
    statement="With redrawn labels AMP is ahead of the best-tuned baseline, in the recorded "
    "comparison",
    experiment="amp_noisy_digits",
)
def ahead(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "amp")


@claim(
    "AMP-22",
    paper="amp",
    place="abstract (flat minima); recorded comparison on digits",
    statement="With redrawn labels AMP ends in a flatter place than the best-tuned "
    "baseline: its training loss rises less within 0.5 along the gradient",
    experiment="amp_noisy_digits",
)
def flatter(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return less(result, "amp", "test_sharpness", "one-step sharpness")
