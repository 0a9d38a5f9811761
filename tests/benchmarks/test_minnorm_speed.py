"""What Minnorm's multipliers cost: its step against SGD's, in one process, on one BLAS thread.

python -m pytest tests/benchmarks/test_minnorm_speed.py --benchmark-enable -s
"""

import statistics

import pytest
from threadpoolctl import threadpool_limits
from timing import bursts

from refimpl import Rng, backend
from refimpl.algorithms.sgd import SGD
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.training import stepper

TARGET = 1.15
CONSTRAINTS = ("equality", "one_vs_rest", "crammer_singer", "loss")


def steps(constraint, dtype, examples):
    """One SGD step and one Minnorm step on 784-256-10 and a batch of 128, without arguments."""
    place = backend("numpy", dtype)
    objective = Objective(MLP((784, 256, 10)))
    params = objective.model.init(Rng(0), backend=place)
    inputs = Rng(1).normal((examples, 784), like=place.zeros(()))
    labels = place.asarray(Rng(2).integers(0, 10, (examples,)))
    chosen = Rng(3).permutation(examples)[:128]
    batch = Batch(inputs[chosen], labels[chosen], chosen)
    plain = SGD(learning_rate=1e-3)
    held = Minnorm(constraint=constraint, learning_rate=1e-5, multiplier_rate=1e-5)
    first = plain.init(params)
    second = held.init(params, Batch(inputs, labels), objective)
    return (
        lambda: plain.step(first, objective, batch),
        lambda: held.step(second, objective, batch),
    )


def runs(dtype, examples):
    """The next step of a run."""
    place = backend("numpy", dtype)
    objective = Objective(MLP((784, 256, 10)))
    inputs = Rng(1).normal((examples, 784), like=place.zeros(()))
    data = Batch(inputs, place.asarray(Rng(2).integers(0, 10, (examples,))))
    held = Minnorm(learning_rate=1e-5, multiplier_rate=1e-5)
    params = objective.model.init(Rng(0), backend=place)
    steps = stepper(held, objective, params, init_kwargs={"training": data})
    chosen = Rng(3).permutation(examples)[:128]
    batch = Batch(inputs[chosen], data.targets[chosen], chosen)
    return (lambda: steps.step(batch),)


def ratio(plain, held):
    """Median time of ``held`` over that of ``plain``."""
    first, second = bursts(plain, held, seconds=3.0, burst=3)
    return statistics.median(second) / statistics.median(first)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_ratio_to_sgd(constraint):
    with threadpool_limits(1):
        # the lowest of three: load from outside can only raise the cost of the smaller calls
        measured = min(ratio(*steps(constraint, "float64", 1280)) for _ in range(3))
    print(f"{constraint}: {measured:.3f} times an SGD step (target {TARGET})")
    assert measured <= TARGET


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_multipliers_of_a_large_set_cost_a_run_nothing(dtype):
    """60000 x 10 multipliers are copied by a pure step; those of a run take turns."""
    with threadpool_limits(1):
        measured = min(ratio(*runs(dtype, 1280), *runs(dtype, 60_000)) for _ in range(3))
    print(f"{dtype}: a step with 60000 examples costs {measured:.3f} times one with 1280")
    assert measured <= 1.1
