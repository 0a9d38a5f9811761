"""Every field of constraint-based propagation, drawn, against gradients by hand."""

import numpy as np
import pytest
from fields import BASES, SEED, PlainUpdate, choice, number
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import catalogue
from refimpl.models import Objective
from refimpl.papers.graph_propagation.graphs import GraphBatch, make_graph
from refimpl.papers.graph_propagation.network import GraphNetwork

DRAWN = {
    "constraint": choice("lin", "abs", "eps", "lineps", "squared", "cubed", "eps_l1"),
    "epsilon": choice(0.0, 0.05, 0.4), "multipliers": choice("node", "dimension", "global"),
    "read_out": choice("printed", "state", "new"), "reduction": choice("sum", "mean"),
    "loss_reduction": choice("sum", "mean"), "rho": choice(0.0, 0.7, 4.0),
    "loss_weight": choice(0.0, 0.6, 1.5), "base": BASES, "learning_rate": number(0.01, 0.1),
    "state_base": BASES, "state_rate": number(0.01, 0.1), "multiplier_rate": number(0.02, 0.3),
    "momentum": number(0.1, 0.9), "order": choice("simultaneous", "alternating", "extragradient"),
    "test_steps": st.integers(1, 3),
}  # fmt: skip


@st.composite
def fields(draw):
    """What goes together: extragradient steps are plain, eps_l1 is one number a node."""
    f = draw(st.fixed_dictionaries(DRAWN))
    if f["order"] == "extragradient":
        f |= {"base": "sgd", "state_base": "sgd"}
    if f["constraint"] == "eps_l1" and f["multipliers"] == "dimension":
        f["multipliers"] = "node"
    return f


@pytest.mark.parametrize("name", ["graph_lagrangian", "graph_augmented"])
def test_every_field_is_drawn(name):
    assert set(DRAWN) == set(catalogue.entry(name).own_fields)


EDGES = ((0, 1), (1, 0), (1, 2), (2, 1), (0, 3), (3, 0), (3, 2))  # v receives, u sends
RECEIVERS, SENDERS = np.array(EDGES).T
WIDTH, CLASSES = 2, 3
LABELS = np.array([[0.3], [-0.5], [0.9], [0.1]])
FACES = {  # graphs or nodes with targets, those that count, and who belongs to which graph
    "nodes": (np.array([0, 2, 1, 0]), np.array([0, 2, 3]), None),
    "graphs": (np.array([2, 1]), np.array([1, 0]), np.array([0, 0, 1, 0])),
}


