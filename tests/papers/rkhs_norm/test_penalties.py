"""Every penalty against its twin in plain NumPy: value, gradient, a step, and what breaks it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.loss_gradient import LossGradient
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import to_host
from refimpl.datasets import Batch
from refimpl.errors import SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.rkhs_norm.adversarial_norm import AdversarialNorm
from refimpl.papers.rkhs_norm.averaged import AveragedGradient
from refimpl.papers.rkhs_norm.gradient_norm import GradientNorm
from refimpl.papers.rkhs_norm.graph_smoothness import GraphSmoothness
from refimpl.papers.rkhs_norm.normalized import NormalizedMLP
from refimpl.testing import assert_gradient

NEAR = {"step": 1e-5, "directions": 6, "tolerance": 1e-6}
"""Differences that stay on one side of the kinks."""

spec = importlib.util.spec_from_file_location("rkhs_twin", Path(__file__).parent / "twin.py")
twin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(twin)

WIDTHS, SLOPE = (4, 6, 5, 3), {"relu": 0.0, "leaky_relu": 0.01}
NUMPY = backend("numpy")


def problem(xb=NUMPY, activation="relu", examples=6, seed=0):
    model = MLP(WIDTHS, activation=activation)
    params = model.init(Rng(seed), bias_scale=1.0, backend=xb)
    rng = Rng(seed).child("data")
    inputs = xb.asarray(rng.normal((examples, WIDTHS[0])))
    batch = Batch(inputs, xb.asarray(rng.integers(0, 3, (examples,))))
    return Objective(model), params, batch


def host(params):
    return ad.map_tree(lambda leaf: np.asarray(to_host(leaf), dtype=float), params)


def twin_value(part, slope, batch):
    """params -> the penalty's value by definition, for the parts whose points are not chosen."""
    x, y = to_host(batch.inputs).astype(float), to_host(batch.targets)
    kind = type(part).__name__
    if kind == "GradientNorm" and part.reduction == "mean":
        return lambda p: twin.averaged(p, x, part.strength, 2, "per_class", slope)
    return {
        "GradientNorm": lambda p: twin.gradient_norm(p, x, part.strength, slope),
        "AveragedGradient": lambda p: twin.averaged(
            p, x, part.strength, part.power, part.norm, slope
        ),
        "LossGradient": lambda p: twin.loss_gradient(p, x, y, part.strength, part.norm, slope),
        "GraphSmoothness": lambda p: (
            twin.chain(p, x, part.strength, part.power, slope)
            if part.graph == "chain"
            else twin.graph(p, x, part.strength, part.power, part.bandwidth, slope)
        ),
    }[kind]


PARTS = [
    GradientNorm(strength=0.3),
    GradientNorm(strength=0.3, reduction="mean"),
    AveragedGradient(strength=0.2),
    AveragedGradient(strength=0.2, power=1),
    AveragedGradient(strength=0.2, power=1, norm="frobenius"),
    LossGradient(strength=0.4),
    LossGradient(strength=0.4, norm="l1"),
    GraphSmoothness(strength=0.6, bandwidth=2.0),
    GraphSmoothness(strength=0.6, power=1, bandwidth=2.0),
    GraphSmoothness(strength=0.6, graph="chain"),
    GraphSmoothness(strength=0.6, power=1, graph="chain"),
]


def gradient_of(part, params, batch, objective):
    if hasattr(part, "value_and_gradient"):
        return part.value_and_gradient(params, batch, objective, ())[:2]
    return ad.value_and_grad(lambda p: part.value(p, batch, objective, ())[0])(params)


@pytest.mark.parametrize("activation", list(SLOPE))
@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_values_and_gradients_are_those_of_the_definition(part, activation):
    objective, params, batch = problem(activation=activation)
    value, gradient = gradient_of(part, params, batch, objective)
    function = twin_value(part, SLOPE[activation], batch)
    np.testing.assert_allclose(float(value), function(params), rtol=1e-12)
    assert_gradient(function, params, gradient, **NEAR)


@pytest.mark.parametrize("part", PARTS[:7], ids=repr)
def test_the_closed_form_is_the_tape(part, xb):
    objective, params, batch = problem(xb)
    value, gradient, aux = part.value_and_gradient(params, batch, objective, ())
    assert aux == () and value.shape == ()
    assert_same_kind(gradient, params)
    taped = type(part)(**{**vars(part), "derivatives": "tape"})
    other, expected, _ = taped.value_and_gradient(params, batch, objective, ())
    factor = 1e-12 / np.finfo(float).eps if xb.dtype_name == "float64" else 100.0
    assert_close(value, other, factor=factor)
    assert_close(gradient, expected, factor=factor)


