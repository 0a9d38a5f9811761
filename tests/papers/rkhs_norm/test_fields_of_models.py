"""Every field of the penalties on images, and of the models of this room, in plain NumPy.

Gradients are compared with imaginary steps of the twin.
"""

import math

import numpy as np
import pytest
from fields import SEED, assert_gradient_is, choice, number
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import Replay, Rng, catalogue
from refimpl import autodiff as ad
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.models.input_gradients import output_gradients
from refimpl.models.linear_pieces import backward
from refimpl.papers.rkhs_norm.kernel_machine import rkhs_norm


def mostly(low, high):
    """A number, now and then 0, which turns a penalty off."""
    return st.one_of(choice(0.0), *[number(low, high) for _ in range(4)])


DEFORMING = {
    "strength": mostly(0.01, 2.0), "fields": st.integers(1, 3),
    "amplitude": mostly(0.2, 2.5), "cutoff": st.integers(0, 2),
    "height": choice(0, 2, 3, 4),
}  # fmt: skip
STACKS = st.lists(choice("exponential", "inverse", "arc_cosine"), min_size=1, max_size=3)
DRAWN = {
    "deformation_norm": {
        **DEFORMING, "examples": st.integers(1, 7), "selector": choice("signed", "absolute"),
    },
    "tangent_norm": DEFORMING,
    "kernel_machine": {
        "features": st.integers(2, 4), "outputs": st.integers(1, 3), "centers": st.integers(1, 4),
        "profiles": STACKS.map(tuple),
    },
    "normalized_mlp": {
        "widths": st.lists(st.integers(2, 5), min_size=2, max_size=4).map(tuple),
        "mean": number(-2.0, 2.0), "scale": number(0.2, 3.0),
        "activation": choice("relu", "leaky_relu", "tanh", "identity"), "bias": st.booleans(),
    },
}  # fmt: skip


OFFERED = {**catalogue.algorithms(), **catalogue.models()}


def drawn(name):
    return st.fixed_dictionaries(DRAWN[name])


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(OFFERED[name].own_fields)


# --- a plain network of one hidden layer, on real and complex numbers ----------------------------


def scores(tree, x, smooth):
    a = tree[0]["weight"] @ x + tree[0]["bias"]
    hidden = np.tanh(a) if smooth else np.where(a.real > 0, a, 0.01 * a)
    return tree[1]["weight"] @ hidden + tree[1]["bias"]


def jacobian(tree, x, smooth):
    a = tree[0]["weight"] @ x + tree[0]["bias"]
    slope = 1.0 - np.tanh(a) ** 2 if smooth else np.where(a.real > 0, 1.0, 0.01)
    return tree[1]["weight"] @ (slope[:, None] * tree[0]["weight"])


# --- deformations of images ----------------------------------------------------------------------


def displacements(f, draw, height, width):
    """{pixel: (down, across)} of each field: cosines, the longest as long as the amplitude."""
    found = []
    for field in range(f["fields"]):
        moves = {}
        for i in range(height):
            for j in range(width):
                both = [0.0, 0.0]
                for a in range(f["cutoff"] + 1):
                    for b in range(f["cutoff"] + 1):
                        wave = math.cos(math.pi * a * (i + 0.5) / height)
                        wave *= math.cos(math.pi * b * (j + 0.5) / width)
                        for axis in (0, 1):
                            both[axis] += draw[field, axis, a, b] * wave
                moves[i, j] = both
        longest = max(math.hypot(*both) for both in moves.values())
        found.append({p: [f["amplitude"] * c / longest for c in m] for p, m in moves.items()})
    return found


def between(values, place):
    """Linear interpolation in a list whose ends go on."""
    place = min(max(place, 0.0), len(values) - 1.0)
    low = min(int(place), len(values) - 2)
    return (1.0 - (place - low)) * values[low] + (place - low) * values[low + 1]


def warped(image, moves, height, width):
    rows = image.reshape(height, width)
    found = []
    for (i, j), (down, across) in moves.items():
        column = [between(list(row), j - across) for row in rows]
        found.append(between(column, i - down))
    return np.array(found)


