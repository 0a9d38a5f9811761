"""Energies, distortions and their slopes in P, written out: no code of the penalties in them."""

from __future__ import annotations

import numpy as np


def cosines(z: np.ndarray) -> np.ndarray:
    """Between the rows, 1 on the diagonal."""
    unit = z / np.sqrt((z * z).sum(axis=1))[:, None]
    return unit @ unit.T


def full_energy(z: np.ndarray) -> float:
    """The mean over pairs of rows of the inverse squared distance of their directions."""
    c = cosines(z)[np.triu_indices(len(z), 1)]
    return float(np.mean(1.0 / (2.0 - 2.0 * c)))


def half_energy(z: np.ndarray) -> float:
    """The same of the rows and their antipodes."""
    return full_energy(np.concatenate([z, -z]))


def _slope_in_cosines(z: np.ndarray, w: np.ndarray, kind: str) -> np.ndarray:
    """The symmetric matrix d/dc_ij of what P is moved along, as if c_ij and c_ji were two."""
    n, c = len(z), cosines(z)
    off = 1.0 - np.eye(n)
    near, far = 1.0 - c + np.eye(n), 1.0 + c
    if kind == "full":
        return off * 0.5 / near**2 / (n * (n - 1))
    if kind == "half":  # each pair of lines is two pairs of points, near and far
        return off * (1.0 / near**2 - 1.0 / far**2) / (2 * n * (2 * n - 1))
    if kind == "angle":
        sine = np.sqrt(near * far)
        angle, true = (np.arccos(off * x) for x in (c, cosines(w)))
        return -2.0 * off * (angle - true) / sine
    gap = off * (c - cosines(w))
    return 2.0 * gap if kind == "squared" else gap / np.sqrt((gap * gap).sum())


def moved(projection: np.ndarray, weight: np.ndarray, kind: str, rate: float) -> np.ndarray:
    """P + rate dF/dP of a distortion ("norm", "squared", "angle") or an energy ("full", "half")."""
    z = weight @ projection.T
    length = np.sqrt((z * z).sum(axis=1))[:, None]
    unit = z / length
    pull = 2.0 * _slope_in_cosines(z, weight, kind) @ unit
    pull = (pull - (pull * unit).sum(axis=1)[:, None] * unit) / length
    return projection + rate * pull.T @ weight
