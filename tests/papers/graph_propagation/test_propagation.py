"""Steps against twins in plain loops, failure modes, every option away from its default."""

import dataclasses
import math

import numpy as np
import pytest

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.arrays import backend
from refimpl.errors import ConvergenceError, DivergenceError, SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.graph_propagation.constraints import CONSTRAINTS, constraint_value
from refimpl.papers.graph_propagation.data import load_cliques, load_karate
from refimpl.papers.graph_propagation.fixed_point import fixed_point, implicit_gradient
from refimpl.papers.graph_propagation.fixed_point_learning import FixedPointLearning
from refimpl.papers.graph_propagation.graphs import GraphBatch, both_ways, make_graph
from refimpl.papers.graph_propagation.judging import graph_metrics
from refimpl.papers.graph_propagation.lagrangian import Saddle, Terms, lagrangian
from refimpl.papers.graph_propagation.network import GraphNetwork, LinearGraphNetwork
from refimpl.papers.graph_propagation.propagation import ConstraintPropagation
from refimpl.papers.graph_propagation.scalar import ScalarSaddle

EDGES = ((0, 1), (1, 2), (0, 3))


def graph(**more):
    return make_graph(both_ways(EDGES), [[0.3], [-0.5], [0.9], [0.1]], **more)


def problem(form="printed", widths=(3, 2), aggregation="sum"):
    network = GraphNetwork((1, 4, 2), state_widths=widths, output_widths=(3,), form=form)
    batch = GraphBatch(graph(aggregation=aggregation), np.array([0, 1, 1, 0]), np.array([0, 2]))
    objective = Objective(network, "softmax_cross_entropy")
    return objective, network.init(Rng(5)), batch


def scalar_problem(target, width=1):
    objective = Objective(LinearGraphNetwork(width), "mean_squared_error")
    params = {"matrix": np.zeros((width, width)), "offset": np.zeros(width)}
    batch = GraphBatch(make_graph([], [[0.0]]), np.full((1, width), target), np.array([0]))
    return objective, params, batch


def perceptron(layers, x):
    """A tanh network in loops, tanh on its output too."""
    for k, layer in enumerate(layers):
        x = [
            math.fsum(w * v for w, v in zip(row, x, strict=True)) + b
            for row, b in zip(layer["weight"], layer["bias"], strict=True)
        ]
        x = [math.tanh(v) for v in x] if k < len(layers) - 1 else x
    return x


def twin(params, states, labels, form, weights):
    """F of two layers, edge by edge."""
    nodes = range(4)
    pairs = [(v, u) for v, u in both_ways(EDGES)]
    new = []
    for k, layers in enumerate(params["messages"]):
        total = [[0.0] * len(states[k][0]) for _ in nodes]
        for v, u in pairs:
            if k == 0:
                seen = [*labels[v], *labels[u], *states[0][u]]
                seen += [*states[0][v]] if form == "printed" else []
            elif form == "printed":
                seen = [*states[k][u], *states[k][v], *states[k - 1][v]]
            else:
                seen = [*states[k][u], *new[k - 1][v], *new[k - 1][u]]
            message = [math.tanh(m) for m in perceptron(layers, seen)]
            total[v] = [t + weights[v] * m for t, m in zip(total[v], message, strict=True)]
        new.append(total)
    return new


@pytest.mark.parametrize("form", ["printed", "released"])
@pytest.mark.parametrize("aggregation", ["sum", "mean"])
def test_the_transition_is_that_of_loops(form, aggregation):
    objective, params, batch = problem(form, aggregation=aggregation)
    states = tuple(Rng(k).normal((4, w)) for k, w in enumerate((3, 2)))
    degrees = [2, 2, 1, 1]
    weights = [1.0 if aggregation == "sum" else 1.0 / d for d in degrees]
    expected = twin(params, [x.tolist() for x in states], batch.graph.labels, form, weights)
    found = objective.model.transition(params, states, batch.graph)
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=1e-14)


