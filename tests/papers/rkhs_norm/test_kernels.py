"""Kernel machines and exact norms: against scipy, quadrature and matrices written out."""

import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from scipy.special import iv

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.arrays import to_host
from refimpl.errors import SettingError
from refimpl.models import MLP
from refimpl.models.input_gradients import output_gradients
from refimpl.papers.rkhs_norm.kernel_machine import PROFILES, KernelMachine, rkhs_norm
from refimpl.papers.rkhs_norm.theory import kernels

NAMES = list(PROFILES)
STACKS = [(name,) for name in NAMES] + [(name, name) for name in NAMES]


def machine(profiles, xb=None, outputs=2):
    model = KernelMachine(3, outputs, 5, profiles)
    return model, model.init(Rng(4), backend=xb or backend("numpy"))


def relu_expectation(x, y, draws=400_000):
    """2 E[relu(<w, x>) relu(<w, y>)] over Gaussian w on the plane of x and y."""
    w = np.random.default_rng(0).normal(size=(draws, 3))
    return 2.0 * np.maximum(w @ x, 0.0) @ np.maximum(w @ y, 0.0) / draws


def test_the_arc_cosine_kernel_is_that_of_an_infinite_relu_layer():
    rng = np.random.default_rng(1)
    for _ in range(3):
        x, y = rng.normal(size=(2, 3))
        expected = relu_expectation(x, y)
        # standard error below 3e-3 |x||y|; six of them
        size = np.linalg.norm(x) * np.linalg.norm(y)
        assert abs(kernels.kernel(x, y, ("arc_cosine",)) - expected) < 0.02 * size


@pytest.mark.parametrize("name", NAMES)
def test_taylor_coefficients_sum_to_the_profile(name):
    coefficients = kernels.taylor_coefficients(name, 40)
    assert min(coefficients) >= 0.0
    for u in (-0.6, 0.0, 0.3, 0.6):
        total = sum(b * u**j for j, b in enumerate(coefficients))
        assert math.isclose(total, kernels.profile(name, u), rel_tol=1e-9, abs_tol=1e-9)
    with pytest.raises(ValueError, match="unknown profile"):
        kernels.taylor_coefficients("gaussian", 3)
    with pytest.raises(ValueError, match="unknown profile"):
        kernels.profile("gaussian", 0.5)


@pytest.mark.parametrize("profiles", STACKS)
def test_the_model_has_the_kernel_of_the_theory(profiles, xb):
    model, params = machine(profiles, xb)
    points = xb.asarray(Rng(1).normal((4, 3)))
    expected = [
        [kernels.kernel(x, z, profiles) for z in to_host(params["centers"]).astype(float)]
        for x in to_host(points).astype(float)
    ]
    gram = model.gram(points, params["centers"])
    assert_same_kind(gram, points, shape=False)
    assert_close(gram, np.array(expected), factor=500)
    values = np.array(expected) @ to_host(params["coefficients"]).astype(float).T
    assert_close(model(params, points), values, factor=1000)


@pytest.mark.parametrize("profiles", STACKS)
def test_the_norm_is_that_of_the_theory(profiles):
    model, params = machine(profiles)
    expected = [
        kernels.exact_norm(params["centers"], params["coefficients"][k], profiles) for k in (0, 1)
    ]
    np.testing.assert_allclose(rkhs_norm(model, params), expected, rtol=1e-12)
    np.testing.assert_allclose(model.squared_norms(params), np.square(expected), rtol=1e-12)


def test_a_norm_needs_a_coefficient_for_each_center():
    for count in (0, 1, 3):
        with pytest.raises(ValueError, match="argument 2"):
            kernels.exact_norm(np.eye(2), np.ones(count), STACKS[0])


@pytest.mark.parametrize("profiles", STACKS)
def test_values_are_scalar_products_with_the_features(profiles):
    """f(x) from the Gram matrix of centers and x alone: <f, K(x, .)> reproduces f(x)."""
    model, params = machine(profiles, outputs=1)
    x = Rng(2).normal((1, 3))
    bigger = {
        "centers": np.concatenate([params["centers"], x]),
        "coefficients": np.concatenate([params["coefficients"], np.ones((1, 1))], axis=1),
    }
    alone = {"centers": x, "coefficients": np.ones((1, 1))}
    other = KernelMachine(3, 1, 6, profiles)
    # |f + K(x, .)|^2 = |f|^2 + 2 f(x) + |x|^2
    product = 0.5 * (
        rkhs_norm(other, bigger)[0] ** 2
        - rkhs_norm(model, params)[0] ** 2
        - rkhs_norm(KernelMachine(3, 1, 1, profiles), alone)[0] ** 2
    )
    np.testing.assert_allclose(product, model(params, x)[0, 0], rtol=1e-10)


