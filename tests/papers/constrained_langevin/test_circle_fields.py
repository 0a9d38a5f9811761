"""Every field of the circle methods, drawn, against steps of pairs (θ, ξ) in plain NumPy."""

import math

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Replay, catalogue
from refimpl import autodiff as ad

RADII = {"radii": choice((1.3,), (0.6, 2.0))}
CIRCLE = {
    **RADII, "temperature": choice(0.0, 0.05), "include": choice("weights", "all"),
    "outside": choice("raise", "clip"), "diagnostics": st.booleans(),
}  # fmt: skip
SPLITTING = choice("BAOAB", "OBABO", "OABAO", "OBA", "AOAB")
DRAWN = {
    "c_cola_od": {
        **CIRCLE, "step_size": number(0.01, 0.3), "projection": choice("radial", "shake"),
        "on_infeasible": choice("raise", "radial"),
    },
    "c_cola_ud": {
        **CIRCLE, "step_size": number(0.05, 0.5), "friction": number(0.1, 3.0),
        "splitting": SPLITTING,
    },
    "c_cola_ud_stale": {
        **RADII, "temperature": choice(0.0, 0.05), "include": choice("weights", "all"),
        "step_size": number(0.05, 0.5), "friction": number(0.1, 3.0),
    },
}  # fmt: skip


def drawn(name):
    return st.fixed_dictionaries(DRAWN[name])


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


SHAPES = ((3,), (3, 2), (2,), (2, 3))  # of the leaves, in the order bias, weight


def problem(seed, radii, outside="raise"):
    """A start inside the circles (or, to be clipped, outside of some), slopes, an objective."""
    rng = np.random.default_rng(seed)
    reach = 1.4 if outside == "clip" else 0.98
    sizes = zip((radii[0], radii[0], radii[0], radii[-1]), SHAPES, strict=True)
    start = [reach * r * rng.uniform(-1, 1, size=s) for r, s in sizes]
    slopes = [0.5 * rng.normal(size=s) for s in SHAPES]
    tree = [{"bias": start[0], "weight": start[1]}, {"bias": start[2], "weight": start[3]}]

    def objective(params, batch):
        leaves = ad.flatten(params)[0]
        terms = [ad.sum(c * p) + 0.35 * ad.sum(p * p) for c, p in zip(slopes, leaves, strict=True)]
        return sum(terms[1:], terms[0])

    return tree, start, lambda p: [c + 0.7 * x for c, x in zip(slopes, p, strict=True)], objective


def bounds_of(f):
    """The radius of each leaf; a bias has that of the weights before it among the leaves."""
    first, last = f["radii"][0], f["radii"][-1]
    bias = first if f["include"] == "all" else None
    return [bias, first, bias, last]


def started(start, bounds):
    """θ clipped to its circle, and ξ >= 0; None for a free leaf."""
    thetas = [x if r is None else np.clip(x, -r, r) for x, r in zip(start, bounds, strict=True)]
    pairs = zip(thetas, bounds, strict=True)
    return thetas, [None if r is None else np.sqrt(r * r - x * x) for x, r in pairs]


def leaves(tree):
    return [layer[name] for layer in tree for name in ("bias", "weight")]


def assert_on(state, thetas, slacks):
    for mine, theirs in zip(leaves(state.params), thetas, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-11)
    for mine, theirs in zip(leaves(state.slack), slacks, strict=True):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-11)


@given(seed=SEED, f=drawn("c_cola_od"))
def test_overdamped_circles(seed, f):
    tree, start, slope_at, objective = problem(seed, f["radii"], f["outside"])
    bounds = bounds_of(f)
    start, _ = started(start, bounds) if f["outside"] == "clip" else (start, None)
    thetas, slacks = started(start, bounds)
    rng, draws, fallbacks = np.random.default_rng(seed + 1), [], 0
    size = math.sqrt(2 * f["temperature"] * f["step_size"])
    infeasible = False
    for k, (g, r) in enumerate(zip(slope_at(thetas), bounds, strict=True)):
        noise = [rng.normal(size=g.shape) for _ in range(1 if r is None else 2)]
        draws += noise
        u = -f["step_size"] * g + size * noise[0]
        if r is None:
            thetas[k] = thetas[k] + u
            continue
        x, y, w = thetas[k], slacks[k], size * noise[1]
        tangential = (u * y - w * x) / r
        if f["projection"] == "shake" and np.max(np.abs(tangential)) <= r:
            along = np.sqrt(r * r - tangential**2)
            thetas[k] = (along * x + tangential * y) / r
            slacks[k] = (along * y - tangential * x) / r
            continue
        fallbacks += f["projection"] == "shake"
        infeasible |= f["projection"] == "shake" and f["on_infeasible"] == "raise"
        long = np.hypot(x + u, y + w)
        thetas[k], slacks[k] = r * (x + u) / long, r * (y + w) / long
    if infeasible:
        return  # test_algorithms.py says what is raised
    algorithm = catalogue.entry("c_cola_od").factory(**f)
    state, info = algorithm.step(
        algorithm.init(tree), objective, None, Replay(draws if size else [])
    )
    assert_on(state, thetas, slacks)
    assert info.fallbacks == fallbacks
    assert 0.0 <= float(info.residual) <= 1e-14 * f["diagnostics"]


