"""Uniformity from a learned pole: against scalar loops, and where the pole ends."""

from __future__ import annotations

import math

import numpy as np
import pytest

from refimpl import Rng
from refimpl.errors import InfeasibleError, SettingError
from refimpl.papers.hyperspherical_energy.uniformity_pole import HypersphericalPole, Poles

SETTINGS = {
    "sharpness": 3.0,
    "inner_steps": 3,
    "inner_rate": 0.07,
    "inner_momentum": 0.6,
    "inner_decay": 0.02,
}


def measured(pole, rows, form, half):
    """The statement's sums, one neuron at a time."""
    terms = []
    for row in rows:
        for sign in (1.0, -1.0) if half else (1.0,):
            inner = sum(sign * a * b for a, b in zip(row, pole, strict=True))
            cosine = inner / math.hypot(*row) / math.hypot(*pole)
            square = 2.0 - 2.0 * cosine
            terms.append(1.0 / square if form == "polarization" else math.exp(-3.0 * square))
    mean = sum(terms) / len(terms)
    return -mean if form == "polarization" else -math.log(mean) / 3.0


def differences(function, place, shift=1e-5):
    found = np.zeros_like(place)
    for index in np.ndindex(place.shape):
        step = np.zeros_like(place)
        step[index] = shift
        found[index] = (function(place + step) - function(place - step)) / (2.0 * shift)
    return found


def walked(pole, momentum, rows, form, half):
    for _ in range(3):
        slope = differences(lambda v: measured(v, rows, form, half), pole)
        momentum = 0.6 * momentum - slope + 0.02 * pole
        pole = pole - 0.07 * momentum
    return pole, momentum


@pytest.mark.parametrize("form", ["polarization", "covering"])
@pytest.mark.parametrize("space", ["full", "half"])
def test_two_steps_are_those_of_scalar_loops(form, space):
    rng = np.random.default_rng(0)
    hidden, output = rng.normal(size=(5, 4)), rng.normal(size=(3, 5))
    params = [{"weight": hidden}, {"weight": output}]
    part = HypersphericalPole(form=form, space=space, strength=0.4, output_strength=0.7, **SETTINGS)
    starts = rng.normal(size=4), rng.normal(size=5)
    aux = Poles(1, starts, tuple(0.0 * v for v in starts))
    layers = [(hidden, space == "half", 0.4), (output, False, 0.7)]
    state = [(v, 0.0 * v) for v in starts]
    for _ in range(2):
        value, gradient, aux = part.value_and_gradient(params, None, None, aux)
        state = [
            walked(*pair, rows, form, half)
            for pair, (rows, half, _) in zip(state, layers, strict=True)
        ]
        expected = sum(
            strength * measured(v, rows, form, half)
            for (v, _), (rows, half, strength) in zip(state, layers, strict=True)
        )
        assert float(value) == pytest.approx(expected, rel=1e-8)
        for k, ((v, b), (rows, half, strength)) in enumerate(zip(state, layers, strict=True)):
            np.testing.assert_allclose(aux.poles[k], v, rtol=1e-7)
            np.testing.assert_allclose(aux.momenta[k], b, rtol=1e-6)
            slope = differences(
                lambda w, v=v, half=half: measured(v, w, form, half), rows, shift=1e-6
            )
            np.testing.assert_allclose(gradient[k]["weight"], strength * slope, atol=1e-7)
    assert aux.step == 3


def test_the_first_step_draws_a_pole_for_every_layer_and_later_ones_do_not():
    params = [{"weight": np.eye(3)}, {"weight": np.eye(3)}, {"weight": np.eye(2, 3)}]
    part = HypersphericalPole()
    aux = part.init(params)
    assert aux.step == 0 and len(aux.poles) == 3
    with pytest.raises(TypeError, match="rng"):
        part.value_and_gradient(params, None, None, aux)
    _, _, aux = part.value_and_gradient(params, None, None, aux, Rng(0))
    assert np.abs(aux.poles[0] - aux.poles[1]).max() > 0.1
    part.value_and_gradient(params, None, None, aux)
    hidden = HypersphericalPole(strength=0.0)
    assert [v.shape for v in hidden.init(params).poles] == [(3,)]
    inert = HypersphericalPole(strength=0.0, output_strength=0.0)
    value, gradient, _ = inert.value_and_gradient(params, None, None, inert.init(params))
    assert float(value) == 0.0 and gradient is None


def spread(form, start, rate):
    part = HypersphericalPole(form=form, output_strength=0.0, strength=1.0, inner_rate=0.05)
    weight, slopes = start, []
    aux = part.init([{"weight": weight}, {"weight": np.eye(2)}])
    for _ in range(400):
        params = [{"weight": weight}, {"weight": np.eye(2)}]
        _, gradient, aux = part.value_and_gradient(params, None, None, aux, Rng(2))
        slopes.append(np.linalg.norm(gradient[0]["weight"]))
        weight = weight - rate * gradient[0]["weight"]
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    return np.abs(unit @ unit.T - np.eye(len(unit))).max(), slopes


@pytest.mark.parametrize(("form", "rate"), [("polarization", 0.05), ("covering", 0.02)])
def test_neurons_fill_the_place_that_the_pole_has_found(form, rate):
    """As many clustered lines as dimensions come apart, if they are slower than the pole; of fewer
    the pole leaves the span, where it sees none of them move."""
    largest, _ = spread(form, np.eye(3) + 1.0, rate)
    assert largest < 0.6  # from 5/6
    largest, slopes = spread(form, np.eye(3, 4) + 1.0, rate)
    assert slopes[-1] < 1e-12 < slopes[0] and largest > 0.8


@pytest.mark.parametrize(
    "change",
    [
        {"form": "separation"}, {"space": "quarter"}, {"sharpness": 0.0}, {"inner_rate": 0.0},
        {"inner_momentum": 1.0}, {"inner_decay": -1.0}, {"strength": -1.0}, {"inner_steps": 0},
    ],
)  # fmt: skip
def test_bad_settings_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        HypersphericalPole(**change)


def test_what_has_no_direction_is_refused():
    part = HypersphericalPole()
    with pytest.raises(InfeasibleError, match="no direction"):
        part.measure(np.ones(2), np.array([[0.0, 0.0], [1.0, 0.0]]))
    with pytest.raises(InfeasibleError, match="pole=0"):
        part.measure(np.zeros(2), np.eye(2))
    with pytest.raises(SettingError, match="uniformity"):
        part.init([{"bias": np.ones(3)}])
