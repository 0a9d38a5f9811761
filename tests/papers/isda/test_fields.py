"""Every field of the ISDA losses, drawn, against pooled covariances and scalar loops."""

from contextlib import nullcontext

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given, settings
from hypothesis import strategies as st
from papers.isda import twin

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.datasets import Batch
from refimpl.errors import DivergenceError
from refimpl.papers.isda import LOSSES

COMMON = {
    "strength": choice(0.0, 0.4, 2.5), "schedule": choice("epoch", "iteration", "constant"),
    "epochs": st.integers(1, 3), "steps_per_epoch": st.integers(1, 2),
    "covariance": choice("full", "diagonal", "shared", "identity", "given"),
    "scale": number(0.1, 2.0), "update": choice("before", "after"),
    "given": choice("diagonal", "full", "one"),  # its shape; the array is drawn by the seed
    "precision": choice("float64", "parameters"), "checks": st.booleans(),
}  # fmt: skip
DRAWN = {
    "isda": COMMON,
    "isda_sampled": {**COMMON, "draws": st.integers(1, 3), "seed": SEED},
    "isda_semi_supervised": {**COMMON, "weight": number(0.1, 2.0), "period": st.integers(1, 4)},
}
ENTRIES = {entry.name: entry for entry in LOSSES}


def test_every_field_is_drawn():
    assert set(DRAWN) == set(ENTRIES)
    for name, fields in DRAWN.items():
        assert set(fields) == set(ENTRIES[name].own_fields)


CLASSES, WIDTH, EXAMPLES = 3, 2, 5


def known(kind, rng):
    """A given covariance of one of its shapes, and the (C, A, A) that it stands for."""
    if kind == "diagonal":
        given = rng.uniform(0.1, 1.0, (CLASSES, WIDTH))
        return given, np.array([np.diag(row) for row in given])
    roots = rng.normal(size=(1 if kind == "one" else CLASSES, WIDTH, WIDTH))
    given = 0.5 * roots @ roots.transpose(0, 2, 1)
    return given, np.broadcast_to(given, (CLASSES, WIDTH, WIDTH))


def spread(f, history, given):
    """Σ of each class, of all features seen that may be used."""
    kind = f["covariance"]
    if kind == "given":
        return given
    if kind == "identity":
        return np.array([f["scale"] * np.eye(WIDTH)] * CLASSES)
    if not any(len(labels) for _, labels in history):
        return np.zeros((CLASSES, WIDTH, WIDTH))
    if kind == "shared":
        alike = [(a, 0 * y) for a, y in history]
        return np.repeat(twin.covariances(alike, 1), CLASSES, axis=0)
    found = twin.covariances(history, CLASSES)
    return found * np.eye(WIDTH) if kind == "diagonal" else found


