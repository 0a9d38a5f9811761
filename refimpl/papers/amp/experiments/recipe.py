"""What the comparisons on images share: one recipe of training, and one run of it.

Labels are noisy by redrawing each with a given probability uniformly over all classes, so that a
redrawn label may be the true one (at 0.2 and ten classes 18 % are wrong). Training and validation
labels are redrawn, test labels are clean. The rate falls by ten at half and at three quarters of
the epochs, as in the authors' script. Decay acts on all parameters.

Numbers of a run, all at the final parameters: accuracies and the mean test loss; the mean loss on
the training set with its noisy labels; the norm of the gradient of that loss; and the one-step
sharpness, J(θ + Δ) − J(θ) of that loss with Δ = r g/‖g‖ over all parameters together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.algorithms.composition import Composition, Gradients
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Dataset, Split
from refimpl.datasets.base import with_label_noise
from refimpl.models import MLP, Objective
from refimpl.papers.amp.amp import AMP
from refimpl.papers.amp.experiments.shared import evaluator
from refimpl.papers.amp.random_perturbation import RandomPerturbation
from refimpl.papers.amp.sam import SAM
from refimpl.random import Rng
from refimpl.training import accuracy, chunked_mean, train


@dataclass(frozen=True)
class Recipe:
    """The network and its training.

    Attributes
    ----------
    hidden : tuple of int
        Widths of the hidden layers.
    epochs, batch_size : int
    learning_rate, momentum : float
        Of Nesterov's update.
    decay : float
        Weight decay.
    sharpness_radius : float
        r of the one-step sharpness.
    """

    hidden: tuple[int, ...] = (128, 128)
    epochs: int = 100
    batch_size: int = 50
    learning_rate: float = 0.05
    momentum: float = 0.9
    decay: float = 1e-4
    sharpness_radius: float = 0.5

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        share = epoch / self.epochs
        return self.learning_rate * (1.0 if share < 0.5 else 0.1 if share < 0.75 else 0.01)

    def schedule(self, wrapper: Any) -> Callable[[int], Composition]:
        """Nesterov's update at the rate of the epoch, under weight decay and a wrapper or None."""
        penalties = (L2(strength=self.decay, include="all"),)
        wrappers = () if wrapper is None else (wrapper,)

        def algorithm(epoch: int) -> Composition:
            update = Momentum(learning_rate=self.rate(epoch), momentum=self.momentum, nesterov=True)
            return Composition(update, penalties, wrappers)

        return algorithm

    def model(self, data: Dataset) -> MLP:
        """The network for a data set."""
        return MLP((data.features, *self.hidden, data.outputs))


def start(model: MLP, rng: Rng, backend: Backend) -> Tree:
    """Initial parameters: uniform with variance 1/(3 fan-in), biases too."""
    return model.init(rng, "torch_default", bias_scale=1.0, backend=backend)


def wrapper_of(method: str, setting: float) -> Any:
    """The wrapper called ``method`` at strength ``setting``; None for plain descent.

    Raises
    ------
    ValueError
        For an unknown method.
    """
    made = {
        "sgd": lambda: None,
        "amp": lambda: AMP(radius=setting),
        "amp, 2 inner steps": lambda: AMP(radius=setting, inner_steps=2),
        "amp, 5 inner steps": lambda: AMP(radius=setting, inner_steps=5),
        "amp, global": lambda: AMP(radius=setting, norm="global"),
        "sam": lambda: SAM(radius=setting),
        "random": lambda: RandomPerturbation(radius=setting, match="rms"),
    }
    if method not in made:
        raise ValueError(f"method must be one of {', '.join(made)}, not {method!r}")
    return made[method]()


class Lengths:
    """A wrapper around a wrapper that records the squared norm of each tensor's perturbation."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.squares: list[list[float]] = []

    def init(self, params: Tree) -> Any:
        return self.inner.init(params)

    def gradient(
        self, loss: Any, penalty: Any, params: Tree, aux: Any, step: int, rng: Rng | None
    ) -> tuple[Gradients, Any]:
        def watched(at: Tree) -> Any:
            if at is not params:
                moved = ad.map_tree(lambda a, b: a - b, at, params)
                self.squares.append(
                    [float(np.sum(to_host(leaf) ** 2)) for leaf in ad.flatten(moved)[0]]
                )
            return loss(at)

        return self.inner.gradient(watched, penalty, params, aux, step, rng)

    @property
    def root_mean_square(self) -> tuple[float, ...]:
        """√ of the mean of ‖Δ_l‖² over all steps, for each tensor."""
        return tuple(float(value) for value in np.sqrt(np.mean(self.squares, axis=0)))


def noisy(split: Split, probability: float, rng: Rng) -> Split:
    """The split with training and validation labels redrawn."""
    if probability == 0.0:
        return split
    return split._replace(
        train=with_label_noise(split.train, probability, rng.child("train")),
        validation=with_label_noise(split.validation, probability, rng.child("validation")),
    )


def run(wrapper: Any, recipe: Recipe, sets: Split, seed: int, backend: Backend) -> dict[str, float]:
    """Train once and measure.

    Parameters
    ----------
    wrapper : wrapper or None
    recipe : Recipe
    sets : Split
    seed : int
        Decides the start and the order of the examples.
    backend : Backend

    Returns
    -------
    dict of str to float
    """
    model = recipe.model(sets.train)
    objective = Objective(model)
    algorithm = recipe.schedule(wrapper)
    stream = Rng(seed)
    outcome = train(
        algorithm(0),
        objective,
        start(model, stream.child("model"), backend),
        sets.train,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        rng=stream.child("train"),
        evaluate=sets._asdict(),
        evaluate_every=recipe.epochs,
        metrics={"accuracy": accuracy(model), "loss": chunked_mean(objective)},
        schedule=algorithm,
        progress=False,
        check_every=math.ceil(len(sets.train) / recipe.batch_size),
    )
    final, steps = outcome.history.epochs, outcome.history.steps
    whole = evaluator(objective, sets.train.batch())
    value, gradient = whole(outcome.params)
    ascent = SAM(radius=recipe.sharpness_radius).perturb(whole, outcome.params)
    leaves, structure = ad.flatten(outcome.params)
    raised = [leaf + d for leaf, d in zip(leaves, ascent.delta, strict=True)]
    above, _ = whole(ad.unflatten(structure, raised))
    return {
        "validation_accuracy": final["validation_accuracy"][-1],
        "test_accuracy": final["test_accuracy"][-1],
        "test_loss": final["test_loss"][-1],
        "train_loss": final["train_loss"][-1],
        "gradient_norm": float(ad.norm_tree(gradient)),
        "sharpness": float(above) - float(value),
        "clipped": float(np.mean(steps["clipped"])) if "clipped" in steps else 0.0,
        "perturbation": (
            float(np.mean(steps["perturbation_norm"])) if "perturbation_norm" in steps else 0.0
        ),
    }
