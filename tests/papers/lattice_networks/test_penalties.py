"""Tailored penalty, hinge and projection against plain loops; their failure modes."""

import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD
from refimpl.datasets import Batch
from refimpl.errors import SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.lattice_networks.network import SmoothNetwork
from refimpl.papers.lattice_networks.restricted import DecayHinge, DecayProjection
from refimpl.papers.lattice_networks.tailored import TailoredPenalty, weighted_squares
from refimpl.testing import assert_gradient

DECAY = (0.8, 0.3, 0.1)
MODEL = SmoothNetwork((3, 5, 4, 1), "tanh", "plain")
CONSTANTS = {"sharp": (math.pi / 2, 2 / math.pi), "coarse": (1.0, 2.0)}


def params_of(place=None, seed=0):
    return MODEL.init(Rng(seed), bias_scale=1.0, backend=place)


def plain_tailored(params, strength, decay):
    total = 0.0
    for index, layer in enumerate(params):
        for row in np.asarray(layer["weight"]):
            for j, w in enumerate(row):
                scale = decay[j] / max(decay) if index == 0 else 1.0
                total += (w / scale) ** 2
    return strength * total


def plain_rate(params, constants):
    """Q from the composition of Möbius maps, by hand: xi tau t / (1 - tau t), layer after layer."""
    xi, tau = CONSTANTS[constants]
    sums = [np.abs(layer["weight"]).sum(axis=1).max() for layer in params[1:]]
    rate, slope = tau, 1.0
    for r in sums[:-1]:
        slope *= xi * tau * r
        rate += tau * slope
    return rate


@pytest.mark.parametrize("form", ["tailored", "l2"])
def test_penalty_against_loops(form):
    params = params_of()
    decay = (0.3, 0.8, 0.1)  # in no order
    penalty = TailoredPenalty(strength=0.3, form=form, decay=decay)
    expected = plain_tailored(params, 0.3, decay if form == "tailored" else (1.0,) * 3)
    assert math.isclose(float(penalty.value(params, None, None, (), None)[0]), expected)
    value, gradient, aux = penalty.value_and_gradient(params, None, None, (), None)
    assert math.isclose(float(value), expected) and aux == ()
    assert_gradient(lambda p: penalty.value(p, None, None, (), None)[0], params, gradient)
    taped = ad.grad(lambda p: penalty.value(p, None, None, (), None)[0])(params)
    assert_close(gradient, taped, rtol=1e-13)
    assert all(not np.any(layer["bias"]) for layer in gradient)
    parts = penalty.diagnostics(params, None, None, ())
    assert math.isclose(0.3 * float(parts["first_layer"] + parts["other_layers"]), expected)
    rest = sum(float((layer["weight"] ** 2).sum()) for layer in params[1:])
    assert math.isclose(float(parts["other_layers"]), rest)


def test_decay_counts_up_to_a_factor_and_defaults_to_a_power():
    params = params_of()

    def value(**settings):
        return float(
            TailoredPenalty(strength=1.0, **settings).value(params, None, None, (), None)[0]
        )

    assert math.isclose(value(decay=DECAY), value(decay=tuple(7.0 * b for b in DECAY)))
    assert math.isclose(value(power=3.0), value(decay=(1.0, 1 / 8, 1 / 27)))
    assert value() == value(power=2.0) != value(form="l2")


def test_weighted_squares_add_up_over_a_stack():
    weights = [layer["weight"] for layer in params_of()]
    others = [layer["weight"] for layer in params_of(seed=1)]
    factors = np.array([1.0, 2.0, 3.0])
    both = weighted_squares([np.stack(pair) for pair in zip(weights, others, strict=True)], factors)
    single = weighted_squares(weights, factors) + weighted_squares(others, factors)
    assert math.isclose(float(both), float(single))


@pytest.mark.parametrize("constants", ["sharp", "coarse"])
def test_hinge_against_loops(constants):
    params = params_of()
    hinge = DecayHinge(strength=0.5, activation="tanh", decay=DECAY, constants=constants)
    rate = plain_rate(params, constants)
    peaks = np.abs(params[0]["weight"]).max(axis=0)
    expected = 0.5 * sum(
        max(0.0, b * rate / d - 1.0) ** 2 for b, d in zip(peaks, DECAY, strict=True)
    )
    assert expected > 0.0
    value, _ = hinge.value(params, None, Objective(MODEL), (), None)
    assert math.isclose(float(value), expected, rel_tol=1e-12)
    excess = max(b * rate / d for b, d in zip(peaks, DECAY, strict=True))
    assert math.isclose(float(hinge.diagnostics(params, None, None, ())["largest_excess"]), excess)

    def penalty(p):
        return hinge.value(p, None, None, (), None)[0]

    taped = ad.grad(penalty)(params)
    assert_gradient(penalty, params, taped, directions=10, step=1e-3)
    assert np.any(taped[1]["weight"])


