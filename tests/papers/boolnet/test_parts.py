"""Signs, logic, slices, weights, normalization, distillation, costs: each against plain numbers."""

import math

import numpy as np
import pytest

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.errors import SettingError
from refimpl.papers.boolnet.accounting import costs
from refimpl.papers.boolnet.conformance import DEVIATIONS
from refimpl.papers.boolnet.distillation import distillation_loss, teacher_probabilities
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.normalization import integer_threshold, normalized
from refimpl.papers.boolnet.signs import multi_sign, shuffle, slice_offsets, split, unshuffle
from refimpl.papers.boolnet.theory import accounting
from refimpl.papers.boolnet.theory.fusion import inner_product, sign_by_threshold, threshold
from refimpl.papers.boolnet.theory.operators import scaled_gradient, spread_at_start
from refimpl.papers.boolnet.weights import (
    Progress,
    output_scale,
    progressive_weights,
    undecided,
)


def test_slices_stand_one_after_the_other():
    x = np.array([[0.1, -0.4]])
    assert multi_sign(x, (-0.5, 0.0, 0.3, 0.5)).tolist() == [[-1, -1, 1, -1, 1, -1, 1, 1]]


def test_offsets():
    assert slice_offsets(8) == pytest.approx((-0.8, -0.6, -0.4, -0.2, 0.2, 0.4, 0.6, 0.8))
    assert slice_offsets(1, "non_uniform") == (0.0,)
    assert slice_offsets(2, "non_uniform") == (-0.5, 0.5)
    assert slice_offsets(6, "non_uniform")[3:] == (0.25, 0.5, 1.0)
    assert slice_offsets(8, "non_uniform")[4:] == (0.0625, 0.125, 0.25, 0.5)
    assert slice_offsets(2, (0.0, 1.0)) == (0.0, 1.0)


def test_split_and_shuffle_within_a_slice():
    x = np.arange(8)[None, :]
    first, second = split(x, 2)
    assert first.tolist() == [[0, 1, 4, 5]] and second.tolist() == [[2, 3, 6, 7]]
    mixed = shuffle(first, second, 2)
    assert mixed.tolist() == [[0, 2, 1, 3, 4, 6, 5, 7]]
    assert [half.tolist() for half in unshuffle(mixed, 2)] == [first.tolist(), second.tolist()]
    with pytest.raises(SettingError) as error:
        split(np.zeros((1, 6)), 2)
    assert error.value.slices == 2


@pytest.mark.parametrize("strength", [1.0, 0.5, 1e-3, 0.0])
def test_progressive_weights(strength):
    w = np.array([-1.5, -0.4, -1e-4, 0.0, 2e-4, 0.5, 1.0])
    expected = [max(-1.0, min(1.0, v / strength)) if strength else (1.0 if v >= 0 else -1.0)
                for v in w]  # fmt: skip
    np.testing.assert_allclose(progressive_weights(w, strength), expected, atol=1e-15)
    slopes = ad.grad(lambda v: ad.sum(progressive_weights(v, strength)))(w)
    assert slopes.tolist() == [0, 1, 1, 1, 1, 1, 1]


def test_strengths_below_zero_and_below_all_floats():
    with pytest.raises(SettingError):
        progressive_weights(np.ones(2), -0.1)
    tiny = np.array([1e-38, -1e30], dtype=np.float32)
    assert progressive_weights(tiny, 1e-45).tolist() == [1.0, -1.0]


def test_schedules():
    at = {"epochs": 10, "steps_per_epoch": 4, "batch_size": 64_000}
    assert Progress(schedule="training").strength(step=20, **at) == pytest.approx(0.965**150)
    assert Progress(schedule="samples").strength(step=7, **at) == 0.965
    assert Progress(schedule="epoch").strength(step=11, **at) == pytest.approx(0.965**2)
    assert Progress(decay=1.0).strength(step=40, **at) == 1.0


def test_undecided_counts_what_is_below():
    assert undecided(np.array([0.1, -0.2, 0.3, 0.3]), 0.25) == 0.5


@pytest.mark.parametrize("detach", [False, True])
def test_scaled_gradient_in_closed_form(detach):
    w, g = Rng(0).normal((3, 5)), Rng(1).normal((3, 5))
    taped = ad.grad(
        lambda v: ad.sum(g * output_scale(v, detach)[:, None] * progressive_weights(v, 0.5))
    )(w)
    closed = [scaled_gradient(a, b, 0.5, detach) for a, b in zip(w, g, strict=True)]
    np.testing.assert_allclose(taped, closed, atol=1e-14)