def share(f, step):
    """λ / λ₀ in a step."""
    if f["schedule"] == "constant":
        return 1.0
    if f["schedule"] == "iteration":
        return min(step / (f["epochs"] * f["steps_per_epoch"]), 1.0)
    return min((step // f["steps_per_epoch"]) / f["epochs"], 1.0)


def supervised(x, y, w, b, sigma, lam):
    return twin.loss(x, y, w, b, sigma, lam) if len(y) else 0.0


def drawn_loss(f, step, x, y, w, b, roots, lam):
    """The mean over draws of the cross-entropy of moved features."""
    noise = Rng(f["seed"]).child("augmentation", step).normal((f["draws"], EXAMPLES, WIDTH))
    total = 0.0
    for draw in noise:
        for a, label, xi in zip(x, y, draw, strict=True):
            total += twin.cross_entropy(w @ (a + np.sqrt(lam) * roots[label] @ xi) + b, label)
    return total / (f["draws"] * EXAMPLES)


def consistency(x, w, b, sigma, lam, known_w):
    """KL bound of unlabeled features; their chances are those of another head, held fixed."""
    total = 0.0
    for a in x:
        chances = np.exp(known_w @ a + b) / np.sum(np.exp(known_w @ a + b))
        own = sigma[np.argmax(chances)]
        for k, p in enumerate(chances):
            moved = twin.moved(list(w @ a + b), k, w, own, lam)
            total += p * (twin.cross_entropy(moved, k) + np.log(p))
    return total / len(x)


def value(name, f, step, batch, w, b, sigma, lam, *, roots, known_w):
    x, y = batch.inputs, batch.targets
    if name == "isda":
        return twin.loss(x, y, w, b, sigma, lam)
    if name == "isda_sampled":
        return drawn_loss(f, step, x, y, w, b, roots, lam)
    chosen = batch.indices % f["period"] == 0
    total = supervised(x[chosen], y[chosen], w, b, sigma, lam)
    if chosen.all():
        return total
    return total + f["weight"] * consistency(x[~chosen], w, b, sigma, lam, known_w)


def roots_of(covariance):
    """R R' = Σ of each class, from the array itself: eigenvectors have no sign of their own."""
    if covariance.ndim == 2:
        found = np.array([np.diag(np.sqrt(row)) for row in covariance])
    else:
        pairs = [np.linalg.eigh(matrix) for matrix in covariance]
        found = np.array([v * np.sqrt(np.maximum(e, 0.0)) for e, v in pairs])
    return np.broadcast_to(found, (CLASSES, WIDTH, WIDTH))


@pytest.mark.parametrize("name", DRAWN)
@given(data=st.data(), seed=SEED)
@settings(max_examples=settings().max_examples * 2)
def test_three_values_and_a_gradient(name, data, seed):
    """The inputs are the features; the head's gradient is taken in the last step."""
    f = data.draw(st.fixed_dictionaries(DRAWN[name]))
    rng = np.random.default_rng(seed)
    given_array, given_sigma = known(f["given"], rng)
    hyper = {**f, "given": given_array if f["covariance"] == "given" else None}
    loss = ENTRIES[name].factory(**hyper)
    w, b = rng.normal(size=(CLASSES, WIDTH)), rng.normal(size=CLASSES)
    objective = loss.objective(
        lambda p, x: ad.linear(x, p["weight"], p["bias"]), head=(), features=lambda p, x: x
    )
    params, history = {"weight": w, "bias": b}, []
    state = objective.init(params)
    for step in range(3):
        x, y = rng.normal(size=(EXAMPLES, WIDTH)), rng.integers(0, CLASSES, EXAMPLES)
        batch = Batch(x, y, rng.permutation(9)[:EXAMPLES])
        seen = slice(None)
        if name == "isda_semi_supervised":
            seen = batch.indices % f["period"] == 0
        used = [*history, (x[seen], y[seen])] if f["update"] == "before" else history
        sigma, lam = spread(f, used, given_sigma), f["strength"] * share(f, step)
        history = [*history, (x[seen], y[seen])]
        before = state
        mine, state = objective.value(params, batch, before)
        own = objective.covariance(state if f["update"] == "before" else before, w)
        roots = roots_of(own)
        np.testing.assert_allclose(roots @ roots.transpose(0, 2, 1), sigma, rtol=0, atol=1e-12)

        def at(v, step=step, batch=batch, sigma=sigma, lam=lam, roots=roots):
            return value(name, f, step, batch, v, b, sigma, lam, roots=roots, known_w=w)

        assert float(mine) == pytest.approx(at(w), rel=1e-9, abs=1e-9)
        told = objective.diagnostics(params, batch, state)
        assert told["isda_strength"] == pytest.approx(lam, abs=1e-15)
        few = 0
        if f["covariance"] not in ("identity", "given"):
            labels = np.concatenate([labels for _, labels in history])
            counts = np.bincount(labels, minlength=CLASSES)
            few = int(len(labels) < 2 if f["covariance"] == "shared" else np.sum(counts < 2))
        assert float(told["isda_plain_classes"]) == few
    slopes = ad.grad(lambda p: objective.value(p, batch, before)[0])(params)
    np.testing.assert_allclose(slopes["weight"], twin.gradient(at, w), rtol=1e-5, atol=1e-6)
    what_is_kept_and_checked(f, objective, params, batch, before)


def what_is_kept_and_checked(f, objective, params, batch, state):
    """``precision`` beside a head in float32, and ``checks`` of a loss that is not finite."""
    single = {name: leaf.astype(np.float32) for name, leaf in params.items()}
    kept = objective.init(single).statistics
    if kept:
        wanted = np.float64 if f["precision"] == "float64" else np.float32
        assert {leaf.dtype for leaf in kept} == {np.dtype(wanted)}
    broken = {**params, "weight": np.nan * params["weight"]}
    with pytest.raises(DivergenceError) if f["checks"] else nullcontext():
        assert np.isnan(objective.value(broken, batch, state)[0])
