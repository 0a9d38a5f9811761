"""What a step of each method costs, as a multiple of the plain step in the same process.

Run with ``python -m pytest tests/benchmarks --benchmark-enable``.
"""

import statistics

import pytest
from threadpoolctl import threadpool_limits
from timing import bursts

from refimpl import Rng
from refimpl.algorithms.adversarial_training import AdversarialTraining
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.loss_gradient import LossGradient
from refimpl.algorithms.momentum import Momentum
from refimpl.datasets import Batch
from refimpl.models import Objective
from refimpl.papers.rkhs_norm.adversarial_norm import AdversarialNorm
from refimpl.papers.rkhs_norm.averaged import AveragedGradient
from refimpl.papers.rkhs_norm.gradient_norm import GradientNorm
from refimpl.papers.rkhs_norm.normalized import NormalizedMLP
from refimpl.papers.rkhs_norm.spectral_penalty import SpectralPenalty
from refimpl.papers.rkhs_norm.spectral_projection import SpectralProjection

BATCH, WIDTHS = 128, (784, 128, 128, 10)
MODEL = NormalizedMLP(WIDTHS)
OBJECTIVE = Objective(MODEL)

METHODS = {
    "gradient norm": ({"penalties": GradientNorm(strength=0.01)}, 6.0),
    "loss gradient": ({"penalties": LossGradient(strength=0.01)}, 6.0),
    "Tikhonov": ({"penalties": AveragedGradient(strength=0.01)}, 23.0),
    "adversarial norm": ({"penalties": AdversarialNorm(radius=0.1)}, 80.0),
    "spectral penalty": ({"penalties": SpectralPenalty()}, 2.5),
    "spectral projection": ({"projections": SpectralProjection(limit=1.2)}, 10.0),
    "adversarial training": ({"wrappers": AdversarialTraining(radius=0.5)}, 12.0),
}
"""Parts, and the multiple of the plain step that is allowed, some twice of what was seen."""


@pytest.fixture(scope="module")
def start():
    rng = Rng(0)
    params = MODEL.init(rng.child("init"), "torch_default", bias_scale=1.0)
    labels = rng.child("y").integers(0, 10, (BATCH,))
    return params, Batch(rng.child("x").uniform((BATCH, WIDTHS[0])), labels)


def step_of(start, **parts):
    params, batch = start
    algorithm = Composition(Momentum(learning_rate=0.05), **parts)
    state = algorithm.init(params)
    return lambda: algorithm.step(state, OBJECTIVE, batch)


def multiple(function, plain, attempts=3):
    """The smallest of some ratios of median times: load from outside can only raise them."""
    found = []
    for _ in range(attempts):
        mine, base = bursts(function, plain, seconds=1.5)
        found.append(statistics.median(mine) / statistics.median(base))
    return min(found)


@pytest.mark.parametrize("name", list(METHODS))
def test_a_step_costs_a_bounded_multiple_of_the_plain_step(name, start):
    parts, allowed = METHODS[name]
    with threadpool_limits(1):
        measured = multiple(step_of(start, **parts), step_of(start))
    print(f"{name}: {measured:.1f} times the plain step (allowed {allowed:g})")
    assert measured <= allowed


@pytest.mark.parametrize("kind", [GradientNorm, LossGradient, AveragedGradient])
def test_the_closed_form_is_no_slower_than_the_tape(kind, start):
    closed = step_of(start, penalties=kind(strength=0.01, derivatives="closed_form"))
    taped = step_of(start, penalties=kind(strength=0.01, derivatives="tape"))
    with threadpool_limits(1):
        ratio = multiple(closed, taped)
    print(f"{kind.__name__}: closed form in {ratio:.2f} of the tape's time")
    assert ratio <= 1.1


def test_time_of_the_gradient_norm(benchmark, start):
    with threadpool_limits(1):
        benchmark(step_of(start, penalties=GradientNorm(strength=0.01)))