class Twin:
    """θ = (bias, weight of messages; bias, weight of the read-out), X and Λ as arrays."""

    def __init__(self, f, face, theta, weights):
        self.f, self.weights = f, weights
        self.targets, self.counted, self.members = FACES[face]
        shape = {"node": (4, 1), "dimension": (4, WIDTH), "global": (1, 1)}[f["multipliers"]]
        self.point = [theta, [np.zeros((4, WIDTH))], [np.zeros(shape)]]
        self.restart()

    def restart(self):
        """Buffers of the updates, empty."""
        bases = (self.f["base"], self.f["state_base"], self.f["state_base"])
        self.updates = [PlainUpdate(base, self.f["momentum"]) for base in bases]

    def messages(self, theta, x):
        parts = (LABELS[RECEIVERS], LABELS[SENDERS], x[SENDERS], x[RECEIVERS])
        seen = np.concatenate(parts, axis=1)
        sent = np.tanh(seen @ theta[1].T + theta[0])
        new = np.zeros_like(x)
        np.add.at(new, RECEIVERS, self.weights[:, None] * sent)
        return seen, sent, new

    def penalty(self, gap):
        """G and its derivative; of eps_l1 a column."""
        e, size = self.f["epsilon"], np.abs(gap)
        if self.f["constraint"] == "eps_l1":
            over = size.sum(axis=1, keepdims=True) - e
            return np.maximum(over, 0), (over > 0) * np.sign(gap)
        return {
            "lin": (gap, np.ones_like(gap)), "abs": (size, np.sign(gap)),
            "eps": (np.maximum(size - e, 0), (size > e) * np.sign(gap)),
            "lineps": (np.sign(gap) * np.maximum(size - e, 0), (size > e) * 1.0),
            "squared": (gap**2, 2 * gap), "cubed": (gap**3, 3 * gap**2),
        }[self.f["constraint"]]  # fmt: skip

    def loss(self, theta, read):
        """Cross-entropy, and its gradients in bias and weight of the read-out and in ``read``."""
        belongs = np.eye(4)
        if self.members is not None:
            belongs = np.eye(2)[self.members].T
        inputs = (belongs @ read)[self.counted]
        scores = inputs @ theta[3].T + theta[2]
        chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        rows, labels = np.arange(len(scores)), self.targets[self.counted]
        share = 1 / len(rows) if self.f["loss_reduction"] == "mean" else 1.0
        back = share * (chances - np.eye(CLASSES)[labels])
        down = belongs[self.counted].T @ (back @ theta[3])
        value = -share * np.log(chances[rows, labels]).sum()
        return value, back.sum(axis=0), back.T @ inputs, down

    def gradients(self, point, weight):
        """g_θ, g_X, g_Λ of the Lagrangian with this weight of the loss, and the diagnostics."""
        f, theta, x, multiplier = self.f, point[0], point[1][0], point[2][0]
        seen, sent, new = self.messages(theta, x)
        gap = x - new
        g, slope = self.penalty(gap)
        weighed = multiplier * g
        share = 1 / weighed.size if f["reduction"] == "mean" else 1.0
        pull = share * multiplier * slope + f["rho"] * gap
        up = share * g * np.ones_like(weighed)
        for axis in (0, 1):
            if multiplier.shape[axis] == 1:
                up = up.sum(axis=axis, keepdims=True)
        reads_new = f["read_out"] == "new"
        reads_new |= f["read_out"] == "printed" and self.members is not None
        value, bias, matrix, down = self.loss(theta, new if reads_new else x)
        on_x, on_new = pull, -pull
        if reads_new:
            on_new = on_new + weight * down
        else:
            on_x = on_x + weight * down
        back = self.weights[:, None] * on_new[RECEIVERS] * (1 - sent**2)
        to_seen = back @ theta[1]
        on_x = on_x.copy()
        np.add.at(on_x, SENDERS, to_seen[:, 2 : 2 + WIDTH])
        np.add.at(on_x, RECEIVERS, to_seen[:, 2 + WIDTH :])
        on_theta = [back.sum(axis=0), back.T @ seen, weight * bias, weight * matrix]
        whole = share * weighed.sum() + f["rho"] / 2 * np.sum(gap**2) + weight * value
        told = {
            "loss": value, "lagrangian": whole, "residual": np.abs(gap).max(),
            "node_sum": np.abs(gap.sum(axis=1)).max(),
            "multiplier_norm": np.linalg.norm(multiplier),
        }  # fmt: skip
        return (on_theta, [on_x], [up]), told

    def step(self, *, frozen=False):
        """Down in θ and X, up in Λ; what the start of the step tells."""
        f = self.f
        rates = (-f["learning_rate"], -f["state_rate"], f["multiplier_rate"])
        weight = 0.0 if frozen else f["loss_weight"]

        def ahead(part, k, direction):
            return [a + rates[k] * d for a, d in zip(part, direction, strict=True)]

        slope, told = self.gradients(self.point, weight)
        if f["order"] == "extragradient":
            tried = [ahead(part, k, slope[k]) for k, part in enumerate(self.point)]
            tried[0] = self.point[0] if frozen else tried[0]
            slope, _ = self.gradients(tried, weight)
        for k in (1,) if frozen else (0, 1):
            self.point[k] = ahead(self.point[k], k, self.updates[k].direction(slope[k]))
        if f["order"] == "alternating":
            slope, _ = self.gradients(self.point, weight)
        self.point[2] = ahead(self.point[2], 2, self.updates[2].direction(slope[2]))
        return told


def assert_at(saddle, twin):
    message, read = saddle.network["messages"][0][0], saddle.network["output"][0]
    mine = [message["bias"], message["weight"], read["bias"], read["weight"]]
    mine += [saddle.states[0], saddle.multipliers[0]]
    for a, b in zip(mine, [x for part in twin.point for x in part], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["graph_lagrangian", "graph_augmented"])
@given(seed=SEED, f=fields(), face=choice(*FACES), aggregation=choice("sum", "mean"))
@settings(max_examples=settings().max_examples * 2)
def test_three_steps_and_the_settling_of_frozen_weights(name, seed, f, face, aggregation):
    rng = np.random.default_rng(seed)
    theta = [
        0.3 * rng.normal(size=WIDTH), 0.5 * rng.normal(size=(WIDTH, 2 + 2 * WIDTH)),
        rng.normal(size=CLASSES), rng.normal(size=(CLASSES, WIDTH)),
    ]  # fmt: skip
    degrees = np.bincount(RECEIVERS, minlength=4)
    weights = np.ones(len(EDGES)) if aggregation == "sum" else 1 / degrees[RECEIVERS]
    twin = Twin(f, face, theta, weights)
    params = {
        "messages": [[{"bias": theta[0], "weight": theta[1]}]],
        "output": [{"bias": theta[2], "weight": theta[3]}],
    }
    graph = make_graph(EDGES, LABELS, aggregation=aggregation)
    targets, counted, members = FACES[face]
    batch = GraphBatch(graph, targets, counted, members=members)
    network = GraphNetwork((1, CLASSES), state_widths=(WIDTH,))
    objective = Objective(network, "softmax_cross_entropy")
    algorithm = catalogue.entry(name).factory(**f)
    state = algorithm.init(params, batch, objective)
    for _ in range(3):
        state, info = algorithm.step(state, objective, batch)
        told = twin.step()
        assert {k: float(v) for k, v in info._asdict().items()} == pytest.approx(
            told, rel=1e-7, abs=1e-7
        )
        assert_at(state.params, twin)
    settled, _ = algorithm.constraint_only().settle(state.params.network, objective, batch)
    twin.point[1:] = [[0 * x for x in part] for part in twin.point[1:]]
    twin.restart()
    for _ in range(f["test_steps"]):
        twin.step(frozen=True)
    assert_at(settled, twin)
