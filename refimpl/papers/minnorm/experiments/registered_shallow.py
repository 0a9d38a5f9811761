"""Minnorm and gradient descent on linear models against the steps that experiments write out."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.models import MLP, DeepLinear, Objective
from refimpl.papers.minnorm.experiments import regression as minnorm_regression
from refimpl.papers.minnorm.experiments import steps
from refimpl.papers.minnorm.experiments.margin import signed_points
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


def margin(setting: Setting) -> Paths:
    z = signed_points(0)
    signs = setting.rng.child("signs").rademacher(len(z))
    w, alpha = setting.rng.child("w").normal(5), np.zeros(len(z))
    path = trace(
        setting, Objective(DeepLinear((5, 1)), "hinge", "sum"), [w[None]], signs[:, None] * z,
        signs, constraint="margin", learning_rate=0.5, multiplier_rate=0.02, damping=0.0,
    )  # fmt: skip
    for _ in range(setting.steps):
        w, alpha = steps.margin_step(
            z, w, alpha, eta_w=0.5, eta_alpha=0.02, alternating=setting.alternating
        )
    return path, [w, alpha]


def dual_ascent(setting: Setting) -> Paths:
    """With eta_w = 1 alternating steps are projected ascent on the dual, whatever w(0)."""
    z = signed_points(0)
    rate = 1.0 / float(np.linalg.norm(z, 2)) ** 2
    start = setting.rng.child("w").normal((1, 5))
    path = trace(
        setting, Objective(DeepLinear((5, 1)), "hinge", "sum"), [start], z, np.ones(len(z)),
        constraint="margin", learning_rate=1.0, multiplier_rate=rate, damping=0.0,
    )  # fmt: skip
    alpha, last = np.zeros(len(z)), np.zeros(len(z))
    first = np.maximum(0.0, rate * (1.0 - z @ start[0]))
    for step in range(setting.steps):
        if setting.alternating:
            last, alpha = alpha, np.maximum(0.0, alpha + rate * (1.0 - z @ (z.T @ alpha)))
        else:  # the multipliers see the weights of the step before
            moved = first if step == 0 else np.maximum(0.0, alpha + rate * (1.0 - z @ (z.T @ last)))
            last, alpha = alpha, moved
    return path, [last @ z, alpha]


def bias(setting: Setting) -> Paths:
    """A bias, which no norm holds back, beside the weights."""
    x = setting.rng.child("x").normal((20, 4))
    signs = np.where(x[:, 0] + 0.4 > 0.0, 1.0, -1.0)
    w, b, alpha = setting.rng.child("w").normal(4), np.array(0.3), np.zeros(20)
    path = trace(
        setting, Objective(MLP((4, 1)), "hinge", "sum"), [{"bias": b[None], "weight": w[None]}],
        x, signs, constraint="margin", learning_rate=0.05, multiplier_rate=0.05, damping=0.0,
    )  # fmt: skip
    for _ in range(setting.steps):
        w, b, alpha = steps.bias_step(
            x, signs, w, b, alpha, eta=0.05, alternating=setting.alternating
        )
    return path, [np.reshape(b, 1), w, alpha]


def rest(setting: Setting) -> Paths:
    labels = np.repeat(np.arange(3), 4)
    x, w = setting.rng.child("x").normal((12, 6)), setting.rng.child("w").normal((3, 6))
    signs = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    alpha = np.zeros((12, 3))
    path = trace(
        setting, Objective(DeepLinear((6, 3)), "softmax_cross_entropy", "sum"), [w], x, labels,
        constraint="one_vs_rest", learning_rate=0.5, multiplier_rate=0.01, damping=0.0,
    )  # fmt: skip
    for _ in range(setting.steps):
        w, alpha = steps.rest_step(
            x, signs, w, alpha, eta_w=0.5, eta_alpha=0.01, alternating=setting.alternating
        )
    return path, [w, alpha]


def pairs(setting: Setting) -> Paths:
    """Crammer-Singer margins."""
    labels = np.repeat(np.arange(3), 4)
    x, w = setting.rng.child("x").normal((12, 6)), setting.rng.child("w").normal((3, 6))
    alpha = np.zeros((12, 3))
    path = trace(
        setting, Objective(DeepLinear((6, 3)), "multiclass_margin", "sum"), [w], x, labels,
        constraint="crammer_singer", learning_rate=0.5, multiplier_rate=0.01, damping=0.0,
    )  # fmt: skip
    for _ in range(setting.steps):
        w, alpha = steps.pairwise_step(
            x, labels, w, alpha, eta_w=0.5, eta_alpha=0.01, alternating=setting.alternating
        )
    return path, [w, alpha]


def logistic(setting: Setting) -> Paths:
    z = signed_points(1)
    w, alpha = np.zeros(5), np.zeros(len(z))
    path = trace(
        setting, Objective(DeepLinear((5, 1)), "logistic", "sum"), [w[None]], z, np.ones(len(z)),
        constraint="loss", loss_level=0.3, learning_rate=0.05, multiplier_rate=0.2, damping=0.0,
    )  # fmt: skip
    for _ in range(setting.steps):
        w, alpha = steps.logistic_step(
            z, w, alpha, loss=0.3, eta_w=0.05, eta_alpha=0.2, alternating=setting.alternating
        )
    return path, [w, alpha]


def logistic_descent(setting: Setting) -> Paths:
    z, w = signed_points(1), setting.rng.child("w").normal((5, 1))
    objective = Objective(DeepLinear((5, 1)), "logistic", "sum")
    path = descended(setting, objective, [w.T], (z, np.ones(len(z))), 0.01)
    for _ in range(setting.steps):
        w = steps.logistic_descent(z, w, 0.01)
    return path, [w.T]


def exponential(setting: Setting) -> Paths:
    """One step of descent on exp(-w_1), over its length, is the flow that is integrated."""
    w, length = setting.rng.child("w").normal(2), 0.5
    direction = setting.backend.asarray([1.0, 0.0])

    def loss(params: Any, batch: Any) -> Any:
        return ad.exp(-ad.sum(params * direction))

    moved = descended(setting, loss, w, None, length, steps=1)
    return moved, [w + length * steps.exponential_field(w)]


def _regression_data(setting: Setting) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = setting.rng
    return rng.child("x").normal((6, 10)), rng.child("y").normal(6), rng.child("w").normal(10)


def regression(setting: Setting) -> Paths:
    x, y, w = _regression_data(setting)
    lam = np.zeros(6)
    rate = 0.3 / float(np.linalg.norm(x, 2)) ** 2
    path = trace(
        setting, Objective(DeepLinear((10, 1)), "mean_squared_error", "sum"), [w[None]],
        x, y[:, None], constraint="equality", learning_rate=0.4, multiplier_rate=rate,
        damping=0.5 * rate,
    )  # fmt: skip
    for _ in range(setting.steps):
        w, lam = minnorm_regression.step(
            x, y, w, lam, eta_w=0.4, eta_lam=rate, rho=0.5 * rate, order=setting.order
        )
    return path, [w, lam]


def regression_flow(setting: Setting) -> Paths:
    """The matrix of the flow, read off one step from each basis vector of (w, lam)."""
    x = _regression_data(setting)[0]
    objective = Objective(DeepLinear((10, 1)), "mean_squared_error", "sum")
    columns = []
    for vector in np.eye(16):
        weights, lam = increment(
            setting, objective, [vector[None, :10]], vector[10:, None],
            (x, np.zeros((6, 1))), (0.5, 2.0), damping=0.7,
        )  # fmt: skip
        columns.append(np.concatenate([weights[0][0], lam[:, 0]]))
    written = minnorm_regression.flow_matrix(x, rho=0.7, tau_w=0.5, tau_lam=2.0)
    return [setting.backend.asarray(np.stack(columns, axis=1))], [written]


def descent(setting: Setting) -> Paths:
    """Gradient descent, and with weight decay, on the squared error."""
    x, y, w = _regression_data(setting)
    rate = 0.5 / float(np.linalg.norm(x, 2)) ** 2
    objective = Objective(DeepLinear((10, 1)), "mean_squared_error", "sum")
    path, written = [], []
    for decay in (0.0, 0.3):
        moved = w
        path += descended(setting, objective, [w[None]], (x, y[:, None]), rate, decay)
        for _ in range(setting.steps):
            moved = minnorm_regression.descent_step(x, y, moved, rate, decay)
        written.append(moved)
    return path, written


CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "margin": (margin, BOTH),
    "dual_ascent": (dual_ascent, BOTH),
    "bias": (bias, BOTH),
    "rest": (rest, BOTH),
    "pairs": (pairs, BOTH),
    "logistic": (logistic, BOTH),
    "logistic_descent": (logistic_descent, FIRST),
    "exponential": (exponential, FIRST),
    "regression": (regression, BOTH),
    "regression_flow": (regression_flow, FIRST),
    "descent": (descent, FIRST),
}
"""Each case and the orders of the multipliers in which it is run."""
