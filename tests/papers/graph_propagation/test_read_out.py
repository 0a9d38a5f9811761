"""Read-out of whole graphs, labels of edges, sums and means of the loss: against plain loops."""

import itertools
import math

import numpy as np
import pytest

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.errors import SettingError
from refimpl.models import Objective
from refimpl.papers.graph_propagation import data
from refimpl.papers.graph_propagation.fixed_point import fixed_point, implicit_gradient
from refimpl.papers.graph_propagation.fixed_point_learning import FixedPointLearning
from refimpl.papers.graph_propagation.graphs import GraphBatch, make_graph, permuted
from refimpl.papers.graph_propagation.lagrangian import Saddle, Terms, lagrangian, loss_of
from refimpl.papers.graph_propagation.network import GraphNetwork
from refimpl.papers.graph_propagation.propagation import ConstraintPropagation

EDGES = ((0, 1), (1, 0), (1, 2), (3, 4), (4, 3))
EDGE_LABELS = ([0.7], [-0.4], [0.2], [0.9], [-1.1])
LABELS = ([0.3], [-0.5], [0.9], [0.1], [0.4])
BACK = {(0, 1): -0.4, (1, 0): 0.7, (1, 2): 0.0, (3, 4): -1.1, (4, 3): 0.9}
MEMBERS, TARGETS = (0, 0, 0, 1, 1), (1, 0)


def problem():
    """Two graphs of three and two nodes, the edge (1, 2) in one direction only."""
    network = GraphNetwork((1, 4, 2), state_widths=(2,), output_widths=(3,), edge_labels=1)
    graph = make_graph(EDGES, LABELS, edge_labels=EDGE_LABELS)
    members = np.array(MEMBERS)
    batch = GraphBatch(graph, np.array(TARGETS), np.array([0, 1]), members=members)
    params = network.init(Rng(4), scale=0.5)
    return Objective(network, "softmax_cross_entropy"), params, batch


def dense(layers, x, last):
    for k, layer in enumerate(layers):
        x = [
            sum(w * v for w, v in zip(row, x, strict=True)) + b
            for row, b in zip(layer["weight"].tolist(), layer["bias"].tolist(), strict=True)
        ]
        x = [math.tanh(v) for v in x] if last or k < len(layers) - 1 else x
    return x


def swept(params, x):
    """F edge by edge: l_v, l_u, x_u, x_v, l_(v,u), l_(u,v)."""
    new = [[0.0, 0.0] for _ in range(5)]
    for (v, u), (own,) in zip(EDGES, EDGE_LABELS, strict=True):
        seen = [*LABELS[v], *LABELS[u], *x[u], *x[v], own, BACK[v, u]]
        message = dense(params["messages"][0], seen, True)
        new[v] = [a + m for a, m in zip(new[v], message, strict=True)]
    return new


def losses(params, states):
    found = []
    for graph, target in enumerate(TARGETS):
        rows = [x for x, member in zip(states, MEMBERS, strict=True) if member == graph]
        scores = dense(params["output"], [sum(column) for column in zip(*rows, strict=True)], False)
        found.append(math.log(sum(map(math.exp, scores))) - scores[target])
    return found


def test_messages_see_the_labels_of_both_directions():
    objective, params, batch = problem()
    states = Rng(1).normal((5, 2))
    found = objective.model.transition(params, (states,), batch.graph)[0]
    np.testing.assert_allclose(found, swept(params, states.tolist()), rtol=0, atol=1e-14)


@pytest.mark.parametrize("read_out", ["printed", "state", "new"])
@pytest.mark.parametrize("loss_reduction", ["sum", "mean"])
def test_graphs_are_read_from_sums_of_states(read_out, loss_reduction):
    objective, params, batch = problem()
    states = Rng(1).normal((5, 2))
    multipliers = Rng(2).normal((5, 2))
    terms = Terms(multipliers="dimension", read_out=read_out, loss_reduction=loss_reduction)
    found = lagrangian(terms, objective, Saddle(params, (states,), (multipliers,)), batch)
    new = swept(params, states.tolist())
    parts = losses(params, states.tolist() if read_out == "state" else new)
    expected = sum(parts) / (1 if loss_reduction == "sum" else 2)
    expected += float(np.sum(multipliers * (states - np.array(new))))
    assert abs(float(found) - expected) < 1e-12


@pytest.mark.parametrize("read_out", ["printed", "state"])
def test_the_gradient_through_the_fixed_point_by_differences(read_out):
    objective, params, batch = problem()
    exact = fixed_point(objective.model, params, batch).states
    found = implicit_gradient(objective, params, batch, exact, read_out=read_out)
    flat, unravel = ad.ravel(params)

    def loss(theta):
        x = [[0.0, 0.0]] * 5
        for _ in range(200):
            x = swept(theta, x)
        return sum(losses(theta, x))

    direction = Rng(3).normal(flat.shape)
    step = 1e-5
    slope = (loss(unravel(flat + step * direction)) - loss(unravel(flat - step * direction))) / (
        2.0 * step
    )
    assert abs(float(np.sum(ad.ravel(found.gradient)[0] * direction)) - slope) < 1e-8
    iterated = implicit_gradient(
        objective, params, batch, exact, read_out=read_out, solver="iterate", tolerance=1e-3
    )
    gap = float(np.max(np.abs(iterated.adjoint[0] - found.adjoint[0])))
    assert 1e-12 < gap < 1e-2


