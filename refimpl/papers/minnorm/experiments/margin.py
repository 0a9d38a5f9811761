"""Minimum-norm training of linear classifiers: how fast the largest margin is reached.

The data recipe: draw a direction v and 60 points x ~ N(0, I) in 5 dimensions from
``default_rng(seed)``, keep the points with |v . x| > 0.3 ||v||, and sign them by sign(v . x). Seeds
0, 1 and 2 have no near-tie among the examples that are no support vectors; seed 5 has one (its
next margin is 1.0021), which was chosen by this gap, a property of the data alone.

With a bias, or with losses held, Minnorm itself takes the steps. Otherwise all seeds and settings
advance together as a stack, in float64 on the host, by the rules written out in
:mod:`refimpl.papers.minnorm.experiments.steps`; the algorithms of the package are compared with
them in :mod:`refimpl.papers.minnorm.experiments.registered`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task, merge
from refimpl.models import MLP, DeepLinear, Objective
from refimpl.papers.minnorm.experiments import steps
from refimpl.papers.minnorm.experiments.registered_paths import ended
from refimpl.papers.minnorm.theory import margin as minnorm_margin
from refimpl.papers.minnorm.theory import modes as minnorm_modes
from refimpl.random import Rng

SETTINGS: tuple[tuple[minnorm_modes.Order, float, float], ...] = (
    ("simultaneous", 0.5, 0.005),
    ("alternating", 0.5, 0.02),
    ("alternating", 0.2, 0.02),
)
"""Order, weight step and multiplier step."""

STEP_FACTORS = (4.0, 7.6)
"""Step of logistic gradient descent times sigma_max^2; it is stable below 8."""


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes
    ----------
    seeds : tuple of int
        Of the data recipe; the last is the one with the near-tie.
    steps : int
        Of the multipliers' runs.
    descent_steps : int
        Of logistic gradient descent: 10^5 or 10^6.
    bias_steps, multiclass_steps, logistic_steps : int
    """

    seeds: tuple[int, ...] = (0, 1, 2, 5)
    steps: int = 40_000
    descent_steps: int = 100_000
    bias_steps: int = 20_000
    multiclass_steps: int = 30_000
    logistic_steps: int = 15_000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(descent_steps=1_000_000, bias_steps=30_000)


def signed_points(seed: int) -> np.ndarray:
    """Z of the data recipe, shape (P, 5): every row times its label."""
    generator = np.random.default_rng(seed)
    direction = generator.normal(size=5)
    points = generator.normal(size=(60, 5))
    margins = points @ direction / np.linalg.norm(direction)
    kept = np.abs(margins) > 0.3
    return np.sign(margins[kept])[:, None] * points[kept]


