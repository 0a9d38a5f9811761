"""Meta-steps against the autograd library, their settings, failures, states and checkpoints."""

import math

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import to_host
from refimpl.datasets import Batch, Episode, TaskSet, load
from refimpl.errors import DivergenceError, SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout import inner
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.maml import MAML, Learned, MetaSGD
from refimpl.training import train

TASKS = 3
NUMPY = backend()


def problem(xb=NUMPY, activation="tanh", loss="mean_squared_error"):
    """A small network, its parameters and an episode of three tasks."""
    objective = Objective(MLP((2, 4, 2), activation=activation), loss)
    rng = Rng(0)
    params = objective.model.init(rng.child("init"), bias_scale=1.0, backend=xb)
    parts = []
    for name, points in (("support", 4), ("query", 5)):
        inputs = xb.asarray(rng.child(name).normal((TASKS, points, 2)))
        if loss == "mean_squared_error":
            targets = rng.child(name, "y").normal((TASKS, points, 2))
        else:
            targets = rng.child(name, "y").integers(0, 2, (TASKS, points))
        parts.append(Batch(inputs, xb.asarray(targets)))
    return objective, params, Episode(*parts)


def given_noise(params, steps, xb=NUMPY):
    """Noise with negative and zero entries for every step, task and scalar."""
    draw = Rng(5)
    return [
        ad.map_tree(
            lambda p, k=k: xb.asarray(
                np.round(1.0 + draw.child(k, str(p.shape)).normal((TASKS, *p.shape)), 1)
            ),
            params,
        )
        for k in range(steps)
    ]


# --- an independent twin: autograd's own double backward ---------------------------------------


def twin_network(layers, inputs, activation):
    signal = inputs
    for index, (weight, bias) in enumerate(layers):
        signal = anp.dot(signal, weight.T) + bias
        if index < len(layers) - 1:
            signal = anp.tanh(signal) if activation == "tanh" else anp.maximum(signal, 0.0)
    return signal


def twin_loss(layers, inputs, targets, activation, loss):
    outputs = twin_network(layers, inputs, activation)
    if loss == "mean_squared_error":
        return 0.5 * anp.sum((outputs - targets) ** 2) / len(targets)
    picked = outputs[np.arange(len(targets)), targets]
    return anp.sum(anp.log(anp.sum(anp.exp(outputs), axis=1)) - picked) / len(targets)


def twin_meta_loss(episode, noise, steps, activation, loss, order):
    """(start, rates) → Σ over tasks of L_Q(θ_K); rates are pairs like the layers."""

    def evaluate(start, rates):
        total = 0.0
        for task in range(TASKS):
            support, query = (
                (to_host(part.inputs)[task], to_host(part.targets)[task]) for part in episode[:2]
            )
            point = start
            for k in range(steps):
                slope = autograd.grad(twin_loss)(point, *support, activation, loss)
                moved = []
                for layer in range(len(point)):
                    pair = []
                    for i, name in enumerate(("weight", "bias")):
                        g = slope[layer][i]
                        if order == "first":
                            g = g if isinstance(g, np.ndarray) else g._value
                            g = g if isinstance(g, np.ndarray) else g._value
                        n = noise[k][layer][name][task]
                        pair.append(point[layer][i] - rates[layer][i] * n * g)
                    moved.append(tuple(pair))
                point = moved
            total = total + twin_loss(point, *query, activation, loss)
        return total

    return evaluate


def pairs(params):
    return [(to_host(p["weight"]), to_host(p["bias"])) for p in params]


CASES = [
    (kind, activation, loss, order)
    for kind in (MAML, MetaSGD)
    for activation, loss in (
        ("tanh", "mean_squared_error"),
        ("tanh", "softmax_cross_entropy"),
        ("relu", "softmax_cross_entropy"),
        ("relu", "mean_squared_error"),
    )
    for order in ("second", "first")
]


