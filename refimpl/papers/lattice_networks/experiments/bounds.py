"""Bounds on the derivatives of networks against nested differentiation.

Test networks have the weights c sin(9.1 (i + 2j) + p), i and j counted from 0: no randomness.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, merge
from refimpl.papers.lattice_networks.activations import SMOOTH, column_peak, growth, row_sum
from refimpl.papers.lattice_networks.network import SmoothNetwork, matrices
from refimpl.papers.lattice_networks.theory.activations import suprema
from refimpl.papers.lattice_networks.theory.derivatives import (
    bell_majorant,
    derivative_bound,
    majorant,
    periodic_bound,
)
from refimpl.random import Rng

ROW_SUMS = (1.5, 0.7, 2.0)
HIDDEN = (5, 4, 4, 4)
INPUTS = 3


@dataclass(frozen=True)
class Config:
    """Points on each axis where derivatives are taken, their largest order, and the scan."""

    axis: int = 9
    order: int = 4
    depths: tuple[int, ...] = (1, 2, 3, 4)
    scales: tuple[float, ...] = (0.5, 1.0)
    scan: int = 4001
    scan_order: int = 8
    tight: int = 1201

    @classmethod
    def quick(cls) -> Config:
        return cls(axis=5)

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[dict[str, Any]]:
    parts = [{"part": "constants"}, {"part": "composition"}, {"part": "tight"}]
    return parts + [{"part": "networks", "activation": name} for name in SMOOTH]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, part: str, activation: str = ""
) -> dict[str, Any]:
    if part == "networks":
        return _networks(config, activation)
    return {"constants": _constants, "composition": _composition, "tight": _tight}[part](config)


def derivative(function: Any, order: int) -> Any:
    """The ``order``-th derivative of an elementwise function, by nested differentiation."""
    for _ in range(order):
        function = _slope(function)
    return function


def _slope(function: Any) -> Any:
    return ad.grad(lambda x: ad.sum(function(x)))


def scanned_supremum(function: Any, order: int, points: int, reach: float = 12.0) -> float:
    """sup |f^{(n)}| on a grid, then on a finer one around the best place."""
    nth = derivative(function, order)
    grid = np.linspace(-reach, reach, points)
    for _ in range(3):
        values = np.abs(nth(grid))
        best = grid[int(np.argmax(values))]
        width = 2.0 * (grid[1] - grid[0])
        grid = np.linspace(best - width, best + width, 101)
    return float(values.max())


def _constants(config: Config) -> dict[str, Any]:
    """Suprema by scan and in closed form, and their ratio to ξ τ^n n!."""
    orders = range(1, config.scan_order + 1)
    scanned = [
        [scanned_supremum(entry.function, n, config.scan) for n in orders]
        for entry in SMOOTH.values()
    ]
    ratios = {
        kind: [
            [
                value / (constants[0] * constants[1] ** n * math.factorial(n))
                for n, value in enumerate(suprema(name), 1)
            ]
            for name, entry in SMOOTH.items()
            for constants in (getattr(entry, kind),)
        ]
        for kind in ("sharp", "coarse")
    }
    return {
        "activations": np.array(list(SMOOTH)),
        "scanned_suprema": np.array(scanned),
        "sharp_ratios": np.array(ratios["sharp"]),
        "coarse_ratios": np.array(ratios["coarse"]),
    }


def _composition(config: Config) -> dict[str, Any]:
    """M^{(n)}(0) = P Q^{n−1} n! of the package beside series and Bell polynomials."""
    weights = [np.array([[r]]) for r in (1.0, *ROW_SUMS)]
    values: dict[str, Any] = {}
    for name, kind in (("sigmoid", "coarse"), ("sigmoid", "sharp"), ("tanh", "sharp")):
        p, q = (float(x) for x in growth(weights, name, kind))  # type: ignore[arg-type]
        xi, tau = getattr(SMOOTH[name], kind)
        constants = [xi * tau**n * math.factorial(n) for n in range(1, 6)]
        label = f"{name}_{kind}"
        values[f"moebius_{label}"] = np.array(
            [p * q ** (n - 1) * math.factorial(n) for n in range(1, 6)]
        )
        values[f"series_{label}"] = np.array(majorant(constants, ROW_SUMS))
        values[f"bell_{label}"] = np.array(bell_majorant(constants, ROW_SUMS))
        values[f"rate_{label}"] = q
    values["bell_numbers"] = np.array(majorant((1.0,) * 6, (1.0, 1.0)))
    return values


def fixed_network(depth: int, scale: float, inputs: int = INPUTS) -> tuple[tuple[int, ...], Any]:
    """Widths and parameters of a network with ``depth`` activations and deterministic weights."""
    widths = (inputs, *HIDDEN[:depth], 1)
    params = [
        {
            "weight": fixed_array(scale, (widths[k + 1], widths[k]), 0.3 * k),
            "bias": fixed_array(scale, (widths[k + 1],), 0.7 + k),
        }
        for k in range(len(widths) - 1)
    ]
    return widths, params


def fixed_array(scale: float, shape: tuple[int, ...], phase: float) -> np.ndarray:
    """c sin(9.1 (i + 2j + ..) + p)."""
    index = sum((k + 1) * axis for k, axis in enumerate(np.indices(shape)))
    return scale * np.sin(9.1 * index + phase)


def mixed_derivatives(function: Any, points: np.ndarray, order: int) -> dict[Any, float]:
    """sup |∂^ν f| over the points for all 0 < |ν| <= ``order``, by nested differentiation.

    Parameters
    ----------
    function : callable
        (P, s) -> (P,), each value a function of its own point.
    points : array, shape (P, s)
    """
    dimension = points.shape[1]

    def along(path: tuple[int, ...]) -> Any:
        if not path:
            return function
        inner, last = along(path[:-1]), path[-1]
        return lambda y: _slope(inner)(y)[:, last]

    found = {}
    for length in range(order):
        for path in itertools.combinations_with_replacement(range(dimension), length):
            slopes = _slope(along(path))(points)
            for j in range(dimension):
                multi = tuple((*path, j).count(i) for i in range(dimension))
                found[multi] = float(np.abs(slopes[:, j]).max())
    return found


def _networks(config: Config, activation: str) -> dict[str, Any]:
    """Largest ratio of a derivative to its bound, over points: (scale, depth, order)."""
    axis = np.linspace(0.0, 1.0, config.axis)
    points = np.stack(np.meshgrid(*[axis] * INPUTS), -1).reshape(-1, INPUTS)
    constants = suprema(activation, config.order)
    shape = (len(config.scales), len(config.depths), config.order)
    ratios = {"plain": np.zeros(shape), "periodic": np.zeros(shape)}
    for (i, scale), (k, depth) in itertools.product(
        enumerate(config.scales), enumerate(config.depths)
    ):
        widths, params = fixed_network(depth, scale)
        weights = matrices(params)
        peaks = [float(b) for b in column_peak(weights[0])]
        series = majorant(constants, [float(row_sum(w)) for w in weights[1:]])
        for inputs, bound in (("plain", derivative_bound), ("periodic", periodic_bound)):
            model = SmoothNetwork(widths, activation, inputs)  # type: ignore[arg-type]
            found = mixed_derivatives(
                lambda y, m=model, p=params: m(p, y)[:, 0], points, config.order
            )
            for multi, value in found.items():
                place = (i, k, sum(multi) - 1)
                ratio = value / bound(multi, peaks, series)
                ratios[inputs][place] = max(ratios[inputs][place], ratio)
    return {f"{inputs}_{activation}": values for inputs, values in ratios.items()}


def _tight(config: Config) -> dict[str, Any]:
    """One neuron, L = 1: the supremum over a scan beside the bound, for orders 1 .. 4."""
    rows = []
    for name in SMOOTH:
        params = [
            {"weight": np.array([[0.8]]), "bias": np.array([0.0])},
            {"weight": np.array([[-1.3]]), "bias": np.array([0.2])},
        ]
        model = SmoothNetwork((1, 1, 1), name, "plain")
        series = majorant(suprema(name, config.order), (1.3,))
        row = []
        for order in range(1, config.order + 1):
            nth = derivative(lambda y, m=model, p=params: m(p, y[:, None])[:, 0], order)
            found = np.abs(nth(np.linspace(-4.2, 4.2, config.tight))).max()
            row.append(found / derivative_bound((order,), (0.8,), series))
        rows.append(row)
    return {"tight": np.array(rows)}


EXPERIMENT = Experiment(
    name="lattice_bounds",
    summary="Derivatives of networks by nested differentiation against their bounds",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