def tangent(image, moves, height, width):
    rows = image.reshape(height, width)
    found = []
    for (i, j), (down, across) in moves.items():
        fall = rows[min(i + 1, height - 1), j] - rows[max(i - 1, 0), j]
        rise = rows[i, min(j + 1, width - 1)] - rows[i, max(j - 1, 0)]
        found.append(-(down * fall + across * rise) / 2.0)
    return np.array(found)


def images(f, seed, smooth):
    """Parameters, objective, batch, the draws and the moves of every field."""
    rng = np.random.default_rng(seed)
    height, width = (f["height"], 5 - f["height"] % 3) if f["height"] else (3, 3)
    pixels, modes = height * width, f["cutoff"] + 1
    shapes = ((4, pixels), (3, 4))
    tree = [{"weight": rng.normal(size=s), "bias": rng.normal(size=s[0])} for s in shapes]
    model = MLP((pixels, 4, 3), activation="tanh" if smooth else "leaky_relu")
    batch = Batch(rng.normal(size=(5, pixels)), rng.integers(0, 3, 5))
    draw = rng.normal(size=(f["fields"], 2, modes, modes))
    moves = displacements(f, draw, height, width)
    return tree, Objective(model), batch, draw, [(m, height, width) for m in moves]


def assert_penalty_is(name, f, function, tree, objective, batch, draw):
    part, noise = OFFERED[name].factory(**f), Replay([draw], repeat=True)
    value, gradient = ad.value_and_grad(lambda p: part.value(p, batch, objective, (), noise)[0])(
        tree
    )
    assert float(value) == pytest.approx(function(tree), rel=1e-9, abs=1e-12)
    assert_gradient_is(function, tree, gradient)
    if f["strength"] == 0.0:
        part.value(tree, batch, objective, (), None)  # draws nothing


@given(f=drawn("deformation_norm"), seed=SEED, smooth=st.booleans())
@settings(max_examples=settings().max_examples * 4)
def test_deformation_norm(f, seed, smooth):
    tree, objective, batch, draw, fields = images(f, seed, smooth)
    pairs = [(x, warped(x, *moves)) for moves in fields for x in batch.inputs[: f["examples"]]]
    chosen = []
    for k in range(3):
        gains = [(scores(tree, y, smooth) - scores(tree, x, smooth))[k] for x, y in pairs]
        sizes = gains if f["selector"] == "signed" else np.abs(gains)
        chosen.append(pairs[int(np.argmax(sizes))])

    def penalty(tree):
        gains = [scores(tree, y, smooth) - scores(tree, x, smooth) for x, y in chosen]
        return f["strength"] * sum(gain[k] ** 2 for k, gain in enumerate(gains))

    assert_penalty_is("deformation_norm", f, penalty, tree, objective, batch, draw)


@given(f=drawn("tangent_norm"), seed=SEED, smooth=st.booleans())
def test_tangent_norm(f, seed, smooth):
    tree, objective, batch, draw, fields = images(f, seed, smooth)
    vectors = [[tangent(x, *moves) for moves in fields] for x in batch.inputs]

    def size(tree, k, i):
        slope = jacobian(tree, batch.inputs[i], smooth)[k]
        return sum((slope @ vector) ** 2 for vector in vectors[i])

    best = [max(range(5), key=lambda i: size(tree, k, i)) for k in range(3)]

    def penalty(tree):
        return f["strength"] * sum(size(tree, k, i) for k, i in enumerate(best))

    assert_penalty_is("tangent_norm", f, penalty, tree, objective, batch, draw)


# --- models --------------------------------------------------------------------------------------


def kernel(z, x, profiles):
    """On complex numbers too; a point with itself is left to its caller."""
    size = np.sqrt(z @ z) * np.sqrt(x @ x)
    u = (z @ x) / size
    for name in profiles:
        if name == "exponential":
            u = np.exp(u - 1.0)
        elif name == "inverse":
            u = 1.0 / (2.0 - u)
        else:
            angle = np.arccos(u)
            u = (np.sin(angle) + (math.pi - angle) * u) / math.pi
    return size * u


