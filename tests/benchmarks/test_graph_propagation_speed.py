"""What a step of propagation costs beside a plain Adam step through the same network.

Run with ``python -m pytest tests/benchmarks --benchmark-enable``.
"""

import pytest
from threadpoolctl import threadpool_limits
from timing import bursts

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.base import descend, start
from refimpl.models import Objective
from refimpl.papers.graph_propagation.data import load_karate
from refimpl.papers.graph_propagation.fixed_point_learning import FixedPointLearning
from refimpl.papers.graph_propagation.lagrangian import loss_of
from refimpl.papers.graph_propagation.network import GraphNetwork
from refimpl.papers.graph_propagation.propagation import ConstraintPropagation

METHODS = {
    "simultaneous": ConstraintPropagation(),
    "alternating": ConstraintPropagation(order="alternating"),
    "unrolled, 13 sweeps": FixedPointLearning(sweeps=13),
}


def problem():
    batch = load_karate(rng=Rng(0)).train.batch()
    objective = Objective(GraphNetwork((34, 7, 4)), "softmax_cross_entropy")
    return batch, objective, objective.model.init(Rng(1), scale=0.1)


def stepper(algorithm):
    batch, objective, params = problem()
    state = [algorithm.init(params, batch, objective)]

    def step():
        state[0], _ = algorithm.step(state[0], objective, batch)

    return step


def plain():
    """One sweep from states of 0, differentiated, and a step of Adam."""
    batch, objective, params = problem()
    zeros, update = objective.model.zeros(batch.graph), Adam()
    state = [start(update, params)]

    def loss(theta):
        new = objective.model.transition(theta, zeros, batch.graph)
        return loss_of(objective, theta, new[-1], batch)

    def step():
        state[0] = descend(update, state[0], ad.grad(loss)(state[0].params))

    return step


@pytest.mark.parametrize("name", METHODS)
def test_a_step_beside_one_sweep(name, benchmark):
    step, other = stepper(METHODS[name]), plain()
    with threadpool_limits(1):
        mine, theirs = bursts(step, other, seconds=3.0)
        benchmark.pedantic(step, rounds=20)
    ratio = min(mine) / min(theirs)
    benchmark.extra_info["step / plain step"] = ratio
    print(f"{name}: {ratio:.2f} of a plain Adam step through one sweep (karate, 10 states a node)")
    assert ratio <= (20.0 if "sweeps" in name else 6.0)
