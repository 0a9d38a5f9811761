"""The penalties against a plain twin, their limits, and what they refuse."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.loss_gradient import LossGradient
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.datasets import Batch
from refimpl.errors import DivergenceError, SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_regularization import (
    conformance,
    diagnosis,
    manual_gradient,
    measures,
    points,
)
from refimpl.papers.gradient_regularization.graph_penalty import GraphPenalty
from refimpl.papers.gradient_regularization.input_noise import InputNoise
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.random import Replay

spec = importlib.util.spec_from_file_location("slopes_twin", Path(__file__).parent / "twin.py")
twin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(twin)

RNG = Rng(11)
MODEL = MLP((3, 5, 4), activation="tanh")
PARAMS = MODEL.init(RNG.child("init"), bias_scale=1.0)
OBJECTIVE = Objective(MODEL)
BATCH = Batch(RNG.child("x").normal((6, 3)), np.array([0, 1, 2, 3, 0, 1]))

SETTINGS = [
    {"power": 2},
    {"power": 2, "half": True},
    {"power": 1},
    {"power": 1, "norm": "per_class"},
    {"power": 1, "smoothing": 0.3},
    {"power": 1, "norm": "per_class", "smoothing": 0.3},
]


@pytest.mark.parametrize("way", ["manual", "tape"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_value_and_gradient_are_those_of_the_twin(settings, way):
    part = GradientRegularization(strength=0.7, derivatives=way, **settings)
    value, gradient, _ = part.value_and_gradient(PARAMS, BATCH, OBJECTIVE, ())
    assert value == pytest.approx(twin.penalty(PARAMS, BATCH.inputs, 0.7, **settings), rel=1e-12)
    assert value == part.value(PARAMS, BATCH, OBJECTIVE, ())[0] or way == "manual"
    h = 1e-6
    for layer, key, place in ((0, "weight", (2, 1)), (0, "bias", (3,)), (1, "weight", (1, 4))):
        moved = []
        for sign in (1.0, -1.0):
            params = [dict(each) for each in PARAMS]
            params[layer][key] = params[layer][key].copy()
            params[layer][key][place] += sign * h
            moved.append(twin.penalty(params, BATCH.inputs, 0.7, **settings))
        assert gradient[layer][key][place] == pytest.approx(
            (moved[0] - moved[1]) / (2 * h), abs=2e-8
        )
    assert np.all(gradient[1]["bias"] == 0.0)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("widths", [(20, 6, 5, 3), (7, 3), (6, 5, 3)], ids=str)
def test_wide_inputs_and_many_points_have_the_gradient_of_the_tape(activation, widths, settings):
    """Rows in a basis of the first layer, also where its rank is less; several blocks."""
    model = MLP(widths, activation=activation)
    params = model.init(Rng(3), bias_scale=1.0)
    params[0]["weight"][-1] = 2.0 * params[0]["weight"][0]
    batch = Batch(Rng(4).normal((300, widths[0])), np.zeros(300, int))
    ways = [GradientRegularization(strength=0.7, derivatives=way, **settings)
            for way in ("manual", "tape")]  # fmt: skip
    (hand, mine, _), (tape, other, _) = (
        part.value_and_gradient(params, batch, Objective(model), ()) for part in ways
    )
    assert hand == pytest.approx(tape, rel=1e-13)
    for a, b in zip(ad.flatten(mine)[0], ad.flatten(other)[0], strict=True):
        np.testing.assert_allclose(
            a, b, rtol=1e-12, atol=1e-13 * np.max(np.abs(other[0]["weight"]))
        )


def test_blocks_cover_every_point_once():
    for many, rows in ((1, 1), (300, 10), (257, 1), (5, 1000)):
        found = [i for part in manual_gradient.blocks(many, rows) for i in range(many)[part]]
        assert found == list(range(many))


def test_one_step_is_the_step_of_the_twin():
    """Noisy points from known draws; the loss gradient is not needed at rate 1, loss 0."""
    noise = RNG.child("noise").normal((6, 3))
    part = GradientRegularization(strength=0.2, points="noisy", spread=0.4)
    value, _ = part.value(PARAMS, BATCH, OBJECTIVE, (), Replay([noise]))
    assert value == pytest.approx(
        twin.penalty(PARAMS, BATCH.inputs + 0.4 * noise, 0.2, 2), rel=1e-12
    )


@pytest.mark.parametrize("kind", ["fresh", "lattice", "midpoint"])
def test_points_in_a_box(kind):
    part = GradientRegularization(strength=0.2, points=kind, count=3, low=-1.0, high=2.0)
    draws = RNG.child("fresh").uniform((3, 3), -1.0, 2.0)
    expected = {
        "fresh": draws,
        "lattice": -1 + 3 * (np.array([[0, 0, 0], [1, 2, 1], [2, 1, 2]]) + 0.5) / 3,
        "midpoint": [(a, b, c) for a in (-0.5, 0.5, 1.5) for b in (-0.5, 0.5, 1.5)
                     for c in (-0.5, 0.5, 1.5)],
    }[kind]  # fmt: skip
    value, _ = part.value(PARAMS, BATCH, OBJECTIVE, (), Replay([draws]))
    assert value == pytest.approx(twin.penalty(PARAMS, expected, 0.2, 2), rel=1e-12)


def test_given_weights_are_used():
    part = GradientRegularization()
    weights = np.array([0.0, 0.5, 2.0])
    found = part.measure(OBJECTIVE, PARAMS, BATCH.inputs[:3], weights)
    each = [twin.penalty(PARAMS, BATCH.inputs[i : i + 1], 1.0, 2) for i in range(3)]
    assert found == pytest.approx(0.5 * each[1] + 2.0 * each[2], rel=1e-12)


def test_probes_of_given_signs():
    signs = RNG.child("signs").rademacher((2, 6, 4))
    part = GradientRegularization(strength=1.0, probes=2)
    value, gradient, _ = part.value_and_gradient(PARAMS, BATCH, OBJECTIVE, (), Replay([signs]))
    expected = 0.0
    for i in range(6):
        jacobian = np.array(twin.slopes(PARAMS, BATCH.inputs[i]))
        expected += sum(np.sum((signs[m, i] @ jacobian) ** 2) for m in range(2)) / 12
    assert value == pytest.approx(expected, rel=1e-12)
    taped = GradientRegularization(strength=1.0, probes=2, derivatives="tape")
    other = taped.value_and_gradient(PARAMS, BATCH, OBJECTIVE, (), Replay([signs]))[1]
    np.testing.assert_allclose(gradient[0]["weight"], other[0]["weight"], atol=1e-13)


@pytest.mark.parametrize("law", ["sphere", "normal"])
def test_laws_of_probes(law):
    drawn = RNG.child("law").normal((2, 3, 4))
    found = measures.covectors(np.zeros((3, 4)), 2, law, Replay([drawn]))
    lengths = np.linalg.norm(found, axis=-1)
    np.testing.assert_allclose(lengths, 2.0 if law == "sphere" else np.linalg.norm(drawn, axis=-1))


@pytest.mark.parametrize("part", [
    GradientRegularization(strength=0.0),
    GradientRegularization(strength=0.0, power=1),
    GraphPenalty(strength=0.0),
])  # fmt: skip
def test_no_strength_is_plain_training_bit_for_bit(part):
    steps = []
    for penalties in ([], [part]):
        algorithm = Composition(SGD(learning_rate=0.3), penalties=penalties)
        state = algorithm.init(PARAMS, objective=OBJECTIVE)
        for _ in range(3):
            state, _ = algorithm.step(state, OBJECTIVE, BATCH)
        steps.append(np.concatenate([np.ravel(leaf) for leaf in ad.flatten(state.params)[0]]))
    assert np.array_equal(*steps)


def test_a_flat_network_has_a_subgradient_of_0():
    params = [{**layer, "weight": 0.0 * layer["weight"]} for layer in PARAMS]
    for way in ("manual", "tape"):
        for norm in ("frobenius", "per_class"):
            part = GradientRegularization(strength=1.0, power=1, norm=norm, derivatives=way)
            value, gradient, _ = part.value_and_gradient(params, BATCH, OBJECTIVE, ())
            assert value == 0.0
            assert all(np.all(leaf == 0.0) for leaf in ad.flatten(gradient)[0])


def test_tiny_slopes_in_float32_keep_their_direction():
    params = [{"weight": np.array([[3e-30, 4e-30]], dtype=np.float32)}]
    batch = Batch(np.zeros((1, 2), np.float32), np.zeros((1, 1), np.float32))
    objective = Objective(MLP((2, 1), bias=False), "mean_squared_error")
    part = GradientRegularization(strength=1.0, power=1)
    value, gradient, _ = part.value_and_gradient(params, batch, objective, ())
    assert value.dtype == np.float32 and value == pytest.approx(5e-30, rel=1e-5)
    np.testing.assert_allclose(gradient[0]["weight"], [[0.6, 0.8]], rtol=1e-5)


def test_relu_biases_get_no_gradient():
    model = MLP((3, 5, 4))
    part = GradientRegularization(strength=1.0)
    _, gradient, _ = part.value_and_gradient(PARAMS, BATCH, Objective(model), ())
    assert all(np.all(layer["bias"] == 0.0) for layer in gradient)


@pytest.mark.parametrize("power", [1, 2])
def test_the_graph_penalty_is_that_of_the_twin(power):
    part = GraphPenalty(strength=0.3, power=power, bandwidth=0.9)
    value, _ = part.value(PARAMS, BATCH, OBJECTIVE, ())
    outputs = MODEL(PARAMS, BATCH.inputs)
    expected = twin.graph(outputs, BATCH.inputs, 0.3, power, 0.9)
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("graph", ["gaussian", "nearest"])
@pytest.mark.parametrize("power", [1, 2])
def test_the_graph_penalty_by_hand_is_that_of_the_tape(power, graph):
    """Also where the outputs of two examples agree, and all of them have a large part in common."""
    part = GraphPenalty(strength=0.3, power=power, graph=graph, neighbors=2)
    batch = BATCH._replace(inputs=np.concatenate([BATCH.inputs[:5], BATCH.inputs[4:5]]))
    params = [PARAMS[0], {**PARAMS[1], "bias": PARAMS[1]["bias"] + 100.0}]
    value, gradient, _ = part.value_and_gradient(params, batch, OBJECTIVE, ())
    expected, taped = ad.value_and_grad(lambda at: part.value(at, batch, OBJECTIVE, ())[0])(params)
    assert value == pytest.approx(expected, rel=1e-12)
    for a, b in zip(ad.flatten(gradient)[0], ad.flatten(taped)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_noise_moves_the_batch_before_the_step():
    noise = RNG.child("noise").normal((6, 3))
    noisy = Composition(SGD(learning_rate=0.3), wrappers=[InputNoise(deviation=0.5)])
    plain = Composition(SGD(learning_rate=0.3))
    one, info = noisy.step(noisy.init(PARAMS), OBJECTIVE, BATCH, Replay([noise]))
    moved = BATCH._replace(inputs=BATCH.inputs + 0.5 * noise)
    other, expected = plain.step(plain.init(PARAMS), OBJECTIVE, moved)
    np.testing.assert_array_equal(one.params[0]["weight"], other.params[0]["weight"])
    assert info.loss == expected.loss


def test_held_out_points_are_reported():
    part = GradientRegularization(strength=0.5, power=1, held_out=True)
    algorithm = Composition(SGD(), penalties=[part])
    state = algorithm.init(PARAMS, objective=OBJECTIVE)
    _, info = algorithm.step(state, OBJECTIVE, BATCH)
    between = 0.5 * (BATCH.inputs[1:] + BATCH.inputs[:-1])
    inside = twin.penalty(PARAMS, BATCH.inputs, 1.0, 1)
    outside = twin.penalty(PARAMS, between, 1.0, 1)
    assert info.penalty_at_points == pytest.approx(inside, rel=1e-12)
    assert info.penalty_held_out == pytest.approx(outside, rel=1e-12)
    assert info.too_few_points == 0.0
    wave = Objective(lambda params, inputs: params * ad.sin(inputs), "mean_squared_error")
    batch = Batch(np.array([[0.5 * np.pi], [1.5 * np.pi]]), np.zeros((2, 1)))
    assert part.diagnostics(np.ones(1), batch, wave, ())["too_few_points"] == 1.0


@pytest.mark.parametrize(("settings", "error"), [
    ({"strength": -1.0}, ValueError),
    ({"power": 3}, ValueError),
    ({"power": 1, "smoothing": -0.1}, ValueError),
    ({"probes": 0}, ValueError),
    ({"power": 1, "probes": 2}, SettingError),
    ({"power": 1, "half": True}, SettingError),
    ({"smoothing": 0.1}, SettingError),
    ({"low": 1.0, "high": 1.0}, ValueError),
    ({"points": "grid"}, ValueError),
    ({"count": 0}, ValueError),
    ({"spread": -1.0}, ValueError),
    ({"law": "cauchy"}, ValueError),
    ({"norm": "spectral"}, ValueError),
    ({"derivatives": "magic"}, ValueError),
])  # fmt: skip
def test_settings_are_checked(settings, error):
    with pytest.raises(error):
        GradientRegularization(**settings)


def test_rules_are_checked():
    part = GradientRegularization()
    with pytest.raises(SettingError, match="non-negative"):
        part.measure(OBJECTIVE, PARAMS, BATCH.inputs[:2], np.array([1.0, -1.0]))
    with pytest.raises(SettingError, match="needs points"):
        part.measure(OBJECTIVE, PARAMS, BATCH.inputs[:0], np.ones(0))
    with pytest.raises(SettingError, match="one weight a point"):
        part.measure(OBJECTIVE, PARAMS, BATCH.inputs[:2], np.ones(3))
    with pytest.raises(SettingError, match="empty"):
        points.penalty_points("data", BATCH.inputs[:0])
    with pytest.raises(SettingError, match="count"):
        points.penalty_points("midpoint", np.zeros((1, 9)), count=9)
    assert points.penalty_points("midpoint", np.zeros((1, 6)), count=10).shape == (10**6, 6)
    with pytest.raises(TypeError, match="rng"):
        points.penalty_points("fresh", BATCH.inputs)


def test_hard_gates_and_coupled_batches_are_refused():
    class Gates:
        activation, widths = "sign", (3, 5, 4)

        def __call__(self, params, inputs):
            sums = inputs @ params[0]["weight"].T
            return (0.0 * sums + np.sign(ad.value(sums))) @ params[1]["weight"].T

    class Signs(Gates):
        def __call__(self, params, inputs):
            return ad.sign(inputs @ params[0]["weight"].T) @ params[1]["weight"].T

    class Normalized(Gates):
        activation = "batch normalization"

        def __call__(self, params, inputs):
            return MODEL(params, inputs - ad.mean(inputs, axis=0))

    part = GradientRegularization()
    with pytest.raises(SettingError, match="'sign' is constant in pieces"):
        part.init(PARAMS, objective=Objective(Gates()))
    with pytest.raises(SettingError, match="'sign' has no slope"):
        part.init(PARAMS, objective=Objective(Signs()))
    with pytest.raises(SettingError, match="Normalized"):
        part.init(PARAMS, objective=Objective(Normalized()))
    assert part.init(PARAMS, objective=OBJECTIVE) == ()
    assert diagnosis.probe_inputs(lambda params, inputs: inputs, PARAMS) is None


def test_smoothing_that_float32_loses_is_refused():
    params = [{key: leaf.astype(np.float32) for key, leaf in layer.items()} for layer in PARAMS]
    batch = Batch(BATCH.inputs.astype(np.float32), BATCH.targets)
    for way in ("manual", "tape"):
        part = GradientRegularization(power=1, smoothing=1e-25, derivatives=way)
        with pytest.raises(SettingError, match="lost") as caught:
            part.value_and_gradient(params, batch, OBJECTIVE, ())
        assert caught.value.smoothing == 1e-25 < caught.value.smallest
        assert part.value_and_gradient(PARAMS, BATCH, OBJECTIVE, ())[0] > 0


def test_manual_derivatives_need_a_perceptron():
    part = GradientRegularization(derivatives="manual")
    with pytest.raises(SettingError, match="perceptron"):
        part.value_and_gradient(np.ones(3), BATCH, Objective(lambda w, x: x * w), ())


def test_graphs_need_enough_examples():
    for settings in ({"graph": "nearest", "neighbors": 6}, {}):
        few = BATCH if settings else Batch(BATCH.inputs[:1], BATCH.targets[:1])
        with pytest.raises(SettingError, match="more examples"):
            GraphPenalty(**settings).value(PARAMS, few, OBJECTIVE, ())
    for wrong in ({"bandwidth": 0.0}, {"neighbors": 0}, {"power": 3}, {"strength": -1.0}):
        with pytest.raises(ValueError):
            GraphPenalty(**wrong)


def test_a_loss_gradient_penalty_that_is_too_strong_diverges_with_an_error():
    from refimpl.datasets import Dataset
    from refimpl.training import train

    inputs = 8.0 * RNG.child("far").normal((40, 3))
    data = Dataset("far", inputs, np.arange(40) % 4, classes=4)
    algorithm = Composition(Momentum(learning_rate=0.05), penalties=[LossGradient(strength=1e4)])
    with pytest.raises(DivergenceError):
        train(
            algorithm,
            Objective(MLP((3, 5, 4))),
            PARAMS,
            data,
            epochs=200,
            rng=Rng(0),
            progress=False,
        )


def test_deviations_differ_from_what_is_here():
    for deviation in conformance.DEVIATIONS:
        assert deviation.what and deviation.here() != deviation.there()


@pytest.mark.parametrize(("ratio", "flag"), [(9.5, 0.0), (10.5, 1.0)])
def test_ten_times_the_slope_between_the_points_is_too_few_points(ratio, flag):
    """Slopes |cos x|: sin δ at both points, 1 halfway."""
    place = 0.5 * np.pi - np.arcsin(1.0 / ratio)
    wave = Objective(lambda params, inputs: params * ad.sin(inputs), "mean_squared_error")
    batch = Batch(np.array([[-place], [place]]), np.zeros((2, 1)))
    part = GradientRegularization(strength=0.5, power=1, held_out=True)
    found = part.diagnostics(np.ones(1), batch, wave, ())
    assert found["penalty_held_out"] / found["penalty_at_points"] == pytest.approx(ratio)
    assert found["too_few_points"] == flag