@given(f=drawn("kernel_machine"), seed=SEED, scale=number(0.3, 3.0))
def test_kernel_machine(f, seed, scale):
    n, m = f["features"], f["centers"]
    rng = np.random.default_rng(seed)
    draws = [rng.normal(size=(m, n)), rng.normal(size=(f["outputs"], m))]
    x, weights = rng.normal(size=(3, n)), rng.normal(size=(3, f["outputs"]))
    model = OFFERED["kernel_machine"].factory(**f)
    params = model.init(Replay(draws), scale=scale)
    np.testing.assert_allclose(params["centers"], scale * draws[0] / n**0.5, rtol=1e-14)
    np.testing.assert_allclose(params["coefficients"], draws[1] / m**0.5, rtol=1e-14)

    def values(p, x=x):
        gram = [[kernel(z, point, f["profiles"]) for z in p["centers"]] for point in x]
        return np.array(gram) @ p["coefficients"].T

    def squares(p):
        z = p["centers"]
        gram = [
            [z[i] @ z[j] if i == j else kernel(z[i], z[j], f["profiles"]) for j in range(m)]
            for i in range(m)
        ]
        return np.array([a @ np.array(gram) @ a for a in p["coefficients"]])

    np.testing.assert_allclose(model(params, x), values(params), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(rkhs_norm(model, params) ** 2, squares(params), rtol=1e-9)
    mine = [ad.grad(lambda p: ad.sum(weights * model(p, x)))(params),
            ad.grad(lambda p: ad.sum(weights[0] * model.squared_norms(p)))(params)]  # fmt: skip
    for function, gradient in zip(
        (lambda t: np.sum(weights * values(t[0])), lambda t: weights[0] @ squares(t[0])),
        mine, strict=True,
    ):  # fmt: skip
        assert_gradient_is(function, [params], [gradient])
    slopes = output_gradients(model, params, x)
    for j in range(n):
        step = x + 1e-30j * np.eye(n)[j]
        found = values(params, step).imag / 1e-30
        np.testing.assert_allclose(slopes[:, :, j], found, rtol=1e-8, atol=1e-9)


@given(f=drawn("normalized_mlp"), seed=SEED, scale=number(0.3, 3.0))
def test_normalized_mlp(f, seed, scale):
    """Outputs and input gradients, by the tape and from the linear pieces."""
    model = OFFERED["normalized_mlp"].factory(**f)
    options = {"scale": scale, "bias_scale": 0.7, "initializer": "glorot_normal"}
    params = model.init(Rng(seed), **options)
    plain = MLP(f["widths"], f["activation"], f["bias"]).init(Rng(seed), **options)
    assert [sorted(layer) for layer in params] == [sorted(layer) for layer in plain]
    for mine, theirs in zip(params, plain, strict=True):
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name])
    low = {"relu": 0.0, "leaky_relu": 0.01, "identity": 1.0, "tanh": None}[f["activation"]]

    def outputs(x):
        signal = (x - f["mean"]) / f["scale"]
        for place, layer in enumerate(params):
            signal = layer["weight"] @ signal + layer.get("bias", 0.0)
            if place < len(params) - 1:
                bent = np.where(signal.real > 0, signal, (low or 0.0) * signal)
                signal = np.tanh(signal) if low is None else bent
        return signal

    rng = np.random.default_rng(seed)
    x = f["mean"] + f["scale"] * rng.normal(size=(4, f["widths"][0]))
    covectors = rng.normal(size=(4, f["widths"][-1]))
    np.testing.assert_allclose(model(params, x), [outputs(p) for p in x], rtol=1e-9, atol=1e-11)
    slopes = output_gradients(model, params, x)
    closed = None
    if low is not None:
        closed = backward(model.linear_pieces(params, x), covectors).gradients
    for row, point in enumerate(x):
        for j in range(len(point)):
            step = outputs(point + 1e-30j * np.eye(len(point))[j]).imag / 1e-30
            np.testing.assert_allclose(slopes[row, :, j], step, rtol=1e-9, atol=1e-10)
            if closed is not None:
                assert closed[row, j] == pytest.approx(covectors[row] @ step, rel=1e-9, abs=1e-10)
