"""The scale mean |w|: its gradient, and what it changes in a network with normalization."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.packed import PackedNetwork
from refimpl.papers.boolnet.statistics import (
    binary_layers,
    collected,
    norm_layers,
    recalibrate,
)
from refimpl.papers.boolnet.theory.operators import scaled_gradient
from refimpl.papers.boolnet.weights import output_scale, progressive_weights
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Units of ``inputs`` weights; the network, its batch, and the e of the normalization."""

    units: int = 40
    inputs: int = 9
    strengths: tuple[float, ...] = (1.0, 0.5, 0.0)
    widths: tuple[int, ...] = (12, 32, 5)
    batch: int = 200
    epsilons: tuple[float, ...] = (0.0, 1e-5, 0.1)
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(units=400, seeds=20)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    networks = [_network(config, rng.child("network", seed)) for seed in range(config.seeds)]
    return {
        **_gradients(config, rng.child("gradient")),
        **{name: np.array([found[name] for found in networks]) for name in networks[0]},
        "epsilon": config.epsilons,
    }


def _gradients(config: Config, rng: Rng) -> dict[str, Any]:
    """Errors for each λ: of the tape against the closed form and against central differences."""
    w = np.asarray(0.9 * rng.child("w").normal((config.units, config.inputs)))
    g = np.asarray(rng.child("g").normal((config.units, config.inputs)))
    found: dict[str, list[float]] = {}
    for strength in config.strengths:

        def value(v: Any, detach: bool = False, s: float = strength) -> Any:
            scaled = output_scale(v, detach)[:, None] * progressive_weights(v, s)
            return ad.sum(g * scaled)

        tape = {flag: ad.grad(lambda v, f=flag: value(v, f))(w) for flag in (False, True)}
        closed = {
            flag: np.array(
                [scaled_gradient(a, b, strength, flag) for a, b in zip(w, g, strict=True)]
            )
            for flag in (False, True)
        }
        fixed = progressive_weights(w, strength)
        through = _central(lambda v, b=fixed: np.sum(g * output_scale(v)[:, None] * b), w)
        numeric = through + np.mean(np.abs(w), axis=1, keepdims=True) * g * (np.abs(w) <= 1)
        if strength == 1.0:
            numeric = _central(lambda v: float(value(v)), w)
        for name, error in (
            ("closed_error", tape[False] - closed[False]),
            ("detached_error", tape[True] - closed[True]),
            ("numeric_error", tape[False] - numeric),
            ("detached_apart", tape[True] - tape[False]),
        ):
            found.setdefault(name, []).append(float(np.max(np.abs(error))))
    return dict(found)


def _central(function: Any, w: np.ndarray, step: float = 1e-6) -> np.ndarray:
    found = np.zeros_like(w)
    for place in np.ndindex(*w.shape):
        moved = np.zeros_like(w)
        moved[place] = step
        found[place] = (function(w + moved) - function(w - moved)) / (2.0 * step)
    return found


def _network(config: Config, rng: Rng) -> dict[str, Any]:
    """Largest differences of the gradients in the binary weights with and without the scale,
    relative to the largest gradient; and how many packed predictions differ."""
    x = np.asarray(rng.child("x").normal((config.batch, config.widths[0])))
    batch = Batch(x, np.asarray(rng.child("y").integers(0, config.widths[-1], config.batch)))
    apart, frozen, differ = [], [], []
    for epsilon in config.epsilons:
        plain = BoolNet(config.widths, epsilon=epsilon, gain=2.0)
        scaled = replace(plain, weight_scale="mean_abs")
        params = plain.init(rng.child("init"))
        for index, (_, layer) in enumerate(norm_layers(params)):
            layer["shift"] = np.asarray(rng.child("shift", index).normal(layer["shift"].shape))
        gradients = {
            model: [
                ad.grad(lambda p, m=model: _batch_loss(m, p, batch))(params),
                ad.grad(lambda p, m=model: m.objective()(p, batch))(recalibrate(model, params, x)),
            ]
            for model in (plain, scaled)
        }
        apart.append(_apart(gradients[plain][0], gradients[scaled][0]))
        frozen.append(_apart(gradients[plain][1], gradients[scaled][1]))
        outputs = [PackedNetwork(m, recalibrate(m, params, x))(x) for m in (plain, scaled)]
        first, second = (np.argmax(to_host(values), axis=1) for values in outputs)
        differ.append(int(np.sum(first != second)))
    return {"batch_apart": apart, "frozen_apart": frozen, "packed_differ": differ}


def _batch_loss(model: BoolNet, params: Any, batch: Batch) -> Any:
    outputs, _ = collected(model, params, batch.inputs, 0.0)
    return ad.softmax_cross_entropy(outputs, batch.targets)


def _apart(first: Any, second: Any) -> float:
    pairs = zip(binary_layers(first), binary_layers(second), strict=True)
    errors = [(np.max(np.abs(a["weight"] - b["weight"])), np.max(np.abs(a["weight"])))
              for a, b in pairs]  # fmt: skip
    return float(max(error for error, _ in errors) / max(size for _, size in errors))


EXPERIMENT = Experiment(
    "boolnet_scale",
    Config,
    run_task,
    summary="the scale mean |w|: its gradient, and what it changes under normalization",
)
