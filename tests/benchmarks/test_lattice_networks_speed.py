"""What tailored penalties and the projection cost beside the plain update, and the fast lattice.

Run with ``python -m pytest tests/benchmarks --benchmark-enable``.
"""

import pytest
from threadpoolctl import threadpool_limits
from timing import bursts

from refimpl import Rng, backend
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.models import Objective
from refimpl.papers.lattice_networks.construction import fast_construction, naive_construction
from refimpl.papers.lattice_networks.data import load_lattice_algebraic
from refimpl.papers.lattice_networks.network import SmoothNetwork
from refimpl.papers.lattice_networks.restricted import DecayHinge, DecayProjection
from refimpl.papers.lattice_networks.tailored import TailoredPenalty
from refimpl.papers.lattice_networks.weights import ProductWeights

PARTS = {
    "plain": {},
    "l2": {"penalties": TailoredPenalty(form="l2")},
    "tailored": {"penalties": TailoredPenalty()},
    "hinge": {"penalties": DecayHinge()},
    "projection": {"projections": DecayProjection()},
}


def stepper(parts):
    place = backend("numpy", "float32")
    split = load_lattice_algebraic(rng=Rng(0), backend=place, training=1021, validation=0, test=0)
    model = SmoothNetwork((20, 32, 32, 32, 1))
    objective = Objective(model, "mean_squared_error")
    algorithm = Composition(Adam(learning_rate=1e-3), **parts)
    state = [algorithm.init(model.init(Rng(1), backend=place))]
    batch = split.train.batch()

    def step():
        state[0], _ = algorithm.step(state[0], objective, batch)

    return step


@pytest.mark.parametrize("name", [name for name in PARTS if name != "plain"])
def test_a_part_costs_little_beside_the_step(name, benchmark):
    plain, step = stepper(PARTS["plain"]), stepper(PARTS[name])
    with threadpool_limits(1):
        one, other = bursts(step, plain, seconds=4.0)
        benchmark.pedantic(step, rounds=20)
    ratio = min(one) / min(other)
    benchmark.extra_info["step / plain step"] = ratio
    print(f"{name}: {ratio:.3f} of a plain Adam step (N = 1021, 20-32-32-32-1 swish)")
    assert ratio <= 1.5


def test_the_fast_construction_is_fast():
    weights = ProductWeights(gammas=tuple(j**-2.0 for j in range(1, 6)))
    with threadpool_limits(1):
        fast, naive = bursts(
            lambda: fast_construction(1021, weights),
            lambda: naive_construction(1021, weights),
            seconds=2.0,
        )
    print(f"N = 1021, s = 5: fast {1e3 * min(fast):.2f} ms, naive {1e3 * min(naive):.1f} ms")
    assert min(naive) > 5.0 * min(fast)
