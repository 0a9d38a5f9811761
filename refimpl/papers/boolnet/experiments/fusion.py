"""Normalization and sign against thresholds, for random layers and for exact ties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.boolnet.normalization import fused_sign, integer_threshold, normalized
from refimpl.papers.boolnet.theory.fusion import sign_by_threshold, threshold
from refimpl.random import Rng

KEYS = ("gain", "shift", "mean", "variance")


@dataclass(frozen=True)
class Config:
    """Random layers, of which every tenth has γ = 0, and the range of the integers."""

    layers: int = 2000
    reach: int = 30
    epsilon: float = 1e-5

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(layers=20_000)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    def draw(name: str) -> np.ndarray:
        return np.asarray(rng.child(name).normal((config.layers,)), dtype=np.float64)

    gain = draw("gain")
    gain[::10] = 0.0
    layer = {
        "gain": gain,
        "shift": draw("shift"),
        "mean": 10.0 * draw("mean"),
        "variance": 25.0 * draw("variance") ** 2,
    }
    random = _mismatches(layer, config.reach, config.epsilon)
    ties = _mismatches(_ties(), config.reach, 0.0)
    return {
        "positive": int(np.sum(gain > 0)),
        "negative": int(np.sum(gain < 0)),
        "zero": int(np.sum(gain == 0)),
        **{f"random_{name}": value for name, value in random.items()},
        **{f"tie_{name}": value for name, value in ties.items()},
    }


def _ties() -> dict[str, np.ndarray]:
    """Layers with y = 0 at an integer, all numbers exact: γ = ±2^j, v = 1, μ and β/γ integers."""
    gains = [sign * 2.0**power for sign in (1, -1) for power in (-3, 0, 2)]
    found = [(g, g * s, m) for g in gains for m in (-4.0, 0.0, 7.0) for s in (-2.0, 0.0, 5.0)]
    gain, shift, mean = np.array(found).T
    return {"gain": gain, "shift": shift, "mean": mean, "variance": np.ones_like(gain)}


def _mismatches(layer: dict[str, np.ndarray], reach: int, epsilon: float) -> dict[str, Any]:
    """Counts against the sign of the float layer, sign(0) = +1, over all integers."""
    integers = np.arange(-reach, reach + 1)
    columns = np.repeat(integers[:, None].astype(np.float64), len(layer["gain"]), axis=1)
    y = normalized(columns, layer, epsilon)
    expected = np.where(y >= 0, 1, -1)
    direction, at = integer_threshold(layer, 0.0, None, reach, epsilon)
    searched = np.where(direction * integers[:, None] >= at, 1, -1)
    rules = [
        threshold(gain, shift, mean, variance, epsilon)
        for gain, shift, mean, variance in zip(*(layer[key].tolist() for key in KEYS), strict=True)
    ]
    closed = np.array([[sign_by_threshold(int(z), rule) for rule in rules] for z in integers])
    fused = fused_sign(columns, layer, epsilon)
    exact = y == 0
    falling = layer["gain"] < 0
    return {
        "checked": expected.size,
        "ties": int(np.sum(exact & (layer["gain"] != 0))),
        "falling_ties": int(np.sum(exact & falling)),
        "searched": int(np.sum(searched != expected)),
        "closed": int(np.sum(closed != expected)),
        "fused": int(np.sum((fused != expected) & ~(exact & falling))),
        "fused_there": np.unique(fused[exact & falling]),
        "sign_there": np.unique(expected[exact & falling]),
    }


EXPERIMENT = Experiment(
    "boolnet_fusion",
    Config,
    run_task,
    summary="normalization and sign against integer thresholds, ties included",
)
