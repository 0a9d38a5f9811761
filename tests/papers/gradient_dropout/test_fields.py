"""Every field of gradient dropout, MAML and Meta-SGD, drawn, against their lines in NumPy.

The twin of the inner loop carries matrices of derivatives forward, one task after the other.
"""

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
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.datasets import Batch, Episode

DROPOUT = {
    "rate": choice(0.0) | number(0.05, 0.9), "noise": choice("bernoulli", "gaussian"),
    "deviation": st.none() | choice(0.0) | number(0.1, 2.0),
    "schedule": choice("constant", "linear"), "stop": st.integers(2, 4),
    "steps_per_epoch": st.integers(1, 2), "gaussian_schedule": choice("std", "rate"),
}  # fmt: skip


def fitting(f):
    """A deviation is that of Gaussian noise, and has no schedule of a rate."""
    ramped = f["schedule"] == "linear" and f["gaussian_schedule"] == "rate"
    return {**f, "deviation": None} if f["noise"] == "bernoulli" or ramped else f


NOISE = st.fixed_dictionaries(DROPOUT).map(fitting)
META = {
    "inner_rate": number(0.02, 0.4), "inner_steps": st.integers(0, 3),
    "order": choice("first", "second"), "task_reduction": choice("sum", "mean"),
    "clip": st.none() | number(0.1, 5.0), "base": BASES, "learning_rate": number(0.002, 0.05),
    "momentum": number(0.1, 0.9), "update": st.none() | number(0.002, 0.05),
    "wrappers": st.lists(NOISE, max_size=2),
}  # fmt: skip
DRAWN = {"gradient_dropout": DROPOUT, "maml": META, "meta_sgd": META}
SIZES, TASKS = (3, 2), 3


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


class Recorded:
    """Draws that are kept, with their laws, in the order in which they were asked for."""

    def __init__(self, seed):
        self.draw, self.queue = np.random.default_rng(seed), []

    def child(self, *names):
        return self

    def normal(self, shape, like):
        self.queue.append(("gaussian", self.draw.normal(size=shape)))
        return self.queue[-1][1]

    def uniform(self, shape, like):
        self.queue.append(("bernoulli", self.draw.random(shape)))
        return self.queue[-1][1]

    def take(self, law, shape):
        asked, found = self.queue.pop(0)
        assert (asked, found.shape) == (law, shape)
        return found


def multipliers(f, step, shapes, rng):
    """n of each leaf, made of the draws that the package asked for."""
    epoch = step // f["steps_per_epoch"]
    ramp = min(1.0, epoch / (f["stop"] - 1)) if f["schedule"] == "linear" else 1.0
    if f["noise"] == "gaussian" and f["gaussian_schedule"] == "std":
        p = f["rate"]
        s = ramp * (math.sqrt(p / (1 - p)) if f["deviation"] is None else f["deviation"])
    else:
        p = ramp * f["rate"]
        s = math.sqrt(p / (1 - p)) if f["deviation"] is None else f["deviation"]
    if s == 0.0:
        return [np.ones(shape) for shape in shapes]
    if f["noise"] == "gaussian":
        return [1.0 + s * rng.take("gaussian", shape) for shape in shapes]
    return [(rng.take("bernoulli", shape) > p) / (1 - p) for shape in shapes]


def objective(params, batch):
    """Half the mean squared residual of a linear model, and a quartic that bends its Hessian."""
    x, y = batch.inputs, batch.targets
    residual = x[:, :3] @ params["a"] + x[:, 3:] @ params["b"] - y
    quartic = sum(ad.sum((v * v) * (v * v)) for v in (params["a"], params["b"]))
    return 0.5 * ad.mean(residual * residual) + 0.02 * quartic


def loss(x, y, v):
    return 0.5 * np.mean((x @ v - y) ** 2) + 0.02 * np.sum(v**4)


def gradient(x, y, v):
    return x.T @ (x @ v - y) / len(y) + 0.08 * v**3


def hessian(x, v):
    return x.T @ x / len(x) + np.diag(0.24 * v**2)


def batch_of(draw, *lead):
    return Batch(draw.normal(size=(*lead, 4, 5)), draw.normal(size=(*lead, 4)))


def flat(tree):
    return np.concatenate([tree["a"], tree["b"]])


