"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import gain, less
from refimpl.claims.ledger import Outcome, claim
from refimpl.experiments.base import Result


@claim(
    "MN-55",
    paper="minnorm",
    place="abstract (better generalization); recorded comparison on digits",
    statement="On few examples Minnorm training is ahead of the best-tuned baseline, in the "
    "recorded comparison",
    experiment="minnorm_few_digits",
)
def ahead_with_few_examples(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "minnorm")


@claim(
    "MN-56",
    paper="minnorm",
    place="abstract (identifies difficult examples); recorded comparison on digits",
    statement="The multipliers rank redrawn labels first better than the losses of the "
    "best-tuned baseline do, in the recorded comparison",
    experiment="minnorm_noisy_digits",
)
def finds_difficult_examples(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return less(result, "minnorm", "run_auc", "area under the curve", more=True)