@pytest.mark.parametrize("selector", ["signed", "absolute"])
def test_the_adversarial_penalty_is_that_of_its_twin(selector):
    objective, params, batch = problem()
    part = AdversarialNorm(radius=0.8, strength=0.7, steps=3, selector=selector)
    pairs = twin.adversarial_pairs(params, batch.inputs, 0.8, 3, selector)
    value, gradient = gradient_of(part, params, batch, objective)
    np.testing.assert_allclose(float(value), twin.gain_penalty(params, pairs, 0.7), rtol=1e-12)
    assert_gradient(lambda p: twin.gain_penalty(p, pairs, 0.7), params, gradient, **NEAR)
    inputs, moved = part.chosen(objective.model, params, batch.inputs)
    np.testing.assert_allclose(inputs, [here for here, _ in pairs], rtol=1e-13)
    np.testing.assert_allclose(moved, [there for _, there in pairs], rtol=1e-12)
    taped = AdversarialNorm(
        radius=0.8, strength=0.7, steps=3, selector=selector, derivatives="tape"
    )
    np.testing.assert_allclose(float(taped.value(params, batch, objective, ())[0]), value, 1e-12)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity"])
@pytest.mark.parametrize("bias", [True, False])
def test_more_inputs_than_units_take_the_same_ascent(xb, activation, bias):
    """In the coordinates of the first layer, and with the normalization inside the model."""
    model = NormalizedMLP((9, 5, 4, 3), mean=0.2, scale=0.5, activation=activation, bias=bias)
    params = model.init(Rng(0), bias_scale=1.0, backend=xb)
    inputs = xb.asarray(Rng(1).normal((6, 9)))
    for radius, steps in ((0.8, 3), (0.1, 7)):
        part = AdversarialNorm(radius=radius, steps=steps)
        moved, gains = part.gains(model, params, inputs)
        assert_same_kind(moved, inputs, shape=False)
        taped = AdversarialNorm(radius=radius, steps=steps, derivatives="tape")
        there, expected = taped.gains(model, params, inputs)
        assert_close(moved, there, factor=2000)
        assert_close(gains, expected, factor=2000)
    dead = [{**layer, "weight": 0.0 * layer["weight"]} for layer in params]
    moved, gains = part.gains(model, dead, inputs)
    assert np.all(to_host(gains) == 0.0)
    assert np.array_equal(to_host(moved), np.tile(to_host(inputs), (3, 1)))


def test_the_selectors_differ_where_a_loss_is_larger_than_the_gain():
    """An ascent step from x = 0.95 overshoots a ridge at 1 and falls; x = -1 has slope 0."""
    model = MLP((1, 2, 1))
    params = [
        {"weight": np.array([[1.0], [1.0]]), "bias": np.array([0.0, -1.0])},
        {"weight": np.array([[1.0, -9.0]]), "bias": np.zeros(1)},
    ]
    batch = Batch(np.array([[0.95], [-1.0]]), np.array([0, 0]))
    objective = Objective(model)
    signed, absolute = (
        float(
            AdversarialNorm(radius=0.5, steps=1, selector=s).value(params, batch, objective, ())[0]
        )
        for s in ("signed", "absolute")
    )
    # x = 0.95 moves to 1.45 and loses 0.5 - 9 * 0.45 = -3.55; x = -1 has slope 0 and stays
    np.testing.assert_allclose([signed, absolute], [0.0, 3.55**2], atol=1e-12)


