"""Minimum-norm training of linear regression: step limits, spectra, the heavy ball, end points.

Runs are those of Minnorm itself. Where a few thousand small systems are stepped at once, the step
is written out for stacks of problems (leading axis), in float64 on the host. Whether a step is
stable is read off the step itself, applied to basis vectors, never off a formula.

Simultaneous: e = Y - X W^T at the old weights moves both. Alternating: the multipliers move by
the error of the new weights. Augmented: the weights see lam + rho e.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment, Task, merge
from refimpl.models import DeepLinear, Objective
from refimpl.papers.minnorm.experiments.registered_paths import states
from refimpl.papers.minnorm.theory import modes as minnorm_modes
from refimpl.papers.minnorm.theory import regression as minnorm_regression
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes
    ----------
    cases : int
        Random step sizes, dampings and inputs whose stability is compared, for each order.
    settings : int
        Random data sets of the other measurements.
    examples, inputs : int
        P < N.
    """

    cases: int = 4_000
    settings: int = 4
    examples: int = 6
    inputs: int = 10

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(cases=120_000, settings=20)


KINDS = ("limits", "spectrum", "heavy_ball", "end_points", "dual_ascent")


def tasks(config: Config) -> list[Task]:
    return [{"kind": kind} for kind in KINDS]


def step(
    inputs: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    multipliers: np.ndarray,
    *,
    eta_w: Any,
    eta_lam: Any,
    rho: Any = 0.0,
    order: str = "simultaneous",
) -> tuple[np.ndarray, np.ndarray]:
    """One step of min ||w||^2 / 2 subject to X w = y, for a stack of problems.

    Parameters
    ----------
    inputs : array, shape (..., P, N)
    targets, multipliers : array, shape (..., P)
    weights : array, shape (..., N)
    eta_w, eta_lam, rho : float or array, shape (..., 1)
    order : {"simultaneous", "alternating"}

    Returns
    -------
    weights, multipliers
    """
    error = targets - _times(inputs, weights)
    signal = multipliers + rho * error
    moved = weights + eta_w * (_times(np.swapaxes(inputs, -1, -2), signal) - weights)
    if order == "alternating":
        error = targets - _times(inputs, moved)
    return moved, multipliers + eta_lam * error


def descent_step(
    inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray, rate: float, decay: float = 0.0
) -> np.ndarray:
    """One step of gradient descent on |y - X w|^2 / 2 + decay |w|^2 / 2, of one problem."""
    return weights + rate * (inputs.T @ (targets - inputs @ weights) - decay * weights)


def flow_matrix(
    inputs: np.ndarray, *, rho: float, tau_w: float = 1.0, tau_lam: float = 1.0
) -> np.ndarray:
    """The matrix of the flow of the errors of (w, lam)."""
    points, width = inputs.shape
    return np.block(
        [
            [-(np.eye(width) + rho * inputs.T @ inputs) / tau_w, inputs.T / tau_w],
            [-inputs / tau_lam, np.zeros((points, points))],
        ]
    )


def _times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return np.matmul(matrix, vector[..., None])[..., 0]


def step_map(inputs: np.ndarray, **steps: Any) -> np.ndarray:
    """The matrix of the step on (w, lam) errors, read off basis vectors: shape (B, M, M)."""
    stack, points, width = inputs.shape
    size = width + points
    basis = np.broadcast_to(np.eye(size), (stack, size, size))
    wide: dict[str, Any] = {
        name: value[:, None, :] if isinstance(value, np.ndarray) else value
        for name, value in steps.items()
    }
    moved = step(inputs[:, None], np.zeros(points), basis[..., :width], basis[..., width:], **wide)
    return np.swapaxes(np.concatenate(moved, axis=-1), -1, -2)


def _radius(matrices: np.ndarray) -> np.ndarray:
    return np.max(np.abs(np.linalg.eigvals(matrices)), axis=-1)


def run_task(config: Config, backend: Backend, rng: Rng, *, kind: str) -> dict[str, Any]:
    return _RUNS[kind](config, rng)


