"""What ISDA costs, as multiples of the plain update on the same batch in the same process.

Run with ``python -m pytest tests/benchmarks --benchmark-enable``.
"""

import statistics

import numpy as np
import pytest
from threadpoolctl import threadpool_limits
from timing import bursts

from refimpl import Rng
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.papers.isda.isda import ISDA
from refimpl.papers.isda.sampled import SampledISDA
from refimpl.papers.isda.semi_supervised import SemiSupervisedISDA

MODEL = MLP((784, 128, 64, 10))
ALWAYS = {"strength": 0.5, "schedule": "constant"}
TARGETS = {
    "full": (ISDA(**ALWAYS), 2.5),
    "diagonal": (ISDA(covariance="diagonal", **ALWAYS), 2.0),
    "shared": (ISDA(covariance="shared", **ALWAYS), 2.5),
    "identity": (ISDA(covariance="identity", **ALWAYS), 2.0),
    "sampled": (SampledISDA(draws=5, **ALWAYS), 6.0),
    "semi-supervised": (SemiSupervisedISDA(period=2, **ALWAYS), 4.0),
}


def steps(objective, params, batch):
    """A function that takes one step, always from the same state."""
    algorithm = Composition(SGD(learning_rate=0.01))
    state = algorithm.init(params, objective=objective)
    state, _ = algorithm.step(state, objective, batch)
    return lambda: algorithm.step(state, objective, batch)


@pytest.mark.parametrize("name", list(TARGETS))
def test_cost_of_a_step(name):
    loss, target = TARGETS[name]
    params = MODEL.init(Rng(0))
    batch = Batch(Rng(1).normal((128, 784)), Rng(2).integers(0, 10, 128), np.arange(128))
    plain = steps(Objective(MODEL), params, batch)
    mine = steps(loss.objective(MODEL, head=(-1,)), params, batch)

    def ratio():
        first, second = map(statistics.median, bursts(plain, mine, seconds=2.0))
        return second / first

    with threadpool_limits(1):
        measured = min(ratio() for _ in range(3))
    print(f"{name}: {measured:.2f} times a step of plain cross-entropy (target {target:g})")
    assert measured <= target