PLAIN = {
    "lin": lambda a, e: a,
    "abs": lambda a, e: abs(a),
    "eps": lambda a, e: max(abs(a) - e, 0.0),
    "lineps": lambda a, e: max(a - e, 0.0) - max(-a - e, 0.0),
    "squared": lambda a, e: a * a,
    "cubed": lambda a, e: a**3,
}


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("multipliers", ["node", "dimension", "global"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("read_out", ["state", "new"])
@pytest.mark.parametrize("rows", [None, (3, 1)])
def test_the_lagrangian_is_that_of_loops(name, multipliers, reduction, read_out, rows):
    objective, params, batch = problem()
    if name == "eps_l1" and multipliers == "dimension":
        with pytest.raises(SettingError, match="one number a node"):
            Terms(constraint=name, multipliers=multipliers)
        return
    terms = Terms(
        constraint=name, epsilon=0.2, multipliers=multipliers, reduction=reduction,
        read_out=read_out, rho=0.7, loss_weight=1.3,
    )  # fmt: skip
    states = tuple(Rng(k).normal((4, w)) for k, w in enumerate((3, 2)))
    shapes = [terms.multiplier_shape(4, w) for w in (3, 2)]
    weights = tuple(Rng(9).child(k).normal(shape) for k, shape in enumerate(shapes))
    new = twin(params, [x.tolist() for x in states], batch.graph.labels, "printed", [1.0] * 4)
    total = 0.0
    for x, f, m in zip(states, new, weights, strict=True):
        parts = []
        for v in range(4) if rows is None else rows:
            gaps = [float(x[v, j]) - f[v][j] for j in range(x.shape[1])]
            total += 0.35 * sum(g * g for g in gaps)
            row = m[min(v, m.shape[0] - 1)]
            if name == "eps_l1":
                parts.append(row[0] * max(sum(map(abs, gaps)) - 0.2, 0.0))
            else:
                parts += [row[min(j, len(row) - 1)] * PLAIN[name](g, 0.2)
                          for j, g in enumerate(gaps)]  # fmt: skip
        total += sum(parts) / (1 if reduction == "sum" else len(parts))
    read = states[-1].tolist() if read_out == "state" else new[-1]
    for v, target in ((0, 0), (2, 1)):
        scores = perceptron(params["output"], read[v])
        total += 1.3 * (math.log(sum(map(math.exp, scores))) - scores[target])
    chosen = None if rows is None else np.array(rows)
    found = lagrangian(terms, objective, Saddle(params, states, weights), batch, chosen)
    assert abs(float(found) - total) < 1e-12


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_subgradients_at_kinks_are_zero(name):
    slope = ad.grad(lambda a: ad.sum(constraint_value(name, a, 0.5)))
    at_zero = {"lin": 1.0}.get(name, 0.0)
    assert slope(np.zeros((1, 1)))[0, 0] == at_zero
    if name in ("eps", "lineps", "eps_l1"):
        assert slope(np.array([[0.5]]))[0, 0] == 0.0


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_plain_numbers_take_the_same_steps(name):
    objective, params, batch = scalar_problem(0.8)
    algorithm = ConstraintPropagation(
        constraint=name, epsilon=0.05, base="sgd", state_base="sgd", state_rate=0.1,
        multiplier_rate=0.03,
    )  # fmt: skip
    toy = ScalarSaddle(name, 0.8, 0.1, 0.03, 0.05)
    saddle, _ = algorithm.settle(params, objective, batch, steps=60)
    a, multiplier = toy.run(60)
    assert abs(float(saddle.states[0][0, 0]) - a) < 1e-13
    assert abs(float(saddle.multipliers[0][0, 0]) - multiplier) < 1e-13


def test_orders_by_hand():
    """½(a − d)² + λ a from a = 0.5, λ = 0.2 with unequal rates."""
    objective, params, batch = scalar_problem(1.0)
    start = Saddle(params, (np.array([[0.5]]),), (np.array([[0.2]]),))
    found = {}
    for order in ("simultaneous", "alternating", "extragradient"):
        algorithm = ConstraintPropagation(
            constraint="lin", base="sgd", state_base="sgd", state_rate=0.1, multiplier_rate=0.4,
            order=order,
        )  # fmt: skip
        saddle, _ = algorithm.settle(params, objective, batch, steps=1, start=start)
        found[order] = (float(saddle.states[0][0, 0]), float(saddle.multipliers[0][0, 0]))
    pull = 0.5 - 1.0 + 0.2
    a, multiplier = 0.5 - 0.1 * pull, 0.2 + 0.4 * 0.5
    ahead = (0.5 - 0.1 * ((a - 1.0) + multiplier), 0.2 + 0.4 * a)
    expected = {
        "simultaneous": (a, multiplier),
        "alternating": (a, 0.2 + 0.4 * a),
        "extragradient": ahead,
    }
    for order, pair in expected.items():
        np.testing.assert_allclose(found[order], pair, rtol=0, atol=1e-15)


def test_diagnostics_are_of_the_point_before_the_step():
    objective, params, batch = scalar_problem(1.0, width=2)
    params = {"matrix": np.zeros((2, 2)), "offset": np.array([1.0, -4.0])}
    algorithm = ConstraintPropagation(constraint="lin", multipliers="node", read_out="new")
    state = algorithm.init(params, batch, objective)
    multiplier = (np.array([[3.0]]),)
    state = state._replace(params=state.params._replace(multipliers=multiplier))
    _, info = algorithm.step(state, objective, batch)
    assert float(info.residual) == 4.0 and float(info.node_sum) == 3.0
    assert float(info.multiplier_norm) == 3.0
    assert float(info.loss) == 0.5 * (0.0**2 + 5.0**2)
    assert abs(float(info.lagrangian) - (12.5 + 3.0 * 3.0)) < 1e-14


def test_a_batch_moves_its_own_rows_only():
    data = load_cliques(rng=Rng(0), training=3, validation=1, test=1).train
    objective = Objective(GraphNetwork((1, 4, 2), state_widths=(3,)))
    algorithm = ConstraintPropagation(epsilon=0.0)
    params = objective.model.init(Rng(1))
    state = algorithm.init(params, data.batch(), objective)
    moved, _ = algorithm.step(state, objective, data.batch([1]))
    x = moved.params.states[0]
    assert np.all(x[:10] == 0) and np.all(x[20:] == 0) and np.any(x[10:20] != 0)
    whole, _ = algorithm.step(state, objective, data.batch())
    alone, _ = algorithm.step(state, objective, data.batch([0, 1, 2]))
    np.testing.assert_allclose(whole.params.states[0], alone.params.states[0], rtol=0, atol=1e-15)
    assert alone.buffers.states.first[0].shape == x.shape


def test_float32_stays_float32():
    place = backend("numpy", "float32")
    data = load_karate(rng=Rng(0), backend=place).train
    objective = Objective(GraphNetwork((34, 5, 4)))
    for algorithm in (ConstraintPropagation(rho=1.0), FixedPointLearning(sweeps=2)):
        state = algorithm.init(objective.model.init(Rng(1), backend=place), data.batch(), objective)
        state, info = algorithm.step(state, objective, data.batch())
        assert {leaf.dtype for leaf in ad.flatten(state.params)[0]} == {np.dtype("float32")}
        assert info.loss.dtype == np.float32


def test_no_fixed_point_is_told_by_the_spectral_radius():
    objective, _, batch = scalar_problem(0.0)
    grows = {"matrix": np.array([[1.5]]), "offset": np.array([1.0])}
    with pytest.raises(ConvergenceError, match="spectral radius") as caught:
        fixed_point(objective.model, grows, batch, max_iterations=50)
    assert abs(caught.value.spectral_radius - 1.5) < 1e-12
    assert caught.value.iterations == 50 and caught.value.residual > 1.0
    singular = {"matrix": np.array([[1.0]]), "offset": np.array([0.0])}
    with pytest.raises(ConvergenceError, match="singular"):
        implicit_gradient(objective, singular, batch, (np.zeros((1, 1)),))
    with pytest.raises(ConvergenceError, match="adjoint"):
        implicit_gradient(
            objective, singular, batch, (np.ones((1, 1)),), solver="iterate", max_iterations=9
        )


def test_a_large_norm_alone_is_no_error():
    matrix = np.array([[0.0, 5.0], [0.0, 0.0]])
    objective = Objective(LinearGraphNetwork(2), "mean_squared_error")
    batch = GraphBatch(make_graph([], [[0.0]]), np.zeros((1, 2)), np.array([0]))
    params = {"matrix": matrix, "offset": np.array([1.0, 1.0])}
    found = fixed_point(objective.model, params, batch)
    np.testing.assert_array_equal(found.states[0], [[6.0, 1.0]])


def test_divergence_is_an_error_with_numbers():
    objective, params, batch = scalar_problem(1.0)
    wild = ConstraintPropagation(
        constraint="abs", multipliers="node", base="sgd", state_base="sgd", state_rate=0.5,
        multiplier_rate=0.5,
    )  # fmt: skip
    state = wild.init(params, batch, objective)

    def run():
        inner = state
        for _ in range(3000):
            inner, _ = wild.step(inner, objective, batch)

    with pytest.raises(DivergenceError, match="left every bound") as caught:
        run()
    assert caught.value.multiplier_norm > 1e15 and caught.value.residual > 0.0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"epsilon": -0.1}, "epsilon"),
        ({"rho": -1.0}, "rho"),
        ({"state_rate": 0.0}, "state_rate"),
        ({"multiplier_rate": -1.0}, "multiplier_rate"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"multipliers": "edge"}, "multipliers"),
        ({"order": "random"}, "order"),
        ({"constraint": "cubic"}, "constraint"),
        ({"read_out": "old"}, "read_out"),
        ({"reduction": "max"}, "reduction"),
        ({"test_steps": 0}, "test_steps"),
        ({"loss_weight": -1.0}, "loss_weight"),
    ],
)
def test_settings_out_of_range(change, error):
    with pytest.raises(ValueError, match=error):
        ConstraintPropagation(**change)


