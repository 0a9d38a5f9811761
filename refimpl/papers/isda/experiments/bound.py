"""The bound, the exact expectation and plain cross-entropy, on random heads and features.

The expectation is a one-dimensional quadrature for covariances of rank one, and a mean over drawn
features for full ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, merge
from refimpl.papers.isda.bound import augmentation_bound
from refimpl.papers.isda.sampled import sampled_cross_entropy
from refimpl.papers.isda.semi_supervised import consistency_bound, pair_terms
from refimpl.papers.isda.theory import bound as theory
from refimpl.papers.isda.theory.expectation import expected_cross_entropy, expected_softplus
from refimpl.random import Rng

BINARY = ((-1.0, 0.5), (0.0, 1.0), (2.0, 2.0))
"""(m, s) of the two-class values."""


@dataclass(frozen=True)
class Config:
    """Sizes of the random problems."""

    classes: int = 5
    features: int = 7
    examples: int = 16
    problems: int = 50
    strengths: tuple[float, ...] = (0.02, 0.1, 0.5, 1.0, 4.0)
    small: tuple[float, ...] = (0.02, 0.01, 0.005, 0.0025, 0.00125)
    blocks: int = 400
    draws: int = 1000
    nodes: int = 160
    curve: tuple[float, ...] = tuple(0.02 * k for k in range(51))

    @classmethod
    def quick(cls) -> Config:
        return cls(problems=20, draws=250)

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": name} for name in PARTS]


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    return PARTS[part](config, Rng(rng.seed).child("isda_bound", part))


def problem(config: Config, rng: Rng, slope: float = 1.0) -> dict[str, Any]:
    """Random features, labels, head, and one direction u a class (covariance u u')."""
    classes, width = config.classes, config.features
    return {
        "features": rng.normal((config.examples, width)),
        "labels": rng.integers(0, classes, config.examples).astype(np.int64),
        "weight": rng.normal((classes, width)),
        "bias": rng.normal((classes,)),
        "directions": slope * rng.normal((classes, width)),
    }


def bounds(drawn: dict[str, Any], covariance: np.ndarray, strength: float) -> np.ndarray:
    """The bound of each example, by the package's own loss."""
    return augmentation_bound(
        drawn["features"],
        drawn["labels"],
        drawn["weight"],
        drawn["bias"],
        covariance,
        strength,
        reduction="none",
    )


def rank_one(drawn: dict[str, Any]) -> np.ndarray:
    u = drawn["directions"]
    return u[:, :, None] * u[:, None, :]


def expectations(drawn: dict[str, Any], strength: float, nodes: int) -> np.ndarray:
    """The exact expected loss of each example, covariance of rank one."""
    logits = drawn["features"] @ drawn["weight"].T + drawn["bias"]
    slopes = drawn["directions"][drawn["labels"]] @ drawn["weight"].T
    return expected_cross_entropy(logits, drawn["labels"], slopes, strength, nodes)


def _rank_one(config: Config, rng: Rng) -> dict[str, Any]:
    """Plain, expected and bound, (problem, λ, example)."""
    plain, expected, bound = [], [], []
    for index in range(config.problems):
        drawn = problem(config, rng.child(index), 0.4)
        covariance = rank_one(drawn)
        plain.append([bounds(drawn, covariance, 0.0) for _ in config.strengths])
        expected.append([expectations(drawn, lam, config.nodes) for lam in config.strengths])
        bound.append([bounds(drawn, covariance, lam) for lam in config.strengths])
    return {"plain": np.array(plain), "expected": np.array(expected), "bound": np.array(bound)}


def _full(config: Config, rng: Rng) -> dict[str, Any]:
    """Full covariances: means over blocks of drawn features, each with its standard error."""
    drawn = problem(config, rng.child("problem"))
    root = 0.25 * rng.child("root").normal((config.classes, config.features, config.features))
    covariance = root @ root.transpose(0, 2, 1)
    logits = drawn["features"] @ drawn["weight"].T + drawn["bias"]
    means = np.zeros((len(config.strengths), config.blocks))
    for block in range(config.blocks):
        shape = (config.draws, config.examples, config.features)
        noise = rng.child("noise", block).normal(shape)
        for row, lam in enumerate(config.strengths):
            means[row, block] = sampled_cross_entropy(
                logits, drawn["weight"], drawn["labels"], covariance, lam, noise
            )
    return {
        "full_plain": np.mean(bounds(drawn, covariance, 0.0)),
        "full_bound": np.array([bounds(drawn, covariance, lam).mean() for lam in config.strengths]),
        "full_expected": means.mean(axis=1),
        "full_error": means.std(axis=1, ddof=1) / config.blocks**0.5,
    }


def _equality(config: Config, rng: Rng) -> dict[str, Any]:
    """Bound minus expectation where all differences of rows lie in the null space, and where
    all but one do."""
    none, one = [], []
    for index in range(config.problems):
        drawn = problem(config, rng.child(index))
        drawn["features"] = 0.2 * drawn["features"]  # no label is so sure that the gap rounds to 0
        weight = drawn["weight"]
        spans = [np.delete(weight - row, k, axis=0) for k, row in enumerate(weight)]
        complement = [np.linalg.svd(v)[2][config.classes - 1 :] for v in spans]
        coefficients = rng.child("inside", index).normal((complement[0].shape[0],))
        drawn["directions"] = np.array([coefficients @ basis for basis in complement])
        none.append([_gap(drawn, lam, config.nodes) for lam in config.strengths])
        pulls = np.zeros(config.classes - 1)
        pulls[0] = 1.0
        drawn["directions"] = np.array([np.linalg.pinv(v) @ pulls for v in spans])
        one.append([_gap(drawn, lam, config.nodes) for lam in config.strengths])
    return {"null_gap": np.array(none), "other_gap": np.array(one)}


def _gap(drawn: dict[str, Any], strength: float, nodes: int) -> np.ndarray:
    return bounds(drawn, rank_one(drawn), strength) - expectations(drawn, strength, nodes)


def _binary(config: Config, rng: Rng) -> dict[str, Any]:
    """Two classes with one feature: m and s set by the bias and the covariance."""

    def bound(m: float, s: float) -> float:
        weight, bias = np.array([[0.0], [1.0]]), np.array([0.0, m])
        return float(
            augmentation_bound(
                np.zeros((1, 1)),
                np.zeros(1, np.int64),
                weight,
                bias,
                np.full((2, 1, 1), s * s),
                1.0,
            )
        )

    m, s = np.linspace(-5.0, 5.0, 41), np.linspace(0.0, 3.0, 31)
    dominance = [[bound(a, b) for b in s] for a in m]
    expected = expected_softplus(m[:, None], np.broadcast_to(s, (m.size, s.size)), config.nodes)
    return {
        "binary_expected": np.array([float(expected_softplus(a, b)) for a, b in BINARY]),
        "binary_bound": np.array([bound(a, b) for a, b in BINARY]),
        "dominance": np.array(dominance) - expected,
    }


def _small(config: Config, rng: Rng) -> dict[str, Any]:
    """One recorded instance of the gap as λ goes to zero, and the curves of a picture."""
    drawn = problem(config, rng, 0.8)
    covariance = rank_one(drawn)
    logits = drawn["features"] @ drawn["weight"].T + drawn["bias"]

    def second(lam: float) -> theory.SecondOrder:
        return theory.second_order(logits, drawn["labels"], drawn["weight"], covariance, lam)

    curve = config.curve
    return {
        "gap": np.array([_gap(drawn, lam, config.nodes).mean() for lam in config.small]),
        "gap_predicted": np.array([second(lam).gap.mean() for lam in config.small]),
        "curve_plain": bounds(drawn, covariance, 0.0).mean(),
        "curve_expected": np.array([expectations(drawn, x, config.nodes).mean() for x in curve]),
        "curve_bound": np.array([bounds(drawn, covariance, x).mean() for x in curve]),
        "curve_expected_linear": np.array([second(x).expected.mean() for x in curve]),
        "curve_bound_linear": np.array([second(x).bound.mean() for x in curve]),
    }


def _shape(config: Config, rng: Rng) -> dict[str, Any]:
    """The bound over λ, at λ = 0 and after a common shift of all rows."""
    steps, zero, shift = [], [], []
    for index in range(config.problems):
        drawn = problem(config, rng.child(index))
        root = rng.child("root", index).normal((config.classes, config.features, config.features))
        covariance = root @ root.transpose(0, 2, 1)
        grid = np.linspace(0.0, 4.0, 21)
        values = np.array([bounds(drawn, covariance, float(lam)) for lam in grid])
        steps.append(np.diff(values, axis=0).min())
        logits = drawn["features"] @ drawn["weight"].T + drawn["bias"]
        zero.append(np.abs(values[0] - theory.cross_entropy(logits, drawn["labels"])).max())
        common = rng.child("common", index).normal((config.features,))
        moved = {**drawn, "weight": drawn["weight"] + common}
        before, after = bounds(drawn, covariance, 1.0), bounds(moved, covariance, 1.0)
        shift.append(np.abs(after / before - 1.0).max())
        none = bounds(drawn, 0.0 * covariance, 1.0)
        zero.append(np.abs(none - values[0]).max())
    return {"least_step": np.array(steps), "at_zero": np.array(zero), "shift": np.array(shift)}


def _consistency(config: Config, rng: Rng) -> dict[str, Any]:
    """The Kullback-Leibler bound against its exact expectation, and with one-hot targets."""
    exact, bound, one_hot, supervised = [], [], [], []
    for index in range(config.problems):
        drawn = problem(config, rng.child(index), 0.4)
        direction = drawn["directions"][:1]
        drawn["directions"] = np.repeat(direction, config.classes, axis=0)
        logits = drawn["features"] @ drawn["weight"].T + drawn["bias"]
        p = rng.child("targets", index).uniform(logits.shape, 0.01, 1.0)
        p = p / p.sum(axis=1, keepdims=True)
        entropy = -(p * np.log(p)).sum(axis=1)
        terms = pair_terms(drawn["weight"], rank_one({"directions": direction}))
        for lam in config.strengths:
            each = [
                expectations({**drawn, "labels": np.full(config.examples, k)}, lam, config.nodes)
                for k in range(config.classes)
            ]
            exact.append((p * np.array(each).T).sum(axis=1) - entropy)
            bound.append(consistency_bound(logits, p, terms, lam))
            certain = np.eye(config.classes)[drawn["labels"]]
            one_hot.append(consistency_bound(logits, certain, terms, lam))
            supervised.append(bounds(drawn, rank_one(drawn), lam))
    return {
        "kl_expected": np.array(exact),
        "kl_bound": np.array(bound),
        "kl_one_hot": np.array(one_hot),
        "kl_supervised": np.array(supervised),
    }


PARTS = {
    "rank one": _rank_one,
    "full": _full,
    "equality": _equality,
    "binary": _binary,
    "small": _small,
    "shape": _shape,
    "consistency": _consistency,
}

EXPERIMENT = Experiment(
    "isda_bound",
    Config,
    run_task,
    tasks=tasks,
    collect=merge,
    summary="The closed-form bound against exact and drawn expectations",
)