@pytest.mark.parametrize("profiles", STACKS)
def test_gradients_of_machines_agree_with_differences(profiles):
    model, params = machine(profiles)
    points = Rng(3).normal((4, 3))
    slopes = output_gradients(model, params, points)
    for j in range(3):
        step = 1e-6 * np.eye(3)[j]
        expected = (model(params, points + step) - model(params, points - step)) / 2e-6
        np.testing.assert_allclose(slopes[:, :, j], expected, atol=1e-8)


def test_the_origin_and_the_centers_are_no_trouble():
    model, params = machine(("arc_cosine", "arc_cosine"))
    assert np.array_equal(model(params, np.zeros((1, 3))), np.zeros((1, 2)))
    slopes = output_gradients(model, params, params["centers"])
    assert np.all(np.isfinite(slopes))
    near = output_gradients(model, params, params["centers"] * (1.0 + 1e-9) + 1e-9)
    np.testing.assert_allclose(slopes, near, atol=1e-3)


def test_values_are_homogeneous_of_degree_one():
    model, params = machine(("inverse",))
    x = Rng(5).normal((4, 3))
    np.testing.assert_allclose(model(params, 7.0 * x), 7.0 * model(params, x), rtol=1e-12)


def test_only_kernel_machines_have_a_norm():
    with pytest.raises(SettingError, match="only kernel machines"):
        rkhs_norm(MLP((2, 2)), [])


@pytest.mark.parametrize(
    "wrong", [{"features": 0}, {"outputs": 0}, {"centers": 0}, {"profiles": ()}]
)
def test_wrong_machines_are_refused_by_name(wrong):
    settings = {"features": 2, "outputs": 1, "centers": 3, "profiles": ("inverse",)}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        KernelMachine(**{**settings, **wrong})
    with pytest.raises(ValueError, match="unknown profile"):
        KernelMachine(2, 1, 3, ("inverse", "gaussian"))


# --- theory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [1, 2, 3, 4])
def test_the_plane_norm_is_the_sum_over_fourier_modes(power):
    """cos^p by numerical Fourier analysis, Bessel functions by scipy."""
    g = (0.6, -0.3)
    angle = 2.0 * np.pi * np.arange(64) / 64
    coefficients = np.fft.fft(np.cos(angle) ** power) / 64
    modes = np.fft.fftfreq(64, 1 / 64)
    keep = np.abs(coefficients) > 1e-12
    total = (np.abs(coefficients[keep]) ** 2 / iv(np.abs(modes[keep]), 1.0)).sum()
    expected = np.e * np.hypot(*g) ** (2 * power) * total
    assert math.isclose(kernels.plane_norm_squared(g, power), expected, rel_tol=1e-12)


def test_the_activation_bound_is_its_sum():
    square = 0.45
    expected = {p: math.factorial(p) * math.e * square**p for p in (1, 2, 3)}
    for p, value in expected.items():
        activation = [0.0] * p + [1.0]
        assert math.isclose(
            kernels.activation_bound(activation, "exponential", square), value, rel_tol=1e-14
        )
        assert math.isclose(
            kernels.network_bound([math.sqrt(square), 2.0], [activation], "exponential"),
            4.0 * value,
            rel_tol=1e-14,
        )
    assert math.isclose(kernels.activation_bound([1.0, 2.0], "inverse", 3.0), 2.0 + 4.0 * 4 * 3.0)
    assert kernels.activation_bound([0, 0, 0, 1.0], "arc_cosine", 1.0) == math.inf


def test_a_linear_chain_of_layers_has_the_product_of_squares():
    """s(u) = u under a profile with b_1 = 1/2 costs a factor 2 a layer: an upper bound only."""
    assert kernels.network_bound([2.0, 3.0, 5.0], [[0.0, 1.0]] * 2, "inverse") == (
        4.0 * 4 * 9 * 4 * 25
    )


def test_feature_distances_are_those_of_the_gram_matrix():
    model, _ = machine(("exponential", "inverse"))
    x, y = Rng(6).normal((5, 3)), Rng(7).normal((5, 3))
    own, other, across = (np.diag(model.gram(*pair)) for pair in ((x, x), (y, y), (x, y)))
    found = kernels.feature_distance(x, y, model.profiles)
    np.testing.assert_allclose(found, np.sqrt(own + other - 2.0 * across), rtol=1e-10)
    np.testing.assert_array_less(found, np.linalg.norm(x - y, axis=1))
    assert kernels.kernel([0.0, 0.0], [1.0, 0.0], ("inverse",)) == 0.0


def test_parameters_of_machines_are_differentiated():
    model, params = machine(("exponential",))
    x = Rng(9).normal((3, 3))
    gradient = ad.grad(lambda p: ad.sum(model(p, x) ** 2))(params)
    along = ad.map_tree(lambda leaf: Rng(8).normal(leaf.shape), params)

    def at(step):
        return float(ad.sum(model(ad.map_tree(lambda w, v: w + step * v, params, along), x) ** 2))

    slope = (at(1e-6) - at(-1e-6)) / 2e-6
    np.testing.assert_allclose(float(ad.dot(gradient, along)), slope, rtol=1e-7)
