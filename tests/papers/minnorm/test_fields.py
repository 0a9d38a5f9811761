"""Every field of Minnorm, drawn, against its five lines in plain NumPy on a small network."""

import itertools
import math

import numpy as np
import pytest
from fields import BASES, SEED, PlainUpdate, choice, number
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import catalogue
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective

DRAWN = {
    "constraint": choice("equality", "margin", "one_vs_rest", "crammer_singer", "loss"),
    "learning_rate": number(0.01, 0.3), "multiplier_rate": number(0.01, 0.6),
    "damping": choice(0.0, 0.7), "order": choice("simultaneous", "alternating"),
    "base": BASES, "momentum": number(0.1, 0.9),
    "decay": number(0.0, 1.0), "margin": number(0.5, 3.0), "loss_level": number(0.05, 0.6),
    "norm": choice("squared", "plain"), "include": choice("weights", "all"),
    "accumulate": st.just(False),  # adds up to the same step: test_minnorm.py
    "tolerance": choice(0.3, 3.0), "kkt_tolerance": choice(0.5, 30.0),
    "check_every": st.integers(1, 3), "patience": st.just(0.0), "refuse": st.booleans(),
}  # fmt: skip


def test_every_field_is_drawn():
    assert set(DRAWN) == set(catalogue.entry("minnorm").own_fields)


def problem(seed, constraint):
    rng = np.random.default_rng(seed)
    outputs = 1 if constraint == "margin" else 3
    sizes = (3, 4, outputs)
    params = [
        {"bias": rng.normal(size=b), "weight": rng.normal(size=(b, a))}
        for a, b in itertools.pairwise(sizes)
    ]
    inputs = rng.normal(size=(4, 3))
    targets = {
        "equality": rng.normal(size=(4, outputs)), "margin": np.array([1.0, -1.0, -1.0, 1.0]),
    }.get(constraint, np.array([0, 2, 1, 2]))  # fmt: skip
    return params, inputs, targets, Objective(MLP(sizes, activation="tanh"))


def forward(p, x):
    """Outputs, from leaves in the order bias, weight of each layer."""
    return np.tanh(x @ p[1].T + p[0]) @ p[3].T + p[2]


def backward(p, x, signal):
    """Σ over examples of signal · output, differentiated in the leaves."""
    hidden = np.tanh(x @ p[1].T + p[0])
    back = (signal @ p[3]) * (1 - hidden**2)
    return [back.sum(axis=0), back.T @ x, signal.sum(axis=0), signal.T @ hidden]


def violation_and_signal(f, outputs, targets):
    """v, one row an example, and what multipliers ask of the outputs."""
    m, name = f["margin"], f["constraint"]
    if name == "equality":
        return targets - outputs, lambda g: g
    if name == "margin":
        return m - targets[:, None] * outputs, lambda g: targets[:, None] * g
    rows = np.arange(len(outputs))
    mine = np.zeros_like(outputs)
    mine[rows, targets] = 1.0
    if name == "one_vs_rest":
        return m - (2 * mine - 1) * outputs, lambda g: (2 * mine - 1) * g
    if name == "crammer_singer":
        v = m - outputs[rows, targets][:, None] + outputs
        v[rows, targets] = 0.0
        return v, lambda g: mine * g.sum(axis=1, keepdims=True) - g
    chances = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    losses = -np.log(chances[rows, targets])
    return losses[:, None] - f["loss_level"], lambda g: -g * (chances - mine)


