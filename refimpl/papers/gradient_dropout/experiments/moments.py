"""Moments of noisy inner steps on quadratics and on θ⁴/4: finite sums, laws and samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment, merge
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.experiments.instances import (
    DROP,
    RATE,
    SCHEMES,
    Quadratic,
    Quartic,
    all_noise,
    expectation,
)
from refimpl.papers.gradient_dropout.maml import MAML
from refimpl.papers.gradient_dropout.theory import quadratic
from refimpl.random import Rng

FAMILIES = ("bernoulli", "gaussian")
LAWS = ("bernoulli", "two-point", "gaussian")


@dataclass(frozen=True)
class Config:
    """Random problems of each shape, samples, and the grid of rates."""

    problems: int = 20
    samples: int = 100_000
    rates: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(problems=100)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": part} for part in _PARTS]


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    return _PARTS[part](config, backend, rng)


def law(problem: Quadratic) -> quadratic.Quadratics:
    """The problem as the closed form takes it."""
    return quadratic.Quadratics(
        problem.hessian, problem.center, problem.query_hessian, problem.query_center
    )


def _variance(drop: float) -> float:
    return drop / (1.0 - drop)


def _reference(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """The recorded instance: one and three steps, by every law and by the wrong schemes."""
    problem = Quadratic.reference(backend)
    found: dict[str, Any] = {"laws": LAWS, "schemes": SCHEMES}
    for steps in (1, 3):
        queries = [
            float(expectation(problem, *all_noise(name, DROP, steps, 2))["query"]) for name in LAWS
        ]
        found[f"query_{steps}"] = np.array(queries)
        plain = np.ones((1, steps, 2)), np.ones(1)
        found[f"plain_{steps}"] = expectation(problem, *plain)["query"]
    three = expectation(problem, *all_noise("bernoulli", DROP, 3, 2))
    found.update(mean_three=three["means"][-1], meta_gradient=three["gradient"])
    first = expectation(problem, *all_noise("bernoulli", DROP, 3, 2), order="first")
    found["meta_gradient_first"] = first["gradient"]
    found["scheme_query"] = np.array(
        [
            float(expectation(problem, *all_noise("bernoulli", DROP, 3, 2, scheme))["query"])
            for scheme in SCHEMES
        ]
    )
    expected = law(problem).expected_gradient(problem.start, RATE, _variance(DROP), 3)
    found["law_gradient"] = to_host(expected)
    return found


def _random(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Random problems: enumeration against the closed forms, worst relative errors."""
    one_step, moments, families = [], [], []
    for index in range(config.problems):
        stream = rng.child(index)
        drop = float(stream.uniform((), 0.05, 0.6))
        for d in (1, 2, 3, 4):
            problem = Quadratic.random(backend, stream.child(d), d)
            exact = expectation(problem, *all_noise("bernoulli", drop, 1, d))
            forms = law(problem)
            plain = float(forms.query(forms.moments(problem.start, RATE, 0.0, 1)[0][-1]))
            excess = _variance(drop) * float(forms.one_step_penalty(problem.start, RATE))
            one_step.append(abs(float(exact["query"]) - plain - excess) / abs(plain + excess))
        for steps in (2, 3, 4):
            problem = Quadratic.random(backend, stream.child("deep", steps), 2)
            forms = law(problem)
            exact = expectation(problem, *all_noise("bernoulli", drop, steps, 2))
            means, covariances = forms.moments(problem.start, RATE, _variance(drop), steps)
            for name, theory in (("means", means), ("covariances", covariances)):
                values = np.stack([to_host(value) for value in theory])
                size = np.abs(values).max()
                moments.append(np.abs(exact[name] - values).max() / size)
            other = [
                float(expectation(problem, *all_noise(name, drop, steps, 2))["query"])
                for name in ("two-point", *(["gaussian"] if steps < 4 else []))
            ]
            reference = float(exact["query"])
            families += [abs(value / reference - 1.0) for value in other]
    return {
        "one_step_error": np.array(one_step),
        "moment_error": np.array(moments),
        "family_error": np.array(families),
    }


