"""Minnorm on a stack of shallow regressions at once: the algorithm itself, on one batched model."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.models import Objective
from refimpl.papers.minnorm.experiments.registered_paths import minnorm
from refimpl.papers.minnorm.theory import regression as minnorm_regression


def minnorm_maps(
    place: Backend, inputs: np.ndarray, targets: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Where Minnorm ends on each of S data sets, from a start that is not zero.

    Parameters
    ----------
    place : Backend
    inputs : array, shape (S, P, N)
        Of rank P each.
    targets : array, shape (S, P, 1)
    start : array, shape (S, 1, N)

    Returns
    -------
    array, shape (S, 1, N)
        After the steps that leave 1e-10 of the slowest mode, at the rates that are best for the
        extreme singular values of the stack.
    """
    singular = np.linalg.svd(inputs, compute_uv=False)
    tuned = minnorm_regression.tuned_heavy_ball(np.diag([np.max(singular), np.min(singular)]))
    objective = Objective(lambda weights, x: ad.matmul(x, weights), "mean_squared_error", "sum")
    algorithm = minnorm(
        "alternating", constraint="equality", learning_rate=tuned.eta_w,
        multiplier_rate=tuned.eta_lam, damping=0.0,
    )  # fmt: skip
    data = Batch(place.asarray(inputs), place.asarray(targets), None)
    first = place.asarray(np.ascontiguousarray(np.swapaxes(start, -1, -2)))
    state: Any = algorithm.init(first, training=data, objective=objective)
    for _ in range(int(1.5 * np.log(1e-10) / np.log(tuned.rate))):
        state, _ = algorithm.step(state, objective, data)
    return np.swapaxes(to_host(state.params), -1, -2)