def test_hinge_with_a_constant_rate_pulls_the_first_layer_only():
    params = params_of()
    settings = {"strength": 0.5, "activation": "tanh", "decay": DECAY}
    held = DecayHinge(through_growth=False, **settings)
    whole = DecayHinge(**settings)
    value = held.value(params, None, None, (), None)[0]
    assert float(value) == float(whole.value(params, None, None, (), None)[0])
    first = ad.grad(lambda p: held.value(p, None, None, (), None)[0])(params)
    second = ad.grad(lambda p: whole.value(p, None, None, (), None)[0])(params)
    assert_close(first[0]["weight"], second[0]["weight"], rtol=1e-13)
    assert not any(np.any(layer["weight"]) for layer in first[1:])


def test_hinge_is_zero_inside_and_knows_its_network():
    params = params_of()
    hinge = DecayHinge(activation="tanh", decay=(100.0,) * 3)
    assert float(hinge.value(params, None, None, (), None)[0]) == 0.0
    with pytest.raises(SettingError, match="'tanh', the network is 'swish'"):
        hinge.value(params, None, Objective(SmoothNetwork((3, 5, 4, 1), "swish")), (), None)


@pytest.mark.parametrize("constants", ["sharp", "coarse"])
def test_projection_clips_the_first_layer_alone(constants):
    params = params_of()
    part = DecayProjection(activation="tanh", decay=DECAY, constants=constants)
    limits = np.array(DECAY) / plain_rate(params, constants)
    np.testing.assert_allclose(part.limits(params), limits, rtol=1e-12)
    before = [{name: leaf.copy() for name, leaf in layer.items()} for layer in params]
    after, aux = part.project(params, part.init(params), 0, None)
    assert aux == ()
    np.testing.assert_allclose(
        after[0]["weight"], np.clip(before[0]["weight"], -limits, limits), rtol=1e-12
    )
    assert np.any(after[0]["weight"] != before[0]["weight"])
    assert all(np.array_equal(after[k]["weight"], before[k]["weight"]) for k in (1, 2))
    assert all(np.array_equal(a["bias"], b["bias"]) for a, b in zip(after, before, strict=True))
    assert all(
        np.array_equal(a["weight"], b["weight"]) for a, b in zip(params, before, strict=True)
    )
    again, _ = part.project(after, (), 1, None)
    assert_close(again, after, rtol=0.0, atol=0.0)


def test_default_decay_is_scaled():
    part = DecayProjection(activation="tanh", power=1.0, scale=3.0)
    other = DecayProjection(activation="tanh", decay=(3.0, 1.5, 1.0))
    assert_close(part.limits(params_of()), other.limits(params_of()), rtol=1e-15)
    hinge = DecayHinge(activation="tanh", power=1.0, scale=3.0)
    assert_close(
        hinge.diagnostics(params_of(), None, None, ()),
        DecayHinge(activation="tanh", decay=(3.0, 1.5, 1.0)).diagnostics(
            params_of(), None, None, ()
        ),
        rtol=1e-15,
    )


def data(place):
    return Batch(
        place.asarray(Rng(1).uniform((9, 3))), place.asarray(Rng(2).normal((9, 1))), np.arange(9)
    )


PARTS = {
    "tailored": {"penalties": TailoredPenalty(strength=0.01, decay=DECAY)},
    "l2": {"penalties": TailoredPenalty(strength=0.01, form="l2")},
    "hinge": {"penalties": DecayHinge(strength=0.01, decay=DECAY, activation="tanh")},
    "projection": {"projections": DecayProjection(decay=DECAY, activation="tanh")},
}


