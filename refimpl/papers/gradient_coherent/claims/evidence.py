"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import gain
from refimpl.claims.ledger import Outcome, claim
from refimpl.experiments.base import Result


@claim(
    "GC-49",
    paper="gradient_coherent",
    place="abstracts (accuracy under strong regularization); recorded comparison on digits",
    statement="With redrawn labels on eight layers the gate is ahead of the best-tuned "
    "baseline, in the recorded comparison",
    experiment="gradient_coherent_noisy_digits",
)
def gate_ahead(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "gate")


@claim(
    "GC-50",
    paper="gradient_coherent",
    place="abstract (compression, up to 9.9 times more); recorded comparison on digits",
    statement="At 94 % accuracy the gate keeps fewer weights under L1 than the plain "
    "penalty, in the recorded comparison",
    experiment="gradient_coherent_compression",
)
def gate_compresses(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "gated L1", scale=100.0, what="percent of the weights fewer")


@claim(
    "GC-51",
    paper="gradient_coherent",
    place="abstracts (accuracy under strong regularization); recorded comparison on all of MNIST",
    statement="With redrawn labels of all of MNIST on eight layers the gate is ahead of the "
    "best-tuned baseline, in the recorded comparison",
    experiment="gradient_coherent_all_mnist",
)
def gate_ahead_on_mnist(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "gate")


@claim(
    "GC-52",
    paper="gradient_coherent",
    place="abstract (2018: a delay); recorded comparison on all of MNIST",
    statement="With redrawn labels of all of MNIST on eight layers the delay is ahead of the "
    "best-tuned baseline, in the recorded comparison",
    experiment="gradient_coherent_all_mnist",
)
def delay_ahead_on_mnist(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "delay")
