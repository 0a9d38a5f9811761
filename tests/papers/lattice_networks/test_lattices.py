"""Lattices: points, shifts, orders, worst-case errors and constructions against plain loops."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng, backend
from refimpl.errors import SettingError
from refimpl.papers.lattice_networks.construction import (
    fast_construction,
    is_prime,
    naive_construction,
    primitive_root,
)
from refimpl.papers.lattice_networks.embedded import KUO, embedded_lattice
from refimpl.papers.lattice_networks.lattices import Lattice, fibonacci_lattice, tent_map
from refimpl.papers.lattice_networks.theory import lattices as theory
from refimpl.papers.lattice_networks.weights import (
    PODWeights,
    ProductWeights,
    weights_for_decay,
)
from refimpl.papers.lattice_networks.worst_case import (
    Kernel,
    KernelSum,
    squared_error,
    worst_case_error,
)

PRIMES = st.sampled_from([5, 7, 13, 31, 61])


def plain_error(size, vector, weight_of, omega):
    """e² by a loop over points and subsets."""
    total = 0.0
    for k in range(size):
        values = [omega((k * z % size) / size) for z in vector]
        for count in range(1, len(vector) + 1):
            for chosen in itertools.combinations(range(len(vector)), count):
                term = weight_of([j + 1 for j in chosen])
                for j in chosen:
                    term *= values[j]
                total += term
    return total / size


@given(size=PRIMES, seed=st.integers(0, 2**31), dimension=st.integers(1, 4))
def test_means_of_characters_see_the_dual_lattice(size, seed, dimension):
    rng = np.random.default_rng(seed)
    vector = rng.integers(1, size, dimension)
    lattice = Lattice(size=size, vector=vector, shift=rng.random(dimension))
    points = lattice.points()
    for h in rng.integers(-4, 5, (20, dimension)):
        mean = np.exp(2j * np.pi * points @ h).mean()
        inside = int(h @ vector) % size == 0
        expected = np.exp(2j * np.pi * h @ np.array(lattice.shift)) if inside else 0.0
        assert abs(mean - expected) < 1e-12
        assert lattice.in_dual(h) == inside


def test_points_are_exact_multiples_and_shifts_wrap():
    lattice = Lattice(size=7, vector=(1, 3))
    exact = [[k / 7, (3 * k % 7) / 7] for k in range(7)]
    assert lattice.points().tolist() == exact
    moved = Lattice(size=7, vector=(1, 3), shift=(0.95, 0.5)).points()
    expected = [[(a + 0.95) % 1.0, (b + 0.5) % 1.0] for a, b in exact]
    np.testing.assert_allclose(moved, expected, atol=1e-15)
    assert moved.max() < 1.0
    assert lattice.points(3).tolist() == exact[:3]
    shifted = lattice.shifted(Rng(0))
    assert shifted == lattice.shifted(Rng(0)) and shifted != lattice.shifted(Rng(1))
    assert len(shifted.shift) == 2


def test_points_survive_float32_beyond_2_to_24():
    """k z / N would round in float32; the points are rounded once, from exact numerators."""
    size = 2**25 + 35  # not a power of two
    lattice = Lattice(size=size, vector=(size - 2,), degenerate=True)
    few = lattice.points(4, backend=backend("numpy", "float32"))
    assert few.dtype == np.float32
    exact = np.array([(k * (size - 2) % size) / size for k in range(4)])
    assert np.array_equal(few[:, 0], exact.astype(np.float32))


def test_points_reach_every_backend(xb):
    points = Lattice(size=5, vector=(1, 2), shift=(0.25, 0.5)).points(backend=xb, tent=True)
    assert points.dtype == xb.dtype and tuple(points.shape) == (5, 2)


def test_tent_map_folds_in_the_middle():
    x = np.linspace(0.0, 1.0, 11)
    assert np.allclose(tent_map(x), np.where(x < 0.5, 2 * x, 2 - 2 * x), atol=1e-15)
    lattice = Lattice(size=5, vector=(1,), shift=(0.1,))
    folded = [1 - abs(2 * v - 1) for v in lattice.points()[:, 0]]
    assert np.allclose(lattice.points(tent=True)[:, 0], folded)


def test_van_der_corput_order_embeds_and_natural_order_does_not():
    large = embedded_lattice(6, dimension=5)
    for power in range(1, 6):
        small = embedded_lattice(power, dimension=5)
        assert np.array_equal(small.points(), large.points(2**power))
        natural = embedded_lattice(power, dimension=5, order="natural").points()
        assert sorted(map(tuple, natural)) == sorted(map(tuple, small.points()))
    assert not np.array_equal(
        embedded_lattice(6, order="natural").points(4),
        embedded_lattice(2, order="natural").points(),
    )
    first = large.points(8)[:, 0]
    assert first.tolist() == [0, 0.5, 0.25, 0.75, 0.125, 0.625, 0.375, 0.875]
    assert large.vector == tuple(z % 64 for z in KUO[:5])
    assert embedded_lattice(3, dimension=1, shift=(0.5,)).points()[0, 0] == 0.5


def test_fibonacci_numbers():
    assert [fibonacci_lattice(m).size for m in range(4, 10)] == [3, 5, 8, 13, 21, 34]
    assert fibonacci_lattice(10, shift=(0.5, 0.5)).vector == (1, 34)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 8, "vector": (1, 4)}, "factor 4.*j=2"),
        ({"size": 8, "vector": (1, 8)}, "outside 1 .. N-1.*j=2"),
        ({"size": 8, "vector": (0,)}, "outside.*j=1"),
        ({"size": 5, "vector": ()}, "at least one"),
        ({"size": 5, "vector": (1,), "shift": (1.0,)}, "shift lies in"),
        ({"size": 5, "vector": (1,), "shift": (0.1, 0.2)}, "another length"),
        ({"size": 6, "vector": (1,), "order": "van_der_corput"}, "power of 2"),
        ({"size": 1, "vector": (1,)}, "size"),
    ],
)
def test_bad_lattices_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Lattice(**settings)


def test_limits_of_lattices():
    assert Lattice(size=8, vector=(1, 4), degenerate=True).points().shape == (8, 2)
    assert len(set(Lattice(size=8, vector=(4,), degenerate=True).points()[:, 0])) == 2
    assert Lattice.reduced(7, (2**80,)).vector == (2**80 % 7,)
    with pytest.raises(SettingError, match="N points"):
        Lattice(size=5, vector=(1,)).points(6)
    with pytest.raises(SettingError, match="overflow"):
        Lattice(size=2**62, vector=(2**61 + 1,)).points(2)
    with pytest.raises(SettingError, match="20 entries"):
        embedded_lattice(21)
    with pytest.raises(SettingError, match="20 entries"):
        embedded_lattice(3, dimension=21)


# --- worst-case errors ----------------------------------------------------------------------------

OMEGAS = {
    Kernel(): lambda x: 2 * math.pi**2 * (x * x - x + 1 / 6),
    Kernel(smoothness=2): lambda x: -((2 * math.pi) ** 4) / 24 * (x**4 - 2 * x**3 + x**2 - 1 / 30),
    Kernel(space="sobolev"): lambda x: x * x - x + 1 / 6,
}


@pytest.mark.parametrize("kernel", OMEGAS)
def test_squared_errors_against_subsets(kernel):
    gammas = (0.9, 0.4, 0.7)
    orders = (1.5, 0.3, 2.0)
    lattice = Lattice(size=11, vector=(1, 4, 3))
    for weights in (ProductWeights(gammas=gammas), PODWeights(gammas=gammas, orders=orders)):
        expected = plain_error(11, (1, 4, 3), weights.of, OMEGAS[kernel])
        found = squared_error(lattice, weights, kernel)
        assert abs(found - expected) < 1e-13 * weights.of((1, 2, 3)) * 1e4
        shifted = Lattice(size=11, vector=(1, 4, 3), shift=(0.2, 0.5, 0.6))
        assert squared_error(shifted, weights, kernel) == found
        assert math.isclose(worst_case_error(lattice, weights, kernel) ** 2, found)


@pytest.mark.parametrize("smoothness", [1, 2])
def test_kernel_is_its_fourier_series(smoothness):
    x = 0.37
    terms = [2 * math.cos(2 * math.pi * h * x) / h ** (2 * smoothness) for h in range(1, 20000)]
    found = float(Kernel(smoothness=smoothness)(np.array(x)))
    assert abs(found - math.fsum(terms)) < 1e-8


def test_dual_sum_and_kernel_agree():
    weights = ProductWeights(gammas=(0.5, 2.0))
    exact = theory.dual_sum(13, (1, 5), (0.5, 2.0), 2, 150)
    found = squared_error(Lattice(size=13, vector=(1, 5)), weights, Kernel(smoothness=2))
    assert 0.0 < found - exact < 3e-5 * found  # what lies beyond the cut


@pytest.mark.parametrize("largest", [5, 6, 7, 8])
def test_the_dual_sum_ends_at_the_largest_frequency_of_both_signs(largest):
    """By hand: of the lattice {0, 1/3, 2/3} it is the multiples of 3, of (1, 1) / 2 even h + k."""
    one = 2 * (1 / 9 + (largest >= 6) / 36)
    assert math.isclose(theory.dual_sum(3, (1,), (0.5,), 1, largest), 0.5 * one)
    odd = 2 * math.fsum(1.0 / h**2 for h in range(1, largest + 1, 2))
    even = 2 * math.fsum(1.0 / h**2 for h in range(2, largest + 1, 2))
    both = (0.5 + 3.0) * even + 0.5 * 3.0 * (odd**2 + even**2)
    assert math.isclose(theory.dual_sum(2, (1, 1), (0.5, 3.0), 1, largest), both)


@pytest.mark.parametrize(("smoothness", "gamma"), [(1, 0.4), (2, 3.0), (3, 0.4)])
def test_the_error_in_one_dimension_is_a_sum_over_multiples(smoothness, gamma):
    """What lies beyond the cut H is below H^{1 − 2α} / (2α − 1) times two."""
    cut = 2000
    terms = [2 * gamma / (5.0 * h) ** (2 * smoothness) for h in range(1, cut + 1)]
    beyond = 2 * gamma * cut ** (1 - 2 * smoothness) / (2 * smoothness - 1) / 25**smoothness
    found = theory.one_dimensional_error(5, smoothness, gamma)
    assert -1e-15 <= found - math.fsum(terms) <= beyond + 1e-15


def test_product_weights_are_pod_weights_of_constant_order():
    gammas = tuple(0.6**j for j in range(6))
    lattice = Lattice(size=31, vector=(1, 12, 3, 7, 7, 7))
    product = squared_error(lattice, ProductWeights(gammas=gammas))
    pod = squared_error(lattice, PODWeights(gammas=gammas, orders=(1.0,) * 6))
    assert math.isclose(product, pod, rel_tol=1e-12)


def test_root_clips_rounding_and_refuses_more():
    one = ProductWeights(gammas=(1.0,))
    large = Lattice(size=4001, vector=(1,))
    raw = squared_error(large, one, Kernel(smoothness=2))
    assert abs(raw) < 1e-10
    assert worst_case_error(large, one, Kernel(smoothness=2)) == math.sqrt(max(raw, 0.0))


def test_negative_beyond_rounding_is_an_error(monkeypatch):
    monkeypatch.setattr(KernelSum, "squared_error", lambda self: -1e-6)
    with pytest.raises(SettingError, match="negative beyond rounding"):
        worst_case_error(Lattice(size=5, vector=(1,)), ProductWeights(gammas=(1.0,)))


def test_more_coordinates_than_weights():
    with pytest.raises(SettingError, match="more coordinates than weights"):
        squared_error(Lattice(size=5, vector=(1, 2)), ProductWeights(gammas=(1.0,)))


@pytest.mark.parametrize("kind", [ProductWeights, PODWeights])
def test_bad_weights(kind):
    extra = {"orders": (1.0, 1.0)} if kind is PODWeights else {}
    for wrong in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(SettingError, match="j=2"):
            kind(gammas=(1.0, wrong), **extra)
    with pytest.raises(SettingError, match="smoothness"):
        Kernel(smoothness=3)
    with pytest.raises(SettingError, match="smoothness"):
        Kernel(smoothness=2, space="sobolev")


def test_weights_for_decay_follow_the_recalled_form():
    decay, exponent = (0.5, 0.2, 0.1), 0.75
    weights = weights_for_decay(decay, smoothness=1, exponent=exponent)
    zeta = sum(1.0 / n**1.5 for n in range(1, 200000)) + 2.0 / math.sqrt(200000)
    for chosen in ((1,), (2, 3), (1, 2, 3)):
        base = math.factorial(len(chosen) + 1) * math.prod(
            decay[j - 1] / math.sqrt(2 * zeta) for j in chosen
        )
        assert math.isclose(weights.of(chosen), base ** (2 / (1 + exponent)), rel_tol=1e-6)
    assert weights.of(()) == 1.0
    with pytest.raises(SettingError, match="exponent"):
        weights_for_decay(decay, exponent=0.5)
    assert weights_for_decay(decay, smoothness=2, exponent=0.5).gammas[0] > 0.0


# --- construction ---------------------------------------------------------------------------------


def plain_construction(size, gammas, omega):
    """Greedy, with the whole error at every candidate and the tie rule."""
    vector = []
    for j in range(len(gammas)):
        errors = {}
        for c in [1] if j == 0 else range(1, size):
            if math.gcd(c, size) == 1:
                trial = [*vector, c]
                product = [
                    math.prod(1 + g * omega((k * z % size) / size) for g, z in zip(gammas, trial))  # noqa: B905
                    for k in range(size)
                ]
                errors[c] = math.fsum(product) / size - 1.0
        least = min(errors.values())
        vector.append(min(c for c, e in errors.items() if e <= least + 1e-12 * (1 + abs(least))))
    return tuple(vector)


@pytest.mark.parametrize("kernel", OMEGAS)
@pytest.mark.parametrize("size", [7, 13, 16])
def test_constructions_are_greedy(size, kernel):
    gammas = (1.0, 0.7, 0.5, 0.2)
    expected = plain_construction(size, gammas, OMEGAS[kernel])
    weights = ProductWeights(gammas=gammas)
    assert naive_construction(size, weights, kernel).vector == expected
    if is_prime(size):
        assert fast_construction(size, weights, kernel).vector == expected


@given(size=PRIMES, seed=st.integers(0, 2**31), smoothness=st.sampled_from([1, 2]))
def test_fast_construction_is_the_naive_one(size, seed, smoothness):
    rng = np.random.default_rng(seed)
    gammas, orders = rng.uniform(0.1, 1.5, 5), rng.uniform(0.5, 2.0, 5)
    kernel = Kernel(smoothness=smoothness)
    for weights in (ProductWeights(gammas=gammas), PODWeights(gammas=gammas, orders=orders)):
        fast = fast_construction(size, weights, kernel)
        assert fast.vector == naive_construction(size, weights, kernel).vector
        assert fast.vector[0] == 1
        short = fast_construction(size, weights, kernel, dimension=2)
        assert short.vector == fast.vector[:2]


@given(size=PRIMES, seed=st.integers(0, 2**31))
def test_the_constructed_error_is_below_the_mean(size, seed):
    """For N > 2ζ(2) max γ."""
    gammas = tuple(np.random.default_rng(seed).uniform(0.05, 1.2, 4))
    weights = ProductWeights(gammas=gammas)
    found = squared_error(fast_construction(size, weights), weights)
    assert found <= theory.mean_squared_error(size, gammas) * (1 + 1e-12)


def test_refusals_of_constructions():
    weights = ProductWeights(gammas=(1.0, 1.0))
    with pytest.raises(SettingError, match="naive_construction"):
        fast_construction(12, weights)
    with pytest.raises(SettingError, match="more coordinates"):
        fast_construction(13, weights, dimension=3)
    assert naive_construction(12, weights).vector == (1, 5)
    assert fast_construction(2, weights).vector == (1, 1)


@given(prime=st.sampled_from([3, 5, 7, 31, 61, 127, 1021]))
def test_primitive_roots_generate(prime):
    g = primitive_root(prime)
    assert len({pow(g, k, prime) for k in range(prime - 1)}) == prime - 1


@pytest.mark.parametrize("size", theory.FIBONACCI_ERRORS)
def test_errors_of_the_fibonacci_lattices_by_a_sum_over_their_points(size):
    """The second number of the vector is the Fibonacci number before the size."""
    before, here = 1, 1
    while here < size:
        before, here = here, before + here

    def kernel(x):
        return 1.0 + 2.0 * math.pi**2 * (x * x - x + 1.0 / 6.0)

    points = [(k / size, (k * before % size) / size) for k in range(size)]
    mean = math.fsum(kernel(x) * kernel(y) for x, y in points) / size
    assert theory.FIBONACCI_ERRORS[size] == pytest.approx(mean - 1.0, abs=2e-12)


@pytest.mark.parametrize("smoothness", [1, 2])
@pytest.mark.parametrize("exponent", [0.8, 1.0])
def test_the_bound_of_the_construction_by_a_sum_over_frequencies(smoothness, exponent):
    """Σ over h ≠ 0 of |h|^(−2αλ), with the tail of the sum as an integral."""
    power, most = 2 * smoothness * exponent, 100_000
    frequencies = np.arange(1.0, most)
    total = 2.0 * (np.sum(frequencies**-power) + (most - 0.5) ** (1 - power) / (power - 1))
    gammas = (0.9, 0.4)
    product = (1 + total * 0.9**exponent) * (1 + total * 0.4**exponent) - 1
    found = theory.construction_bound(101, gammas, exponent, smoothness)
    assert found == pytest.approx((product / 100) ** (1 / exponent), rel=1e-6)
