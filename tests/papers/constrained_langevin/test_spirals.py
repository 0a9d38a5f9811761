"""The spiral panels: draws side by side are draws alone, and the choice is fair and blind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl.datasets import load
from refimpl.models import MLP
from refimpl.papers.constrained_langevin.claims.released import spiral_panels
from refimpl.papers.constrained_langevin.experiments import spirals

SMALL = replace(spirals.Config.quick(), width=6, epochs=3, evaluations=3, test=40, grid=4)


def _alone(draw: int, config: spirals.Config, step_size: float) -> np.ndarray:
    """Test losses of one network, by SGD with the gradient written out."""
    common = Rng(5).child("constrained_spirals", "fresh")
    stream = common.child("draw", draw)
    first, second = MLP((2, config.width, 1)).init(
        stream.child("init"), "torch_default", bias_scale=1.0
    )
    w, b = np.array(first["weight"]), np.array(first["bias"])
    a, c = np.array(second["weight"])[0], np.array(second["bias"])
    data = load("spirals", rng=stream.child("data"), test=config.test)
    order = common.child("order")

    def loss() -> float:
        outputs = np.maximum(data.test.inputs @ w.T + b, 0.0) @ a + c
        return float(np.mean(np.logaddexp(0.0, -(2.0 * data.test.targets - 1.0) * outputs)))

    losses = [loss()]
    for _ in range(config.epochs):
        for chosen in order.permutation(100).reshape(-1, config.batch_size):
            x, y = data.train.inputs[chosen], 2.0 * data.train.targets[chosen] - 1.0
            hidden = np.maximum(x @ w.T + b, 0.0)
            slope = -y / (1.0 + np.exp(y * (hidden @ a + c))) / len(chosen)
            back = slope[:, None] * a * (hidden > 0.0)
            w, b = w - step_size * back.T @ x, b - step_size * back.sum(axis=0)
            a, c = a - step_size * slope @ hidden, c - step_size * slope.sum()
        losses.append(loss())
    return np.asarray(losses)


def test_draws_side_by_side_take_the_steps_of_each_alone():
    config = replace(SMALL, sgd_step_sizes=(0.3,))
    result = spirals.run_task(config, backend(), Rng(5).child("any"), method="SGD")
    expected = np.stack([_alone(draw, config, 0.3) for draw in range(config.draws)])
    np.testing.assert_allclose(result["test_loss"], expected, rtol=1e-11)


@pytest.mark.parametrize("config", [spirals.Config.quick(), spirals.Config.full()])
def test_every_method_has_the_same_number_of_settings(config):
    counts = {len(spirals.settings(config, method)[1]) for method in spirals.METHODS}
    assert len(counts) == 1


def test_the_choice_does_not_see_test_points():
    def of(test: int) -> dict:
        config = replace(SMALL, test=test)
        return spirals.run_task(config, backend(), Rng(2), method="C-SGLD")

    few, many = of(10), of(400)
    assert few["setting"] == many["setting"]
    np.testing.assert_array_equal(few["grid_validation"], many["grid_validation"])
    np.testing.assert_array_equal(few["train_loss"], many["train_loss"])


def test_weights_stay_inside_their_circles():
    config = replace(SMALL, radii=((1.0, 0.5), (1.0, 0.5)), constrained_temperature=0.5)
    result = spirals.run_task(config, backend(), Rng(2), method="C-SGLD")
    assert np.all(result["largest_weights"] <= np.asarray([1.0, 0.5]))
    assert np.all(result["largest_weights"] > np.asarray([0.9, 0.4]))


@pytest.mark.parametrize(
    ("gain", "loss", "verdict"),
    [
        (0.02, -0.1, "holds"),
        (0.02, 0.1, "fails"),
        (0.004, -0.1, "not shown"),
        (-0.02, -0.1, "fails"),
    ],
)
def test_the_claim_asks_for_paired_intervals_of_accuracy_and_of_loss(gain, loss, verdict):
    # Differences of gain ± 0.01 over ten draws: an interval of gain ± 0.0108.
    accuracy = np.full((5, 10, 2), 0.8)
    accuracy[4, :, -1] += gain + 0.01 * np.tile([1.0, -1.0], 5)
    losses = np.full((5, 10, 2), 0.5)
    losses[4, :, -1] += loss
    measured = {"test_accuracy": accuracy, "test_loss": losses}
    assert spiral_panels(measured).verdict == verdict
