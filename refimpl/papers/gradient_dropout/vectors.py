"""Variants of the paper's methods for test vectors; noise drawn wrongly as controls."""

from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.maml import MAML
from refimpl.papers.gradient_dropout.wrong_noise import ScalarNoise, SharedTasksNoise, UnscaledNoise
from refimpl.variants import Variant

INNER = {"learning_rate": 0.015625, "inner_rate": 0.0625, "inner_steps": 2}


def dropped(noise: type[GradientDropout]) -> type[MAML]:
    """A maker of meta-learners whose inner gradients are dropped in one way."""

    def make(**settings: object) -> MAML:
        return MAML(**{**settings, "wrappers": (noise(rate=0.25),)})  # type: ignore[arg-type]

    return make  # type: ignore[return-value]


VECTORS = (
    Variant("maml", settings=INNER),
    Variant("maml", "first_order", settings={**INNER, "order": "first"}),
    Variant("maml", "mean", settings={**INNER, "task_reduction": "mean", "base": "sgd"}),
    Variant(
        "maml",
        "dropout",
        settings=INNER,
        factory=dropped(GradientDropout),
        note="gradient dropout at rate 0.25 in the inner loop",
    ),
    *(
        Variant("maml", name, settings=INNER, factory=dropped(noise), faulty=True, note=note)
        for name, noise, note in (
            ("dropout_scalar", ScalarNoise, "one number for all entries of a gradient: wrong"),
            ("dropout_shared_tasks", SharedTasksNoise, "one noise for all tasks: wrong"),
            ("dropout_unscaled", UnscaledNoise, "entries kept without 1/(1 - rate): wrong"),
        )
    ),
    Variant("meta_sgd", settings=INNER),
    Variant("gradient_dropout", settings={"rate": 0.25}),
    Variant("gradient_dropout", "gaussian", settings={"rate": 0.25, "noise": "gaussian"}),
)
