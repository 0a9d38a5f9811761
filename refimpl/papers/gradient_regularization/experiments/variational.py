"""Variational problems on [0, 1]: closed forms against grids, energies, the three-part split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.papers.gradient_regularization.taut_string import denoised, threshold
from refimpl.papers.gradient_regularization.theory import staircase, tikhonov, variation
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Strengths, grids, and the numbers of points of the split.

    The grids of the total-variation problems have whole numbers of cells up to the kinks.
    """

    strength: float = 0.05
    grids: tuple[int, ...] = (500, 1000, 2000)
    ramp_strength: float = 0.02
    step_strength: float = 0.05
    variation_cells: int = 200
    chain: int = 12
    denoised_strength: float = 0.5
    split_points: tuple[int, ...] = (3, 6, 12)
    stairs: tuple[int, ...] = (2, 5, 9, 33)
    nodes: int = 120

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(grids=(500, 1000, 2000, 4000), split_points=(3, 6, 12, 24, 48))


def legendre(nodes: int, cells: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, 1], the same in every cell."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    left = np.arange(cells)[:, None] / cells
    return (left + (x + 1.0) / (2 * cells)).ravel(), np.tile(w / (2 * cells), cells)


def closed_forms(config: Config) -> dict[str, Any]:
    """Largest distance of each closed form from finite differences, for each grid."""
    targets = {
        "cosine": (lambda x: np.cos(np.pi * x), tikhonov.cosine),
        "ramp": (lambda x: x, tikhonov.ramp),
        "step": (lambda x: (x > 0.5).astype(float), tikhonov.step),
    }
    found = {}
    for name, (target, exact) in targets.items():
        errors = []
        for n in config.grids:
            x = (np.arange(n) + 0.5) / n
            solved = tikhonov.finite_differences(target(x), config.strength)
            errors.append(np.max(np.abs(solved - exact(x, config.strength))))
        found[f"{name}_error"] = np.array(errors)
    return found


def taut_strings(config: Config) -> dict[str, Any]:
    """The taut string on ramp and step, against bounded least squares, and at its threshold."""
    from scipy.optimize import lsq_linear

    n = config.variation_cells
    x = (np.arange(n) + 0.5) / n
    ramp = denoised(x, config.ramp_strength * n)
    step = denoised((x > 0.5).astype(float), config.step_strength * n)
    i = np.arange(config.chain)
    values = np.sin(3.0 * i) + 0.3 * np.cos(7.0 * i)
    strength = config.denoised_strength
    differences = np.diff(np.eye(config.chain), axis=0)
    dual = lsq_linear(differences.T, values, (-strength, strength), method="bvls", tol=1e-15).x
    limit = threshold(values)
    spread = [np.ptp(denoised(values, limit * (1.0 + 1e-6 * sign))) for sign in (-1.0, 1.0)]
    return {
        "tv_ramp": ramp,
        "tv_ramp_exact": variation.ramp(x, config.ramp_strength),
        "tv_step": step,
        "tv_step_exact": variation.step(x, config.step_strength),
        "string": denoised(values, strength),
        "program": values - differences.T @ dual,
        "limit": limit,
        "spread_below": spread[0],
        "spread_above": spread[1],
    }


def energy(
    model: Any, params: Any, target: Any, strength: float, power: int, rule: Any
) -> tuple[float, np.ndarray]:
    """½ ∫ (u − g)² plus the package's penalty under the rule, and the values of u."""
    x, w = rule
    part = GradientRegularization(power=power, half=power == 2)
    rough = part.measure(Objective(model, "mean_squared_error"), params, x[:, None], w)
    values = ad.value(model(params, x[:, None]))[:, 0]
    return 0.5 * float(w @ (values - target(x)) ** 2) + strength * float(rough), values


def sigmoidal(inner: float, shift: float, outer: float, bias: float) -> Any:
    """u = bias + outer tanh(inner x + shift) as parameters of a network with one unit."""
    return [
        {"weight": np.array([[inner]]), "bias": np.array([shift])},
        {"weight": np.array([[outer]]), "bias": np.array([bias])},
    ]


