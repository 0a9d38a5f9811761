"""Scalar chains in time: the constraint surface, imbalance, weight decay and its accuracy.

Integrated, against the closed forms of :mod:`refimpl.papers.minnorm.theory.chain_paths`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from refimpl.papers.minnorm.experiments.chain_flows import (
    SLOPE,
    decayed_field,
    descent_field,
    event,
    field,
    integrate,
)
from refimpl.papers.minnorm.theory import chain_paths as minnorm_chain_paths


def surface() -> dict[str, Any]:
    """The flow with the multiplier that keeps u = s, against the closed form."""
    times = np.linspace(0.0, 4.0, 21)
    errors, sums = [], []
    for start in ([2.5, 0.8], [2.0, 0.5, 2.0], [0.6, 1.4, 0.9, 2.0 / 0.756]):

        def flow(_: float, w: np.ndarray) -> np.ndarray:
            u = np.prod(w)
            lam = len(w) / (u * np.sum(w**-2))
            return -w + lam * u / w

        run = integrate(flow, start, times[-1], t_eval=times, rtol=1e-12)
        for time, state in zip(times, run.y.T, strict=True):
            closed = minnorm_chain_paths.constraint_surface(time, weights=start, slope=SLOPE)
            errors.append(np.max(np.abs(np.asarray(closed) - state**2)))
            if len(start) == 2:
                total = minnorm_chain_paths.sum_of_squares(
                    time, imbalance=start[1] ** 2 - start[0] ** 2, slope=SLOPE
                )
                sums.append(abs(total - np.sum(state**2)))
    return {"surface_error": np.max(errors), "surface_sum_error": np.max(sums)}


def imbalance() -> dict[str, Any]:
    """|w_2^2 - w_1^2| of three methods from one start, and the slopes of its logarithm."""
    times, decay, start = np.linspace(0.0, 5.0, 101), 0.25, np.array([1.6, 0.7, 1.1])

    def minnorm(_: float, state: np.ndarray) -> np.ndarray:
        return field(state, rho=1.0)

    runs = [
        integrate(minnorm, [*start, 0.0], times[-1], t_eval=times).y[:3],
        integrate(lambda _, w: descent_field(w, decay), start, times[-1], t_eval=times).y,
        integrate(lambda _, w: descent_field(w), start, times[-1], t_eval=times).y,
    ]
    gaps = np.stack([np.abs(run[1] ** 2 - run[0] ** 2) for run in runs])
    slopes = [np.polyfit(times, np.log(gap), 1)[0] for gap in gaps]
    return {
        "imbalance_times": times,
        "imbalance": gaps,
        "imbalance_slopes": np.asarray(slopes),
        "imbalance_decay": decay,
    }


def decay() -> dict[str, Any]:
    """Weight decay: the sigmoid at depth 2, and the largest decay with an end point above it."""
    times = np.linspace(0.0, 8.0, 33)
    errors = []
    for gamma in (0.0, 0.5, 2.0, 2.5):
        for start in (0.05, 3.0):
            run = integrate(
                decayed_field(2, gamma),
                [math.sqrt(start)],
                times[-1],
                t_eval=times,
                rtol=1e-12,
            )
            closed = [
                minnorm_chain_paths.decay_gain(t, start=start, slope=SLOPE, decay=gamma)
                for t in times
            ]
            errors.append(np.max(np.abs(run.y[0] ** 2 - closed)))
    ends = []
    for depth in (3, 4):
        limit = minnorm_chain_paths.largest_decay(SLOPE, depth)
        for factor in (0.98, 1.02):
            gamma = factor * limit
            run = integrate(
                decayed_field(depth, gamma),
                [SLOPE ** (1 / depth)],
                300.0,
                rtol=1e-9,
                method="LSODA",
            )
            ends.append(run.y[0, -1] ** depth)
    return {
        "decay_error": np.max(errors),
        "decay_limits": np.array([minnorm_chain_paths.largest_decay(SLOPE, d) for d in (3, 4)]),
        "decay_ends": np.reshape(ends, (2, 2)),
    }


def times(accuracies: Sequence[float]) -> dict[str, Any]:
    """The last time at which a weight is further than eps from sqrt(s): decay and multipliers."""
    goal, start = math.sqrt(SLOPE), np.array([2.5, 0.5])
    found = []
    for accuracy in accuracies:

        def outside(state: Any, eps: float = accuracy) -> float:
            return max(abs(state[0] - goal), abs(state[1] - goal)) - eps

        gamma = minnorm_chain_paths.decay_for_accuracy(SLOPE, accuracy / 2.0)

        def decayed(_: float, w: np.ndarray, gamma: float = gamma) -> np.ndarray:
            return descent_field(w, gamma)

        slow = integrate(
            decayed, start, 6.0 / gamma, method="LSODA", rtol=1e-10, events=event(outside)
        )
        fast = integrate(lambda _, z: field(z, rho=1.0), [*start, 0.0], 30.0, events=event(outside))
        found.append([slow.t_events[0][-1], fast.t_events[0][-1]])
    return {"accuracies": np.asarray(accuracies), "times_to": np.asarray(found)}
