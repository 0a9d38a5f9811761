"""The end point of a scalar chain: its spectrum, when it is stable, and what becomes of it if not.

Measured on the flow and the steps themselves, against
:mod:`refimpl.papers.minnorm.theory.chain`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from refimpl.arrays import backend as make_backend
from refimpl.models import LinearChain, Objective
from refimpl.papers.minnorm.experiments.chain_flows import (
    SLOPE,
    balanced_field,
    chain_step,
    event,
    field,
    integrate,
    jacobian,
)
from refimpl.papers.minnorm.experiments.registered_paths import states
from refimpl.papers.minnorm.theory import chain as minnorm_chain
from refimpl.papers.minnorm.theory.modes import Order
from refimpl.random import Rng

OUTCOMES = ("collapse", "oscillation", "convergence")


def reduction(rng: Rng) -> dict[str, Any]:
    """Minnorm on P points against the reduced chain, in discrete steps."""
    errors = []
    for order in ("simultaneous", "alternating"):
        stream = rng.child(order)
        depth, rho, eta_w, eta_lam = 3, 0.4, 0.01, 0.02
        x, lam = stream.normal(4), 0.1 * stream.normal(4)
        w = stream.uniform(depth, 0.7, 1.4)
        reduced = minnorm_chain.reduce_points(x.tolist(), lam.tolist(), rho)
        chain = np.concatenate([w, [reduced["multiplier"]]])
        run = states(
            make_backend(), Objective(LinearChain(depth), "mean_squared_error", "sum"), list(w),
            (x, SLOPE * x), order=order, multipliers=lam, constraint="equality",
            learning_rate=eta_w, multiplier_rate=eta_lam, damping=rho,
        )  # fmt: skip
        for state in itertools.islice(run, 500):
            chain = chain_step(
                chain,
                rho=reduced["rho"],
                eta_w=eta_w,
                eta_lam=eta_lam * reduced["gain"],
                order=order,
            )
            errors.append(np.max(np.abs(chain[:-1] - np.array(state.params))))
    return {"reduction_error": np.max(errors)}


def spectrum(depths: Sequence[int]) -> dict[str, Any]:
    """The end point is one, and the Jacobian there has the predicted eigenvalues."""
    residual, distance = [], []
    for depth in depths:
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


def stability(rng: Rng, depths: Sequence[int], cases: int) -> dict[str, Any]:
    """Random chains: sign of the flow's growth and radius of both steps against the theory."""
    mismatches = {"flow": 0, "simultaneous": 0, "alternating": 0}
    radius_error, stable, total = 0.0, 0, 0
    for depth in depths:
        stream = rng.child(depth)
        slope = np.exp(stream.uniform(cases, np.log(0.3), np.log(3.0)))
        rho = stream.uniform(cases, 0.0, 1.5)
        eta_w = np.exp(stream.uniform(cases, np.log(0.01), np.log(1.2)))
        eta_lam = np.exp(stream.uniform(cases, np.log(0.003), np.log(1.0)))
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
            for index in range(cases):
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


def unsquared() -> dict[str, Any]:
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
    run = integrate(
        balanced_field(depth, rho),
        [1.001 * w, lam],
        end,
        method="LSODA",
        rtol=1e-9,
        t_eval=np.linspace(0.0, end, 40_001),
        events=event(lambda z: z[0] - 1e-4, terminal=True),
    )
    tail = run.y[:, -10_000:]
    limits = np.stack([np.min(tail, axis=1), np.max(tail, axis=1)], axis=1)
    if run.t_events[0].size:
        return 0, limits
    settled = abs(run.y[0, -1] - w) < 1e-4 * w or np.ptp(tail[0]) < 0.9e-3 * w
    return (2 if settled else 1), limits


def critical() -> dict[str, Any]:
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


def outcome_map(map_depths: int, map_rhos: int) -> dict[str, Any]:
    """Outcomes over depth and damping, for the picture of the boundary."""
    depths = np.arange(2, 2 + map_depths)
    rhos = np.linspace(0.0, 0.3, map_rhos) + 0.005
    kinds = [[outcome(int(depth), float(rho), 300.0)[0] for rho in rhos] for depth in depths]
    return {
        "map_depths": depths,
        "map_rhos": rhos,
        "map_outcomes": np.asarray(kinds),
        "map_critical": np.array([minnorm_chain.critical_damping(SLOPE, int(d)) for d in depths]),
    }
