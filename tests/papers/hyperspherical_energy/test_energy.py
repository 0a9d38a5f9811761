"""Hyperspherical energies: explicit point sets, an independent autodiff, and finite precision.

The oracle here is the definition: points on the sphere, a double loop over pairs, the kernel of
each, differentiated by the autograd package.
"""

import functools
import itertools

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.errors import InfeasibleError
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy, norm_report
from refimpl.papers.hyperspherical_energy.uniformity import uniformity
from refimpl.testing import assert_gradient

POWERS = (0.0, 1.0, 2.0, 0.7, 4.0)
SETTINGS = [
    HypersphericalEnergy(s, space, metric, reduction, epsilon, kernel)
    for s, space, metric, reduction, epsilon, kernel in itertools.product(
        POWERS,
        ("full", "half"),
        ("euclidean", "angular"),
        ("mean", "lines"),
        (0.0, 1e-2),
        ("paper", "released"),
    )
    if reduction != "lines" or space == "half"
]


def explicit(weight, energy):
    """The definition, point by point (with epsilon: directions of norm below 1)."""
    points = weight / anp.sqrt(anp.sum(weight**2, axis=1) + energy.epsilon)[:, None]
    size = weight.shape[0]
    if energy.space == "half":
        points = anp.concatenate([points, -points])
    total, pairs = 0.0, 0
    for i, j in itertools.combinations(range(len(points)), 2):
        if energy.reduction == "lines" and j == i + size:
            continue
        cosine = anp.sum(points[i] * points[j])
        own = j == i + size and energy.epsilon == 0
        if energy.metric == "angular":
            z = anp.pi if own else anp.arccos(cosine)
            if energy.kernel == "released":
                z = z / anp.pi + 1e-4
            factor = 0.1 if energy.kernel == "released" and energy.s > 0 else 1.0
        else:
            z = 2.0 if own else anp.sqrt(2 - 2 * cosine)
            factor = 2.0 if energy.kernel == "released" and energy.s == 0 else 1.0
        total = total + factor * (-anp.log(z) if energy.s == 0 else z**-energy.s)
        pairs += 1
    scale = {"mean": 1 / pairs, "sum": 1, "ordered": 2, "square": 2 / len(points) ** 2}
    return total * scale.get(energy.reduction, 0.5)


@pytest.mark.parametrize("energy", SETTINGS, ids=str)
def test_value_gradient_and_hessian_follow_the_definition(energy):
    rng = np.random.default_rng(1)
    weight, direction = rng.normal(size=(2, 5, 4))
    value, gradient = energy.value_and_gradient(weight)
    expected = autograd.grad(explicit)(weight, energy)
    unit = np.max(np.abs(expected))
    np.testing.assert_allclose(value, explicit(weight, energy), rtol=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12 * unit)
    np.testing.assert_allclose(energy(weight), value, rtol=0, atol=0)
    product = autograd.make_hvp(explicit)(weight, energy)[0](direction)
    size = np.max(np.abs(product))
    np.testing.assert_allclose(energy.hvp(weight, direction), product, rtol=0, atol=2e-11 * size)
    np.testing.assert_allclose(
        ad.hvp(lambda w: 3.0 * energy(w), weight, direction),
        3.0 * product,
        rtol=0,
        atol=6e-11 * size,
    )


@given(
    st.sampled_from(["mean", "sum", "ordered", "square"]),
    st.sampled_from(["full", "half"]),
    st.sampled_from(POWERS),
    st.integers(2, 7),
    st.integers(2, 6),
    st.integers(0, 10**6),
)
def test_every_reduction_follows_the_definition(reduction, space, s, neurons, inputs, seed):
    weight = np.random.default_rng(seed).normal(size=(neurons, inputs))
    energy = HypersphericalEnergy(s, space, reduction=reduction)
    np.testing.assert_allclose(energy(weight), explicit(weight, energy), rtol=1e-9, atol=1e-12)


