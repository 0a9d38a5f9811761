"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import gain
from refimpl.claims.ledger import Outcome, all_of, claim
from refimpl.experiments.base import Result


@claim(
    "GR-31",
    paper="gradient_regularization",
    place="abstract (better test performance); recorded comparison on digits",
    statement="With few examples the gradient penalties are ahead of the best-tuned "
    "baseline, in the recorded comparison",
    experiment="gradient_regularization_few_digits",
)
def ahead_with_few_examples(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "Tikhonov"), gain(result, "total variation"))


@claim(
    "GR-32",
    paper="gradient_regularization",
    place="abstract (robustness); recorded comparison on digits",
    statement="Under attack the gradient penalties are ahead of the best-tuned baseline, "
    "input noise and loss gradients among them, in the recorded comparison",
    experiment="gradient_regularization_robust_digits",
)
def ahead_under_attack(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "Tikhonov"), gain(result, "total variation"))
