"""Exact laws of strong regularisation, read off the algorithm itself in double precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.updates import BaseName, first_order
from refimpl.arrays import Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, build, load, start
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Rates, strengths and depths of the laws."""

    learning_rate: float = 0.1
    strength: float = 0.03
    steps: int = 200
    share: float = 0.2
    momenta: tuple[float, ...] = (0.0, 0.5, 0.9)
    threshold_step: float = 0.0301
    depths: tuple[int, ...] = (2, 3, 5, 8)
    scale: float = 0.05
    shrink: float = 0.1
    limit_steps: int = 4

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(limit_steps=40)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    place = make_backend(backend.name, "float64")
    return {
        **_unrolled(config, place, rng),
        **_momentum(config, place),
        **_absolute(config, place),
        **_homogeneous(config, place),
        **_limits(config, place),
    }


def _unrolled(config: Config, place: Backend, rng: Rng) -> dict[str, Any]:
    """Weights after T steps against the unrolled sum, and the ratio to w_0 for small gradients."""
    alpha, lam, steps = config.learning_rate, config.strength, config.steps
    plain = GradientCoherent(criterion="always", learning_rate=alpha, strength=lam)
    begin = place.asarray(rng.child("start").normal((6, 5)))
    slopes = rng.child("slopes").normal((steps, 6, 5))
    state = plain.init({"weight": begin})
    for slope in slopes:
        state, _ = plain.step(state, lambda p, g: ad.sum(g * p["weight"]), place.asarray(slope))
    powers = (1.0 - alpha * lam) ** np.arange(steps - 1, -1, -1)
    start_term = (1.0 - alpha * lam) ** steps * to_host(begin)
    unrolled = start_term - alpha * np.tensordot(powers, slopes, axes=1)

    small = config.share * lam
    signs = rng.child("signs").uniform((steps, 6, 5), -1.0, 1.0)
    bounded = plain.init({"weight": begin})
    for sign in signs:
        factor = place.asarray(0.5 * small * sign)
        bounded, _ = plain.step(bounded, lambda p, c: ad.sum(c * p["weight"] ** 2), factor)
    return {
        "unrolled_residual": np.max(np.abs(to_host(state.params["weight"]) - unrolled)),
        "sandwich_ratio": to_host(bounded.params["weight"] / begin),
        "sandwich_bounds": [
            (1.0 - alpha * lam * (1.0 + config.share)) ** steps,
            (1.0 - alpha * lam * (1.0 - config.share)) ** steps,
        ],
    }


def _momentum(config: Config, place: Backend) -> dict[str, Any]:
    """Spectral radius of one step as a linear map of (w, v), and the decay over 1000 steps."""
    radii, ratios = [], []
    for mu in config.momenta:
        algorithm = GradientCoherent(
            criterion="always",
            learning_rate=config.learning_rate,
            strength=config.strength,
            base="momentum",
            momentum=mu,
        )

        def advance(w: float, v: float, count: int, algorithm: Any = algorithm) -> np.ndarray:
            state = algorithm.init({"weight": place.asarray([[w]])})
            state = state._replace(buffers={"weight": place.asarray([[v]])})
            for _ in range(count):
                state, _ = algorithm.step(state, lambda p, b: 0.0 * p["weight"][0, 0], None)
            return np.asarray(
                [float(state.params["weight"][0, 0]), float(state.buffers["weight"][0, 0])]
            )

        step = np.stack([advance(1.0, 0.0, 1), advance(0.0, 1.0, 1)], axis=1)
        radii.append(np.max(np.abs(np.linalg.eigvals(step))))
        ratios.append(np.linalg.norm(advance(1.0, 0.0, 1000)) ** (1.0 / 1000.0))
    return {"momentum_radius": radii, "momentum_ratio": ratios}


