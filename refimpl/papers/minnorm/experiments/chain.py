"""Minimum-norm training of scalar chains: flows, steps, orbits, escapes and collapses.

Everything is integrated or stepped from the definition of the method, in float64 on the host, and
compared with the closed forms of :mod:`refimpl.papers.minnorm.theory.chain` and
:mod:`refimpl.papers.minnorm.theory.chain_paths`. Linearisations are read off the field and the step
by
complex steps, which are exact to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task, merge
from refimpl.papers.minnorm.theory import chain as minnorm_chain
from refimpl.papers.minnorm.theory import chain_paths as minnorm_chain_paths
from refimpl.papers.minnorm.theory.modes import Order
from refimpl.random import Rng

SLOPE = 2.0
OUTCOMES = ("collapse", "oscillation", "convergence")


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes
    ----------
    cases : int
        Random chains and steps whose stability is compared, of each depth.
    depths : tuple of int
    accuracies : tuple of float
        Of the weights, in the comparison with weight decay.
    map_depths, map_rhos : int
        Depths from 2 on and dampings of the map of run outcomes.
    """

    cases: int = 200
    depths: tuple[int, ...] = (2, 3, 4, 5)
    accuracies: tuple[float, ...] = (0.1, 0.01, 0.001)
    map_depths: int = 4
    map_rhos: int = 7

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(cases=2_000, map_depths=5, map_rhos=13)


def tasks(config: Config) -> list[Task]:
    return [{"kind": kind} for kind in _RUNS]


def run_task(config: Config, backend: Backend, rng: Rng, *, kind: str) -> dict[str, Any]:
    return _RUNS[kind](config, rng)


# --- the method -----------------------------------------------------------------------------------


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


def decayed_field(depth: int, decay: float) -> Callable[[float, Any], list[float]]:
    """The flow of the squared error with weight decay, where all weights are equal."""

    def run(_: float, state: Any) -> list[float]:
        (w,) = state
        return [(SLOPE - w**depth) * w ** (depth - 1) - decay * w]

    return run


def _integrate(
    function: Callable[[float, Any], Any],
    start: Any,
    end: float,
    *,
    method: Any = "DOP853",
    rtol: float = 1e-11,
    **options: Any,
) -> Any:
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


def _event(function: Callable[[Any], float], *, terminal: bool = False) -> Any:
    def event(_: float, state: Any) -> float:
        return function(state)

    event.terminal = terminal  # type: ignore[attr-defined]
    return event


# --- end point, spectrum, stability ---------------------------------------------------------------


def _reduction(config: Config, rng: Rng) -> dict[str, Any]:
    """P points, each with its own multiplier, against the reduced chain, in discrete steps."""
    errors = []
    for order in ("simultaneous", "alternating"):
        stream = rng.child(order)
        depth, rho, eta_w, eta_lam = 3, 0.4, 0.01, 0.02
        x, lam = stream.normal(4), 0.1 * stream.normal(4)
        w = stream.uniform(depth, 0.7, 1.4)
        reduced = minnorm_chain.reduce_points(x.tolist(), lam.tolist(), rho)
        chain = np.concatenate([w, [reduced["multiplier"]]])
        for _ in range(500):
            others = other_products(w)
            error = SLOPE * x - w[0] * others[0] * x
            moved = w + eta_w * (np.sum((lam + rho * error) * x) * others - w)
            if order == "alternating":
                error = SLOPE * x - np.prod(moved) * x
            w, lam = moved, lam + eta_lam * error
            chain = chain_step(
                chain,
                rho=reduced["rho"],
                eta_w=eta_w,
                eta_lam=eta_lam * reduced["gain"],
                order=order,
            )
            errors.append(np.max(np.abs(chain[:-1] - w)))
    return {"reduction_error": np.max(errors)}


def _spectrum(config: Config, rng: Rng) -> dict[str, Any]:
    """The end point is one, and the Jacobian there has the predicted eigenvalues."""
    residual, distance = [], []
    for depth in config.depths:
        for slope in (0.5, 2.0):
            for rho, tau_w, tau_lam, gain in ((0.0, 1.0, 1.0, 1.0), (0.7, 0.5, 2.0, 3.0)):
                w, lam = minnorm_chain.fixed_point(slope, depth)
                state = np.array([w] * depth + [lam])
                times: dict[str, Any] = {
                    "rho": rho,
                    "tau_w": tau_w,
                    "tau_lam": tau_lam,
                    "gain": gain,
                }

                residual.append(np.max(np.abs(field(state, slope=slope, **times))))
                measured = np.linalg.eigvals(jacobian(field, state, slope=slope, **times))
                predicted = np.asarray(minnorm_chain.rates(slope, depth, **times))
                # a multiple eigenvalue is exact only to the root of the rounding error, so the
                # characteristic polynomials are compared, scaled by the size of the rates
                scale = np.max(np.abs(predicted)) ** np.arange(depth + 2)
                distance.append(
                    np.max(np.abs(np.poly(measured) - np.poly(predicted)) / np.maximum(scale, 1.0))
                )
    return {"fixed_point_residual": np.max(residual), "spectrum_error": np.asarray(distance)}


