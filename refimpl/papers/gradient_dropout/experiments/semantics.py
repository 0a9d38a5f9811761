"""What is drawn, when, and how the rate moves: counted on streams that remember their draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend, backend_of, to_host
from refimpl.experiments.base import Experiment
from refimpl.papers.gradient_dropout import inner
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.experiments.gradients import TASKS, network
from refimpl.papers.gradient_dropout.experiments.instances import CountingRng
from refimpl.papers.gradient_dropout.maml import MAML
from refimpl.random import Rng

EPOCHS = (0, 1, 2, 3, 4, 7, 100)
STOP = 5
TOP = 0.4
GRID = 10_000
STEPS_PER_EPOCH = 3


@dataclass(frozen=True)
class Config:
    """Inner steps."""

    inner_steps: int = 3

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls()


class EvenRng:
    """In place of a stream: equally spaced uniform draws, and normal draws of ±1."""

    def uniform(self, shape: Any, like: Array) -> Array:
        size = int(np.prod(shape))
        return backend_of(like).asarray(((np.arange(size) + 0.5) / size).reshape(shape))

    def normal(self, shape: Any, like: Array) -> Array:
        size = int(np.prod(shape))
        return backend_of(like).asarray((2.0 * (np.arange(size) % 2) - 1.0).reshape(shape))


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    return {**_schedules(backend), **_draws(config, backend, rng)}


def _schedules(backend: Backend) -> dict[str, Any]:
    """The rate that drawn noise shows in each epoch of a linear schedule."""
    linear: dict[str, Any] = {
        "rate": TOP,
        "schedule": "linear",
        "stop": STOP,
        "steps_per_epoch": STEPS_PER_EPOCH,
    }
    like = backend.zeros((GRID,))
    even: Any = EvenRng()
    columns: dict[str, list[float]] = {"bernoulli": [], "std": [], "rate": []}
    for epoch in EPOCHS:
        step = epoch * STEPS_PER_EPOCH + STEPS_PER_EPOCH - 1  # the last step of the epoch
        noise = GradientDropout(**linear).multipliers(like, step, even)
        share = 0.0 if noise is None else np.count_nonzero(to_host(noise) == 0.0) / GRID
        columns["bernoulli"].append(share)
        for ramped in ("std", "rate"):
            dropout = GradientDropout(noise="gaussian", gaussian_schedule=ramped, **linear)
            noise = dropout.multipliers(like, step, even)
            size = 0.0 if noise is None else float(to_host(noise).max()) - 1.0
            columns[ramped].append(size)
    dropout = GradientDropout(**linear)
    return {
        "epochs": np.array(EPOCHS),
        "stop": STOP,
        "top": TOP,
        "rates": np.array([dropout.rate_at(epoch) for epoch in EPOCHS]),
        "dropped": np.array(columns["bernoulli"]),
        "deviation_std": np.array(columns["std"]),
        "deviation_rate": np.array(columns["rate"]),
    }


def _draws(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """How many numbers a meta-step draws, whether one is used twice, and where zeros fall."""
    objective, params, episode = network(backend, rng, "relu", "softmax_cross_entropy")
    leaves = ad.flatten(params)[0]
    size = sum(int(np.prod(leaf.shape)) for leaf in leaves)
    counts, distinct = [], []
    shares: list[float] = []
    for noise in ("bernoulli", "gaussian"):
        stream = CountingRng(rng.seed, (*rng.path, noise))
        dropout = GradientDropout(rate=0.5, noise=noise)
        algorithm = MAML(inner_steps=config.inner_steps, wrappers=[dropout])
        state = algorithm.init(params)
        trajectory = algorithm.meta_gradient(params, objective, episode, rng=stream).trajectory
        counts.append(stream.count)
        distinct.append(len(np.unique(np.concatenate([d.ravel() for d in stream.drawn]))))
        if noise == "bernoulli":
            used = [ad.flatten(n)[0] for n in trajectory.noise]
            shares = [
                float(np.mean([float((to_host(step[i]) == 0.0).mean()) for step in used]))
                for i in range(len(leaves))
            ]
        after = CountingRng(rng.seed, (*rng.path, noise))
        algorithm.step(state, objective, episode, after)
        counts.append(after.count)
    # meta-test: the adaptation has no stream, and is plain gradient descent
    adapted = algorithm.adapt(params, objective, episode.support)
    plain = MAML(inner_steps=config.inner_steps).meta_gradient(params, objective, episode)
    difference = ad.map_tree(lambda a, b: a - b, adapted, plain.trajectory.params[-1])
    noisy = ad.map_tree(lambda a, b: a - b, trajectory.params[-1], plain.trajectory.params[-1])
    every = inner.task_norms(noisy)
    return {
        "counts": np.array(counts),
        "distinct": np.array(distinct),
        "expected_count": config.inner_steps * TASKS * size,
        "dropped_share": np.array(shares),
        "is_bias": np.array([leaf.ndim == 1 for leaf in leaves]),
        "entries": np.array([int(np.prod(leaf.shape)) for leaf in leaves])
        * TASKS
        * config.inner_steps,
        "test_gap": float(ad.norm_tree(difference)),
        "training_gap": to_host(every),
    }


EXPERIMENT = Experiment(
    "gradient_dropout_semantics",
    Config,
    run_task,
    summary="Draws of a meta-step counted, schedules of the rate, noiseless adaptation at test",
)
