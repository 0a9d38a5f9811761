"""Every field of the gated update and of the gate, drawn, against their lines in plain NumPy."""

import math

import numpy as np
import pytest
from fields import BASES, SEED, PlainUpdate, choice, number
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autodiff as ad
from refimpl import catalogue
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.sgd import SGD
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective

GATE = {
    "scope": choice("global", "layer"), "threshold": number(-0.9, 0.99), "ratio": number(0.1, 3.0),
    "delay": st.integers(0, 2), "include": choice("weights", "all"),
}  # fmt: skip
ALGORITHM = {
    **GATE, "strength": choice(0.0, 0.3, 1.5), "learning_rate": number(0.01, 0.3),
    "penalty": choice("l2", "l1", "l1_subgradient"),
    "criterion": choice("total", "lookahead", "sign", "ratio", "temporal", "always"),
    "base": BASES, "momentum": number(0.1, 0.9), "placement": choice("inside", "outside"),
    "keep_zeros": st.booleans(),
}  # fmt: skip
WRAPPER = {
    **GATE, "criterion": choice("total", "lookahead", "sign", "ratio", "temporal", "always"),
    "reach": number(0.01, 0.5),
}  # fmt: skip
DRAWN = {
    **dict.fromkeys(
        ("gradient_coherent", "strong_regularization", "delayed_regularization"), ALGORITHM
    ),
    "coherence_gate": WRAPPER,
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


SHAPES = ((3,), (3, 2), (2,), (2, 3))  # bias, weight of two layers


def problem(seed):
    """Leaves with some exact zeros; the gradient of step t at p is c_t + 0.7 p."""
    rng = np.random.default_rng(seed)
    start = [rng.normal(size=s) * (rng.random(s) > 0.2) for s in SHAPES]
    slopes = [[rng.normal(size=s) for s in SHAPES] for _ in range(4)]
    tree = [{"bias": start[0], "weight": start[1]}, {"bias": start[2], "weight": start[3]}]

    def objective(params, batch):
        pairs = list(zip(batch, ad.flatten(params)[0], strict=True))
        terms = [ad.sum(c * p) + 0.35 * ad.sum(p * p) for c, p in pairs]
        return sum(terms[1:], terms[0])

    return tree, start, slopes, objective


def gradient(c, p):
    return [a + 0.7 * x for a, x in zip(c, p, strict=True)]


def cosine(a, b):
    a, b = (np.concatenate([x.ravel() for x in v]) for v in (a, b))
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.clip(a @ b / size, -1, 1)) if size > 0 else 0.0


def length(v):
    return math.sqrt(sum(float(np.sum(x * x)) for x in v))


def readings(f, strength, g, r, h):
    """κ of each group, and for each array whether the penalty acts there; None near a limit."""
    groups = [[k] for k in range(len(g))] if f["scope"] == "layer" else [list(range(len(g)))]
    kappas, opened = [], [np.zeros_like(x) for x in g]
    for group in groups:
        here, pulls = [g[k] for k in group], [strength * r[k] for k in group]
        both = [a + b for a, b in zip(here, pulls, strict=True)]
        name = f["criterion"] if strength > 0 else "always"
        if name in ("lookahead", "temporal"):
            kappa = cosine(here, [h[k] for k in group])
        else:
            kappa = cosine(here, both) if strength > 0 else 1.0
        kappas.append(kappa)
        gap = 1.0
        if name in ("total", "lookahead", "temporal"):
            gap, is_open = abs(kappa - f["threshold"]), kappa >= f["threshold"]
        elif name == "ratio":
            gap = abs(length(pulls) - f["ratio"] * length(here))
            is_open = length(pulls) <= f["ratio"] * length(here)
        else:
            is_open = True
        if gap < 1e-9:
            return None
        for k, a, b in zip(group, here, both, strict=True):
            opened[k] = opened[k] + is_open
            if name == "sign":
                opened[k] = (np.sign(a) == np.sign(b)) * 1.0
    return kappas, opened


def shrunk(x, t):
    return np.sign(x) * np.maximum(np.abs(x) - t, 0.0)


