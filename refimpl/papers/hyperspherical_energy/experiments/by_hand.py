"""Energies, distortions and their slopes in P, other measures of uniformity and their poles,
written out: no code of the penalties in them."""

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


def uniformity(w: np.ndarray, form: str, half: bool) -> float:
    """A measure of how evenly the directions of the rows (and, if half, their opposites) spread."""
    if form == "mean":
        return float(np.linalg.norm(w.sum(axis=0)))
    points = np.concatenate([w, -w]) if half else w
    c = cosines(points)
    if form == "determinant":
        return -float(np.linalg.slogdet(np.exp(2.0 * c - 2.0) + 1e-6 * np.eye(len(c)))[1])
    off = ~np.eye(len(c), dtype=bool)
    if half:  # a line is not compared with itself
        off &= ~np.roll(np.eye(len(c), dtype=bool), len(w), axis=1)
    nearest = np.where(off, c, -2.0).max(axis=1)
    return float(2.0 * nearest.max() - 2.0 if form == "separation" else -np.arccos(nearest).mean())


def seen_from(v: np.ndarray, w: np.ndarray, form: str, half: bool) -> float:
    """Minus the mean inverse squared distance of a pole, or its soft distance, from the rows."""
    squares = 2.0 - 2.0 * _towards(v, w, half)[0]
    if form == "polarization":
        return -float(np.mean(1.0 / squares))
    return -0.1 * float(np.log(np.mean(np.exp(-10.0 * squares))))


def pole(v: np.ndarray, w: np.ndarray, form: str, half: bool, steps: int) -> np.ndarray:
    """The pole after steps of momentum 0.9, rate 0.1 and decay 5e-4 up what is seen from it."""
    b = np.zeros_like(v)
    for _ in range(steps):
        c, unit = _towards(v, w, half)
        weight = 2.0 / (2.0 - 2.0 * c) ** 2 / len(c)
        if form == "covering":
            weight = 2.0 * np.exp(20.0 * c) / np.exp(20.0 * c).sum()
        length = np.sqrt((v * v).sum())
        slope = -(weight @ unit - (weight @ c) * v / length) / length
        b = 0.9 * b - slope + 5e-4 * v
        v = v - 0.1 * b
    return v


def _towards(v: np.ndarray, w: np.ndarray, half: bool) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate([w, -w]) if half else w
    unit = points / np.sqrt((points * points).sum(axis=1))[:, None]
    return unit @ v / np.sqrt((v * v).sum()), unit
