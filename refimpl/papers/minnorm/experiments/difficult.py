"""Minnorm training on digits: do the multipliers find the examples that are hard, or mislabelled?

Two runs a seed. With a share of the labels flipped, how well do scores rank the flipped ones
first: the multipliers of both versions, and, for comparison, the residuals of gradient descent and
of strong L2. With clean labels, which examples carry the largest multipliers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.minnorm.experiments import images as common
from refimpl.random import Rng

SCORES = ("minnorm_margin", "minnorm_equality", "gd_residual", "l2_residual")


@dataclass(frozen=True)
class Config:
    """Training-set size, share of flipped labels, seeds and steps."""

    size: int = 150
    flipped: float = 0.1
    seeds: int = 1
    scale: float = 0.7
    gamma: float = 1.0
    rate: float = 0.002
    steps: int = 3000
    baseline_steps: int = 3000
    equality: bool = False
    shown: int = 24

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(size=300, seeds=3, rate=0.001, steps=8000, baseline_steps=4000, equality=True)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [
        {"seed": seed, "noisy": noisy} for seed in range(config.seeds) for noisy in (True, False)
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, seed: int, noisy: bool
) -> dict[str, Any]:
    draws = Rng(rng.seed).child("minnorm_difficult", seed)
    data = common.images("digits", draws, config.size, 0)
    clean = data.labels
    positions = draws.child("flip").permutation(config.size)
    flipped = np.zeros(config.size, dtype=bool)
    if noisy:
        flipped[positions[: round(config.flipped * config.size)]] = True
        moves = draws.child("moves").integers(1, common.CLASSES, (config.size,))
        data = data._replace(labels=np.where(flipped, (clean + moves) % common.CLASSES, clean))
    recipe = common.Recipe(
        rate=config.rate, steps=config.steps, baseline_steps=config.baseline_steps
    )
    first = common.start(recipe, backend, draws, data.train.shape[1], config.scale)
    margin = common.train_minnorm(recipe, backend, data, first, "one_vs_rest")
    alpha = common.scores(margin)
    hardest = np.argsort(-alpha, kind="stable")[: config.shown]
    wrong_class = np.argmax(
        common.outputs(margin.weights, data.train) - 1e9 * (common.codes(data.labels) > 0), axis=1
    )
    kept = {
        "sorted_alpha": np.sort(alpha)[::-1],
        "hardest": data.pictures[hardest],
        "hardest_label": data.labels[hardest],
        "hardest_rival": wrong_class[hardest],
        "hardest_alpha": alpha[hardest],
        "hardest_flipped": flipped[hardest],
        "active": margin.diagnosis.active / (config.size * common.CLASSES),
        "noisy": noisy,
    }
    if not noisy:
        empty = np.full(len(SCORES), np.nan)
        return {**kept, "auc": empty, "precision": empty, "test": empty, "alpha_flipped": alpha[:0]}
    descended = common.train_baseline(recipe, backend, data, first, 0.0)
    decayed = common.train_baseline(recipe, backend, data, first, config.gamma)
    ranked = {
        "minnorm_margin": (alpha, margin),
        "gd_residual": (common.residual(descended.weights, data), descended),
        "l2_residual": (common.residual(decayed.weights, data), decayed),
    }
    if config.equality:
        equality = common.train_minnorm(recipe, backend, data, first, "equality")
        ranked["minnorm_equality"] = (common.scores(equality), equality)
    return {
        **kept,
        **compared(ranked, flipped, data),
        "alpha_flipped": np.sort(alpha[flipped])[::-1],
    }


def compared(
    ranked: dict[str, tuple[np.ndarray, Any]], flipped: np.ndarray, data: Any
) -> dict[str, list[float]]:
    """How well each score finds the flipped labels, and how well its network predicts.

    Parameters
    ----------
    ranked : dict of str to (array, trained)
        Scores of the examples, and the network that they come from; NaN for those left out.
    flipped : array of bool
    data : Images
    """
    count = int(flipped.sum())
    found: dict[str, list[float]] = {"auc": [], "precision": [], "test": []}
    for name in SCORES:
        if name not in ranked:
            for values in found.values():
                values.append(np.nan)
            continue
        scores, trained = ranked[name]
        most = np.argsort(-scores, kind="stable")[:count]
        found["auc"].append(common.area_under_curve(scores, flipped))
        found["precision"].append(float(np.mean(flipped[most])))
        found["test"].append(common.accuracy(trained.weights, data.test, data.test_labels))
    return found


def collect(
    config: Config, tasks: list[dict[str, Any]], results: list[dict[str, Any]]
) -> dict[str, Any]:
    """Arrays over seeds: "clean_..." of the clean runs and the rest of the noisy ones."""
    noisy = [one for one in results if one["noisy"]]
    clean = [one for one in results if not one["noisy"]]
    shared = (
        "sorted_alpha", "hardest", "hardest_label", "hardest_rival", "hardest_alpha",
        "hardest_flipped", "active",
    )  # fmt: skip
    return {
        "scores": list(SCORES),
        **{name: np.stack([one[name] for one in noisy]) for name in (*shared, "auc", "precision")},
        "test": np.stack([one["test"] for one in noisy]),
        "alpha_flipped": np.stack([one["alpha_flipped"] for one in noisy]),
        **{f"clean_{name}": np.stack([one[name] for one in clean]) for name in shared},
    }


def cost(config: Config, task: dict[str, Any]) -> float:
    return 6.0 if task["noisy"] else 3.0


EXPERIMENT = Experiment(
    name="minnorm_difficult",
    summary="Multipliers of hard and of mislabelled digits, against the residuals of baselines",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=cost,
)
