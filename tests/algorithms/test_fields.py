"""Every field of the core's methods, drawn away from its default, against a step in plain NumPy.

The objective is Σ ⟨c, p⟩ + k |p|²/2, whose gradient c + k p is known without differentiating.
"""

import math

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import Replay, catalogue
from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.early_stopping import EarlyStopping
from refimpl.algorithms.sgd import SGD

CURVATURE = 0.7


RATE = {"learning_rate": number(0.01, 0.4)}
MOMENTS = {"beta1": number(0.0, 0.95), "beta2": number(0.3, 0.99), "epsilon": number(1e-6, 0.5)}
INCLUDE = {"include": choice("weights", "all")}
DRAWN = {
    "sgd": RATE,
    "momentum": {**RATE, "momentum": number(0.0, 0.95), "nesterov": st.booleans()},
    "adam": {**RATE, **MOMENTS},
    "radam": {
        **RATE, **MOMENTS, "threshold": number(4.0, 6.0), "waiting": choice("mean", "nothing"),
    },
    "l2": {"strength": number(0.01, 2.0), "decoupled": st.booleans(), **INCLUDE},
    "l1": {"strength": number(0.01, 2.0), "method": choice("proximal", "subgradient"), **INCLUDE},
    "clipping": {"limit": number(0.1, 5.0)},
    "sgld": {**RATE, "temperature": number(0.1, 2.0)},
    "sghmc": {
        "step_size": number(0.01, 0.4), "friction": number(0.5, 2.0),
        "temperature": number(0.5, 2.0), "noise_estimate": number(0.0, 0.2),
    },
    "sgnht": {
        "step_size": number(0.01, 0.4), "noise": number(0.1, 2.0), "temperature": number(0.1, 2.0),
    },
    "langevin": {
        "step_size": number(0.01, 0.4), "friction": number(0.1, 2.0),
        "temperature": number(0.1, 2.0), "splitting": choice("OBA", "BAOAB", "OBABO"),
    },
    "early_stopping": {
        "evaluate_every": st.integers(1, 3), "patience": st.integers(1, 3),
        "minimum_change": number(0.0, 1.0),
    },
}  # fmt: skip


def drawn(name):
    return st.fixed_dictionaries(DRAWN[name])


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


def problem(seed, shapes=((3, 2), (2, 4))):
    """Parameters, slopes like them, and the objective that these make."""
    rng = np.random.default_rng(seed)
    tree = [{"bias": rng.normal(size=s[:1]), "weight": rng.normal(size=s)} for s in shapes]
    slopes = [rng.normal(size=leaf.shape) for leaf in ad.flatten(tree)[0]]

    def objective(params, batch):
        leaves = ad.flatten(params)[0]
        terms = [ad.sum(c * p) for c, p in zip(slopes, leaves, strict=True)]
        squares = [0.5 * CURVATURE * ad.sum(p * p) for p in leaves]
        return sum(terms[1:] + squares, terms[0])

    return tree, slopes, objective


def leaves(tree):
    return [np.array(leaf) for leaf in ad.flatten(tree)[0]]


def slope_at(slopes, p):
    return [c + CURVATURE * x for c, x in zip(slopes, p, strict=True)]


def assert_steps(algorithm, tree, objective, expected, noise=(), **extra):
    """As many steps as parameters are expected."""
    state = algorithm.init(tree, **extra)
    rng = Replay(list(noise))
    for points in expected:
        state, info = algorithm.step(state, objective, None, rng)
        for mine, theirs in zip(leaves(state.params), points, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-11)
    return state, info


def plain_update(name, f, steps):
    """Directions of the updates, from gradients one after the other."""
    first, second = [0.0] * 4, [0.0] * 4
    for t in range(1, steps + 1):
        g = yield
        if name == "sgd":
            yield g
        elif name == "momentum":
            first = [f["momentum"] * v + x for v, x in zip(first, g, strict=True)]
            ahead = [x + f["momentum"] * v for v, x in zip(first, g, strict=True)]
            yield ahead if f["nesterov"] else first
        else:
            b1, b2 = f["beta1"], f["beta2"]
            first = [b1 * m + (1 - b1) * x for m, x in zip(first, g, strict=True)]
            second = [b2 * v + (1 - b2) * x**2 for v, x in zip(second, g, strict=True)]
            means = [m / (1 - b1**t) for m in first]
            roots = [np.sqrt(v / (1 - b2**t)) + f["epsilon"] for v in second]
            scaled = [m / s for m, s in zip(means, roots, strict=True)]
            if name == "adam":
                yield scaled
                continue
            most = 2 / (1 - b2) - 1
            rho = most - 2 * t * b2**t / (1 - b2**t)
            waits = means if f["waiting"] == "mean" else [0 * m for m in means]
            if rho <= f["threshold"]:
                yield waits
                continue
            r = math.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
            yield [r * x for x in scaled]


