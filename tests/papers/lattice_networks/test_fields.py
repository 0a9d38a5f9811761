"""Every field of penalties and projection, drawn, against their lines in plain NumPy."""

import math

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autodiff as ad
from refimpl import catalogue
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD

INPUTS = 3
DECAY = {
    "decay": st.one_of(st.just(()), st.tuples(*[number(0.2, 2.0)] * INPUTS)),
    "power": number(0.3, 2.5),
}
BOUND = {
    **DECAY, "activation": choice("sigmoid", "tanh", "swish", "sin"), "scale": number(0.1, 2.0),
    "constants": choice("sharp", "coarse"),
}  # fmt: skip
PENALTY = {**DECAY, "strength": choice(0.0, 0.01, 0.1), "form": choice("tailored", "l2")}
DRAWN = {
    "lattice_tailored": PENALTY,
    "lattice_l2": PENALTY,
    "lattice_hinge": {
        **BOUND,
        "strength": choice(0.0, 0.003, 0.03),
        "through_growth": st.booleans(),
    },
    "lattice_projection": BOUND,
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


SHAPES = ((4,), (4, INPUTS), (2,), (2, 4), (1,), (1, 2))  # bias, weight of three layers
WEIGHTS = (1, 3, 5)
RATE = 0.1


def problem(seed):
    """Leaves; the gradient of the loss at p is c + 0.7 p."""
    rng = np.random.default_rng(seed)
    start = [rng.normal(size=s) for s in SHAPES]
    slopes = [rng.normal(size=s) for s in SHAPES]
    tree = [{"bias": start[k], "weight": start[k + 1]} for k in (0, 2, 4)]

    def objective(params, batch):
        pairs = zip(slopes, ad.flatten(params)[0], strict=True)
        terms = [ad.sum(c * p) + 0.35 * ad.sum(p * p) for c, p in pairs]
        return sum(terms[1:], terms[0])

    return tree, start, lambda p: [c + 0.7 * x for c, x in zip(slopes, p, strict=True)], objective


def sequence(f, scale):
    return np.array(f["decay"] or [scale / j ** f["power"] for j in range(1, INPUTS + 1)])


def constants(f):
    """ξ and τ with sup |s^(n)| <= ξ τ^n n!; the slope of swish is the largest on a grid."""
    t = np.linspace(2.0, 3.0, 100001)
    gate = 1 / (1 + np.exp(-t))
    swish = np.max(gate + t * gate * (1 - gate))
    return {
        ("sigmoid", "sharp"): (math.pi / 4, 1 / math.pi), ("sigmoid", "coarse"): (1.0, 1.0),
        ("tanh", "sharp"): (math.pi / 2, 2 / math.pi), ("tanh", "coarse"): (1.0, 2.0),
        ("swish", "sharp"): (math.pi * swish, 1 / math.pi), ("swish", "coarse"): (1.1, 1.0),
        ("sin", "sharp"): (2.0, 0.5), ("sin", "coarse"): (1.0, 1.0),
    }[f["activation"], f["constants"]]  # fmt: skip


def rate_of(f, p):
    """Q = τ (1 + ξτ R_1) of three layers, and its gradient in the middle one."""
    xi, tau = constants(f)
    sums = np.abs(p[3]).sum(axis=1)
    pull = np.zeros_like(p[3])
    top = np.argmax(sums)
    pull[top] = tau * xi * tau * np.sign(p[3][top])
    return tau * (1 + xi * tau * sums[top]), pull


def tailored(f, p):
    """λ R and its gradient."""
    b = sequence(f, 1.0)
    shares = (b.max() / b) ** 2 if f["form"] == "tailored" else np.ones(INPUTS)
    parts = [p[1] * shares, p[3], p[5]]
    pulls = [np.zeros_like(x) for x in p]
    for k, part in zip(WEIGHTS, parts, strict=True):
        pulls[k] = 2 * f["strength"] * part
    first = np.sum(shares * p[1] ** 2)
    others = np.sum(p[3] ** 2) + np.sum(p[5] ** 2)
    told = {"first_layer": first, "other_layers": others}
    return f["strength"] * (first + others), pulls, told


def hinge(f, p):
    b, (q, slope) = sequence(f, f["scale"]), rate_of(f, p)
    peaks = np.abs(p[1]).max(axis=0)
    excess = peaks * q / b
    over = np.maximum(excess - 1, 0)
    pulls = [np.zeros_like(x) for x in p]
    for j in range(INPUTS):
        top = np.argmax(np.abs(p[1][:, j]))
        pulls[1][top, j] = f["strength"] * 2 * over[j] * q / b[j] * np.sign(p[1][top, j])
    if f["through_growth"]:
        pulls[3] = f["strength"] * np.sum(2 * over * peaks / b) * slope
    return f["strength"] * np.sum(over**2), pulls, {"largest_excess": excess.max()}


@pytest.mark.parametrize("name", ["lattice_tailored", "lattice_l2", "lattice_hinge"])
@given(data=st.data(), seed=SEED)
@settings(max_examples=settings().max_examples * 2)
def test_three_steps_under_a_penalty(name, data, seed):
    f = data.draw(st.fixed_dictionaries(DRAWN[name]))
    tree, p, slope_at, objective = problem(seed)
    penalty = catalogue.entry(name).factory(**f)
    algorithm = Composition(SGD(learning_rate=RATE), [penalty])
    state = algorithm.init(tree)
    for _ in range(3):
        value, pulls, told = (hinge if name == "lattice_hinge" else tailored)(f, p)
        found = penalty.diagnostics(state.params, None, objective, ())
        taped = penalty.value(state.params, None, objective, (), None)[0]
        assert float(taped) == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert {k: float(v) for k, v in found.items()} == pytest.approx(
            told, rel=1e-9, abs=1e-9 * max(told.values())
        )
        g = slope_at(p)
        p = [x - RATE * (a + b) for x, a, b in zip(p, g, pulls, strict=True)]
        state, info = algorithm.step(state, objective, None)
        assert float(info.penalty) == pytest.approx(value, rel=1e-9, abs=1e-12)
        for mine, theirs in zip(ad.flatten(state.params)[0], p, strict=True):
            scale = max(1.0, np.max(np.abs(theirs)))
            np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-9 * scale)
        p = [np.array(x) for x in ad.flatten(state.params)[0]]


@given(seed=SEED, f=st.fixed_dictionaries(BOUND))
@settings(max_examples=settings().max_examples * 2)
def test_three_steps_of_the_projection(seed, f):
    """The bound is that of the layers after the step."""
    tree, p, slope_at, objective = problem(seed)
    projection = catalogue.entry("lattice_projection").factory(**f)
    algorithm = Composition(SGD(learning_rate=RATE), projections=[projection])
    state = algorithm.init(tree)
    for _ in range(3):
        p = [x - RATE * g for x, g in zip(p, slope_at(p), strict=True)]
        limits = sequence(f, f["scale"]) / rate_of(f, p)[0]
        p[1] = np.sign(p[1]) * np.minimum(np.abs(p[1]), limits)
        state, _ = algorithm.step(state, objective, None)
        for mine, theirs in zip(ad.flatten(state.params)[0], p, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