@pytest.mark.parametrize(("kind", "activation", "loss", "order"), CASES)
def test_meta_gradient_against_autograd(kind, activation, loss, order):
    objective, params, episode = problem(activation=activation, loss=loss)
    noise = given_noise(params, 3)
    algorithm = kind(inner_rate=0.3, inner_steps=3, order=order)
    at = algorithm.init(params).params
    found = algorithm.meta_gradient(at, objective, episode, noise=noise)
    rates = [(0.3 * np.ones_like(w), 0.3 * np.ones_like(b)) for w, b in pairs(params)]
    evaluate = twin_meta_loss(episode, noise, 3, activation, loss, order)
    assert float(found.losses.sum()) == pytest.approx(evaluate(pairs(params), rates), rel=1e-12)
    wanted = autograd.grad(evaluate, 0)(pairs(params), rates)
    gradient = found.gradient.start if kind is MetaSGD else found.gradient
    for layer, (weight, bias) in zip(gradient, wanted, strict=True):
        np.testing.assert_allclose(layer["weight"], weight, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(layer["bias"], bias, rtol=1e-11, atol=1e-13)
    if kind is MetaSGD:
        wanted = autograd.grad(evaluate, 1)(pairs(params), rates)
        for layer, (weight, bias) in zip(found.gradient.rates, wanted, strict=True):
            np.testing.assert_allclose(layer["weight"], weight, rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(layer["bias"], bias, rtol=1e-11, atol=1e-13)


# --- one step ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("reduction", "clip"), [("sum", None), ("mean", None), ("sum", 0.2)])
def test_a_step_moves_by_the_reduced_and_clipped_gradient(reduction, clip):
    objective, params, episode = problem()
    algorithm = MAML(
        task_reduction=reduction, clip=clip, base="sgd", learning_rate=0.5, inner_steps=2
    )
    noise = GradientDropout(rate=0.5)
    algorithm = algorithm.wrapped(noise)
    state, info = algorithm.step(algorithm.init(params), objective, episode, Rng(1))
    total = MAML(inner_steps=2, wrappers=noise).meta_gradient(
        params, objective, episode, rng=Rng(1)
    )
    share = 1.0 if reduction == "sum" else 1.0 / TASKS
    gradient = ad.map_tree(lambda g: share * g, total.gradient)
    norm = math.sqrt(sum(float((g**2).sum()) for g in ad.flatten(gradient)[0]))
    factor = 1.0 if clip is None else min(1.0, clip / norm)
    assert clip is None or factor < 0.5
    expected = ad.map_tree(lambda p, g: p - 0.5 * factor * g, params, gradient)
    assert_close(state.params, expected)
    assert float(info.gradient_norm) == pytest.approx(norm)
    assert float(info.loss) == pytest.approx(share * float(total.losses.sum()))
    assert float(info.support_loss) == pytest.approx(
        float(objective.each(inner.spread(params, TASKS), episode.support).mean())
    )
    drawn = [n for k in total.trajectory.noise for n in ad.flatten(k)[0]]
    entries = np.concatenate([np.ravel(n) for n in drawn])
    assert float(info.noise_variance) == pytest.approx(((entries - 1.0) ** 2).mean())


def test_the_update_is_that_which_is_given():
    objective, params, episode = problem()
    named = MAML(base="momentum", learning_rate=0.1, momentum=0.5)
    assert named.outer.momentum == 0.5 and named.outer.learning_rate == 0.1
    algorithm = MAML(update=Adam(learning_rate=0.1, beta2=0.5))
    state, _ = algorithm.step(algorithm.init(params), objective, episode)
    moved = ad.map_tree(lambda a, b: np.abs(a - b), state.params, params)
    assert all(np.allclose(leaf, 0.1, rtol=1e-4) for leaf in ad.flatten(moved)[0])
    assert MAML(update=SGD()).outer == SGD()


def test_no_inner_step_is_the_gradient_of_the_query_loss():
    objective, params, episode = problem()
    algorithm = MAML(inner_steps=0, wrappers=GradientDropout(rate=0.5))
    found = algorithm.meta_gradient(params, objective, episode).gradient
    plain = ad.grad(lambda p: ad.sum(objective.each(inner.spread(p, TASKS), episode.query)))(params)
    assert_close(found, plain)
    _, info = algorithm.step(algorithm.init(params), objective, episode)
    assert float(info.support_loss) == float(info.noise_variance) == 0.0


@pytest.mark.parametrize("noise", ["bernoulli", "gaussian"])
def test_rate_zero_is_maml_bit_for_bit(noise):
    objective, params, episode = problem(activation="relu")
    results = []
    for wrappers in ((), GradientDropout(rate=0.0, noise=noise)):
        algorithm = MAML(wrappers=wrappers)
        state = algorithm.init(params)
        for _ in range(5):
            state, _ = algorithm.step(state, objective, episode)  # no stream: nothing is drawn
        results.append(ad.ravel(state.params)[0])
    assert results[0].tobytes() == results[1].tobytes()


def test_all_entries_dropped_leaves_the_parameters():
    objective, params, episode = problem()
    nothing = ad.map_tree(lambda p: np.zeros((TASKS, *p.shape)), params)
    found = MAML(inner_steps=2).meta_gradient(params, objective, episode, noise=[nothing, nothing])
    assert_close(found.trajectory.params[-1], inner.spread(params, TASKS), rtol=0.0, atol=0.0)


def test_tasks_one_by_one_are_the_stack():
    """A plain function of one task gives what the batched objective gives."""
    objective, params, episode = problem()
    noise = given_noise(params, 2)
    algorithm = MAML(inner_rate=0.3, inner_steps=2)
    together = algorithm.meta_gradient(params, objective, episode, noise=noise)
    alone = algorithm.meta_gradient(
        params, lambda p, batch: objective(p, batch), episode, noise=noise
    )
    assert_close(alone.gradient, together.gradient)
    assert_close(alone.losses, together.losses)


def test_two_wrappers_multiply():
    objective, params, episode = problem()
    parts = (GradientDropout(rate=0.5), GradientDropout(rate=0.3, noise="gaussian"))
    both = MAML(inner_steps=1, wrappers=parts[:1]).wrapped(parts[1])
    assert both.wrappers == parts
    used = both.meta_gradient(params, objective, episode, rng=Rng(3)).trajectory.noise[0]
    stacked = inner.spread(params, TASKS)
    one, two = (
        part.multipliers(stacked, 0, Rng(3).child("inner", number, 0))
        for number, part in enumerate(parts)
    )
    assert_close(used, ad.map_tree(lambda a, b: a * b, one, two))


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
