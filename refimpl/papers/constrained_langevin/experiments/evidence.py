"""Constrained Langevin dynamics against tuned descent and soft penalties: deep, shallow, spirals,
language.

The papers say that constraints help deep networks without normalization, where gradients vanish;
two layers are the setting in which nothing needs to be held. Temperatures are those of a sampler
that is nearly cold (1e-6); the step size is tuned.

In language the records also keep the loss of predicting the tokens by their frequencies alone.
What is not below it has learned nothing from the context: with 3,000 places of 200 words the
lowest validation loss of descent is that of a network whose last hidden units are all dead
(at a learning rate of 0.81), which is no rate to compare others at; so words have 20,000 places.
Spirals of four turns need some thousands of steps: in 40 epochs accuracies stay near 0.57, which
is not far from chance, and a second declaration has 400.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.algorithms.orthogonality import Orthogonality
from refimpl.algorithms.sgld import SGLD
from refimpl.arrays import Array, Backend, to_host
from refimpl.datasets.base import Dataset
from refimpl.datasets.letters import load_letters
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
    """What is read, and how many tokens are seen: characters or words of the running Python's
    prose, or letters of a list of words."""

    data: str = "characters"
    context: int = 6
    dimension: int = 12


def language(size: Language, backend: Backend, rng: Rng) -> Problem:
    """A neural n-gram model; the loss is in nats a token."""
    level: Any = size.data
    given: dict[str, Any] = {
        "rng": rng.child("data"),
        "backend": backend,
        "context": size.context,
        "training": size.training,
        "validation": size.validation,
        "test": size.test,
    }
    split = load_letters(**given) if level == "letters" else load_prose(level=level, **given)
    model = NeuralNgram(
        tokens=split.train.outputs, context=size.context, dimension=size.dimension,
        hidden=size.hidden,
    )  # fmt: skip
    start = model.init(rng.child("init"), backend=backend)
    metrics = {"frequency_loss": frequency_loss(split.train)}
    return Problem(split, Objective(model), start, metrics)


def frequency_loss(train: Dataset) -> Callable[[Any, Dataset], float]:
    """The loss without a context: of the frequencies of the tokens in these data, each counted
    half a time more.

    Examples
    --------
    >>> few = Dataset("few", np.zeros((2, 1)), np.array([0, 1]), classes=2)
    >>> round(frequency_loss(few)(None, few), 4)  # log 2
    0.6931
    """
    counts = np.bincount(_labels(train.targets), minlength=train.outputs) + 0.5
    cost = -np.log(counts / counts.sum())
    return lambda params, data: float(np.mean(cost[_labels(data.targets)]))


def _labels(targets: Array) -> np.ndarray:
    return np.asarray(to_host(targets))


DEEP = Size(training=300, validation=500, test=997, hidden=(24,) * 7, epochs=20, batch_size=50,
            seeds=5, together=1)  # fmt: skip
QUICK = replace(DEEP, training=100, epochs=2, seeds=2, hidden=(16, 16))
SPIRAL = Size(training=500, validation=500, test=1000, hidden=(32,) * 3, epochs=40, batch_size=50,
              seeds=5, together=1)  # fmt: skip
LANGUAGE = Language(training=3000, validation=1500, test=3000, hidden=(32,) * 4, epochs=6,
                    batch_size=100, seeds=5, together=1)  # fmt: skip
WORDS = replace(LANGUAGE, data="words", context=3, training=20_000, validation=3000)
LETTERS = replace(LANGUAGE, data="letters")
FEW: dict[str, Any] = {"training": 100, "validation": 100, "test": 100, "epochs": 1, "seeds": 2,
                       "hidden": (16, 16)}  # fmt: skip

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
        full=SPIRAL,
        quick=replace(QUICK, data="four-turn-spirals", validation=50, test=50),
        cut="underdamped integrators alone; 40 epochs",
    ),
    Comparison(
        name="constrained_spiral_long",
        title="Constrained Langevin dynamics on spirals of four turns, four layers, 400 epochs",
        problem=spirals,
        methods=METHODS,
        full=replace(SPIRAL, epochs=400),
        quick=replace(QUICK, data="four-turn-spirals", validation=50, test=50),
        cut="underdamped integrators alone",
    ),
    Comparison(
        name="constrained_all_mnist",
        title="Constrained Langevin dynamics on all of MNIST, eight layers",
        problem=images,
        methods=tuple(replace(m, grid=MANY[m.name]) for m in METHODS if m.name in MANY),
        full=Size(data="mnist", hidden=(24,) * 7, epochs=20, batch_size=250, seeds=5, together=1,
                  dtype="float32"),
        quick=replace(QUICK, data="mnist", validation=200, test=200),
        cut="underdamped integrators alone; 20 epochs; no SGLD",
    ),
    Comparison(
        name="constrained_characters",
        title="Constrained Langevin dynamics in a neural n-gram model of characters",
        problem=language,
        methods=METHODS,
        full=LANGUAGE,
        quick=replace(LANGUAGE, **FEW),
        score="loss",
        lower=True,
        cut="3000 places of the text, 6 epochs",
    ),
    Comparison(
        name="constrained_words",
        title="Constrained Langevin dynamics in a neural n-gram model of 200 words",
        problem=language,
        methods=METHODS,
        full=WORDS,
        quick=replace(WORDS, **FEW),
        score="loss",
        lower=True,
        cut="20,000 places of the text, 6 epochs; at 3,000 descent is best where the network dies",
    ),
    Comparison(
        name="constrained_letters",
        title="Constrained Langevin dynamics in a neural n-gram model of the letters of words",
        problem=language,
        methods=METHODS,
        full=LETTERS,
        quick=replace(LETTERS, **FEW),
        score="loss",
        lower=True,
        cut="3000 places in the list of words, 6 epochs",
    ),
)  # fmt: skip