class Twin:
    """The state of a run, and its step."""

    def __init__(self, f, p, examples, columns):
        self.f, self.p, self.t = f, p, 0
        self.multipliers = np.zeros((examples, columns))
        self.update = PlainUpdate(f["base"], f["momentum"])
        self.worst, self.seen, self.waited = np.zeros(3), 0, 0

    def step(self, x, targets, rows):
        f, p = self.f, self.p
        positive = (lambda g: g) if f["constraint"] == "equality" else (lambda g: np.maximum(g, 0))
        outputs = forward(p, x)
        v, signal = violation_and_signal(f, outputs, targets)
        old = self.multipliers[rows]
        fed = positive(old + f["damping"] * v)
        share = len(self.multipliers) / len(x)
        pulled = [share * q for q in backward(p, x, signal(fed))]
        layers = [f["include"] == "all" or w.ndim == 2 for w in p]
        sizes = [math.sqrt(np.sum(w * w)) for w in p]
        pulls = [w / s if f["norm"] == "plain" else w for w, s in zip(p, sizes, strict=True)]
        g = [a * pull - q for a, pull, q in zip(layers, pulls, pulled, strict=True)]
        self.numbers = self.measured(g, v, fed, layers, sizes)
        self.total = sum(s * s for s, a in zip(sizes, layers, strict=True) if a)
        self.sizes = [s for s, a in zip(sizes, layers, strict=True) if a]
        self.norm = np.linalg.norm(old)
        rate = f["learning_rate"] / (1 + f["decay"] * self.t)
        self.p = [w - rate * d for w, d in zip(p, self.update.direction(g), strict=True)]
        if f["order"] == "alternating":
            v, _ = violation_and_signal(f, forward(self.p, x), targets)
        self.multipliers[rows] = positive(old + f["multiplier_rate"] * v)
        self.t += 1
        return self.looks(len(x))

    def measured(self, g, v, fed, layers, sizes):
        """Violation, KKT residual, complementarity."""
        ends = [math.sqrt(np.sum(x * x)) for x in g]
        scale = [1.0 if self.f["norm"] == "plain" else s for s in sizes]
        inside = [e / s for e, s, a in zip(ends, scale, layers, strict=True) if a]
        whole = math.sqrt(sum(s * s for s, a in zip(sizes, layers, strict=True) if a))
        outside = [e / whole for e, a in zip(ends, layers, strict=True) if not a]
        residual = max(inside + outside)
        if self.f["constraint"] == "equality":
            return np.array([np.max(np.abs(v)), residual, 0.0])
        slack = np.max(fed * np.abs(v)) / np.max(fed) if np.max(fed) > 0 else 0.0
        return np.array([max(np.max(v), 0.0), residual, slack])

    def looks(self, examples):
        """Whether the run stops after this step."""
        whole = examples == len(self.multipliers)
        self.worst = self.numbers if whole else np.maximum(self.worst, self.numbers)
        self.seen, self.waited = self.seen + examples, self.waited + 1
        if self.waited < self.f["check_every"] or self.seen < len(self.multipliers):
            return False
        violation, residual, slack = self.worst
        self.worst, self.seen, self.waited = np.zeros(3), 0, 0
        near = max(violation, slack) <= self.f["tolerance"]
        return near and residual <= self.f["kkt_tolerance"]


@given(seed=SEED, f=st.fixed_dictionaries(DRAWN), size=choice(2, 4))
@settings(max_examples=settings().max_examples * 2)
def test_four_steps_of_minnorm(seed, f, size):
    params, inputs, targets, objective = problem(seed, f["constraint"])
    algorithm = catalogue.entry("minnorm").factory(**f)
    state = algorithm.init(params, training=Batch(inputs, targets), objective=objective)
    leaves = [layer[name] for layer in params for name in ("bias", "weight")]
    shape = violation_and_signal(f, forward(leaves, inputs), targets)[0].shape
    twin = Twin(f, leaves, *shape)
    for step in range(4):
        rows = np.arange(4) if size == 4 else (np.array([3, 0]), np.array([1, 2]))[step % 2]
        batch = Batch(inputs[rows], targets[rows], None if size == 4 else rows)
        state, info = algorithm.step(state, objective, batch)
        stopped = twin.step(inputs[rows], targets[rows], rows)
        mine = [layer[name] for layer in state.params for name in ("bias", "weight")]
        for a, b in zip(mine, twin.p, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8 * max(1.0, np.max(np.abs(b))))
        multipliers = np.reshape(state.multipliers, shape)
        np.testing.assert_allclose(multipliers, twin.multipliers, rtol=1e-8, atol=1e-9)
        found = [float(info.violation), float(info.kkt_residual), float(info.complementarity)]
        assert found == pytest.approx(list(twin.numbers), rel=1e-8, abs=1e-9)
        assert int(info.active) == np.count_nonzero(twin.multipliers)
        assert float(info.multiplier_norm) == pytest.approx(twin.norm, rel=1e-9, abs=1e-12)
        assert float(info.total_norm) == pytest.approx(twin.total, rel=1e-9)
        assert info.layer_norms == pytest.approx(twin.sizes, rel=1e-9)
        assert info.stopped == stopped
