"""The ISDA objective: against a scalar-loop twin, in every setting, and in every composition."""

import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from papers.isda import twin

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.langevin import Langevin
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import backend
from refimpl.datasets import Batch, Dataset
from refimpl.errors import DivergenceError, SettingError, TargetError
from refimpl.models import MLP
from refimpl.papers.isda.isda import ISDA
from refimpl.papers.isda.sampled import SampledISDA, covariance_root
from refimpl.papers.isda.semi_supervised import SemiSupervisedISDA
from refimpl.testing import assert_gradient
from refimpl.training import train

CLASSES, WIDTH = 4, 3


def identity(params, inputs):
    return inputs


class Linear:
    """A head alone, its features the inputs."""

    def __call__(self, params, inputs):
        return ad.linear(inputs, params["head"]["weight"], params["head"]["bias"])


def start(place=None):
    place = place or backend("numpy")
    rng = Rng(1)
    return {
        "head": {
            "weight": place.asarray(rng.normal((CLASSES, WIDTH))),
            "bias": place.asarray(rng.normal((CLASSES,))),
        }
    }


def batch(index, size=7, place=None):
    place = place or backend("numpy")
    rng = Rng(2).child(index)
    labels = rng.integers(0, CLASSES, size).astype(np.int64)
    return Batch(
        place.asarray(rng.normal((size, WIDTH))), place.asarray(labels), np.arange(size) + index
    )


def objective_of(loss):
    return loss.objective(Linear(), head=("head",), features=identity)


def expected_covariance(kind, history, loss):
    labels = [(a, 0 * y) for a, y in history]
    if kind == "identity":
        return np.repeat(loss.scale * np.eye(WIDTH)[None], CLASSES, axis=0)
    if kind == "given":
        return loss.given
    if kind == "shared":
        return np.repeat(twin.covariances(labels, 1), CLASSES, axis=0)
    full = twin.covariances(history, CLASSES)
    if kind == "diagonal":
        return np.array([np.diag(np.diag(matrix)) for matrix in full])
    return full


GIVEN = np.array([np.diag(row) for row in Rng(3).uniform((CLASSES, WIDTH), 0.1, 2.0)])


@pytest.mark.parametrize("update", ["before", "after"])
@pytest.mark.parametrize("kind", ["full", "diagonal", "shared", "identity", "given"])
def test_three_steps_of_the_twin(kind, update):
    """Value, gradient step and statistics, each step from the twin's own parameters."""
    loss = ISDA(
        strength=1.7,
        schedule="iteration",
        epochs=2,
        steps_per_epoch=2,
        covariance=kind,
        scale=0.3,
        given=GIVEN if kind == "given" else None,
        update=update,
    )
    objective, params = objective_of(loss), start()
    algorithm = Composition(SGD(learning_rate=0.2))
    state = algorithm.init(params, objective=objective)
    weight, bias = params["head"]["weight"], params["head"]["bias"]
    history = []
    for step in range(3):
        given = batch(step)
        before = list(history)
        history.append((given.inputs, given.targets))
        used = history if update == "before" else before
        sigma = np.zeros((CLASSES, WIDTH, WIDTH))
        if used or kind in ("identity", "given"):
            sigma = expected_covariance(kind, used, loss)
        lam = 1.7 * step / 4

        def value(w, b, given=given, sigma=sigma, lam=lam):
            return twin.loss(given.inputs, given.targets, w, b, sigma, lam)

        state, info = algorithm.step(state, objective, given)
        assert float(info.loss) == pytest.approx(value(weight, bias), rel=1e-12)
        assert info.isda_strength == pytest.approx(lam)
        slopes = (
            twin.gradient(lambda w, b=bias: value(w, b), weight),
            twin.gradient(lambda b, w=weight: value(w, b), bias),
        )
        weight, bias = weight - 0.2 * slopes[0], bias - 0.2 * slopes[1]
        np.testing.assert_allclose(state.params["head"]["weight"], weight, atol=1e-8)
        np.testing.assert_allclose(state.params["head"]["bias"], bias, atol=1e-8)
        weight, bias = state.params["head"]["weight"], state.params["head"]["bias"]