@given(st.sampled_from(SETTINGS), st.integers(0, 10**6))
def test_rotations_permutations_and_norms_leave_the_energy(energy, seed):
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(5, 4)) + 0.1
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    value, gradient = energy.value_and_gradient(weight)
    scale = 1 + np.max(np.abs(gradient))
    turned, turned_gradient = energy.value_and_gradient(weight[::-1] @ rotation)
    np.testing.assert_allclose(turned, value, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(turned_gradient, gradient[::-1] @ rotation, atol=1e-8 * scale)
    if energy.epsilon == 0:
        factors = rng.uniform(0.1, 10, size=(5, 1))
        scaled, scaled_gradient = energy.value_and_gradient(factors * weight)
        np.testing.assert_allclose(scaled, value, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(scaled_gradient * factors, gradient, atol=1e-8 * scale)
        inner = np.sum(gradient * weight, axis=1)
        np.testing.assert_allclose(inner, 0.0, atol=1e-10 * scale)
    if energy.space == "half":
        signs = rng.choice([-1.0, 1.0], size=(5, 1))
        np.testing.assert_allclose(energy(signs * weight), value, rtol=1e-9, atol=1e-11)


def test_a_batch_is_its_members(xb):
    weights = xb.asarray(np.random.default_rng(0).normal(size=(3, 6, 4)))
    energy = HypersphericalEnergy(2.0, "half")
    values, gradients = energy.value_and_gradient(weights)
    assert_same_kind(gradients, weights)
    for c in range(3):
        value, gradient = energy.value_and_gradient(weights[c, ...])
        assert_same_kind(value, xb.zeros(()))
        assert_close(values[c], value)
        assert_close(gradients[c, ...], gradient)
    assert_close(ad.grad(lambda w: ad.sum(energy(w)))(weights), gradients)


@pytest.mark.parametrize("energy", [e for e in SETTINGS if e.kernel == "paper"][::3], ids=str)
def test_backends_agree(energy, xb):
    weight = np.random.default_rng(3).normal(size=(7, 5)).astype(np.float32).astype(float)
    direction = np.random.default_rng(4).normal(size=(7, 5)).astype(np.float32).astype(float)
    there, here = xb.asarray(weight), xb.asarray(direction)
    for mine, reference in (
        (energy.value_and_gradient(there), energy.value_and_gradient(weight)),
        (energy.hvp(there, here), energy.hvp(weight, direction)),
    ):
        assert_close(mine, reference, factor=1000)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("gap", [1e-1, 1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("metric", ["euclidean", "angular"])
@pytest.mark.parametrize("s", [0.0, 1.0, 2.0])
def test_near_and_antipodal_neurons_in_float32(sign, gap, metric, s):
    """The energy of float32 neurons at a small angle has the digits that the weights have."""
    rng = np.random.default_rng(5)
    weight = rng.normal(size=(4, 9))
    weight[1] = sign * (1.7 * weight[0] + gap * rng.normal(size=9))
    weight = weight.astype(np.float32)
    energy = HypersphericalEnergy(s, "half", metric, "lines")
    value, gradient = energy.value_and_gradient(weight)
    exact, exact_gradient = energy.value_and_gradient(weight.astype(np.float64))
    points = weight.astype(np.float64)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    angle = 2 * np.arcsin(np.linalg.norm(points[0] - sign * points[1]) / 2)
    unit = np.finfo(np.float32).eps / angle
    assert value.dtype == gradient.dtype == np.float32
    np.testing.assert_allclose(value, exact, rtol=20 * max(s, 1) * unit)
    np.testing.assert_allclose(
        gradient, exact_gradient, rtol=0, atol=100 * unit * np.max(np.abs(exact_gradient))
    )


def test_antipodes_are_finite_in_full_space():
    pair = np.asarray([[1.0, 2.0], [-1.0, -2.0]])
    for metric, expected in (("euclidean", 0.25), ("angular", np.pi**-2.0)):
        energy = HypersphericalEnergy(2.0, "full", metric, "sum")
        value, gradient = energy.value_and_gradient(pair)
        assert float(value) == pytest.approx(expected, rel=1e-14)
        np.testing.assert_allclose(gradient, 0.0, atol=1e-15)


def test_bad_weights_are_refused_with_their_numbers(xb):
    energy = HypersphericalEnergy()
    with pytest.raises(InfeasibleError, match="neurons=1"):
        energy(xb.ones((1, 3)))
    with pytest.raises(InfeasibleError, match="zero neuron") as caught:
        energy(xb.asarray([[1.0, 2.0], [0.0, 0.0]]))
    assert caught.value.neuron == 1
    with pytest.raises(InfeasibleError, match="coincide") as caught:
        energy(xb.asarray([[1.0, 2.0], [3.0, 1.0], [2.0, 4.0]]))
    assert {caught.value.first, caught.value.second} == {0, 2}
    with pytest.raises(InfeasibleError, match="antipodes"):
        HypersphericalEnergy(space="half")(xb.asarray([[1.0, 2.0], [-2.0, -4.0]]))
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        energy(xb.ones((3,)))
    with pytest.raises(TypeError, match="float"):
        energy(np.ones((2, 2), dtype=np.int64))
    # with epsilon both are finite: a documented trait of the released code
    released = HypersphericalEnergy(space="half", epsilon=1e-4)
    value, gradient = released.value_and_gradient(xb.asarray([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]]))
    assert np.isfinite(float(value)) and bool(xb.xp.all(xb.xp.isfinite(gradient)))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"s": -0.5}, "s must be non-negative"),
        ({"s": float("nan")}, "s must be non-negative"),
        ({"epsilon": -1e-4}, "epsilon must be non-negative"),
        ({"space": "quarter"}, "space must be one of full, half"),
        ({"metric": "taxi"}, "metric must be one of"),
        ({"reduction": "lines"}, "half space"),
        ({"kernel": "gauss"}, "kernel must be one of"),
    ],
)
def test_bad_settings_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        HypersphericalEnergy(**setting)


