"""Every field of the penalties and the projection that need no images, drawn, in plain NumPy.

One hidden layer of tanh units (for the tape) or leaky ReLU (for the closed forms); gradients in
the parameters are imaginary steps of the twin.
"""

import math

import numpy as np
import pytest
from fields import SEED, assert_gradient_is, choice, number
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from refimpl import Replay, catalogue
from refimpl import autodiff as ad
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective

STRENGTH = choice(0.0) | number(0.01, 2.0)
DERIVATIVES = choice("auto", "closed_form", "tape")
AVERAGED = {
    "strength": STRENGTH, "power": st.integers(1, 2), "norm": choice("per_class", "frobenius"),
    "derivatives": DERIVATIVES,
}  # fmt: skip
DRAWN = {
    "gradient_norm": {
        "strength": STRENGTH, "reduction": choice("sup", "mean"), "derivatives": DERIVATIVES,
    },
    "tikhonov": AVERAGED, "total_variation": AVERAGED,
    "adversarial_norm": {
        "radius": choice(0.0) | number(0.5, 5.0), "strength": STRENGTH, "steps": st.integers(1, 4),
        "selector": choice("signed", "absolute"), "start": choice("zero", "random"),
        "derivatives": DERIVATIVES,
    },
    "graph_smoothness": {
        "strength": STRENGTH, "power": st.integers(1, 2), "graph": choice("gaussian", "chain"),
        "bandwidth": number(0.3, 3.0),
    },
    "spectral_penalty": {"strength": STRENGTH, "power_iterations": st.integers(1, 4)},
    "spectral_projection": {
        "limit": number(0.2, 2.0), "decay": st.none() | number(0.5, 4.0),
        "jitter": choice(0.0, 1e-6, 0.3), "steps_per_epoch": st.integers(1, 2),
    },
}  # fmt: skip


def drawn(name):
    return st.fixed_dictionaries(DRAWN[name])


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


def problem(seed, activation, features):
    rng = np.random.default_rng(seed)
    shapes = ((4, features), (3, 4))
    tree = [{"weight": rng.normal(size=s), "bias": rng.normal(size=s[0])} for s in shapes]
    objective = Objective(MLP((features, 4, 3), activation=activation))
    return tree, objective, Batch(rng.normal(size=(5, features)), rng.integers(0, 3, 5))


def hidden(tree, x, activation):
    """The units and their slopes."""
    a = x @ tree[0]["weight"].T + tree[0]["bias"]
    if activation == "tanh":
        return np.tanh(a), 1.0 - np.tanh(a) ** 2
    slope = np.where(a > 0, 1.0, 0.01)
    return slope * a, slope


def scores(tree, x, activation):
    return hidden(tree, x, activation)[0] @ tree[1]["weight"].T + tree[1]["bias"]


def jacobian(tree, x, activation):
    """(points, outputs, inputs)."""
    _, slope = hidden(tree, x, activation)
    return np.einsum("ku,pu,un->pkn", tree[1]["weight"], slope, tree[0]["weight"])


def activation_for(f, smooth):
    """Units that bend have no closed form."""
    return "tanh" if smooth and f["derivatives"] != "closed_form" else "leaky_relu"


def assert_penalty(part, tree, function, batch, objective):
    """Value and gradient, by the tape and in closed form, by imaginary steps of the twin."""
    found = [ad.value_and_grad(lambda p: part.value(p, batch, objective, ())[0])(tree)]
    if hasattr(part, "value_and_gradient"):
        found.append(part.value_and_gradient(tree, batch, objective, ())[:2])
    for value, gradient in found:
        assert float(value) == pytest.approx(function(), rel=1e-9, abs=1e-12)
        assert_gradient_is(lambda _: function(), tree, gradient)