def _absolute(config: Config, place: Backend) -> dict[str, Any]:
    """A single weight from 1 under L1 alone: the last two sub-gradient values, and the zero."""
    paths = {}
    for penalty in ("l1", "l1_subgradient"):
        algorithm = GradientCoherent(
            criterion="always",
            learning_rate=1.0,
            strength=config.threshold_step,
            penalty=penalty,
        )
        state = algorithm.init({"weight": place.ones((1, 1))})
        path = [1.0]
        for _ in range(200):
            state, _ = algorithm.step(state, lambda p, b: 0.0 * p["weight"][0, 0], None)
            path.append(float(state.params["weight"][0, 0]))
        paths[penalty] = np.asarray(path)
    return {
        "chatter": np.sort(paths["l1_subgradient"][-2:]),
        "first_zero": np.flatnonzero(paths["l1"] == 0.0)[0],
    }


def _homogeneous(config: Config, place: Backend) -> dict[str, Any]:
    """‖g(cW)‖ / ‖g(W)‖ of bias-free ReLU networks with small logits."""
    batch = load(place).train.batch(np.arange(64))
    ratios = []
    for depth in config.depths:
        model = Recipe(depth=depth, bias=False).model()
        params = start(model, 1.0, np.random.default_rng(0), place)
        norms = []
        for factor in (config.scale, config.scale * config.shrink):
            scaled = ad.map_tree(lambda w, c=factor: c * w, params)
            norms.append(float(ad.norm_tree(ad.grad(Objective(model))(scaled, batch))))
        ratios.append(norms[1] / norms[0])
    return {"depths": config.depths, "shrink": config.shrink, "gradient_ratio": ratios}


def _limits(config: Config, place: Backend) -> dict[str, Any]:
    """Largest difference between trajectories that must be the same bit for bit."""
    batch = load(place).train.batch(np.arange(64))
    model = MLP((64, 16, 10))
    params = start(model, 1.0, np.random.default_rng(0), place)

    def end(algorithm: Any) -> Any:
        state = algorithm.init(params)
        for _ in range(config.limit_steps):
            state, _ = algorithm.step(state, Objective(model), batch)
        return state.params

    def distance(a: Any, b: Any) -> float:
        gaps = ad.map_tree(lambda x, y: abs(to_host(x) - to_host(y)).max(), a, b)
        return float(max(ad.flatten(gaps)[0]))

    names = ("plain", "delayed 5", "gate 0.7", "lookahead 0.99", "layer 0.7", "sign", "ratio 1",
             "temporal 0")  # fmt: skip
    worst = dict.fromkeys(
        ("zero_strength", "no_delay", "open_gate", "shut_gate", "long_delay"), 0.0
    )
    places: tuple[tuple[BaseName, str], ...]
    places = (("sgd", "inside"), ("momentum", "inside"), ("momentum", "outside"))
    for penalty in ("l2", "l1", "l1_subgradient"):
        for base, placement in places:
            shared = {"penalty": penalty, "base": base, "placement": placement}
            free = end(first_order(base, 0.1))
            plain = end(build("plain", 0.05, **shared))
            pairs = [
                *(("zero_strength", build(name, 0.0, **shared), free) for name in names),
                ("no_delay", build("delayed 5", 0.05, **{**shared, "delay": 0}), plain),
                ("open_gate", build("gate 0.7", 0.05, **{**shared, "threshold": -1.0}), plain),
                ("shut_gate", build("gate 0.7", 0.05, **{**shared, "threshold": 1.0}), free),
                ("long_delay", build("plain", 0.05, **{**shared, "delay": 100}), free),
            ]
            for name, algorithm, expected in pairs:
                worst[name] = max(worst[name], distance(end(algorithm), expected))
    return {f"limit_{name}": value for name, value in worst.items()}


EXPERIMENT = Experiment(
    name="gradient_coherent_identities",
    summary="Decay laws, gradient scaling through depth and limits of the gate, to rounding",
    config=Config,
    run_task=run_task,
)
