"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from refimpl.claims.evidence import between, gain
from refimpl.claims.ledger import Outcome, all_of, claim
from refimpl.experiments.base import Result

NOISE = ("10", "20", "30", "50")
NOISY = tuple(f"minnorm_mnist_noise_{share}" for share in NOISE)
"""The comparisons on 500 images with so many percent of the labels redrawn."""


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
    theirs = (result.config.reference, "run_auc_loss")
    words = "area under the curve beyond that of the losses"
    return between(result, ("minnorm", "run_auc_multipliers"), theirs, words)


@claim(
    "MN-57",
    paper="minnorm",
    place="abstract (test accuracy boosted on MNIST); recorded comparison",
    statement="On 50 images of MNIST Minnorm training is ahead of the best-tuned baseline, in "
    "the recorded comparison",
    experiment="minnorm_mnist_50",
)
def ahead_on_50_images(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "minnorm")


@claim(
    "MN-58",
    paper="minnorm",
    place="abstract (test accuracy boosted on MNIST); recorded comparison",
    statement="On 500 images of MNIST Minnorm training is ahead of the best-tuned baseline, in "
    "the recorded comparison",
    experiment="minnorm_mnist_500",
)
def ahead_on_500_images(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "minnorm")


@claim(
    "MN-59",
    paper="minnorm",
    place="abstract (test accuracy boosted on MNIST); recorded comparison",
    statement="On 5,000 images of MNIST Minnorm training is ahead of the best-tuned baseline, in "
    "the recorded comparison",
    experiment="minnorm_mnist_5000",
)
def ahead_on_5000_images(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "minnorm")


@claim(
    "MN-60",
    paper="minnorm",
    place="abstract (test accuracy boosted on MNIST); recorded comparison",
    statement="On 50,000 images of MNIST Minnorm training is ahead of the best-tuned baseline, in "
    "the recorded comparison",
    experiment="minnorm_mnist_all",
)
def ahead_on_all_images(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return gain(result, "minnorm")


def _at_each(outcomes: list[Outcome]) -> Outcome:
    """All shares of redrawn labels together, with the numbers of each."""
    each = [f"{share} %: {one.measured}" for share, one in zip(NOISE, outcomes, strict=True)]
    return all_of(*outcomes, note="; ".join(each))


@claim(
    "MN-61",
    paper="minnorm",
    place="abstract (test accuracy boosted on MNIST); recorded comparisons",
    statement="With 10, 20, 30 and 50 % of the labels of 500 images redrawn Minnorm training is "
    "ahead of the best-tuned baseline, in the recorded comparisons",
    experiment=NOISY,
)
def ahead_with_redrawn_labels(*results: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of each record."""
    return _at_each([gain(result, "minnorm") for result in results])


def _ranked_better(results: tuple[Result, ...], method: str, score: str, words: str) -> Outcome:
    theirs = (method, f"run_auc_{score}")
    what = f"area under the curve beyond that of {words}"
    return _at_each(
        [
            between(result, ("minnorm", "run_auc_multipliers"), theirs, what, pairs=3)
            for result in results
        ]
    )


@claim(
    "MN-62",
    paper="minnorm",
    place="abstract (identifies difficult examples); recorded comparisons",
    statement="With 10 to 50 % of the labels of 500 images redrawn the multipliers rank them "
    "first better than the losses at the end of weight decay do, in the recorded comparisons",
    experiment=NOISY,
)
def multipliers_beside_losses(*results: Result) -> Outcome:
    """Areas under the curve, paired by seed."""
    return _ranked_better(results, "weight decay", "loss", "weight decay's losses")


@claim(
    "MN-63",
    paper="minnorm",
    place="abstract (identifies difficult examples); recorded comparisons",
    statement="The multipliers rank them first better than losses averaged over plain descent do, "
    "in the recorded comparisons",
    experiment=NOISY,
)
def multipliers_beside_averages(*results: Result) -> Outcome:
    """Areas under the curve, paired by seed."""
    return _ranked_better(results, "plain", "average", "averaged losses")


@claim(
    "MN-64",
    paper="minnorm",
    place="abstract (identifies difficult examples); recorded comparisons",
    statement="The multipliers rank them first better than the lengths of each example's gradient "
    "at the end of plain descent do, in the recorded comparisons",
    experiment=NOISY,
)
def multipliers_beside_gradients(*results: Result) -> Outcome:
    """Areas under the curve, paired by seed."""
    return _ranked_better(results, "plain", "gradient", "lengths of gradients")
