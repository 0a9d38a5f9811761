"""BoolNet: the cost of a step beside the plain network's, and packed inference beside float32.

Run with ``python -m pytest tests/benchmarks --benchmark-enable``.
"""

import math
import statistics

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits
from timing import bursts

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.packed import PackedNetwork
from refimpl.papers.boolnet.statistics import binary_layers, recalibrate

TARGETS = {
    "one slice": ({}, 3.5),
    "local shift": ({"local_shift": 3}, 4.0),
    "statistics of the pass": ({"statistics": "training"}, 3.0),
    "four slices": ({"slices": 4}, 6.5),
}


def stepper(model, objective):
    algorithm = Composition(Adam(learning_rate=1e-3))
    batch = Batch(Rng(1).normal((128, 784)), Rng(2).integers(0, 10, 128), np.arange(128))
    state = algorithm.init(model.init(Rng(0)), objective=objective)
    state, _ = algorithm.step(state, objective, batch)
    return lambda: algorithm.step(state, objective, batch)


@pytest.mark.parametrize("name", list(TARGETS))
def test_cost_of_a_step(name):
    form, target = TARGETS[name]
    network, model = MLP((784, 256, 256, 256, 256, 256, 10)), BoolNet((784, 256, 10), **form)
    plain, mine = stepper(network, Objective(network)), stepper(model, model.objective())

    def ratio():
        first, second = map(statistics.median, bursts(plain, mine, seconds=2.0))
        return second / first

    with threadpool_limits(1):
        measured = min(ratio() for _ in range(3))
    print(f"{name}: {measured:.2f} times a step of a dense network (target {target:g})")
    assert measured <= target


def test_packed_inference_in_memory_and_speed():
    """784-4096x3-10: a stem, then a block of two binary layers, in one run with float32."""
    model = BoolNet((784, 4096, 10), blocks=1)
    params = ad.map_tree(lambda leaf: leaf.astype(np.float32), model.init(Rng(0)))
    inputs = Rng(1).normal((64, 784)).astype(np.float32)
    params = recalibrate(model, params, inputs)
    packed = PackedNetwork(model, params)
    dense = [np.sign(layer["weight"]) for layer in binary_layers(params)]
    floats = sum(4 * math.prod(weight.shape) for weight in dense)
    network = MLP((784, 4096, 4096, 4096, 10))
    weights = ad.map_tree(lambda leaf: leaf.astype(np.float32), network.init(Rng(2)))
    with threadpool_limits(1):
        assert np.array_equal(packed(inputs), model(params, inputs))
        graph, mine = map(
            statistics.median,
            bursts(lambda: model(params, inputs), lambda: packed(inputs), seconds=2.0),
        )
        plain, again = map(
            statistics.median,
            bursts(lambda: network(weights, inputs), lambda: packed(inputs), seconds=2.0),
        )
    kernels = {pool["architecture"] for pool in threadpool_info() if "architecture" in pool}
    print(
        f"BLAS kernels {', '.join(sorted(kernels)) or 'unknown'}, one thread: "
        f"{floats / 2**20:.0f} MiB of float32 weights, {packed.nbytes / 2**20:.0f} MiB packed; "
        "64 examples in "
        f"{1e3 * again:.0f} ms packed, {1e3 * plain:.0f} ms by a float32 network, "
        f"{1e3 * graph:.0f} ms by the float graph"
    )
    print(
        f"packed: {floats / packed.nbytes:.0f} times less memory for binary weights; 64 examples "
        f"{plain / again:.2f} times as fast as a float32 network of these widths, "
        f"{graph / mine:.2f} times as fast as the float graph, which takes signs in each call"
    )
    assert packed.nbytes * 32 == floats
