"""Constrained Langevin dynamics against tuned descent and soft penalties: deep, shallow, spirals.

The papers say that constraints help deep networks without normalization, where gradients vanish;
two layers are the setting in which nothing needs to be held. Temperatures are those of a sampler
that is nearly cold (1e-6); the step size is tuned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from refimpl import datasets
from refimpl.algorithms.orthogonality import Orthogonality
from refimpl.algorithms.sgld import SGLD
from refimpl.arrays import Backend
from refimpl.datasets.prose import load_prose
from refimpl.experiments.baselines import composed, descent, weight_decay
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.models import MLP, Objective
from refimpl.models.ngram import NeuralNgram
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.random import Rng

HEAT = 1e-6


def _circle(size: Any, rate: float, value: float) -> Arm:
    algorithm = CCoLAud(
        step_size=value, friction=0.4, temperature=HEAT, radii=(0.5,), outside="clip",
        diagnostics=False,
    )  # fmt: skip
    return Arm("", algorithm)


def _orthogonal(size: Any, rate: float, value: float) -> Arm:
    return Arm("", OCoLAud(step_size=value, friction=0.4, temperature=HEAT))


METHODS = (
    descent((0.001, 0.003, 0.01, 0.03)),
    weight_decay(),
    Method(
        name="orthogonality penalty",
        arm=lambda size, rate, value: composed(rate, penalties=[Orthogonality(strength=value)]),
        grid=(1e-4, 1e-3, 1e-2, 1e-1),
        baseline=True,
    ),
    Method(
        name="SGLD",
        arm=lambda size, rate, value: Arm("", SGLD(learning_rate=value, temperature=HEAT)),
        grid=(0.03, 0.1, 0.3, 1.0),
        varies="learning rate",
        baseline=True,
    ),
    Method(name="c-CoLA", arm=_circle, grid=(0.05, 0.1, 0.2, 0.4), varies="step size"),
    Method(name="o-CoLA", arm=_orthogonal, grid=(0.05, 0.1, 0.2, 0.4), varies="step size"),
)

MANY: dict[str, tuple[float, ...]] = {
    "plain": (0.01, 0.03, 0.1, 0.3),
    "weight decay": (1e-5, 1e-4, 1e-3, 1e-2),
    "orthogonality penalty": (1e-5, 1e-4, 1e-3, 1e-2),
    "c-CoLA": (0.1, 0.2, 0.4, 0.8),
    "o-CoLA": (0.1, 0.2, 0.4, 0.8),
}
"""Where the grids of these methods begin with many examples."""


def spirals(size: Size, backend: Backend, rng: Rng) -> Problem:
    """Two spirals of four turns."""
    split = datasets.load(
        "four-turn-spirals", rng=rng.child("data"), backend=backend, training=size.training,
        validation=size.validation, test=size.test,
    )  # fmt: skip
    model = MLP((2, *size.hidden, split.train.outputs))
    return Problem(split, Objective(model), model.init(rng.child("init"), backend=backend))


@dataclass(frozen=True, kw_only=True)
class Language(Size):
    """Prose of the running Python: characters or words, and how many are seen."""

    data: str = "characters"
    context: int = 6
    dimension: int = 12


def language(size: Language, backend: Backend, rng: Rng) -> Problem:
    """A neural n-gram model of prose; the loss is in nats a token."""
    level: Any = size.data
    split = load_prose(
        rng=rng.child("data"), backend=backend, level=level, context=size.context,
        training=size.training or 3000, validation=size.validation or 1500,
        test=size.test or 3000,
    )  # fmt: skip
    model = NeuralNgram(
        tokens=split.train.outputs, context=size.context, dimension=size.dimension,
        hidden=size.hidden,
    )  # fmt: skip
    return Problem(split, Objective(model), model.init(rng.child("init"), backend=backend))


DEEP = Size(training=300, validation=500, test=997, hidden=(24,) * 7, epochs=20, batch_size=50,
            seeds=5, together=1)  # fmt: skip
QUICK = replace(DEEP, training=100, epochs=2, seeds=2, hidden=(16, 16))
LANGUAGE = Language(training=3000, validation=1500, test=3000, hidden=(32,) * 4, epochs=6,
                    batch_size=100, seeds=5, together=1)  # fmt: skip

COMPARISONS = (
    Comparison(
        name="constrained_deep_digits",
        title="Constrained Langevin dynamics on 300 digits, eight layers",
        problem=images,
        methods=METHODS,
        full=DEEP,
        quick=QUICK,
        cut="underdamped integrators alone",
    ),
    Comparison(
        name="constrained_shallow_digits",
        title="Constrained Langevin dynamics on 300 digits, two layers",
        expects="control",
        problem=images,
        methods=METHODS,
        full=replace(DEEP, hidden=(24,)),
        quick=replace(QUICK, hidden=(16,)),
        cut="underdamped integrators alone",
    ),
    Comparison(
        name="constrained_spiral",
        title="Constrained Langevin dynamics on spirals of four turns, four layers",
        problem=spirals,
        methods=METHODS,
        full=Size(training=500, validation=500, test=1000, hidden=(32, 32, 32), epochs=40,
                  batch_size=50, seeds=5, together=1),
        quick=replace(QUICK, data="four-turn-spirals", validation=50, test=50),
        cut="underdamped integrators alone; 40 epochs",
    ),
    Comparison(
        name="constrained_mnist",
        title="Constrained Langevin dynamics on all of MNIST, eight layers",
        problem=images,
        methods=tuple(replace(m, grid=MANY[m.name]) for m in METHODS if m.name in MANY),
        full=Size(data="mnist", hidden=(24,) * 7, epochs=5, batch_size=250, seeds=5, together=1,
                  dtype="float32"),
        quick=replace(QUICK, data="mnist", validation=200, test=200),
        cut="underdamped integrators alone; 5 epochs; no SGLD",
    ),
    Comparison(
        name="constrained_characters",
        title="Constrained Langevin dynamics in a neural n-gram model of characters",
        problem=language,
        methods=METHODS,
        full=LANGUAGE,
        quick=replace(LANGUAGE, training=100, validation=100, test=100, epochs=1, seeds=2,
                      hidden=(16, 16)),
        score="loss",
        lower=True,
        cut="3000 places of the text, 6 epochs",
    ),
    Comparison(
        name="constrained_words",
        title="Constrained Langevin dynamics in a neural n-gram model of 200 words",
        problem=language,
        methods=METHODS,
        full=replace(LANGUAGE, data="words", context=3),
        quick=replace(LANGUAGE, data="words", context=3, training=100, validation=100, test=100,
                      epochs=1, seeds=2, hidden=(16, 16)),
        score="loss",
        lower=True,
        cut="3000 places of the text, 6 epochs",
    ),
)  # fmt: skip
