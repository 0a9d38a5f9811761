"""Every field of the energy penalties, drawn, against a twin: value, gradient, memory, reports."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from fields import SEED, choice, number
from hypothesis import assume, given
from hypothesis import strategies as st
from papers.hyperspherical_energy import twin

from refimpl import Replay, catalogue
from refimpl.datasets import Batch

KERNEL = {
    "s": choice(0.0, 1.0, 2.0, 3.0), "space": choice("half", "full"),
    "metric": choice("euclidean", "angular"), "epsilon": choice(0.0, 1e-4, 0.05),
    "kernel": choice("paper", "released"),
}  # fmt: skip
BASE = {
    "strength": number(0.1, 2.0), "output_strength": number(0.1, 2.0), **KERNEL,
    "decay": choice(0.0, 0.3), "decay_form": choice("squared", "norm"),
}  # fmt: skip
FIRST = {"dimension": st.just(5), "project_first": st.booleans()}
DRAWN = {
    "mhe": {**BASE, "output_form": choice("all", "minibatch"), "subset": choice(0, 2, 3)},
    "comhe_random": {
        **BASE, **FIRST, "projections": st.integers(1, 3), "redraw_every": st.integers(1, 3),
        "sharing": choice("none", "dimension"),
    },
    "comhe_angle": {
        **BASE, **FIRST, "optimizer": choice("alternating", "unrolled", "both"),
        "target": choice("norm", "squared", "angle"), "inner_steps": st.integers(1, 2),
        "inner_rate": number(0.01, 0.1), "inner_decay": choice(0.0, 0.5),
        "detach_target": st.booleans(),
    },
    "comhe_adversarial": {
        **BASE, **FIRST, "inner_steps": st.integers(0, 2), "inner_rate": number(0.01, 0.05),
        "ascent_space": choice("half", "full"),
    },
    "comhe_group": {
        **BASE, "groups": st.integers(1, 2), "partition": st.booleans(), "size": choice(0, 3),
        "redraw_every": st.integers(1, 3),
    },
    "hyperspherical_uniformity": {
        "strength": number(0.1, 2.0), "output_strength": number(0.1, 2.0),
        "form": choice("mma", "separation", "determinant", "mean"), "space": choice("half", "full"),
    },
}  # fmt: skip
LABELS = np.array([0, 2, 2, 1])


def drawn(name):
    return st.fixed_dictionaries(DRAWN[name])


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


def weights(seed):
    """Two hidden layers of one dimension, and an output layer; no biases."""
    rng = np.random.default_rng(seed)
    shapes = ((4, 6), (6, 4), (4, 6), (3, 4))
    chosen = [rng.normal(size=s) for s in (shapes[0], shapes[2], shapes[3])]
    return [{"weight": w} for w in chosen]


def kernel_of(f):
    return {name: f[name] for name in KERNEL}


def around(f, hidden):
    """The whole penalty of a twin's hidden terms, from a list of matrices."""

    def value(matrices):
        output = twin.energy(matrices[-1], **{**kernel_of(f), "space": "full"})
        terms = f["output_strength"] * output + twin.decay(matrices, f["decay"], f["decay_form"])
        for layer, w in enumerate(matrices[:-1]):
            terms = terms + f["strength"] * hidden(w, layer)
        return terms

    return value


def assert_agrees(part, params, aux, value, rng, batch=None):
    """One evaluation against the twin; the new memory."""
    found, gradient, aux = part.value_and_gradient(params, batch, None, aux, rng)
    matrices = [layer["weight"] for layer in params]
    assert float(found) == pytest.approx(float(value(matrices)), rel=1e-9)
    for mine, theirs in zip(gradient, grad(value)(matrices), strict=True):
        size = max(1.0, float(np.max(np.abs(theirs))))
        np.testing.assert_allclose(mine["weight"], theirs, rtol=0, atol=1e-8 * size)
    return aux


def assert_reports(part, params, f, aux):
    """Mean pair energy without projection and epsilon, and the shortest hidden neuron."""
    found = part.diagnostics(params, None, None, aux)
    hidden = [layer["weight"] for layer in params[:-1]]
    plain = {**kernel_of(f), "epsilon": 0.0}
    total = sum(float(twin.energy(w, **plain)) for w in hidden)
    assert float(found["energy"]) == pytest.approx(total, rel=1e-10)
    shortest = min(np.linalg.norm(row) for w in hidden for row in w)
    assert float(found["smallest_norm"]) == pytest.approx(shortest, rel=1e-14)
    return found


