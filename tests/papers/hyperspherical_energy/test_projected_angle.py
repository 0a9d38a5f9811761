"""The law of the projected angle against draws, other representations and the integrals."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from refimpl.errors import InfeasibleError
from refimpl.papers.hyperspherical_energy.theory import projected_angle as theory

cosines = st.floats(-0.97, 0.97)


def by_regression(value, cosine, k):
    """P(r < value) from r/√(1−r²) = (Z + λχ_k)/χ_{k−1}, λ = c/√(1−c²): no Fisher law in it."""
    slope, ratio = cosine / math.sqrt(1 - cosine**2), value / math.sqrt(1 - value**2)
    nodes, weights = np.polynomial.legendre.leggauss(200)

    def chi(degrees):
        low, high = stats.chi.ppf([1e-16, 1 - 1e-15], degrees)
        x = low + (high - low) * (nodes + 1) / 2
        return x, weights * (high - low) / 2 * stats.chi.pdf(x, degrees)

    (first, p), (second, q) = chi(k), chi(k - 1)
    inner = stats.norm.cdf(ratio * second[None, :] - slope * first[:, None])
    return float(p @ inner @ q)


@given(cosines, st.integers(2, 60), st.floats(-0.99, 0.99))
def test_probabilities_agree_with_the_regression_form(cosine, k, value):
    measured = theory.probability(-1.0, value, cosine=cosine, projected=k)
    assert measured == pytest.approx(by_regression(value, cosine, k), abs=1e-10)


@given(cosines, st.integers(2, 400))
def test_probabilities_and_density_are_one_law(cosine, k):
    whole = theory.probability(-2.0, 2.0, cosine=cosine, projected=k)
    assert whole == pytest.approx(1.0, abs=1e-12)
    middle = math.tanh(math.atanh(cosine) + 0.3 / math.sqrt(k))
    low, high = math.tanh(math.atanh(cosine) - 0.8 / math.sqrt(k)), middle
    expected = quad(lambda r: float(theory.density(r, cosine=cosine, projected=k)), low, high)[0]
    measured = theory.probability(low, high, cosine=cosine, projected=k)
    assert measured == pytest.approx(expected, rel=1e-9)
    assert theory.probability(high, low, cosine=cosine, projected=k) == 0.0


@given(cosines, st.integers(2, 60))
def test_turning_one_neuron_round_turns_the_law(cosine, k):
    measured = theory.probability(0.1, 0.6, cosine=cosine, projected=k)
    turned = theory.probability(-0.6, -0.1, cosine=-cosine, projected=k)
    assert measured == pytest.approx(turned, abs=1e-13)


@pytest.mark.parametrize(("k", "cosine", "n"), [(5, -0.9, 20), (10, 0.3, 200), (40, 0.9, 60)])
def test_projected_neurons_obey_the_law(k, cosine, n):
    """Kolmogorov and Smirnov at level 1e-7: the probability of a false alarm."""
    rng = np.random.default_rng(11)
    u, v = rng.normal(size=(2, n))
    u /= np.linalg.norm(u)
    v -= (v @ u) * u
    v *= math.sqrt(1 - cosine**2) / np.linalg.norm(v)
    pair = np.stack([u, v + cosine * u], axis=1)
    projected = rng.normal(size=(10_000, k, n)) @ pair if k * n < 2500 else None
    if projected is None:  # the same in slices, to stay small
        projected = np.concatenate([rng.normal(size=(500, k, n)) @ pair for _ in range(20)])
    a, b = projected[..., 0], projected[..., 1]
    r = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    grid = np.sort(r)[::50]
    exact = np.array([theory.probability(-1, x, cosine=cosine, projected=k) for x in grid])
    empirical = np.searchsorted(np.sort(r), grid) / r.size
    distance = np.max(np.abs(exact - empirical))
    assert distance < stats.kstwo.isf(1e-7, r.size) + 2 / r.size


@given(cosines, st.integers(2, 80))
def test_moments(cosine, k):
    first = theory.expectation(lambda b, a: (a - b) / 2, cosine=cosine, projected=k)
    second = theory.expectation(lambda b, a: 1 - a * b, cosine=cosine, projected=k)
    assert theory.mean(cosine, k) == pytest.approx(first, abs=1e-12)
    assert theory.second_moment(cosine, k) == pytest.approx(second, abs=1e-12)
    assert abs(theory.mean(cosine, k)) <= abs(cosine)


@pytest.mark.parametrize("k", [2, 40, 97, 98, 99, 200, 1000])
def test_moments_stay_exact_near_parallel_neurons(k):
    for c in (0.99, 0.99999):
        with mpmath.workdps(30):
            ratio = mpmath.gammaprod([(k + 1) / mpmath.mpf(2)] * 2, [k / mpmath.mpf(2)] * 2)
            first = ratio * 2 * c / k * mpmath.hyp2f1(0.5, 0.5, k / 2 + 1, mpmath.mpf(c) ** 2)
            series = mpmath.hyp2f1(1, 1, k / 2 + 1, mpmath.mpf(c) ** 2)
            second = 1 - (1 - mpmath.mpf(c) ** 2) * (k - 1) / k * series
        assert theory.mean(c, k) == pytest.approx(float(first), abs=1e-12)
        assert theory.second_moment(c, k) == pytest.approx(float(second), abs=1e-12)


def test_moments_known_in_closed_form():
    # two dimensions: the angle between projections of orthogonal neurons is uniform
    assert theory.second_moment(0.0, 2) == pytest.approx(0.5, rel=1e-14)
    assert theory.second_moment(0.0, 17) == pytest.approx(1 / 17, rel=1e-13)
    c, k = 0.6, 2000
    variance = theory.second_moment(c, k) - theory.mean(c, k) ** 2
    assert variance == pytest.approx((1 - c * c) ** 2 / k, rel=3e-3)


@pytest.mark.parametrize("entries", ["gaussian", "signs"])
def test_variance_of_the_dot_product(entries):
    """Variance of 40 000 draws: 6 standard errors of a kurtosis below 6."""
    rng = np.random.default_rng(3)
    k, draws = 6, 40_000
    u, v = np.array([0.6, 0.8, 0.0]), np.array([0.0, 0.6, 0.8])
    if entries == "gaussian":
        p = rng.normal(size=(draws, k, 3)) / math.sqrt(k)
        expected = theory.dot_product_variance(float(u @ v), k)
    else:
        p = (2.0 * rng.integers(0, 2, (draws, k, 3)) - 1) / math.sqrt(k)
        expected = theory.dot_product_variance(float(u @ v), k, float((u * u * v * v).sum()))
    dots = ((p @ u) * (p @ v)).sum(axis=1)
    assert np.var(dots) == pytest.approx(expected, rel=6 * math.sqrt(5 / draws))


def test_sparse_projections_lose_a_direction():
    rng = np.random.default_rng(0)
    lost = (rng.random((40_000, 12)) >= 0.05).all(axis=1).mean()
    expected = theory.lost_direction(0.05, 12)
    assert abs(lost - expected) < 5.5 * math.sqrt(expected * (1 - expected) / 40_000)


@pytest.mark.parametrize(
    ("k", "cosine", "epsilon", "claimed", "true"),
    [
        (40, 0.0, 0.1, 0.8144, 0.4695),
        (40, 0.5, 0.05, 0.9509, 0.4708),
        (10, 0.5, 0.01, 0.9995, 0.0467),
        (80, -0.999, 0.92, 0.999156, 0.997585),
    ],
)
def test_counterexamples_to_theorem_one(k, cosine, epsilon, claimed, true):
    statement = theory.theorem_one(cosine, k, epsilon)
    assert statement.probability == pytest.approx(claimed, abs=1e-4)
    measured = by_regression(min(statement.high, 1 - 1e-12), cosine, k)
    measured -= by_regression(statement.low, cosine, k) if statement.low > -1 else 0.0
    assert measured == pytest.approx(true, abs=1e-4)
    exact = theory.probability(statement.low, statement.high, cosine=cosine, projected=k)
    assert exact == pytest.approx(measured, abs=1e-6)


@given(cosines, st.integers(6, 400), st.floats(0.05, 0.95))
def test_what_is_said_to_hold_holds(cosine, k, epsilon):
    statements = [theory.theorem_two(cosine, k, epsilon)]
    if theory.theorem_one_applies(k, epsilon):
        statements.append(theory.theorem_one(cosine, k, epsilon, corrected=True))
        if cosine >= 0:
            statements.append(theory.theorem_one(cosine, k, epsilon))
    for low, high, claimed in statements:
        true = theory.probability(low, high, cosine=cosine, projected=k)
        assert true >= claimed - 1e-9


@given(st.floats(-0.999, 0.999), st.floats(0.05, 0.95))
def test_corrected_interval_turns_with_the_cosine(cosine, epsilon):
    k = math.ceil(6 / epsilon**2)
    one = theory.theorem_one(cosine, k, epsilon, corrected=True)
    other = theory.theorem_one(-cosine, k, epsilon, corrected=True)
    assert (one.low, one.high) == (-other.high, -other.low)


@pytest.mark.parametrize("epsilon", [0.1, 0.5])
def test_the_error_says_how_many_dimensions_are_enough(epsilon):
    with pytest.raises(InfeasibleError) as caught:
        theory.theorem_one(0.3, 5, epsilon, corrected=True)
    enough = math.ceil(caught.value.least)
    assert theory.theorem_one(0.3, enough, epsilon, corrected=True).probability < 1.0
    with pytest.raises(InfeasibleError):
        theory.theorem_one(0.3, enough - 1, epsilon, corrected=True)


@given(st.floats(-1.0, 1.0), st.floats(0.01, 0.99))
def test_crossovers(cosine, epsilon):
    lower, upper = theory.crossovers(epsilon)
    one, two = theory.theorem_one(cosine, 10, epsilon), theory.theorem_two(cosine, 10, epsilon)
    if abs(cosine - lower) > 1e-6:
        assert (one.low > two.low) == (cosine < lower)
    if abs(cosine - upper) > 1e-6:
        assert (one.high < two.high) == (cosine < upper)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="cosine"):
        theory.density(0.0, cosine=1.0, projected=5)
    with pytest.raises(InfeasibleError, match="projected=1"):
        theory.probability(0.0, 1.0, cosine=0.0, projected=1)
    with pytest.raises(InfeasibleError, match=r"projected=3.*least=4"):
        theory.expectation(lambda b, a: 1 / (a * b), cosine=0.0, projected=3, poles=1)
    with pytest.raises(ValueError, match="epsilon"):
        theory.theorem_two(0.0, 5, 1.5)
    with pytest.raises(InfeasibleError, match="8 log 2"):
        theory.theorem_one(0.0, 40, 0.1, corrected=True)


@pytest.mark.parametrize("epsilon", [0.1, 0.35, 0.6, 0.9])
def test_bounds_of_the_two_theorems_meet_at_the_crossovers(epsilon):
    lower, upper = theory.crossovers(epsilon)
    for place, side in ((lower, "low"), (upper, "high")):
        one, two = (
            getattr(law(place, 2000, epsilon), side)
            for law in (theory.theorem_one, theory.theorem_two)
        )
        assert one == pytest.approx(two, abs=1e-12)
