"""Minnorm training on MNIST, from 50 images to 50,000 and with 0 to half of the labels redrawn.

The norm is weighed against the data as weight decay weighs it: with gain g the damping is g/P for P
images and a step of the weights the rate over g, so that with multipliers held at zero the run is
one of weight decay 1/g on squared violations. All methods use momentum, the same batches and as
many steps. That the rate is a share of the one tuned for cross-entropy, and how far multipliers may
move in a run, was chosen on validation images of a seed that no comparison uses. From 5,000
images on, where that share diverged, Minnorm's rate is tuned by itself, at one damping.

Where labels are redrawn, :mod:`refimpl.papers.minnorm.experiments.ranking` says how well a run
ranks the changed ones first. Settings are chosen by validation accuracy, which knows nothing of it.
"""

from __future__ import annotations

from dataclasses import replace

from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.experiments.comparison import Arm
from refimpl.experiments.declared import Comparison, Method, Size
from refimpl.papers.minnorm.experiments.ranking import Followed, problem
from refimpl.papers.minnorm.minnorm import Minnorm

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