def test_renaming_nodes_keeps_labels_of_edges():
    objective, params, batch = problem()
    order = [3, 1, 4, 0, 2]
    states = Rng(1).normal((5, 2))
    there = objective.model.transition(params, (states[order],), permuted(batch.graph, order))[0]
    here = objective.model.transition(params, (states,), batch.graph)[0]
    np.testing.assert_allclose(there, here[order], rtol=0, atol=1e-14)


@pytest.mark.parametrize("algorithm", [ConstraintPropagation, FixedPointLearning])
def test_a_step_on_the_mean_loss(algorithm):
    objective, params, batch = problem()
    infos = []
    for loss_reduction in ("sum", "mean"):
        one = algorithm(loss_reduction=loss_reduction)
        infos.append(one.step(one.init(params, batch, objective), objective, batch)[1])
    assert abs(float(infos[0].loss) - 2.0 * float(infos[1].loss)) < 1e-12
    swept_one = FixedPointLearning(sweeps=3, loss_reduction="mean")
    info = swept_one.step(swept_one.init(params, batch, objective), objective, batch)[1]
    x = [[0.0, 0.0]] * 5
    for _ in range(3):
        x = swept(params, x)
    assert abs(float(info.loss) - sum(losses(params, x)) / 2.0) < 1e-12
    with pytest.raises(ValueError, match="loss_reduction"):
        algorithm(loss_reduction="max")


def test_labels_of_edges_that_do_not_fit():
    with pytest.raises(ValueError, match="2 rows of equal length, not 1"):
        make_graph([(0, 1), (1, 0)], [[0.0], [0.0]], edge_labels=[[1.0]])
    with pytest.raises(ValueError, match="equal length"):
        make_graph([(0, 1), (1, 0)], [[0.0], [0.0]], edge_labels=[[1.0], [1.0, 2.0]])
    with pytest.raises(SettingError, match="released form"):
        GraphNetwork((1, 2), edge_labels=1, form="released")
    objective, params, batch = problem()
    bare = batch.graph._replace(edge_labels=None)
    with pytest.raises(SettingError, match="labels of an edge") as caught:
        objective.model.transition(params, objective.model.zeros(bare), bare)
    assert (caught.value.network, caught.value.graph) == (1, 0)


def holds_clique(part, k, size):
    edges = {tuple(int(v) for v in edge) for edge in part.edges}
    nodes = range(part.starts[k], part.starts[k + 1])
    return any(
        all(pair in edges for pair in itertools.permutations(chosen, 2))
        for chosen in itertools.combinations(nodes, size)
    )


def test_graphs_with_and_without_a_clique():
    split = data.load_cliques(
        rng=Rng(0), training=8, validation=2, test=2, nodes=7, clique=4, level="graphs"
    )
    part = split.train
    assert part.targets.tolist() == [1, 0] * 4 == [int(holds_clique(part, k, 4)) for k in range(8)]
    batch = part.batch([1, 4])
    assert batch.targets.tolist() == [0, 1] and batch.members.tolist() == [0] * 7 + [1] * 7
    assert batch.indices.tolist() == [*range(7, 14), *range(28, 35)]
    assert part.batch().members.shape == (56,) and split.test.batch().supervised.tolist() == [0, 1]
    with pytest.raises(SettingError, match="clique >= 3"):
        data.load_cliques(rng=Rng(0), clique=2, level="graphs")


def test_metrics_count_graphs():
    split = data.load_cliques(rng=Rng(0), training=3, validation=1, test=1, level="graphs")
    objective = Objective(GraphNetwork((1, 4, 2), state_widths=(3,)), "softmax_cross_entropy")
    algorithm = ConstraintPropagation()
    batch = split.train.batch()
    params = algorithm.init(objective.model.init(Rng(1)), batch, objective).params
    metrics = algorithm.metrics(objective)
    new = objective.model.transition(params.network, params.states, batch.graph)[-1]
    sums = np.add.reduceat(new, split.train.starts[:-1])
    scores = objective.model.outputs(params.network, sums)
    expected = np.mean(np.argmax(scores, axis=1) == split.train.targets)
    assert metrics["accuracy"](params, split.train) == expected
    loss = float(loss_of(objective, params.network, new, batch)) / 3.0
    assert abs(metrics["loss"](params, split.train) - loss) < 1e-12


def test_a_mark_on_an_edge():
    batch = data.load_chains(rng=Rng(0), length=4, marked="edge").train.batch()
    marked = batch.graph.edge_labels[:, 0] == 1.0
    ends = zip(batch.graph.receivers[marked], batch.graph.senders[marked], strict=True)
    assert sorted((int(v), int(u)) for v, u in ends) == [(0, 1), (1, 0)]
    assert float(np.sum(batch.graph.labels)) == 0.0