@pytest.mark.parametrize("size", [1e-30, 1e-18, 1e15, 1e25])
def test_tiny_and_huge_neurons_keep_their_direction_in_float32(size):
    weight = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    energy = HypersphericalEnergy(2.0, "half")
    with np.errstate(over="ignore"):  # the first try at the norms overflows, and is redone scaled
        assert_close(energy(weight * np.float32(size)), energy(weight))


@given(st.integers(2, 6), st.integers(2, 5), st.sampled_from(POWERS), st.integers(0, 10**6))
def test_minibatches_are_unbiased_under_uniform_labels(neurons, inputs, s, seed):
    weight = np.random.default_rng(seed).normal(size=(neurons, inputs))
    energy = HypersphericalEnergy(s)
    every = [energy.minibatch(weight, np.asarray([label])) for label in range(neurons)]
    np.testing.assert_allclose(np.mean(every), energy(weight), rtol=1e-10, atol=1e-12)
    labels = np.asarray([0, neurons - 1, 0])
    np.testing.assert_allclose(
        energy.minibatch(weight, labels), (2 * every[0] + every[-1]) / 3, rtol=1e-10, atol=1e-12
    )


def test_minibatch_gradient_agrees_with_finite_differences():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(5, 4))
    labels = np.asarray([0, 4, 0, 2])
    for s in POWERS:
        energy = functools.partial(HypersphericalEnergy(s).minibatch, labels=labels)
        assert_gradient(energy, weight, ad.grad(energy)(weight), directions=4)
    with pytest.raises(ValueError, match="full space"):
        HypersphericalEnergy(space="half").minibatch(weight, labels)


def test_released_epsilon_rewards_small_norms():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(16, 8)) + 2.0
    energy = HypersphericalEnergy(2.0, "half", epsilon=1e-4)
    values = [float(energy(scale * weight)) for scale in (1.0, 1e-2, 1e-3, 1e-4)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0.5, abs=1e-3)
    # the limit 1/2 is reached from below: a neuron still sees its own antipode a little further off
    assert values[-1] < 0.5 and float(energy(1e-9 * weight)) == pytest.approx(0.5, abs=1e-12)


def test_norm_report_finds_the_dead():
    weight = np.eye(5)
    weight[2] *= 1e-5
    assert norm_report(weight) == (1e-5, 1)
    weight[2, 2] = 0.03
    for scale in (128.0, 1.0 / 128.0):  # 3 % of the others are no dead neuron at any scale
        assert norm_report(scale * weight) == (scale * 0.03, 0)


def test_determinant_of_uniformity_has_second_derivatives():
    """A Taylor remainder of third order needs a right Hessian."""
    weight = Rng(0).normal((4, 6))
    for space in ("full", "half"):

        def f(w, space=space):
            return uniformity(w, "determinant", space)

        ad.check_slope(f, weight, Rng(1), hessian=True)


@pytest.mark.parametrize("s", [0.0, 2.0])
@pytest.mark.parametrize("size", [64, 512])
def test_gradient_in_float32_is_orthogonal_to_the_neurons(s, size):
    """E(c W) = E(W), so the gradient has no part along a neuron; the error is of rounding alone."""
    energy = HypersphericalEnergy(s=s, space="half")
    weight = Rng(0).normal((size, 2 * size)).astype(np.float32)
    _, gradient = energy.value_and_gradient(weight)
    _, exact = energy.value_and_gradient(weight.astype(np.float64))
    lengths = np.linalg.norm(exact, axis=1)
    along = np.abs((gradient * weight).sum(axis=1)) / np.linalg.norm(weight, axis=1)
    assert (along / lengths).max() < 2e-6
    assert (np.linalg.norm(gradient - exact, axis=1) / lengths).max() < 4e-6
