"""Minimum-norm training of scalar chains: flows, steps, orbits, escapes and collapses.

Everything is integrated or stepped from the definition of the method
(:mod:`refimpl.papers.minnorm.experiments.chain_flows`), in float64 on the host, and compared with
closed forms. Each task is one function of the files beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task, merge
from refimpl.papers.minnorm.experiments import chain_orbits, chain_paths, chain_stability
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes
    ----------
    cases : int
        Random chains and steps whose stability is compared, of each depth.
    depths : tuple of int
    accuracies : tuple of float
        Of the weights, in the comparison with weight decay.
    map_depths, map_rhos : int
        Depths from 2 on and dampings of the map of run outcomes.
    """

    cases: int = 200
    depths: tuple[int, ...] = (2, 3, 4, 5)
    accuracies: tuple[float, ...] = (0.1, 0.01, 0.001)
    map_depths: int = 4
    map_rhos: int = 7

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(cases=2_000, map_depths=5, map_rhos=13)


RUNS: dict[str, Callable[[Config, Rng], dict[str, Any]]] = {
    "reduction": lambda config, rng: chain_stability.reduction(rng),
    "spectrum": lambda config, rng: chain_stability.spectrum(config.depths),
    "stability": lambda config, rng: chain_stability.stability(rng, config.depths, config.cases),
    "unsquared": lambda config, rng: chain_stability.unsquared(),
    "surface": lambda config, rng: chain_paths.surface(),
    "imbalance": lambda config, rng: chain_paths.imbalance(),
    "decay": lambda config, rng: chain_paths.decay(),
    "times": lambda config, rng: chain_paths.times(config.accuracies),
    "orbit": lambda config, rng: chain_orbits.orbit(),
    "damped": lambda config, rng: chain_orbits.damped(),
    "transients": lambda config, rng: chain_orbits.transients(),
    "escape": lambda config, rng: chain_orbits.escape(),
    "collapse": lambda config, rng: chain_orbits.collapse(),
    "critical": lambda config, rng: chain_stability.critical(),
    "map": lambda config, rng: chain_stability.outcome_map(config.map_depths, config.map_rhos),
}
"""What each task computes; the name is part of its random stream."""


def tasks(config: Config) -> list[Task]:
    return [{"kind": kind} for kind in RUNS]


def run_task(config: Config, backend: Backend, rng: Rng, *, kind: str) -> dict[str, Any]:
    return RUNS[kind](config, rng)


EXPERIMENT = Experiment(
    "minnorm_chain",
    Config,
    run_task,
    tasks=tasks,
    collect=merge,
    summary="minimum-norm training of scalar chains: stability, orbits, escapes, collapses",
)