UPDATES = choice("sgd", "momentum", "adam", "radam").flatmap(
    lambda name: st.tuples(st.just(name), drawn(name))
)


@given(seed=SEED, update=UPDATES, l2=drawn("l2"), l1=drawn("l1"), clipping=drawn("clipping"))
@settings(max_examples=30)
def test_updates_with_decay_shrinkage_and_clipping(seed, update, l2, l1, clipping):
    tree, slopes, objective = problem(seed)
    name, fields = update
    update = catalogue.entry(name).factory(**fields)
    parts = [catalogue.entry(kind).factory(**f) for kind, f in (("l2", l2), ("l1", l1))]
    wrapper = catalogue.entry("clipping").factory(**clipping)
    algorithm = Composition(update, penalties=parts, wrappers=[wrapper])
    rate, p, expected = fields["learning_rate"], leaves(tree), []
    moves = plain_update(name, fields, 6)
    for _ in range(6):
        in_l2 = [l2["include"] == "all" or x.ndim == 2 for x in p]
        in_l1 = [l1["include"] == "all" or x.ndim == 2 for x in p]
        losses = sum(np.sum(c * x) + CURVATURE / 2 * np.sum(x * x)
                     for c, x in zip(slopes, p, strict=True))  # fmt: skip
        penalty = (
            l2["strength"] / 2 * sum(np.sum(x * x) for x, a in zip(p, in_l2, strict=True) if a)
        )
        penalty += l1["strength"] * sum(np.sum(abs(x)) for x, a in zip(p, in_l1, strict=True) if a)
        g = slope_at(slopes, p)
        if not l2["decoupled"]:
            g = [x + l2["strength"] * w * a for x, w, a in zip(g, p, in_l2, strict=True)]
        if l1["method"] == "subgradient":
            g = [x + l1["strength"] * np.sign(w) * a for x, w, a in zip(g, p, in_l1, strict=True)]
        norm = math.sqrt(sum(np.sum(x * x) for x in g))
        g = [x * min(1.0, clipping["limit"] / norm) for x in g]
        next(moves)
        d = moves.send(g)
        keep = 1 - rate * l2["strength"] * l2["decoupled"]
        p = [w * (keep if a else 1) - rate * x for w, x, a in zip(p, d, in_l2, strict=True)]
        if l1["method"] == "proximal":
            cut = rate * l1["strength"]
            p = [np.sign(w) * np.maximum(abs(w) - cut, 0) if a else w
                 for w, a in zip(p, in_l1, strict=True)]  # fmt: skip
        expected.append(p)
    _, info = assert_steps(algorithm, tree, objective, expected)
    assert float(info.loss) == pytest.approx(losses, rel=1e-9, abs=1e-9)
    assert float(info.penalty) == pytest.approx(penalty, rel=1e-9, abs=1e-9)
    assert float(info.gradient_norm) == pytest.approx(norm, rel=1e-9)


def noise_like(seed, tree, times):
    rng = np.random.default_rng(seed + 1)
    return [rng.normal(size=x.shape) for _ in range(times) for x in leaves(tree)]


@given(seed=SEED, f=drawn("sgld"))
def test_sgld(seed, f):
    tree, slopes, objective = problem(seed)
    noise, p, expected = noise_like(seed, tree, 2), leaves(tree), []
    for k in range(2):
        h, xi = f["learning_rate"], noise[4 * k : 4 * k + 4]
        kick = [math.sqrt(2 * h * f["temperature"]) * x for x in xi]
        p = [x - h * g + e for x, g, e in zip(p, slope_at(slopes, p), kick, strict=True)]
        expected.append(p)
    assert_steps(catalogue.entry("sgld").factory(**f), tree, objective, expected, noise)