def identities(config: Config) -> dict[str, Any]:
    """Excess energies of two networks and what the identities say of them."""
    network = MLP((1, 1, 1), activation="tanh")
    rule = legendre(config.nodes)
    x, w = rule
    params = sigmoidal(2.0, -1.0, 0.4, 0.1)
    strength = config.strength
    mine, values = energy(network, params, lambda t: np.cos(np.pi * t), strength, 2, rule)
    slopes = 0.8 * (1.0 - np.tanh(2.0 * x - 1.0) ** 2)
    best = tikhonov.cosine(x, strength)
    best_slope = -np.pi * tikhonov.damping([1], strength) * np.sin(np.pi * x)
    gaps = w @ (0.5 * (values - best) ** 2 + 0.5 * strength * (slopes - best_slope) ** 2)
    ramp_rule = legendre(config.nodes, 5)  # the solution has its kinks between the cells
    x, w = ramp_rule
    other, mine_values = energy(
        network, sigmoidal(4.0, -2.0, 0.25, 0.5), lambda t: t, config.ramp_strength, 1, ramp_rule
    )
    return {
        "tikhonov_excess": mine - tikhonov.energy_of_cosine(strength),
        "tikhonov_distance": gaps,
        "variation_excess": other - variation.energy_of_ramp(config.ramp_strength),
        "variation_distance": 0.5
        * w
        @ (mine_values - variation.ramp(x, config.ramp_strength)) ** 2,
    }


def split(config: Config) -> dict[str, Any]:
    """Affine functions with |a|, |b| <= 3 for g = cos πx: each part of the split, by N."""
    line, strength = MLP((1, 1)), config.strength

    def true_energy(a: float, b: float, rule: Any) -> float:
        params = [{"weight": np.array([[b]]), "bias": np.array([a])}]
        return energy(line, params, lambda t: np.cos(np.pi * t), strength, 2, rule)[0]

    exact = legendre(config.nodes)
    least = tikhonov.energy_of_cosine(strength)
    slope = _line(exact, strength)
    rows = []
    for n in config.split_points:
        points = (np.arange(n) + 0.5) / n
        rule = (points, np.full(n, 1.0 / n))

        def gap(a: float, b: float, rule: Any = rule) -> float:
            return true_energy(a, b, exact) - true_energy(a, b, rule)

        trained = _line(rule, strength)
        mine, least_line = true_energy(*trained, exact), true_energy(*slope, exact)
        rows.append((mine - least, least_line - least, 2.0 * _largest(gap, 3.0)))
    excess, best, twice = map(np.array, zip(*rows, strict=True))
    return {
        "split_points": np.array(config.split_points),
        "split_excess": excess,
        "split_approximation": best,
        "split_quadrature": twice,
    }


def _line(rule: Any, strength: float) -> tuple[float, float]:
    """The affine minimizer under a rule: intercept and slope."""
    x, w = rule
    g = np.cos(np.pi * x)
    matrix = np.array([[1.0, w @ x], [w @ x, w @ x**2 + strength]])
    a, b = np.linalg.solve(matrix, [w @ g, w @ (x * g)])
    return float(a), float(b)


def _largest(gap: Any, side: float) -> float:
    """The largest |gap| of a quadratic without an inner extremum over a square: on an edge."""
    found = []
    for fixed in (-side, side):
        for edge in (lambda t, f=fixed: gap(f, t), lambda t, f=fixed: gap(t, f)):
            low, mid, high = edge(-side), edge(0.0), edge(side)
            bend = (low + high - 2.0 * mid) / (2.0 * side**2)
            slope = (high - low) / (2.0 * side)
            places = [-side, side]
            if abs(bend) > 1e-12 and abs(slope / (2.0 * bend)) < side:
                places.append(-slope / (2.0 * bend))
            found += [abs(edge(place)) for place in places]
    return max(found)


def stairs(config: Config) -> dict[str, Any]:
    """The staircase: penalty and misfit at the data, and both over the interval."""
    part = GradientRegularization()
    at_data, misfit, rough, distance = [], [], [], []
    for n in config.stairs:

        def model(params: Any, inputs: Any, n: int = n) -> Any:
            cells = n - 1
            index = np.clip(np.floor(ad.value(inputs) * cells), 0, cells - 1)
            s = inputs * cells - index
            return index / cells + s * s * (3.0 - 2.0 * s) / cells

        objective = Objective(model, "mean_squared_error")
        knots = np.linspace(0.0, 1.0, n)
        at_data.append(part.measure(objective, (), knots[:, None], np.full(n, 1.0 / n)))
        misfit.append(np.max(np.abs(model((), knots) - knots)))
        x, w = legendre(8, n - 1)
        rough.append(part.measure(objective, (), x[:, None], w))
        distance.append(w @ (staircase.staircase(x, n)[0] - x) ** 2)
    return {
        "stairs": np.array(config.stairs),
        "stairs_penalty": np.array(at_data, dtype=float),
        "stairs_misfit": np.array(misfit),
        "stairs_roughness": np.array(rough, dtype=float),
        "stairs_distance": np.array(distance),
    }


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    return {
        **closed_forms(config),
        "grids": np.array(config.grids),
        **taut_strings(config),
        **identities(config),
        **split(config),
        **stairs(config),
    }


EXPERIMENT = Experiment(
    name="gradient_regularization_variational",
    summary="Variational problems on an interval: closed forms, energies and the error split",
    config=Config,
    run_task=run_task,
)