@pytest.mark.parametrize("name", ["gradient_coherent", "strong_regularization"])
@given(seed=SEED, f=st.fixed_dictionaries(ALGORITHM))
@settings(max_examples=settings().max_examples * 2)
def test_three_steps_of_the_gated_update(name, seed, f):
    tree, p, slopes, objective = problem(seed)
    algorithm = catalogue.entry(name).factory(**f)
    state = algorithm.init(tree, steps_per_epoch=2)
    update, rate, before = PlainUpdate(f["base"], f["momentum"]), f["learning_rate"], None
    for step in range(3):
        g = gradient(slopes[step], p)
        chosen = [k for k, x in enumerate(p) if f["include"] == "all" or x.ndim == 2]
        pulls = [p[k] if f["penalty"] == "l2" else np.sign(p[k]) for k in chosen]

        def alone(x, size, pull, f=f):
            return shrunk(x, size) if f["penalty"] == "l1" else x - size * pull

        h = [np.zeros_like(p[k]) for k in chosen] if before is None else before
        if f["criterion"] == "lookahead":
            ahead = list(p)
            for k, pull in zip(chosen, pulls, strict=True):
                ahead[k] = alone(p[k], rate * f["strength"], pull)
            h = [gradient(slopes[step], ahead)[k] for k in chosen]
        heard = [g[k] for k in chosen]
        found = readings(f, f["strength"], heard, pulls, h)
        if found is None:
            return
        kappas, gates = found
        if step // 2 < f["delay"]:
            gates = [0 * gate for gate in gates]
        before = heard
        inside = f["penalty"] != "l1" and f["placement"] == "inside"
        pushed = list(g)
        if inside:
            for k, gate, pull in zip(chosen, gates, pulls, strict=True):
                pushed[k] = g[k] + f["strength"] * gate * pull
        new = [x - rate * d for x, d in zip(p, update.direction(pushed), strict=True)]
        for k, gate, pull in zip(chosen, gates, pulls, strict=True):
            if not inside:
                new[k] = alone(new[k], rate * f["strength"] * gate, pull)
            if f["keep_zeros"]:
                new[k] = np.where((gate == 0) & (p[k] == 0), 0.0, new[k])
        state, info = algorithm.step(state, objective, slopes[step])
        mine = ad.flatten(state.params)[0]
        for a, b in zip(mine, new, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
        sign = f["criterion"] == "sign" and f["strength"] > 0
        per_array = [np.mean(gate) for gate in gates]
        everything = np.concatenate([gate.ravel() for gate in gates])
        share = np.mean(everything) if sign else np.mean(per_array)
        assert float(info.gate) == pytest.approx(share, abs=1e-12)
        assert float(info.coherence) == pytest.approx(np.mean(kappas), abs=1e-9)
        assert float(info.gradient_norm) == pytest.approx(length(heard), rel=1e-9)
        assert float(info.weight_norm) == pytest.approx(length([p[k] for k in chosen]), rel=1e-9)
        kept = np.concatenate([mine[k].ravel() for k in chosen])
        assert float(info.nonzero) == np.count_nonzero(kept) / kept.size
        p = [np.array(x) for x in mine]


@given(seed=SEED, f=st.fixed_dictionaries(WRAPPER), strength=choice(0.0, 0.3, 1.5))
def test_three_steps_under_the_gate(seed, f, strength):
    """The penalty that it hears is L2 on the weights; biases have no pull."""
    tree, p, slopes, objective = problem(seed)
    gate = catalogue.entry("coherence_gate").factory(**f)
    algorithm = Composition(SGD(learning_rate=0.1), [L2(strength=strength)], wrappers=[gate])
    state, before = algorithm.init(tree), None
    for step in range(3):
        g = gradient(slopes[step], p)
        chosen = [k for k, x in enumerate(p) if f["include"] == "all" or x.ndim == 2]
        pulls = [strength * p[k] * (p[k].ndim == 2) for k in chosen]
        h = [np.zeros_like(p[k]) for k in chosen] if before is None else before
        if f["criterion"] == "lookahead":
            ahead = [x - f["reach"] * strength * x * (x.ndim == 2) for x in p]
            h = [gradient(slopes[step], ahead)[k] for k in chosen]
        heard = [g[k] for k in chosen]
        found = readings(f, 1.0, heard, pulls, h)
        if found is None:
            return
        gates = [0 * x if step < f["delay"] else x for x in found[1]]
        before = heard
        for k, opened, pull in zip(chosen, gates, pulls, strict=True):
            g[k] = g[k] + opened * pull
        p = [x - 0.1 * d for x, d in zip(p, g, strict=True)]
        state, info = algorithm.step(state, objective, slopes[step])
        for a, b in zip(ad.flatten(state.params)[0], p, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
        assert float(info.coherence) == pytest.approx(np.mean(found[0]), abs=1e-9)


@pytest.mark.parametrize("penalty", ["gradient_norm", "tikhonov"])
def test_the_gate_does_not_mind_the_order_of_names(penalty):
    """Closed forms name the weight first; parameters may name the bias first."""
    rng = np.random.default_rng(0)
    layers = [{"weight": rng.normal(size=(3, 3)), "bias": rng.normal(size=3)} for _ in range(2)]
    swapped = [{"bias": layer["bias"], "weight": layer["weight"]} for layer in layers]
    batch = Batch(rng.normal(size=(5, 3)), rng.integers(0, 3, 5))
    parts = [catalogue.entry(penalty).factory(strength=0.5)]
    gates = [catalogue.entry("coherence_gate").factory(threshold=-0.9)]
    algorithm = Composition(SGD(learning_rate=0.1), parts, wrappers=gates)
    found = []
    for tree in (layers, swapped):
        state, _ = algorithm.step(algorithm.init(tree), Objective(MLP((3, 3, 3))), batch)
        found.append(state.params)
    for one, other in zip(*found, strict=True):
        for name, leaf in one.items():
            np.testing.assert_array_equal(leaf, other[name])
