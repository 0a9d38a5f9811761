"""Failures of meta-steps, their states and checkpoints, and what they learn."""

import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from papers.gradient_dropout.twin import (
    NUMPY,
    TASKS,
    given_noise,
    problem,
    twin_network,
)

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import to_host
from refimpl.datasets import Batch, Episode, TaskSet, load
from refimpl.errors import DivergenceError, SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout import inner
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.maml import MAML, Learned, MetaSGD
from refimpl.training import train

# --- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"inner_rate": 0.0}, "inner_rate must be positive"),
        ({"inner_rate": -1.0}, "inner_rate must be positive"),
        ({"inner_steps": -1}, "inner_steps must be at least 0"),
        ({"order": "third"}, "order must be one of"),
        ({"task_reduction": "max"}, "task_reduction must be one of"),
        ({"clip": 0.0}, "clip must be positive"),
        ({"update": MLP((1, 1))}, "update must be a first-order update"),
        ({"wrappers": [SGD()]}, "wrappers inside an inner loop multiply its gradient.*SGD"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        MAML(**settings)


def test_noise_that_does_not_fit_names_the_tensor_and_both_shapes():
    objective, params, episode = problem()
    algorithm = MAML(inner_steps=2)

    def go(noise):
        return algorithm.meta_gradient(params, objective, episode, noise=noise)

    good = given_noise(params, 2)
    bad = [{**layer} for layer in good[1]]
    bad[1]["bias"] = bad[1]["bias"][:, :1]
    with pytest.raises(ValueError, match=r"step 1: tensor 1.bias has shape \(3, 1\).*\(3, 2\)"):
        go([good[0], bad])
    bad[1]["bias"] = good[1][1]["bias"].astype(np.float32)
    with pytest.raises(ValueError, match=r"tensor 1.bias has dtype float32, the gradient float64"):
        go([good[0], bad])
    with pytest.raises(ValueError, match=r"tensors 0\.weight"):
        go([good[0], good[1][:1]])
    with pytest.raises(ValueError, match="noise for 1 inner steps, but there are 2"):
        go(good[:1])


def test_divergence_names_task_and_inner_step():
    objective, params, episode = problem(activation="relu")
    inputs = episode.support.inputs.copy()
    inputs[1] *= 1e80
    broken = episode._replace(support=episode.support._replace(inputs=inputs))
    algorithm = MAML(inner_rate=1.0, inner_steps=3)
    with (
        np.errstate(all="ignore"),
        pytest.raises(DivergenceError, match="left the finite numbers") as caught,
    ):
        algorithm.step(algorithm.init(params), objective, broken)
    assert caught.value.task == 1 and caught.value.inner_step in (1, 2)
    assert not caught.value.gradient_norm < math.inf
    targets = episode.query.targets.copy()
    targets[2] = np.nan
    broken = episode._replace(query=episode.query._replace(targets=targets))
    with pytest.raises(DivergenceError, match="after adaptation") as caught:
        algorithm.step(algorithm.init(params), objective, broken)
    assert (caught.value.task, caught.value.inner_step) == (2, 3)


def test_second_order_of_a_loss_without_a_rule_names_the_operation():
    """No silent fall-back to the first order."""
    opaque = ad.Primitive(lambda x, /: x * x, name="opaque")
    missing = ad.Primitive(lambda g, x, /: 2.0 * g * x, name="slope_of_opaque")
    opaque.derivatives(lambda g, ans, x: missing(g, x))

    class Squares:
        def each(self, params, batch):
            return ad.sum(opaque(params - batch.targets), axis=-1)

    episode = Episode(*[Batch(np.ones((2, 3)), np.ones((2, 3)))] * 2)
    start = np.zeros(3)
    first = MAML(order="first").meta_gradient(start, Squares(), episode)
    assert np.all(np.isfinite(first.gradient))
    with pytest.raises(NotImplementedError, match="slope_of_opaque"):
        MAML().meta_gradient(start, Squares(), episode)


def test_batches_that_are_no_episodes_are_refused():
    objective, params, episode = problem()
    algorithm = MAML()
    with pytest.raises(SettingError, match="episodes with a support and a query"):
        algorithm.step(algorithm.init(params), objective, episode.support)


# --- as every algorithm ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MAML, MetaSGD])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_kind_device_purity_and_agreement_across_backends(xb, kind, activation):
    algorithm = kind(inner_rate=0.1, wrappers=GradientDropout(rate=0.3), base="sgd")
    states = []
    for place in (xb, NUMPY):
        objective, params, episode = problem(place, activation)
        state = algorithm.init(params)
        before = [to_host(leaf).copy() for leaf in ad.flatten((state, episode))[0] if _array(leaf)]
        for step in range(3):
            new, info = algorithm.step(state, objective, episode, Rng(step))
            if step == 0:
                after = [to_host(x) for x in ad.flatten((state, episode))[0] if _array(x)]
                assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
            assert_same_kind(new.params, state.params)
            state = new
        for value in info:
            assert value.shape == () and value.dtype == place.dtype
        states.append(state)
    tolerance = 1e-13 if xb.dtype_name == "float64" else 1e-4
    assert_close(states[0].params, states[1].params, rtol=tolerance, atol=tolerance)
    assert type(states[0].step) is int


def _array(leaf):
    return hasattr(leaf, "shape")


def test_a_killed_run_resumes_to_the_same_bits(tmp_path):
    class KilledError(Exception):
        pass

    objective = Objective(MLP((1, 5, 1)), "mean_squared_error")
    data = load("sinusoids", rng=Rng(0), training=5).train
    algorithm = MetaSGD(wrappers=GradientDropout(schedule="linear", stop=3, steps_per_epoch=2))

    def go(name, die_at=None, resume=False):
        def on_step(step, state, info):
            if step == die_at:
                raise KilledError

        return train(
            algorithm,
            objective,
            objective.model.init(Rng(1), "torch_default"),
            data,
            epochs=3,
            batch_size=2,
            rng=Rng(2),
            evaluate={"train": data},
            metrics=algorithm.metrics(objective),
            checkpoint=tmp_path / name,
            checkpoint_every=2,
            resume=resume,
            on_step=on_step,
        )

    whole = go("whole.npz")
    with pytest.raises(KilledError):
        go("killed.npz", die_at=5)
    resumed = go("killed.npz", resume=True)
    for a, b in zip(ad.flatten(whole.params)[0], ad.flatten(resumed.params)[0], strict=True):
        assert a.tobytes() == b.tobytes()
    assert isinstance(whole.params, Learned) and len(whole.history.steps["loss"]) == 9
    variance = whole.history.steps["noise_variance"]
    assert np.all(variance[:2] == 0.0) and np.all(variance[4:] > 0.0)


def test_metrics_adapt_without_noise_and_average_over_tasks():
    objective, params, episode = problem(activation="relu", loss="softmax_cross_entropy")
    algorithm = MAML(inner_rate=0.3, inner_steps=2, wrappers=GradientDropout(rate=0.5))
    joined = [
        np.concatenate([getattr(part, name) for part in episode[:2]], axis=1)
        for name in ("inputs", "targets")
    ]
    points = np.tile(np.arange(2), (TASKS, 4))
    data = TaskSet("toy", joined[0][:, :8], points, support=4, classes=2)
    divided = data.batch()
    plain = MAML(inner_rate=0.3, inner_steps=2).meta_gradient(params, objective, divided)
    metrics = algorithm.metrics(objective)
    assert metrics["post_loss"](params, data) == pytest.approx(plain.losses.mean(), rel=1e-12)
    before = objective.each(inner.spread(params, TASKS), divided.query)
    assert metrics["pre_loss"](params, data) == pytest.approx(before.mean(), rel=1e-12)
    adapted = plain.trajectory.params[-1]
    shares = []
    for task in range(TASKS):
        layers = [(p["weight"][task], p["bias"][task]) for p in adapted]
        outputs = twin_network(layers, divided.query.inputs[task], "relu")
        shares.append(np.mean(outputs.argmax(axis=1) == divided.query.targets[task]))
    assert metrics["post_accuracy"](params, data) == pytest.approx(np.mean(shares))
    assert "post_accuracy" not in algorithm.metrics(Objective(MLP((2, 2)), "mean_squared_error"))


def test_learned_rates_start_at_the_inner_rate_and_move():
    objective, params, episode = problem()
    algorithm = MetaSGD(inner_rate=0.2, learning_rate=0.05)
    state = algorithm.init(params)
    assert all(np.all(leaf == 0.2) for leaf in ad.flatten(state.params.rates)[0])
    first = MAML(inner_rate=0.2).meta_gradient(params, objective, episode).gradient
    assert_close(algorithm.meta_gradient(state.params, objective, episode).gradient.start, first)
    after, _ = algorithm.step(state, objective, episode)
    assert all(np.all(leaf != 0.2) for leaf in ad.flatten(after.params.rates)[0])
    assert algorithm.network(after.params) is after.params.start
    none = MetaSGD(inner_steps=0).meta_gradient(state.params, objective, episode).gradient
    assert all(np.all(leaf == 0.0) for leaf in ad.flatten(none.rates)[0])
