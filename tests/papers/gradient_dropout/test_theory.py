"""Laws of the noise by integration and sums; moments of quadratics by loops over every noise."""

import itertools
import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from scipy import integrate, stats

from refimpl.papers.gradient_dropout.theory import noise, quartic
from refimpl.papers.gradient_dropout.theory.quadratic import Quadratics

INSTANCE = (
    [[3.0, 0.5], [0.5, 1.0]],
    [0.2, -0.1],
    [[2.0, 0.3], [0.3, 0.7]],
    [-0.4, 0.6],
)
START = np.array([1.0, -2.0])


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.7])
def test_moments_of_the_noise_by_integration(rate):
    law = stats.norm(1.0, math.sqrt(rate / (1.0 - rate)))

    def gaussian(function):
        return integrate.quad(lambda x: function(x) * law.pdf(x), -40.0, 40.0, points=[0.0, 1.0])[0]

    def bernoulli(function):
        return rate * function(0.0) + (1.0 - rate) * function(1.0 / (1.0 - rate))

    for name, mean in (("gaussian", gaussian), ("bernoulli", bernoulli)):
        assert mean(lambda x: x) == pytest.approx(1.0)
        assert noise.variance(rate) == pytest.approx(mean(lambda x: (x - 1.0) ** 2))
        assert noise.third_moment(rate, name) == pytest.approx(mean(lambda x: x**3))
        fourth = noise.fourth_central_moment(rate, name)
        assert fourth == pytest.approx(mean(lambda x: (x - 1.0) ** 4))
    assert noise.flipped(rate) == pytest.approx(law.cdf(0.0))
    assert noise.flipped(0.0) == 0.0


def descend(hessian, center, start, rate, noises):
    """Noisy descent in scalar loops."""
    point = list(start)
    for n in noises:
        slope = [
            sum(hessian[i][j] * (point[j] - center[j]) for j in range(len(point)))
            for i in range(len(point))
        ]
        point = [p - rate * n[i] * slope[i] for i, p in enumerate(point)]
    return point


def enumerate_bernoulli(instance, start, rate, drop, steps):
    """Weights and final points of every Bernoulli noise."""
    d = len(start)
    for kept in itertools.product((0, 1), repeat=d * steps):
        weight = math.prod((1.0 - drop) if k else drop for k in kept)
        noises = [[k / (1.0 - drop) for k in kept[s * d : (s + 1) * d]] for s in range(steps)]
        yield weight, descend(instance[0], instance[1], start, rate, noises)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_quadratic_moments_by_loops_over_every_noise(xb, steps):
    forms = Quadratics(*(xb.asarray(np.asarray(part)) for part in INSTANCE))
    drop, rate = 0.3, 0.2
    v = drop / (1.0 - drop)
    found = list(enumerate_bernoulli(INSTANCE, START, rate, drop, steps))
    mean = sum(w * np.array(p) for w, p in found)
    covariance = sum(w * np.outer(p - mean, p - mean) for w, p in found)
    means, covariances = forms.moments(xb.asarray(START), rate, v, steps)
    assert_same_kind(means[-1], xb.asarray(START))
    assert_close(means[-1], mean)
    assert_close(covariances[-1], covariance, factor=1000)
    assert len(means) == len(covariances) == steps + 1

    def query(p):
        away = np.array(p) - INSTANCE[3]
        return 0.5 * away @ np.array(INSTANCE[2]) @ away

    expected = sum(w * query(p) for w, p in found)
    value = forms.expected_query(xb.asarray(START), rate, v, steps)
    assert float(value) == pytest.approx(expected, rel=1e-5 if "32" in xb.dtype_name else 1e-13)
    if steps == 1:
        plain = query(descend(INSTANCE[0], INSTANCE[1], START, rate, [[1.0, 1.0]]))
        penalty = float(forms.one_step_penalty(xb.asarray(START), rate))
        assert plain + v * penalty == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_gradient_of_the_expectation_by_differences(steps):
    """The expectation is a quadratic form of the start: central differences are exact."""
    forms = Quadratics(*(np.asarray(part) for part in INSTANCE))
    found = forms.expected_gradient(START, 0.1, 0.25, steps)
    for i in range(2):
        shift = np.eye(2)[i]
        ends = [float(forms.expected_query(START + s * shift, 0.1, 0.25, steps)) for s in (1, -1)]
        assert found[i] == pytest.approx(0.5 * (ends[0] - ends[1]), rel=1e-12)


def test_recorded_instance():
    forms = Quadratics(*(np.asarray(part) for part in INSTANCE))
    values = [float(forms.expected_query(START, 0.1, v, k)) for v in (0.25, 0.0) for k in (1, 3)]
    assert values == pytest.approx([2.7607, 2.0993573994, 2.753475, 2.0906000857], abs=5e-11)


@pytest.mark.parametrize("drop", [0.1, 0.2, 0.5])
def test_quartic_mean_by_sums_and_by_quadrature(drop):
    def after_two(first, second, rate=0.1):
        x = 1.0 - rate * first
        return x - rate * second * x**3

    bernoulli = sum(
        (drop if a == 0 else 1 - drop) * (drop if b == 0 else 1 - drop) * after_two(a, b)
        for a in (0.0, 1 / (1 - drop))
        for b in (0.0, 1 / (1 - drop))
    )
    assert quartic.mean_after_two(0.1, drop) == pytest.approx(bernoulli, rel=1e-14)
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    s, weights = math.sqrt(drop / (1 - drop)), weights / weights.sum()
    gauss = sum(
        wa * wb * after_two(1 + s * a, 1 + s * b)
        for a, wa in zip(nodes, weights, strict=True)
        for b, wb in zip(nodes, weights, strict=True)
    )
    assert quartic.mean_after_two(0.1, drop, "gaussian") == pytest.approx(gauss, rel=1e-13)
    assert quartic.mean_after_two(0.1, 0.0) == pytest.approx(after_two(1.0, 1.0), rel=1e-15)


def test_ramp():
    assert [noise.ramp(e, 3) for e in range(5)] == [0.0, 0.5, 1.0, 1.0, 1.0]
