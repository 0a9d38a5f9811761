"""What diagnose says of a state, number by number, away from the defaults."""

import math

import numpy as np
import pytest

from refimpl.datasets import Batch
from refimpl.errors import InfeasibleError
from refimpl.models import DeepLinear, Objective
from refimpl.papers.minnorm.constraints import make_constraint
from refimpl.papers.minnorm.diagnosis import diagnose, difficulty
from refimpl.papers.minnorm.minnorm import Minnorm


def found(algorithm, weights, inputs, targets, multipliers, loss="logistic"):
    sizes = (inputs.shape[1], *(w.shape[0] for w in weights))
    objective, data = Objective(DeepLinear(sizes), loss), Batch(inputs, targets)
    state = algorithm.init(weights, data, objective)
    state = state._replace(multipliers=np.asarray(multipliers))
    return diagnose(algorithm, state, objective, data), state


def test_margins_by_hand():
    """f = 3 and −5 with margin 2: slacks 1 and 3, both with a multiplier."""
    algorithm = Minnorm(constraint="margin", margin=2.0, multiplier_rate=0.05, refuse=False)
    inputs, targets = np.array([[3.0, 0.0], [-4.0, -0.5]]), np.array([1.0, -1.0])
    weight, alpha = np.array([[1.0, 2.0]]), np.array([0.4, 0.6])
    report, state = found(algorithm, [weight], inputs, targets, alpha)
    assert report.violation == 0.0 and report.near_tie == pytest.approx(1.0)
    assert report.shedding_steps == pytest.approx(max(0.4 / (0.05 * 1.0), 0.6 / (0.05 * 3.0)))
    assert report.identity == pytest.approx(2.0 * (0.4 + 0.6))
    assert report.complementarity == pytest.approx(0.6 * 3.0)
    assert report.multiplier_norm == pytest.approx(math.hypot(0.4, 0.6))
    assert report.layer_norms == pytest.approx([math.sqrt(5.0)])
    assert report.active == 2 and report.memory == 6
    pulled = 0.4 * inputs[0] - 0.6 * inputs[1]
    residual = np.linalg.norm(weight[0] - pulled) / math.sqrt(5.0)
    assert report.kkt_residual == pytest.approx(residual)
    assert difficulty(algorithm, state).tolist() == [0.4, 0.6]


def test_a_broken_margin_has_no_slack():
    algorithm = Minnorm(constraint="margin", margin=2.0, refuse=False)
    inputs, targets = np.array([[1.0], [4.0]]), np.array([1.0, 1.0])
    report, _ = found(algorithm, [np.array([[0.75]])], inputs, targets, [0.5, 0.0])
    assert report.violation == 1.25 and report.active == 1
    assert report.near_tie == math.inf and report.shedding_steps == 0.0
    assert report.complementarity == 0.5 * 1.25


def test_equalities_of_several_outputs():
    """The identity takes the targets y: Σ λ · y."""
    algorithm = Minnorm(constraint="equality", refuse=False)
    inputs, targets = np.array([[1.0], [2.0]]), np.array([[1.0, 0.5], [3.0, -1.0]])
    multipliers = np.array([[3.0, 4.0], [0.0, -2.0]])
    report, state = found(
        algorithm, [np.array([[1.5], [0.0]])], inputs, targets, multipliers, "mean_squared_error"
    )
    assert report.violation == 1.0 and report.complementarity == 0.0
    assert report.identity == pytest.approx(3.0 * 1.0 + 4.0 * 0.5 + (-2.0) * (-1.0))
    assert report.near_tie == math.inf and report.shedding_steps == 0.0
    assert report.active == 3 and report.memory == 12
    assert difficulty(algorithm, state) == pytest.approx([5.0, 2.0])


def test_a_loss_level_has_no_identity():
    algorithm = Minnorm(constraint="loss", loss_level=0.3, refuse=False)
    inputs, targets = np.array([[1.0], [3.0]]), np.array([1.0, 1.0])
    report, _ = found(algorithm, [np.array([[0.5]])], inputs, targets, [0.2, 0.1])
    losses = np.log1p(np.exp(-np.array([0.5, 1.5])))
    assert math.isnan(report.identity)
    assert report.violation == pytest.approx(losses[0] - 0.3)
    assert report.near_tie == pytest.approx(0.3 - losses[1])
    assert report.complementarity == pytest.approx(np.max([0.2, 0.1] * np.abs(losses - 0.3)))


@pytest.mark.parametrize(("eta_w", "eta_lam"), [(0.4, 0.02), (0.02, 0.4)])
def test_patience_counts_time_constants_of_the_slower_process(eta_w, eta_lam):
    """One input with two targets: the multipliers grow for ever, and looks are at doublings."""
    objective = Objective(DeepLinear((1, 1)), "mean_squared_error")
    data = Batch(np.array([[1.0], [1.0]]), np.array([[1.0], [3.0]]))
    algorithm = Minnorm(
        constraint="equality", learning_rate=eta_w, multiplier_rate=eta_lam, damping=0.5,
        check_every=10, patience=20.0, refuse=False,
    )  # fmt: skip

    def go():
        state = algorithm.init([np.array([[0.5]])], data, objective)
        for _ in range(2000):
            state, _ = algorithm.step(state, objective, data)

    with pytest.raises(InfeasibleError) as caught:
        go()
    assert caught.value.step == 1280  # the first of 10, 20, 40, ... beyond 20 / 0.02


@pytest.mark.parametrize(("name", "loss"), [("loss", None), ("hinge", abs)])
def test_a_constraint_needs_its_name_and_its_loss(name, loss):
    with pytest.raises(ValueError, match="constraint must be one of"):
        make_constraint(name, loss=loss)