def stack_points(seeds: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The data of several seeds with zero rows below, and the mask of the real rows."""
    data = [signed_points(seed) for seed in seeds]
    rows = max(len(points) for points in data)
    stacked = np.zeros((len(seeds), rows, 5))
    mask = np.zeros((len(seeds), rows), dtype=bool)
    for index, points in enumerate(data):
        stacked[index, : len(points)] = points
        mask[index, : len(points)] = True
    return stacked, mask


def tasks(config: Config) -> list[Task]:
    return [{"kind": kind} for kind in _RUNS]


def run_task(config: Config, backend: Backend, rng: Rng, *, kind: str) -> dict[str, Any]:
    return _RUNS[kind](config, rng)


def _rates(config: Config, rng: Rng) -> dict[str, Any]:
    """Every seed in every setting at once: identification of the support, rate after it."""
    seeds, count = len(config.seeds), len(SETTINGS)
    points, mask = stack_points(config.seeds)
    solutions = [minnorm_margin.hard_margin(signed_points(seed)) for seed in config.seeds]
    target = np.stack([solution.weights for solution in solutions])
    support = np.zeros(mask.shape, dtype=bool)
    for index, solution in enumerate(solutions):
        support[index, solution.support] = True

    path, alpha, last_wrong = _ascend(points, mask, support, config.steps)
    goal = np.repeat(target, count, axis=0)
    distance = np.linalg.norm(path - goal, axis=-1).T
    # the first step from zero multipliers leaves the weights at zero, which has no direction
    unit = path[1:] / np.maximum(np.linalg.norm(path[1:], axis=-1, keepdims=True), 1e-300)
    direction = np.linalg.norm(unit - goal / np.linalg.norm(goal, axis=-1, keepdims=True), axis=-1)

    predicted = [
        minnorm_margin.convergence_rate(
            signed_points(seed), solution.support, eta_w=eta, eta_alpha=rate, order=order
        )
        for seed, solution in zip(config.seeds, solutions, strict=True)
        for order, eta, rate in SETTINGS
    ]
    fitted = [_fitted_rate(distance[index], last_wrong[index]) for index in range(seeds * count)]
    margins = [
        np.sort(signed_points(seed) @ solution.weights)
        for seed, solution in zip(config.seeds, solutions, strict=True)
    ]
    shape = (seeds, count)
    middle = direction[:, 1]
    kept = np.unique(np.geomspace(1, config.steps, 600).astype(int)) - 1
    return {
        "rate_predicted": np.reshape(predicted, shape),
        "rate_fitted": np.reshape(fitted, shape),
        "identified_at": np.reshape(last_wrong + 1, shape),
        "points": np.asarray([len(m) for m in margins]),
        "support_size": np.asarray([len(solution.support) for solution in solutions]),
        "next_gap": np.asarray(
            [m[len(sol.support)] - 1.0 for m, sol in zip(margins, solutions, strict=True)]
        ),
        "steps_to": np.asarray(
            [_last_above(middle, threshold) for threshold in (1e-2, 1e-4, 1e-8)]
        ),
        "direction_end": np.reshape(direction[-1], shape),
        "curve_step": kept + 1,
        "curve_direction": direction[kept].T.reshape(*shape, -1),
        "final_weights": np.reshape(path[-1], (*shape, 5)),
        "final_multipliers": np.reshape(alpha, (*shape, -1)),
    }


def _ascend(
    points: np.ndarray, mask: np.ndarray, support: np.ndarray, length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The steps of all seeds in all settings, in one stack.

    Parameters
    ----------
    points : array, shape (seeds, P, 5)
        Signed.
    mask, support : array of bool, shape (seeds, P)
        Which points there are, and which of them support the largest margin.
    length : int
        Steps.

    Returns
    -------
    path : array, shape (length + 1, runs, 5)
        The weights.
    multipliers : array, shape (runs, P)
        The last ones.
    last_wrong : array of int, shape (runs,)
        The last step at which the multipliers that are not zero were not those of the support.
    """
    seeds, count = len(points), len(SETTINGS)
    z = np.repeat(points, count, axis=0)
    inside = np.repeat(mask, count, axis=0)
    wanted = np.repeat(support, count, axis=0)
    eta_w = np.tile([setting[1] for setting in SETTINGS], seeds)[:, None]
    eta_alpha = np.tile([setting[2] for setting in SETTINGS], seeds)[:, None] * inside
    alternating = np.tile([s[0] == "alternating" for s in SETTINGS], seeds)[:, None]

    w, alpha = np.zeros((seeds * count, 5)), np.zeros(inside.shape)
    path = np.empty((length + 1, seeds * count, 5))
    path[0] = w
    last_wrong = np.zeros(seeds * count, dtype=int)
    for step in range(1, length + 1):
        w, alpha = steps.margin_step(
            z, w, alpha, eta_w=eta_w, eta_alpha=eta_alpha, alternating=alternating
        )
        path[step] = w
        last_wrong[np.any((alpha > 0) != wanted, axis=1)] = step
    return path, alpha, last_wrong


def _last_above(values: np.ndarray, threshold: float) -> int:
    """The first step from which ``values`` (of steps 1, 2, ...) stay at most ``threshold``."""
    above = np.flatnonzero(values > threshold)
    return int(above[-1]) + 2 if above.size else 1


def _fitted_rate(distance: np.ndarray, identified: int) -> float:
    """Factor per step of the distance, after the support has been found; NaN if that is never.

    The first decade is left out, so that the faster modes are gone, and what is within two
    decades of the rounding error. The slope is that of the straight line through the logarithms;
    an oscillating mode crosses it many times within the window.
    """
    if identified >= len(distance) - 1:
        return float("nan")
    tail = distance[identified:]
    below = np.flatnonzero(tail < 1e-12)
    end = int(below[0]) if below.size else len(tail)
    start = int(np.flatnonzero(tail[:end] < max(0.03 * tail[0], 1e-11))[0])
    steps = np.arange(start, end)
    return float(np.exp(np.polyfit(steps, np.log(tail[start:end]), 1)[0]))


def _descent(config: Config, rng: Rng) -> dict[str, Any]:
    """Gradient descent on the summed logistic loss, from zero: direction and margin."""
    seeds, count = len(config.seeds), len(STEP_FACTORS)
    points, mask = stack_points(config.seeds)
    goal = np.stack([minnorm_margin.hard_margin(signed_points(s)).weights for s in config.seeds])
    largest = np.linalg.norm(points, ord=2, axis=(1, 2)) ** 2
    z = np.repeat(points, count, axis=0)
    rate = (np.asarray(STEP_FACTORS)[None] / largest[:, None]).reshape(-1, 1, 1)
    decades = int(np.log10(config.descent_steps))
    records = np.unique(np.geomspace(100, config.descent_steps, 20 * (decades - 2) + 1).astype(int))
    w = np.zeros((seeds * count, 5, 1))
    ends, done = [], 0
    for record in records:
        for _ in range(record - done):
            w = steps.logistic_descent(z, w, rate)
        done = record
        ends.append(w[..., 0])
    ended = np.stack(ends)
    size = np.linalg.norm(ended, axis=-1, keepdims=True)
    best = np.repeat(goal, count, axis=0)
    length = np.linalg.norm(best, axis=-1)
    direction = np.linalg.norm(ended / size - best / length[:, None], axis=-1)
    margins = np.einsum("bpn,tbn->tbp", z, ended / size)
    margins = np.where(np.repeat(mask, count, axis=0), margins, np.inf)
    gap = 1.0 / length - np.min(margins, axis=-1)
    shape = (len(records), seeds, count)
    return {
        "descent_step": records,
        "descent_direction": np.reshape(direction, shape),
        "descent_gap": np.reshape(gap, shape),
    }


def _oracles(config: Config, rng: Rng) -> dict[str, Any]:
    """The exact solution against two solvers that share no code with it, and its identities."""
    from scipy.optimize import nnls
    from sklearn.svm import LinearSVC

    difference, identities = [], []
    for seed in config.seeds:
        z = signed_points(seed)
        solution = minnorm_margin.hard_margin(z)
        w, alpha = solution.weights, solution.multipliers
        ones, last = np.ones(len(z)), np.zeros(6)
        last[-1] = 1.0
        system = np.vstack([z.T, ones])
        shares, _ = nnls(system, last)
        residual = system @ shares - last
        labels = np.where(np.arange(len(z)) % 2 == 0, 1.0, -1.0)
        machine = LinearSVC(
            C=1e5,
            loss="hinge",
            fit_intercept=False,
            tol=1e-10,
            max_iter=10_000_000,
            random_state=0,
        )
        machine.fit(z * labels[:, None], labels)
        difference.append(
            [
                np.max(np.abs(w + residual[:-1] / residual[-1])),
                np.max(np.abs(w - machine.coef_[0])),
            ]
        )
        rows = z[solution.support]
        inside = np.linalg.solve(rows @ rows.T, np.ones(len(rows)))
        identities.append(
            [
                np.max(np.abs(w - z.T @ alpha)),
                abs(np.sum(alpha) - w @ w),
                np.max(np.abs(alpha[solution.support] - inside)),
                abs(np.min(z @ w) / np.linalg.norm(w) - 1.0 / np.linalg.norm(w)),
            ]
        )
    return {"oracle_difference": np.asarray(difference), "identity": np.asarray(identities)}


def _bias(config: Config, rng: Rng) -> dict[str, Any]:
    """Iris, two classes, with a bias that no norm holds back, against an SVC."""
    from sklearn.datasets import load_iris
    from sklearn.svm import SVC

    data = load_iris()
    chosen = data.target < 2
    x = data.data[chosen]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = np.where(data.target[chosen] == 1, 1.0, -1.0)
    start = [{"bias": np.zeros(1), "weight": np.zeros((1, 4))}]
    b, w, alpha = ended(
        config.bias_steps, Objective(MLP((4, 1)), "hinge", "sum"), start, (x, y),
        order="alternating", constraint="margin", learning_rate=0.05, multiplier_rate=0.05,
        damping=0.0,
    )  # fmt: skip
    machine = SVC(C=1e8, kernel="linear", tol=1e-10).fit(x, y)
    dual = np.zeros(len(y))
    dual[machine.support_] = np.abs(machine.dual_coef_[0])
    return {
        "bias_weights": w[0],
        "bias_weights_oracle": machine.coef_[0],
        "bias": b[0],
        "bias_oracle": machine.intercept_[0],
        "bias_multipliers": alpha,
        "bias_multipliers_oracle": dual,
    }


def _multiclass(config: Config, rng: Rng) -> dict[str, Any]:
    """One-vs-rest and Crammer-Singer margins on three classes of Gaussian points."""
    from sklearn.svm import LinearSVC

    classes, width = 3, 8
    labels = np.repeat(np.arange(classes), 5)
    centers = 3.0 * np.eye(classes, width)
    x = (centers[labels] + rng.child("x").normal((len(labels), width))) / np.sqrt(width)
    signs = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)
    rate_w, rate = 0.5, 0.5 / float(np.linalg.norm(x, 2)) ** 2

    rates: dict[str, Any] = {"eta_w": rate_w, "eta_alpha": 0.5 * rate}
    rest, alpha = np.zeros((classes, width)), np.zeros(signs.shape)
    start = rng.child("w").normal((classes, width))
    start -= start.mean(axis=0)
    pair, beta = start, np.zeros(signs.shape)
    tilted = start + 1.0
    drift, largest_sum = tilted, 0.0
    gamma = np.zeros(signs.shape)
    for _ in range(config.multiclass_steps):
        rest, alpha = steps.rest_step(x, signs, rest, alpha, eta_w=rate_w, eta_alpha=rate)
        pair, beta = steps.pairwise_step(x, labels, pair, beta, **rates)
        largest_sum = max(largest_sum, float(np.max(np.abs(np.sum(pair, axis=0)))))
    for _ in range(10):
        drift, gamma = steps.pairwise_step(x, labels, drift, gamma, **rates)
    options = {"fit_intercept": False, "tol": 1e-11, "max_iter": 10_000_000, "random_state": 0}
    machines = [LinearSVC(C=1e5, loss="hinge", **options).fit(x, column) for column in signs.T]
    joint = LinearSVC(C=1e5, multi_class="crammer_singer", **options).fit(x, labels)
    closed, closed_multipliers = minnorm_margin.crammer_singer(x, labels.tolist(), classes)
    return {
        "rest_weights": rest,
        "rest_oracle": np.stack([machine.coef_[0] for machine in machines]),
        "rest_closed": np.stack(
            [minnorm_margin.hard_margin(column[:, None] * x).weights for column in signs.T]
        ),
        "pair_weights": pair,
        "pair_oracle": joint.coef_,
        "pair_closed": closed,
        "pair_multipliers": beta,
        "pair_multipliers_closed": closed_multipliers,
        "pair_column_sum": largest_sum,
        "tilted_column_sum": np.sum(drift, axis=0),
        "tilted_predicted": (1.0 - rate_w) ** 10 * np.sum(tilted, axis=0),
    }


