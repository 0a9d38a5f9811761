"""Every field of the penalties and attacks on matrices and inputs, against plain NumPy."""

import math

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Replay, catalogue
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective

DRAWN = {
    "orthogonality": {
        "strength": number(0.01, 2.0), "sharpness": number(0.5, 12.0),
        "form": choice("soft", "double", "coherence", "cosine", "orthoreg"),
        "gram": choice("neurons", "inputs", "smaller"),
    },
    "srip": {
        "strength": number(0.01, 2.0), "method": choice("exact", "power"), "squared": st.booleans(),
        "gram": choice("neurons", "inputs", "smaller"), "iterations": st.integers(1, 4),
        "start": choice("uniform", "normal"),
    },
    "adversarial_training": {
        "radius": number(0.1, 1.0), "norm": choice("l2", "linf"), "steps": st.integers(1, 3),
        "step_size": st.none() | number(0.1, 1.0), "start": choice("zero", "random"),
        "low": st.none() | number(-1.5, -0.5), "high": st.none() | number(0.5, 1.5),
    },
    "loss_gradient": {
        "strength": number(0.01, 2.0), "norm": choice("l2", "l1"),
        "derivatives": choice("auto", "tape"),
    },
}  # fmt: skip


def drawn(name):
    return st.fixed_dictionaries(DRAWN[name])


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


def differences(function, tree, step=1e-5):
    """Central differences of a function of a list of layers, entry by entry."""
    found = []
    for layer in tree:
        for name in sorted(layer):
            slope = np.zeros_like(layer[name])
            for place in np.ndindex(slope.shape):
                kept = layer[name][place]
                layer[name][place] = kept + step
                above = function()
                layer[name][place] = kept - step
                slope[place] = (above - function()) / (2 * step)
                layer[name][place] = kept
            found.append(slope)
    return found


def assert_penalty(name, fields, function, tree, batch=None, objective=None, rng=None):
    """Value, and gradient by differences of the twin."""
    part = catalogue.entry(name).factory(**fields)
    value, gradient, _ = part.value_and_gradient(tree, batch, objective, part.init(tree), rng)
    assert float(value) == pytest.approx(function(), rel=1e-11, abs=1e-13)
    expected = differences(function, tree)
    mine = [layer[key] for layer in gradient for key in sorted(layer)]
    for a, b in zip(mine, expected, strict=True):
        scale = max(1.0, float(np.max(np.abs(b))))
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6 * scale)


def matrices(seed, shapes=((2, 3), (4, 2))):
    rng = np.random.default_rng(seed)
    return [{"bias": rng.normal(size=s[:1]), "weight": rng.normal(size=s)} for s in shapes]


def defect(w, gram):
    """Wᵀ W − I in the papers' letters, from the rows' or the columns' products."""
    n, m = w.shape
    rows = gram == "neurons" or (gram == "smaller" and n <= m)
    w = w if rows else w.T
    return np.array([[a @ b - (i == j) for j, b in enumerate(w)] for i, a in enumerate(w)])


@given(seed=SEED, f=drawn("orthogonality"))
def test_orthogonality(seed, f):
    tree = matrices(seed)

    def one(w):
        m = defect(w, f["gram"])
        if f["form"] == "soft":
            return np.sum(m**2)
        if f["form"] == "double":
            return np.sum(defect(w, "neurons") ** 2) + np.sum(defect(w, "inputs") ** 2)
        if f["form"] == "coherence":
            return np.max(np.abs(m))
        cosines = [a @ b / math.sqrt((a @ a) * (b @ b)) for i, a in enumerate(w) for b in w[:i]]
        if f["form"] == "cosine":
            return 2 * sum(c * c for c in cosines)
        return sum(math.log1p(math.exp(f["sharpness"] * (c - 1))) for c in cosines)

    assert_penalty(
        "orthogonality", f, lambda: f["strength"] * sum(one(x["weight"]) for x in tree), tree
    )


@given(seed=SEED, f=drawn("srip"))
def test_srip(seed, f):
    tree = matrices(seed)
    sizes = [len(defect(x["weight"], f["gram"])) for x in tree]
    draws = [np.random.default_rng(seed + i).normal(size=k) for i, k in enumerate(sizes)]

    def one(w, v):
        m = defect(w, f["gram"])
        if f["method"] == "exact":
            size = max(abs(np.linalg.eigvalsh(m)))
        else:
            for _ in range(f["iterations"]):
                v = m @ v / np.linalg.norm(m @ v)
            size = np.linalg.norm(m @ v)
        return size**2 if f["squared"] else size

    def total():
        pairs = zip(tree, draws, strict=True)
        return f["strength"] * sum(one(x["weight"], v) for x, v in pairs)

    assert_penalty("srip", f, total, tree, rng=Replay([*draws]))


