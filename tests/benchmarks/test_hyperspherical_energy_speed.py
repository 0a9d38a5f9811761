"""What hyperspherical energy costs, as ratios to matrix products measured in the same process.

Run with ``python -m pytest tests/benchmarks --benchmark-enable``.
"""

import statistics
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_limits
from timing import bursts

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.benchmarks import methods
from refimpl.benchmarks.timing import kernels
from refimpl.papers.hyperspherical_energy import energy_gradient
from refimpl.papers.hyperspherical_energy.comhe_random import projected_energy
from refimpl.papers.hyperspherical_energy.common import draw_projections
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy

NEURONS, INPUTS = 256, 2304
PROJECTIONS, DIMENSION = 20, 40
HALF = HypersphericalEnergy(2.0, "half")


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(0).normal(size=(NEURONS, INPUTS)).astype(np.float32)


def medians(functions):
    """Median time of each function, called in turn."""
    times = bursts(*functions.values(), seconds=3.0)
    return dict(zip(functions, map(statistics.median, times), strict=True))


def best(measure, attempts=3):
    """The largest of some ratios: load from outside can only lower them."""
    return max(measure() for _ in range(attempts))


def test_half_space_runs_at_half_the_rate_of_a_matrix_product(weight):
    other = np.ascontiguousarray(weight.T) + 0  # another matrix, so that no symmetry is used

    def efficiency():
        time_of = medians({"energy": lambda: HALF.value_and_gradient(weight), "product": product})
        rate = 2 * INPUTS * NEURONS**2 / time_of["product"]
        return 4 * INPUTS * NEURONS**2 / time_of["energy"] / rate

    def product():
        return weight @ other

    with threadpool_limits(1):
        measured = best(efficiency)
    print(f"energy and gradient: {100 * measured:.0f} % of the matrix-product rate (target 50 %)")
    assert measured >= 0.5


@pytest.mark.parametrize("shape", [(256, 2304), (256, 256), (512, 64)])
@pytest.mark.parametrize("s", [0.0, 1.0, 2.0])
def test_memory_stays_within_a_few_gram_matrices(shape, s):
    neurons, inputs = shape
    weight = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    energy = HypersphericalEnergy(s, "half")
    energy.value_and_gradient(weight)
    tracemalloc.start()
    energy.value_and_gradient(weight)
    numbers = tracemalloc.get_traced_memory()[1] / weight.itemsize
    tracemalloc.stop()
    allowed = 4 * neurons**2 + 3 * neurons * inputs
    print(f"s={s} {shape}: peak {numbers / allowed:.2f} of 4 N^2 + 3 n N numbers")
    if s == 2.0 and shape == (NEURONS, INPUTS):
        assert numbers <= allowed
    assert numbers <= 4 * allowed  # no array of size n N^2, nor one of 2N points


def test_random_projection_costs_little_more_than_its_draws_and_products(weight):
    shape = (PROJECTIONS, DIMENSION, INPUTS)

    def energy():
        projections = draw_projections(Rng(0), shape, weight, 0)
        ad.value_and_grad(lambda w: projected_energy(w, projections, HALF))(weight)

    def floor():
        """The normals, the product there, a Gram matrix and a product each, the product back."""
        projections = draw_projections(Rng(0), shape, weight, 0)
        stacked = projections.reshape(-1, INPUTS)
        images = np.ascontiguousarray(
            (weight @ stacked.T).reshape(NEURONS, PROJECTIONS, DIMENSION).transpose(1, 0, 2)
        )
        for image in images:
            gram = image @ image.T
            gram @ image
        images.transpose(1, 0, 2).reshape(NEURONS, -1) @ stacked

    def inverse_ratio():
        time_of = medians({"energy": energy, "floor": floor})
        return time_of["floor"] / time_of["energy"]

    with threadpool_limits(1):
        measured = 1 / best(inverse_ratio)
    print(f"random projection: {measured:.2f} times its normals and products (target 1.3)")
    assert measured <= 1.3


@pytest.mark.parametrize("shape", [(64, 576), (128, 1152), (256, 2304)])
def test_time(benchmark, shape):
    weight = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    with threadpool_limits(1):
        benchmark(HALF.value_and_gradient, weight)


IN_A_PROCESS = """
import resource, sys
import numpy as np
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy

def held():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

s, space, metric, inputs = float(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
weight, direction = np.random.default_rng(0).normal(size=(2, 32768, inputs))
energy = HypersphericalEnergy(s, space, metric)
before = held()
energy(weight), energy.value_and_gradient(weight), energy.hvp(weight, direction)
print(held() - before)
"""


@pytest.mark.parametrize("metric", ["euclidean", "angular"])
@pytest.mark.parametrize("space", ["full", "half"])
@pytest.mark.parametrize("s", [0.0, 1.0, 2.0])
def test_many_neurons_need_less_than_a_gibibyte(s, space, metric):
    """Value, gradient and Hessian product of 32,768 neurons, of which one N x N matrix is 8 GiB."""
    command = [sys.executable, "-c", IN_A_PROCESS, str(s), space, metric, "64"]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    print(f"s={s} {space} {metric}: {float(found.stdout):.0f} MiB beside weights and direction")
    assert float(found.stdout) < 1024


def test_tiles_pay_from_the_threshold_on():
    weight = np.random.default_rng(0).normal(size=(1024, 64)).astype(np.float32)
    energy = HypersphericalEnergy(1.0, "half")

    def whole():
        return energy_gradient.gradient_of(
            energy_gradient.forward(weight, energy, None, whole=1024)[1]
        )

    def ratio():
        time_of = medians({"tiles": lambda: energy.value_and_gradient(weight), "whole": whole})
        return time_of["whole"] / time_of["tiles"]

    with threadpool_limits(1):
        measured = best(ratio)
    print(f"1024 neurons in tiles: {measured:.1f} times as fast as whole")
    assert measured > 1.5


PENALTIES = [
    ("orthogonality", 1.7), ("srip", 1.8), ("mhe", 1.8), ("comhe_adversarial", 1.9),
    ("hyperspherical_uniformity", 2.0), ("comhe_random", 2.0), ("comhe_angle", 2.1),
    ("comhe_group", 2.1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "most"), PENALTIES)
def test_a_step_costs_little_more_than_its_products_and_draws(name, most):
    """What is asserted is a fifth above what was measured; the aim is 1.3 (SGD itself: 1.15)."""
    with threadpool_limits(1):
        found = min(
            (next(methods.measure([name], seconds=0.3)) for _ in range(3)),
            key=lambda method: method.ratio,
        )
    print(
        f"{name}: {found.ratio:.2f} times its products and draws, "
        f"{found.timing.ratios['sgd'][0]:.1f} steps of SGD, {', '.join(kernels())}"
    )
    assert found.ratio <= most
