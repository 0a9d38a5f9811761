"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import gain
from refimpl.claims.ledger import Outcome, all_of, claim
from refimpl.experiments.base import Result


@claim(
    "GD-18",
    paper="gradient_dropout",
    place="abstract (better generalization of meta-learning); recorded comparison on digits",
    statement="With ten training tasks gradient dropout is ahead of MAML at its best rate, "
    "in the recorded comparison",
    experiment="gradient_dropout_few_tasks",
)
def ahead_with_few_tasks(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "bernoulli"), gain(result, "gaussian"))


@claim(
    "GD-19",
    paper="gradient_dropout",
    place="abstract (better generalization of meta-learning); recorded comparison on MNIST",
    statement="With ten training tasks of MNIST gradient dropout is ahead of MAML at its best "
    "rate, in the recorded comparison",
    experiment="gradient_dropout_few_mnist",
)
def ahead_with_few_tasks_of_mnist(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "bernoulli"), gain(result, "gaussian"))
