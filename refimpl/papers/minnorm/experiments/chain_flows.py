"""Minimum-norm training of a scalar chain, from its definition: flows, discrete steps, Jacobians.

Everything is in float64 on the host. Linearisations are read off the field and the step by complex
steps, which are exact to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

SLOPE = 2.0
"""s, the product of weights that fits the data, where nothing else is said."""


def other_products(weights: np.ndarray) -> np.ndarray:
    """prod_{m != l} w_m for each l, along the last axis; no division, so zeros are allowed."""
    depth = weights.shape[-1]
    result = np.ones_like(weights)
    for shift in range(1, depth):
        result = result * np.roll(weights, shift, axis=-1)
    return result


def field(
    state: np.ndarray,
    *,
    rho: Any,
    slope: Any = SLOPE,
    gain: float = 1.0,
    tau_w: float = 1.0,
    tau_lam: float = 1.0,
    squared: bool = True,
) -> np.ndarray:
    """d(w_1, ..., w_D, lam)/dt of the augmented flow, for states in the last axis."""
    weights, lam = state[..., :-1], state[..., -1:]
    others = other_products(weights)
    error = slope - weights[..., :1] * others[..., :1]
    pull = weights if squared else np.sign(weights.real)
    moved = ((lam + gain * rho * error) * others - pull) / tau_w
    return np.concatenate([moved, gain * error / tau_lam], axis=-1)


def chain_step(
    state: np.ndarray,
    *,
    rho: Any,
    eta_w: Any,
    eta_lam: Any,
    order: str,
    slope: Any = SLOPE,
) -> np.ndarray:
    """One discrete step of (w_1, ..., w_D, lam), for states in the last axis."""
    weights, lam = state[..., :-1], state[..., -1:]
    others = other_products(weights)
    error = slope - weights[..., :1] * others[..., :1]
    moved = weights + eta_w * ((lam + rho * error) * others - weights)
    if order == "alternating":
        error = slope - np.prod(moved, axis=-1, keepdims=True)
    return np.concatenate([moved, lam + eta_lam * error], axis=-1)


def jacobian(function: Callable[..., np.ndarray], state: np.ndarray, **more: Any) -> np.ndarray:
    """The Jacobian of ``function(state, **more)``, real-analytic, at each state, by complex
    steps."""
    size = state.shape[-1]
    tiny = 1e-30
    columns = [
        np.imag(function(state + 1j * tiny * np.eye(size)[index], **more)) / tiny
        for index in range(size)
    ]
    return np.stack(columns, axis=-1)


def balanced_field(
    depth: int, rho: float, slope: float = SLOPE, tau_w: float = 1.0, tau_lam: float = 1.0
) -> Callable[[float, Any], list[float]]:
    """The flow of (w, lam) where all weights are equal."""

    def run(_: float, state: Any) -> list[float]:
        w, lam = state
        others = w ** (depth - 1)
        error = slope - w * others
        return [((lam + rho * error) * others - w) / tau_w, error / tau_lam]

    return run


def descent_field(weights: np.ndarray, decay: float = 0.0) -> np.ndarray:
    """dw/dt of the squared error with weight decay."""
    others = other_products(weights)
    return (SLOPE - weights[0] * others[0]) * others - decay * weights


def gain_field(log_gain: float, lam: float, slope: float, *, multipliers: bool) -> list[float]:
    """d(log u, lam)/dt of the balanced chain of depth 2, undamped, or of gradient descent."""
    u = math.exp(log_gain)
    if multipliers:
        return [2.0 * (lam - 1.0), slope - u]
    return [2.0 * (slope - u), 0.0]


def decayed_field(depth: int, decay: float) -> Callable[[float, Any], list[float]]:
    """The flow of the squared error with weight decay, where all weights are equal."""

    def run(_: float, state: Any) -> list[float]:
        (w,) = state
        return [(SLOPE - w**depth) * w ** (depth - 1) - decay * w]

    return run


def integrate(
    function: Callable[[float, Any], Any],
    start: Any,
    end: float,
    *,
    method: Any = "DOP853",
    rtol: float = 1e-11,
    **options: Any,
) -> Any:
    """What ``solve_ivp`` makes of ``function`` from time 0 to ``end``.

    Raises
    ------
    RuntimeError
        If the integration fails.
    """
    from scipy.integrate import solve_ivp

    flow = solve_ivp(
        function,
        (0.0, end),
        np.asarray(start, dtype=float),
        method=method,
        rtol=rtol,
        atol=rtol * 1e-2,
        **options,
    )
    if flow.status < 0:
        raise RuntimeError(flow.message)
    return flow


def event(function: Callable[[Any], float], *, terminal: bool = False) -> Any:
    """An event where ``function(state)`` is zero, which may end the run."""

    def watch(_: float, state: Any) -> float:
        return function(state)

    watch.terminal = terminal  # type: ignore[attr-defined]
    return watch
