"""Every field of the penalties on slopes, drawn, against sums in plain NumPy.

The twin's Jacobian is a complex step through its own forward pass, exact to the last digits; its
gradient in the parameters is one of central differences.
"""

import math

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import catalogue
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective

STRENGTH = choice(0.0) | number(0.01, 2.0)
SLOPES = {
    "strength": STRENGTH, "power": st.integers(1, 2), "half": st.booleans(),
    "norm": choice("frobenius", "per_class"), "smoothing": choice(0.0) | number(0.05, 1.0),
    "points": choice("data", "noisy", "fresh", "lattice", "midpoint"), "count": st.integers(1, 6),
    "low": number(-2.0, 0.0), "high": number(0.1, 2.0), "spread": number(0.05, 1.0),
    "probes": st.none() | st.integers(1, 3), "law": choice("rademacher", "sphere", "normal"),
    "derivatives": choice("auto", "manual", "tape"), "held_out": st.booleans(),
}  # fmt: skip
DRAWN = {
    "gradient_tikhonov": SLOPES, "gradient_variation": SLOPES,
    "graph_penalty": {
        "strength": STRENGTH, "power": st.integers(1, 2), "graph": choice("gaussian", "nearest"),
        "bandwidth": number(0.3, 3.0), "neighbors": st.integers(1, 4), "normalized": st.booleans(),
    },
    "input_noise": {"deviation": choice(0.0) | number(0.05, 2.0)},
}  # fmt: skip
ACTIVATION = choice("tanh", "sigmoid")


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


def fitting(f):
    """Probes and the half belong to the square, smoothing to the norm."""
    return {**f, **({"probes": None, "half": False} if f["power"] == 1 else {"smoothing": 0.0})}


class Kept:
    """Draws by the name of their stream, with their laws."""

    def __init__(self, seed):
        self.seed, self.draws, self.name = seed, {}, ""

    def child(self, name):
        below = Kept(self.seed + len(name))
        below.draws, below.name = self.draws, name
        return below

    def _keep(self, law, found):
        self.draws[self.name] = (law, found)
        return found

    def normal(self, shape, like):
        return self._keep("normal", np.random.default_rng(self.seed).normal(size=shape))

    def uniform(self, shape, low, high, like):
        return self._keep("uniform", np.random.default_rng(self.seed).uniform(low, high, shape))

    def rademacher(self, shape, like):
        return self._keep("rademacher", np.random.default_rng(self.seed).choice([-1.0, 1.0], shape))

    def take(self, name, law, shape):
        asked, found = self.draws[name]
        assert (asked, found.shape) == (law, shape)
        return found


def problem(seed, activation):
    rng = np.random.default_rng(seed)
    tree = [
        {"bias": rng.normal(size=4), "weight": rng.normal(size=(4, 2))},
        {"bias": rng.normal(size=3), "weight": rng.normal(size=(3, 4))},
    ]
    objective = Objective(MLP((2, 4, 3), activation=activation))
    return tree, objective, Batch(rng.normal(size=(6, 2)), rng.integers(0, 3, 6))


def scores(tree, x, activation):
    a = x @ tree[0]["weight"].T + tree[0]["bias"]
    hidden = np.tanh(a) if activation == "tanh" else 1.0 / (1.0 + np.exp(-a))
    return hidden @ tree[1]["weight"].T + tree[1]["bias"]


def jacobian(tree, x, activation):
    """(points, outputs, inputs)."""
    steps = 1e-30j * np.eye(x.shape[1])
    columns = [scores(tree, x + step, activation).imag / 1e-30 for step in steps]
    return np.stack(columns, axis=-1)


def measure(rows, f):
    """R / λ of rows (points, rows, inputs) under equal weights."""
    squares = np.sum(rows**2, axis=2)
    if f["power"] == 2:
        return (0.5 if f["half"] else 1.0) * np.mean(np.sum(squares, axis=1))
    if f["norm"] == "frobenius":
        squares = np.sum(squares, axis=1, keepdims=True)
    return np.mean(np.sum(np.sqrt(squares + f["smoothing"] ** 2), axis=1))


def places(f, inputs, rng):
    kind, count = f["points"], f["count"]
    if kind == "data" or (rng is None and kind in ("noisy", "fresh")):
        return inputs
    if kind == "noisy":
        return inputs + f["spread"] * rng.take("points", "normal", inputs.shape)
    if kind == "fresh":
        found = rng.take("points", "uniform", (count, 2))
        assert f["low"] <= np.min(found) and np.max(found) <= f["high"]
        again = np.random.default_rng(rng.seed + len("points"))
        return again.uniform(f["low"], f["high"], (count, 2))
    if kind == "midpoint":
        unit = [((i + 0.5) / count, (j + 0.5) / count) for i in range(count) for j in range(count)]
    else:
        near = round((math.sqrt(5) - 1) / 2 * count)
        prime = [a for a in range(1, 2 * count + 1) if math.gcd(a, count) == 1]
        a = min(prime, key=lambda a: (abs(a - near), a < near))
        unit = [((i + 0.5) / count, (i * a % count + 0.5) / count) for i in range(count)]
    return f["low"] + (f["high"] - f["low"]) * np.array(unit)