@pytest.mark.parametrize("scaled", [False, True])
def test_thresholds_agree_with_the_float_layer_everywhere(scaled):
    n, rng = 40, Rng(2)
    layer = {name: rng.child(name).normal((300,)) for name in ("gain", "shift", "mean")}
    layer["variance"] = rng.child("v").normal((300,)) ** 2
    layer["gain"][:20] = 0.0
    scale = np.abs(rng.child("s").normal((300,))) if scaled else None
    direction, at = integer_threshold(layer, 0.3, scale, n, 1e-5)
    for z in range(-n, n + 1):
        x = np.full(300, float(z)) * (1.0 if scale is None else scale)
        assert np.array_equal(normalized(x, layer, 1e-5) + 0.3 >= 0, direction * z >= at)


@pytest.mark.parametrize("gain", [-4, -2, 0, 2, 8])
@pytest.mark.parametrize("shift", [-5, -1, 0, 1, 5])
@pytest.mark.parametrize("mean", [-3, 0, 4])
def test_one_threshold_is_the_sign_of_the_normalized_integer(gain, shift, mean):
    """With a deviation of 2, where gain (x - mean) / 2 + shift is a fraction of integers."""
    rule = threshold(gain, shift, mean, 3.75, 0.25)
    assert rule[0] == (gain > 0) - (gain < 0)
    for x in range(-20, 21):
        exact = 1 if gain * (x - mean) + 2 * shift >= 0 else -1
        assert sign_by_threshold(x, rule) == exact


@pytest.mark.parametrize("number", range(8))
def test_signs_that_differ_give_the_inner_product(number):
    first = [1 if number >> bit & 1 else -1 for bit in range(3)]
    for other in range(8):
        second = [1 if other >> bit & 1 else -1 for bit in range(3)]
        assert inner_product(first, second) == sum(map(int.__mul__, first, second))


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("signs", [False, True])
def test_the_spread_behind_fresh_weights_is_that_of_draws(scaled, signs):
    """300 points and 200 units tell it to a few per cent, and 15 are allowed."""
    rng, inputs, units, epsilon = np.random.default_rng(0), 100, 200, 0.02
    weight = 0.3 * np.sqrt(2.0 / units) * rng.normal(size=(units, inputs))
    scale = np.mean(np.abs(weight), axis=1) if scaled else 1.0
    z = scale * (rng.choice([-1.0, 1.0], (300, inputs)) @ (np.sign(weight) if signs else weight).T)
    expected = 1.7 * np.std(z) / math.sqrt(np.var(z) + epsilon)
    found = spread_at_start(
        inputs, units, first_gain=0.3, epsilon=epsilon, scaled=scaled, signs=signs, gain=1.7
    )
    assert found == pytest.approx(expected, rel=0.15)


def test_distillation_averages_probabilities():
    teachers = [np.log([[0.9, 0.1]]), np.log([[0.5, 0.5]])]
    np.testing.assert_allclose(teacher_probabilities(teachers), [[0.7, 0.3]])
    z = np.log([[0.2, 0.8]])
    expected = -(0.7 * math.log(0.2) + 0.3 * math.log(0.8))
    assert float(distillation_loss(z, teachers)) == pytest.approx(expected)
    with pytest.raises(SettingError):
        teacher_probabilities([])


def test_costs_by_hand():
    found = costs(BoolNet((5, 8, 4, 3), blocks=2, slices=2))
    bits = (64 + 64) * 2 + (32 + 16 + 4 * 16) + (16 + 16)
    assert found.binary_weight_bits == bits
    assert found.bops == 2 * bits and found.flops == 2 * (40 + 12)
    assert found.operations == found.flops + found.bops / 64
    assert found.feature_bits == 2 * 2 * 8


def test_the_local_shift_costs_floats():
    plain, shifted = (costs(BoolNet((5, 8, 3), local_shift=window)) for window in (0, 3))
    assert shifted.float_weight_bits - plain.float_weight_bits == 32 * 3 * 8
    assert shifted.flops - plain.flops == 2 * 3 * 8
    assert shifted.bops == plain.bops


def test_energy_of_a_new_network_needs_what_was_not_published():
    with pytest.raises(SettingError, match="energy_dram"):
        accounting.absolute_energy(compute=1.0, accesses_sram=2.0, energy_sram=3.0)
    known = {"accesses_sram": 2.0, "energy_sram": 3.0, "accesses_dram": 4.0, "energy_dram": 5.0}
    assert accounting.absolute_energy(compute=1.0, **known) == 27.0


def test_deviations_are_settings():
    for deviation in DEVIATIONS:
        if deviation.switch is not None:
            BoolNet((4, 8, 3), **deviation.switch)
