"""Negative controls: noise that is drawn in a wrong way, each a wrapper like gradient dropout.

All have entries of mean 1 and, but for the unscaled one, the right variance; what is wrong is what
they share. On a quadratic with three inner steps every one of them changes the expected query loss.

>>> sorted(WRONG_NOISE)
['scalar', 'shared_steps', 'shared_tasks', 'unscaled']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class SharedStepsNoise(GradientDropout):
    """The same noise in every inner step of a meta-step.

    The stream of an inner step ends with its number; here that number is left out.
    """

    def multipliers(self, gradient: Tree, step: int, rng: Rng | None) -> Tree | None:
        stream = None if rng is None else Rng(rng.seed, rng.path[:-1])
        return super().multipliers(gradient, step, stream)


@dataclass(frozen=True, kw_only=True)
class SharedTasksNoise(GradientDropout):
    """The same noise for every task of the meta-batch."""

    def multipliers(self, gradient: Tree, step: int, rng: Rng | None) -> Tree | None:
        first = ad.map_tree(lambda leaf: leaf[:1, ...], gradient)
        noise = super().multipliers(first, step, rng)
        if noise is None:
            return None
        return ad.map_tree(lambda n, g: ad.broadcast_to(n, tuple(g.shape)), noise, gradient)


@dataclass(frozen=True, kw_only=True)
class ScalarNoise(GradientDropout):
    """One number for all entries of a task's gradient in a step."""

    def multipliers(self, gradient: Tree, step: int, rng: Rng | None) -> Tree | None:
        leaf = ad.flatten(gradient)[0][0]
        one = super().multipliers(leaf[(slice(None), *[slice(0, 1)] * (leaf.ndim - 1))], step, rng)
        if one is None:
            return None

        def filled(g: Any) -> Any:
            flat = ad.reshape(one, (g.shape[0], *[1] * (g.ndim - 1)))
            return ad.broadcast_to(flat, tuple(g.shape))

        return ad.map_tree(filled, gradient)


@dataclass(frozen=True, kw_only=True)
class UnscaledNoise(GradientDropout):
    """Bernoulli noise without the factor 1 / (1 − p): mean 1 − p."""

    def multipliers(self, gradient: Tree, step: int, rng: Rng | None) -> Tree | None:
        noise = super().multipliers(gradient, step, rng)
        keep = 1.0 - self.rate_at(step // self.steps_per_epoch)
        return None if noise is None else ad.map_tree(lambda n: keep * n, noise)


WRONG_NOISE = {
    "shared_steps": SharedStepsNoise,
    "shared_tasks": SharedTasksNoise,
    "scalar": ScalarNoise,
    "unscaled": UnscaledNoise,
}