def turned(f, start, slope_at, draws, *, letters, stale=False):
    """Underdamped steps in pairs: rotation, kick of the velocity along the arc, heat."""
    bounds, noise = bounds_of(f), iter(draws)
    thetas, slacks = started(start, bounds)
    v = [np.zeros_like(x) for x in thetas]
    if f["temperature"] > 0:
        v = [math.sqrt(f["temperature"]) * next(noise) for _ in v]
    h = f["step_size"]

    def kicked(v, s, at=None):
        g = slope_at(thetas if at is None else at)
        return [
            a - s * b if r is None else a - s * b * xi / r
            for a, b, r, xi in zip(v, g, bounds, slacks, strict=True)
        ]

    for step in range(2):
        if letters == "AOAB" and step == 0:
            v = kicked(v, h / 2)
        before = list(thetas)
        for letter in letters:
            s = h / letters.count(letter)
            if letter == "B":
                v = kicked(v, s, before if stale else None)
            elif letter == "O":
                c = math.exp(-f["friction"] * s)
                d = math.sqrt(f["temperature"] * (1 - c * c))
                v = [c * a + (d * next(noise) if d else 0.0) for a in v]
            else:
                for k, r in enumerate(bounds):
                    if r is None:
                        thetas[k] = thetas[k] + s * v[k]
                        continue
                    sine, cosine = np.sin(s * v[k] / r), np.cos(s * v[k] / r)
                    x, y = thetas[k], slacks[k]
                    thetas[k], slacks[k] = x * cosine + y * sine, y * cosine - x * sine
    return thetas, slacks, v


@given(seed=SEED, f=drawn("c_cola_ud"))
def test_underdamped_circles_from_drawn_velocities(seed, f):
    tree, start, slope_at, objective = problem(seed, f["radii"], f["outside"])
    rng = np.random.default_rng(seed + 1)
    draws = [rng.normal(size=s) for _ in range(10) for s in SHAPES]
    if f["outside"] == "clip":
        start = started(start, bounds_of(f))[0]
    expected = turned(f, start, slope_at, draws, letters=f["splitting"])
    algorithm, noise = catalogue.entry("c_cola_ud").factory(**f), Replay(draws)
    state = algorithm.init(tree, noise)
    for _ in range(2):
        state, info = algorithm.step(state, objective, None, noise)
    assert_on(state, *expected[:2])
    for mine, theirs in zip(leaves(state.momentum), expected[2], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-11)
    assert 0.0 <= float(info.residual) <= 1e-14 * f["diagnostics"]


@given(seed=SEED, f=drawn("c_cola_ud_stale"))
def test_the_gradient_from_before_the_drift(seed, f):
    tree, start, slope_at, objective = problem(seed, f["radii"])
    rng = np.random.default_rng(seed + 1)
    draws = [rng.normal(size=s) for _ in range(3) for s in SHAPES]
    expected = turned(f, start, slope_at, draws, letters="AOAB", stale=True)
    algorithm, noise = catalogue.entry("c_cola_ud_stale").factory(**f), Replay(draws)
    state = algorithm.init(tree, noise)
    for _ in range(2):
        state, _ = algorithm.step(state, objective, None, noise)
    assert_on(state, *expected[:2])


@given(seed=SEED, radius=number(0.5, 3.0))
def test_released_momenta_are_drawn_along_the_circle(seed, radius):
    """(p, s) = √τ R (ξ, −θ)/r, of length √τ |R|."""
    rng = np.random.default_rng(seed)
    tree = [{"bias": rng.normal(size=2), "weight": radius * rng.uniform(-1, 1, size=(2, 3))}]
    noise = [rng.normal(size=2), rng.normal(size=(2, 3))]
    algorithm = catalogue.entry("c_cola_ud_released").factory(temperature=0.3, radii=(radius,))
    state = algorithm.init(tree, Replay(noise))
    theta, xi = tree[0]["weight"], np.sqrt(radius**2 - tree[0]["weight"] ** 2)
    moment, beside = state.momentum[0]["weight"], state.slack_momentum[0]["weight"]
    np.testing.assert_allclose(moment, math.sqrt(0.3) * noise[1] * xi / radius, rtol=1e-12)
    np.testing.assert_allclose(beside, -math.sqrt(0.3) * noise[1] * theta / radius, rtol=1e-12)
    np.testing.assert_allclose(state.momentum[0]["bias"], math.sqrt(0.3) * noise[0], rtol=1e-12)
