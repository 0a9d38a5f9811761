"""Closed forms of ISDA against quadrature, scalar loops, finite differences and NumPy's own."""

import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from scipy.integrate import quad

from refimpl import Rng
from refimpl.papers.isda.theory.bound import (
    cross_entropy,
    kl_bound,
    quadratic,
    second_order,
    upper_bound,
)
from refimpl.papers.isda.theory.expectation import (
    bound_softplus,
    expected_cross_entropy,
    expected_softplus,
    gauss_hermite,
)
from refimpl.papers.isda.theory.gradient import bound_gradient, printed_gradient
from refimpl.papers.isda.theory.statistics import pooled_covariance
from refimpl.testing import assert_gradient


def normal_mean(function):
    """E function(ξ), ξ ~ N(0, 1), by adaptive quadrature."""

    def integrand(x):
        return function(x) * math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)

    return quad(integrand, -12.0, 12.0, epsabs=1e-13, epsrel=1e-13, limit=200)[0]


def loss_at(logits, label):
    """−log softmax, a scalar loop."""
    top = max(logits)
    return math.log(sum(math.exp(z - top) for z in logits)) + top - logits[label]


def bound_at(logits, label, weight, covariance, strength):
    """The bound of one example, entry by entry."""
    moved = []
    for j, z in enumerate(logits):
        v = [weight[j][k] - weight[label][k] for k in range(len(weight[0]))]
        q = sum(v[r] * covariance[r][s] * v[s] for r in range(len(v)) for s in range(len(v)))
        moved.append(z + 0.5 * strength * q)
    return loss_at(moved, label)


def problem(rng, examples=6, classes=4, features=3):
    root = rng.normal((classes, features, features))
    return {
        "features": rng.normal((examples, features)),
        "labels": rng.integers(0, classes, examples).astype(np.int64),
        "weight": rng.normal((classes, features)),
        "bias": rng.normal((classes,)),
        "covariance": root @ root.transpose(0, 2, 1),
    }


@pytest.mark.parametrize(
    ("m", "s", "expected", "closed"),
    [
        (-1.0, 0.5, 0.3375502879, 0.3484445810),
        (0.0, 1.0, 0.8060591833, 0.9740769842),
        (2.0, 2.0, 2.3563163602, 4.0181499279),
    ],
)
def test_two_classes_by_adaptive_quadrature(m, s, expected, closed):
    numeric = normal_mean(lambda x: np.logaddexp(0.0, m + s * x))
    assert float(expected_softplus(m, s)) == pytest.approx(numeric, abs=1e-11)
    assert float(expected_softplus(m, s)) == pytest.approx(expected, abs=1e-10)
    assert float(bound_softplus(m, s)) == pytest.approx(closed, abs=1e-10)


def test_nodes_and_their_accuracy():
    points, weights = gauss_hermite(20, np.zeros(1))
    for power, moment in ((0, 1.0), (1, 0.0), (2, 1.0), (4, 3.0), (6, 15.0), (8, 105.0)):
        assert float(np.sum(weights * points**power)) == pytest.approx(moment, rel=1e-12, abs=1e-12)
    exact = normal_mean(lambda x: np.logaddexp(0.0, 3.0 * x))
    error = [abs(float(expected_softplus(0.0, 3.0, nodes)) - exact) for nodes in (80, 160)]
    assert 1e-10 < error[0] < 1e-8 and error[1] < 1e-11


def test_rank_one_expectation_for_any_number_of_classes():
    logits, slopes = np.array([[0.3, -1.0, 2.0, 0.1]]), np.array([[0.5, -0.7, 0.2, 1.1]])
    for label, lam in ((0, 0.3), (2, 1.5)):
        exact = normal_mean(
            lambda x, y=label, t=lam: loss_at(list(logits[0] + math.sqrt(t) * slopes[0] * x), y)
        )
        [value] = expected_cross_entropy(logits, np.array([label]), slopes, lam)
        assert value == pytest.approx(exact, abs=1e-11)


def test_bound_in_scalar_loops(xb):
    drawn = problem(Rng(1))
    given = {key: xb.asarray(value) for key, value in drawn.items()}
    logits = drawn["features"] @ drawn["weight"].T + drawn["bias"]
    q = quadratic(given["weight"], given["labels"], given["covariance"])
    values = upper_bound(xb.asarray(logits), given["labels"], q, 0.7)
    plain = cross_entropy(xb.asarray(logits), given["labels"])
    expected = [
        bound_at(list(z), int(y), drawn["weight"], drawn["covariance"][y], 0.7)
        for z, y in zip(logits, drawn["labels"], strict=True)
    ]
    assert_close(values, np.array(expected))
    pairs = zip(logits, drawn["labels"], strict=True)
    assert_close(plain, np.array([loss_at(list(z), int(y)) for z, y in pairs]))
    assert_same_kind(values, like=given["features"], shape=False)


