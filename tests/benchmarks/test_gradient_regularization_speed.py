"""What a step of each method costs, as a multiple of the plain step in the same process.

Run with ``python -m pytest tests/benchmarks --benchmark-enable``.
"""

import statistics

import pytest
from threadpoolctl import threadpool_limits
from timing import bursts

from refimpl import Rng
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.momentum import Momentum
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_regularization.graph_penalty import GraphPenalty
from refimpl.papers.gradient_regularization.input_noise import InputNoise
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.papers.gradient_regularization.theory.operations import products

BATCH, WIDTHS = 128, (64, 64, 64, 10)
MODEL = MLP(WIDTHS, activation="tanh")
OBJECTIVE = Objective(MODEL)


METHODS = {
    "Tikhonov": ({"penalties": GradientRegularization()}, 1.3 * products(WIDTHS, 10)),
    "total variation": (
        {"penalties": GradientRegularization(power=1)},
        1.3 * products(WIDTHS, 10),
    ),
    "one probe": ({"penalties": GradientRegularization(probes=1)}, 1.3 * products(WIDTHS, 1)),
    "graph": ({"penalties": GraphPenalty()}, 4.0),
    "noise": ({"wrappers": InputNoise()}, 2.0),
}
"""Parts, and the multiple of the plain step that is allowed: 1.3 times the count of products, and
for the last two some half more than was seen on a busy machine."""


@pytest.fixture(scope="module")
def start():
    rng = Rng(0)
    labels = rng.child("y").integers(0, 10, (BATCH,))
    return MODEL.init(rng.child("init")), Batch(rng.child("x").normal((BATCH, 64)), labels)


def step_of(start, **parts):
    params, batch = start
    algorithm = Composition(Momentum(learning_rate=0.05), **parts)
    state = algorithm.init(params, objective=OBJECTIVE)
    return lambda: algorithm.step(state, OBJECTIVE, batch, Rng(1))


def multiple(function, plain, attempts=3):
    """The smallest of some ratios of median times: load from outside can only raise them."""
    found = []
    for _ in range(attempts):
        mine, base = bursts(function, plain, seconds=1.0)
        found.append(statistics.median(mine) / statistics.median(base))
    return min(found)


@pytest.mark.parametrize("name", list(METHODS))
def test_a_step_costs_a_bounded_multiple_of_the_plain_step(name, start):
    parts, allowed = METHODS[name]
    with threadpool_limits(1):
        measured = multiple(step_of(start, **parts), step_of(start))
    print(f"{name}: {measured:.1f} times the plain step (allowed {allowed:.1f})")
    assert measured <= allowed


@pytest.mark.parametrize("power", [1, 2])
def test_the_gradient_by_hand_is_no_slower_than_the_tape(power, start):
    ways = [
        step_of(start, penalties=GradientRegularization(power=power, derivatives=way))
        for way in ("manual", "tape")
    ]
    with threadpool_limits(1):
        ratio = multiple(*ways)
    print(f"power {power}: by hand in {ratio:.2f} of the tape's time")
    assert ratio <= 0.75


def test_time_of_tikhonov(benchmark, start):
    with threadpool_limits(1):
        benchmark(step_of(start, penalties=GradientRegularization()))
