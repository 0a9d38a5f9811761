"""Claims on digits with redrawn labels: paired over seeds, strengths chosen on validation."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim
from refimpl.claims.outcomes import paired
from refimpl.experiments.base import Result
from refimpl.experiments.comparison import differences
from refimpl.papers.amp.experiments.label_noise import DECAY
from refimpl.papers.amp.experiments.recipe import Recipe

RATE = Recipe().learning_rate


def values(result: Result, value: str, method: str, setting: float, noise: float) -> np.ndarray:
    """One number of a method at one strength, seed by seed."""
    rows = result.select(method=method, setting=setting, noise=noise)
    return rows[value][np.argsort(rows["seed"])]


def settings(result: Result, method: str, noise: float) -> list[float]:
    """The strengths of a method, in order."""
    return sorted(set(result.select(method=method, noise=noise)["setting"].tolist()))


def chosen(result: Result, method: str, noise: float) -> float:
    """The strength with the highest mean validation accuracy; the smallest of equals."""
    levels = settings(result, method, noise)
    means = [values(result, "validation_accuracy", method, s, noise).mean() for s in levels]
    return levels[int(np.argmax(means))]


def inside(result: Result, method: str, noise: float) -> Outcome:
    """Whether the chosen strength lies within the grid."""
    levels, best = settings(result, method, noise), chosen(result, method, noise)
    shown = f"{best:g} of {', '.join(f'{s:g}' for s in levels)}"
    return check(levels[0] < best < levels[-1], predicted="within the grid", measured=shown)


def gain(result: Result, method: str, setting: float, noise: float = 0.2) -> np.ndarray:
    """Test accuracy beyond plain descent at the recipe's weight decay, in points, seed by seed."""
    ours = values(result, "test_accuracy", method, setting, noise)
    return 100.0 * (ours - values(result, "test_accuracy", "sgd", DECAY, noise))


@claim(
    "AMP-16",
    paper="amp",
    place="derived from a pilot; digits, 300 training examples",
    statement="With 20 % of the labels redrawn AMP, its radius chosen on validation, is more than "
    "five points of test accuracy ahead of plain descent at the same rate and weight decay",
    experiment="amp_label_noise",
)
def ahead_under_noise(result: Result) -> Outcome:
    """The projection has little part in it, which the share of clipped tensors shows."""
    radius = chosen(result, "amp", 0.2)
    clipped = values(result, "clipped", "amp", radius, 0.2).mean()
    return all_of(
        paired(
            gain(result, "amp", radius),
            at_least=5.0,
            note=f"points at radius {radius:g}, where {100 * clipped:.1f} % of the tensors are "
            "clipped: the ascent step does it, not the projection",
        ),
        inside(result, "amp", 0.2),
        bound(clipped, between=(1e-6, 0.05)),
        bound(values(result, "clipped", "amp", 0.05, 0.2), at_least=0.5, note="at radius 0.05"),
    )


def within_grids(result: Result, *methods: str) -> Outcome:
    """Whether none of these methods has its choice at the end of its grid."""
    rows = [result.select(method=method) for method in methods]
    shown = ", ".join(
        f"{method} {row['setting'][0][row['chosen'][0]]}"
        for method, row in zip(methods, rows, strict=True)
    )
    return check(
        not any(row["at_edge"][0] for row in rows), predicted="within the grids", measured=shown
    )


@claim(
    "AMP-16b",
    paper="amp",
    place="derived; digits, 300 training examples",
    statement="With 20 % of the labels redrawn AMP is ahead of plain descent whose learning rate, "
    "and of weight decay whose strength, is chosen on validation among as many settings",
    experiment="amp_comparison_digits",
    profile="full",
)
def ahead_when_tuned(result: Result) -> Outcome:
    others = ", ".join(
        f"{method} {100.0 * differences(result, method, 'plain').mean():.1f}"
        for method in result["method"].tolist()
        if method != "plain"
    )
    return all_of(
        paired(
            100.0 * differences(result, "amp", "plain"),
            note=f"points beyond plain descent at its best rate; others: {others}",
        ),
        paired(100.0 * differences(result, "amp", "decay"), note="points beyond weight decay"),
        within_grids(result, "amp", "plain", "decay"),
    )


