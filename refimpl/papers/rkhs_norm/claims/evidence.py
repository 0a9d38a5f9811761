"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import even, gain
from refimpl.claims.ledger import Outcome, all_of, claim
from refimpl.experiments.base import Result


@claim(
    "RK-21",
    paper="rkhs_norm",
    place="the authors (small samples); recorded comparison on digits",
    statement="On few examples penalties of the RKHS norm are ahead of the best-tuned "
    "baseline, in the recorded comparison",
    experiment="rkhs_norm_few_digits",
)
def ahead_with_few_examples(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "gradient norm"), gain(result, "adversarial norm"))


@claim(
    "RK-22",
    paper="rkhs_norm",
    place="the authors (robustness); recorded comparison on digits",
    statement="Under attack penalties of the RKHS norm are ahead of the best-tuned "
    "baseline, adversarial training among them, in the recorded comparison",
    experiment="rkhs_norm_robust_digits",
)
def ahead_under_attack(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "gradient norm"), gain(result, "adversarial norm"))


@claim(
    "RK-25",
    paper="rkhs_norm",
    place="control of the recorded comparisons, all of MNIST",
    statement="On all of MNIST, where there is little to gain, the gradient norm costs no "
    "accuracy: it lies within 0.3 points of the best-tuned baseline, in the recorded comparison",
    experiment="rkhs_norm_all_mnist",
)
def no_harm_on_mnist(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return even(result, "gradient norm", within=0.3)