def _stability(config: Config, rng: Rng) -> dict[str, Any]:
    """Random chains: sign of the flow's growth and radius of both steps against the theory."""
    mismatches = {"flow": 0, "simultaneous": 0, "alternating": 0}
    radius_error, stable, total = 0.0, 0, 0
    for depth in config.depths:
        stream = rng.child(depth)
        count = config.cases
        slope = np.exp(stream.uniform(count, np.log(0.3), np.log(3.0)))
        rho = stream.uniform(count, 0.0, 1.5)
        eta_w = np.exp(stream.uniform(count, np.log(0.01), np.log(1.2)))
        eta_lam = np.exp(stream.uniform(count, np.log(0.003), np.log(1.0)))
        states = np.array(
            [[w] * depth + [lam] for w, lam in (minnorm_chain.fixed_point(s, depth) for s in slope)]
        )
        columns = {"slope": slope[:, None], "rho": rho[:, None]}
        growth = np.max(np.linalg.eigvals(jacobian(field, states, **columns)).real, axis=-1)
        critical = np.array([minnorm_chain.critical_damping(s, depth) for s in slope])
        clear = np.abs(growth) > 1e-7
        mismatches["flow"] += int(np.sum(((rho > critical) != (growth < 0)) & clear))
        for order in ("simultaneous", "alternating"):
            steps = {"eta_w": eta_w[:, None], "eta_lam": eta_lam[:, None], "order": order}
            matrix = jacobian(chain_step, states, **columns, **steps)
            radius = np.max(np.abs(np.linalg.eigvals(matrix)), axis=-1)
            for index in range(count):
                plain: dict[str, Any] = {
                    "rho": float(rho[index]),
                    "eta_w": float(eta_w[index]),
                    "eta_lam": float(eta_lam[index]),
                    "order": order,
                }
                said = minnorm_chain.chain_is_stable(float(slope[index]), depth, **plain)
                value = minnorm_chain.chain_radius(float(slope[index]), depth, **plain)
                seen = radius[index]
                radius_error = max(radius_error, abs(value - seen) / seen)
                stable, total = stable + int(said), total + 1
                if said != (seen < 1.0) and abs(seen - 1.0) > 1e-7:
                    mismatches[order] += 1
    return {
        **{f"mismatches_{name}": value for name, value in mismatches.items()},
        "chain_radius_error": radius_error,
        "stable_share": stable / total,
        "distance_runs": _near_limit_runs(),
    }


def _near_limit_runs() -> np.ndarray:
    """Distance from the end point of runs at 1.1 and 0.9 of the least stable damping, over the
    distance at the start; runs stop where they have shrunk or grown beyond doubt.

    At depth 2 alternating steps need only a positive damping, so that order is run at depth 3.
    """
    rows = []
    runs: tuple[tuple[int, Order], ...] = (
        (2, "simultaneous"),
        (3, "simultaneous"),
        (3, "alternating"),
    )
    for depth, order in runs:
        w, lam = minnorm_chain.fixed_point(SLOPE, depth)
        critical = minnorm_chain.critical_damping(SLOPE, depth, eta_lam=0.05, order=order)
        pair = []
        for factor in (1.1, 0.9):
            state = np.array([w * (1.0 + 1e-4)] * depth + [lam])
            for _ in range(20_000):
                state = chain_step(
                    state, rho=factor * critical, eta_w=0.05, eta_lam=0.05, order=order
                )
                distance = abs(np.prod(state[:-1]) - SLOPE) + abs(state[-1] - lam)
                if not 1e-9 < distance < 0.3:
                    break
            pair.append(distance / (1e-4 * w))
        rows.append(pair)
    return np.asarray(rows)


def _unsquared(config: Config, rng: Rng) -> dict[str, Any]:
    """The sign of the growth rate at 0.95 and 1.05 of the damping that is needed."""
    growth = []
    for depth in (2, 3, 4):
        for slope in (0.5, 2.0):
            critical = minnorm_chain.unsquared_critical_damping(slope, depth)
            w = slope ** (1 / depth)
            state = np.array([w] * depth + [slope ** (1 / depth - 1)])
            # on the balanced line: where every weight is the same
            for factor in (0.95, 1.05):
                matrix = jacobian(field, state, rho=factor * critical, slope=slope, squared=False)
                growth.append(np.max(np.linalg.eigvals(matrix).real))
    return {"unsquared_growth": np.reshape(growth, (-1, 2))}