@given(f=NOISE, seed=SEED, strength=choice(0.0, 0.5))
@settings(max_examples=settings().max_examples * 3)
def test_three_steps_under_gradient_dropout(f, seed, strength):
    draw, rng = np.random.default_rng(seed), Recorded(seed)
    p = draw.normal(size=5)
    part = catalogue.entry("gradient_dropout").factory(**f)
    pull = L2(strength=strength, include="all")
    algorithm = Composition(SGD(learning_rate=0.1), [pull], wrappers=[part])
    state = algorithm.init({"a": p[:3], "b": p[3:]})
    for step in range(3):
        batch = batch_of(draw)
        state, info = algorithm.step(state, objective, batch, rng)
        n = np.concatenate(multipliers(f, step, [(k,) for k in SIZES], rng))
        assert float(info.loss) == pytest.approx(loss(*batch[:2], p), rel=1e-11)
        p = p - 0.1 * (n * gradient(*batch[:2], p) + strength * p)
        np.testing.assert_allclose(flat(state.params), p, rtol=1e-10, atol=1e-10)
        found = float(info.diagnostics["noise_variance"])
        assert found == pytest.approx(np.mean((n - 1) ** 2), rel=1e-10, abs=1e-14)
        assert not rng.queue


def adapted(f, episode, start, rates, noise, task):
    """Query loss of a task after adaptation, and its derivatives in the start and in the rates."""
    x, y = episode.support.inputs[task], episode.support.targets[task]
    v, in_start, in_rates = start, np.eye(5), np.zeros((5, 5))
    for n in noise:
        g = gradient(x, y, v)
        moved = np.eye(5)
        if f["order"] == "second":
            moved = moved - np.diag(rates * n[task]) @ hessian(x, v)
        in_start, in_rates = moved @ in_start, moved @ in_rates - np.diag(n[task] * g)
        v = v - rates * n[task] * g
    x, y = episode.query.inputs[task], episode.query.targets[task]
    slope = gradient(x, y, v)
    return loss(x, y, v), in_start.T @ slope, in_rates.T @ slope


@pytest.mark.parametrize("name", ["maml", "meta_sgd"])
@given(f=st.fixed_dictionaries(META), seed=SEED)
@settings(max_examples=settings().max_examples * 3)
def test_three_meta_steps(name, f, seed):
    draw, rng = np.random.default_rng(seed), Recorded(seed)
    start = draw.normal(size=5)
    rates = np.full(5, f["inner_rate"])
    fields = {
        **f, "wrappers": [catalogue.entry("gradient_dropout").factory(**w) for w in f["wrappers"]],
        "update": f["update"] and Momentum(learning_rate=f["update"], momentum=0.6),
    }  # fmt: skip
    update, outer = PlainUpdate(f["base"], f["momentum"]), f["learning_rate"]
    if f["update"]:
        update, outer = PlainUpdate("momentum", 0.6), f["update"]
    algorithm = catalogue.entry(name).factory(**fields)
    state = algorithm.init({"a": start[:3], "b": start[3:]})
    reduced = np.sum if f["task_reduction"] == "sum" else np.mean
    for step in range(3):
        episode = Episode(batch_of(draw, TASKS), batch_of(draw, TASKS))
        state, info = algorithm.step(state, objective, episode, rng)
        noise = []
        for _ in range(f["inner_steps"]):
            n = np.ones((TASKS, 5))
            for w in f["wrappers"]:
                leaves = multipliers(w, step, [(TASKS, k) for k in SIZES], rng)
                n = n * np.concatenate(leaves, axis=1)
            noise.append(n)
        assert not rng.queue
        each = [adapted(f, episode, start, rates, noise, task) for task in range(TASKS)]
        losses, *slopes = [reduced(np.array(column), axis=0) for column in zip(*each, strict=True)]
        slopes = slopes if name == "meta_sgd" else slopes[:1]
        norm = np.linalg.norm(np.concatenate(slopes))
        if f["clip"]:
            slopes = [g * min(1.0, f["clip"] / norm) for g in slopes]
        before = [loss(*(x[t] for x in episode.support[:2]), start) for t in range(TASKS)]
        assert float(info.loss) == pytest.approx(losses, rel=1e-9)
        first = np.mean(before) if noise else 0.0
        assert float(info.support_loss) == pytest.approx(first, rel=1e-9)
        assert float(info.gradient_norm) == pytest.approx(norm, rel=1e-9)
        spread = np.mean([(n - 1) ** 2 for n in noise]) if noise else 0.0
        assert float(info.noise_variance) == pytest.approx(spread, rel=1e-9, abs=1e-13)
        if norm > 30.0:  # the next step would leave the numbers that can be compared
            return
        directions = update.direction(slopes)
        start = start - outer * directions[0]
        found = state.params if name == "maml" else state.params.start
        np.testing.assert_allclose(flat(found), start, rtol=1e-8, atol=1e-8)
        if name == "meta_sgd":
            rates = rates - outer * directions[1]
            np.testing.assert_allclose(flat(state.params.rates), rates, rtol=1e-8, atol=1e-8)
