"""Smooth networks and the bounds on their derivatives, against independent derivatives."""

import math

import numpy as np
import pytest
from helpers import assert_close
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.errors import SettingError
from refimpl.papers.lattice_networks.activations import (
    SMOOTH,
    column_peak,
    growth,
    row_sum,
    smooth,
)
from refimpl.papers.lattice_networks.network import SmoothNetwork, first_inputs, matrices
from refimpl.papers.lattice_networks.theory.activations import suprema
from refimpl.papers.lattice_networks.theory.derivatives import (
    bell_majorant,
    derivative_bound,
    majorant,
    periodic_bound,
    stirling,
)

NAMES = list(SMOOTH)

PLAIN = {
    "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "tanh": np.tanh,
    "swish": lambda x: x / (1.0 + np.exp(-x)),
    "sin": np.sin,
}


def cauchy_derivatives(function, center, radius, order, samples=64):
    """f^{(n)} by the integral around a circle: complex evaluations, no differentiation."""
    angles = np.exp(2j * np.pi * np.arange(samples) / samples)
    values = function(center + radius * angles)
    return [
        math.factorial(n) * (values * angles**-n).mean().real / radius**n
        for n in range(1, order + 1)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_suprema_against_contour_integrals(name):
    places = np.linspace(-6.0, 6.0, 2401)
    values = np.array([cauchy_derivatives(PLAIN[name], x, 0.8, 6) for x in places])
    found = np.abs(values).max(axis=0)
    exact = np.array(suprema(name, 6))
    assert np.all(found <= exact * (1 + 1e-9))
    np.testing.assert_allclose(found, exact, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_activations_are_what_they_say(name):
    x = np.linspace(-5.0, 5.0, 41)
    np.testing.assert_allclose(smooth(name).function(x), PLAIN[name](x), atol=1e-14)
    assert np.all(np.isfinite(smooth(name).function(np.array([-1e4, 1e4]))))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["sharp", "coarse"])
def test_constants_bound_the_suprema(name, kind):
    xi, tau = getattr(SMOOTH[name], kind)
    for n, value in enumerate(suprema(name), 1):
        assert value <= xi * tau**n * math.factorial(n) * (1 + 1e-9)


def test_relu_has_no_constants():
    for make in (smooth, lambda n: SmoothNetwork((2, 3, 1), n), lambda n: growth([], n)):
        with pytest.raises(SettingError, match="relu"):
            make("relu")
    with pytest.raises(SettingError, match="relu"):
        suprema("relu")
    with pytest.raises(SettingError, match="order"):
        suprema("tanh", 13)


@given(
    sums=st.lists(st.floats(0.1, 3.0), min_size=1, max_size=4),
    constants=st.lists(st.floats(0.1, 4.0), min_size=5, max_size=5),
)
def test_series_and_bell_polynomials_agree(sums, constants):
    np.testing.assert_allclose(
        majorant(constants, sums), bell_majorant(constants, sums), rtol=1e-11
    )


@given(
    sums=st.lists(st.floats(0.1, 3.0), min_size=1, max_size=4),
    name=st.sampled_from(NAMES),
    kind=st.sampled_from(["sharp", "coarse"]),
)
def test_growth_is_the_moebius_composition(sums, name, kind):
    xi, tau = getattr(SMOOTH[name], kind)
    constants = [xi * tau**n * math.factorial(n) for n in range(1, 6)]
    p, q = growth([np.ones((1, 1)), *(np.array([[r]]) for r in sums)], name, kind)
    closed = [float(p) * float(q) ** (n - 1) * math.factorial(n) for n in range(1, 6)]
    np.testing.assert_allclose(closed, majorant(constants, sums), rtol=1e-11)


def test_row_sums_and_column_peaks():
    weight = np.array([[1.0, -4.0], [2.0, 0.5]])
    assert float(row_sum(weight)) == 5.0
    assert column_peak(weight).tolist() == [2.0, 4.0]
    stack = np.stack([weight, 2.0 * weight])
    assert row_sum(stack).tolist() == [5.0, 10.0]
    assert column_peak(stack).tolist() == [[2.0, 4.0], [4.0, 8.0]]
    with pytest.raises(SettingError, match="hidden layer"):
        growth([weight], "tanh")


def plain_network(params, y, name, inputs):
    x = {"plain": y, "centered": 2 * y - 1, "periodic": np.sin(2 * np.pi * y)}[inputs]
    for index, layer in enumerate(params):
        x = x @ layer["weight"].T + layer["bias"]
        if index < len(params) - 1:
            x = PLAIN[name](x)
    return x


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("inputs", ["plain", "centered", "periodic"])
def test_network_against_a_plain_one(name, inputs):
    model = SmoothNetwork((3, 5, 4, 2), name, inputs)
    params = model.init(Rng(0), bias_scale=1.0)
    y = Rng(1).uniform((6, 3))
    np.testing.assert_allclose(model(params, y), plain_network(params, y, name, inputs), rtol=1e-12)


@given(seed=st.integers(0, 2**31), name=st.sampled_from(NAMES), depth=st.integers(1, 3))
def test_mixed_derivatives_keep_the_bounds(seed, name, depth):
    """Derivatives by contour integrals in two variables, on a complex torus."""
    rng = Rng(seed)
    model = SmoothNetwork((2, *(4,) * depth, 1), name, "plain")
    params = model.init(rng, bias_scale=1.0)
    weights = matrices(params)
    peaks = [float(b) for b in column_peak(weights[0])]
    radius = (
        0.3
        / max(1.0, sum(peaks))
        * 0.5**depth
        / max(1.0, float(np.prod([row_sum(w) for w in weights[1:-1]])))
    )
    angles = np.exp(2j * np.pi * np.arange(16) / 16)
    first, second = np.meshgrid(radius * angles, radius * angles, indexing="ij")
    series = majorant(suprema(name, 3), [float(row_sum(w)) for w in weights[1:]])
    for center in rng.child("points").uniform((3, 2)):
        points = np.stack([center[0] + first.ravel(), center[1] + second.ravel()], -1)
        coefficients = (
            np.fft.fft2(plain_network(params, points, name, "plain").reshape(16, 16)) / 256
        )
        for multi in ((1, 0), (0, 1), (2, 0), (1, 1), (2, 1)):
            value = abs(coefficients[multi]) / radius ** sum(multi)
            value *= math.prod(math.factorial(k) for k in multi)
            slack = 1e-12 / radius ** sum(multi)
            assert value <= derivative_bound(multi, peaks, series) + slack


def test_periodic_bound_of_one_neuron_by_hand():
    """G = w s(β sin 2πy): first and second derivatives from the chain rule at their largest."""
    series = (2.0, 3.0)
    assert math.isclose(periodic_bound((1,), (0.5,), series), 2 * math.pi * 2.0 * 0.5)
    second = (2 * math.pi) ** 2 * (2.0 * 0.5 + 3.0 * 0.25)
    assert math.isclose(periodic_bound((2,), (0.5,), series), second)
    third = (2 * math.pi) ** 3 * (2.0 * 0.5 + 3 * 3.0 * 0.25 + 5.0 * 0.125)
    assert math.isclose(periodic_bound((3,), (0.5,), (2.0, 3.0, 5.0)), third)
    mixed = (2 * math.pi) ** 2 * 3.0 * 0.5 * 0.25
    assert math.isclose(periodic_bound((1, 1), (0.5, 0.25), series), mixed)
    assert math.isclose(periodic_bound((1, 0), (0.5, 0.25), series), 2 * math.pi)


def test_bounds_refuse_orders_beyond_the_series():
    for bound in (derivative_bound, periodic_bound):
        with pytest.raises(SettingError, match="order=4, series=3"):
            bound((2, 2), (1.0, 1.0), (1.0, 1.0, 1.0))
        with pytest.raises(SettingError, match="order=0"):
            bound((0,), (1.0,), (1.0,))


def test_stirling_numbers_count_partitions():
    assert [stirling(5, k) for k in range(7)] == [0, 1, 15, 25, 10, 1, 0]


def test_network_on_backends_and_stacks(xb):
    model = SmoothNetwork((2, 3, 1), "swish", "periodic")
    reference = model.init(Rng(0), bias_scale=1.0)
    params = model.init(Rng(0), bias_scale=1.0, backend=xb)
    y = Rng(1).uniform((4, 2))
    assert_close(model(params, xb.asarray(y)), model(reference, y), rtol=1e-5, atol=1e-6)
    stack = ad.map_tree(lambda a, b: xb.xp.stack([a, b]), params, params)
    both = model(stack, xb.xp.stack([xb.asarray(y)] * 2))
    assert tuple(both.shape) == (2, 4, 1)
    assert_close(both[1, ...], model(reference, y), rtol=1e-5, atol=1e-6)


def test_network_is_differentiable_in_parameters_and_points():
    model = SmoothNetwork((2, 3, 1), "swish", "periodic")
    params, y = model.init(Rng(0), bias_scale=1.0), Rng(1).uniform((4, 2))
    step = 1e-6
    slope = ad.grad(lambda z: ad.sum(model(params, z)))(y)
    for j in range(2):
        shift = step * np.eye(2)[j]
        difference = (model(params, y + shift) - model(params, y - shift))[:, 0] / (2 * step)
        np.testing.assert_allclose(slope[:, j], difference, rtol=1e-6, atol=1e-7)


def test_inputs_and_settings_are_checked():
    assert first_inputs(np.array([0.25]), "plain").tolist() == [0.25]
    with pytest.raises(ValueError, match="inputs"):
        SmoothNetwork((2, 1), "tanh", "wrong")
    with pytest.raises(ValueError, match="widths"):
        SmoothNetwork((2,))
