"""What the experiments compute beyond what the claims read: shapes, recipes, conformance."""

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.papers.isda.bound import augmentation_bound
from refimpl.papers.isda.conformance import DEVIATIONS
from refimpl.papers.isda.experiments import digits, points, shapes, synthetic
from refimpl.papers.isda.isda import ISDA
from refimpl.papers.isda.printed import PrintedRowISDA, printed_logits
from refimpl.papers.isda.theory.gradient import printed_gradient


@pytest.fixture(scope="module")
def drawn_shapes():
    config = shapes.Config(training=450, pool=2400, epochs=20, seeds=1)
    return shapes.EXPERIMENT.run(config, backend("numpy"), Rng(0))


def test_shapes_lie_where_they_are_drawn():
    factors = np.array([[2.0, -1.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 4.5], [0.0, 0.0, 3.0]])
    images = shapes.render(np.array([0, 0, 1, 2]), factors)
    side = shapes.SIDE
    images = images.reshape(-1, side, side)
    place = np.arange(side) - 0.5 * (side - 1)
    assert np.sum(images[0].sum(axis=0) * place) / images[0].sum() == pytest.approx(2.0, abs=0.05)
    assert np.sum(images[0].sum(axis=1) * place) / images[0].sum() == pytest.approx(-1.0, abs=0.05)
    assert images[1].sum() == pytest.approx(np.pi * 9.0, rel=0.05)
    assert images[2].sum() == pytest.approx((2 * 0.85 * 4.5) ** 2, rel=0.05)
    np.testing.assert_allclose(images[3], images[3].T, atol=1e-12)  # a cross
    assert images[3][7, 5] > 0.5 and images[3][5, 5] < 0.5
    np.testing.assert_allclose(images[1:], images[1:, ::-1], atol=1e-12)


def test_classes_vary_most_along_the_size(drawn_shapes):
    variance, random = drawn_shapes["relative_variance"][0], drawn_shapes["random_variance"][0]
    size = shapes.FACTORS.index("size")
    assert drawn_shapes["accuracy"] > 0.75
    assert np.all(variance[:, size] > 2.0 * random)
    assert np.all(random > 1.0)


def test_a_move_along_a_direction_moves_its_factor(drawn_shapes):
    found, moves = drawn_shapes["found"][0], np.asarray(shapes.Config().moves)
    for kind in range(len(shapes.KINDS)):
        size = found[kind, 2, :, 2]
        assert np.corrcoef(moves, size)[0, 1] > 0.8
    for index in range(len(shapes.FACTORS)):
        slopes = np.polynomial.polynomial.polyfit(moves, found[:, index].mean(axis=0), 1)[1]
        assert slopes[index] > 0.1
        assert slopes[index] > 2.0 * np.abs(np.delete(slopes, index)).max()


def test_semantic_directions_of_known_features():
    """Features that are the factors themselves: the directions are the ranges."""
    found = shapes.semantic_directions(lambda kinds, factors: factors, 5, Rng(1))
    ranges = np.diag(shapes.HIGH - shapes.LOW)
    np.testing.assert_allclose(found, np.repeat(ranges[None], len(shapes.KINDS), axis=0))


def test_synthetic_classes_have_the_variances_that_they_should():
    config = synthetic.Config()
    means, roots = synthetic._classes(config, Rng(2))
    for root in roots:
        values = np.linalg.eigvalsh(root @ root.T)
        np.testing.assert_allclose(values[:-5], 0.3, rtol=1e-10)
        np.testing.assert_allclose(values[-5:], 9.0, rtol=1e-10)
    features, labels = synthetic._points(means, roots, 4000, Rng(3))
    own = np.cov(features[labels == 2], rowvar=False)
    assert np.linalg.norm(own - roots[2] @ roots[2]) < 0.15 * np.linalg.norm(own)
    assert np.std(means) == pytest.approx(0.53, rel=0.15)


def test_minimize_finds_the_minimum_of_a_quadratic():
    center = Rng(4).normal((6,))
    best = synthetic.minimize(lambda x: ad.sum((x - center) ** 2), np.zeros(6))
    np.testing.assert_allclose(best, center, atol=1e-7)


def test_the_gap_is_that_of_the_bound():
    result = points.EXPERIMENT.run(points.Config(seeds=1), backend("numpy"), Rng(0))
    assert result["gap"].min() > -1e-14 and 0.5 < result["accuracy"][0] < 0.95
    assert result["gap_right"][0] == pytest.approx(result["gap"][0][result["right"][0]].mean())


def test_every_method_on_digits_has_as_many_settings():
    found = digits.methods(digits.Config())
    assert {len(arms) for arms in found.values()} == {5}
    assert list(found) == ["cross-entropy", *digits.Config().methods]
    losses = [arm.objective.isda for arm in found["diagonal"]]
    assert [loss.strength for loss in losses] == list(digits.Config().strengths)
    assert all(loss.covariance == "diagonal" and loss.steps_per_epoch == 7 for loss in losses)


@pytest.mark.parametrize("kind", ["full", "diagonal", "shared"])
def test_the_control_has_the_printed_gradient_and_the_right_value(kind):
    rng = Rng(5)
    params = {"weight": rng.normal((4, 3)), "bias": rng.normal((4,))}
    features, labels = rng.normal((5, 3)), rng.integers(0, 4, 5)
    root = rng.normal((4, 3, 3))
    covariance = full = root @ root.transpose(0, 2, 1)
    if kind == "diagonal":
        covariance = np.diagonal(full, axis1=1, axis2=2).copy()
        full = np.array([np.diag(row) for row in covariance])
    if kind == "shared":
        covariance, full = full[:1], np.repeat(full[:1], 4, axis=0)

    def loss(p):
        logits = ad.linear(features, p["weight"], p["bias"])
        moved = printed_logits(logits, p["weight"], labels, covariance, 0.7)
        return ad.softmax_cross_entropy(moved, labels)

    value, gradient = ad.value_and_grad(loss)(params)
    true = augmentation_bound(features, labels, **params, covariance=covariance, strength=0.7)
    assert float(value) == pytest.approx(float(true), rel=1e-13)
    expected = printed_gradient(features, labels, **params, covariance=full, strength=0.7)
    np.testing.assert_allclose(gradient["weight"], expected.weight, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(gradient["bias"], expected.bias, rtol=1e-10, atol=1e-12)


def test_deviations_are_settings_of_the_reference():
    names = [deviation.name for deviation in DEVIATIONS]
    assert len(set(names)) == len(names)
    made = {d.name: d.switch(strength=0.3) for d in DEVIATIONS if d.switch is not None}
    assert all(loss.strength == 0.3 and isinstance(loss, ISDA) for loss in made.values())
    assert all(loss != ISDA(strength=0.3) for loss in made.values())
    assert isinstance(made["printed label row"], PrintedRowISDA)
    assert made["statistics after the loss"].update == "after"
