"""The projection onto orthogonal matrices: two solvers, exact solutions, and where they exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.constraints import Orthogonal, drift, solvability
from refimpl.errors import ConvergenceError, InfeasibleError
from refimpl.experiments.base import Experiment, merge
from refimpl.random import Rng

NOISE_CASES = ((64, 16, 0.08), (64, 16, 0.10), (64, 16, 0.12), (20, 10, 0.15), (20, 10, 0.2))
SQUARE_CASES = ((100, 100, 0.05), (100, 100, 0.08))
THRESHOLD_SHAPES = ((9, 3), (8, 4), (20, 6), (5, 4))
FIXED_STEPS = (0.1, 0.05, 0.02, 0.01)


@dataclass(frozen=True)
class Config:
    """Numbers of draws and of steps, and the grid of the map."""

    steps: int = 300
    draws: int = 60
    square_draws: int = 8
    fixed_draws: int = 40
    grid: int = 13

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(steps=10_000, draws=1000, square_draws=40, fixed_draws=400, grid=41)


def _point(rng: Rng, n: int, m: int) -> np.ndarray:
    return np.linalg.qr(rng.normal((n, m)))[0]


def riccati(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The projection of w + x by the stabilising solution of an algebraic Riccati equation."""
    import scipy.linalg

    m = w.shape[1]
    product = w.T @ (w + x)
    omega = 0.5 * (product - product.T)
    outside = x - w @ (w.T @ x)
    q = np.eye(m) - outside.T @ outside + omega @ omega
    symmetric = scipy.linalg.solve_continuous_are(-omega, np.eye(m), q, np.eye(m))
    return w @ (symmetric + omega) + outside


