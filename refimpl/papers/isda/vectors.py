"""Variants of the paper's losses for test vectors; the printed gradient as a control."""

from collections.abc import Mapping
from typing import Any

from refimpl.arrays import Array
from refimpl.papers.isda.printed import PrintedRowISDA
from refimpl.random import Rng
from refimpl.variants import Problem, Variant

STEADY = {"schedule": "constant", "strength": 1.0}


def augmentation(settings: Mapping[str, Any], step: int, problem: Problem) -> Array:
    """Standard normal noise of a step, (draws, examples, width of the features)."""
    stream = Rng(settings["seed"]).child("augmentation", step)
    width = problem.params[-1]["weight"].shape[1]
    examples = problem.batches[step % len(problem.batches)].targets.shape[0]
    return stream.normal((settings["draws"], examples, width))


VECTORS = (
    Variant("isda", settings=STEADY),
    Variant("isda", "schedule", settings={"epochs": 2, "steps_per_epoch": 4}),
    *(
        Variant("isda", covariance, settings={**STEADY, "covariance": covariance})
        for covariance in ("diagonal", "shared", "identity")
    ),
    Variant("isda", "after", settings={**STEADY, "update": "after"}),
    Variant(
        "isda",
        "printed_row",
        settings=STEADY,
        factory=PrintedRowISDA,
        faulty=True,
        note="the row of the gradient that belongs to the label, as printed",
    ),
    Variant(
        "isda_sampled",
        settings={**STEADY, "draws": 2, "covariance": "shared"},
        own_draws=augmentation,
    ),
    Variant("isda_semi_supervised", settings={**STEADY, "period": 2}),
)