# --- closed forms in time -------------------------------------------------------------------------


def _surface(config: Config, rng: Rng) -> dict[str, Any]:
    """The flow with the multiplier that keeps u = s, against the closed form."""
    times = np.linspace(0.0, 4.0, 21)
    errors, sums = [], []
    for start in ([2.5, 0.8], [2.0, 0.5, 2.0], [0.6, 1.4, 0.9, 2.0 / 0.756]):

        def flow(_: float, w: np.ndarray) -> np.ndarray:
            u = np.prod(w)
            lam = len(w) / (u * np.sum(w**-2))
            return -w + lam * u / w

        run = _integrate(flow, start, times[-1], t_eval=times, rtol=1e-12)
        for time, state in zip(times, run.y.T, strict=True):
            closed = minnorm_chain_paths.constraint_surface(time, weights=start, slope=SLOPE)
            errors.append(np.max(np.abs(np.asarray(closed) - state**2)))
            if len(start) == 2:
                total = minnorm_chain_paths.sum_of_squares(
                    time, imbalance=start[1] ** 2 - start[0] ** 2, slope=SLOPE
                )
                sums.append(abs(total - np.sum(state**2)))
    return {"surface_error": np.max(errors), "surface_sum_error": np.max(sums)}


def _imbalance(config: Config, rng: Rng) -> dict[str, Any]:
    """|w_2^2 - w_1^2| of three methods from one start, and the slopes of its logarithm."""
    times, decay, start = np.linspace(0.0, 5.0, 101), 0.25, np.array([1.6, 0.7, 1.1])

    def minnorm(_: float, state: np.ndarray) -> np.ndarray:
        return field(state, rho=1.0)

    def descent(gamma: float) -> Callable[[float, np.ndarray], np.ndarray]:
        def flow(_: float, w: np.ndarray) -> np.ndarray:
            others = other_products(w)
            return (SLOPE - w[0] * others[0]) * others - gamma * w

        return flow

    runs = [
        _integrate(minnorm, [*start, 0.0], times[-1], t_eval=times).y[:3],
        _integrate(descent(decay), start, times[-1], t_eval=times).y,
        _integrate(descent(0.0), start, times[-1], t_eval=times).y,
    ]
    gaps = np.stack([np.abs(run[1] ** 2 - run[0] ** 2) for run in runs])
    slopes = [np.polyfit(times, np.log(gap), 1)[0] for gap in gaps]
    return {
        "imbalance_times": times,
        "imbalance": gaps,
        "imbalance_slopes": np.asarray(slopes),
        "imbalance_decay": decay,
    }