def _penalty(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """What one step adds to the query loss over a grid of rates, exact and sampled."""
    problem = Quadratic.reference(backend)
    exact = [
        float(expectation(problem, *all_noise("bernoulli", drop, 1, 2))["query"])
        for drop in config.rates
    ]
    plain = float(expectation(problem, np.ones((1, 1, 2)), np.ones(1))["query"])
    sampled = np.zeros((len(FAMILIES), len(config.rates), 2))
    for row, noise in enumerate(FAMILIES):
        for column, drop in enumerate(config.rates):
            losses, _ = _sample(config, problem, noise, drop, 1, rng.child(noise, column))
            spread = losses.std(ddof=1) / np.sqrt(config.samples)
            sampled[row, column] = losses.mean(), spread
    rates = np.array(config.rates)
    return {
        "penalty_rates": rates,
        "penalty_variance": rates / (1.0 - rates),
        "penalty_query": np.array(exact),
        "penalty_plain": plain,
        "penalty_sampled": sampled,
    }


def _sample(
    config: Config, problem: Quadratic, noise: str, drop: float, steps: int, rng: Rng
) -> tuple[np.ndarray, np.ndarray]:
    """Query losses (M,) and points (K + 1, M, d) of as many tasks as samples, with drawn noise."""
    algorithm = MAML(
        inner_rate=RATE,
        inner_steps=steps,
        order="first",
        wrappers=[GradientDropout(rate=drop, noise=noise)],  # type: ignore[arg-type]
    )
    found = algorithm.meta_gradient(
        problem.start, problem.objective, problem.episode(np.ones(config.samples)), rng=rng
    )
    points = np.stack([to_host(point) for point in found.trajectory.params])
    return to_host(found.losses), points


def _monte_carlo(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Three steps of the instance with drawn noise: moments with their standard errors."""
    problem = Quadratic.reference(backend)
    forms = law(problem)
    means, covariances = forms.moments(problem.start, RATE, _variance(DROP), 3)
    found: dict[str, Any] = {
        "law_means": np.stack([to_host(m) for m in means]),
        "law_covariances": np.stack([to_host(c) for c in covariances]),
        "samples": config.samples,
    }
    found["law_query"] = float(forms.expected_query(problem.start, RATE, _variance(DROP), 3))
    for noise in FAMILIES:
        losses, points = _sample(config, problem, noise, DROP, 3, rng.child(noise))
        root = np.sqrt(config.samples)
        away = points - points.mean(axis=1, keepdims=True)
        products = np.einsum("kmi,kmj->kmij", away, away)
        found[f"sampled_query_{noise}"] = np.array([losses.mean(), losses.std(ddof=1) / root])
        found[f"sampled_means_{noise}"] = points.mean(axis=1)
        found[f"sampled_mean_errors_{noise}"] = points.std(axis=1, ddof=1) / root
        found[f"sampled_covariances_{noise}"] = products.mean(axis=1)
        found[f"sampled_covariance_errors_{noise}"] = products.std(axis=1, ddof=1) / root
        found[f"cloud_{noise}"] = points[:, :200]
    return found


def _quartic(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Two steps on θ⁴/4: the mean, and the mean meta-gradient against a central difference."""
    problem = Quartic(backend.ones((1,)))
    drops = np.array([0.0, *config.rates])
    means = np.zeros((len(FAMILIES), len(drops)))
    for row, noise in enumerate(FAMILIES):
        for column, drop in enumerate(drops):
            noises = all_noise(noise, drop, 2, 1) if drop else (np.ones((1, 2, 1)), np.ones(1))
            means[row, column] = expectation(problem, *noises)["means"][-1, 0]
    noises = all_noise("bernoulli", DROP, 2, 1)
    gradient = expectation(problem, *noises)["gradient"][0]

    def expected(start: float) -> float:
        return float(expectation(Quartic(backend.asarray([start])), *noises)["query"])

    return {
        "quartic_drops": drops,
        "quartic_means": means,
        "quartic_gradient": gradient,
        "quartic_slope": slope(expected, 1.0, 0.01),
    }


def slope(function: Any, point: float, step: float) -> float:
    """Central difference of order six."""
    weights = ((1, 45.0), (2, -9.0), (3, 1.0))
    return sum(
        w * (function(point + m * step) - function(point - m * step)) for m, w in weights
    ) / (60.0 * step)


_PARTS = {
    "reference": _reference,
    "random": _random,
    "penalty": _penalty,
    "monte_carlo": _monte_carlo,
    "quartic": _quartic,
}

EXPERIMENT = Experiment(
    "gradient_dropout_moments",
    Config,
    run_task,
    tasks=tasks,
    collect=merge,
    summary="Moments of noisy inner steps on quadratics and on θ⁴/4, exact and sampled",
)
