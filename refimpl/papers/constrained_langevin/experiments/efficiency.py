r"""What momenta buy and exactness costs: autocorrelation times against friction and step size.

One run advances many chains of one law at one step size eps. The chains are in groups: each has a
friction, and a Metropolis test or none. Friction infinity is the overdamped scheme, a new momentum
in every step: SHAKE with h = eps^2 / 2 without the test, MALA with it. Finite friction is the
underdamped scheme, kick-drift-kick with heat in between, and generalized hybrid Monte Carlo with
the test. All take one gradient a step, so that times in steps are times in gradients. Hybrid Monte
Carlo with several steps to a test is a run of its own, whose times are multiplied by their number.

Chains start in exact draws of the law; those of the network run for a while before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.base import required_rng
from refimpl.arrays import Array, Backend, namespace, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
from refimpl.papers.constrained_langevin.experiments.efficiency_targets import LAWS
from refimpl.papers.constrained_langevin.many_chains import ChainsState, ManyChains
from refimpl.random import Rng
from refimpl.sampling import integrated_time

OBSERVABLES = 3
"""The most of any law; columns that a law lacks are not numbers."""


@dataclass(frozen=True)
class Run:
    """How one law is sampled: step sizes, steps that are kept, chains of a group, frictions."""

    step_sizes: tuple[float, ...]
    steps: int
    chains: int
    frictions: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0, math.inf)


@dataclass(frozen=True)
class Config:
    """A run of every law.

    ``burn_in`` gradients are spent first on laws without exact draws; ``drifts`` are the steps of
    RATTLE to a test of hybrid Monte Carlo. The step sizes are those that a claim judges, and for
    the Gaussian one smaller, where times differ most.
    """

    gaussian: Run = field(default_factory=lambda: Run((0.1, 0.2), 1_500, 200))
    bimodal: Run = field(default_factory=lambda: Run((0.25, 0.7), 1_200, 64))
    fisher: Run = field(default_factory=lambda: Run((0.15, 0.4), 400, 40))
    network: Run = field(default_factory=lambda: Run((0.15,), 600, 24, (0.3, 1.0, math.inf)))
    burn_in: int = 200
    drifts: tuple[int, ...] = (8,)

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        many = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, math.inf)
        return cls(
            gaussian=Run((0.05, 0.1, 0.2), 4_000, 300, many),
            bimodal=Run((0.25, 0.7), 4_000, 64, many),
            fisher=Run((0.15, 0.4), 2_000, 64, many),
            network=Run((0.15,), 1_500, 24, many),
            burn_in=500,
        )


@dataclass(frozen=True)
class Grouped(ManyChains):
    """Chains with a share of momentum that they keep, and a test or none, each of its own."""

    decays: Any = None
    tested: Any = None

    def chances(self, error: Array, alive: Array) -> Array:
        """Those of the test, and one where there is none."""
        xp = namespace(error)
        return xp.where(self.tested | ~alive, super().chances(error, alive), 1.0 + 0.0 * error)

    def refreshed(self, blocks: list[Any], state: ChainsState, rng: Rng | None) -> list[Array]:
        """Every chain's own mixture of old momentum and new."""
        xp, stream = namespace(self.decays), required_rng(rng)
        mixed = []
        for block, q, p in zip(blocks, state.positions, state.momenta, strict=True):
            c = xp.reshape(self.decays, (-1,) + (1,) * (p.ndim - 1))
            noise = stream.normal(p.shape, like=p)
            mixed.append(block.project_tangent(q, c * p + xp.sqrt(1.0 - c * c) * noise))
        return mixed


def tasks(config: Config) -> list[Task]:
    found: list[Task] = []
    for law in LAWS:
        for h in getattr(config, law).step_sizes:
            found += [{"law": law, "step_size": h, "drifts": k} for k in (1, *config.drifts)]
    return found


def groups(run: Run, drifts: int) -> tuple[np.ndarray, np.ndarray]:
    """Friction and test of every group: all frictions twice, or one with full refreshment."""
    if drifts > 1:
        return np.array([np.inf]), np.array([True])
    frictions = np.array(run.frictions)
    return np.tile(frictions, 2), np.repeat([False, True], frictions.size)


def run_task(
    config: Config, backend: Backend, rng: Rng, *, law: str, step_size: float, drifts: int
) -> dict[str, Any]:
    """Times of all observables in gradients, their means, and what was rejected, group by group."""
    target, run = LAWS[law](), getattr(config, law)
    frictions, tested = groups(run, drifts)
    many = run.chains * (2 if drifts > 1 else 1)
    algorithm = ConstrainedHMC(
        step_size=step_size, leapfrog_steps=drifts, temperature=1.0, start="require",
        **target.settings,
    )  # fmt: skip
    chains = Grouped(
        algorithm,
        decays=backend.asarray(np.repeat(np.exp(-frictions * step_size), many)),
        tested=backend.asarray(np.repeat(tested, many)),
    )
    start = target.draw(rng.child("start"), many * frictions.size)
    state = chains.init(ad.map_tree(backend.asarray, start), rng.child("momenta"))
    burn_in = 0 if target.exact_start else max(config.burn_in // drifts, 40)
    length = max(run.steps // drifts, 60)
    draws, accepted, lost = [], 0.0, 0.0
    for step in range(burn_in + length):
        state, info = chains.step(state, target.potential, rng.child("step", step))
        if step >= burn_in:
            draws.append(target.observe(ad.map_tree(to_host, state.params)))
            accepted = accepted + to_host(info.accepted) / length
            lost = lost + to_host(info.unsolved | info.irreversible) / length
    # (groups, chains and copies, steps, observables)
    values = np.stack(draws, axis=2)
    values = values.reshape(frictions.size, -1, length, values.shape[-1])
    times = np.full((frictions.size, OBSERVABLES), np.nan)
    for g, group in enumerate(values):
        for k in range(group.shape[-1]):
            found = integrated_time(group[..., k])
            # a window that does not close says that the time is more than a fifth of the run
            times[g, k] = drifts * (found if math.isfinite(found) else 0.2 * length)
    return {
        "law": np.full(frictions.size, law),
        "step_size": np.full(frictions.size, step_size),
        "drifts": np.full(frictions.size, drifts),
        "friction": frictions,
        "tested": tested,
        "times": times,
        "time": np.nanmax(times, axis=1),
        "samples": np.full(frictions.size, values.shape[1] * length),
        "variance": values[..., 0].var(axis=(1, 2)),
        "accepted": np.mean(np.reshape(accepted, (frictions.size, many)), axis=1),
        "lost": np.mean(np.reshape(lost, (frictions.size, many)), axis=1),
    }


_SECONDS = {"gaussian": 5e-7, "bimodal": 3e-6, "fisher": 1.5e-5, "network": 6e-5}
"""Rough seconds of a chain's step."""


def cost(config: Config, task: Task) -> float:
    run, drifts = getattr(config, task["law"]), task["drifts"]
    chains = run.chains * 2 * (1 if drifts > 1 else len(run.frictions))
    return _SECONDS[task["law"]] * chains * max(run.steps, 60 * drifts)


def collect(config: Config, tasks: Any, results: Any) -> dict[str, np.ndarray]:
    """All groups of all runs, one row each."""
    return {name: np.concatenate([values[name] for values in results]) for name in results[0]}


EXPERIMENT = Experiment(
    name="momentum_efficiency",
    summary="Autocorrelation times of constrained samplers against friction and step size",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=cost,
)