def square_root(w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The projection for square matrices, W (Ω + (I + Ω²)^½)."""
    import scipy.linalg

    product = w.T @ x
    omega = 0.5 * (product - product.T)
    return w @ (omega + scipy.linalg.sqrtm(np.eye(len(w)) + omega @ omega).real)


def _largest(values: np.ndarray) -> float:
    return float(np.max(np.abs(values)))


def _agreement(rng: Rng) -> dict[str, float]:
    """Largest pairwise difference of all ways to solve one projection."""
    worst = {}
    for n, m in ((5, 3), (6, 6)):
        stream = rng.child("agree", n)
        w = _point(stream, n, m)
        x = 0.1 * Orthogonal((n, m)).project_tangent(w, stream.normal((n, m)))
        points = [
            Orthogonal((n, m), solver=solver).project(w, w + x).point
            for solver in ("quasi_newton", "newton", "auto")
        ]
        points.append(riccati(w, x))
        if n == m:
            points.append(square_root(w, x))
        worst[f"agreement_{n}x{m}"] = max(_largest(a - b) for a in points for b in points)
    return worst


def _residuals(config: Config, rng: Rng) -> dict[str, Any]:
    """Residual and tangency over a chain of converged drifts; ten fixed iterations beside it."""
    worst = np.zeros((3, 2))
    for k, (n, m) in enumerate(((5, 3), (20, 10), (6, 6))):
        constraint = Orthogonal((n, m))
        stream = rng.child("chain", k)
        w, p = _point(stream, n, m), np.zeros((n, m))
        for _ in range(config.steps):
            p = constraint.project_tangent(w, 0.9 * p + 0.4 * stream.normal((n, m)))
            end = drift(constraint, w, p, 0.05)
            w, p = end.position, end.momentum
            worst[k, 0] = max(worst[k, 0], _largest(constraint.residual(w)))
            worst[k, 1] = max(worst[k, 1], _largest(constraint.tangency(w, p)))
    released = Orthogonal((20, 10), unchecked=True, max_iterations=10)
    fixed = np.zeros((len(FIXED_STEPS), config.fixed_draws))
    for i, h in enumerate(FIXED_STEPS):
        for j in range(config.fixed_draws):
            stream = rng.child("fixed", j)
            w = _point(stream, 20, 10)
            p = released.project_tangent(w, stream.normal((20, 10)))
            fixed[i, j] = np.linalg.norm(released.residual(released.move(w, p, h).position), 2)
    return {"chain_residual": worst[:, 0], "chain_tangency": worst[:, 1], "fixed": fixed}


def _noise_failures(config: Config, rng: Rng) -> dict[str, Any]:
    """Fraction of raw noise increments without a solution, and whether both tests of it agree."""
    rates, draws, consistent = [], [], True
    for n, m, size in (*NOISE_CASES, *SQUARE_CASES):
        count = config.square_draws if n == m else config.draws
        failed = 0
        for k in range(count):
            stream = rng.child("noise", n, k)
            w = _point(stream, n, m)
            x = size * stream.normal((n, m))
            outside = np.linalg.norm(x - w @ (w.T @ x), 2)
            omega = w.T @ x
            rotation = np.linalg.norm(0.5 * (omega - omega.T), 2)
            try:
                Orthogonal((n, m)).project(w, w + x)
                solved = True
            except (InfeasibleError, ConvergenceError):
                solved = False
            failed += not solved
            impossible = outside > 1.0 or rotation > 1.0
            consistent &= not (impossible and solved)
            if n == m:
                consistent &= solved == (rotation < 1.0)
        rates.append(failed / count)
        draws.append(count)
    return {"failure_rate": rates, "failure_draws": draws, "necessary": float(consistent)}


def _thresholds(rng: Rng) -> dict[str, Any]:
    """Success just inside and just outside of the exact criterion, along fixed directions."""
    inside: list[float] = []
    outside: list[float] = []
    for n, m in THRESHOLD_SHAPES:
        stream = rng.child("threshold", n)
        w = _point(stream, n, m)
        x = stream.normal((n, m))
        low, high = 0.0, 5.0
        for _ in range(45):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if solvability(w, middle * x) > 0 else (low, middle)
        for factor, answers in ((0.999, inside), (1.001, outside)):
            try:
                Orthogonal((n, m), solver="newton").project(w, w + factor * low * x)
                answers.append(1.0)
            except (InfeasibleError, ConvergenceError):
                answers.append(0.0)
    return {"solved_inside": inside, "solved_outside": outside}


def _rates(rng: Rng) -> dict[str, Any]:
    """Spectral radius of one quasi-Newton iteration at the solution of a square problem."""
    m, step = 6, 1e-6
    one = Orthogonal((m, m), unchecked=True, max_iterations=1)
    pairs = [(i, j) for i in range(m) for j in range(i, m)]
    angles, radii = (0.5, 0.86, 0.87, 0.95), []
    for angle in angles:
        stream = rng.child("rate")
        w = _point(stream, m, m)
        a = stream.normal((m, m))
        omega = (a - a.T) * (angle / np.linalg.norm(a - a.T, 2))
        exact = square_root(w, w @ omega)
        columns = []
        for i, j in pairs:
            normal = np.zeros((m, m))
            normal[i, j] = normal[j, i] = 1.0
            images = [
                w.T @ one.project(w, exact + sign * step * w @ normal).point for sign in (1, -1)
            ]
            moved = (images[0] - images[1]) / (2.0 * step)
            columns.append([moved[k] for k in pairs])
        radii.append(float(np.max(np.abs(np.linalg.eigvals(np.asarray(columns).T)))))
    return {"rate_angles": np.asarray(angles), "rate": np.asarray(radii)}


def _identities(rng: Rng) -> dict[str, Any]:
    """The recursion of the residual for any matrix, and invariance under tangent projection."""
    recursion, shake, polar = 0.0, 0.0, []
    for k in range(20):
        stream = rng.child("identity", k)
        n, m = ((7, 4), (6, 6), (12, 3))[k % 3]
        w, q = _point(stream, n, m), stream.normal((n, m))
        old = q.T @ q - np.eye(m)
        e = w.T @ q - np.eye(m)
        predicted = -0.5 * (e.T @ old + old @ e) + 0.25 * old @ old
        new = Orthogonal((n, m), unchecked=True, max_iterations=1).project(w, q).point
        measured = new.T @ new - np.eye(m)
        recursion = max(recursion, _largest(measured - predicted) / (1.0 + _largest(predicted)))
        constraint = Orthogonal((n, m))
        x = stream.normal((n, m))
        x *= 0.2 / np.linalg.norm(x, 2)
        flat = constraint.project_tangent(w, x)
        shake = max(
            shake,
            _largest(constraint.project(w, w + x).point - constraint.project(w, w + flat).point),
        )
        polar.append(_largest(constraint.nearest(w + x).point - constraint.nearest(w + flat).point))
    return {"recursion": recursion, "shake_invariance": shake, "polar_change": min(polar)}


def _histories(rng: Rng) -> dict[str, Any]:
    """Residual of Q against the iteration, for increments of three sizes on St(20, 10)."""
    sizes, length = np.asarray([0.1, 0.3, 0.6]), 30
    quasi, newton, exact = (np.full((3, length + 1), np.nan) for _ in range(3))
    stream = rng.child("history")
    w = _point(stream, 20, 10)
    x = Orthogonal((20, 10)).project_tangent(w, stream.normal((20, 10)))
    x /= np.linalg.norm(x, 2)
    eye = np.eye(10)
    for i, size in enumerate(sizes):
        step = size * x
        target = w + step
        quasi[i, 0] = newton[i, 0] = _largest(target.T @ target - eye)
        q = riccati(w, step)
        exact[i] = _largest(q.T @ q - eye)
        for k in range(1, length + 1):
            fixed = Orthogonal((20, 10), unchecked=True, max_iterations=k)
            q = fixed.project(w, target).point
            quasi[i, k] = _largest(q.T @ q - eye)
            try:
                solver = Orthogonal((20, 10), solver="newton", max_iterations=k)
                solved = solver.project(w, target)
                newton[i, k] = _largest(solved.point.T @ solved.point - eye)
                break_at = solved.iterations <= k
            except ConvergenceError as error:
                newton[i, k], break_at = error.residual, False
            if break_at and k > 12 and quasi[i, k] < 1e-15:
                break
    return {"history_size": sizes, "quasi": quasi, "newton": newton, "riccati": exact}


def _map(config: Config, rng: Rng) -> dict[str, Any]:
    """Who solves what over the norms of Ω and of D₂, on St(9, 3) along fixed directions."""
    stream = rng.child("map")
    w = _point(stream, 9, 3)
    a, b = stream.normal((3, 3)), stream.normal((9, 3))
    turn = w @ ((a - a.T) / np.linalg.norm(a - a.T, 2))
    out = b - w @ (w.T @ b)
    out /= np.linalg.norm(out, 2)
    axis = np.linspace(0.02, 1.06, config.grid)
    exists, quasi, full = (np.zeros((config.grid, config.grid)) for _ in range(3))
    for i, rotation in enumerate(axis):
        for j, outside in enumerate(axis):
            x = rotation * turn + outside * out
            exists[i, j] = solvability(w, x)
            quasi_newton = Orthogonal((9, 3), solver="quasi_newton", max_iterations=400)
            for constraint, solved in ((quasi_newton, quasi), (Orthogonal((9, 3)), full)):
                try:
                    constraint.project(w, w + x)
                    solved[i, j] = 1.0
                except (InfeasibleError, ConvergenceError):
                    solved[i, j] = 0.0
    return {"axis": axis, "margin": exists, "quasi_solves": quasi, "auto_solves": full}


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    if part == "map":
        return _map(config, rng)
    if part == "noise":
        return _noise_failures(config, rng)
    found: dict[str, Any] = {}
    for piece in (_agreement(rng), _residuals(config, rng), _thresholds(rng), _rates(rng)):
        found |= piece
    return found | _identities(rng) | _histories(rng)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": part} for part in ("map", "noise", "identities")]


EXPERIMENT = Experiment(
    name="constrained_projection",
    summary="Solvers of the projection onto orthogonal matrices against exact solutions",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