def test_a_random_start_needs_an_rng_and_uses_it():
    objective, params, batch = problem()
    part = AdversarialNorm(radius=0.5, steps=1, start="random")
    with pytest.raises(TypeError, match="rng"):
        part.value(params, batch, objective, ())
    values = [float(part.value(params, batch, objective, (), Rng(n))[0]) for n in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


OFF = [
    GradientNorm(strength=0.0),
    GradientNorm(strength=0.0, reduction="mean"),
    AveragedGradient(strength=0.0),
    LossGradient(strength=0.0),
    GraphSmoothness(strength=0.0),
    AdversarialNorm(radius=0.0),
    AdversarialNorm(strength=0.0),
]


@pytest.mark.parametrize("part", OFF, ids=repr)
def test_strength_zero_is_plain_training_bit_for_bit(part):
    objective, params, batch = problem()
    plain = Composition(Momentum(learning_rate=0.1))
    other = Composition(Momentum(learning_rate=0.1), penalties=[part])
    states = [algorithm.init(params) for algorithm in (plain, other)]
    for _ in range(3):
        states = [
            algorithm.step(state, objective, batch)[0]
            for algorithm, state in zip((plain, other), states, strict=True)
        ]
    for a, b in zip(*(ad.flatten(s.params)[0] for s in states), strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_step_follows_loss_and_penalties_together():
    objective, params, batch = problem()
    parts = [GradientNorm(strength=0.02), LossGradient(strength=0.03, norm="l1")]
    algorithm = Composition(SGD(learning_rate=0.1), penalties=parts)
    state, info = algorithm.step(algorithm.init(params), objective, batch)

    def total(p):
        x, y = batch.inputs, batch.targets
        return (
            twin.cross_entropy(p, x, y)
            + twin.gradient_norm(p, x, 0.02)
            + twin.loss_gradient(p, x, y, 0.03, "l1")
        )

    moved = ad.map_tree(lambda before, after: (before - after) / 0.1, params, state.params)
    assert_gradient(total, params, moved, **NEAR)
    penalty = twin.gradient_norm(params, batch.inputs, 0.02) + twin.loss_gradient(
        params, batch.inputs, batch.targets, 0.03, "l1"
    )
    np.testing.assert_allclose(float(info.penalty), penalty, rtol=1e-12)
    slope = np.sqrt(twin.gradient_norm(params, batch.inputs, 1.0))
    np.testing.assert_allclose(float(info.slope), slope, rtol=1e-12)


def test_the_adversarial_diagnostic_is_the_gain_per_reach():
    objective, params, batch = problem()
    part = AdversarialNorm(radius=0.4, strength=3.0, steps=2, start="random")
    pairs = twin.adversarial_pairs(params, batch.inputs, 0.4, 2, "signed")
    expected = np.sqrt(twin.gain_penalty(params, pairs, 1.0)) / 0.4
    found = part.diagnostics(params, batch, objective, ())
    np.testing.assert_allclose(float(found["slope"]), expected, rtol=1e-12)
    assert (
        float(AdversarialNorm(radius=0.0).diagnostics(params, batch, objective, ())["slope"]) == 0
    )


def test_normalization_inside_the_model_scales_the_slopes():
    inner = MLP(WIDTHS)
    model = NormalizedMLP(WIDTHS, mean=0.4, scale=0.25)
    _, params, batch = problem()
    assert model.init(Rng(0))[0]["weight"].shape == inner.init(Rng(0))[0]["weight"].shape
    shifted = Batch(0.4 + 0.25 * batch.inputs, batch.targets)
    for part in (GradientNorm(strength=0.3), AveragedGradient(strength=0.3), LossGradient()):
        inside, gradient, _ = part.value_and_gradient(params, shifted, Objective(model), ())
        outside, expected, _ = part.value_and_gradient(params, batch, Objective(inner), ())
        np.testing.assert_allclose(float(inside), 16.0 * float(outside), rtol=1e-11)
        assert_close(gradient, ad.map_tree(lambda g: 16.0 * g, expected), rtol=1e-10, atol=1e-10)
    with pytest.raises(ValueError, match="scale"):
        NormalizedMLP(WIDTHS, scale=0.0)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (GradientNorm, {"strength": -0.1}),
        (GradientNorm, {"reduction": "max"}),
        (GradientNorm, {"derivatives": "exact"}),
        (AveragedGradient, {"power": 3}),
        (AveragedGradient, {"power": 0}),
        (AveragedGradient, {"norm": "spectral"}),
        (AveragedGradient, {"strength": -1.0}),
        (LossGradient, {"norm": "linf"}),
        (LossGradient, {"strength": -1.0}),
        (AdversarialNorm, {"radius": -0.1}),
        (AdversarialNorm, {"strength": -0.1}),
        (AdversarialNorm, {"steps": 0}),
        (AdversarialNorm, {"selector": "largest"}),
        (AdversarialNorm, {"start": "ones"}),
        (GraphSmoothness, {"power": 3}),
        (GraphSmoothness, {"graph": "ring"}),
        (GraphSmoothness, {"bandwidth": 0.0}),
    ],
)
def test_wrong_settings_are_refused_by_name(kind, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind(**wrong)


@pytest.mark.parametrize("kind", [GradientNorm, AveragedGradient, LossGradient, AdversarialNorm])
def test_a_curved_activation_has_no_closed_form(kind):
    objective = Objective(MLP(WIDTHS, activation="tanh"))
    _, params, batch = problem()
    part = kind(derivatives="closed_form")
    with pytest.raises(SettingError, match="'tanh'"):
        gradient_of(part, params, batch, objective)
    _, gradient = gradient_of(kind(strength=0.1), params, batch, objective)
    along = ad.map_tree(lambda leaf: Rng(8).normal(leaf.shape), params)

    def at(step):
        moved = ad.map_tree(lambda w, v: w + step * v, params, along)
        return float(gradient_of(kind(strength=0.1), moved, batch, objective)[0])

    if kind is not AdversarialNorm:  # its points are held fixed, and move
        slope = (at(1e-5) - at(-1e-5)) / 2e-5
        np.testing.assert_allclose(float(ad.dot(gradient, along)), slope, rtol=1e-6)


def test_graphs_say_what_they_lack():
    objective, params, batch = problem()
    one = Batch(batch.inputs[:1], batch.targets[:1])
    with pytest.raises(SettingError, match="two examples"):
        GraphSmoothness().value(params, one, objective, ())
    twice = Batch(batch.inputs[[0, 0, 1]], batch.targets[[0, 0, 1]])
    with pytest.raises(SettingError, match="coincide"):
        GraphSmoothness(graph="chain").value(params, twice, objective, ())


def test_dead_networks_give_zeros_and_no_nan(xb):
    objective, params, batch = problem(xb)
    dead = [{**layer, "bias": layer["bias"] - 1000.0} for layer in params]
    for part in [*PARTS, AdversarialNorm(radius=0.3)]:
        value, gradient = gradient_of(part, dead, batch, objective)
        assert float(value) == 0.0, part
        assert all(np.all(to_host(leaf) == 0.0) for leaf in ad.flatten(gradient)[0]), part