@given(f=drawn("gradient_norm"), seed=SEED, smooth=st.booleans())
def test_gradient_norm(f, seed, smooth):
    kind = activation_for(f, smooth)
    tree, objective, batch = problem(seed, kind, 3)
    best = np.argmax(np.sum(jacobian(tree, batch.inputs, kind) ** 2, axis=2), axis=0)

    def penalty():
        squares = np.sum(jacobian(tree, batch.inputs, kind) ** 2, axis=2)
        top = [squares[i, k] for k, i in enumerate(best)]
        return f["strength"] * sum(top if f["reduction"] == "sup" else np.mean(squares, axis=0))

    part = catalogue.entry("gradient_norm").factory(**f)
    assert_penalty(part, tree, penalty, batch, objective)
    slope = part.diagnostics(tree, batch, objective, ())["slope"]
    squares = np.sum(jacobian(tree, batch.inputs, kind) ** 2, axis=2)
    assert float(slope) == pytest.approx(math.sqrt(sum(np.max(squares, axis=0))), rel=1e-10)


@pytest.mark.parametrize("name", ["tikhonov", "total_variation"])
@given(f=st.fixed_dictionaries(AVERAGED), seed=SEED, smooth=st.booleans())
def test_averaged_gradients(name, f, seed, smooth):
    kind = activation_for(f, smooth)
    tree, objective, batch = problem(seed, kind, 3)

    def penalty():
        squares = np.sum(jacobian(tree, batch.inputs, kind) ** 2, axis=2)
        if f["norm"] == "frobenius":
            squares = np.sum(squares, axis=1, keepdims=True)
        return f["strength"] * np.mean(np.sum(squares ** (f["power"] / 2), axis=1))

    part = catalogue.entry(name).factory(**f)
    assert_penalty(part, tree, penalty, batch, objective)


@given(f=drawn("adversarial_norm"), seed=SEED, smooth=st.booleans(), features=choice(3, 6))
@settings(max_examples=settings().max_examples * 12)
def test_adversarial_norm(f, seed, smooth, features):
    """More inputs than hidden units, and fewer: two ways of the same ascent."""
    kind = activation_for(f, smooth)
    tree, objective, batch = problem(seed, kind, features)
    x, epsilon = batch.inputs, f["radius"]
    draw = np.random.default_rng(seed + 9).normal(size=(15, features))

    def confined(d):
        size = np.linalg.norm(d, axis=1, keepdims=True)
        return d * np.minimum(1.0, epsilon / np.maximum(size, 1e-300))

    pairs, one = [], lambda tree, k, x: scores(tree, x[None], kind)[0, k]
    for k in range(3 if epsilon > 0 else 0):
        d = np.zeros_like(x)
        if f["start"] == "random":
            d = confined(epsilon * draw[5 * k : 5 * k + 5])
        for _ in range(f["steps"]):
            g = jacobian(tree, x + d, kind)[:, k]
            size = np.linalg.norm(g, axis=1, keepdims=True)
            assume(np.min(size) > 1e-4)  # where all units saturate, 1 - tanh² loses its digits
            d = confined(d + 1.5 * epsilon / f["steps"] * g / size)
        gain = (scores(tree, x + d, kind) - scores(tree, x, kind))[:, k]
        i = np.argmax(gain if f["selector"] == "signed" else abs(gain))
        pairs.append((x[i], (x + d)[i]))

    def penalty(tree):
        """Of points that are held fixed."""
        gains = [one(tree, k, b) - one(tree, k, a) for k, (a, b) in enumerate(pairs)]
        return f["strength"] * sum((gain**2 for gain in gains), 0j)

    part, noise = catalogue.entry("adversarial_norm").factory(**f), Replay([draw], repeat=True)
    value, gradient = ad.value_and_grad(lambda p: part.value(p, batch, objective, (), noise)[0])(
        tree
    )
    assert float(value) == pytest.approx(penalty(tree).real, rel=1e-9, abs=1e-12)
    assert_gradient_is(penalty, tree, gradient)