def test_graphs_out_of_order():
    with pytest.raises(ValueError, match="given twice"):
        make_graph([(0, 1), (0, 1)], [[0.0], [0.0]])
    with pytest.raises(ValueError, match="leaves"):
        make_graph([(0, 2)], [[0.0], [0.0]])
    with pytest.raises(ValueError, match="no neighbors"):
        make_graph([(0, 1)], [[0.0], [0.0]], isolated="error")
    assert make_graph([(0, 0)], [[0.0]]).receivers.shape == (1,)
    objective, params, batch = problem()
    empty = batch._replace(supervised=np.zeros(0, dtype=np.int64))
    one = batch._replace(supervised=batch.supervised[:1])
    for algorithm in (ConstraintPropagation(), FixedPointLearning()):
        with pytest.raises(ValueError, match="supervised"):
            algorithm.init(params, empty, objective)
        assert algorithm.init(params, one, objective).step == 0
    mlp = MLP((1, 2))
    with pytest.raises(SettingError, match="graph network"):
        ConstraintPropagation().init(mlp.init(Rng(0)), batch, Objective(mlp))
    with pytest.raises(SettingError, match="graph network"):
        FixedPointLearning().init(mlp.init(Rng(0)), batch, Objective(mlp))


def test_learning_through_fixed_points_takes_the_implicit_gradient():
    objective, _, batch = problem(widths=(3,))
    params = objective.model.init(Rng(2), scale=0.3)
    exact = fixed_point(objective.model, params, batch).states
    slope = implicit_gradient(objective, params, batch, exact).gradient
    algorithm = FixedPointLearning(base="sgd", learning_rate=0.1, tolerance=1e-13, solver="dense")
    state = algorithm.init(params, batch, objective)
    state, info = algorithm.step(state, objective, batch)
    expected = ad.map_tree(lambda w, g: w - 0.1 * g, params, slope)
    for a, b in zip(*(ad.flatten(t)[0] for t in (state.params.network, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    assert float(info.residual) < 1e-12 and float(info.multiplier_norm) > 0.0
    unrolled = dataclasses.replace(algorithm, sweeps=200)
    other, _ = unrolled.step(unrolled.init(params, batch, objective), objective, batch)
    for a, b in zip(*(ad.flatten(s.params.network)[0] for s in (state, other)), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_a_set_of_graphs_is_settled_once_for_all_metrics():
    """And anew for other parameters or another set."""
    split = load_cliques(rng=Rng(0), training=3, validation=2, test=2)
    objective = Objective(GraphNetwork((1, 4, 2), state_widths=(3,)))
    algorithm, settled = ConstraintPropagation(test_steps=3), []

    def states_of(params, batch):
        settled.append(batch)
        return algorithm.settle(params.network, objective, batch)[0]

    weights = [objective.model.init(Rng(seed)) for seed in (1, 2)]
    first, second = (algorithm.init(w, split.train.batch(), objective).params for w in weights)
    found = graph_metrics(objective, states_of, "new")
    calls = [(first, split.test), (first, split.validation), (second, split.validation)]
    for count, (params, data) in enumerate(calls, start=1):
        numbers = {name: metric(params, data) for name, metric in found.items()}
        alone = graph_metrics(objective, states_of, "new")["loss"](params, data)
        leaves = states_of(params, settled[-1]).multipliers
        norm = np.sqrt(sum(np.sum(leaf * leaf) for leaf in leaves))
        assert numbers["multiplier_norm"] == pytest.approx(norm, rel=1e-12) and norm != 2.0
        settled.pop()
        assert numbers["loss"] == alone and len(settled) == 2 * count
