"""Scalar chains far from their end point: orbits, damping, escapes from small starts, collapses.

Integrated, against the closed forms of :mod:`refimpl.papers.minnorm.theory.chain_paths`.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from refimpl.papers.minnorm.experiments.chain_flows import (
    SLOPE,
    balanced_field,
    event,
    gain_field,
    integrate,
)
from refimpl.papers.minnorm.theory import chain as minnorm_chain
from refimpl.papers.minnorm.theory import chain_paths as minnorm_chain_paths


def orbit() -> dict[str, Any]:
    """Undamped: energy, extremes of u, period of small oscillations; orbits to draw."""
    result: dict[str, Any] = {}
    drift, extremes, predicted = [], [], []
    for start in (0.25, 1e-4):
        run = integrate(
            balanced_field(2, 0.0),
            [math.sqrt(start), 0.0],
            40.0,
            rtol=1e-12,
            events=event(lambda z: z[1] - 1.0),
        )
        u, lam = run.y[0] ** 2, run.y[1]
        level = minnorm_chain_paths.energy(start, 0.0, slope=SLOPE)
        along = [minnorm_chain_paths.energy(a, b, slope=SLOPE) for a, b in zip(u, lam, strict=True)]
        drift.append(np.max(np.abs(np.asarray(along) - level)) / level)
        turning = run.y_events[0][:, 0] ** 2
        extremes.append([np.min(turning), np.max(turning)])
        predicted.append(minnorm_chain_paths.gain_extremes(level, slope=SLOPE))
    small = integrate(
        balanced_field(2, 0.0),
        [math.sqrt(SLOPE * 1.001), 1.0],
        20.0,
        events=event(lambda z: z[1] - 1.0),
    )
    crossings = small.t_events[0]
    result["orbit_drift"] = np.asarray(drift)
    result["orbit_extremes"] = np.asarray(extremes)
    result["orbit_extremes_closed"] = np.asarray(predicted)
    result["orbit_period"] = 2.0 * np.mean(np.diff(crossings[1:]))
    times = np.linspace(0.0, 12.0, 600)
    for name, rho in (("undamped", 0.0), ("damped", 0.3)):
        paths = [
            integrate(balanced_field(2, rho), [math.sqrt(u0), 0.0], 12.0, t_eval=times).y
            for u0 in (0.05, 0.25, 1.0)
        ]
        result[f"portrait_{name}"] = np.stack([np.stack([p[0] ** 2, p[1]]) for p in paths])
    return result


def damped() -> dict[str, Any]:
    """Energy balance along damped runs, and where they end."""
    balance, ends = [], []
    for start in (1e-6, 0.01, 0.25, 3.0, 20.0):
        for rho, tau_w, tau_lam in ((0.2, 1.0, 1.0), (1.0, 0.5, 2.0)):
            plain = balanced_field(2, rho, SLOPE, tau_w, tau_lam)
            rate = 2.0 * rho / (tau_w * tau_lam)

            def flow(t: float, z: Any, plain: Any = plain, rate: float = rate) -> list[float]:
                return [*plain(t, z[:2]), rate * (SLOPE - z[0] ** 2) ** 2]

            run = integrate(flow, [math.sqrt(start), 0.0, 0.0], 120.0, rtol=1e-12)
            energies = np.array(
                [
                    minnorm_chain_paths.energy(
                        w * w, lam, slope=SLOPE, tau_w=tau_w, tau_lam=tau_lam
                    )
                    for w, lam in run.y[:2].T
                ]
            )
            balance.append(np.max(np.abs(energies - energies[0] + run.y[2])) / energies[0])
            ends.append(abs(run.y[0, -1] ** 2 - SLOPE))
    return {"energy_balance": np.asarray(balance), "damped_end": np.asarray(ends)}


def transients() -> dict[str, Any]:
    """Peak over s, and the last time at which u is further than 1 % from s; rho = 1 and 4."""
    rows = []
    for rho in (1.0, 4.0):
        run = integrate(
            balanced_field(2, rho),
            [0.1, 0.0],
            20.0,
            t_eval=np.linspace(0.0, 20.0, 20_001),
            events=event(lambda z: abs(z[0] ** 2 / SLOPE - 1.0) - 0.01),
        )
        zeta = minnorm_chain.damping_ratio(SLOPE, rho=rho)
        rows.append([np.max(run.y[0] ** 2) / SLOPE, run.t_events[0][-1], zeta])
    # the damping ratio from the roots: zeta = -Re / |root| below 1
    errors = []
    for slope, rho, fast in itertools.product((0.7, SLOPE, 3.0), (0.25, 0.5, 0.8), (1.0, 1.6)):
        times = {"tau_w": fast, "tau_lam": 1.0 / fast}
        root = minnorm_chain.rates(slope, 2, rho=rho, **times)[0]
        ratio = minnorm_chain.damping_ratio(slope, rho=rho, **times)
        errors.append(abs(-root.real / abs(root) - ratio))
    return {"transients": np.asarray(rows), "ratio_error": np.max(errors)}


def _reach(depth: int, slope: float, start: float, target: float, *, multipliers: bool) -> float:
    """When log u of the balanced chain of depth 2 reaches log(target), undamped."""

    run = integrate(
        lambda _, z: gain_field(z[0], z[1], slope, multipliers=multipliers),
        [math.log(start), 0.0],
        1e4,
        events=event(lambda z: z[0] - math.log(target), terminal=True),
    )
    return float(run.t_events[0][-1])


def escape() -> dict[str, Any]:
    """Times to leave the saddle, and the growth at which both methods take the same time."""
    from scipy.optimize import brentq

    start = 1e-4
    half = _reach(2, SLOPE, start, SLOPE / 2, multipliers=True)
    descent = _reach(2, SLOPE, start, SLOPE / 2, multipliers=False)
    crossings = []
    for slope in (0.25, 0.5, 1.0):
        target = 1e-6 * slope

        def difference(growth: float, slope: float = slope, target: float = target) -> float:
            first = target * math.exp(-2.0 * growth)
            return _reach(2, slope, first, target, multipliers=True) - _reach(
                2, slope, first, target, multipliers=False
            )

        guess = minnorm_chain_paths.escape_crossover(slope)
        crossings.append([guess, brentq(difference, 0.8 * guess, 1.2 * guess, xtol=1e-4)])
    return {
        "escape": np.array(
            [
                [half, minnorm_chain_paths.escape_time(SLOPE / 2, start=start, slope=SLOPE)],
                [
                    descent,
                    minnorm_chain_paths.descent_escape_time(SLOPE / 2, start=start, slope=SLOPE),
                ],
            ]
        ),
        "crossover": np.asarray(crossings),
    }


def _survives(depth: int, rho: float, start: float) -> bool:
    """Whether the balanced chain reaches the constraint before it has collapsed."""
    run = integrate(
        balanced_field(depth, rho),
        [start, 0.0],
        200.0,
        method="LSODA",
        rtol=1e-9,
        events=[
            event(lambda z: z[0] ** depth - SLOPE, terminal=True),
            event(lambda z: z[0] - 1e-4, terminal=True),
        ],
    )
    return run.t_events[0].size > 0


def collapse_threshold(depth: int, rho: float) -> float:
    """The balanced start below which the chain collapses, by bisection to 1e-5."""
    low, high = 0.01, 1.2
    while high - low > 1e-5:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if _survives(depth, rho, middle) else (middle, high)
    return 0.5 * (low + high)


def collapse() -> dict[str, Any]:
    thresholds = [collapse_threshold(3, rho) for rho in (0.0, 1.0)]
    later = []
    for start in (0.52, 1.2):
        run = integrate(
            balanced_field(3, 0.0), [start, 0.0], 60.0, t_eval=np.linspace(0.0, 60.0, 60_001)
        )
        slope = run.y[1, -1] - run.y[1, -1001]
        reached = float(np.max(run.y[0]) ** 3 > SLOPE)
        later.append([np.max(run.y[0]), run.y[0, -1], slope, reached])
    kept = [
        integrate(balanced_field(3, 1.0), [start, 0.0], 80.0).y[0, -1] ** 3
        for start in (0.26, 0.6, 1.2)
    ]
    return {
        "collapse_thresholds": np.asarray(thresholds),
        "collapse_estimates": np.array(
            [minnorm_chain_paths.collapse_estimate(SLOPE, 3, rho=rho) for rho in (0.0, 1.0)]
        ),
        "collapse_later": np.asarray(later),
        "damped_starts_end": np.asarray(kept),
    }
