"""XNOR-popcount products against inner products of signs, for every length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host, unpack_bits
from refimpl.experiments.base import Experiment
from refimpl.papers.boolnet.packed import binary_products, pack_signs
from refimpl.papers.boolnet.theory.fusion import inner_product
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Lengths 1 .. ``longest``, ``rows`` and ``units`` vectors of each."""

    longest: int = 257
    rows: int = 3
    units: int = 2

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(longest=1025)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    error, lost, dense = [], [], []
    for n in range(1, config.longest + 1):
        draws = rng.child("signs", n).rademacher((config.rows + config.units, n))
        signs = backend.asarray(draws)
        rows, units = signs[: config.rows, :], signs[config.rows :, :]
        packed = pack_signs(rows)
        products = to_host(binary_products(packed, pack_signs(units), n))
        host = np.asarray(draws).astype(int).tolist()
        expected = [[inner_product(a, b) for b in host[config.rows :]] for a in host[: config.rows]]
        error.append(np.max(np.abs(products - expected)))
        dense.append(np.max(np.abs(products - to_host(rows @ units.T))))
        lost.append(int(np.sum(to_host(unpack_bits(packed, n)) != (to_host(rows) > 0))))
    return {"lengths": config.longest, "error": error, "dense_error": dense, "bits_lost": lost}


EXPERIMENT = Experiment(
    "boolnet_popcount",
    Config,
    run_task,
    summary="XNOR-popcount products against inner products of signs, for every length",
)