@given(seed=SEED, f=drawn("mhe"))
def test_mhe(seed, f):
    params, part = weights(seed), catalogue.entry("mhe").factory(**f)
    chosen = [np.random.default_rng(seed + i).permutation(4)[: f["subset"]] for i in range(2)]
    kernel = kernel_of(f)

    def hidden(w, layer):
        return twin.energy(w[chosen[layer]] if f["subset"] else w, **kernel)

    def value(matrices):
        total = around(f, hidden)(matrices)
        if f["output_form"] == "all":
            return total
        w, full = matrices[-1], {**kernel, "space": "full"}
        u = twin.unit(w, f["epsilon"])
        terms = [
            twin.pair(anp.sum(u[y] * u[j]), f["s"], f["metric"], f["kernel"])
            for y in LABELS
            for j in range(3)
            if j != y
        ]
        other = f["output_strength"] * twin.energy(w, **full)
        return total - other + f["output_strength"] * sum(terms) / (len(LABELS) * 2)

    rng = Replay(chosen) if f["subset"] else None
    assert_agrees(part, params, part.init(params), value, rng, Batch(np.zeros((4, 6)), LABELS))
    assert_reports(part, params, f, ())


@given(seed=SEED, f=drawn("comhe_random"))
def test_random_projections_are_kept_between_redraws(seed, f):
    f = {**f, "s": min(f["s"], 2.0)}
    params, part = weights(seed), catalogue.entry("comhe_random").factory(**f)
    aux, rng = part.init(params), np.random.default_rng(seed + 1)
    shape = (f["projections"], 5, 6)
    for step in range(4):
        if step % f["redraw_every"] == 0:
            ps = [rng.normal(size=shape), rng.normal(size=shape)]
        if not f["project_first"]:
            draws = [ps[1]]
        elif f["sharing"] == "dimension":
            draws, ps = ps[:1], [ps[0], ps[0]]
        else:
            draws = ps

        def hidden(w, layer, ps=ps):
            if layer == 0 and not f["project_first"]:
                return twin.energy(w, **kernel_of(f))
            terms = [twin.energy(w @ p.T, **kernel_of(f)) for p in ps[layer]]
            return sum(terms) / len(terms)

        fresh = step % f["redraw_every"] == 0
        noise = Replay(list(draws)) if fresh else None
        aux = assert_agrees(part, params, aux, around(f, hidden), noise)
        assert noise is None or noise.left == 0
        assert aux.step == step + 1
    assert_reports(part, params, f, aux)


@given(seed=SEED, f=drawn("comhe_angle"))
def test_angle_preserving_projections(seed, f):
    params, part = weights(seed), catalogue.entry("comhe_angle").factory(**f)
    aux, rng = part.init(params), np.random.default_rng(seed + 1)
    layers = (0, 1) if f["project_first"] else (1,)
    kept = {layer: rng.normal(size=(5, 6)) for layer in layers}
    noise = Replay([p[None] for p in kept.values()])
    for _ in range(2):
        if f["optimizer"] != "unrolled":
            for layer in layers:
                w = params[layer]["weight"]
                for _ in range(f["inner_steps"]):
                    decayed = f["inner_rate"] * f["inner_decay"] * kept[layer]
                    kept[layer] = twin.descended(kept[layer], w, f) - decayed

        def hidden(w, layer, kept=kept):
            if layer not in layers:
                return twin.energy(w, **kernel_of(f))
            p = kept[layer]
            if f["optimizer"] != "alternating":
                held = params[layer]["weight"] if f["detach_target"] else None
                p = twin.descended(p, w, f, held)
            return twin.energy(w @ p.T, **kernel_of(f))

        aux = assert_agrees(part, params, aux, around(f, hidden), noise)
        if f["optimizer"] == "unrolled":
            kept = {k: twin.descended(p, params[k]["weight"], f) for k, p in kept.items()}
        for mine, theirs in zip(aux.arrays, kept.values(), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-9)
    found = assert_reports(part, params, f, aux)
    if f["target"] != "angle":
        pairs = [(kept[k], params[k]["weight"]) for k in layers]
        expected = sum(twin.distortion(p, w, "norm", f["epsilon"]) for p, w in pairs)
        assert float(found["distortion"]) == pytest.approx(float(expected), rel=1e-8)


