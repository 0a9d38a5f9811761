"""Headlines that recorded comparisons with tuned baselines can judge."""

from __future__ import annotations

from typing import Any

from refimpl.claims.evidence import gain
from refimpl.claims.ledger import Outcome, all_of, claim, paired
from refimpl.experiments.base import Result

NATS: dict[str, Any] = {"scale": 1.0, "what": "nats a token"}


@claim(
    "CL-49",
    paper="constrained_langevin",
    place="abstract (deep networks without normalization); recorded comparison on digits",
    statement="On eight layers circle and orthogonality constraints are both ahead of the "
    "best-tuned baseline, in the recorded comparison",
    experiment="constrained_deep_digits",
)
def ahead_deep(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "c-CoLA"), gain(result, "o-CoLA"))


@claim(
    "CL-51",
    paper="constrained_langevin",
    place="figure of the repository (spirals of four turns); recorded comparison",
    statement="On spirals of four turns circle and orthogonality constraints are both ahead of the "
    "best-tuned baseline, in the recorded comparison",
    experiment="constrained_spiral",
)
def ahead_spiral(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "c-CoLA"), gain(result, "o-CoLA"))


@claim(
    "CL-56",
    paper="constrained_langevin",
    place="figure of the repository (spirals of four turns); recorded comparison, 400 epochs",
    statement="On spirals of four turns, 400 epochs, circle and orthogonality constraints are both "
    "ahead of the best-tuned baseline, in the recorded comparison",
    experiment="constrained_spiral_long",
)
def ahead_spiral_long(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "c-CoLA"), gain(result, "o-CoLA"))


@claim(
    "CL-57",
    paper="constrained_langevin",
    place="abstract (deep networks without normalization); recorded comparison on all of MNIST",
    statement="On all of MNIST with eight layers circle and orthogonality constraints are both "
    "ahead of the best-tuned baseline, in the recorded comparison",
    experiment="constrained_all_mnist",
)
def ahead_on_mnist(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return all_of(gain(result, "c-CoLA"), gain(result, "o-CoLA"))


@claim(
    "CL-52",
    paper="constrained_langevin",
    place="abstract (natural language); recorded comparison on characters",
    statement="In a neural n-gram model of characters circle and orthogonality constraints are "
    "both ahead of the best-tuned baseline, in the recorded comparison",
    experiment="constrained_characters",
)
def ahead_characters(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return _ahead_in_language(result)


@claim(
    "CL-53",
    paper="constrained_langevin",
    place="abstract (natural language); recorded comparison on words",
    statement="In a neural n-gram model of words circle and orthogonality constraints are both "
    "ahead of the best-tuned baseline, in the recorded comparison",
    experiment="constrained_words",
)
def ahead_words(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return _ahead_in_language(result)


@claim(
    "CL-54",
    paper="constrained_langevin",
    place="abstract (natural language); recorded comparison on letters",
    statement="In a neural n-gram model of the letters of words circle and orthogonality "
    "constraints are both ahead of the best-tuned baseline, in the recorded comparison",
    experiment="constrained_letters",
)
def ahead_letters(result: Result) -> Outcome:
    """Paired by seed with the best-tuned baseline of the record."""
    return _ahead_in_language(result)


def _ahead_in_language(result: Result) -> Outcome:
    return all_of(gain(result, "c-CoLA", **NATS), gain(result, "o-CoLA", **NATS))


@claim(
    "CL-55",
    paper="constrained_langevin",
    place="control of the recorded comparisons on words and letters",
    statement="Every method of the comparisons on words and letters reads the context: at its "
    "choice the test loss lies below that of predicting by frequencies, by a 99 % interval",
    experiment=("constrained_words", "constrained_letters"),
)
def reads_the_context(words: Result, letters: Result) -> Outcome:
    """Paired by seed, each method with the frequencies in its own training data."""
    return all_of(
        *(
            paired(row, note=f"{method}: nats a token below frequencies; {result.config.words}")
            for result in (words, letters)
            for method, row in zip(
                result["method"], result["test_frequency_loss"] - result["test_loss"], strict=True
            )
        )
    )
