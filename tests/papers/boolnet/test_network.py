"""The network: its graph against a plain twin, what is refused, and packed bits against floats."""

import itertools

import numpy as np
import pytest

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD
from refimpl.datasets import Batch
from refimpl.errors import DivergenceError, SettingError
from refimpl.papers.boolnet import packed
from refimpl.papers.boolnet.local_shift import folded, windowed
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.packed import PackedNetwork, binary_products, pack_signs
from refimpl.papers.boolnet.statistics import (
    binary_layers,
    norm_layers,
    recalibrate,
)

FORMS = [
    {},
    {"slices": 2},
    {"slices": 4, "split": True},
    {"split": True},
    {"shortcuts": "none"},
    {"shortcuts": "none", "slices": 4},
    {"slices": 4, "weight_scale": "mean_abs"},
    {"slices": 2, "offsets": "non_uniform"},
    {"slices": 2, "offsets": (-0.3, 0.7)},
    {"slices": 2, "local_shift": 3},
    {"local_shift": 1, "split": True},
]
WIDTHS = [(20, 72, 10), (20, 72, 40, 10)]


def trained_like(model, seed=0):
    """Random parameters with statistics, gains of both signs and a unit of gain 0."""
    rng = Rng(seed)
    params = model.init(rng.child("init"))
    for index, (_, layer) in enumerate(norm_layers(params)):
        layer["gain"][:] = rng.child("gain", index).normal(layer["gain"].shape)
        layer["gain"][0] = 0.0
        layer["shift"][:] = 0.3 * rng.child("shift", index).normal(layer["shift"].shape)
    return recalibrate(model, params, rng.child("x").normal((200, model.widths[0])))


