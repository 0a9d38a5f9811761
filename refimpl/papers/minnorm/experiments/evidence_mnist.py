"""Minnorm training on MNIST, from 50 images to 50,000 and with 0 to half of the labels redrawn.

The norm is weighed against the data as weight decay weighs it: with gain g the damping is g/P for P
images and a step of the weights the rate over g, so that with multipliers held at zero the run is
one of weight decay 1/g on squared violations. All methods use momentum, the same batches and as
many steps. That the rate is a share of the one tuned for cross-entropy, and how far multipliers may
move in a run, was chosen on validation images of a seed that no comparison uses. From 5,000
images on, where that share diverged, Minnorm's rate is tuned by itself, at one damping.

Every run says how well it ranks first the labels that were changed: by its multipliers, by the loss
of each image or by the length of its gradient at the end; plain descent also by the losses of all
its steps. Settings are chosen by validation accuracy, which knows nothing of that. To look at the
losses takes plain descent off the recorded path, so that its steps cost more here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from refimpl import datasets
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.datasets import Batch, Split
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size, noisy
from refimpl.models import MLP, Objective
from refimpl.papers.minnorm.diagnosis import difficulty
from refimpl.papers.minnorm.experiments.images import area_under_curve
from refimpl.papers.minnorm.minnorm import Minnorm, MinnormState
from refimpl.random import Rng
from refimpl.training import TrainingResult

SLOWER = 0.5
"""The rate on squared violations over that on cross-entropy."""

MOVES = 2.0
"""How far a multiplier may move in a run where its violation stays one, over the damping."""

NONE = 3e-6
"""Weight decay below which a run does not differ from descent: the grid ends there."""

DAMPING = 0.2
"""Where Minnorm's own rate is tuned: validation chose it at 500 images (a gain of 100), and on the
same other seed at 5,000 and at 50,000 among gains of 100 to 10,000."""

HELD_IN = 50_000
"""Images that are not held out for validation or for the test."""


class FollowedState(NamedTuple):
    """State of :class:`Followed`: that of the descent, and the losses of each example so far."""

    inner: Any
    total: np.ndarray

    @property
    def params(self) -> Any:
        """Those of the descent."""
        return self.inner.params

    @property
    def step(self) -> int:
        """That of the descent."""
        return self.inner.step


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A descent that adds up the losses of the examples of its batches; its steps are the same."""

    requires: ClassVar[tuple[str, ...]] = ("training",)

    inner: Momentum

    def init(self, params: Any, training: Batch) -> FollowedState:
        """Before the first step."""
        return FollowedState(self.inner.init(params), np.zeros(len(training.targets)))

    def step(
        self, state: FollowedState, objective: Any, batch: Batch, rng: Rng | None = None
    ) -> tuple[FollowedState, Any]:
        """One step of the descent."""
        total = state.total.copy()
        total[batch.indices] += losses(objective, state.params, batch)
        inner, info = self.inner.step(state.inner, objective, batch, rng)
        return FollowedState(inner, total), info


def losses(objective: Objective, params: Any, batch: Batch) -> np.ndarray:
    """The loss of each example, (P,)."""
    each = objective.loss(objective.outputs(params, batch), batch.targets, reduction="none")
    return to_host(each).astype(np.float64)


def gradient_lengths(objective: Objective, params: Any, batch: Batch) -> np.ndarray:
    """The length of the gradient of each example's cross-entropy in all weights, (P,).

    Of a network of one hidden layer without biases: |s|² |h|² + |Wᵀ s · 1(h > 0)|² |x|² with the
    signal s of the outputs and the hidden values h.
    """
    inner, outer = (to_host(layer["weight"]).astype(np.float64) for layer in params)
    inputs = to_host(batch.inputs).astype(np.float64)
    hidden = np.maximum(inputs @ inner.T, 0.0)
    outputs = hidden @ outer.T
    shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    signal = shares / shares.sum(axis=1, keepdims=True)
    signal[np.arange(len(signal)), to_host(batch.targets)] -= 1.0
    pulled = (signal @ outer) * (hidden > 0.0)
    squares = [np.sum(part**2, axis=1) for part in (signal, hidden, pulled, inputs)]
    return np.sqrt(squares[0] * squares[1] + squares[2] * squares[3])


def problem(size: Size, backend: Backend, rng: Rng) -> Problem:
    """Centred images of unit mean square norm, one hidden layer, no biases, a start at 0.7 of
    He's; where labels were redrawn, areas under the curve for those that changed."""
    place = make_backend(backend.name, size.dtype)
    clean = _images(size, place.name, rng.seed, rng.path)
    split = noisy(clean, size.noise, rng.child("noise"))
    changed = to_host(clean.train.targets) != to_host(split.train.targets)
    model = MLP((split.train.features, *size.hidden, split.train.outputs), bias=False)
    objective = Objective(model)

    def ranks(outcome: TrainingResult) -> dict[str, float]:
        if not changed.any():
            return {}
        batch, state = split.train.batch(), outcome.state
        scores = {
            "loss": losses(objective, outcome.params, batch),
            "gradient": gradient_lengths(objective, outcome.params, batch),
        }
        if isinstance(state, FollowedState):
            scores["average"] = state.total
        if isinstance(state, MinnormState):
            algorithm = Minnorm(constraint="one_vs_rest")
            scores["multipliers"] = np.asarray(to_host(difficulty(algorithm, state)))
        return {f"auc_{name}": area_under_curve(score, changed) for name, score in scores.items()}

    start = model.init(rng.child("init"), scale=0.7, backend=place)
    return Problem(split, objective, start, observe=ranks)