def _logistic(config: Config, rng: Rng) -> dict[str, Any]:
    """Logistic losses held at 0.3 by multipliers, against the scaled SVM."""
    loss = 0.3
    z = signed_points(1)
    # the curvature of the loss, times the multipliers, adds to the damping h, so that the limit
    # eta_w h < 2 is far below 2 here
    w, alpha = ended(
        config.logistic_steps, Objective(DeepLinear((5, 1)), "logistic", "sum"),
        [np.zeros((1, 5))], (z, np.ones(len(z))), order="alternating", constraint="loss",
        loss_level=loss, learning_rate=0.05, multiplier_rate=0.2, damping=0.0,
    )  # fmt: skip
    weights, multipliers = minnorm_margin.logistic_solution(minnorm_margin.hard_margin(z), loss)
    return {
        "logistic_weights": w[0],
        "logistic_weights_closed": weights,
        "logistic_multipliers": alpha,
        "logistic_multipliers_closed": multipliers,
    }


def _exponential(config: Config, rng: Rng) -> dict[str, Any]:
    """The exponential-loss flow of the point (1, 0), integrated."""
    from scipy.integrate import solve_ivp

    times = np.geomspace(0.1, 1e4, 30)
    start = np.array([-0.4, 0.7])
    flow = solve_ivp(
        lambda t, w: steps.exponential_field(w),
        (0.0, times[-1]),
        start,
        t_eval=times,
        method="DOP853",
        rtol=1e-12,
        atol=1e-13,
    )
    return {
        "exponential_flow": flow.y[0],
        "exponential_closed": np.array(
            [minnorm_margin.exponential_loss_weight(t, start[0]) for t in times]
        ),
        "exponential_frozen": np.max(np.abs(flow.y[1] - start[1])),
    }


_RUNS = {
    "rates": _rates,
    "descent": _descent,
    "oracles": _oracles,
    "bias": _bias,
    "multiclass": _multiclass,
    "logistic": _logistic,
    "exponential": _exponential,
}


def collect(
    config: Config, items: list[Task], results: list[dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    return {"seeds": np.asarray(config.seeds), **merge(config, items, results)}


EXPERIMENT = Experiment(
    "minnorm_margin",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    cost=lambda config, task: 3e-5 * config.descent_steps if task["kind"] == "descent" else 2.0,
    summary="minimum-norm linear classification: margins, rates, support, oracles",
)