def test_second_order_terms_are_the_derivatives_at_zero():
    drawn = problem(Rng(2))
    u = Rng(3).normal((4, 3))
    covariance = u[:, :, None] * u[:, None, :]
    logits = drawn["features"] @ drawn["weight"].T + drawn["bias"]
    slopes = u[drawn["labels"]] @ drawn["weight"].T
    q = quadratic(drawn["weight"], drawn["labels"], covariance)
    plain = cross_entropy(logits, drawn["labels"])

    def extrapolated(value):  # of one-sided differences
        h = 1e-4
        near, far = (value(h / 2) - plain) / (h / 2), (value(h) - plain) / h
        return 2.0 * near - far

    terms = second_order(logits, drawn["labels"], drawn["weight"], covariance, 1.0)
    expected = extrapolated(
        lambda t: expected_cross_entropy(logits, drawn["labels"], slopes, t, 80)
    )
    closed = extrapolated(lambda t: upper_bound(logits, drawn["labels"], q, t))
    np.testing.assert_allclose(terms.expected - plain, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(terms.bound - plain, closed, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(terms.gap, terms.bound - terms.expected, atol=1e-12)
    assert terms.gap.min() >= 0.0 and terms.gap.max() > 0.1


def test_kl_bound_in_scalar_loops():
    drawn = problem(Rng(4))
    logits = drawn["features"] @ drawn["weight"].T + drawn["bias"]
    targets = Rng(5).uniform(logits.shape, 0.0, 1.0)
    targets[0] = [0.0, 1.0, 0.0, 0.0]
    targets /= targets.sum(axis=1, keepdims=True)
    matrix = drawn["covariance"][0]
    expected = []
    for z, p in zip(logits, targets, strict=True):
        cross = sum(
            p[k] * bound_at(list(z), k, drawn["weight"], matrix, 0.9) for k in range(len(p))
        )
        expected.append(cross + sum(x * math.log(x) for x in p if x > 0.0))
    np.testing.assert_allclose(
        kl_bound(logits, targets, drawn["weight"], matrix, 0.9), expected, rtol=1e-12
    )


def mean_bound(features, labels, weight, bias, covariance, strength):
    logits = features @ weight.T + bias
    return float(
        np.mean(
            [
                bound_at(list(z), int(y), weight, covariance[y], strength)
                for z, y in zip(logits, labels, strict=True)
            ]
        )
    )


def test_gradient_against_differences_of_scalar_loops():
    drawn = problem(Rng(6), examples=3)
    found = bound_gradient(**drawn, strength=0.8)
    for name in ("weight", "bias", "features"):

        def at(values, name=name):
            return mean_bound(**{**drawn, name: values}, strength=0.8)

        assert_gradient(at, drawn[name], getattr(found, name), directions=12)


def test_printed_row_is_wrong_by_the_derived_amount():
    for classes in (2, 3, 5):
        drawn = problem(Rng(7), examples=1, classes=classes)
        label = int(drawn["labels"][0])
        true = bound_gradient(**drawn, strength=1.3)
        printed = printed_gradient(**drawn, strength=1.3)
        v = drawn["weight"] - drawn["weight"][label]
        matrix = drawn["covariance"][label]
        moved = drawn["features"][0] @ drawn["weight"].T + drawn["bias"]
        moved = moved + 0.65 * np.einsum("jr,rs,js->j", v, matrix, v)
        p = np.exp(moved - moved.max())
        p /= p.sum()
        offset = -1.3 * sum((1.0 - p[label] - p[n]) * v[n] @ matrix for n in range(classes))
        offset = offset if classes > 2 else 0.0 * offset
        np.testing.assert_allclose(
            printed.weight[label] - true.weight[label], offset, rtol=1e-9, atol=1e-12
        )
        others = np.arange(classes) != label
        np.testing.assert_allclose(printed.weight[others], true.weight[others], rtol=1e-12)
        np.testing.assert_allclose(printed.bias, true.bias, rtol=1e-12)
        np.testing.assert_allclose(printed.features, true.features, rtol=1e-12)
        assert (np.abs(offset).max() > 0.01) == (classes > 2)


def test_printed_row_is_wrong_for_equal_probabilities_too():
    """Four classes of moved logits that are all equal: p = 1/4 each."""
    drawn = problem(Rng(8), examples=1)
    label = int(drawn["labels"][0])
    q = quadratic(drawn["weight"], drawn["labels"], drawn["covariance"])[0]
    drawn["bias"] = -(drawn["features"][0] @ drawn["weight"].T) - 0.5 * q
    true = bound_gradient(**drawn, strength=1.0).weight[label]
    printed = printed_gradient(**drawn, strength=1.0).weight[label]
    np.testing.assert_allclose(bound_gradient(**drawn, strength=1.0).bias.sum(), 0.0, atol=1e-12)
    assert np.linalg.norm(printed - true) > 0.3 * np.linalg.norm(true)


def test_pooled_covariance_is_numpys():
    features, labels = Rng(9).normal((30, 4)), Rng(9).integers(0, 3, 30)
    labels[labels == 1] = 0
    labels[0] = 1
    found = pooled_covariance(features, labels, 4)
    for k in (0, 2):
        expected = np.cov(features[labels == k], rowvar=False, bias=True)
        np.testing.assert_allclose(found[k], expected, atol=1e-14)
    assert not found[1].any() and not found[3].any()
