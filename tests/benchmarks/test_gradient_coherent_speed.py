"""What the gate costs: a step behind it against the plain strong step that has no gate.

Both run in one process, in alternating bursts, on one BLAS thread, and the fastest bursts are
compared: whatever else runs on the machine only adds time.
The plain step reports the same diagnostics (norms, coherence, non-zero weights). What those cost
is seen against weight decay, which reports none of them. Run with

    python -m pytest tests/benchmarks --benchmark-enable
"""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits
from timing import bursts

from refimpl import Rng, backend
from refimpl.catalogue import make
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective

CASES = {"digits": ((64, *[64] * 7, 10), 64), "wide": ((256, 256, 256, 10), 128)}


def stepper(name, widths, examples, **hyper):
    place = backend("numpy", "float32")
    model = MLP(widths)
    objective = Objective(model)
    like = place.zeros(())
    batch = Batch(
        Rng(1).normal((examples, widths[0]), like=like), np.arange(examples) % widths[-1], None
    )
    algorithm = make(name, learning_rate=0.01, **hyper)
    state = [algorithm.init(model.init(Rng(0), backend=place))]

    def step():
        state[0], _ = algorithm.step(state[0], objective, batch)

    return step


def ratio(first, second, seconds=4.0):
    """Fastest burst of ``first`` over that of ``second``."""
    one, other = bursts(first, second, seconds=seconds, burst=2)
    return min(one) / min(other)


@pytest.mark.parametrize("case", CASES)
def test_the_gate_costs_a_tenth_of_a_plain_step_at_most(case, benchmark):
    widths, examples = CASES[case]
    gate = stepper("gradient_coherent", widths, examples, strength=0.05)
    plain = stepper("weight_decay", widths, examples, strength=0.05)
    ungated = stepper("strong_regularization", widths, examples, strength=0.05)
    ahead = stepper("gradient_coherent", widths, examples, strength=0.05, criterion="lookahead")
    with threadpool_limits(1):
        found = ratio(gate, ungated)
        bare = ratio(gate, plain)
        benchmark.extra_info["gate / plain step"] = found
        benchmark.extra_info["gate / weight decay without diagnostics"] = bare
        benchmark.extra_info["look-ahead / plain step"] = ratio(ahead, ungated, 2.0)
        benchmark.pedantic(gate, rounds=20)
    print({name: round(value, 3) for name, value in benchmark.extra_info.items()})
    assert found <= 1.1
