"""The steps on linear classifiers written out in NumPy, some for stacks of problems.

Each takes weights and multipliers and gives those after one step, in float64 on the host. The
package's own algorithms take the same steps in :mod:`refimpl.papers.minnorm.experiments.registered`
and must trace the same paths.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]


def margin_step(
    points: np.ndarray,
    weights: np.ndarray,
    alpha: np.ndarray,
    *,
    eta_w: Any,
    eta_alpha: Any,
    alternating: Any,
) -> Pair:
    """One step for z . w >= 1, for a stack of problems.

    Parameters
    ----------
    points : array, shape (..., P, N)
        Signed.
    weights : array, shape (..., N)
    alpha : array, shape (..., P)
    eta_w, eta_alpha : float or array, shape (..., 1)
    alternating : bool or array of bool, shape (..., 1)
        Whether the multipliers see the new weights.
    """
    moved = weights + eta_w * (np.matmul(alpha[..., None, :], points)[..., 0, :] - weights)
    seen = np.where(alternating, moved, weights)
    slack = 1.0 - np.matmul(points, seen[..., None])[..., 0]
    return moved, np.maximum(0.0, alpha + eta_alpha * slack)


def bias_step(
    inputs: np.ndarray,
    signs: np.ndarray,
    weights: np.ndarray,
    bias: Any,
    alpha: np.ndarray,
    *,
    eta: float,
    alternating: bool = True,
) -> tuple[np.ndarray, Any, np.ndarray]:
    """One step for y (w . x + b) >= 1 in which no norm holds the bias back; both rates are eta."""
    moved = weights + eta * ((alpha * signs) @ inputs - weights)
    shifted = bias + eta * (alpha @ signs)
    seen, at = (moved, shifted) if alternating else (weights, bias)
    slack = 1.0 - signs * (inputs @ seen + at)
    return moved, shifted, np.maximum(0.0, alpha + eta * slack)


def rest_step(
    inputs: np.ndarray,
    signs: np.ndarray,
    weights: np.ndarray,
    alpha: np.ndarray,
    *,
    eta_w: float,
    eta_alpha: float,
    alternating: bool = True,
) -> Pair:
    """One step for one-vs-rest margins: signs and multipliers (P, K), weights (K, N)."""
    moved = weights + eta_w * ((signs * alpha).T @ inputs - weights)
    outputs = inputs @ (moved if alternating else weights).T
    return moved, np.maximum(0.0, alpha + eta_alpha * (1.0 - signs * outputs))


def pairwise_step(
    inputs: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    alpha: np.ndarray,
    *,
    eta_w: float,
    eta_alpha: float,
    alternating: bool = True,
) -> Pair:
    """One step for f_y - f_k >= 1; the multipliers are zero at the label."""
    rows = np.arange(len(labels))
    signal = -alpha
    signal[rows, labels] = np.sum(alpha, axis=1)
    moved = weights + eta_w * (signal.T @ inputs - weights)
    outputs = inputs @ (moved if alternating else weights).T
    slack = 1.0 - outputs[rows, labels][:, None] + outputs
    wrong = labels[:, None] != np.arange(alpha.shape[1])
    return moved, np.maximum(0.0, alpha + eta_alpha * slack) * wrong


def logistic_step(
    points: np.ndarray,
    weights: np.ndarray,
    alpha: np.ndarray,
    *,
    loss: float,
    eta_w: float,
    eta_alpha: float,
    alternating: bool = True,
) -> Pair:
    """One step for logistic losses of at most ``loss``."""
    from scipy.special import expit

    moved = weights + eta_w * ((alpha * expit(-(points @ weights))) @ points - weights)
    margins = points @ (moved if alternating else weights)
    return moved, np.maximum(0.0, alpha + eta_alpha * (np.logaddexp(0.0, -margins) - loss))


def logistic_descent(points: np.ndarray, weights: np.ndarray, rate: Any) -> np.ndarray:
    """One step of gradient descent on the sum of logistic losses.

    Parameters
    ----------
    points : array, shape (..., P, N)
        Signed; a row of zeros adds nothing.
    weights : array, shape (..., N, 1)
    rate : float or array, shape (..., 1, 1)
    """
    shares = 1.0 / (1.0 + np.exp(np.matmul(points, weights)))
    return weights + rate * np.matmul(np.swapaxes(points, -1, -2), shares)


def exponential_field(weights: np.ndarray) -> np.ndarray:
    """dw/dt of the exponential loss of the one point (1, 0)."""
    return np.array([np.exp(-weights[0]), 0.0])
