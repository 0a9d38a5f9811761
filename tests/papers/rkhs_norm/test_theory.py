"""Closed forms of linear models and of the interval, by their definitions and by autograd."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from refimpl.papers.rkhs_norm.theory import interval, linear, spectral

RNG = np.random.default_rng(4)
WEIGHT, BIAS = RNG.normal(size=(3, 4)), RNG.normal(size=3)


def in_the_ball(radius, dimension, count=400):
    moves = np.random.default_rng(0).normal(size=(count, dimension))
    lengths = np.linalg.norm(moves, axis=1, keepdims=True)
    return radius * moves / lengths * np.random.default_rng(1).uniform(0.5, 1.0, (count, 1))


def test_norms_of_linear_maps_are_those_of_their_rows():
    """The slope of an output is its row, and no move in the ball changes an output by more."""
    slope = autograd.jacobian(lambda x: WEIGHT @ x + BIAS)(np.zeros(4))
    assert linear.gradient_norm(WEIGHT, 0.3) == pytest.approx(0.3 * np.sum(slope**2))
    found = linear.adversarial_norm(WEIGHT, 0.7)
    along = 0.7 * WEIGHT / np.linalg.norm(WEIGHT, axis=1, keepdims=True)
    assert found == pytest.approx(np.sum(np.sum(WEIGHT * along, axis=1) ** 2))
    assert np.sum(np.max((in_the_ball(0.7, 4) @ WEIGHT.T) ** 2, axis=0)) < found


def test_the_gradient_of_the_loss_in_the_inputs():
    inputs, labels = RNG.normal(size=(5, 4)), [0, 2, 1, 1, 0]

    def loss(x, y):
        scores = anp.dot(WEIGHT, x) + BIAS
        return anp.log(anp.sum(anp.exp(scores))) - scores[y]

    squares = [np.sum(autograd.grad(loss)(x, y) ** 2) for x, y in zip(inputs, labels, strict=True)]
    found = linear.loss_gradient(WEIGHT, BIAS, inputs, labels, 0.6)
    assert found == pytest.approx(0.6 * np.mean(squares))
    shifted = linear.probabilities(WEIGHT, BIAS + 1000.0, inputs[0])
    logs = [-loss(inputs[0], y) for y in range(3)]
    np.testing.assert_allclose(np.log(shifted), logs, rtol=1e-9)


@pytest.mark.parametrize("label", [0, 1])
def test_the_worst_input_of_two_classes(label):
    two, x = np.array([[1.0, -2.0, 0.5], [0.4, 1.0, 0.5]]), np.array([0.1, 0.2, 0.3])
    gap = two[1 - label] - two[label]
    worst = np.array(linear.worst_input(two, x, label, 0.5, "l2"))
    assert np.linalg.norm(worst - x) == pytest.approx(0.5)
    assert gap @ (worst - x) == pytest.approx(0.5 * np.sqrt(gap @ gap))
    corner = np.array(linear.worst_input(two, x, label, 0.5, "linf"))
    assert gap @ (corner - x) == pytest.approx(0.5 * np.sum(np.abs(gap)))
    np.testing.assert_allclose(np.abs(corner - x), [0.5, 0.5, 0.0], atol=1e-15)


@pytest.mark.parametrize("label", [-1.0, 1.0])
@pytest.mark.parametrize("radius", [0.1, 0.4])
def test_the_worst_hinge_is_the_largest_in_the_ball(label, radius):
    weight, x = WEIGHT[0], np.array([0.3, -0.1, 0.2, 0.1])
    moves = np.concatenate([in_the_ball(radius, 4), np.zeros((1, 4))])

    def hinge(points):
        return np.maximum(0.0, 1.0 - label * (points @ weight + 0.2))

    found = linear.worst_hinge(weight, 0.2, label, x, radius)
    at_worst = hinge(x - label * radius * weight / np.linalg.norm(weight))
    assert found == pytest.approx(at_worst)
    assert found >= np.max(hinge(x + moves))
    bound = linear.hinge_bound(weight, 0.2, label, x, radius)
    assert bound == pytest.approx(hinge(x) + radius * np.linalg.norm(weight))
    far = np.array(x + 10.0 * label * weight)
    assert linear.worst_hinge(weight, 0.2, label, far, radius) == 0.0
    assert linear.hinge_bound(weight, 0.2, label, far, radius) > 0.0


@pytest.mark.parametrize("strength", [0.05, 0.8])
def test_the_smoothed_cosine_solves_its_equation_with_free_ends(strength):
    """Cells of width h, whose second differences are wrong by h² π⁴ / 12."""
    count = 200
    x = (np.arange(count) + 0.5) / count
    second = np.diag(np.full(count, -2.0)) + np.eye(count, k=1) + np.eye(count, k=-1)
    second[0, 0] = second[-1, -1] = -1.0
    solved = np.linalg.solve(np.eye(count) - strength * count**2 * second, np.cos(np.pi * x))
    found = [interval.tikhonov_cosine(float(v), strength) for v in x]
    np.testing.assert_allclose(found, solved, rtol=0, atol=8.5 * strength / count**2)


@pytest.mark.parametrize("strength", [0.1, 0.24, 0.26, 2.0])
def test_no_other_step_has_a_smaller_energy(strength):
    def energy(low, high):
        return 0.25 * (low**2 + (high - 1.0) ** 2) + strength * abs(high - low)

    found = [interval.total_variation_step(x, strength) for x in (0.2, 0.49, 0.51, 0.9)]
    assert found[0] == found[1] and found[2] == found[3]
    least = energy(found[0], found[2])
    for angle in np.linspace(0.0, 2.0 * np.pi, 25):
        moved = found[0] + 0.01 * np.cos(angle), found[2] + 0.01 * np.sin(angle)
        assert energy(*moved) > least


@pytest.mark.parametrize("jitter", [0.0, 1e-6, 0.3])
@pytest.mark.parametrize("sigma", [0.0, 0.4, 1.0, 7.0])
def test_a_projected_singular_value_is_that_of_a_matrix(sigma, jitter):
    """Through the eigenvalues of WᵀW + jI, of a matrix with one more, and with none of them 0."""
    frame, limit = np.linalg.qr(RNG.normal(size=(3, 3)))[0], 0.5
    weight = np.diag([sigma, 2.0, 1.5]) @ frame.T
    values, vectors = np.linalg.eigh(weight.T @ weight + (jitter or 1e-300) * np.eye(3))
    roots = np.sqrt(np.maximum(values, 1e-300))
    moved = weight @ (vectors * np.minimum(1.0, limit / roots)) @ vectors.T
    assert spectral.projected(sigma, limit, jitter) == pytest.approx(
        np.linalg.norm(moved[0]), rel=1e-9, abs=1e-12
    )
