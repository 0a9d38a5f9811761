"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import between, gain, less
from refimpl.claims.ledger import Outcome, all_of, claim
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


@claim(
    "AMP-23",
    paper="amp",
    place="abstract (better generalization); recorded comparison on all of MNIST",
    statement="With redrawn labels of all of MNIST AMP is ahead of the best-tuned baseline, in "
    "the recorded comparison",
    experiment="amp_noisy_mnist",
)
def ahead_on_mnist(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "amp")


@claim(
    "AMP-24",
    paper="amp",
    place="abstract (the worst case within a ball); recorded comparison on all of MNIST",
    statement="With redrawn labels of all of MNIST AMP is ahead of SAM and of random perturbation, "
    "in the recorded comparison",
    experiment="amp_noisy_mnist",
)
def ahead_of_other_perturbations_on_mnist(result: Result) -> Outcome:
    """Test accuracies paired by seed, each at its best radius by validation."""
    return _ahead_of_others(result)


@claim(
    "AMP-25",
    paper="amp",
    place="abstract (the worst case within a ball); recorded comparison on digits",
    statement="With redrawn labels AMP is ahead of SAM and of random perturbation, in the recorded "
    "comparison",
    experiment="amp_noisy_digits",
)
def ahead_of_other_perturbations(result: Result) -> Outcome:
    """Test accuracies paired by seed, each at its best radius by validation."""
    return _ahead_of_others(result)


def _ahead_of_others(result: Result) -> Outcome:
    found = {}
    for other in ("sam", "random"):
        theirs, what = (other, "test_accuracy"), f"share of test images beyond {other}"
        found[other] = between(result, ("amp", "test_accuracy"), theirs, what, pairs=2)
    each = "; ".join(f"beyond {other}: {one.measured}" for other, one in found.items())
    return all_of(*found.values(), note=each)