def test_the_power_iteration_starts_from_the_named_law():
    """A uniform vector has no negative entries; of 40 normal ones all are positive once in 1e12."""

    class Asked:
        def __init__(self):
            self.laws = []

        def child(self, *names):
            return self

        def normal(self, shape, like):
            self.laws.append("normal")
            return np.ones(shape)

        def uniform(self, shape, like):
            self.laws.append("uniform")
            return np.ones(shape)

    for start in ("uniform", "normal"):
        part = catalogue.entry("srip").factory(method="power", start=start)
        rng = Asked()
        part.value_and_gradient(matrices(0), None, None, (), rng)
        assert rng.laws == [start, start]


def scores(tree, x):
    hidden = np.tanh(x @ tree[0]["weight"].T + tree[0]["bias"])
    return hidden @ tree[1]["weight"].T + tree[1]["bias"]


def slopes(tree, x, labels):
    """The gradient of each example's cross-entropy in its inputs, by the chain rule."""
    hidden = np.tanh(x @ tree[0]["weight"].T + tree[0]["bias"])
    f = scores(tree, x)
    p = np.exp(f - f.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(x)), labels] -= 1
    return ((p @ tree[1]["weight"]) * (1 - hidden**2)) @ tree[0]["weight"]


def network(seed):
    tree = matrices(seed, ((4, 3), (2, 4)))
    rng = np.random.default_rng(seed + 7)
    inputs, labels = rng.normal(size=(5, 3)), rng.integers(0, 2, 5)
    return tree, Objective(MLP((3, 4, 2), activation="tanh")), Batch(inputs, labels)


@given(seed=SEED, f=drawn("loss_gradient"))
def test_loss_gradient(seed, f):
    tree, objective, batch = network(seed)

    def value():
        a = slopes(tree, batch.inputs, batch.targets)
        sizes = np.sum(a**2, axis=1) if f["norm"] == "l2" else np.sum(np.abs(a), axis=1)
        return f["strength"] * np.mean(sizes)

    part = catalogue.entry("loss_gradient").factory(**f)
    if f["norm"] == "l1" and np.min(np.abs(slopes(tree, batch.inputs, batch.targets))) < 1e-3:
        found, *_ = part.value_and_gradient(tree, batch, objective, ())  # a kink is near
        assert float(found) == pytest.approx(value(), rel=1e-11)
        return
    assert_penalty("loss_gradient", f, value, tree, batch, objective)


@given(seed=SEED, f=drawn("adversarial_training"))
def test_adversarial_training(seed, f):
    tree, objective, batch = network(seed)
    inputs = np.clip(batch.inputs, f["low"], f["high"])  # begins inside the box
    batch = batch._replace(inputs=inputs)
    draw = np.random.default_rng(seed + 9).uniform(-1, 1, size=inputs.shape) * f["radius"]

    def confined(d):
        if f["norm"] == "linf":
            d = np.clip(d, -f["radius"], f["radius"])
        else:
            long = np.linalg.norm(d, axis=1, keepdims=True)
            d = d * np.minimum(1.0, f["radius"] / np.maximum(long, 1e-300))
        return np.clip(inputs + d, f["low"], f["high"]) - inputs

    step = f["step_size"] or 1.5 * f["radius"] / f["steps"]
    d = np.zeros_like(inputs)
    if f["start"] == "random":  # a normal draw is scaled by the radius, a uniform one is not
        d = confined(draw if f["norm"] == "linf" else f["radius"] * draw)
    for _ in range(f["steps"]):
        g = slopes(tree, inputs + d, batch.targets)
        unit = np.sign(g) if f["norm"] == "linf" else g / np.linalg.norm(g, axis=1, keepdims=True)
        d = confined(d + step * unit)
    part = catalogue.entry("adversarial_training").factory(**f)
    rng = Replay([draw]) if f["start"] == "random" else None
    attacked = part.prepare(batch, tree, objective, (), 0, rng)
    np.testing.assert_allclose(attacked.inputs, inputs + d, rtol=0, atol=1e-11)
    assert attacked.targets is batch.targets
