"""What Minnorm refuses before a run and raises within one; its step limits against spectra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl.datasets import Batch, Dataset
from refimpl.errors import (
    CollapseError,
    DivergenceError,
    InfeasibleError,
    StepSizeError,
    TargetError,
)
from refimpl.models import MLP, DeepLinear, LinearChain, Objective
from refimpl.papers.minnorm.diagnosis import diagnose
from refimpl.papers.minnorm.guards import (
    chain_limit,
    critical_damping,
    largest_gain,
    shallow_limit,
)
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.training import train

rates = st.floats(0.01, 3.0)


def mode(eta, step, h, sigma, order):
    """w' = w + eta (-h w + sigma lam) and lam' = lam - step sigma w: one mode about its end."""
    new_w = np.array([1.0 - eta * h, eta * sigma])
    seen = new_w if order == "alternating" else np.array([1.0, 0.0])
    new_lam = np.array([0.0, 1.0]) - step * sigma * seen
    return max(abs(np.linalg.eigvals(np.array([new_w, new_lam]))))


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
@given(eta=rates, step=rates, damping=st.floats(0.0, 2.0), sigma=st.floats(0.1, 3.0))
def test_shallow_limits_are_those_of_the_spectrum(order, eta, step, damping, sigma):
    breach = shallow_limit(
        eta=eta, multiplier_rate=step, damping=damping, order=order, gain=sigma**2
    )
    radius = max(mode(eta, step, 1.0 + damping * sigma**2, sigma, order), abs(1.0 - eta))
    if abs(radius - 1.0) > 1e-9:
        assert (breach is None) == (radius < 1.0)


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
@given(
    depth=st.integers(2, 5),
    slope=st.floats(0.3, 3.0),
    eta=st.floats(0.01, 1.2),
    step=st.floats(0.01, 1.0),
    damping=st.floats(0.0, 3.0),
)
def test_chain_limits_are_those_of_the_step_itself(order, depth, slope, eta, step, damping):
    """Against the Jacobian, by central differences, of one step of a chain written out here."""

    def one(z):
        w, lam = z[:-1], z[-1]
        error = slope - np.prod(w)
        others = np.array([np.prod(np.delete(w, k)) for k in range(depth)])
        new = w + eta * (-w + (lam + damping * error) * others)
        after = slope - np.prod(new) if order == "alternating" else error
        return np.append(new, lam + step * after)

    fixed = np.append(np.full(depth, slope ** (1 / depth)), slope ** ((2 - depth) / depth))
    h = 1e-6
    jacobian = np.array(
        [(one(fixed + h * e) - one(fixed - h * e)) / (2 * h) for e in np.eye(depth + 1)]
    ).T
    radius = max(abs(np.linalg.eigvals(jacobian)))
    breach = chain_limit(
        eta=eta, multiplier_rate=step, damping=damping, order=order, depth=depth, slope=slope
    )
    if abs(radius - 1.0) > 1e-5:
        assert (breach is None) == (radius < 1.0)


@given(depth=st.integers(2, 5), slope=st.floats(0.3, 3.0), gain=st.floats(0.5, 4.0))
def test_critical_damping_is_where_the_limit_turns(depth, slope, gain):
    for order in ("simultaneous", "alternating"):
        step = 1e-4
        critical = critical_damping(depth, slope, gain=gain, multiplier_rate=step, order=order)
        found = [
            chain_limit(
                eta=1e-4, multiplier_rate=step, damping=damping, order=order,
                depth=depth, slope=slope, gain=gain,
            )
            for damping in (1.01 * critical + 1e-6, 0.99 * critical - 1e-6)
        ]  # fmt: skip
        assert found[0] is None and found[1] is not None


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 8), columns=st.integers(1, 8))
def test_largest_gain_is_the_largest_singular_value_squared(seed, rows, columns):
    x = Rng(seed).normal((rows, columns))
    assert largest_gain(x) == pytest.approx(np.linalg.svd(x)[1][0] ** 2, rel=1e-10)


def shallow(x, y):
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    objective = Objective(DeepLinear((x.shape[1], y.shape[1])), "mean_squared_error")
    return objective, [np.ones((y.shape[1], x.shape[1]))], Batch(x, y)


def run(algorithm, objective, params, data, steps):
    state = algorithm.init(params, data, objective)
    for _ in range(steps):
        state, info = algorithm.step(state, objective, data)
    return state, info


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_steps_converge_within_the_limit_and_are_refused_beyond(order):
    objective, params, data = shallow([[2.0, 0.0]], [[1.0]])
    limit = {"simultaneous": 1.0 / 4.0, "alternating": (4.0 - 2 * 0.2) / 0.2 / 4.0}[order]
    hyper = {
        "constraint": "equality", "learning_rate": 0.2, "damping": 0.0, "order": order,
        "tolerance": 0.0,
    }  # fmt: skip
    steps = {"simultaneous": 1500, "alternating": 60}[order]
    error = []
    for factor in (0.98, 1.02):
        algorithm = Minnorm(multiplier_rate=factor * limit, refuse=factor < 1, **hyper)
        state, _ = run(algorithm, objective, params, data, steps)
        error.append(abs(float(state.params[0][0, 0]) - 0.5))
    assert error[0] < 0.01 and error[1] > 0.08
    beyond = Minnorm(multiplier_rate=1.02 * limit, **hyper)
    with pytest.raises(StepSizeError, match=r"eta_lam sigma\^2") as caught:
        beyond.init(params, data, objective)
    number = 1.02 if order == "simultaneous" else -0.02 * 3.6
    assert caught.value.value == pytest.approx(number)
    far = Minnorm(multiplier_rate=1.5 * limit, refuse=False, **hyper)
    with pytest.raises(DivergenceError) as lost:
        run(far, objective, params, data, 2000)
    assert 0 < lost.value.step < 2000
    assert lost.value.violation > 1e8


def test_inconsistent_targets_are_refused_with_the_residual():
    rng = Rng(0)
    x, y = rng.child("x").normal((7, 3)), rng.child("y").normal((7, 2))
    objective, params, data = shallow(x, y)
    algorithm = Minnorm(constraint="equality")
    residual = y - x @ np.linalg.pinv(x) @ y
    with pytest.raises(InfeasibleError, match="span") as caught:
        algorithm.init(params, data, objective)
    assert caught.value.residual == pytest.approx(np.linalg.norm(residual))
    worst = np.argsort(-np.linalg.norm(residual, axis=1))[:5]
    assert caught.value.examples == worst.tolist()
    consistent = data._replace(targets=x @ rng.child("w").normal((3, 2)))
    algorithm.init(params, consistent, objective)


def test_conflicting_examples_are_found_by_the_growth_of_their_multipliers():
    """Margins that no hyperplane meets: the duplicated point with both labels."""
    rng = Rng(3)
    x = rng.child("x").normal((6, 8)) / 3.0
    labels = rng.child("y").rademacher((6,))
    x[5], labels[5] = x[2], -labels[2]
    objective = Objective(DeepLinear((8, 1)), "logistic")
    params, data = [np.zeros((1, 8))], Batch(x, labels)
    rates = {"learning_rate": 0.3, "multiplier_rate": 0.3}
    with pytest.raises(InfeasibleError, match="equal inputs") as caught:
        Minnorm(constraint="margin", **rates).init(params, data, objective)
    assert caught.value.examples == [2, 5]
    algorithm = Minnorm(constraint="margin", refuse=False, **rates)
    with pytest.raises(InfeasibleError, match="grow linearly") as caught:
        run(algorithm, objective, params, data, 8000)
    assert {2, 5} == set(caught.value.examples[:2])
    assert caught.value.violation >= 1.0
    assert caught.value.growth_rate > 0


def test_a_feasible_problem_with_weak_modes_is_not_called_infeasible():
    rng = Rng(5)
    left = np.linalg.qr(rng.child("l").normal((4, 4)))[0]
    right = np.linalg.qr(rng.child("r").normal((9, 4)))[0]
    x = left @ np.diag([1.0, 0.5, 0.2, 0.1]) @ right.T
    objective, params, data = shallow(x, rng.child("y").normal((4, 1)))
    algorithm = Minnorm(
        constraint="equality", learning_rate=0.5, multiplier_rate=0.9,
        damping=0.0, order="alternating", tolerance=1e-6,
    )  # fmt: skip
    _, info = run(algorithm, objective, params, data, 6000)
    assert info.stopped and float(info.violation) <= 1e-6


def test_collapse_is_not_called_infeasible():
    model = LinearChain(3)
    data = Batch(np.ones(1), np.full(1, 2.0))
    objective = Objective(model, "mean_squared_error")
    algorithm = Minnorm(
        constraint="equality", damping=0.0, refuse=False,
        learning_rate=0.01, multiplier_rate=0.01,
    )  # fmt: skip
    with pytest.raises(CollapseError, match="decay to zero") as caught:
        run(algorithm, objective, model.init(0.2), data, 40_000)
    assert caught.value.norm < 1e-3


@pytest.mark.parametrize("depth", [2, 3])
def test_an_undamped_chain_is_refused(depth):
    model = LinearChain(depth)
    data = Batch(np.ones(2), np.full(2, 2.0))
    objective = Objective(model, "mean_squared_error")
    for order in ("simultaneous", "alternating"):
        hyper = {"constraint": "equality", "order": order}
        with pytest.raises(StepSizeError, match="rho c > D - 2"):
            Minnorm(damping=0.0, **hyper).init(model.init(1.0), data, objective)
        Minnorm(damping=0.5, **hyper).init(model.init(1.0), data, objective)
    deep = DeepLinear((3,) + (3,) * (depth - 1) + (1,))
    x = np.eye(3)[:2]
    with pytest.raises(StepSizeError, match="damping > 0"):
        Minnorm(constraint="equality", damping=0.0).init(
            deep.init(Rng(0)), Batch(x, np.ones((2, 1))), Objective(deep, "mean_squared_error")
        )


def test_inputs_of_zero_norm_need_biases():
    x = np.array([[1.0, 2.0], [0.0, 0.0]])
    data = Batch(x, np.array([0, 1]))
    for bias in (False, True):
        model = MLP((2, 5, 2), bias=bias)
        algorithm = Minnorm(constraint="crammer_singer")
        if bias:
            algorithm.init(model.init(Rng(0)), data, Objective(model))
        else:
            with pytest.raises(InfeasibleError, match="zero norm") as caught:
                algorithm.init(model.init(Rng(0)), data, Objective(model))
            assert caught.value.examples == [1]


@pytest.mark.parametrize(
    ("constraint", "outputs", "targets", "error", "match"),
    [
        ("one_vs_rest", 3, np.array([0, 3]), ValueError, "label 3 at position 1"),
        ("crammer_singer", 3, np.array([-1, 2]), ValueError, "label -1 at position 0"),
        ("loss", 3, np.array([0, 7]), ValueError, "label 7 at position 1"),
        ("one_vs_rest", 3, np.array([[1.0, 0.5, -1.0]] * 2), ValueError, "-1 or 1"),
        ("margin", 1, np.array([0.0, 1.0]), ValueError, "entry 0 is 0"),
        ("margin", 2, np.array([1.0, 1.0]), ValueError, "one output"),
        ("equality", 1, np.array([1.0, 2.0]), ValueError, r"\(2,\) but outputs \(2, 1\)"),
        ("equality", 3, np.array([1, 5]), ValueError, "label 5"),
        ("one_vs_rest", 3, np.array([0, 1, 2]), ValueError, "3 labels for 2 rows"),
        ("crammer_singer", 3, np.array([[1.0, -1.0, -1.0]] * 2), ValueError, "do not fit"),
    ],
)
def test_targets_that_do_not_fit_are_named(constraint, outputs, targets, error, match):
    model = MLP((2, 4, outputs))
    data = Batch(np.array([[1.0, 2.0], [3.0, 4.0]]), targets)
    with pytest.raises(error, match=match) as caught:
        Minnorm(constraint=constraint).init(model.init(Rng(0)), data, Objective(model))
    assert isinstance(caught.value, TargetError)


def test_a_plain_function_is_no_objective():
    with pytest.raises(TypeError, match="needs an Objective"):
        Minnorm().init(
            [np.ones((2, 2))], Batch(np.eye(2), np.array([0, 1])), lambda params, batch: 0.0
        )


def test_accumulate_needs_a_linear_model():
    model = MLP((2, 3, 2), bias=False)
    data = Batch(np.eye(2), np.array([0, 1]))
    with pytest.raises(ValueError, match="linear models"):
        Minnorm(accumulate=True).init(model.init(Rng(0)), data, Objective(model))


def test_training_stops_when_the_tolerances_are_met():
    rng = Rng(1)
    x = rng.child("x").normal((6, 20)) / np.sqrt(20)
    data = Dataset("six", x, np.array([0, 1, 2, 0, 1, 2]), classes=3)
    model = MLP((20, 3), bias=False)
    algorithm = Minnorm(
        constraint="crammer_singer", learning_rate=0.3, multiplier_rate=0.3,
        damping=0.5, tolerance=1e-4, kkt_tolerance=1e-4, check_every=10,
    )  # fmt: skip
    result = train(
        algorithm, Objective(model), model.init(rng.child("init")), data, epochs=5000, rng=rng,
        progress=False,
    )  # fmt: skip
    assert result.stopped and result.state.step < 5000
    found = diagnose(algorithm, result.state, Objective(model), data.batch())
    assert found.violation < 2e-4 and found.kkt_residual < 2e-4
    assert found.identity == pytest.approx(found.layer_norms[0] ** 2, rel=1e-3)


def test_a_mode_that_turns_for_ever_is_refused():
    """With h = 3 and sigma^2 = 2 simultaneous steps of eta_w = 1 have an eigenvalue of -1."""
    found = shallow_limit(eta=1.0, multiplier_rate=1.0, damping=1.0, order="simultaneous", gain=2.0)
    assert found == ("4 - 2 eta_w h + eta_w eta_lam sigma^2 > 0", 0.0, 0.0)
    step = np.array([[1.0 - 3.0, -1.0], [2.0, 1.0]])
    assert np.min(np.linalg.eigvals(step).real) == pytest.approx(-1.0)


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_a_rate_of_two_is_refused(order):
    """Where nothing pulls, w is multiplied by 1 - eta_w in each step: at 2 it turns for ever."""
    found = shallow_limit(eta=2.0, multiplier_rate=1e-3, damping=0.5, order=order, gain=1.0)
    assert found == ("eta_w < 2", 2.0, 2.0)
