"""Every field of the orthogonal methods, drawn, against SHAKE with a root finder of SciPy."""

import math

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import root

from refimpl import Replay, catalogue
from refimpl import autodiff as ad

COMMON = {
    "temperature": choice(0.0, 0.02), "free_first": st.booleans(),
    "solver": choice("auto", "quasi_newton", "newton"), "max_halvings": st.integers(1, 3),
    "on_failure": choice("raise", "reject", "halve", "polar"), "start": choice("qr", "polar"),
}  # fmt: skip
HALF = {"determinant": choice("start", "positive", "negative")}
OVER = {"step_size": number(0.01, 0.1), **COMMON, "increment": choice("raw", "projected")}
UNDER = {
    "step_size": number(0.05, 0.2), **COMMON, "friction": number(0.1, 3.0),
    "splitting": choice("BAOAB", "OBABO", "OABAO", "OBA", "AOAB"),
    "reversibility_check": st.booleans(),
}  # fmt: skip
GENERAL = {
    "constraint": choice("orthogonal", "none"), "radii": st.just((1.0,)),
    "circle_motion": st.just("rotation"), "user": st.none(),
}  # circles: test_circle_fields.py; user: test_algorithms.py  # fmt: skip
DRAWN = {
    "o_cola_od": {**OVER, **HALF, "projection": choice("shake", "polar")},
    "o_cola_ud": {**UNDER, **HALF},
    "constrained_od": {**OVER, **GENERAL, "projection": choice("shake", "nearest")},
    "constrained_ud": {**UNDER, **GENERAL},
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


SHAPES = ((2, 2), (2, 4), (3, 2), (2,))  # square, wide, tall, and a bias


def problem(seed):
    rng = np.random.default_rng(seed)
    start = [rng.normal(size=s) for s in SHAPES]
    slopes = [rng.normal(size=s) for s in SHAPES]

    def objective(params, batch):
        terms = [ad.sum(c * p) + 0.35 * ad.sum(p * p) for c, p in zip(slopes, params, strict=True)]
        return sum(terms[1:], terms[0])

    return start, lambda p: [c + 0.7 * x for c, x in zip(slopes, p, strict=True)], objective


class Free:
    """A leaf without constraint."""

    largest = 0.0

    def tall(self, w):
        return w

    def tangent(self, q, u):
        return u

    def shake(self, q, u):
        return q + u

    nearest = shake


class Stiefel:
    """Orthonormal columns of the tall one of W and its transpose."""

    def __init__(self, wide):
        self.tall = (lambda w: w.T) if wide else (lambda w: w)
        self.largest = 0.0  # of the multipliers, until it is asked for

    def start(self, q, method, determinant):
        u, _, vt = np.linalg.svd(q, full_matrices=False)
        factor, r = np.linalg.qr(q)
        q = u @ vt if method == "polar" else factor * np.sign(np.diag(r))
        wanted = {"positive": 1.0, "negative": -1.0}.get(determinant)
        if wanted and q.shape[0] == q.shape[1] and np.linalg.det(q) * wanted < 0:
            q = np.concatenate([-q[:1], q[1:]])
        return q

    def tangent(self, q, u):
        return u - q @ (q.T @ u + u.T @ q) / 2

    def shake(self, q, u):
        """Q = q + u − q Λ with Λ symmetric, near the identity."""
        m = q.shape[1]
        upper = np.triu_indices(m)

        def point(numbers):
            multiplier = np.zeros((m, m))
            multiplier[upper] = numbers
            multiplier = multiplier + np.triu(multiplier, 1).T
            return q + u - q @ multiplier

        def defect(numbers):
            w = point(numbers)
            return (w.T @ w - np.eye(m))[upper]

        solved = root(defect, np.zeros(len(upper[0])), tol=1e-14)
        self.largest = max(self.largest, np.max(np.abs(solved.x)))
        return point(solved.x)

    def nearest(self, q, u):
        left, _, right = np.linalg.svd(q + u, full_matrices=False)
        return left @ right


def layers(f):
    """What acts on each leaf; the first layer may stay free."""
    if f.get("constraint") == "none":
        return [Free()] * 4
    return [Free() if f["free_first"] else Stiefel(False), Stiefel(True), Stiefel(False), Free()]


def begun(f, kinds, start):
    q = []
    for kind, w in zip(kinds, start, strict=True):
        bound = isinstance(kind, Stiefel)
        tall = kind.tall(w)
        q.append(kind.start(tall, f["start"], f.get("determinant")) if bound else tall)
    return q


def assert_at(params, kinds, q):
    for mine, kind, theirs in zip(params, kinds, q, strict=True):
        np.testing.assert_allclose(kind.tall(mine), theirs, rtol=0, atol=2e-9)


@pytest.mark.parametrize("name", ["o_cola_od", "constrained_od"])
@given(data=st.data(), seed=SEED)
def test_an_overdamped_step(name, data, seed):
    f = data.draw(st.fixed_dictionaries(DRAWN[name]))
    start, slope_at, objective = problem(seed)
    kinds = layers(f)
    q = begun(f, kinds, start)
    rng = np.random.default_rng(seed + 1)
    noise = [rng.normal(size=x.shape) for x in q]
    size = math.sqrt(2 * f["temperature"] * f["step_size"])
    slopes = slope_at([kind.tall(x) for kind, x in zip(kinds, q, strict=True)])
    new = []
    for kind, x, g, xi in zip(kinds, q, slopes, noise, strict=True):
        u = -f["step_size"] * kind.tall(g) + size * xi
        if f["increment"] == "projected":
            u = kind.tangent(x, u)
        new.append(kind.shake(x, u) if f["projection"] == "shake" else kind.nearest(x, u))
    algorithm = catalogue.entry(name).factory(**f)
    state, info = algorithm.step(
        algorithm.init(start), objective, None, Replay(noise if size else [])
    )
    assert_at(state.params, kinds, new)
    assert info.halvings == info.rejected == info.fallbacks == 0
    assert float(info.residual) < 1e-13


@pytest.mark.parametrize("name", ["o_cola_ud", "constrained_ud"])
@given(data=st.data(), seed=SEED)
def test_two_underdamped_steps_from_drawn_momenta(name, data, seed):
    f = data.draw(st.fixed_dictionaries(DRAWN[name]))
    start, slope_at, objective = problem(seed)
    kinds = layers(f)
    q = begun(f, kinds, start)
    rng = np.random.default_rng(seed + 1)
    draws = [rng.normal(size=x.shape) for _ in range(6) for x in q]
    noise, p = iter(draws), [np.zeros_like(x) for x in q]

    def tangent():
        return [kind.tangent(x, u) for kind, x, u in zip(kinds, q, p, strict=True)]

    def kicked(s):
        weights = [kind.tall(x) for kind, x in zip(kinds, q, strict=True)]
        pairs = zip(kinds, p, slope_at(weights), strict=True)
        return [u - s * kind.tall(g) for kind, u, g in pairs]

    if f["temperature"] > 0:
        p = [math.sqrt(f["temperature"]) * next(noise) for _ in p]
        p = tangent()
    letters, multipliers = f["splitting"], []
    for step in range(2):
        if letters == "AOAB" and step == 0:
            p = kicked(f["step_size"] / 2)
            p = tangent()
        for letter in letters:
            s = f["step_size"] / letters.count(letter)
            if letter == "A":
                moved = [kind.shake(x, s * u) for kind, x, u in zip(kinds, q, p, strict=True)]
                p = [(y - x) / s for x, y in zip(q, moved, strict=True)]
                q = moved
            elif letter == "B":
                p = kicked(s)
            else:
                c = math.exp(-f["friction"] * s)
                d = math.sqrt(f["temperature"] * (1 - c * c))
                p = [c * u + (d * next(noise) if d else 0.0) for u in p]
            p = tangent()
        multipliers.append(max(kind.largest for kind in kinds))
        for kind in kinds:
            kind.largest = 0.0
    algorithm, replay = catalogue.entry(name).factory(**f), Replay(draws)
    state = algorithm.init(start, replay)
    for multiplier in multipliers:
        state, info = algorithm.step(state, objective, None, replay)
        assert float(info.multiplier) == pytest.approx(multiplier, rel=1e-6, abs=1e-9)
    assert_at(state.params, kinds, q)
    for mine, theirs in zip(state.momenta, p, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-7)
    assert info.halvings == info.rejected == info.fallbacks == 0
    assert float(info.residual) < 1e-13 and float(info.tangency) < 1e-13


@pytest.mark.parametrize("name", ["constrained_od", "constrained_ud", "constrained_mala"])
def test_the_general_methods_have_the_defaults_of_the_special_ones(name):
    """One layer's radius is 1, the first layer is free, a failure is raised."""
    mine = catalogue.entry(name).own_fields
    for other in ("c_cola_od", "o_cola_ud"):
        theirs = catalogue.entry(other).own_fields
        for field in mine.keys() & theirs.keys() - {"step_size", "temperature", "friction"}:
            if field != "projection":  # radial, along the normal: each has its own
                assert mine[field].default == theirs[field].default, field
    assert mine["radii"].default == (1.0,) and mine["free_first"].default is True
