"""Signs, logic and progressive weights: values and gradients on all cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.boolnet.signs import binary_sign, logic_or, xnor
from refimpl.papers.boolnet.theory import operators as theory
from refimpl.papers.boolnet.weights import Progress, progressive_weights
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """``decays``: after how many decays λ is taken; ``weights``: how many are drawn."""

    decays: tuple[int, ...] = (0, 1, 20, 100, 300, 3000)
    weights: int = 1000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(weights=100_000)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    return {**_logic(), **_window(), **_weights(config, backend, rng)}


def _logic() -> dict[str, Any]:
    """Tables over (−1, −1), (−1, 1), (1, −1), (1, 1); gradients (2, 4), in x and in y."""
    pairs = [(x, y) for x in (-1, 1) for y in (-1, 1)]
    x, y = np.array(pairs, dtype=np.float64).T
    found: dict[str, Any] = {}
    for name, operation in (
        ("xnor", xnor),
        ("or", logic_or),
        ("or_clamp", lambda a, b: logic_or(a, b, form="clamp")),
    ):
        found[name] = operation(x, y)
        both = ad.grad(lambda pair, f=operation: ad.sum(f(*pair)))((x, y))
        found[f"{name}_gradient"] = np.stack(both)
    found["xnor_expected"] = [theory.xnor_value(*pair) for pair in pairs]
    found["or_expected"] = [theory.or_value(*pair) for pair in pairs]
    found["xnor_gradient_expected"] = np.array([theory.xnor_gradient(*p) for p in pairs]).T
    found["or_gradient_expected"] = np.array([theory.or_gradient(*p) for p in pairs]).T
    return found


def _window() -> dict[str, Any]:
    points = np.array([np.nextafter(-1.0, -2.0), -1.0, 0.0, 1.0, np.nextafter(1.0, 2.0)])
    return {
        "window": ad.grad(lambda x: ad.sum(binary_sign(x)))(points),
        "window_expected": [theory.window(x) for x in points],
        "sign": binary_sign(points),
        "sign_zero": binary_sign(points, zero=0),
    }


def _weights(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Of F(w, λ), λ = 0.965^t: the error against sign(w) at |w| >= λ, against w/λ within, and of
    the gradient against the mask 1[|w| <= 1]."""
    like = backend.zeros((1,), dtype=np.float64)
    w = np.asarray(1.5 * rng.normal((config.weights,), like=like), dtype=np.float64)
    mask = np.array([theory.window(float(value)) for value in w])
    beyond, within, gradient, strengths = [], [], [], []
    for times in config.decays:
        strength = Progress(schedule="epoch").strength(step=times, epochs=1, steps_per_epoch=1)
        values = progressive_weights(w, strength)
        outside = np.abs(w) >= strength
        beyond.append(np.max(np.abs(values - np.sign(w)) * outside))
        within.append(np.max(np.abs(values - w / strength) * ~outside, initial=0.0))
        slopes = ad.grad(lambda v, s=strength: ad.sum(progressive_weights(v, s)))(w)
        gradient.append(np.max(np.abs(slopes - mask)))
        strengths.append(strength)
    return {
        "strength": strengths,
        "beyond_error": beyond,
        "within_error": within,
        "mask_error": gradient,
        "curve_weights": (grid := np.linspace(-1.5, 1.5, 301)),
        "curve": np.stack([progressive_weights(grid, s) for s in strengths]),
        "curve_gradient": ad.grad(lambda v: ad.sum(progressive_weights(v, 0.5)))(grid),
    }


EXPERIMENT = Experiment(
    "boolnet_operators",
    Config,
    run_task,
    summary="signs, logic and progressive weights: values and gradients on all cases",
)
