"""What the tape costs: value_and_grad against the same pass written by hand in NumPy.

Both run in one process, alternating, on one BLAS thread, and the medians are compared, so that the
ratio is a property of the code and not of the machine's load. Run with

    python -m pytest tests/benchmarks --benchmark-enable
"""

import statistics

import numpy as np
import pytest
from helpers import assert_close
from threadpoolctl import threadpool_limits
from timing import bursts

from refimpl import Rng, backend
from refimpl.autodiff import value_and_grad
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective

CASES = {
    "deep": ((64, 64, 64, 64, 64, 10), 64, 1.5),
    "wide": ((784, 1000, 10), 128, 1.1),
}


def by_hand(params, inputs, labels):
    """Softmax cross-entropy of a ReLU network and its gradient, as a textbook writes them."""
    signals, sums = [inputs], []
    for layer in params:
        sums.append(signals[-1] @ layer["weight"].T + layer["bias"])
        if len(sums) < len(params):
            signals.append(np.maximum(sums[-1], 0))
    rows = np.arange(len(labels))
    shifted = sums[-1] - sums[-1].max(axis=1, keepdims=True)
    weights = np.exp(shifted)
    total = weights.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - shifted[rows, labels])
    delta = weights / total
    delta[rows, labels] -= 1
    delta /= len(labels)
    gradients = []
    for index in reversed(range(len(params))):
        gradients.append({"weight": delta.T @ signals[index], "bias": delta.sum(axis=0)})
        if index:
            delta = (delta @ params[index]["weight"]) * (sums[index - 1] > 0)
    return loss, gradients[::-1]


def make(widths, examples):
    """The tape's pass and the hand-written one, on the same float32 data, without arguments."""
    place = backend("numpy", "float32")
    model = MLP(widths)
    params = model.init(Rng(0), bias_scale=1.0, backend=place)
    inputs = Rng(1).normal((examples, widths[0]), like=place.zeros(()))
    labels = Rng(2).integers(0, widths[-1], (examples,))
    evaluate = value_and_grad(Objective(model))
    batch = Batch(inputs, labels, None)
    return lambda: evaluate(params, batch), lambda: by_hand(params, inputs, labels)


def ratio(tape, hand):
    """Median time of ``tape`` over that of ``hand``."""
    first, second = bursts(tape, hand, seconds=4.0, burst=5)
    return statistics.median(first) / statistics.median(second)


@pytest.mark.parametrize("case", CASES)
def test_both_passes_agree(case):
    widths, examples, _ = CASES[case]
    tape, hand = make(widths, examples)
    assert_close(tape(), hand(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_ratio_to_hand_written_pass(case):
    widths, examples, target = CASES[case]
    tape, hand = make(widths, examples)
    with threadpool_limits(1):
        # the lowest of three: load from outside can only raise the cost of the smaller calls
        measured = min(ratio(tape, hand) for _ in range(3))
    print(f"{case}: {measured:.2f} times the hand-written pass (target {target})")
    assert measured <= target


@pytest.mark.parametrize("which", ["tape", "hand"])
@pytest.mark.parametrize("case", CASES)
def test_time(benchmark, case, which):
    widths, examples, _ = CASES[case]
    functions = dict(zip(("tape", "hand"), make(widths, examples), strict=True))
    with threadpool_limits(1):
        benchmark(functions[which])
