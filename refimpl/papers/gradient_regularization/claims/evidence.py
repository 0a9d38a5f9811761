"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import apart, even, gain
from refimpl.claims.ledger import Outcome, all_of, claim
from refimpl.experiments.base import Result

PENALTIES = ("Tikhonov", "total variation")


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
    return all_of(*(gain(result, name) for name in PENALTIES))


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
    return all_of(*(gain(result, name) for name in PENALTIES))


@claim(
    "GR-33",
    paper="gradient_regularization",
    place="control of the recorded comparisons, all of MNIST",
    statement="On all of MNIST, where there is little to gain, the gradient penalties cost no "
    "accuracy: they lie within 0.3 points of the best-tuned baseline, in the recorded comparison",
    experiment="gradient_regularization_all_mnist",
)
def no_harm_on_mnist(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    found = {name: even(result, name, within=0.3) for name in PENALTIES}
    each = "; ".join(f"{name}: {one.measured}" for name, one in found.items())
    return all_of(*found.values(), note=each)


@claim(
    "GR-29",
    paper="gradient_regularization",
    place="observed here; recorded comparison on MNIST",
    statement="On 300 images of MNIST both raise accuracy under l2 attacks of radius 1 by more "
    "than 0.1, and clean accuracy, in the recorded comparison",
    experiment="gradient_regularization_few_mnist",
)
def both_help_on_mnist(result: Result) -> Outcome:
    """Paired by seed with training without a penalty; strengths chosen by clean accuracy."""
    facts = result.config
    rows = {name: result.select(method=name) for name in ("none", *PENALTIES)}

    def beyond(name: str, key: str, least: float) -> Outcome:
        gained = rows[name][key][0] - rows["none"][key][0]
        return apart(
            gained - least,
            condition=f"{facts.title}, {facts.seeds} seeds",
            confidence=facts.confidence,
            note=f"{name}: {key} beyond none and {least:g}; {facts.words}",
        )

    scores = (("test_attacked", 0.1), ("test_accuracy", 0.0))
    return all_of(*(beyond(name, *score) for name in PENALTIES for score in scores))
