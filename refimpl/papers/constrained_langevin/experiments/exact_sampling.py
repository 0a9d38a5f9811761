r"""Is the law kept? Chains that start in it make steps with which the unadjusted scheme leaves it.

Many independent chains start in independent exact draws and make a few steps each; the means over
chains must still be the exact ones, within errors that are known, since the chains are independent.
The negative controls make the same steps without the Metropolis test, or without the way back.

Source: derived; the sampler's sources are named in its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
from refimpl.papers.constrained_langevin.constrained_mala import ConstrainedMALA
from refimpl.papers.constrained_langevin.experiments.targets import TARGETS, Target
from refimpl.papers.constrained_langevin.experiments.uncorrected import (
    WithoutTest,
    WithoutWayBack,
)
from refimpl.papers.constrained_langevin.many_chains import ManyChains
from refimpl.random import Rng

STEP_SIZES = {"circle": 1.6, "sphere": 0.6, "stiefel": 0.4, "wave": 0.6, "oval": 0.9}
SAMPLERS = ("mala", "hmc", "partial")
CONTROLS = {"no test": WithoutTest, "no way back": WithoutWayBack}


@dataclass(frozen=True)
class Config:
    """Numbers of chains and of steps.

    In full all make ten steps: as many as throw the controls off by tens of standard errors.
    """

    chains: int = 6_000
    steps: int = 5
    control_chains: int = 12_000
    control_steps: int = 10

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(chains=100_000, steps=10, control_chains=100_000)


def tasks(config: Config) -> list[Task]:
    runs: list[Task] = [{"target": t, "sampler": s} for t in TARGETS for s in SAMPLERS]
    runs += [{"target": target, "sampler": "no test"} for target in TARGETS]
    return [*runs, {"target": "oval", "sampler": "no way back"}]


def chains_of(name: str, target: Target, step_size: float) -> ManyChains:
    """The chains of a sampler, or of a negative control, which has its step from new momenta."""
    common: dict[str, Any] = {"temperature": 1.0, "start": "require", **target.settings}
    if name == "mala":
        return ManyChains(ConstrainedMALA(step_size=0.5 * step_size**2, **common))
    if name == "hmc":
        return ManyChains(ConstrainedHMC(step_size=step_size, leapfrog_steps=3, **common))
    mixing: dict[str, Any] = {"refreshment": "partial"} if name == "partial" else {}
    algorithm = ConstrainedHMC(step_size=step_size, leapfrog_steps=1, **mixing, **common)
    return CONTROLS.get(name, ManyChains)(algorithm)


def run_task(
    config: Config, backend: Backend, rng: Rng, *, target: str, sampler: str
) -> dict[str, Any]:
    """Means and their standard errors after the steps, and what became of the proposals."""
    law = TARGETS[target]()
    control = sampler in CONTROLS
    count = config.control_chains if control else config.chains
    chains = chains_of(sampler, law, STEP_SIZES[target])
    start = ad.map_tree(backend.asarray, law.draw(rng.child("start"), count))
    state = chains.init(start, rng.child("momenta"))
    shares, residual = np.zeros(4), 0.0
    steps = config.control_steps if control else config.steps
    for step in range(steps):
        state, info = chains.step(state, law.potential, rng.child("step", step))
        kinds = (info.accepted, info.unsolved, info.irreversible, info.diverged)
        shares += [float(np.mean(to_host(kind))) / steps for kind in kinds]
        residual = max(residual, float(np.max(to_host(info.residual))))
    values = law.observe(ad.map_tree(to_host, state.params))
    return {
        "target": target,
        "sampler": sampler,
        "means": values.mean(axis=0),
        "errors": values.std(axis=0, ddof=1) / np.sqrt(count),
        "exact": np.asarray(law.means),
        "shares": shares,
        "residual": residual,
    }


SECONDS = {"circle": 0.2, "sphere": 0.6, "stiefel": 5.0, "wave": 6.0, "oval": 2.5}
"""Of ten steps of 100 000 chains with one drift each."""


def cost(config: Config, task: Task) -> float:
    """Seconds, by chains, steps and drifts."""
    control = task["sampler"] in CONTROLS
    chains = config.control_chains if control else config.chains
    steps = config.control_steps if control else config.steps
    drifts = 3.0 if task["sampler"] == "hmc" else 1.0
    return 1e-6 * chains * steps * drifts * SECONDS[task["target"]]


EXPERIMENT = Experiment(
    name="exact_sampling",
    summary="Whether Metropolis-exact chains keep five laws, and controls that do not",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    cost=cost,
)
