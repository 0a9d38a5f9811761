"""Every field of AMP, SAM and random perturbation, drawn, against their lines in plain NumPy."""

import math

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given
from hypothesis import strategies as st

from refimpl import autodiff as ad
from refimpl import catalogue
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.sgd import SGD

SHAPES = ((3,), (2, 3), (2,), (2, 2))  # bias and weight of two layers
SCALES = st.just(()) | st.tuples(*[choice(0.0, 0.5, 1.0, 2.5)] * len(SHAPES))
NORM = choice("per_tensor", "global", "linf")
AMP = {
    "radius": choice(0.0, 0.05, 0.3, 1.5), "ascent_rate": number(0.02, 1.5),
    "inner_steps": st.integers(0, 3), "norm": NORM, "scales": SCALES,
    "stabilizer": choice(0.0, 0.01, 0.3),
    "limit_where": choice("nowhere", "descent", "everywhere"), "gradient_limit": number(0.1, 8.0),
    "reported": choice("unperturbed", "perturbed"),
}  # fmt: skip
SAM = {
    "radius": choice(0.0, 0.05, 0.3, 1.5), "inner_steps": st.integers(0, 3), "norm": NORM,
    "scales": SCALES,
}  # fmt: skip
RANDOM = {
    "radius": choice(0.0, 0.05, 0.3, 1.5), "match": choice("released", "rms"), "scales": SCALES,
}  # fmt: skip
DRAWN = {"amp": AMP, "amp_released": AMP, "sam": SAM, "random_perturbation": RANDOM}
STRENGTH, RATE = 0.4, 0.1


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


def drawn(name):
    """One ball for all has no scales."""

    def fitting(f):
        return {**f, "scales": ()} if f.get("norm") == "global" else f

    return st.fixed_dictionaries(DRAWN[name]).map(fitting)


def objective(params, batch):
    """The sum of c p + 0.35 p² + 0.05 p⁴ over all scalars."""
    pairs = zip(batch, ad.flatten(params)[0], strict=True)
    terms = [ad.sum(c * p) + 0.35 * ad.sum(p * p) + 0.05 * ad.sum(p**4) for c, p in pairs]
    return sum(terms[1:], terms[0])


def loss(c, p):
    pairs = list(zip(c, p, strict=True))
    return sum(float(np.sum(a * x + 0.35 * x**2 + 0.05 * x**4)) for a, x in pairs)


def gradient(c, p):
    return [a + 0.7 * x + 0.2 * x**3 for a, x in zip(c, p, strict=True)]


def plus(p, d):
    return [x + y for x, y in zip(p, d, strict=True)]


def length(v):
    return math.sqrt(sum(float(np.sum(x * x)) for x in v))


def limited(g, limit):
    return [x * min(1.0, limit / length(g)) for x in g]


def radii(f):
    return [f["radius"] * s for s in f["scales"] or [1.0] * len(SHAPES)]


def nearest(d, f):
    """The projection onto the ball, and the share that it shortened."""
    if f["norm"] == "linf":
        out = [np.abs(x) > r for x, r in zip(d, radii(f), strict=True)]
        cut = [np.clip(x, -r, r) for x, r in zip(d, radii(f), strict=True)]
        return cut, np.mean(np.concatenate([o.ravel() for o in out]))
    sizes = [length(d)] * len(d) if f["norm"] == "global" else [length([x]) for x in d]
    found, hits = [], []
    for x, size, r in zip(d, sizes, radii(f), strict=True):
        hits.append(size > r)
        found.append(x * r / (size + f["stabilizer"]) if size > r else x)
    return found, np.mean(hits)


def edge(g, f):
    if f["norm"] == "linf":
        return [r * np.sign(x) for x, r in zip(g, radii(f), strict=True)]
    sizes = [length(g)] * len(g) if f["norm"] == "global" else [length([x]) for x in g]
    return [r * x / size for x, r, size in zip(g, radii(f), sizes, strict=True)]


