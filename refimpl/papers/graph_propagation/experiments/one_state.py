"""One state and one multiplier: long runs of all constraint functions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.graph_propagation.experiments.linear import plain
from refimpl.papers.graph_propagation.experiments.problems import linear_problem, network_problem
from refimpl.papers.graph_propagation.scalar import ScalarSaddle
from refimpl.papers.graph_propagation.theory.one_state import least_epsilon
from refimpl.random import Rng

RATE = 0.01
SQUARED_TIMES = (100.0, 1000.0, 10_000.0)
CYCLES = ((0.05, 0.6), (0.1, 1.5), (0.02, -2.0), (0.01, 1.0), (0.3, 1.0))
"""η and d."""

MARGINS = (0.995, 1.005, 1.2)
"""ε as a multiple of the threshold."""

TRACED = ("lin", "abs", "eps", "lineps", "squared", "cubed")
MONOTONE = ("abs", "eps", "squared", "eps_l1")


@dataclass(frozen=True)
class Config:
    """Times and steps."""

    squared_times: tuple[float, ...] = SQUARED_TIMES
    cubed_time: float = 2000.0
    cycle_growth: float = 8.0
    traced_steps: int = 40_000
    grid: int = 14
    grid_growth: float = 5.0

    @classmethod
    def quick(cls) -> Config:
        return cls(squared_times=(100.0, 1000.0), grid=10)

    @classmethod
    def full(cls) -> Config:
        return cls()


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    return {
        **_laws(config),
        **_monotone(),
        **_cycles(config),
        **_growth(),
        **_traces(config),
        **_phases(config),
    }


def _laws(config: Config) -> dict[str, Any]:
    squared = ScalarSaddle("squared", multiplier_rate=RATE)
    cubed = ScalarSaddle("cubed", multiplier_rate=RATE)
    return {
        "squared_times": np.array(config.squared_times),
        "squared": np.array(
            [squared.run_exact(round(t / RATE), 1.0)[0] for t in config.squared_times]
        ),
        "squared_plain": ScalarSaddle("squared").run(10_000, 1.0)[0],
        "cubed_times": np.array([0.5 * config.cubed_time, config.cubed_time]),
        "cubed": np.array(
            [cubed.run_exact(round(t / RATE), 1.0)[0]
             for t in (0.5 * config.cubed_time, config.cubed_time)]
        ),
    }  # fmt: skip


def _monotone() -> dict[str, Any]:
    """The largest fall of a multiplier in a step of a small network; signed G of both signs."""
    falls = []
    for name in MONOTONE:
        objective, params, batch = network_problem(2)
        algorithm = plain(rate=0.02, constraint=name, epsilon=0.01, multipliers="node")
        state = algorithm.init(params, batch, objective)
        fall = -math.inf
        for _ in range(60):
            before = state.params.multipliers
            state, _ = algorithm.step(state, objective, batch)
            after = state.params.multipliers
            fall = max(fall, *(float(np.max(a - b)) for a, b in zip(before, after, strict=True)))
        falls.append(fall)
    signed = []
    for target in (1.0, -1.0):
        problem = linear_problem(np.zeros((1, 1)), np.zeros(1), np.array([target]), 1)
        saddle, _ = plain(rate=0.5).settle(problem[1], problem[0], problem[2], steps=300)
        signed.append(float(saddle.multipliers[0][0, 0]))
    return {"largest_fall": np.array(falls), "signed": np.array(signed)}


def _cycles(config: Config) -> dict[str, Any]:
    """Multiplier after a long run from a = d with ε beside its threshold, and its last rise."""
    final, rise, inside = [], [], []
    for rate, target in CYCLES:
        for margin in MARGINS:
            epsilon = margin * least_epsilon(rate, target)
            toy = ScalarSaddle("eps", target, rate, rate, epsilon)
            steps = round(2.0 * config.cycle_growth / rate**2)
            a, multiplier = toy.run(steps, target)
            final.append(multiplier)
            rise.append(toy.run(1000, a, multiplier)[1] - multiplier)
            inside.append(abs(a) <= epsilon * (1.0 + 1e-9))
    shape = (len(CYCLES), len(MARGINS))
    return {
        "cycle_multipliers": np.reshape(final, shape),
        "cycle_rises": np.reshape(rise, shape),
        "cycle_inside": np.reshape(inside, shape),
    }


def _growth() -> dict[str, Any]:
    """Growth of log λ in a step under G = |a|."""
    rates = []
    for rate in (0.01, 0.05):
        toy = ScalarSaddle("abs", 1.0, rate, rate)
        span = round(6.0 / rate**2)
        a, first = toy.run(span, 1.0)
        _, last = toy.run(span, a, first)
        rates.append(math.log(last / first) / span)
    return {"growth": np.array(rates)}


def _traces(config: Config) -> dict[str, Any]:
    """|a| and λ against time for the figure: largest |a| of each stretch."""
    edges = np.unique(np.geomspace(1, config.traced_steps, 120).astype(int))
    values: dict[str, Any] = {"trace_times": edges * RATE}
    for name in TRACED:
        toy = ScalarSaddle(name, epsilon=0.02 if "eps" in name else 0.0)
        a, multiplier, done = 1.0, 0.0, 0
        gaps, multipliers = [], []
        for edge in edges:
            largest = 0.0
            for _ in range(int(edge) - done):
                a, multiplier = toy.step(a, multiplier)
                largest = max(largest, abs(a))
            done = int(edge)
            gaps.append(largest)
            multipliers.append(multiplier)
        values[f"trace_gap_{name}"] = np.array(gaps)
        values[f"trace_multiplier_{name}"] = np.array(multipliers)
    return values


def _phases(config: Config) -> dict[str, Any]:
    """Rise of λ at the end, relative to λ, over η|d| and ε for η = 0.1."""
    rate = 0.1
    pulls = np.linspace(0.02, 0.3, config.grid)
    epsilons = np.linspace(0.005, 0.18, config.grid)
    rises = np.zeros((config.grid, config.grid))
    for i, epsilon in enumerate(epsilons):
        for j, pull in enumerate(pulls):
            toy = ScalarSaddle("eps", pull / rate, rate, rate, float(epsilon))
            a, multiplier = toy.run(round(2.0 * config.grid_growth / rate**2), pull / rate)
            rises[i, j] = (toy.run(400, a, multiplier)[1] - multiplier) / multiplier
    return {"phase_pulls": pulls, "phase_epsilons": epsilons, "phase_rises": rises}


EXPERIMENT = Experiment(
    name="graph_one_state",
    summary="One state under every constraint function, against exact laws",
    config=Config,
    run_task=run_task,
)