def twin(model, params, inputs):
    """The evaluated network, example by example, in plain loops."""
    k = model.slices

    def norm(value, layer, unit):
        deviation = np.sqrt(layer["variance"][unit] + model.epsilon)
        return (
            layer["gain"][unit] * (value - layer["mean"][unit]) / deviation + layer["shift"][unit]
        )

    def sign(value):
        return 1.0 if value >= 0 else -1.0

    def dot(layer, slices, groups):
        weight = layer["weight"]
        units = []
        for unit, row in enumerate(weight):
            read = (
                slices[unit // (len(weight) // groups)]
                if groups > 1
                else list(itertools.chain(*slices))
            )
            total = sum(sign(w) * x for w, x in zip(row, read, strict=True))
            if model.weight_scale == "mean_abs":
                total *= float(np.mean(np.abs(row)))
            units.append(norm(total, layer, unit))
        return units

    def spread(units):
        return [[sign(y + b) for y in units] for b in model.bias]

    def shifted(x):
        """The stem's numbers, with what the window around each unit adds to its zero point."""
        y = [norm(value, params["stem"], unit) for unit, value in enumerate(x)]
        if not model.local_shift:
            return y
        local, reach = params["local"], model.local_shift // 2
        near = [norm(value, local["inner"], unit) for unit, value in enumerate(x)]
        for unit in range(len(x)):
            total = 0.0
            for step in range(-reach, reach + 1):
                if 0 <= unit + step < len(x):
                    total += local["taps"][unit, step + reach] * near[unit + step]
            y[unit] += norm(total, local["outer"], unit)
        return y

    def logic(f, a, b):
        return [[f(p, q) for p, q in zip(x, y, strict=True)] for x, y in zip(a, b, strict=True)]

    outputs = []
    for example in inputs:
        x = spread(shifted([float(row @ example) for row in params["stem"]["weight"]]))
        plan = model.plan()
        for index, block in enumerate(params["blocks"]):
            aside, shortcuts = None, model.shortcuts == "logic"
            halved = plan[index][1] != plan[index][2]
            if "down" in block:
                r = spread(dot(block["down"], x, 1))
                aside = r if halved else None
            elif halved:
                half = len(x[0]) // 2
                aside, x = [s[half:] for s in x], [s[:half] for s in x]
                r = x
            else:
                r = x
            u = spread(dot(block["first"], x, k))
            if shortcuts:
                u = logic(lambda p, q: 1.0 if p == q else -1.0, u, r)
            y = dot(block["second"], u, k)
            if index == len(plan) - 1:
                if shortcuts:
                    y = [
                        value + norm(np.mean([s[i] for s in u]), block["merge"], i)
                        for i, value in enumerate(y)
                    ]
                break
            x = spread(y)
            if shortcuts:
                x = logic(max, x, r)
            if aside is not None:
                x = [list(itertools.chain(*zip(a, b, strict=True)))
                     for a, b in zip(x, aside, strict=True)]  # fmt: skip
        y = [value if value >= 0 else float(params["slope"][0]) * value for value in y]
        outputs.append(params["head"]["weight"] @ np.array(y) + params["head"]["bias"])
    return np.array(outputs)


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_packed_bits_equal_the_graph_and_the_graph_its_twin(form, widths):
    model = BoolNet(widths, **form)
    params = trained_like(model)
    x = Rng(3).normal((40, 20))
    outputs = model(params, x)
    assert np.array_equal(PackedNetwork(model, params)(x), outputs)
    np.testing.assert_allclose(outputs[:3], twin(model, params, x[:3]), rtol=1e-9, atol=1e-9)


def test_packed_single_precision():
    model = BoolNet((20, 72, 10), slices=2)
    params = ad.map_tree(lambda leaf: leaf.astype(np.float32), trained_like(model))
    x = Rng(3).normal((40, 20)).astype(np.float32)
    outputs = model(params, x)
    assert outputs.dtype == np.float32
    assert np.array_equal(PackedNetwork(model, params)(x), outputs)


def test_widths_of_one_are_widths():
    model = BoolNet((1, 1, 1))
    assert model(model.init(Rng(0)), np.ones((4, 1))).shape == (4, 1)


def test_products_of_many_rows_come_in_pieces(monkeypatch):
    """Five rows, two at a time, against the products of the signs."""
    monkeypatch.setattr(packed, "_WORDS", 6)
    rng = np.random.default_rng(0)
    rows, units = rng.choice([-1.0, 1.0], (5, 70)), rng.choice([-1.0, 1.0], (3, 70))
    found = binary_products(pack_signs(rows), pack_signs(units), 70)
    assert np.array_equal(found, rows @ units.T)


def test_packed_weights_take_a_64th_of_the_memory():
    model = BoolNet((20, 128, 10))
    floats = sum(layer["weight"].nbytes for layer in binary_layers(model.init(Rng(0))))
    assert PackedNetwork(model, trained_like(model)).nbytes * 64 == floats


@pytest.mark.parametrize(
    ("settings", "numbers"),
    [
        ({"slices": 3}, {"slices": 3}),
        ({"slices": 4, "widths": (4, 6, 3)}, {"units": 6, "slices": 4}),
        ({"split": True, "widths": (4, 7, 3)}, {"channels": 7}),
        ({"decay": 0.0}, {"decay": 0.0}),
        ({"decay": 1.5}, {"decay": 1.5}),
        ({"sign_zero": 2}, {"sign_zero": 2}),
        ({"slices": 2, "offsets": (0.5, 0.5)}, {"slices": 2}),
        ({"widths": (4, 3)}, {}),
        ({"split": True, "shortcuts": "none"}, {}),
        ({"offsets": "printed"}, {}),
        ({"local_shift": 2}, {"local_shift": 2, "channels": 8}),
        ({"local_shift": 9}, {"local_shift": 9, "channels": 8}),
    ],
)
def test_settings_that_are_refused(settings, numbers):
    with pytest.raises(SettingError) as error:
        BoolNet(**{"widths": (4, 8, 3), **settings})
    assert numbers.items() <= error.value.numbers.items()


def test_what_can_not_be_packed():
    model = BoolNet((4, 8, 3))
    with pytest.raises(SettingError, match="no statistics"):
        PackedNetwork(model, model.init(Rng(0)))
    other = BoolNet((4, 8, 3), sign_zero=0)
    with pytest.raises(SettingError, match="sign_zero"):
        PackedNetwork(other, trained_like(other))
    with pytest.raises(SettingError) as error:
        pack_signs(np.array([[1.0, 0.5]]))
    assert error.value.found == 0.5
    words = pack_signs(np.ones((1, 65)))
    with pytest.raises(SettingError, match="do not fit"):
        binary_products(words, words, 64)


def test_a_local_shift_of_one_unit_is_an_affine_function_of_that_unit():
    """And a wider one is not: neighbors move the zero point."""
    x = Rng(3).normal((40, 20))
    for window in (1, 3):
        model = BoolNet((20, 16, 3), local_shift=window)
        params = trained_like(model)
        slope, at = folded(params["stem"], params["local"], model.epsilon)
        affine = slope * (x @ params["stem"]["weight"].T) + at
        apart = np.max(np.abs(model.features(params, x, model.evaluated) - affine))
        assert apart < 1e-12 if window == 1 else apart > 0.1


def test_gradients_reach_the_local_shift():
    model = BoolNet((4, 8, 3), local_shift=3)
    objective, params = model.objective(), model.init(Rng(0))
    batch = Batch(Rng(1).normal((32, 4)), np.arange(32) % 3)

    def value(p):
        return objective.value(p, batch, objective.init(p))[0]

    gradient = ad.grad(value)(params)["local"]
    parts = (gradient["taps"], gradient["outer"]["gain"], gradient["outer"]["shift"])
    assert all(np.max(np.abs(part)) > 1e-6 for part in parts)


def test_the_window_has_the_gradient_of_central_differences():
    given = {"x": Rng(5).normal((7, 6)), "taps": Rng(6).normal((6, 3))}

    def loss(values):
        return ad.sum(ad.tanh(windowed(values["x"], values["taps"])))

    slopes = ad.grad(loss)(given)
    for name in given:
        moved = {key: np.zeros_like(value) for key, value in given.items()}
        moved[name][2, 1] = 1e-6
        ends = [float(loss({k: v + s * moved[k] for k, v in given.items()})) for s in (1, -1)]
        assert abs((ends[0] - ends[1]) / 2e-6 - slopes[name][2, 1]) < 1e-8


def steps(model, count=4, update=None, batch=32):
    objective = model.objective(epochs=2, steps_per_epoch=2)
    algorithm = Composition(update or Adam(learning_rate=0.01))
    x, y = Rng(1).normal((batch, 4)), np.arange(batch) % 3
    state = algorithm.init(model.init(Rng(0)), objective=objective)
    found = []
    for _ in range(count):
        state, info = algorithm.step(state, objective, Batch(x, y))
        found.append((state, info))
    return found, x


def test_averages_reach_the_parameters_and_diagnostics_say_where_it_stands():
    model = BoolNet((4, 8, 3), gain=1.0, decay=0.9)
    found, x = steps(model)
    state, info = found[0]
    start = model.init(Rng(0))
    z = x @ start["stem"]["weight"].T
    np.testing.assert_allclose(state.params["stem"]["mean"], z.mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(state.params["stem"]["variance"], z.var(axis=0), rtol=1e-12)
    z = x @ state.params["stem"]["weight"].T
    expected = 0.5 * state.params["stem"]["mean"] + 0.5 * z.mean(axis=0)
    np.testing.assert_allclose(found[1][0].params["stem"]["mean"], expected, atol=1e-14)
    strengths = [float(info.boolnet_lambda) for _, info in found]
    np.testing.assert_allclose(strengths, [0.9 ** (75 * t) for t in range(4)], rtol=1e-12)
    weights = np.concatenate([layer["weight"].ravel() for layer in binary_layers(start)])
    assert float(info.boolnet_undecided) == np.mean(np.abs(weights) < 1.0)
    rows = np.concatenate([layer["weight"] for layer in binary_layers(start)])
    assert float(info.boolnet_beyond_one) == np.sum(np.all(np.abs(rows) > 1, axis=1))


def test_units_beyond_one_are_counted_and_keep_the_scale():
    model = BoolNet((4, 8, 3), gain=1.0, weight_scale="mean_abs", progressive=False)
    objective = model.objective()
    params = model.init(Rng(0))
    layer = params["blocks"][0]["first"]
    layer["weight"] = np.sign(layer["weight"]) * 2.0
    batch = Batch(Rng(1).normal((32, 4)), np.arange(32) % 3)
    state = objective.init(params)
    value = lambda p: objective.value(p, batch, state)[0]  # noqa: E731
    gradient = ad.grad(value)(params)["blocks"][0]["first"]["weight"]
    assert np.max(np.abs(gradient)) > 0
    detached = BoolNet((4, 8, 3), progressive=False, weight_scale="mean_abs", detach_scale=True)
    gradient = ad.grad(lambda p: detached.objective().value(p, batch, state)[0])(params)
    assert np.all(gradient["blocks"][0]["first"]["weight"] == 0)
    _, after = objective.value(params, batch, state)
    assert float(objective.diagnostics(params, batch, after)["boolnet_beyond_one"]) >= 8


def test_statistics_of_signs_and_of_the_training_pass():
    """λ = 1 and weights of 1e-2: the training pass has integers times 1e-2."""
    deviations = {}
    for kind in ("signs", "training"):
        found, _ = steps(BoolNet((4, 8, 3), statistics=kind), count=1)
        params = found[0][0].params
        deviations[kind] = np.sqrt(np.mean(params["blocks"][0]["first"]["variance"]))
    assert deviations["signs"] > 30 * deviations["training"]


def test_no_gradient_reaches_the_statistics():
    model = BoolNet((4, 8, 3))
    objective = model.objective()
    params = model.init(Rng(0))
    batch = Batch(Rng(1).normal((32, 4)), np.arange(32) % 3)
    gradient = ad.grad(lambda p: objective.value(p, batch, objective.init(p))[0])(params)
    for _, layer in norm_layers(gradient):
        assert not np.any(layer["mean"]) and not np.any(layer["variance"])


def test_one_example_and_a_loss_that_breaks():
    with pytest.raises(SettingError) as error:
        steps(BoolNet((4, 8, 3)), batch=1)
    assert error.value.batch == 1
    with pytest.raises(DivergenceError) as broken, np.errstate(all="ignore"):
        steps(BoolNet((4, 8, 3)), update=SGD(learning_rate=1e300))
    assert broken.value.step >= 1
