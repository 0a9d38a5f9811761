"""What gradient dropout costs: a meta-step with noise against the same step without.

Both run in one process, in alternating bursts, on one BLAS thread, and the fastest bursts are
compared: whatever else runs on the machine only adds time. Drawing K T d numbers is most of it.
Run with

    python -m pytest tests/benchmarks --benchmark-enable
"""

import pytest
from threadpoolctl import threadpool_limits
from timing import bursts

from refimpl import Rng
from refimpl.datasets import load
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout import curvature
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.maml import MAML, MetaSGD

CASES = {
    "sinusoids": ((1, 40, 40, 1), "mean_squared_error"),
    "few-shot-digits": ((64, 32, 3), "softmax_cross_entropy"),
}


def stepper(case, algorithm):
    widths, loss = CASES[case]
    objective = Objective(MLP(widths), loss)
    episode = load(case, rng=Rng(0), training=4).train.batch()
    state = [algorithm.init(objective.model.init(Rng(1), "torch_default")), Rng(2)]

    def step():
        state[0], _ = algorithm.step(state[0], objective, episode, state[1])

    return step


def ratio(first, second, seconds=3.0):
    """Fastest burst of ``first`` over that of ``second``."""
    one, other = bursts(first, second, seconds=seconds, burst=2)
    return min(one) / min(other)


@pytest.mark.parametrize("case", CASES)
def test_a_meta_step_with_noise(case, benchmark):
    plain = stepper(case, MAML())
    noisy = stepper(case, MAML(wrappers=GradientDropout(rate=0.1)))
    gaussian = stepper(case, MAML(wrappers=GradientDropout(rate=0.1, noise="gaussian")))
    first = stepper(case, MAML(order="first"))
    rates = stepper(case, MetaSGD())
    with threadpool_limits(1):
        found = {
            "Bernoulli / plain": ratio(noisy, plain),
            "Gaussian / plain": ratio(gaussian, plain),
            "second order / first": ratio(plain, first),
            "learned rates / one rate": ratio(rates, plain),
        }
        benchmark.extra_info.update(found)
        benchmark.pedantic(noisy, rounds=20)
    print(case, ", ".join(f"{name}: {value:.2f}" for name, value in found.items()))
    assert found["Bernoulli / plain"] <= 3.0
    assert found["second order / first"] <= 3.0


@pytest.mark.parametrize("case", CASES)
def test_the_closed_form_is_faster_than_the_tape(case, monkeypatch):
    closed = stepper(case, MAML())
    inner = stepper(case, MAML())

    def taped():
        with monkeypatch.context() as patch:
            patch.setattr(curvature, "applies", lambda objective: False)
            inner()

    with threadpool_limits(1):
        found = ratio(taped, closed)
    print(f"{case}: tape / closed form {found:.2f}")
    assert found >= 1.3