def _limits(config: Config, rng: Rng) -> dict[str, Any]:
    """Random systems with two examples in three dimensions: one mode in the null space."""
    result: dict[str, Any] = {}
    count = config.cases
    for order in minnorm_modes.ORDERS:
        stream = rng.child(order)
        inputs = stream.normal((count, 2, 3))
        eta_w = np.exp(stream.uniform((count, 1), np.log(0.02), np.log(2.2)))
        eta_lam = np.exp(stream.uniform((count, 1), np.log(0.01), np.log(4.0)))
        rho = stream.uniform((count, 1), 0.0, 2.0) * (stream.uniform((count, 1)) < 0.7)
        measured = _radius(step_map(inputs, eta_w=eta_w, eta_lam=eta_lam, rho=rho, order=order))
        sigma = np.linalg.svd(inputs, compute_uv=False)
        damping = minnorm_modes.linear_damping(sigma, rho)
        steps = {"eta_w": eta_w, "eta_lam": eta_lam, "order": order}
        stable = np.all(minnorm_modes.step_is_stable(damping, sigma**2, **steps), axis=1)
        stable &= eta_w[:, 0] < 2.0
        radius = minnorm_modes.step_radius(damping, sigma**2, **steps)
        predicted = np.maximum(np.max(radius, axis=1), np.abs(1.0 - eta_w[:, 0]))
        clear = np.abs(measured - 1.0) > 1e-9
        result[f"mismatches_{order}"] = int(np.sum((stable != (measured < 1.0)) & clear))
        result[f"stable_share_{order}"] = float(np.mean(stable))
        result[f"radius_error_{order}"] = float(np.max(np.abs(predicted - measured) / measured))
        result[f"growth_{order}"] = _growth(rng.child("runs", order), order)
    return result


def _growth(rng: Rng, order: minnorm_modes.Order) -> np.ndarray:
    """Norm of the error after 4000 steps, or when it leaves [1e-9, 1e9], at 0.98 and 1.02 of the
    limit of eta_lam; the start has norm about 3.

    The spectrum of the data is fixed, the frames are drawn, and the start has length 1 in every
    mode: how fast errors shrink and grow is then the same for every seed, up to signs.
    """
    sigma = np.array([2.0, 1.2, 0.7])
    inputs = of_spectrum(rng.child("inputs"), (3, 5), sigma)
    left, _, right = np.linalg.svd(inputs)
    growth = []
    for rho in (0.0, 0.1):
        damping = minnorm_modes.linear_damping(sigma, rho)
        limit = np.min(
            minnorm_modes.largest_multiplier_step(damping, sigma**2, eta_w=0.2, order=order)
        )
        pair = []
        for factor in (0.98, 1.02):
            signs = rng.child("w").rademacher((5,)), rng.child("lam").rademacher((3,))
            state = signs[0] @ right, left @ signs[1]
            for _ in range(4000):
                if not 1e-9 < np.linalg.norm(np.concatenate(state)) < 1e9:
                    break
                state = step(
                    inputs, np.zeros(3), *state,
                    eta_w=0.2, eta_lam=factor * limit, rho=rho, order=order,
                )  # fmt: skip
            pair.append(np.linalg.norm(np.concatenate(state)))
        growth.append(pair)
    return np.asarray(growth)


def _spectrum(config: Config, rng: Rng) -> dict[str, Any]:
    """Eigenvalues of the flow's full matrix against the roots mode by mode."""
    errors, turning = [], []
    for index in range(config.settings):
        stream = rng.child(index)
        inputs = stream.normal((config.examples, config.inputs)) / np.sqrt(config.inputs)
        sigma = np.linalg.svd(inputs, compute_uv=False)
        for rho in (0.0, 0.7):
            for tau_w, tau_lam in ((1.0, 1.0), (0.5, 2.0)):
                matrix = flow_matrix(inputs, rho=rho, tau_w=tau_w, tau_lam=tau_lam)
                damping = minnorm_modes.linear_damping(sigma, rho)
                times = {"tau_w": tau_w, "tau_lam": tau_lam}
                (slow, turn), (fast, back) = minnorm_modes.flow_rates(damping, sigma**2, **times)
                null = np.full(config.inputs - config.examples, -1.0 / tau_w)
                predicted = np.concatenate([slow + 1j * turn, fast + 1j * back, null])
                errors.append(_match(predicted, np.linalg.eigvals(matrix)))
        # one mode with an exactly known sigma, just on either side of the border
        border = 0.5
        for factor in (0.999, 1.001):
            sigma_one = factor * border
            matrix = flow_matrix(np.array([[sigma_one]]), rho=0.0)
            seen = bool(np.max(np.abs(np.linalg.eigvals(matrix).imag)) > 0)
            turning.append(seen == bool(minnorm_modes.oscillates(1.0, sigma_one**2)))
    return {"flow_rate_error": np.asarray(errors), "border_agrees": np.asarray(turning)}


