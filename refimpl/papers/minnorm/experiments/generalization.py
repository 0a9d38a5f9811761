"""Generalization of linear students against the spectral formulas.

What a linear method learns is linear in teacher, noise and start, so its expected error over all
three, for given inputs, is a sum over unit teachers, unit noises and unit starts. They are columns
of one regression with several outputs, trained once; only the inputs' spectrum is left to chance,
and it averages itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.papers.minnorm.experiments.stacked import minnorm_maps
from refimpl.papers.minnorm.theory import generalization
from refimpl.papers.minnorm.theory import regression as minnorm_regression
from refimpl.random import Rng

SIGNAL, NOISE = 1.0, 0.25
START = 1.0
"""Variance of the starting weights."""


def draw_students(
    rng: Rng, seeds: int, examples: int, inputs: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, targets and teachers of ``seeds`` data sets: the same in every task of a run."""
    rng = Rng(rng.seed).child("students", examples, inputs)
    x = rng.child("x").normal((seeds, examples, inputs)) / np.sqrt(inputs)
    teacher = np.sqrt(SIGNAL) * rng.child("teacher").normal((seeds, 1, inputs))
    noise = np.sqrt(NOISE) * rng.child("noise").normal((seeds, examples, 1))
    return x, x @ np.swapaxes(teacher, -1, -2) + noise, teacher


def error_of(maps: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """|w_bar - w|^2 / N + s_e2, over the last axis (and the single output before it)."""
    return np.mean((maps - teacher) ** 2, axis=(-2, -1)) + NOISE


Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""``fit(x, targets, starts)`` with shapes (S, P, N), (S, P, K), (S, K, N) -> maps (S, K, N)."""


def expected_error(fit: Fit, x: np.ndarray) -> np.ndarray:
    """The error of a method that is linear in its data, averaged over teacher, noise and start.

    Parameters
    ----------
    fit : callable
    x : array, shape (S, P, N)

    Returns
    -------
    array, shape (S,)
        For each set of inputs.
    """
    sets, points, inputs = x.shape
    units, noises = np.eye(inputs), np.eye(points)
    targets = np.concatenate(
        [x, np.broadcast_to(noises, (sets, points, points)), np.zeros((sets, points, inputs))],
        axis=-1,
    )
    starts = np.concatenate([np.zeros((inputs + points, inputs)), units])
    maps = fit(x, targets, np.broadcast_to(starts, (sets, *starts.shape)))
    learned, echoed, kept = np.split(maps, [inputs, inputs + points], axis=1)
    squares = [np.sum(part**2, axis=(-2, -1)) for part in (learned - units, echoed, kept)]
    total = SIGNAL * squares[0] + NOISE * squares[1] + START * squares[2]
    return total / inputs + NOISE


def _ridge(x: np.ndarray, targets: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return minnorm_regression.ridge(x, targets, NOISE / SIGNAL)


def _each(fit: Callable[..., np.ndarray]) -> Fit:
    """A method for one data set, applied to each of a stack."""
    return lambda *stacks: np.stack([fit(*one) for one in zip(*stacks, strict=True)])


def _flow(time: float) -> Fit:
    """Gradient flow by a matrix exponential."""
    from scipy.linalg import expm

    def fit(x: np.ndarray, targets: np.ndarray, starts: np.ndarray) -> np.ndarray:
        points, inputs = x.shape
        matrix = np.zeros((inputs + points, inputs + points))
        matrix[:inputs] = time * np.hstack([-x.T @ x, x.T])
        moved = expm(matrix)[:inputs]
        return (moved[:, :inputs] @ starts.T + moved[:, inputs:] @ targets).T

    return _each(fit)


def law(backend: Backend, rng: Rng, inputs: int, spectra: int) -> dict[str, Any]:
    """Shallow flow at load 1/2, its end, Minnorm's and ridge, against the formulas."""
    points = inputs // 2
    times = np.array([0.3, 1.0, 5.0, 30.0])
    x, _, _ = draw_students(rng, spectra, points, inputs)

    methods: tuple[Fit, ...] = (
        _each(minnorm_regression.gradient_descent_end),
        lambda *data: minnorm_maps(backend, *data),
        _each(_ridge),
    )
    given = {"signal": SIGNAL, "noise": NOISE}
    return {
        "law_times": times,
        "law_measured": np.stack([expected_error(_flow(t), x) for t in times], axis=1),
        "law_predicted": np.array(
            [generalization.descent_error(t, 0.5, start=START, **given) for t in times]
        ),
        "law_ends": np.stack([expected_error(fit, x) for fit in methods], axis=1),
        "law_ends_predicted": np.array(
            [
                generalization.descent_end_error(0.5, start=START, **given),
                generalization.minimum_norm_error(0.5, **given),
                generalization.best_ridge(0.5, **given)[1],
            ]
        ),
        "law_minnorm_finite": generalization.finite_minimum_norm_error(points, inputs, **given),
        "contest": np.array(
            [
                generalization.minimum_norm_error(0.9, **given),
                generalization.best_ridge(0.9, **given)[1],
                generalization.ridge_error(0.9, NOISE / SIGNAL, **given),
                generalization.best_stopping(0.9, **given)[1],
                generalization.best_stopping(0.5, start=START, **given)[1],
                generalization.minimum_norm_error(0.5, **given),
                generalization.frozen_error(0.5, start=START, **given),
            ]
        ),
    }


def loads(
    backend: Backend, rng: Rng, inputs: int, seeds: int, at: tuple[float, ...]
) -> dict[str, Any]:
    """Curves over the load: formulas on a grid, Minnorm and ridge on data at some loads.

    Above load 1 nothing fits the data, and the end of Minnorm's weights is least squares.
    """
    given = {"signal": SIGNAL, "noise": NOISE}
    grid = np.concatenate([np.linspace(0.05, 0.95, 19), np.linspace(1.05, 2.5, 30)])
    curves = np.array(
        [
            [
                generalization.minimum_norm_error(a, **given),
                generalization.descent_end_error(a, start=START, **given),
                generalization.best_stopping(a, start=START, **given)[1],
                generalization.best_ridge(a, **given)[1],
            ]
            for a in grid.tolist()
        ]
    )
    measured, expected = [], []
    for load in at:
        points = round(load * inputs)
        x, y, teacher = draw_students(rng, seeds, points, inputs)
        if load < 1.0:
            fitted = minnorm_maps(backend, x, y, rng.child("start", points).normal(teacher.shape))
        else:
            fitted = np.swapaxes(np.linalg.pinv(x) @ y, -1, -2)
        ridge = _each(_ridge)(x, y, teacher)
        measured.append([error_of(fitted, teacher), error_of(ridge, teacher)])
        expected.append(expected_error(_each(_ridge), x).mean())
    values = np.asarray(measured)
    return {
        "load_grid": grid,
        "load_curves": curves,
        "loads": np.asarray(at),
        "load_mean": values.mean(axis=-1),
        "load_error": values.std(axis=-1, ddof=1) / np.sqrt(seeds),
        "load_ridge": np.asarray(expected),
    }