@claim(
    "AMP-16c",
    paper="amp",
    place="derived; MNIST, 1000 training images",
    statement="With 20 % of the labels redrawn AMP is more than five points ahead of plain descent "
    "at the same rate on MNIST (validation accuracy), and ahead of it at its best rate (test)",
    experiment="amp_comparison_mnist",
    profile="full",
)
def ahead_on_mnist(result: Result) -> Outcome:
    """Validation labels are redrawn too, which makes the first lead the smaller for it."""
    ours, plain = result.select(method="amp"), result.select(method="plain")
    same = plain["setting"][0].tolist().index(f"{RATE:g}")
    lead = ours["validation"][0, ours["chosen"][0]] - plain["validation"][0, same]
    decay = 100.0 * differences(result, "amp", "decay").mean()
    return all_of(
        paired(100.0 * lead, at_least=5.0, note=f"validation points at rate {RATE:g}"),
        paired(
            100.0 * differences(result, "amp", "plain"),
            note=f"test points beyond the best rate; {decay:.1f} beyond weight decay",
        ),
        within_grids(result, "amp", "plain"),
    )


@claim(
    "AMP-17",
    paper="amp",
    place="derived from a pilot; digits, 300 training examples",
    statement="With 20 % of the labels redrawn, the training loss rises and the test loss falls as "
    "the radius goes from 0 to 0.2",
    experiment="amp_label_noise",
)
def losses_part(result: Result) -> Outcome:
    """Means over seeds, of which each pair of neighbours is a check."""

    def means(value: str) -> np.ndarray:
        levels = [s for s in settings(result, "amp", 0.2) if s <= 0.2]
        plain = values(result, value, "sgd", DECAY, 0.2).mean()
        return np.asarray([plain, *(values(result, value, "amp", s, 0.2).mean() for s in levels)])

    train, test = means("train_loss"), means("test_loss")
    course = ", ".join(f"{a:.3f}/{b:.3f}" for a, b in zip(train, test, strict=True))
    return all_of(
        bound(np.diff(train), at_least=0.0, note=f"training/test loss {course}"),
        bound(np.diff(test), at_most=0.0),
    )


@claim(
    "AMP-18",
    paper="amp",
    place="the authors: AMP ends in flatter minima; checked on clean digits",
    statement="AMP ends at a flatter point than plain descent",
    experiment="amp_label_noise",
)
def flatter_end(result: Result) -> Outcome:
    """One-step sharpness of the training loss, r = 0.5, and the norm of its gradient."""
    condition = (
        "with redrawn labels; on clean digits, fitted by both, AMP's one-step sharpness and final "
        "gradient are the larger ones"
    )

    def difference(value: str, noise: float) -> np.ndarray:
        plain = values(result, value, "sgd", DECAY, noise)
        return values(result, value, "amp", 0.5, noise) - plain

    sharpness, slope = difference("sharpness", 0.0), difference("gradient_norm", 0.0)
    noisy = difference("sharpness", 0.2)
    return all_of(
        bound(
            sharpness.mean(),
            at_least=0.0,
            verdict="qualified",
            condition=condition,
            note=f"sharpness beyond plain descent's, clean; with noise {noisy.mean():.4f}; "
            f"gradient norm, clean, {slope.mean():.4f} beyond",
        ),
        bound(slope.mean(), at_least=0.0),
        bound(noisy.mean(), at_most=0.0),
    )


@claim(
    "AMP-19",
    paper="amp",
    place="the authors' tables (random perturbation tracks plain descent); checked on digits",
    statement="Random perturbation with AMP's mean squared length in every tensor gains less than "
    "half of what AMP gains under 20 % redrawn labels",
    experiment="amp_label_noise",
)
def random_gains_little(result: Result) -> Outcome:
    radius = float(result.select(method="random, matched")["setting"][0])
    adversarial, random = gain(result, "amp", radius), gain(result, "random, matched", radius)
    lengths = [
        values(result, "perturbation", method, radius, 0.2).mean()
        for method in ("amp", "random, matched")
    ]
    return all_of(
        paired(
            0.5 * adversarial - random,
            note=f"points; gains {adversarial.mean():.1f} and {random.mean():.1f}",
        ),
        bound(lengths[1] / lengths[0], between=(0.95, 1.1), note="ratio of lengths"),
    )
