"""Minnorm training against exact identities, pseudo-inverses and solvers that share no code."""

import itertools

import numpy as np
import pytest
from helpers import assert_close
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng, backend
from refimpl.datasets import Batch
from refimpl.models import MLP, DeepLinear, Objective
from refimpl.papers.minnorm.diagnosis import difficulty
from refimpl.papers.minnorm.minnorm import Minnorm

CONSTRAINTS = ("equality", "margin", "one_vs_rest", "crammer_singer", "loss")


def problem(constraint, *, seed=0, examples=5, inputs=9, hidden=(7,), activation="relu"):
    """Random data with fewer examples than inputs, and a bias-free network for them."""
    rng = Rng(seed).child("problem")
    outputs = 1 if constraint == "margin" else 3
    x = rng.child("x").normal((examples, inputs))
    if constraint == "equality":
        y = rng.child("y").normal((examples, outputs))
    elif constraint == "margin":
        y = rng.child("y").rademacher((examples,))
    else:
        y = rng.child("y").integers(0, outputs, (examples,))
    loss = {"equality": "mean_squared_error", "margin": "logistic"}
    model = MLP((inputs, *hidden, outputs), activation=activation, bias=False)
    objective = Objective(model, loss.get(constraint, "softmax_cross_entropy"))
    params = model.init(rng.child("init"), scale=0.7)
    return objective, params, Batch(x, y, np.arange(examples))


