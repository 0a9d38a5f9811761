"""ISDA against tuned weight decay: few digits, where augmentation should help, and all of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from refimpl.experiments.baselines import composed, descent, weight_decay
from refimpl.experiments.comparison import Arm
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.models import MLP
from refimpl.papers.isda.isda import ISDA

PIXELS = {"digits": 64, "mnist": 784, "fashion-mnist": 784}
EXAMPLES = {"digits": 1257, "mnist": 50_000, "fashion-mnist": 50_000}


def _arm(covariance: Any, size: Any, rate: float, value: float) -> Arm:
    examples = size.training or EXAMPLES[size.data]
    loss = ISDA(
        strength=value,
        covariance=covariance,
        epochs=size.epochs,
        steps_per_epoch=math.ceil(examples / size.batch_size),
    )
    model = MLP((PIXELS[size.data], *size.hidden, 10))
    return composed(rate, objective=loss.objective(model, head=(-1,)))


def _method(name: str, covariance: str) -> Method:
    return Method(
        name=name,
        arm=lambda size, rate, value: _arm(covariance, size, rate, value),
        grid=(0.05, 0.25, 1.25, 6.25),
    )


METHODS = (
    descent(),
    weight_decay(),
    _method("ISDA", "full"),
    _method("diagonal", "diagonal"),
    _method("identity", "identity"),
)

FULL = Size(training=200, validation=500, test=1000, hidden=(64, 32), epochs=30, seeds=6)
QUICK = replace(FULL, training=100, epochs=2, seeds=2)

COMPARISONS = (
    Comparison(
        name="isda_few_digits",
        title="ISDA on 200 digits",
        problem=images,
        methods=METHODS,
        full=FULL,
        quick=QUICK,
    ),
    Comparison(
        name="isda_all_digits",
        title="ISDA on all digits",
        expects="control",
        problem=images,
        methods=METHODS[:3],
        full=Size(hidden=(64, 32), epochs=6, seeds=6),
        quick=QUICK,
        cut="the full covariances alone",
    ),
    Comparison(
        name="isda_mnist",
        title="ISDA on all of MNIST",
        expects="control",
        problem=images,
        methods=METHODS[:3],
        full=Size(data="mnist", hidden=(100, 32), epochs=20, batch_size=250, seeds=5, together=1,
                  dtype="float32"),
        quick=replace(QUICK, data="mnist", validation=200, test=200),
        cut="20 epochs",
    ),
)  # fmt: skip
