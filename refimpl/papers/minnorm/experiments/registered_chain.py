"""Minnorm and gradient descent on scalar chains against what experiments step and integrate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.models import LinearChain, Objective
from refimpl.papers.minnorm.experiments import chain_flows
from refimpl.papers.minnorm.experiments.chain_flows import SLOPE
from refimpl.papers.minnorm.experiments.registered_paths import (
    BOTH,
    FIRST,
    Case,
    Paths,
    Setting,
    descended,
    increment,
    trace,
)

_ONE = np.ones(1)


def _objective(depth: int) -> Objective:
    return Objective(LinearChain(depth), "mean_squared_error", "sum")


def chain(setting: Setting) -> Paths:
    start = setting.rng.child("w").uniform(3, 0.8, 1.3)
    path = trace(
        setting, _objective(3), list(start), _ONE, SLOPE * _ONE, constraint="equality",
        learning_rate=0.02, multiplier_rate=0.02, damping=1.0,
    )  # fmt: skip
    state = np.append(start, 0.0)
    for _ in range(setting.steps):
        state = chain_flows.chain_step(
            state, rho=1.0, eta_w=0.02, eta_lam=0.02, order=setting.order
        )
    return path, [*state[:-1], state[-1:]]


def _points_step(
    x: np.ndarray,
    w: np.ndarray,
    lam: np.ndarray,
    *,
    rho: float,
    eta_w: float,
    eta_lam: float,
    order: str,
) -> tuple[np.ndarray, np.ndarray]:
    """One step of a chain on the points (x, s x), each with its own multiplier."""
    others = chain_flows.other_products(w)
    error = SLOPE * x - w[0] * others[0] * x
    moved = w + eta_w * (np.sum((lam + rho * error) * x) * others - w)
    if order == "alternating":
        error = SLOPE * x - np.prod(moved) * x
    return moved, lam + eta_lam * error


def chain_points(setting: Setting) -> Paths:
    x, w = setting.rng.child("x").normal(4), setting.rng.child("w").uniform(3, 0.7, 1.4)
    lam = np.zeros(4)
    path = trace(
        setting, _objective(3), list(w), x, SLOPE * x, constraint="equality",
        learning_rate=0.01, multiplier_rate=0.02, damping=0.4,
    )  # fmt: skip
    for _ in range(setting.steps):
        w, lam = _points_step(x, w, lam, rho=0.4, eta_w=0.01, eta_lam=0.02, order=setting.order)
    return path, [*w, lam]


def _flow(setting: Setting, weights: Any, lam: float, *, gain: float = 1.0, slope: float = SLOPE,
          times: tuple[float, float] = (1.0, 1.0), **hyper: Any) -> np.ndarray:  # fmt: skip
    """d(w, lam)/dt of the reduced chain, read off Minnorm on the one point x = sqrt(gain)."""
    x = math.sqrt(gain)
    moved, grown = increment(
        setting, _objective(len(weights)), [np.asarray(w) for w in weights],
        np.array([lam / x]), (np.array([x]), np.array([slope * x])), times, **hyper,
    )  # fmt: skip
    return np.append(np.array(moved), x * grown)


def chain_flow(setting: Setting) -> Paths:
    """The field at random states of depth 2 to 5, for two gains, dampings and time constants."""
    seen, written = [], []
    for depth in (2, 3, 4, 5):
        state = setting.rng.child(depth).uniform(depth + 1, 0.3, 1.5)
        for rho, tau_w, tau_lam, gain in ((0.0, 1.0, 1.0, 1.0), (0.7, 0.5, 2.0, 3.0)):
            seen.append(
                _flow(
                    setting, state[:-1], state[-1], gain=gain, slope=0.5,
                    times=(tau_w, tau_lam), damping=rho,
                )
            )  # fmt: skip
            written.append(
                chain_flows.field(
                    state, rho=rho, slope=0.5, gain=gain, tau_w=tau_w, tau_lam=tau_lam
                )
            )
    return [setting.backend.asarray(each) for each in seen], written


def balanced(setting: Setting) -> Paths:
    """The field where all weights are equal, and that of (log u, lam) at depth 2, undamped."""
    seen, written = [], []
    for depth, rho in ((2, 0.0), (2, 1.0), (3, 0.0), (3, 0.15), (4, 1.0)):
        w, lam = setting.rng.child(depth).uniform(2, 0.3, 1.5)
        for times in ((1.0, 1.0), (0.5, 2.0)):
            whole = _flow(setting, [w] * depth, lam, times=times, damping=rho)
            seen.append(whole)
            one, grown = chain_flows.balanced_field(depth, rho, SLOPE, *times)(0.0, (w, lam))
            written.append(np.array([one] * depth + [grown]))
    w, lam = setting.rng.child("log").uniform(2, 0.3, 1.5)
    whole = _flow(setting, [w, w], lam, damping=0.0)
    seen.append(np.array([2.0 * whole[0] / w, whole[-1]]))
    both = chain_flows.gain_field(2.0 * math.log(w), lam, SLOPE, multipliers=True)
    written.append(np.array(both))
    return [setting.backend.asarray(each) for each in seen], written


def plain_norm(setting: Setting) -> Paths:
    """The field of norms that are not squared."""
    seen, written = [], []
    for depth in (2, 3, 4):
        state = setting.rng.child(depth).uniform(depth + 1, 0.3, 1.5)
        seen.append(_flow(setting, state[:-1], state[-1], damping=0.6, norm="plain"))
        written.append(chain_flows.field(state, rho=0.6, squared=False))
    return [setting.backend.asarray(each) for each in seen], written


def chain_descent(setting: Setting) -> Paths:
    """The fields of gradient descent and weight decay, read off one step of each."""
    length = 0.5
    seen, written = [], []
    for depth in (2, 3, 4):
        equal = float(setting.rng.child("equal", depth).uniform(1, 0.5, 1.5)[0])
        for w in (setting.rng.child(depth).uniform(depth, 0.5, 1.5), np.full(depth, equal)):
            for decay in (0.0, 0.25):
                seen += descended(
                    setting, _objective(depth), [np.asarray(value) for value in w],
                    (_ONE, SLOPE * _ONE), length, decay, steps=1,
                )  # fmt: skip
                written += list(w + length * chain_flows.descent_field(w, decay))
                if w[0] == w[1]:
                    (rate,) = chain_flows.decayed_field(depth, decay)(0.0, w[:1])
                    seen.append(seen[-1])
                    written.append(np.asarray(equal + length * rate))
    w = float(setting.rng.child("log").uniform(1, 0.5, 1.5)[0])
    (moved, _) = descended(
        setting, _objective(2), [np.asarray(w)] * 2, (_ONE, SLOPE * _ONE), length, steps=1
    )
    growth, _ = chain_flows.gain_field(2.0 * math.log(w), 0.0, SLOPE, multipliers=False)
    seen.append(moved)
    written.append(np.asarray(w + length * 0.5 * w * growth))
    return seen, written


CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "chain": (chain, BOTH),
    "chain_points": (chain_points, BOTH),
    "chain_flow": (chain_flow, FIRST),
    "balanced": (balanced, FIRST),
    "plain_norm": (plain_norm, FIRST),
    "chain_descent": (chain_descent, FIRST),
}
"""Each case and the orders of the multipliers in which it is run."""