def three_steps(wrapper, seed, perturbation, last=lambda g: g, rng=None):
    """Steps of both; yields the package's info, and Δ, the slopes and θ of the twin."""
    draw = np.random.default_rng(seed)
    p = [draw.normal(size=s) for s in SHAPES]
    tree = [{"bias": p[0], "weight": p[1]}, {"bias": p[2], "weight": p[3]}]
    algorithm = Composition(SGD(learning_rate=RATE), [L2(strength=STRENGTH)], wrappers=[wrapper])
    state = algorithm.init(tree)
    for _ in range(3):
        c = [draw.normal(size=s) for s in SHAPES]
        delta = perturbation(c, p)
        g = last(gradient(c, plus(p, delta)))
        pull = [STRENGTH * x * (x.ndim == 2) for x in p]
        new = [x - RATE * (a + b) for x, a, b in zip(p, g, pull, strict=True)]
        state, info = algorithm.step(state, objective, c, rng)
        for mine, theirs in zip(ad.flatten(state.params)[0], new, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10)
        penalty = 0.5 * STRENGTH * sum(float(np.sum(x * x)) for x in p if x.ndim == 2)
        assert float(info.penalty) == pytest.approx(penalty, rel=1e-11)
        found = float(info.diagnostics["perturbation_norm"])
        assert found == pytest.approx(length(delta), rel=1e-10, abs=1e-12)
        yield info, loss(c, p), loss(c, plus(p, delta))
        p = new


@pytest.mark.parametrize("name", ["amp", "amp_released"])
@given(data=st.data(), seed=SEED)
def test_three_steps_of_amp(name, data, seed):
    f = data.draw(drawn(name))
    share = []

    def perturbation(c, p):
        d, hit = [np.zeros_like(x) for x in p], 0.0
        for _ in range(f["inner_steps"] if f["radius"] > 0 else 0):
            g = gradient(c, plus(p, d))
            if f["limit_where"] == "everywhere":
                g = limited(g, f["gradient_limit"])
            d, hit = nearest(plus(d, [f["ascent_rate"] * x for x in g]), f)
        share.append(hit)
        return d

    def last(g):
        return g if f["limit_where"] == "nowhere" else limited(g, f["gradient_limit"])

    part = catalogue.entry(name).factory(**f)
    for info, here, there in three_steps(part, seed, perturbation, last):
        assert float(info.loss) == pytest.approx(
            here if f["reported"] == "unperturbed" else there, rel=1e-10, abs=1e-10
        )
        reading = {name: float(value) for name, value in info.diagnostics.items()}
        assert reading["unperturbed_loss"] == pytest.approx(here, rel=1e-10, abs=1e-10)
        assert reading["perturbed_loss"] == pytest.approx(there, rel=1e-10, abs=1e-10)
        assert reading["clipped"] == pytest.approx(share[-1], abs=1e-12)


@given(f=drawn("sam"), seed=SEED)
def test_three_steps_of_sam(f, seed):
    def perturbation(c, p):
        d = [np.zeros_like(x) for x in p]
        for _ in range(f["inner_steps"] if f["radius"] > 0 else 0):
            d = edge(gradient(c, plus(p, d)), f)
        return d

    part = catalogue.entry("sam").factory(**f)
    for info, here, there in three_steps(part, seed, perturbation):
        assert float(info.loss) == pytest.approx(here, rel=1e-10, abs=1e-10)
        found = float(info.diagnostics["perturbed_loss"])
        assert found == pytest.approx(there, rel=1e-10, abs=1e-10)


class Uniform:
    """Uniform draws between the bounds that are asked for."""

    def __init__(self, seed):
        self.draw = np.random.default_rng(seed)

    def child(self, *names):
        return self

    def uniform(self, shape, low, high, like):
        return low + (high - low) * self.draw.random(shape)


@given(f=drawn("random_perturbation"), seed=SEED)
def test_three_steps_of_random_perturbation(f, seed):
    again = np.random.default_rng(seed)

    def perturbation(c, p):
        if f["radius"] == 0:
            return [np.zeros_like(x) for x in p]
        found = []
        for x, r in zip(p, radii(f), strict=True):
            square = 3 * r**2 / x.size if f["match"] == "rms" else r / x.size
            found.append(math.sqrt(square) * (2 * again.random(x.shape) - 1))
        return found

    part = catalogue.entry("random_perturbation").factory(**f)
    for info, _, there in three_steps(part, seed, perturbation, rng=Uniform(seed)):
        assert float(info.loss) == pytest.approx(there, rel=1e-10, abs=1e-10)
