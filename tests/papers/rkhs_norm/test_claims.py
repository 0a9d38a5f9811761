"""The claims see what they should: each number that a claim reads, spoiled, changes its verdict."""

from __future__ import annotations

import numpy as np
import pytest
from watching import own_claims

from refimpl import Rng, backend
from refimpl.claims.ledger import judge
from refimpl.experiments.base import Result
from refimpl.papers.rkhs_norm.experiments import (
    digits,
    identities,
    interval,
    kernels,
    limit,
    mnist,
    slopes,
    upper_bound,
)
from refimpl.papers.rkhs_norm.experiments.recipe import METHODS

GOOD = ("holds", "qualified", "refuted", "reported")
CLAIMS = {claim.id: claim for claim in own_claims("rkhs_norm")}


class Watched(Result):
    """A result that remembers which of its values were read."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.name, result.arrays, result.config)
        self.read: set[str] = set()

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)

    @property
    def arrays(self):
        found = super().arrays
        self.read |= {name for name in found if name.split("_")[0] in READ_BY_PREFIX}
        return found


READ_BY_PREFIX = ("tape", "value", "difference")
"""RK-7 reads all that begin so; select(), too, looks at all arrays, but names what it gives."""


@pytest.fixture(scope="module")
def results():
    configs = {
        kernels: kernels.Config(pairs=2000, machines=2, starts=20, ascents=30, fields=3),
        upper_bound: upper_bound.Config(probes=90),
        identities: identities.Config(instances=2),
        interval: interval.Config(cells=2000, grid=64),
        limit: limit.Config.quick(),
    }
    found = {
        module.EXPERIMENT.name: module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
        for module, config in configs.items()
    }
    found["rkhs_norm_mnist"] = mnist_table()
    found["rkhs_norm_digits"] = digits_table()
    found["rkhs_norm_paths"] = paths_table()
    found["rkhs_norm_slopes"] = slopes_table()
    return found


def wobble(rows):
    """A little noise that differs from seed to seed and from row to row."""
    return 1e-3 * np.sin(np.arange(5.0)[None, :] * 3.0 + np.arange(float(rows))[:, None])


def mnist_table():
    """A made-up table with the shape of the true one."""
    rows = len(mnist.RUNS)
    examples, names, strengths, limits = zip(*mnist.RUNS, strict=True)
    levels = {
        "clean": [0.84, 0.88, 0.86, 0.85, 0.85, 0.89, 0.93],
        "robust": [0.44, 0.66, 0.6, 0.6, 0.6, 0.47, 0.7],
        "lower": [30.0, 4.0, 5.0, 3.0, 5.0, 40.0, 7.0],
        "upper": [8.0, 2.0, 9.0, 11.0, 1.7, 9.0, 3.0],
    }
    values = {
        name: np.array(level)[:, None] + wobble(rows) * level[0] for name, level in levels.items()
    }
    table = {
        **values,
        "examples": np.array(examples),
        "method": np.array(names),
        "strength": np.array(strengths),
        "limit": np.array(limits),
    }
    return Result("rkhs_norm_mnist", table)


def digits_table():
    names = list(digits.GRIDS)
    robust = np.linspace(0.4, 0.7, len(names))[:, None] + wobble(len(names))
    return Result(
        "rkhs_norm_digits",
        {
            "method": np.array(names),
            "test_robust": robust,
            "test": 0.9 + wobble(len(names)),
            "at_edge": np.zeros(len(names), dtype=bool),
        },
    )


def paths_table():
    shape = (len(METHODS), 2, 10)
    return Result(
        "rkhs_norm_paths",
        {
            "method": np.array(METHODS),
            "sandwich_train": np.full(shape, 0.4),
            "sandwich_test": np.full(shape, 0.5),
            "clean": np.full((len(METHODS), 2), 0.9),
        },
    )


def slopes_table():
    """Curves one above the other in the order of the methods."""
    names = list(slopes.RANGES)
    height = 0.02 * np.arange(float(len(names)))
    seeds = 1e-3 * np.sin(3.0 * np.arange(6.0))
    gaps = (height[:, None] - height)[:, :, None] + np.sign(height[:, None] - height)[
        :, :, None
    ] * seeds
    return Result("rkhs_norm_slopes", {"method": np.array(names), "gap": gaps})


SPOILERS = {
    "method": lambda v: np.full_like(v, "x"),
    "clean": lambda v: v * 0.0,
    "robust": lambda v: v * 0.0,
    "lower": lambda v: v[::-1],
    "nested": lambda v: v[:, ::-1],
    "sizes": lambda v: v**2,
    "linear_bias": lambda v: 3.0 * v,
    "bias_loss_l1": lambda v: v * 0.0,
    "bias_loss_l2": lambda v: v * 0.0,
    "test_robust": lambda v: v[::-1],
    "gap": lambda v: -v,
}
"""How to spoil what +1 would leave as it is."""

REPORTED = {
    ("RK-19", "clean"), ("RK-19", "robust"), ("RK-20", "test"), ("RK-20", "at_edge"),
    ("RK-24", "gap"),
}  # fmt: skip
"""Numbers that are shown and not judged."""


def spoiled(result, name):
    values = dict(result.arrays)
    values[name] = SPOILERS.get(name, lambda v: v + 1.0)(values[name])
    return Result(result.name, values, result.config)


@pytest.mark.parametrize("id", list(CLAIMS))
def test_each_number_that_a_claim_reads_matters(id, results):
    claim = CLAIMS[id]
    [name] = claim.experiments
    watched = Watched(results[name])
    record = judge(claim, {name: watched}, "full")
    assert record.verdict in GOOD, record
    read = watched.read | ({"method", "examples"} if name == "rkhs_norm_mnist" else set())
    assert read
    for key in sorted(read):
        if (id, key) in REPORTED:
            continue
        changed = judge(claim, {name: spoiled(results[name], key)}, "full")
        assert changed.verdict not in GOOD, f"{key} could be anything"


def test_all_claims_of_the_paper_are_there():
    assert [f"RK-{n}" for n in (*range(1, 21), 23, 24)] == list(CLAIMS)
    full = {id for id, claim in CLAIMS.items() if claim.profile == "full"}
    assert full == {f"RK-{n}" for n in (*range(16, 21), 23, 24)}
