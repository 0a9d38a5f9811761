r"""Detailed balance of one Metropolis-exact step on the circle, by injected momenta.

A new momentum t along the unit circle turns the angle by phi' = phi + eps (t - eps V' xi / 2), so
that for every pair of angles of a grid, and every number of whole turns, one number t leads from
one to the other. It is injected; the density of the step is that of t times the probability of
acceptance, and pi_i k_ij = pi_j k_ji must hold to rounding. The negative control accepts always.

Source: derived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment
from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
from refimpl.papers.constrained_langevin.experiments.uncorrected import WithoutTest
from refimpl.papers.constrained_langevin.many_chains import ManyChains
from refimpl.random import Replay, Rng


@dataclass(frozen=True)
class Config:
    """The grid, the largest number of whole turns, the step and the slope of V = slope theta."""

    angles: int = 24
    turns: int = 2
    step_size: float = 1.3
    slope: float = 1.0

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(angles=96, turns=3)


def fluxes(config: Config, chains: ManyChains, backend: Backend) -> dict[str, Any]:
    """pi_i k_ij between all angles, how far off the momenta led, and the smallest acceptance."""
    angles = 0.1 + 2.0 * np.pi * np.arange(config.angles) / config.angles
    shape = (config.angles, config.angles, 2 * config.turns + 1)
    turns = 2.0 * np.pi * np.arange(-config.turns, config.turns + 1)
    phi = np.broadcast_to(angles[:, None, None], shape).ravel()
    end = np.broadcast_to(angles[:, None] + turns, shape).ravel()
    h, slope = config.step_size, config.slope
    momentum = (end - phi) / h + 0.5 * h * slope * np.cos(phi)

    state = chains.init([backend.asarray(np.zeros((phi.size, 1, 1)))])
    place = np.stack([np.sin(phi), np.cos(phi)], axis=1)[:, :, None, None]
    along = np.stack([np.cos(phi), -np.sin(phi)], axis=1) * momentum[:, None]
    state = state._replace(positions=[backend.asarray(place)])
    draws: Any = Replay([along[:, :, None, None], np.zeros(phi.size)])
    after, info = chains.step(state, lambda q: slope * q[0][:, 0, 0], draws)

    chance = to_host(info.acceptance)
    reached = to_host(after.positions[0])[:, :, 0, 0]
    wanted = np.stack([np.sin(end), np.cos(end)], axis=1)
    moved = to_host(info.accepted)[:, None]
    density = np.exp(-slope * np.sin(phi) - 0.5 * momentum**2) * chance
    flux = density.reshape(shape).sum(axis=-1)
    return {
        "asymmetry": np.max(np.abs(flux - flux.T) / (flux + flux.T)),
        "missed": np.max(np.where(moved, np.abs(reached - wanted), 0.0)),
        "moved": np.mean(moved),
        "smallest_chance": chance.min(),
    }


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """The largest relative difference of the two fluxes of a pair, with the test and without."""
    algorithm = ConstrainedHMC(
        step_size=config.step_size, leapfrog_steps=1, temperature=1.0, constraint="circle"
    )
    exact = fluxes(config, ManyChains(algorithm), backend)
    control = fluxes(config, WithoutTest(algorithm), backend)
    return {
        **{f"exact_{name}": value for name, value in exact.items()},
        **{f"control_{name}": value for name, value in control.items()},
    }


EXPERIMENT = Experiment(
    name="detailed_balance",
    summary="Fluxes of one Metropolis-exact step between the points of a circle",
    config=Config,
    run_task=run_task,
)