def assert_gradient(part, tree, objective, batch, function, rng=None):
    """Value in both ways, and the gradient by differences of the twin."""
    value, gradient, _ = part.value_and_gradient(tree, batch, objective, (), rng)
    taped, _ = part.value(tree, batch, objective, (), rng)
    expected = function()
    assert float(value) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert float(taped) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    if part.strength == 0.0:
        assert gradient is None
        return
    for layer, name in ((i, name) for i in range(2) for name in ("bias", "weight")):
        mine, leaf = gradient[layer][name], tree[layer][name]
        for place in np.ndindex(leaf.shape):
            kept = leaf[place]
            leaf[place] = kept + 1e-5
            above = function()
            leaf[place] = kept - 1e-5
            slope = (above - function()) / 2e-5
            leaf[place] = kept
            assert mine[place] == pytest.approx(slope, rel=1e-5, abs=2e-6)


@pytest.mark.parametrize("name", ["gradient_tikhonov", "gradient_variation"])
@given(f=st.fixed_dictionaries(SLOPES).map(fitting), seed=SEED, activation=ACTIVATION)
@settings(max_examples=settings().max_examples * 2)
def test_penalties_on_slopes(name, f, seed, activation):
    tree, objective, batch = problem(seed, activation)
    part, rng = catalogue.entry(name).factory(**f), Kept(seed)

    def penalty():
        if f["strength"] == 0.0:
            return 0.0
        points = places(f, batch.inputs, rng)
        rows = jacobian(tree, points, activation)
        if f["probes"] is None:
            return f["strength"] * measure(rows, f)
        law = "rademacher" if f["law"] == "rademacher" else "normal"
        units = rng.take("probes", law, (f["probes"], len(points), 3))
        if f["law"] == "sphere":
            units = math.sqrt(3) * units / np.linalg.norm(units, axis=2, keepdims=True)
        rows = np.einsum("mpk,pkn->pmn", units, rows)
        return f["strength"] * measure(rows, f) / f["probes"]

    assert_gradient(part, tree, objective, batch, penalty, rng)
    found = part.diagnostics(tree, batch, objective, ())
    if not f["held_out"]:
        assert found == {}
        return
    points = places(f, batch.inputs, None)
    between = (points[1:] + points[:-1]) / 2 if len(points) > 1 else points
    inside, outside = (measure(jacobian(tree, x, activation), f) for x in (points, between))
    assert float(found["penalty_at_points"]) == pytest.approx(inside, rel=1e-9)
    assert float(found["penalty_held_out"]) == pytest.approx(outside, rel=1e-9)
    assert float(found["too_few_points"]) == (outside > 10 * inside)


@given(f=st.fixed_dictionaries(DRAWN["graph_penalty"]), seed=SEED, activation=ACTIVATION)
def test_graph_penalty(f, seed, activation):
    tree, objective, batch = problem(seed, activation)
    x = batch.inputs
    gaps = np.array([[np.sum((a - b) ** 2) for b in x] for a in x])
    near = [set(np.argsort(row)[1 : 1 + f["neighbors"]]) for row in gaps]  # itself comes first
    weights = {}
    for i in range(len(x)):
        for j in range(i):
            weights[i, j] = math.exp(-gaps[i, j] / (2 * f["bandwidth"] ** 2))
            if f["graph"] == "nearest":
                weights[i, j] = float(i in near[j] or j in near[i])
    total = sum(weights.values()) if f["normalized"] else 1.0

    def penalty():
        out = scores(tree, x, activation)
        rises = [w * np.linalg.norm(out[i] - out[j]) ** f["power"] for (i, j), w in weights.items()]
        return f["strength"] * sum(rises) / total

    part = catalogue.entry("graph_penalty").factory(**f)
    assert_gradient(part, tree, objective, batch, penalty)


@given(f=st.fixed_dictionaries(DRAWN["input_noise"]), seed=SEED)
def test_input_noise(f, seed):
    tree, objective, batch = problem(seed, "tanh")
    part, rng = catalogue.entry("input_noise").factory(**f), Kept(seed)
    noisy = part.prepare(batch, tree, objective, (), 0, rng)
    expected = batch.inputs
    if f["deviation"] > 0:
        expected = expected + f["deviation"] * rng.take("noise", "normal", expected.shape)
    np.testing.assert_allclose(noisy.inputs, expected, rtol=1e-12, atol=1e-12)
    assert noisy.targets is batch.targets
