"""What AMP, SAM and random perturbation cost, as multiples of the plain update's step.

All run in one thread, turn about, and the least CPU times are compared, to which other work on the
machine adds little. N inner steps take N + 1 gradients; what is beyond that is projection, shifting
and the look for numbers that are not finite. Run with

    python -m pytest tests/benchmarks --benchmark-enable
"""

import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from refimpl import Rng, backend, catalogue
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective

CASES = {"digits": ((64, 128, 128, 10), 50, 300), "wide": ((784, 256, 256, 10), 128, 60)}
"""Widths, examples, and how often each step is taken."""

LIMITS = {"digits": 0.9, "wide": 0.6}
"""Of what a wrapper adds beyond its gradients, in plain steps."""


def stepper(name, widths, examples, **hyper):
    place = backend("numpy", "float32")
    model = MLP(widths)
    objective = Objective(model)
    inputs = Rng(1).normal((examples, widths[0]), like=place.zeros(()))
    batch = Batch(inputs, np.arange(examples) % widths[-1], None)
    algorithm = catalogue.make(name, learning_rate=0.01, **hyper)
    state = [algorithm.init(model.init(Rng(0), backend=place))]

    def step():
        state[0], _ = algorithm.step(state[0], objective, batch, Rng(2))

    return step


def fastest(steps, turns):
    """The least CPU seconds of each step."""
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(turns):
        for name, step in steps.items():
            begin = time.thread_time()
            step()
            best[name] = min(best[name], time.thread_time() - begin)
    return best


@pytest.mark.parametrize("case", CASES)
def test_a_step_costs_little_more_than_its_gradients(case, benchmark):
    widths, examples, turns = CASES[case]
    gradients = {"amp": 2, "amp, one ball": 2, "amp, 2 inner steps": 3, "sam": 2, "random": 1}
    steps = {
        "plain": stepper("nesterov", widths, examples),
        "amp": stepper("amp", widths, examples),
        "amp, one ball": stepper("amp", widths, examples, norm="global"),
        "amp, 2 inner steps": stepper("amp", widths, examples, inner_steps=2),
        "sam": stepper("sam", widths, examples),
        "random": stepper("random_perturbation", widths, examples),
    }
    with threadpool_limits(1):
        seconds = fastest(steps, turns)
        benchmark.pedantic(steps["amp"], rounds=20)
    multiples = {name: seconds[name] / seconds["plain"] for name in gradients}
    benchmark.extra_info.update({f"{name} / plain step": m for name, m in multiples.items()})
    print({name: round(value, 2) for name, value in multiples.items()})
    beyond = {name: multiples[name] - count for name, count in gradients.items()}
    drawn = beyond.pop("random")
    assert max(beyond.values()) <= LIMITS[case]
    assert drawn <= 2.0 * LIMITS[case]  # a uniform draw of every entry, made on the host
