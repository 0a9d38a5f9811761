"""Early stopping against a search through the whole path of the plain update."""

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.algorithms import solution
from refimpl.algorithms.composition import alone
from refimpl.algorithms.early_stopping import EarlyStopping
from refimpl.algorithms.updates import first_order
from refimpl.errors import DivergenceError

BASES = ["sgd", "momentum", "nesterov", "adam"]
TRAINING = np.asarray([2.0, -1.0])
VALIDATION = np.asarray([0.8, -0.9])
STIFFNESS = np.asarray([1.0, 0.1])


def distance(params, target):
    return 0.5 * ad.sum(STIFFNESS * (params["weight"] - target) ** 2)


def watched_path(base, every, steps):
    """(step, validation loss, parameters) where the loss is watched, with no early stop."""
    update = first_order(base, 0.1, 0.9)
    state = update.init({"weight": np.zeros(2)})
    seen = []
    for step in range(steps + 1):
        if step % every == 0:
            w = state.params["weight"]
            seen.append((step, 0.5 * float(STIFFNESS @ (w - VALIDATION) ** 2), w))
        state, _ = update.step(state, distance, TRAINING)
    return seen


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("base", BASES)
def test_the_lowest_validation_loss_is_kept(base, every):
    algorithm = alone(
        EarlyStopping, learning_rate=0.1, base=base, evaluate_every=every, patience=1000
    )
    state = algorithm.init({"weight": np.zeros(2)}, validation=VALIDATION, objective=distance)
    for _ in range(60):
        state, info = algorithm.step(state, distance, TRAINING)
        assert info.stopped is False
    _, loss, best = min(watched_path(base, every, 60), key=lambda row: row[1])
    assert info.best_loss == pytest.approx(loss, rel=1e-13)
    np.testing.assert_allclose(solution(algorithm, state)["weight"], best, rtol=1e-13)


@pytest.mark.parametrize("patience", [1, 2, 5])
@pytest.mark.parametrize("every", [1, 3])
def test_it_stops_after_that_many_evaluations_without_a_minimum(every, patience):
    algorithm = alone(EarlyStopping, learning_rate=0.1, evaluate_every=every, patience=patience)
    state = algorithm.init({"weight": np.zeros(2)}, validation=VALIDATION, objective=distance)
    while True:
        state, info = algorithm.step(state, distance, TRAINING)
        if info.stopped:
            break
    # SGD passes the validation minimum once, so the minimum of the path marks the last hit.
    best = min(watched_path("sgd", every, 60), key=lambda row: row[1])[0]
    assert best > 0
    assert state.step == best + every * patience


def test_the_starting_point_counts():
    algorithm = alone(EarlyStopping, learning_rate=0.1, evaluate_every=1, patience=2)
    state = algorithm.init({"weight": VALIDATION}, validation=VALIDATION, objective=distance)
    for _ in range(2):
        state, info = algorithm.step(state, distance, TRAINING)
    assert info.stopped is True
    assert np.array_equal(solution(algorithm, state)["weight"], VALIDATION)
    assert info.best_loss == 0.0 < info.validation_loss


def test_small_improvements_may_not_count():
    algorithm = alone(
        EarlyStopping, learning_rate=0.1, evaluate_every=1, patience=3, minimum_change=10.0
    )
    state = algorithm.init({"weight": np.zeros(2)}, validation=VALIDATION, objective=distance)
    for _ in range(3):
        state, info = algorithm.step(state, distance, TRAINING)
    assert info.stopped is True


def test_a_non_finite_validation_loss_is_an_error():
    algorithm = alone(EarlyStopping, learning_rate=0.1, evaluate_every=1)
    broken = np.full(2, np.nan)
    with pytest.raises(DivergenceError) as caught:
        algorithm.init({"weight": np.zeros(2)}, validation=broken, objective=distance)
    assert caught.value.step == 0 and np.isnan(caught.value.loss)