@pytest.mark.parametrize(("selector", "expected"), [("signed", 1.0), ("absolute", 1.7**2)])
def test_a_loss_may_be_the_largest_change(selector, expected):
    """f(x) = x up to 0, -2x beyond: a step from -0.1 falls by 1.7, one from -10 rises by 1."""
    model = MLP((1, 2, 1), bias=False)
    params = [{"weight": np.array([[1.0], [-1.0]])}, {"weight": np.array([[-2.0, -1.0]])}]
    batch = Batch(np.array([[-0.1], [-10.0]]), np.array([0, 0]))
    part = catalogue.entry("adversarial_norm").factory(radius=1.0, steps=1, selector=selector)
    value, _ = part.value(params, batch, Objective(model), ())
    assert float(value) == pytest.approx(expected, rel=1e-12)


@given(f=drawn("graph_smoothness"), seed=SEED)
def test_graph_smoothness(f, seed):
    tree, objective, batch = problem(seed, "tanh", 3)
    x = batch.inputs
    weights = {}
    for j in range(len(x)):
        for i in range(j):
            gap = np.linalg.norm(x[i] - x[j])
            weights[i, j] = math.exp(-(gap**2) / (2 * f["bandwidth"] ** 2))
            if f["graph"] == "chain":
                weights[i, j] = (j == i + 1) / gap ** (f["power"] - 1)
    total = sum(weights.values()) if f["graph"] == "gaussian" else 1.0

    def penalty():
        out = scores(tree, x, "tanh")
        rises = []
        for (i, j), w in weights.items():
            rise = (out[i] - out[j]) * np.sign((out[i] - out[j]).real)
            rises.append(w * np.sum(rise ** f["power"]))
        return f["strength"] * sum(rises) / total

    part = catalogue.entry("graph_smoothness").factory(**f)
    assert_penalty(part, tree, penalty, batch, objective)


@given(f=drawn("spectral_penalty"), seed=SEED)
def test_two_steps_of_the_spectral_penalty(f, seed):
    """The second begins where the first ended; u and v are constants of the gradient."""
    tree, *_ = problem(seed, "tanh", 3)
    part = catalogue.entry("spectral_penalty").factory(**f)
    memory, starts = part.init(tree), []
    for layer in tree:
        row = max(layer["weight"], key=np.linalg.norm)
        starts.append(row / np.linalg.norm(row))
    for _ in range(2):
        value, gradient, memory = part.value_and_gradient(tree, None, None, memory)
        total = 0.0
        for place, layer in enumerate(tree):
            w, v = layer["weight"], starts[place]
            for _ in range(f["power_iterations"]):
                v = w.T @ (w @ v)
                v = v / np.linalg.norm(v)
            sigma = np.linalg.norm(w @ v)
            total += f["strength"] * sigma**2
            pull = 2 * f["strength"] * np.outer(w @ v, v)
            np.testing.assert_allclose(gradient[place]["weight"], pull, rtol=1e-10, atol=1e-12)
            assert not np.any(gradient[place]["bias"])
            starts[place] = v
            np.testing.assert_allclose(memory[place], v, rtol=1e-10, atol=1e-12)
        assert float(value) == pytest.approx(total, rel=1e-11)


@given(f=drawn("spectral_projection"), seed=SEED, step=st.integers(0, 5))
def test_spectral_projection(f, seed, step):
    tree, *_ = problem(seed, "tanh", 3)
    part = catalogue.entry("spectral_projection").factory(**f)
    found, _ = part.project(tree, part.init(tree), step)
    limit = f["limit"]
    if f["decay"]:
        limit *= 1 + 4 * math.exp(-(step // f["steps_per_epoch"]) / f["decay"])
    for layer, mine in zip(tree, found, strict=True):
        u, sigma, vt = np.linalg.svd(layer["weight"], full_matrices=False)
        lifted = np.sqrt(sigma**2 + f["jitter"])
        kept = u @ np.diag(sigma * np.minimum(1.0, limit / lifted)) @ vt
        np.testing.assert_allclose(mine["weight"], kept, rtol=0, atol=1e-10)
        np.testing.assert_array_equal(mine["bias"], layer["bias"])