def test_no_gradient_flows_into_the_statistics():
    """The gradient in the inputs is that of a fixed covariance."""
    loss = ISDA(strength=2.0, schedule="constant")
    objective, params, given = objective_of(loss), start(), batch(0)
    sigma = twin.covariances([(given.inputs, given.targets)], CLASSES)

    def taped(inputs):
        return objective.value(params, given._replace(inputs=inputs), objective.init(params))[0]

    def frozen(inputs):
        weight, bias = params["head"]["weight"], params["head"]["bias"]
        return twin.loss(inputs, given.targets, weight, bias, sigma, 2.0)

    assert_gradient(frozen, given.inputs, ad.grad(taped)(given.inputs), directions=20)


def test_schedules():
    loss = ISDA(strength=0.8, epochs=4, steps_per_epoch=3)
    expected = [0.8 * (step // 3) / 4 for step in range(12)]
    assert [loss.strength_at(step) for step in range(12)] == pytest.approx(expected, abs=1e-15)
    assert loss.strength_at(0) == loss.strength_at(2) == 0.0
    assert loss.strength_at(11) == pytest.approx(0.8 * (1 - 1 / 4), abs=1e-15)
    assert loss.strength_at(1000) == 0.8
    by_step = ISDA(strength=0.8, epochs=4, steps_per_epoch=3, schedule="iteration")
    assert by_step.strength_at(5) == pytest.approx(0.8 * 5 / 12, abs=1e-15)
    assert ISDA(strength=0.8, schedule="constant").strength_at(0) == 0.8


def test_without_strength_it_is_cross_entropy_and_still_counts():
    objective, params, given = objective_of(ISDA(strength=0.0)), start(), batch(0)
    value, state = objective.value(params, given, objective.init(params))
    assert value == objective(params, given)
    expected = twin.covariances([(given.inputs, given.targets)], CLASSES)
    np.testing.assert_allclose(state.statistics.covariance, expected, atol=1e-14)


@pytest.mark.parametrize("kind", ["full", "diagonal", "shared", "identity"])
def test_kinds_of_arrays(kind, xb):
    precision = "float64" if xb.dtype_name == "float64" else "parameters"
    if xb.name == "numpy" and xb.dtype_name == "float32":
        precision = "float64"
    loss = ISDA(strength=1.0, schedule="constant", covariance=kind, precision=precision)
    objective, params = objective_of(loss), start(xb)
    algorithm = Composition(Momentum(learning_rate=0.1))
    state = algorithm.init(params, objective=objective)
    double = Composition(Momentum(learning_rate=0.1))
    exact = double.init(start(), objective=objective)
    for index in range(3):
        state, info = algorithm.step(state, objective, batch(index, place=xb))
        exact, _ = double.step(exact, objective, batch(index))
    assert_same_kind(state.params, like=params)
    assert_same_kind(info.loss, like=xb.zeros(()))
    assert_close(state.params, exact.params, factor=1000)
    if kind != "identity":
        dtype = xb.dtype if precision == "parameters" else xb.xp.float64
        assert state.memory.objective.statistics.covariance.dtype == dtype


def test_classes_without_a_covariance_are_counted_and_get_cross_entropy():
    objective, params = objective_of(ISDA(strength=3.0, schedule="constant")), start()
    inputs = Rng(5).normal((4, WIDTH))
    given = Batch(inputs, np.array([0, 0, 1, 3]), np.arange(4))
    algorithm = Composition(SGD(learning_rate=0.1))
    state, info = algorithm.step(algorithm.init(params, objective=objective), objective, given)
    assert float(info.isda_plain_classes) == 3.0  # 1 and 3 seen once, 2 never
    alone = Batch(inputs[2:], given.targets[2:], None)
    value, _ = objective.value(params, alone, objective.init(params))
    assert value == objective(params, alone)
    assert float(state.memory.objective.statistics.count[0]) == 2.0


def test_sampled_features_are_those_of_the_seed():
    loss = SampledISDA(strength=0.6, schedule="constant", draws=3, seed=9)
    objective, params, given = objective_of(loss), start(), batch(0)
    state = objective.init(params)._replace(step=2)
    value, after = objective.value(params, given, state)
    sigma = twin.covariances([(given.inputs, given.targets)], CLASSES)
    root = covariance_root(after.statistics.covariance)
    draws = Rng(9).child("augmentation", 2).normal((3, 7, WIDTH))
    total = 0.0
    for m in range(3):
        for i, y in enumerate(given.targets):
            np.testing.assert_allclose(root[y] @ root[y].T, sigma[y], atol=1e-13)
            a = given.inputs[i] + math.sqrt(0.6) * root[y] @ draws[m, i]
            logits = list(params["head"]["weight"] @ a + params["head"]["bias"])
            total += twin.cross_entropy(logits, y)
    assert float(value) == pytest.approx(total / 21, rel=1e-12)
    with pytest.raises(ValueError, match="draws must be at least 1"):
        SampledISDA(draws=0)


def test_semi_supervised_twin():
    loss = SemiSupervisedISDA(strength=0.6, schedule="constant", weight=0.4, period=3)
    objective, params, given = objective_of(loss), start(), batch(0)
    known = given.indices % 3 == 0
    weight, bias = params["head"]["weight"], params["head"]["bias"]
    value, state = objective.value(params, given, objective.init(params))
    sigma = twin.covariances([(given.inputs[known], given.targets[known])], CLASSES)
    np.testing.assert_allclose(state.statistics.covariance, sigma, atol=1e-14)
    supervised = twin.loss(given.inputs[known], given.targets[known], weight, bias, sigma, 0.6)
    consistency = twin.consistency(given.inputs[~known], weight, bias, sigma, 0.6)
    assert float(value) == pytest.approx(supervised + 0.4 * consistency, rel=1e-12)
    other = given._replace(targets=np.where(known, given.targets, 3 - given.targets))
    assert objective.value(params, other, objective.init(params))[0] == value
    with pytest.raises(SettingError, match="no indices"):
        objective.value(params, given._replace(indices=None), objective.init(params))
    all_known = SemiSupervisedISDA(strength=0.6, schedule="constant", period=1)
    plain = objective_of(ISDA(strength=0.6, schedule="constant"))
    same = objective_of(all_known).value(params, given, objective.init(params))[0]
    assert float(same) == pytest.approx(
        float(plain.value(params, given, plain.init(params))[0]), rel=1e-14
    )


@pytest.mark.parametrize("shared", ["full", "shared"])
def test_semi_supervised_on_every_kind_of_array(shared, xb):
    precision = "parameters" if xb.dtype_name == "float32" else "float64"
    loss = SemiSupervisedISDA(
        strength=1.0, schedule="constant", covariance=shared, precision=precision, period=2
    )
    objective, params, given = objective_of(loss), start(xb), batch(0, place=xb)
    value, _ = objective.value(params, given, objective.init(params))
    exact, _ = objective.value(start(), batch(0), objective.init(start()))
    assert_close(value, exact, factor=300)


DATA = Dataset("drawn", Rng(6).normal((60, 5)), Rng(7).integers(0, 3, 60), classes=3)


@pytest.mark.parametrize("update", [SGD(), Momentum(nesterov=True), Adam()], ids=repr)
def test_composes_and_resumes_to_the_same_bits(update, tmp_path):
    model = MLP((5, 6, 3))
    objective = ISDA(strength=0.5, epochs=4, steps_per_epoch=6).objective(model, head=(-1,))
    algorithm = Composition(update, penalties=[L2(strength=1e-3)])

    def go(epochs, **options):
        return train(
            algorithm, objective, model.init(Rng(8)), DATA, epochs=epochs, batch_size=10,
            rng=Rng(9), progress=False, **options,
        )  # fmt: skip

    whole = go(4)
    path = tmp_path / "checkpoint.npz"
    go(2, checkpoint=path)
    resumed = go(4, checkpoint=path, resume=True)
    leaves = zip(ad.flatten(whole.state)[0], ad.flatten(resumed.state)[0], strict=True)
    for a, b in leaves:
        np.testing.assert_array_equal(a, b)
    assert whole.state.memory.objective.step == 24
    assert float(whole.state.memory.objective.statistics.count.sum()) == 240.0
    assert whole.history.steps["isda_strength"][-1] == pytest.approx(0.375)
    assert np.all(whole.history.steps["isda_plain_classes"] == 0.0)


def test_samplers_refuse_the_memory():
    model = MLP((5, 6, 3))
    objective = ISDA().objective(model, head=(-1,))
    with pytest.raises(SettingError, match="memory"):
        Composition(Langevin()).init(model.init(Rng(0)), objective=objective)


def test_settings_that_make_no_sense():
    for wrong, message in (
        ({"strength": -0.1}, "strength must be non-negative"),
        ({"schedule": "linear"}, "schedule must be one of epoch, iteration, constant"),
        ({"covariance": "low-rank"}, "covariance must be one of full, diagonal"),
        ({"update": "never"}, "update must be one of before, after"),
        ({"precision": "float16"}, "precision must be one of"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"steps_per_epoch": 0}, "steps_per_epoch must be at least 1"),
        ({"scale": 0.0}, "scale must be positive"),
        ({"covariance": "given"}, "an array given"),
        ({"given": GIVEN}, "an array given"),
        ({"covariance": "given", "given": -GIVEN}, "has the eigenvalue -"),
    ):
        with pytest.raises(ValueError, match=message):
            ISDA(**wrong)
    with pytest.raises(TypeError, match="checks"):
        ISDA(checks=1)
    with pytest.raises(ValueError, match="weight must be non-negative"):
        SemiSupervisedISDA(weight=-1.0)
    with pytest.raises(ValueError, match="period must be at least 1"):
        SemiSupervisedISDA(period=0)


def test_heads_that_are_none():
    params = start()
    for head, message in (
        (("tail",), r"nothing at \('tail',\)"),
        (("head", "weight"), r"no single linear layer.*an array of shape \(4, 3\)"),
        ((), r"no single linear layer.*'head'"),
    ):
        objective = ISDA().objective(Linear(), head=head, features=identity)
        with pytest.raises(SettingError, match=message):
            objective.init(params)
    thin = {"head": {"weight": np.ones((1, 3)), "bias": np.zeros(1)}}
    with pytest.raises(SettingError, match="at least two classes, not 1"):
        objective_of(ISDA()).init(thin)
    odd = {"head": {"weight": np.ones((4, 3)), "bias": np.zeros(3)}}
    with pytest.raises(SettingError, match=r"bias of shape \(3,\)"):
        objective_of(ISDA()).init(odd)
    model = MLP((5, 6, 3))
    layers = model.init(Rng(0))
    hidden = ISDA().objective(model, head=(0,))
    with pytest.raises(SettingError, match=r"weight of shape \(6, 5\).*shape \(60, 6\)"):
        hidden.value(layers, DATA.batch(), hidden.init(layers))
    unknown = ISDA().objective(Linear(), head=("head",))
    with pytest.raises(SettingError, match="Linear does not say"):
        unknown.value(params, batch(0), unknown.init(params))


def test_labels_outside_the_classes():
    objective, params, given = objective_of(ISDA()), start(), batch(0)
    for wrong in (CLASSES, -1):
        targets = given.targets.copy()
        targets[2] = wrong
        with pytest.raises(TargetError, match=f"label {wrong} at position 2"):
            objective.value(params, given._replace(targets=targets), objective.init(params))
    with pytest.raises(TargetError, match="integers"):
        objective.value(params, given._replace(targets=given.targets * 1.0), objective.init(params))


def test_divergence_says_where():
    params, given = start(), batch(0)
    params["head"]["weight"] = 1e200 * params["head"]["weight"]
    loss = ISDA(strength=2.0, schedule="constant")
    objective = objective_of(loss)
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(DivergenceError, match="normalize the features") as caught,
    ):
        objective.value(params, given, objective.init(params))
    error = caught.value
    assert error.strength == 2.0
    assert error.weight_norm == pytest.approx(1e200 * np.linalg.norm(start()["head"]["weight"]))
    assert error.feature_scale == pytest.approx(np.sqrt(np.mean(given.inputs**2)))
    assert not np.isfinite(error.largest_term)
    with np.errstate(over="ignore", invalid="ignore"):
        unchecked = objective_of(ISDA(strength=2.0, schedule="constant", checks=False))
        assert not np.isfinite(unchecked.value(params, given, unchecked.init(params))[0])


def test_evaluation_is_plain():
    model = MLP((5, 6, 3))
    objective, params = ISDA(strength=9.0).objective(model, head=(-1,)), model.init(Rng(1))
    given = DATA.batch()
    logits = model(params, given.inputs)
    np.testing.assert_array_equal(objective.outputs(params, given), logits)
    expected = np.mean(
        [twin.cross_entropy(list(z), y) for z, y in zip(logits, given.targets, strict=True)]
    )
    assert float(objective(params, given)) == pytest.approx(expected, rel=1e-12)