def _match(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Largest distance after pairing each predicted eigenvalue with its nearest."""
    from scipy.optimize import linear_sum_assignment

    distance = np.abs(predicted[:, None] - measured[None, :])
    rows, columns = linear_sum_assignment(distance)
    return float(np.max(distance[rows, columns]))


def _minnorm(
    inputs: np.ndarray,
    targets: np.ndarray,
    start: np.ndarray,
    eta_w: Any,
    eta_lam: Any,
    constraint: str = "equality",
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Weights and multipliers after each alternating, undamped step of Minnorm itself."""
    margin = constraint == "margin"
    loss = "hinge" if margin else "mean_squared_error"
    run = states(
        make_backend(), Objective(DeepLinear((inputs.shape[1], 1)), loss, "sum"), [start[None]],
        (inputs, targets if margin else targets[:, None]), order="alternating",
        constraint=constraint, learning_rate=float(eta_w), multiplier_rate=float(eta_lam),
        damping=0.0,
    )  # fmt: skip
    for state in run:
        yield state.params[0][0], state.multipliers.reshape(-1)


def _heavy_ball(config: Config, rng: Rng) -> dict[str, Any]:
    identity, rates = [], []
    for index in range(config.settings):
        stream = rng.child(index)
        inputs = stream.child("x").normal((config.examples, config.inputs))
        targets = stream.child("y").normal(config.examples)
        gram = inputs @ inputs.T
        eta_w, eta_lam = 0.4, 0.5 / np.linalg.norm(gram, 2)
        run = _minnorm(inputs, targets, stream.child("w").normal(config.inputs), eta_w, eta_lam)
        path = [moved for _, moved in itertools.islice(run, 50)]
        lam = np.stack([np.zeros(config.examples), *path])
        left = lam[2:] - lam[1:-1]
        right = eta_w * eta_lam * (targets - lam[1:-1] @ gram)
        right += (1.0 - eta_w) * (lam[1:-1] - lam[:-2])
        identity.append(np.max(np.abs(left - right)) / np.max(np.abs(lam)))
        rates.append(_tuned(stream.child("tuned"), inputs.shape, index))
    tuned = np.asarray(rates)
    return {
        "identity_error": np.asarray(identity),
        "tuned_rate": tuned[:, 0],
        "tuned_fitted": tuned[:, 1],
        "descent_rate": tuned[:, 2],
        "descent_fitted": tuned[:, 3],
    }


def of_spectrum(rng: Rng, shape: tuple[int, int], values: np.ndarray) -> np.ndarray:
    """A matrix of these singular values between random frames."""
    left = np.linalg.qr(rng.child("left").normal((shape[0], shape[0])))[0]
    right = np.linalg.qr(rng.child("right").normal((shape[1], shape[0])))[0]
    return (left * values) @ right.T


def _tuned(rng: Rng, shape: tuple[int, int], index: int) -> tuple[float, ...]:
    """Predicted and fitted factors of the tuned heavy ball and of the best gradient descent.

    Every mode of the target has the same length, so that the fit sees the slowest ones in every
    draw of frames and signs.
    """
    values = np.linspace(1.0, 2.0 + 0.5 * index, shape[0])[::-1]
    inputs = of_spectrum(rng, shape, values)
    frame = np.linalg.svd(inputs)[0]
    targets = frame @ (values * rng.child("signs").rademacher((shape[0],)))
    tuned = minnorm_regression.tuned_heavy_ball(inputs)
    solution = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    descent = np.zeros(inputs.shape[1])
    run = _minnorm(inputs, targets, descent, tuned.eta_w, tuned.eta_lam)
    squares = np.linalg.svd(inputs, compute_uv=False) ** 2
    rate = 2.0 / (squares[0] + squares[-1])
    errors = []
    windows = _window(tuned.rate), _window(tuned.gradient_descent_rate)
    for weights, _ in itertools.islice(run, max(window.stop for window in windows)):
        descent = descent_step(inputs, targets, descent, rate)
        errors.append([np.linalg.norm(weights - solution), np.linalg.norm(descent - solution)])
    fitted = [
        np.exp(np.polyfit(np.arange(window.start, window.stop), np.log(column[window]), 1)[0])
        for window, column in zip(windows, np.asarray(errors).T, strict=True)
    ]
    return tuned.rate, fitted[0], tuned.gradient_descent_rate, fitted[1]


def _window(rate: float) -> slice:
    """The second half of the steps in which rate^t falls to 1e-11: faster modes have gone, and
    rounding is not reached."""
    last = max(20, int(np.log(1e-11) / np.log(rate)))
    return slice(last // 2, last)


def _end_points(config: Config, rng: Rng) -> dict[str, Any]:
    """Where multipliers, gradient descent and weight decay end from a random start."""
    errors = []
    decay = 0.3
    for index in range(config.settings):
        stream = rng.child(index)
        inputs = stream.child("x").normal((config.examples, config.inputs))
        targets = stream.child("y").normal(config.examples)
        start = 3.0 * stream.child("w").normal(config.inputs)
        largest = float(np.linalg.norm(inputs, 2)) ** 2
        descent, decayed = start, start
        tuned = minnorm_regression.tuned_heavy_ball(inputs)
        rate = 1.0 / (largest + decay)
        condition = (1.0 + tuned.rate) / (1.0 - tuned.rate)
        run = _minnorm(inputs, targets, start, tuned.eta_w, tuned.eta_lam)
        weights, lam = next(itertools.islice(run, int(25 * condition), None))
        # e^{-40} of the slower of the two descents
        count = int(40 * max(condition**2, (largest + decay) / decay))
        for _ in range(count):
            descent = descent_step(inputs, targets, descent, rate)
            decayed = descent_step(inputs, targets, decayed, rate, decay)
        column = targets[:, None]
        solution = minnorm_regression.minimum_norm(inputs, column)
        predicted = (
            solution.weights[0],
            solution.multipliers[:, 0],
            minnorm_regression.gradient_descent_end(inputs, column, start[None])[0],
            minnorm_regression.ridge(inputs, column, decay)[0],
        )
        measured = (weights, lam, descent, decayed)
        errors.append([np.max(np.abs(p - m)) for p, m in zip(predicted, measured, strict=True)])
    return {"end_point_error": np.asarray(errors)}


def _dual_ascent(config: Config, rng: Rng) -> dict[str, Any]:
    """Alternating steps with eta_w = 1, for margins (projected) and for equalities."""
    inputs = rng.child("z").normal((config.examples, config.inputs))
    largest = np.linalg.norm(inputs, 2) ** 2
    eta = 0.9 * 2.0 / largest
    start, signs = rng.child("w").normal(config.inputs), np.ones(config.examples)
    run = _minnorm(inputs, signs, start, 1.0, eta, constraint="margin")
    dual = np.zeros(config.examples)
    worst = 0.0
    for _, alpha in itertools.islice(run, 200):
        dual = np.maximum(0.0, dual + eta * (1.0 - inputs @ (inputs.T @ dual)))
        worst = max(worst, float(np.max(np.abs(alpha - dual))))
    radius = [
        _radius(
            step_map(inputs[None], eta_w=1.0, eta_lam=factor * 2.0 / largest, order="alternating")
        )[0]
        for factor in (0.98, 1.02)
    ]
    return {"dual_ascent_error": worst, "dual_ascent_radius": np.asarray(radius)}


_RUNS = {
    "limits": _limits,
    "spectrum": _spectrum,
    "heavy_ball": _heavy_ball,
    "end_points": _end_points,
    "dual_ascent": _dual_ascent,
}


EXPERIMENT = Experiment(
    "minnorm_regression",
    Config,
    run_task,
    tasks=tasks,
    collect=merge,
    summary="minimum-norm linear regression: step limits, spectra, heavy ball and end points",
)
