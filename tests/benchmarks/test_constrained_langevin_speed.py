"""What a constrained step costs, in matrix products and in momentum steps.

Both sides of a ratio run in one process, alternating, on one BLAS thread; the medians of their
processor times are compared, so that other load does not count. The gradient is of a linear loss
and is counted. Run with

    python -m pytest tests/benchmarks/test_constrained_langevin_speed.py --benchmark-enable -s
"""

import statistics
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from refimpl import autodiff as ad
from refimpl.algorithms.momentum import Momentum
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud

REPEATS = 50
DTYPES = [np.float64, np.float32]


def medians(*functions):
    """Median processor time of each function in seconds, over alternating calls."""
    times = [[] for _ in functions]
    with threadpool_limits(1):
        for _ in range(REPEATS):
            for function, kept in zip(functions, times, strict=True):
                begun = time.process_time()
                function()
                kept.append(time.process_time() - begun)
    return [statistics.median(kept) for kept in times]


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_orthogonal_step_costs_at_most_sixteen_products(dtype):
    """512 x 256, increments of spectral norm 0.05 down to 0.045, converged to rounding."""
    rng = np.random.default_rng(0)
    weight = np.linalg.qr(rng.standard_normal((512, 256)))[0].astype(dtype)
    slope = rng.standard_normal((512, 256)).astype(dtype)
    slope /= np.linalg.norm(slope, 2)
    h = 0.2346

    def linear(params, batch):
        return ad.sum(params[0] * slope)

    # A friction that forgets, so that every increment is h² times the tangent gradient.
    algorithm = OCoLAud(step_size=h, friction=200.0, splitting="OBA", free_first=False)
    state = algorithm.init([weight])
    for _ in range(2):
        state, info = algorithm.step(state, linear, None)
    size = h * np.linalg.norm(state.momenta[0], 2)
    assert 0.045 <= size <= 0.05
    assert float(info.residual) <= 4.0 * np.sqrt(512) * np.finfo(dtype).eps
    left = rng.standard_normal((256, 512)).astype(dtype)
    right = rng.standard_normal((512, 256)).astype(dtype)
    step, product = medians(lambda: algorithm.step(state, linear, None), lambda: left @ right)
    print(f"\n{np.dtype(dtype)}: {step / product:.1f} products, {info.iterations} iterations")
    assert step / product <= 16.0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factory", [CCoLAud, CCoLAod])
def test_a_circle_step_costs_at_most_three_momentum_steps_and_its_trigonometry(factory, dtype):
    rng = np.random.default_rng(1)
    weight = rng.uniform(-0.5, 0.5, (1000, 1000)).astype(dtype)
    slope = (0.01 * rng.standard_normal((1000, 1000))).astype(dtype)

    def linear(params, batch):
        return ad.sum(params[0] * slope)

    momentum, circle = Momentum(learning_rate=0.1), factory()
    plain, _ = momentum.step(momentum.init([weight]), linear, None)
    state, _ = circle.step(circle.init([weight]), linear, None)
    phi = state.angles[0]

    def trigonometry():
        if factory is CCoLAod:
            np.atan2(slope, weight)
        return np.sin(phi), np.cos(phi)

    base, step, functions = medians(
        lambda: momentum.step(plain, linear, None),
        lambda: circle.step(state, linear, None),
        trigonometry,
    )
    print(
        f"\n{factory.__name__} {np.dtype(dtype)}: {(step - functions) / base:.2f} momentum steps, "
        f"and trigonometry worth {functions / base:.2f}"
    )
    assert step - functions <= 3.0 * base