@pytest.mark.parametrize("name", PARTS)
def test_compositions_run_on_every_backend(name, xb):
    algorithm = Composition(SGD(learning_rate=0.1), **PARTS[name])
    objective = Objective(MODEL, "mean_squared_error")
    start = params_of(xb)
    state = algorithm.init(start)
    for _ in range(2):
        state, info = algorithm.step(state, objective, data(xb))
    assert_same_kind(state.params, start)
    assert math.isfinite(float(info.loss))
    from refimpl import backend

    place = backend()
    reference = algorithm.init(params_of(place))
    for _ in range(2):
        reference, _ = algorithm.step(reference, objective, data(place))
    assert_close(state.params, reference.params, rtol=1e-4, atol=1e-5)


def test_one_step_against_a_plain_twin():
    """SGD on half the mean of squares plus λ R, written out for a network without hidden layer."""
    params = [{"weight": np.array([[1.0, -2.0]]), "bias": np.array([0.5])}]
    x, y = np.array([[0.2, 0.4], [0.6, 0.1]]), np.array([[0.0], [1.0]])
    algorithm = Composition(
        SGD(learning_rate=0.1), penalties=TailoredPenalty(strength=0.05, decay=(2.0, 1.0))
    )
    state = algorithm.init(params)
    state, info = algorithm.step(state, Objective(MLP((2, 1)), "mean_squared_error"), Batch(x, y))
    weight, bias = [1.0, -2.0], 0.5
    errors = [weight[0] * a + weight[1] * b + bias - t for (a, b), (t,) in zip(x, y, strict=True)]
    slopes = [
        sum(e * row[j] for e, row in zip(errors, x, strict=True)) / 2
        + 2 * 0.05 * weight[j] * (1.0, 4.0)[j]
        for j in range(2)
    ]
    expected = [w - 0.1 * g for w, g in zip(weight, slopes, strict=True)]
    np.testing.assert_allclose(state.params[0]["weight"][0], expected, rtol=1e-12)
    np.testing.assert_allclose(state.params[0]["bias"], 0.5 - 0.1 * sum(errors) / 2, rtol=1e-12)
    assert math.isclose(float(info.penalty), 0.05 * (1.0 + 4.0 * 4.0))


def test_a_run_with_the_tailored_penalty_shrinks_unimportant_columns():
    objective = Objective(MODEL, "mean_squared_error")
    from refimpl import backend

    batch = data(backend())
    ends = {}
    for form in ("tailored", "l2"):
        part = TailoredPenalty(strength=0.01, form=form, decay=(1.0, 0.1, 0.01))
        algorithm = Composition(Adam(learning_rate=0.02), penalties=part)
        state = algorithm.init(params_of())
        for _ in range(150):
            state, _ = algorithm.step(state, objective, batch)
        ends[form] = np.abs(state.params[0]["weight"]).max(axis=0)
    assert ends["tailored"][2] < 0.1 * ends["l2"][2]


@pytest.mark.parametrize("kind", [TailoredPenalty, DecayHinge, DecayProjection])
def test_settings_are_checked(kind):
    for wrong in ((1.0, 0.0), (1.0, -1.0), (1.0, math.inf), (1.0, math.nan)):
        with pytest.raises(SettingError, match=r"decay must be positive and finite.*j=2"):
            kind(decay=wrong)
    with pytest.raises(TypeError, match="decay"):
        kind(decay=3.0)
    with pytest.raises(ValueError, match="power"):
        kind(power=0.0)
    for params in (params_of(), [{"weight": np.ones((2, 2))}]):
        with pytest.raises(SettingError, match=r"another length.*decay=4"):
            kind(decay=(1.0,) * 4).init([*params, {"weight": np.ones((1, 1))}])
    with pytest.raises(SettingError, match="no weight matrix"):
        kind().init({"bias": np.ones(3)})


def test_settings_of_restrictions_are_checked():
    for kind in (DecayHinge, DecayProjection):
        with pytest.raises(SettingError, match="relu"):
            kind(activation="relu")
        with pytest.raises(ValueError, match="constants"):
            kind(constants="wrong")
        with pytest.raises(ValueError, match="scale"):
            kind(scale=-1.0)
        with pytest.raises(SettingError, match="hidden layer"):
            kind().init([{"weight": np.ones((1, 2))}])
    for kind in (DecayHinge, TailoredPenalty):
        with pytest.raises(ValueError, match="strength"):
            kind(strength=-1.0)
    with pytest.raises(ValueError, match="form"):
        TailoredPenalty(form="wrong")
    with pytest.raises(TypeError, match="through_growth"):
        DecayHinge(through_growth=1)
