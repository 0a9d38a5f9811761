"""Minnorm on deep linear networks, and with its options, against steps that are written out."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import numpy as np

from refimpl.arrays import backend as make_backend
from refimpl.datasets import Batch
from refimpl.models import DeepLinear, Objective
from refimpl.papers.minnorm.experiments import deep_linear as written_out
from refimpl.papers.minnorm.experiments.margin import signed_points
from refimpl.papers.minnorm.experiments.registered_paths import (
    BOTH,
    FIRST,
    Case,
    Paths,
    Setting,
    descended,
    minnorm,
    trace,
)

_WIDTHS = (12, 10, 10, 3)


def _problem(setting: Setting) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = setting.rng
    x, y = rng.child("x").normal((6, 12)) / np.sqrt(12), rng.child("y").normal((6, 3))
    return x, y, _layers(setting, _WIDTHS)


def _layers(setting: Setting, widths: tuple[int, ...]) -> list[np.ndarray]:
    return [
        1.5 * setting.rng.child("w", index).normal((out, fan)) / np.sqrt(fan)
        for index, (fan, out) in enumerate(itertools.pairwise(widths))
    ]


def deep_linear(setting: Setting) -> Paths:
    """The written steps are simultaneous; alternating ones take the new error in addition."""
    x, y, layers = _problem(setting)
    lam = np.zeros((6, 3))
    path = trace(
        setting, Objective(DeepLinear(_WIDTHS), "mean_squared_error", "sum"), layers, x, y,
        constraint="equality", learning_rate=0.01, multiplier_rate=0.02, damping=2.0,
    )  # fmt: skip
    for _ in range(setting.steps):
        layers, moved = written_out.deep_step(x, y, layers, lam, eta_w=0.01, eta_lam=0.02, rho=2.0)
        if setting.alternating:
            product = written_out.upper_products(layers)[0]
            moved = lam + 0.02 * (y - x @ product.T)
        lam = moved
    return path, [*layers, lam]


def deep_descent(setting: Setting) -> Paths:
    x, y, layers = _problem(setting)
    objective = Objective(DeepLinear(_WIDTHS), "mean_squared_error", "sum")
    path = descended(setting, objective, layers, (x, y), 0.01)
    for _ in range(setting.steps):
        layers, _ = written_out.descent_step(x, y, layers, 0.01)
    return path, layers


def _margin_step(
    points: np.ndarray,
    layers: list[np.ndarray],
    multipliers: np.ndarray,
    *,
    eta_w: float,
    eta_alpha: float,
    rho: float,
) -> tuple[list[np.ndarray], np.ndarray]:
    """One simultaneous step for outputs of at least 1 at the signed points, shape (P, N)."""
    upper = written_out.upper_products(layers)
    slack = 1.0 - points @ upper[0].T
    signal = np.maximum(0.0, multipliers + rho * slack).T @ points
    moved = [
        (1.0 - eta_w) * weight + eta_w * pull
        for weight, pull in zip(layers, written_out.pulls(layers, upper, signal), strict=True)
    ]
    return moved, np.maximum(0.0, multipliers + eta_alpha * slack)


def deep_margin(setting: Setting) -> Paths:
    """Inequalities with damping, in a network of depth 3."""
    z, widths = signed_points(1), (5, 6, 6, 1)
    layers = _layers(setting, widths)
    alpha = np.zeros((len(z), 1))
    path = trace(
        setting, Objective(DeepLinear(widths), "hinge", "sum"), layers, z, np.ones(len(z)),
        constraint="margin", learning_rate=0.002, multiplier_rate=0.004, damping=1.0,
    )  # fmt: skip
    for _ in range(setting.steps):
        layers, alpha = _margin_step(z, layers, alpha, eta_w=0.002, eta_alpha=0.004, rho=1.0)
    return path, [*layers, alpha]


def option(
    setting: Setting,
    *,
    size: int = 8,
    accumulate: bool = False,
    momentum: float = 0.0,
    decay: float = 0.0,
    single: bool = False,
) -> Paths:
    """A shallow regression of 8 examples with an option of Minnorm away from its default.

    With ``single`` the package runs in float32 and the written steps, from the same numbers, in
    float64: the difference is then some float32 roundings.
    """
    place = make_backend(setting.backend.name, "float32") if single else setting.backend
    x, y, w = (
        setting.rng.child(name).normal(shape).astype(np.float32).astype(np.float64)
        for name, shape in (("x", (8, 12)), ("y", (8, 2)), ("w", (2, 12)))
    )
    lam, moment = np.zeros((8, 2)), np.zeros((2, 12))
    velocity = np.zeros((2, 12))
    rate, gain, rho = 0.02, 0.01, 0.02
    algorithm = minnorm(
        setting.order, constraint="equality", learning_rate=rate, multiplier_rate=gain,
        damping=rho, decay=decay, accumulate=accumulate,
        **({"base": "momentum", "momentum": momentum} if momentum else {}),
    )  # fmt: skip
    objective = Objective(DeepLinear((12, 2)), "mean_squared_error", "sum")
    data: Any = Batch(place.asarray(x), place.asarray(y), np.arange(8))
    state = algorithm.init([place.asarray(w)], training=data, objective=objective)
    for step in range(setting.steps):
        rows = np.sort(setting.rng.child("rows", step).permutation(8)[:size])
        batch = Batch(place.asarray(x[rows]), place.asarray(y[rows]), rows)
        state, _ = algorithm.step(state, objective, batch)
        error, share = y[rows] - x[rows] @ w.T, 8 / size
        fed = lam[rows] + rho * error
        pull = share * ((fed - lam[rows]) if accumulate else fed).T @ x[rows] + moment
        velocity = momentum * velocity + (w - pull)
        w = w - rate / (1.0 + decay * step) * velocity
        if setting.alternating:
            error = y[rows] - x[rows] @ w.T
        lam[rows] += gain * error
        if accumulate:
            moment = lam.T @ x
    return [state.params[0], state.multipliers], [w, lam]


CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "deep_linear": (deep_linear, BOTH),
    "deep_descent": (deep_descent, FIRST),
    "deep_margin": (deep_margin, FIRST),
    "minibatch": (partial(option, size=3), BOTH),
    "accumulate": (partial(option, size=3, accumulate=True), BOTH),
    "momentum": (partial(option, momentum=0.8), BOTH),
    "decay": (partial(option, size=3, decay=0.05), BOTH),
    "float32": (partial(option, single=True), BOTH),
}
"""Each case and the orders of the multipliers in which it is run."""