@functools.lru_cache(maxsize=5)
def _images(size: Size, backend: str, seed: int, path: tuple[str | int, ...]) -> Split:
    """The images of one seed, kept for the next method: to read them takes as long as a run."""
    return datasets.load(
        size.data, rng=Rng(seed, path).child("data"), backend=make_backend(backend, size.dtype),
        training=size.training, validation=size.validation, test=size.test, center=True,
        scale="norm",
    )  # fmt: skip


def _descent(size: Size, rate: float, value: float) -> Arm:
    update = Momentum(learning_rate=value)
    return Arm("", Followed(inner=update) if size.noise else update)


def _decay(size: Size, rate: float, value: float) -> Arm:
    return Arm("", Composition(Momentum(learning_rate=rate), [L2(strength=value)]))


def _minnorm(size: Size, rate: float, value: float) -> Arm:
    damping = value / (size.training or HELD_IN)
    algorithm = Minnorm(
        constraint="one_vs_rest", base="momentum", learning_rate=SLOWER * rate / value,
        multiplier_rate=MOVES * damping / size.epochs, damping=damping, tolerance=0.0, patience=0.0,
    )  # fmt: skip
    return Arm("", algorithm)


def _minnorm_at_its_rate(size: Size, rate: float, value: float) -> Arm:
    return _minnorm(size, value, DAMPING * (size.training or HELD_IN))


PLAIN = Method(name="plain", arm=_descent, grid=(0.01, 0.03, 0.1, 0.3), varies="learning rate",
               baseline=True, tunes_rate=True)  # fmt: skip
METHODS = (
    PLAIN,
    Method(name="weight decay", arm=_decay, grid=(3e-4, 1e-3, 3e-3, 1e-2), low=NONE, baseline=True),
    Method(name="minnorm", arm=_minnorm, grid=(10.0, 30.0, 100.0, 300.0), varies="gain"),
)
MANY = (
    replace(PLAIN, grid=(0.1, 0.3, 0.9, 2.7)),
    replace(METHODS[1], grid=(1e-5, 3e-5, 1e-4, 3e-4)),
    Method(name="minnorm", arm=_minnorm_at_its_rate, grid=(0.03, 0.1, 0.3, 0.9),
           varies="learning rate"),
)  # fmt: skip
"""With many images cross-entropy is fastest at rates at which squared violations diverge."""

FULL = Size(data="mnist", training=500, validation=10_000, hidden=(100,), epochs=60,
            batch_size=50, seeds=5, together=5, dtype="float32")  # fmt: skip
QUICK = replace(FULL, training=60, validation=200, test=200, epochs=2, seeds=2, hidden=(16,))
CUT = "one hidden layer; the margin constraints alone"
RATIO = f"{CUT}; rates in a fixed ratio"

COMPARISONS = (
    Comparison(
        name="minnorm_mnist_50",
        title="Minnorm training on 50 images of MNIST",
        problem=problem,
        methods=METHODS,
        full=replace(FULL, training=50, epochs=600, batch_size=None),
        quick=QUICK,
        cut=RATIO,
    ),
    Comparison(
        name="minnorm_mnist_500",
        title="Minnorm training on 500 images of MNIST",
        problem=problem,
        methods=METHODS,
        full=FULL,
        quick=QUICK,
        cut=RATIO,
    ),
    Comparison(
        name="minnorm_mnist_5000",
        title="Minnorm training on 5,000 images of MNIST",
        problem=problem,
        methods=MANY,
        full=replace(FULL, training=5000, epochs=15, batch_size=125),
        quick=QUICK,
        cut=f"one damping; {CUT}",
    ),
    Comparison(
        name="minnorm_mnist_all",
        title="Minnorm training on 50,000 images of MNIST",
        problem=problem,
        methods=MANY,
        full=replace(FULL, training=HELD_IN, epochs=8, batch_size=250, together=1),
        quick=QUICK,
        cut=f"8 epochs; 10,000 images for validation; one damping; {CUT}",
    ),
    Comparison(
        name="minnorm_mnist_noise_10",
        title="Minnorm training on 500 images of MNIST, 10 % of the labels redrawn",
        expects="control",
        problem=problem,
        methods=METHODS,
        full=replace(FULL, noise=0.1),
        quick=replace(QUICK, noise=0.1),
        cut=RATIO,
    ),
    Comparison(
        name="minnorm_mnist_noise_20",
        title="Minnorm training on 500 images of MNIST, 20 % of the labels redrawn",
        expects="control",
        problem=problem,
        methods=METHODS,
        full=replace(FULL, noise=0.2),
        quick=replace(QUICK, noise=0.2),
        cut=RATIO,
    ),
    Comparison(
        name="minnorm_mnist_noise_30",
        title="Minnorm training on 500 images of MNIST, 30 % of the labels redrawn",
        expects="control",
        problem=problem,
        methods=METHODS,
        full=replace(FULL, noise=0.3),
        quick=replace(QUICK, noise=0.3),
        cut=RATIO,
    ),
    Comparison(
        name="minnorm_mnist_noise_50",
        title="Minnorm training on 500 images of MNIST, half of the labels redrawn",
        expects="control",
        problem=problem,
        methods=METHODS,
        full=replace(FULL, noise=0.5),
        quick=replace(QUICK, noise=0.5),
        cut=RATIO,
    ),
)
