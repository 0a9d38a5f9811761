"""What exactness costs: a Metropolis-exact step beside the unadjusted one, and many chains at once.

Both sides of a ratio run in one process, alternating, on one BLAS thread; the medians of their
processor times are compared. Run with

    python -m pytest tests/benchmarks/test_constrained_sampling_speed.py --benchmark-enable -s
"""

import statistics
import time

import numpy as np
from threadpoolctl import threadpool_limits

from refimpl import autodiff as ad
from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.random import Rng


def medians(repeats, *functions):
    """Median processor time of each function in seconds, over alternating calls."""
    times = [[] for _ in functions]
    with threadpool_limits(1):
        for _ in range(repeats):
            for function, kept in zip(functions, times, strict=True):
                begun = time.process_time()
                function()
                kept.append(time.process_time() - begun)
    return [statistics.median(kept) for kept in times]


def test_an_exact_step_costs_at_most_two_and_a_half_unadjusted_ones():
    """512 x 128 with a network-sized gradient of four products; one drift between two tests."""
    rng = np.random.default_rng(0)
    weight = np.linalg.qr(rng.standard_normal((512, 128)))[0]
    slope = 1e-3 * rng.standard_normal((512, 128))
    inputs = rng.standard_normal((512, 512)) / 512

    def objective(params, batch):
        return ad.sum(params[0] * slope) + ad.sum((inputs @ params[0]) ** 2)

    unadjusted = OCoLAud(step_size=0.05, temperature=1e-4, free_first=False)
    exact = ConstrainedHMC(
        step_size=0.05, leapfrog_steps=1, refreshment="partial", temperature=1e-4, free_first=False
    )
    plain, state = unadjusted.init([weight], Rng(0)), exact.init([weight], Rng(0))
    plain, _ = unadjusted.step(plain, objective, None, Rng(1))
    state, info = exact.step(state, objective, None, Rng(1))
    assert not info.unsolved and not info.irreversible
    base, step = medians(
        20,
        lambda: unadjusted.step(plain, objective, None, Rng(2)),
        lambda: exact.step(state, objective, None, Rng(2)),
    )
    print(f"\n{step / base:.2f} steps of o_cola_ud")
    assert step <= 2.5 * base


def test_ten_thousand_chains_are_at_least_twenty_times_as_fast_as_a_loop():
    """St(4, 2); a loop over chains is timed on 40 of them."""
    tilt = np.zeros((4, 2))
    tilt[0, 0], tilt[1, 1] = 2.0, 1.0
    algorithm = ConstrainedHMC(step_size=0.3, leapfrog_steps=1, temperature=1.0, free_first=False)
    many = algorithm.many()
    start = np.stack([np.eye(4, 2)] * 10_000)
    state, _ = many.step(many.init([start]), lambda q: -ad.sum(q[0] * tilt, axis=(1, 2)), Rng(0))
    alone = algorithm.init([start[0]])
    alone, _ = algorithm.step(alone, lambda q, batch: -ad.sum(q[0] * tilt), None, Rng(0))

    def loop():
        for k in range(40):
            algorithm.step(alone, lambda q, batch: -ad.sum(q[0] * tilt), None, Rng(k))

    together, apart = medians(
        5,
        lambda: many.step(state, lambda q: -ad.sum(q[0] * tilt, axis=(1, 2)), Rng(1)),
        loop,
    )
    speed = (apart / 40) / (together / 10_000)
    print(f"\n{speed:.0f} times the speed of a loop")
    assert speed >= 20.0