def apart(points):
    """Whether no two neurons nearly coincide, up to sign: energies of such pairs lose digits."""
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    return float(np.max(np.abs(unit @ unit.T - np.eye(len(unit))))) < 0.99


@given(seed=SEED, f=drawn("comhe_adversarial"))
def test_adversarial_projections(seed, f):
    params, part = weights(seed), catalogue.entry("comhe_adversarial").factory(**f)
    aux, rng = part.init(params), np.random.default_rng(seed + 1)
    kernel, layers = kernel_of(f), (0, 1) if f["project_first"] else (1,)
    kept = {layer: rng.normal(size=(5, 6)) for layer in layers}
    noise = Replay([p[None] for p in kept.values()])
    for _ in range(2):
        for layer in layers:
            for _ in range(f["inner_steps"]):
                kept[layer] = twin.climbed(kept[layer], params[layer]["weight"], f, kernel)
                weight = params[layer]["weight"]
                ahead = twin.climbed(kept[layer], weight, f, kernel)
                assume(apart(weight @ kept[layer].T) and apart(weight @ ahead.T))

        def hidden(w, layer, kept=kept):
            if layer not in layers:
                return twin.energy(w, **kernel)
            return twin.energy(w @ twin.climbed(kept[layer], w, f, kernel).T, **kernel)

        aux = assert_agrees(part, params, aux, around(f, hidden), noise)
        for mine, theirs in zip(aux.arrays, kept.values(), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-9)
    raised = {**kernel, "space": f["ascent_space"]}
    expected = sum(twin.energy(params[k]["weight"] @ kept[k].T, **raised) for k in layers)
    found = assert_reports(part, params, f, aux)
    assert float(found["adversary"]) == pytest.approx(float(expected), rel=1e-9)


@given(seed=SEED, f=drawn("comhe_group"))
def test_groups_are_kept_between_redraws(seed, f):
    params, part = weights(seed), catalogue.entry("comhe_group").factory(**f)
    aux, rng = part.init(params), np.random.default_rng(seed + 1)
    size = f["size"] or 6 // f["groups"]
    for step in range(4):
        fresh = step % f["redraw_every"] == 0
        if fresh:
            draws, masks = [], []
            for _ in range(2):
                order = rng.permutation(6)
                draws.append(order)
                groups = [order[g :: f["groups"]] for g in range(f["groups"])]
                if not f["partition"]:
                    groups = [rng.permutation(6)[:size] for _ in groups]
                    draws += groups
                masks.append([np.isin(np.arange(6), g) * 1.0 for g in groups])

        def hidden(w, layer, masks=masks):
            terms = [twin.energy(w * m, **kernel_of(f)) for m in masks[layer]]
            return sum(terms) / len(terms)

        noise = Replay(list(draws)) if fresh else None
        aux = assert_agrees(part, params, aux, around(f, hidden), noise)
        assert aux.step == step + 1
    assert_reports(part, params, f, aux)


@given(seed=SEED, f=drawn("hyperspherical_uniformity"))
def test_uniformity(seed, f):
    params = weights(seed)
    part = catalogue.entry("hyperspherical_uniformity").factory(**f)

    def one(w, space):
        if f["form"] == "mean":
            total = anp.sum(w, axis=0)
            return anp.sqrt(anp.sum(total * total))
        u = twin.unit(w, 0.0)
        points = anp.concatenate([u, -u]) if space == "half" else u
        cosines = points @ points.T
        if f["form"] == "determinant":
            ridge = 1e-6 * np.eye(len(points))
            return -anp.linalg.slogdet(anp.exp(2 * cosines - 2) + ridge)[1]
        n = len(points)
        own = np.eye(n, dtype=bool)
        if space == "half":  # a line is no neighbor of itself
            own = own | np.roll(own, n // 2, axis=1)
        nearest = anp.max(anp.where(own, -3.0, cosines), axis=1)
        if f["form"] == "separation":
            return 2 * anp.max(nearest) - 2
        return -anp.mean(anp.arccos(nearest))

    def value(matrices):
        hidden = sum(one(w, f["space"]) for w in matrices[:-1])
        return f["strength"] * hidden + f["output_strength"] * one(matrices[-1], "full")

    assert_agrees(part, params, (), value, None)
