"""Memory, operations, energy and power: models against the printed tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.boolnet.theory import accounting as theory
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Of the ratios, the network whose saving the text quotes."""

    network: str = "BoolNet k=4"
    reference: str = "Bi-Real"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls()


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    memory = [
        [theory.block_memory(s.channels, s.side, slices) for slices in (1, 4, None)]
        for s in theory.STAGES
    ]
    printed = [[s.one_slice, s.four_slices, s.regular] for s in theory.STAGES]
    channels, side, slices, dilated = theory.DILATED
    rows = theory.ENERGIES
    sums = {row.network: row.sum for row in rows}
    reference = next(row.total for row in rows if row.network == config.reference)
    rated = [row for row in rows if row.ratio is not None]
    return {
        "memory": np.array([*np.ravel(memory), theory.block_memory(channels, side, slices)]),
        "memory_printed": np.array([*np.ravel(printed), dilated]),
        "operations": [theory.operations(f, b * 10.0) for f, b, _ in theory.OPERATIONS],
        "operations_printed": [row[2] for row in theory.OPERATIONS],
        "network": [row.network for row in rows],
        "parts": [[row.compute, row.sram, row.dram] for row in rows],
        "energy": [row.sum for row in rows],
        "energy_printed": [row.total for row in rows],
        "ratio": [reference / row.total for row in rated],
        "ratio_printed": np.array([row.ratio for row in rated], dtype=np.float64),
        "share": [row.compute / row.sum for row in rows],
        "saving": reference / sums[config.network],
        "saving_abstract": theory.PRINTED_SAVING["abstract"],
        "saving_body": theory.PRINTED_SAVING["body"],
        "power_ratio": list(theory.power_ratios().values()),
    }


EXPERIMENT = Experiment(
    "boolnet_accounting",
    Config,
    run_task,
    summary="memory, operations, energy and power: models against the printed tables",
)