@given(seed=SEED, f=drawn("sghmc"))
def test_sghmc_from_a_drawn_velocity(seed, f):
    tree, slopes, objective = problem(seed)
    noise, p, expected = noise_like(seed, tree, 3), leaves(tree), []
    r = [math.sqrt(f["temperature"]) * x for x in noise[:4]]
    h, heat = f["step_size"], f["friction"] * f["temperature"] - f["noise_estimate"]
    for k in (1, 2):
        kick = [math.sqrt(2 * h * heat) * x for x in noise[4 * k : 4 * k + 4]]
        r = [v - h * g - h * f["friction"] * v + e
             for v, g, e in zip(r, slope_at(slopes, p), kick, strict=True)]  # fmt: skip
        p = [x + h * v for x, v in zip(p, r, strict=True)]
        expected.append(p)
    algorithm = catalogue.entry("sghmc").factory(**f)
    assert_steps(algorithm, tree, objective, expected, noise[4:], rng=Replay(noise[:4]))


@given(seed=SEED, f=drawn("sgnht"))
def test_sgnht_from_a_drawn_velocity(seed, f):
    tree, slopes, objective = problem(seed)
    noise, q, expected = noise_like(seed, tree, 3), leaves(tree), []
    p = [math.sqrt(f["temperature"]) * x for x in noise[:4]]
    h, friction = f["step_size"], f["noise"] / f["temperature"]
    size = sum(x.size for x in q)
    for k in (1, 2):
        kick = [math.sqrt(2 * f["noise"] * h) * x for x in noise[4 * k : 4 * k + 4]]
        p = [v - h * friction * v - h * g + e
             for v, g, e in zip(p, slope_at(slopes, q), kick, strict=True)]  # fmt: skip
        q = [x + h * v for x, v in zip(q, p, strict=True)]
        kinetic = sum(np.sum(v * v) for v in p) / size
        friction += h * (kinetic - f["temperature"])
        expected.append(q)
    algorithm = catalogue.entry("sgnht").factory(**f)
    _, info = assert_steps(algorithm, tree, objective, expected, noise[4:], rng=Replay(noise[:4]))
    assert float(info.kinetic_temperature) == pytest.approx(kinetic, rel=1e-12)
    assert float(info.friction) == pytest.approx(friction, rel=1e-10, abs=1e-12)


@given(seed=SEED, f=drawn("langevin"))
def test_langevin_from_a_drawn_velocity(seed, f):
    tree, slopes, objective = problem(seed)
    noise, q, expected = noise_like(seed, tree, 5), leaves(tree), []
    p = [math.sqrt(f["temperature"]) * x for x in noise[:4]]
    used = 4
    for _ in range(2):
        for letter in f["splitting"]:
            s = f["step_size"] / f["splitting"].count(letter)
            if letter == "A":
                q = [x + s * v for x, v in zip(q, p, strict=True)]
            elif letter == "B":
                p = [v - s * g for v, g in zip(p, slope_at(slopes, q), strict=True)]
            else:
                c = math.exp(-f["friction"] * s)
                d = math.sqrt(f["temperature"] * (1 - c * c))
                p = [c * v + d * x for v, x in zip(p, noise[used : used + 4], strict=True)]
                used += 4
        expected.append(q)
    algorithm = catalogue.entry("langevin").factory(**f)
    assert_steps(algorithm, tree, objective, expected, noise[4:], rng=Replay(noise[:4]))


@given(losses=st.lists(number(0.0, 4.0), min_size=8, max_size=8), f=drawn("early_stopping"))
def test_early_stopping_counts_evaluations_without_a_new_minimum(losses, f):
    """The batch of step t is t, and the validation loss at that point is the t-th given."""

    def objective(params, batch):
        return 0.0 * params["weight"][0] + losses[round(float(ad.value(params["weight"])[0]))]

    def loss(params, batch):
        if batch == "validation":
            return objective(params, batch)
        return -1.0 * ad.sum(params["weight"])  # each step adds 1

    algorithm = Composition(SGD(learning_rate=1.0), wrappers=[EarlyStopping(**f)])
    state = algorithm.init({"weight": np.zeros(1)}, validation="validation", objective=loss)
    best, at, misses, seen = losses[0], 0, 0, losses[0]
    for t in range(1, 8):
        state, info = algorithm.step(state, loss, None)
        if t % f["evaluate_every"] == 0:
            seen = losses[t]
            if seen < best - f["minimum_change"]:
                best, at, misses = seen, t, 0
            else:
                misses += 1
        assert info.validation_loss == seen and info.best_loss == best
        assert info.stopped == (misses >= f["patience"])
        assert algorithm.solution(state)["weight"][0] == at