def run(algorithm, objective, params, data, steps, batch_size=None):
    state, info = algorithm.init(params, data, objective), None
    for step in range(steps):
        batch = data
        if batch_size:
            order = Rng(9).child(step).permutation(len(data.inputs))[:batch_size]
            batch = Batch(data.inputs[order], data.targets[order], order)
        state, info = algorithm.step(state, objective, batch)
    return state, info


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
@given(seed=st.integers(0, 10**6), batch_size=st.sampled_from([None, 1, 3]))
def test_the_null_space_of_the_first_layer_decays_exactly(constraint, order, seed, batch_size):
    objective, params, data = problem(constraint, seed=seed)
    algorithm = Minnorm(
        constraint=constraint, order=order, learning_rate=0.01, multiplier_rate=0.01
    )
    state, _ = run(algorithm, objective, params, data, 20, batch_size)
    null = np.eye(9) - np.linalg.pinv(data.inputs) @ data.inputs
    expected = 0.99**20 * params[0]["weight"] @ null
    assert_close(state.params[0]["weight"] @ null, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
@given(seed=st.integers(0, 10**6), examples=st.integers(1, 6), outputs=st.integers(1, 3))
def test_shallow_regression_ends_at_the_pseudo_inverse(order, seed, examples, outputs):
    rng = Rng(seed)
    left = np.linalg.qr(rng.child("left").normal((examples, examples)))[0]
    right = np.linalg.qr(rng.child("right").normal((8, examples)))[0]
    x = left @ np.diag(rng.child("gains").uniform((examples,), 0.7, 1.4)) @ right.T
    y = rng.child("y").normal((examples, outputs))
    objective = Objective(DeepLinear((8, outputs)), "mean_squared_error")
    algorithm = Minnorm(
        constraint="equality", order=order, damping=0.0,
        learning_rate=0.5, multiplier_rate=0.4, tolerance=0.0,
    )  # fmt: skip
    start = [rng.child("w").normal((outputs, 8))]
    state, _ = run(algorithm, objective, start, Batch(x, y), 650)
    assert_close(state.params[0], (np.linalg.pinv(x) @ y).T, rtol=0, atol=1e-12)
    assert_close(state.multipliers, np.linalg.solve(x @ x.T, y), rtol=0, atol=1e-11)


def test_runs_in_float32_on_minibatches():
    place = backend("numpy", "float32")
    objective, params, data = problem("one_vs_rest")
    params = [{"weight": place.asarray(layer["weight"])} for layer in params]
    data = data._replace(inputs=place.asarray(data.inputs))
    state, info = run(Minnorm(), objective, params, data, 3, 2)
    assert state.multipliers.dtype == np.float32
    assert info.layer_norms.shape == (2,)


def solve_margins(z, margins):
    """argmin ||w|| subject to z w >= margins and its multipliers, by an interior-point solver."""
    cvxpy = pytest.importorskip("cvxpy")
    w = cvxpy.Variable(z.shape[1])
    held = z @ w >= margins
    problem = cvxpy.Problem(cvxpy.Minimize(0.5 * cvxpy.sum_squares(w)), [held])
    problem.solve(solver=cvxpy.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    return w.value, held.dual_value


def separable(seed, examples=9, inputs=12, classes=3):
    """Fewer examples than inputs: every labelling can be met with any margin."""
    rng = Rng(seed)
    x = rng.child("x").normal((examples, inputs)) / np.sqrt(inputs)
    return x, np.arange(examples) % classes


CONVERGED = {
    "learning_rate": 0.4, "multiplier_rate": 0.4, "damping": 0.2, "order": "alternating",
    "tolerance": 0.0,
}  # fmt: skip


def test_crammer_singer_ends_at_the_convex_solution_with_its_multipliers():
    x, y = separable(0)
    k, n = 3, x.shape[1]
    rows, pairs = [], []
    for example, label in enumerate(y):
        for other in set(range(k)) - {label}:
            row = np.zeros((k, n))
            row[label], row[other] = x[example], -x[example]
            rows.append(row.ravel())
            pairs.append((example, other))
    weights, duals = solve_margins(np.array(rows), np.ones(len(rows)))
    objective = Objective(DeepLinear((n, k)), "softmax_cross_entropy")
    algorithm = Minnorm(constraint="crammer_singer", **CONVERGED)
    state, info = run(algorithm, objective, [np.zeros((k, n))], Batch(x, y), 1500)
    assert_close(state.params[0], weights.reshape(k, n), rtol=0, atol=1e-8)
    assert_close(state.multipliers[tuple(np.array(pairs).T)], duals, rtol=0, atol=1e-7)
    assert np.all(state.multipliers[np.arange(9), y] == 0.0)
    assert_close(np.sum(state.params[0], axis=0), np.zeros(n), rtol=0, atol=1e-12)
    assert int(info.active) == np.count_nonzero(state.multipliers)


def test_one_versus_rest_ends_at_one_support_vector_machine_a_class():
    svm = pytest.importorskip("sklearn.svm")
    x, y = separable(1)
    objective = Objective(DeepLinear((12, 3)), "softmax_cross_entropy")
    algorithm = Minnorm(constraint="one_vs_rest", **CONVERGED)
    state, _ = run(algorithm, objective, [np.zeros((3, 12))], Batch(x, y), 1500)
    for k in range(3):
        oracle = svm.LinearSVC(
            C=1e5, loss="hinge", fit_intercept=False, tol=1e-11, max_iter=10**6
        ).fit(x, np.where(y == k, 1, -1))
        assert_close(state.params[0][k], oracle.coef_[0], rtol=0, atol=1e-7)


@pytest.mark.parametrize("margin", [1.0, 2.5])
def test_margins_end_at_the_least_distance_and_scale(margin):
    x, y = separable(2, classes=2)
    signs = 2.0 * y - 1.0
    weights, duals = solve_margins(signs[:, None] * x, np.full(9, margin))
    objective = Objective(DeepLinear((12, 1)), "logistic")
    algorithm = Minnorm(constraint="margin", margin=margin, **CONVERGED)
    state, _ = run(algorithm, objective, [np.ones((1, 12))], Batch(x, signs), 1500)
    assert_close(state.params[0][0], weights, rtol=0, atol=1e-8)
    assert_close(state.multipliers, duals, rtol=0, atol=1e-7)
    assert_close(difficulty(algorithm, state), duals, rtol=0, atol=1e-7)


def test_a_logistic_loss_level_is_a_margin():
    """log(1 + exp(-m)) = eps where m = -log(e^eps - 1)."""
    x, y = separable(3, classes=2)
    signs, level = 2.0 * y - 1.0, 0.3
    margin = -np.log(np.expm1(level))
    weights, duals = solve_margins(signs[:, None] * x, np.full(9, margin))
    objective = Objective(DeepLinear((12, 1)), "logistic")
    hyper = {**CONVERGED, "learning_rate": 0.2, "damping": 1.0}
    algorithm = Minnorm(constraint="loss", loss_level=level, **hyper)
    state, _ = run(algorithm, objective, [np.zeros((1, 12))], Batch(x, signs), 3500)
    assert_close(state.params[0][0], weights, rtol=0, atol=1e-6)
    assert_close(state.multipliers, duals * (1.0 + np.exp(margin)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("base", ["momentum", "nesterov", "adam"])
def test_other_updates_keep_the_end_point(base):
    rng = Rng(4)
    x, y = rng.child("x").normal((3, 5)) / 2.0, rng.child("y").normal((3, 2))
    objective = Objective(DeepLinear((5, 2)), "mean_squared_error")
    rate = 0.01 if base == "adam" else 0.02
    algorithm = Minnorm(
        constraint="equality", base=base, learning_rate=rate, multiplier_rate=0.04,
        damping=2.0, tolerance=0.0,
    )  # fmt: skip
    state, _ = run(algorithm, objective, [np.zeros((2, 5))], Batch(x, y), 4000)
    assert_close(state.params[0], (np.linalg.pinv(x) @ y).T, rtol=0, atol=1e-5)


@given(seed=st.integers(0, 10**6), damping=st.sampled_from([0.0, 0.5]))
def test_a_batch_of_everything_in_any_order_is_the_full_batch(seed, damping):
    objective, params, data = problem("one_vs_rest", seed=seed)
    algorithm = Minnorm(damping=damping, learning_rate=0.02, multiplier_rate=0.05)
    order = Rng(seed).child("order").permutation(5)
    mixed = Batch(data.inputs[order], data.targets[order], order)
    plain, _ = run(algorithm, objective, params, data._replace(indices=None), 5)
    state = algorithm.init(params, data, objective)
    for _ in range(5):
        state, _ = algorithm.step(state, objective, mixed)
    assert_close(state.multipliers, plain.multipliers, rtol=1e-10, atol=1e-12)
    assert_close(state.params, plain.params, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("constraint", ["equality", "margin", "one_vs_rest", "crammer_singer"])
@pytest.mark.parametrize("depth", [1, 3])
def test_the_running_sum_is_the_sum(constraint, depth):
    """On the whole set the running sum changes nothing; on batches it stays the exact sum."""
    objective, _, data = problem(constraint, activation="identity")
    outputs = objective.model.widths[-1]
    model = DeepLinear((9,) + (7,) * (depth - 1) + (outputs,))
    objective = Objective(model, objective.loss)
    params = model.init(Rng(8))
    hyper = {"constraint": constraint, "learning_rate": 0.02, "multiplier_rate": 0.1}
    plain = Minnorm(damping=0.3, **hyper)
    summed = Minnorm(damping=0.3, accumulate=True, **hyper)
    here, _ = run(plain, objective, params, data, 8)
    there, _ = run(summed, objective, params, data, 8)
    assert_close(there.params, here.params, rtol=1e-10, atol=1e-12)
    state, _ = run(summed, objective, params, data, 30, batch_size=2)
    signal = state.multipliers
    if constraint == "margin":
        signal = (signal * data.targets)[:, None]
    elif constraint == "one_vs_rest":
        signal = signal * np.where(np.eye(outputs)[data.targets] > 0, 1.0, -1.0)
    elif constraint == "crammer_singer":
        signal = np.eye(outputs)[data.targets] * signal.sum(axis=1, keepdims=True) - signal
    assert_close(state.accumulator, signal.T @ data.inputs, rtol=1e-10, atol=1e-13)


def test_plain_norms_pull_with_unit_length():
    """From zero multipliers and no damping the first step is the decay alone."""
    weights = [np.array([[3.0, 4.0]])]
    objective = Objective(DeepLinear((2, 1)), "mean_squared_error")
    data = Batch(np.array([[1.0, 0.0]]), np.array([[2.0]]))
    hyper = {"constraint": "equality", "learning_rate": 0.1, "damping": 0.0}
    plain, _ = run(Minnorm(norm="plain", **hyper), objective, weights, data, 1)
    assert_close(plain.params[0], np.array([[2.94, 3.92]]))
    squared, _ = run(Minnorm(**hyper), objective, weights, data, 1)
    assert_close(squared.params[0], np.array([[2.7, 3.6]]))


def test_the_weights_step_decays_and_biases_do_not():
    model = MLP((2, 1))
    params = [{"weight": np.array([[1.0, 1.0]]), "bias": np.array([1.0])}]
    objective = Objective(model, "logistic")
    data = Batch(np.array([[1.0, 0.0]]), np.array([1.0]))
    hyper = {"constraint": "margin", "learning_rate": 0.5, "damping": 0.0, "margin": 1e-9}
    state, _ = run(Minnorm(decay=1.0, **hyper), objective, params, data, 3)
    # outputs stay above the margin, so that only decay acts: by 1/2, 1/4 and 1/6
    assert_close(state.params[0]["weight"], np.full((1, 2), 0.5 * 0.75 * 5 / 6))
    assert_close(state.params[0]["bias"], np.array([1.0]))
    both, _ = run(Minnorm(include="all", **hyper), objective, params, data, 1)
    assert_close(both.params[0]["bias"], np.array([0.5]))


def test_info_reports_what_it_says():
    objective, params, data = problem("one_vs_rest", seed=7)
    algorithm = Minnorm(damping=0.5, learning_rate=0.01, multiplier_rate=0.1)
    state = algorithm.init(params, data, objective)
    for _ in range(4):
        state, info = algorithm.step(state, objective, data)
    before, (after, info) = state, algorithm.step(state, objective, data)
    first, second = (layer["weight"] for layer in before.params)
    hidden = np.maximum(data.inputs @ first.T, 0.0)
    f = hidden @ second.T
    signs = np.where(np.eye(3)[data.targets] > 0, 1.0, -1.0)
    v = 1.0 - signs * f
    g = np.maximum(0.0, before.multipliers + 0.5 * v)
    delta = signs * g
    q = [((delta @ second) * (hidden > 0)).T @ data.inputs, delta.T @ hidden]
    norms = [np.linalg.norm(first), np.linalg.norm(second)]
    shifted = np.log(np.sum(np.exp(f), axis=1)) - f[np.arange(5), data.targets]
    residuals = [
        np.linalg.norm(w - p) / n for w, p, n in zip((first, second), q, norms, strict=True)
    ]
    assert_close(info.loss, np.mean(shifted))
    assert_close(info.violation, np.max(v))
    assert_close(info.kkt_residual, max(residuals))
    assert_close(info.complementarity, np.max(g * np.abs(v)) / np.max(g))
    assert_close(info.multiplier_norm, np.linalg.norm(before.multipliers))
    assert_close(info.layer_norms, np.array(norms))
    assert_close(info.total_norm, np.sum(np.square(norms)))
    assert int(info.active) == np.count_nonzero(after.multipliers)


def test_runs_of_the_relu_certificate_agree_with_a_convex_solver():
    cvxpy = pytest.importorskip("cvxpy")
    from refimpl.papers.minnorm.experiments.convex_relu import activation_patterns, least_norm_bound

    rng = Rng(11)
    x, y = rng.child("x").normal((6, 3)), rng.child("y").rademacher((6,))
    patterns = activation_patterns(x)
    assert len(patterns) == 2 * sum((1, 5, 10))  # cells of 6 central planes in 3 dimensions
    plus = [cvxpy.Variable(3) for _ in patterns]
    minus = [cvxpy.Variable(3) for _ in patterns]
    output, held = 0.0, []
    for pattern, v, u in zip(patterns, plus, minus, strict=True):
        cone = np.where(pattern, 1.0, -1.0)[:, None] * x
        held += [cone @ v >= 0, cone @ u >= 0]
        output = output + np.diag(pattern.astype(float)) @ x @ (v - u)
    value = sum(cvxpy.norm(v) for v in plus + minus)
    for margin, fit in ((True, cvxpy.multiply(y, output) >= 1), (False, output == y)):
        problem_ = cvxpy.Problem(cvxpy.Minimize(value), [*held, fit])
        problem_.solve(solver=cvxpy.CLARABEL)
        assert least_norm_bound(x, y, margin=margin) == pytest.approx(problem_.value, rel=1e-4)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_the_mean_step_over_all_batches_is_the_full_step(constraint):
    objective, params, data = problem(constraint, seed=2)
    algorithm = Minnorm(constraint=constraint, damping=0.5, learning_rate=0.1, multiplier_rate=0.2)
    state, _ = run(algorithm, objective, params, data, 3)
    whole, _ = algorithm.step(state, objective, data)
    batches = [np.array(pair) for pair in itertools.combinations(range(5), 2)]
    parts = [
        algorithm.step(state, objective, Batch(data.inputs[b], data.targets[b], b))[0]
        for b in batches
    ]
    for index in range(2):
        mean = np.mean([part.params[index]["weight"] for part in parts], axis=0)
        assert_close(mean, whole.params[index]["weight"], rtol=1e-10, atol=1e-12)
    for part, chosen in zip(parts, batches, strict=True):
        others = np.setdiff1d(np.arange(5), chosen)
        assert_close(part.multipliers[chosen], whole.multipliers[chosen], rtol=1e-10, atol=1e-12)
        assert np.array_equal(part.multipliers[others], state.multipliers[others])