def _decay(config: Config, rng: Rng) -> dict[str, Any]:
    """Weight decay: the sigmoid at depth 2, and the largest decay with an end point above it."""
    times = np.linspace(0.0, 8.0, 33)
    errors = []
    for gamma in (0.0, 0.5, 2.0, 2.5):
        for start in (0.05, 3.0):
            run = _integrate(
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
            run = _integrate(
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


def _times(config: Config, rng: Rng) -> dict[str, Any]:
    """The last time at which a weight is further than eps from sqrt(s): decay and multipliers."""
    goal, start = math.sqrt(SLOPE), np.array([2.5, 0.5])
    found = []
    for accuracy in config.accuracies:

        def outside(state: Any, eps: float = accuracy) -> float:
            return max(abs(state[0] - goal), abs(state[1] - goal)) - eps

        gamma = minnorm_chain_paths.decay_for_accuracy(SLOPE, accuracy / 2.0)

        def decayed(_: float, w: Any, gamma: float = gamma) -> list[float]:
            error = SLOPE - w[0] * w[1]
            return [error * w[1] - gamma * w[0], error * w[0] - gamma * w[1]]

        slow = _integrate(
            decayed, start, 6.0 / gamma, method="LSODA", rtol=1e-10, events=_event(outside)
        )
        fast = _integrate(
            lambda _, z: field(z, rho=1.0), [*start, 0.0], 30.0, events=_event(outside)
        )
        found.append([slow.t_events[0][-1], fast.t_events[0][-1]])
    return {"accuracies": np.asarray(config.accuracies), "times_to": np.asarray(found)}


# --- orbits and damping at depth 2 ----------------------------------------------------------------


def _orbit(config: Config, rng: Rng) -> dict[str, Any]:
    """Undamped: energy, extremes of u, period of small oscillations; orbits to draw."""
    result: dict[str, Any] = {}
    drift, extremes, predicted = [], [], []
    for start in (0.25, 1e-4):
        run = _integrate(
            balanced_field(2, 0.0),
            [math.sqrt(start), 0.0],
            40.0,
            rtol=1e-12,
            events=_event(lambda z: z[1] - 1.0),
        )
        u, lam = run.y[0] ** 2, run.y[1]
        level = minnorm_chain_paths.energy(start, 0.0, slope=SLOPE)
        along = [minnorm_chain_paths.energy(a, b, slope=SLOPE) for a, b in zip(u, lam, strict=True)]
        drift.append(np.max(np.abs(np.asarray(along) - level)) / level)
        turning = run.y_events[0][:, 0] ** 2
        extremes.append([np.min(turning), np.max(turning)])
        predicted.append(minnorm_chain_paths.gain_extremes(level, slope=SLOPE))
    small = _integrate(
        balanced_field(2, 0.0),
        [math.sqrt(SLOPE * 1.001), 1.0],
        20.0,
        events=_event(lambda z: z[1] - 1.0),
    )
    crossings = small.t_events[0]
    result["orbit_drift"] = np.asarray(drift)
    result["orbit_extremes"] = np.asarray(extremes)
    result["orbit_extremes_closed"] = np.asarray(predicted)
    result["orbit_period"] = 2.0 * np.mean(np.diff(crossings[1:]))
    times = np.linspace(0.0, 12.0, 600)
    for name, rho in (("undamped", 0.0), ("damped", 0.3)):
        paths = [
            _integrate(balanced_field(2, rho), [math.sqrt(u0), 0.0], 12.0, t_eval=times).y
            for u0 in (0.05, 0.25, 1.0)
        ]
        result[f"portrait_{name}"] = np.stack([np.stack([p[0] ** 2, p[1]]) for p in paths])
    return result


def _damped(config: Config, rng: Rng) -> dict[str, Any]:
    """Energy balance along damped runs, and where they end."""
    balance, ends = [], []
    for start in (1e-6, 0.01, 0.25, 3.0, 20.0):
        for rho, tau_w, tau_lam in ((0.2, 1.0, 1.0), (1.0, 0.5, 2.0)):
            plain = balanced_field(2, rho, SLOPE, tau_w, tau_lam)
            rate = 2.0 * rho / (tau_w * tau_lam)

            def flow(t: float, z: Any, plain: Any = plain, rate: float = rate) -> list[float]:
                return [*plain(t, z[:2]), rate * (SLOPE - z[0] ** 2) ** 2]

            run = _integrate(flow, [math.sqrt(start), 0.0, 0.0], 120.0, rtol=1e-12)
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


def _transients(config: Config, rng: Rng) -> dict[str, Any]:
    """Peak over s, and the last time at which u is further than 1 % from s; rho = 1 and 4."""
    rows = []
    for rho in (1.0, 4.0):
        run = _integrate(
            balanced_field(2, rho),
            [0.1, 0.0],
            20.0,
            t_eval=np.linspace(0.0, 20.0, 20_001),
            events=_event(lambda z: abs(z[0] ** 2 / SLOPE - 1.0) - 0.01),
        )
        zeta = minnorm_chain.damping_ratio(SLOPE, rho=rho)
        rows.append([np.max(run.y[0] ** 2) / SLOPE, run.t_events[0][-1], zeta])
    # the damping ratio from the roots: zeta = -Re / |root| below 1
    roots = np.array([minnorm_chain.rates(SLOPE, 2, rho=rho)[0] for rho in (0.25, 0.5, 0.9)])
    ratios = -roots.real / np.abs(roots)
    closed = [minnorm_chain.damping_ratio(SLOPE, rho=rho) for rho in (0.25, 0.5, 0.9)]
    return {"transients": np.asarray(rows), "ratio_error": np.max(np.abs(ratios - closed))}


# --- small starts ---------------------------------------------------------------------------------


def _reach(depth: int, slope: float, start: float, target: float, *, multipliers: bool) -> float:
    """When log u of the balanced chain of depth 2 reaches log(target), undamped."""

    def flow(_: float, z: Any) -> list[float]:
        u = math.exp(z[0])
        if multipliers:
            return [2.0 * (z[1] - 1.0), slope - u]
        return [2.0 * (slope - u), 0.0]

    run = _integrate(
        flow,
        [math.log(start), 0.0],
        1e4,
        events=_event(lambda z: z[0] - math.log(target), terminal=True),
    )
    return float(run.t_events[0][-1])


def _escape(config: Config, rng: Rng) -> dict[str, Any]:
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
    run = _integrate(
        balanced_field(depth, rho),
        [start, 0.0],
        200.0,
        method="LSODA",
        rtol=1e-9,
        events=[
            _event(lambda z: z[0] ** depth - SLOPE, terminal=True),
            _event(lambda z: z[0] - 1e-4, terminal=True),
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


def _collapse(config: Config, rng: Rng) -> dict[str, Any]:
    thresholds = [collapse_threshold(3, rho) for rho in (0.0, 1.0)]
    later = []
    for start in (0.52, 1.2):
        run = _integrate(
            balanced_field(3, 0.0), [start, 0.0], 60.0, t_eval=np.linspace(0.0, 60.0, 60_001)
        )
        slope = run.y[1, -1] - run.y[1, -1001]
        reached = float(np.max(run.y[0]) ** 3 > SLOPE)
        later.append([np.max(run.y[0]), run.y[0, -1], slope, reached])
    kept = [
        _integrate(balanced_field(3, 1.0), [start, 0.0], 80.0).y[0, -1] ** 3
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


# --- critical damping at depth 3, and the map -----------------------------------------------------


def outcome(depth: int, rho: float, end: float = 400.0) -> tuple[int, np.ndarray]:
    """What becomes of a start next to the end point, and the range of w and lam in its tail.

    Returns
    -------
    kind : int
        Index into :data:`OUTCOMES`.
    tail : array, shape (2, 2)
        Smallest and largest w, then lam, over the last quarter of the time.
    """
    w, lam = minnorm_chain.fixed_point(SLOPE, depth)
    run = _integrate(
        balanced_field(depth, rho),
        [1.001 * w, lam],
        end,
        method="LSODA",
        rtol=1e-9,
        t_eval=np.linspace(0.0, end, 40_001),
        events=_event(lambda z: z[0] - 1e-4, terminal=True),
    )
    tail = run.y[:, -10_000:]
    limits = np.stack([np.min(tail, axis=1), np.max(tail, axis=1)], axis=1)
    if run.t_events[0].size:
        return 0, limits
    settled = abs(run.y[0, -1] - w) < 1e-4 * w or np.ptp(tail[0]) < 0.9e-3 * w
    return (2 if settled else 1), limits


def _critical(config: Config, rng: Rng) -> dict[str, Any]:
    """Depth 3: the damping at which the growth rate changes sign, and four runs."""
    from scipy.optimize import brentq

    w, lam = minnorm_chain.fixed_point(SLOPE, 3)
    state = np.array([w, w, w, lam])

    def growth(rho: float) -> float:
        matrix = jacobian(field, state, rho=rho)
        return float(np.max(np.linalg.eigvals(matrix).real))

    found = [outcome(3, rho) for rho in (0.0, 0.05, 0.1, 0.15)]
    return {
        "critical_measured": brentq(growth, 0.05, 0.5, xtol=1e-9),
        "critical_closed": minnorm_chain.critical_damping(SLOPE, 3),
        "critical_outcomes": np.array([kind for kind, _ in found]),
        "cycle": found[2][1],
    }


def _map(config: Config, rng: Rng) -> dict[str, Any]:
    """Outcomes over depth and damping, for the picture of the boundary."""
    depths = np.arange(2, 2 + config.map_depths)
    rhos = np.linspace(0.0, 0.3, config.map_rhos) + 0.005
    kinds = [[outcome(int(depth), float(rho), 300.0)[0] for rho in rhos] for depth in depths]
    return {
        "map_depths": depths,
        "map_rhos": rhos,
        "map_outcomes": np.asarray(kinds),
        "map_critical": np.array([minnorm_chain.critical_damping(SLOPE, int(d)) for d in depths]),
    }


_RUNS: dict[str, Callable[[Config, Rng], dict[str, Any]]] = {
    "reduction": _reduction,
    "spectrum": _spectrum,
    "stability": _stability,
    "unsquared": _unsquared,
    "surface": _surface,
    "imbalance": _imbalance,
    "decay": _decay,
    "times": _times,
    "orbit": _orbit,
    "damped": _damped,
    "transients": _transients,
    "escape": _escape,
    "collapse": _collapse,
    "critical": _critical,
    "map": _map,
}


EXPERIMENT = Experiment(
    "minnorm_chain",
    Config,
    run_task,
    tasks=tasks,
    collect=merge,
    summary="minimum-norm training of scalar chains: stability, orbits, escapes, collapses",
)
