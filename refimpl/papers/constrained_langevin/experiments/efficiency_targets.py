"""Laws on which the worth of draws is measured, with exact draws where there are any.

* ``gaussian``: two directions on the whole space, of curvatures 1 and κ
* ``bimodal``: six independent weights on circles, V = −b Σ θ²: two modes each
* ``fisher``: V = −tr(AᵀW) on St(4, 2), a law of von Mises-Fisher's kind
* ``network``: the posterior of a small network on spirals, orthonormal in all but its first layer
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.datasets import load
from refimpl.papers.constrained_langevin.experiments import targets
from refimpl.random import Rng

CURVATURE = 25.0
STRENGTH = 2.0
COPIES = 6
WIDTH = 3
POINTS = 20
GAIN = 3.0


@dataclass(frozen=True)
class Law:
    """A law exp(−V), and what is observed of it: one column for every observable.

    Attributes
    ----------
    settings : dict
        Fields of a sampler that choose the constraint.
    potential, draw, observe : callable
        As in :class:`refimpl.papers.constrained_langevin.experiments.targets.Target`, but for an
        axis of independent copies in what is observed: (chains, copies, observables).
    names : tuple of str
        Of the observables.
    exact_start : bool
        Whether ``draw`` gives the law itself, so that no burn-in is needed.
    """

    settings: dict[str, Any]
    potential: Callable[[Any], Any]
    draw: Callable[[Rng, int], Any]
    observe: Callable[[Any], np.ndarray]
    names: tuple[str, ...]
    exact_start: bool = True


def gaussian() -> Law:
    """Curvatures 1 and κ."""
    scale = np.array([1.0, CURVATURE**-0.5])

    def potential(q: Any) -> Any:
        return 0.5 * (q[0][:, 0] ** 2 + CURVATURE * q[0][:, 1] ** 2)

    return Law(
        {"constraint": "none"},
        potential,
        lambda rng, count: [scale * rng.normal((count, 2))],
        lambda q: np.stack([q[0][:, :1], q[0][:, :1] ** 2], axis=2),
        ("q", "q²"),
    )


def bimodal() -> Law:
    """Six weights on unit circles."""
    grid = 2.0 * np.pi * np.arange(4096) / 4096
    shares = np.exp(STRENGTH * np.sin(grid) ** 2)
    shares /= shares.sum()

    def draw(rng: Rng, count: int) -> Any:
        return [np.sin(grid[rng.generator.choice(grid.size, (count, 1, COPIES), p=shares)])]

    return Law(
        {"constraint": "circle"},
        lambda q: -STRENGTH * ad.sum(q[0] ** 2, axis=(1, 2)),
        draw,
        lambda q: np.stack([q[0][:, 0, :], q[0][:, 0, :] ** 2], axis=2),
        ("θ", "θ²"),
    )


def fisher() -> Law:
    """V = −(2 W₁₁ + W₂₂)."""
    law = targets.stiefel()

    def observe(q: Any) -> np.ndarray:
        columns = [q[0][:, 0, 0], q[0][:, 2, 0], q[0][:, 2, 0] ** 2]
        return np.stack(columns, axis=1)[:, None, :]

    return Law(law.settings, law.potential, law.draw, observe, ("W₁₁", "W₃₁", "W₃₁²"))


def network() -> Law:
    """2-3-3-1 with tanh and a gain at the end; N(0, 4) on the free weights, biases included."""
    split = load("spirals", rng=Rng(0).child("spirals"), training=POINTS)
    inputs, signs = split.train.inputs, 2.0 * split.train.targets - 1.0

    def logits(q: Any, x: Any) -> Any:
        first, middle, last = q
        hidden = ad.tanh(x @ first[:, :2, :] + first[:, 2:, :])
        hidden = ad.tanh(hidden @ ad.matrix_transpose(middle))
        return GAIN * ad.reshape(hidden @ last, (last.shape[0], -1))

    def potential(q: Any) -> Any:
        margins = signs * logits(q, inputs)
        return ad.sum(ad.softplus(-margins), axis=1) + 0.125 * ad.sum(q[0] ** 2, axis=(1, 2))

    def draw(rng: Rng, count: int) -> Any:
        middle = np.linalg.qr(rng.normal((count, WIDTH, WIDTH)))[0]
        middle[:, :, 0] *= np.sign(np.linalg.det(middle))[:, None]  # one component of the two
        last = rng.normal((count, WIDTH, 1))
        last /= np.linalg.norm(last, axis=1, keepdims=True)
        return [2.0 * rng.normal((count, 3, WIDTH)), middle, last]

    def observe(q: Any) -> np.ndarray:
        values = ad.value(logits(q, np.array([[0.3, 0.1], [-0.6, 0.5]])))
        return np.concatenate([values, ad.value(potential(q))[:, None]], axis=1)[:, None, :]

    return Law({}, potential, draw, observe, ("logit 1", "logit 2", "V"), exact_start=False)


LAWS: dict[str, Callable[[], Law]] = {
    "gaussian": gaussian, "bimodal": bimodal, "fisher": fisher, "network": network,
}  # fmt: skip
