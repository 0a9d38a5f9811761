"""The bound and its variants against scalar loops and the autograd package."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from papers.isda.twin import consistency, loss

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.papers.isda.bound import (
    augmentation_bound,
    check_covariance,
    moved_logits,
)
from refimpl.papers.isda.sampled import covariance_root, sampled_cross_entropy
from refimpl.papers.isda.semi_supervised import consistency_bound, pair_terms
from refimpl.testing import assert_gradient


def problem(seed, examples=6, classes=4, width=3):
    rng = Rng(seed)
    root = rng.normal((classes, width, width))
    return {
        "features": rng.normal((examples, width)),
        "labels": rng.integers(0, classes, examples).astype(np.int64),
        "weight": rng.normal((classes, width)),
        "bias": rng.normal((classes,)),
        "covariance": root @ root.transpose(0, 2, 1),
    }


def independent(weight, bias, features, labels, covariance, strength):
    """The bound for the autograd package."""
    total = 0.0
    for a, y in zip(features, labels, strict=True):
        v = weight - weight[y]
        z = anp.dot(weight, a) + bias + 0.5 * strength * anp.sum(anp.dot(v, covariance[y]) * v, 1)
        total = total + anp.log(anp.sum(anp.exp(z - z[y])))
    return total / len(labels)


def test_value_in_scalar_loops(xb):
    drawn = problem(1)
    given = {key: xb.asarray(value) for key, value in drawn.items()}
    value = augmentation_bound(**given, strength=0.7)
    expected = loss(
        *(drawn[k] for k in ("features", "labels", "weight", "bias")), drawn["covariance"], 0.7
    )
    assert_close(value, np.asarray(expected))
    assert_same_kind(value, like=given["weight"], shape=False)
    single = augmentation_bound(**given, strength=0.7, reduction="none")
    assert single.shape == (6,)
    assert_close(xb.xp.mean(single), np.asarray(expected))


@pytest.mark.parametrize("kind", ["full", "diagonal", "shared", "shared diagonal"])
def test_gradient_against_an_independent_package(kind):
    drawn = problem(2)
    full = drawn["covariance"]
    if "diagonal" in kind:
        drawn["covariance"] = np.diagonal(full, axis1=1, axis2=2).copy()
        full = np.array([np.diag(row) for row in drawn["covariance"]])
    if "shared" in kind:
        drawn["covariance"], full = drawn["covariance"][1:2], np.repeat(full[1:2], 4, axis=0)
    names = ("weight", "bias", "features")

    def taped(params):
        return augmentation_bound(**{**drawn, **params}, strength=1.3)

    found = ad.grad(taped)({name: drawn[name] for name in names})
    for position, name in enumerate(names):
        arguments = [drawn[name] for name in names]
        exact = autograd.grad(independent, position)(*arguments, drawn["labels"], full, 1.3)
        np.testing.assert_allclose(found[name], exact, rtol=1e-12, atol=1e-13)


def test_no_strength_is_cross_entropy_bit_for_bit():
    drawn = problem(6)
    logits = ad.linear(drawn["features"], drawn["weight"], drawn["bias"])
    plain = ad.softmax_cross_entropy(logits, drawn["labels"])
    assert augmentation_bound(**drawn, strength=0.0) == plain
    assert (
        moved_logits(logits, drawn["weight"], drawn["labels"], drawn["covariance"], 0.0) is logits
    )
    draws = Rng(7).normal((2, 6, 3))
    arguments = (logits, drawn["weight"], drawn["labels"], drawn["covariance"])
    assert sampled_cross_entropy(*arguments, 0.0, draws) == plain
    drawn["covariance"] = 0.0 * drawn["covariance"]
    assert augmentation_bound(**drawn, strength=5.0) == plain


def test_large_terms_do_not_overflow():
    drawn = problem(8)
    drawn["weight"] = 1e3 * drawn["weight"]
    value = augmentation_bound(**drawn, strength=10.0)
    assert np.isfinite(value) and value > 1e4


def test_roots_of_singular_covariances(xb):
    u = Rng(9).normal((3, 4, 1))
    covariance = xb.asarray(u @ u.transpose(0, 2, 1))
    root = covariance_root(covariance)
    assert_close(root @ root.mT, covariance, factor=1000)
    variances = xb.asarray(np.array([[4.0, 0.0, 9.0]]))
    assert_close(covariance_root(variances), np.array([[2.0, 0.0, 3.0]]))


@pytest.mark.parametrize("kind", ["full", "diagonal", "shared"])
def test_drawn_features_are_augmented_features(kind, xb):
    """The mean over a symmetric pair of draws, feature by feature."""
    drawn = problem(10)
    covariance = drawn["covariance"]
    if kind == "diagonal":
        covariance = np.diagonal(covariance, axis1=1, axis2=2).copy()
    if kind == "shared":
        covariance = covariance[:1]
    noise = Rng(11).normal((2, 6, 3))
    root = covariance_root(covariance)
    total = 0.0
    for m in range(2):
        for i, y in enumerate(drawn["labels"]):
            own = root[0] if kind == "shared" else root[y]
            shift = own * noise[m, i] if kind == "diagonal" else own @ noise[m, i]
            moved = drawn["features"][i : i + 1] + 0.6**0.5 * shift
            total += loss(moved, [y], drawn["weight"], drawn["bias"], np.zeros((4, 3, 3)), 0.0)
    logits = drawn["features"] @ drawn["weight"].T + drawn["bias"]
    value = sampled_cross_entropy(
        xb.asarray(logits),
        xb.asarray(drawn["weight"]),
        xb.asarray(drawn["labels"]),
        xb.asarray(covariance),
        0.6,
        xb.asarray(noise),
    )
    if kind != "diagonal" and xb.name != "numpy":
        return  # the signs of another library's eigenvectors are its own
    assert_close(value, np.asarray(total / 12), factor=1000)


def test_consistency_in_scalar_loops(xb):
    drawn = problem(12)
    logits = drawn["features"] @ drawn["weight"].T + drawn["bias"]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    weight, covariance = xb.asarray(drawn["weight"]), xb.asarray(drawn["covariance"])
    terms = pair_terms(weight, covariance)
    own = xb.xp.take(terms, xb.asarray(np.argmax(logits, axis=1)), axis=0)
    values = consistency_bound(xb.asarray(logits), xb.asarray(p), own, 0.7)
    expected = consistency(
        drawn["features"], drawn["weight"], drawn["bias"], drawn["covariance"], 0.7
    )
    assert_close(xb.xp.mean(values), np.asarray(expected), factor=300)


def test_consistency_gradient_holds_the_target_fixed():
    drawn = problem(13)
    p = np.full((6, 4), 0.25)

    def value(weight):
        logits = ad.linear(drawn["features"], weight, drawn["bias"])
        terms = ad.take(pair_terms(weight, drawn["covariance"]), drawn["labels"])
        return ad.mean(consistency_bound(logits, p, terms, 0.7))

    assert_gradient(value, drawn["weight"], ad.grad(value)(drawn["weight"]), directions=10)


def test_covariances_that_are_none():
    with pytest.raises(ValueError, match="class 1 has the eigenvalue -1"):
        check_covariance(np.array([np.eye(2), np.diag([3.0, -1.0])]))
    with pytest.raises(ValueError, match=r"class 0 is not symmetric: entries differ by 0\.5"):
        check_covariance(np.array([[[1.0, 0.5], [0.0, 1.0]]]))
    with pytest.raises(ValueError, match="eigenvalue -2"):
        check_covariance(np.array([[1.0, -2.0]]))
    with pytest.raises(ValueError, match=r"\(K, A, A\) or \(K, A\), not \(2, 2, 3\)"):
        check_covariance(np.zeros((2, 2, 3)))
    u = Rng(14).normal((5, 1))
    check_covariance((u @ u.T)[None])  # singular, with rounding
    check_covariance(np.diag([1.0, -1e-3])[None], tolerance=1e-2)


@pytest.mark.parametrize("size", [2, 30])
def test_rounding_of_a_semidefinite_matrix_is_no_negative_eigenvalue(size):
    """64 eps for each of the products that an entry sums, times the largest entry."""
    unit = 64.0 * size * np.finfo(float).eps * 5.0
    for share, allowed in ((-0.9, True), (-1.1, False)):
        lowest = np.full((1, size), 5.0)
        lowest[0, 0] = share * unit
        if allowed:
            check_covariance(lowest)
        else:
            with pytest.raises(ValueError, match="eigenvalue"):
                check_covariance(lowest)
