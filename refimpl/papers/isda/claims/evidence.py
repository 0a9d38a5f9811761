"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import gain
from refimpl.claims.ledger import Outcome, claim
from refimpl.experiments.base import Result


@claim(
    "IS-21",
    paper="isda",
    place="abstract (consistently improves); recorded comparison on digits",
    statement="With few examples ISDA is ahead of the best-tuned baseline, in the recorded "
    "comparison",
    experiment="isda_few_digits",
)
def ahead_with_few_examples(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "ISDA")


@claim(
    "IS-22",
    paper="isda",
    place="abstract (consistently improves); recorded comparison on all of MNIST",
    statement="On all of MNIST ISDA is ahead of the best-tuned baseline, in the recorded "
    "comparison",
    experiment="isda_mnist",
)
def ahead_on_mnist(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "ISDA")
