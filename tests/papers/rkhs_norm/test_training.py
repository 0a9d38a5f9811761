"""Training on attacked batches, both sides of the norm, divergence, the negative controls."""

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl.algorithms.composition import Composition
from refimpl.datasets import Batch, Dataset
from refimpl.errors import DivergenceError
from refimpl.models import MLP, Objective
from refimpl.models.input_gradients import output_gradients
from refimpl.papers.rkhs_norm import conformance, released
from refimpl.papers.rkhs_norm.bounds import class_bounds, largest_slopes, spectral_norms
from refimpl.papers.rkhs_norm.experiments import mnist, paths
from refimpl.papers.rkhs_norm.experiments.recipe import (
    METHODS,
    Recipe,
    method,
    robust_accuracy,
    sandwich,
    train_network,
)
from refimpl.papers.rkhs_norm.normalized import NormalizedMLP

WIDTHS = (3, 5, 2)


def problem(seed=0, examples=8):
    model = MLP(WIDTHS)
    params = model.init(Rng(seed), bias_scale=1.0)
    rng = Rng(seed).child("data")
    return Objective(model), params, Batch(rng.normal((examples, 3)), rng.integers(0, 2, (8,)))


# --- the two sides of the norm --------------------------------------------------------------------


def test_bounds_are_norms_by_numpy():
    model = NormalizedMLP((4, 6, 5, 3), scale=0.5)
    params = model.init(Rng(0), bias_scale=1.0)
    weights = [layer["weight"] for layer in params]
    np.testing.assert_allclose(spectral_norms(params), [np.linalg.norm(w, 2) for w in weights])
    rows = np.linalg.norm(weights[2], axis=1)
    product = np.linalg.norm(weights[0], 2) * np.linalg.norm(weights[1], 2)
    np.testing.assert_allclose(class_bounds(model, params), rows * product / 0.5)
    inputs = Rng(1).normal((30, 4))
    slopes = np.linalg.norm(output_gradients(model, params, inputs), axis=2).max(axis=0)
    for derivatives in ("auto", "tape"):
        np.testing.assert_allclose(largest_slopes(model, params, inputs, derivatives), slopes)
    ratio = sandwich(model, params, inputs)
    np.testing.assert_allclose(ratio, slopes / (rows * product / 0.5))
    assert np.all(ratio <= 1.0)
    assert np.all(class_bounds(MLP((4, 6, 5, 3)), params) == class_bounds(model, params) * 0.5)


# --- the recipe -----------------------------------------------------------------------------------


def test_divergence_is_an_error_with_its_numbers():
    """A strong loss-gradient penalty at a large rate on inputs of size 10: it blows up."""
    rng = np.random.default_rng(0)
    data = Dataset("rows", 10.0 * rng.normal(size=(60, 3)), rng.integers(0, 2, 60), 2)
    recipe = Recipe(rate=0.5, epochs=30, batch_size=20)
    model = MLP(WIDTHS)
    with pytest.raises(DivergenceError, match="lower the strength") as caught:
        train_network(
            method("loss gradient", 30.0, recipe),
            Objective(model),
            model.init(Rng(0)),
            data,
            recipe,
            Rng(1),
            30.0,
        )
    assert caught.value.strength == 30.0 and caught.value.learning_rate == 0.5
    assert len(caught.value.norms.split(", ")) == 2


def test_robust_accuracy_counts_examples_that_no_attack_turns():
    """A linear model on the line: points at distance more than the radius from 1/2 stay right."""
    model = MLP((1, 2), bias=True)
    params = [{"weight": np.array([[-1.0], [1.0]]), "bias": np.array([0.5, -0.5])}]
    inputs = np.array([[0.1], [0.3], [0.45], [0.55], [0.7], [0.9]])
    data = Dataset("line", inputs, np.array([0, 0, 0, 1, 1, 1]), 2)
    for radius, right in ((0.01, 6), (0.1, 4), (0.25, 2), (0.5, 0)):
        recipe = Recipe(attack_radius=radius, attack_step=radius, attack_steps=3)
        assert robust_accuracy(Objective(model), params, data, recipe) == right / 6


def test_the_attack_stays_among_valid_pixels():
    """Boundaries at -0.05 and 1.05 could be crossed within the radius, but not in [0, 1]; those at
    0.05 and 0.95 are."""
    model = MLP((1, 2), bias=True)
    recipe = Recipe(attack_radius=0.3, attack_step=0.3, attack_steps=3)
    for boundary, place, right in ((-0.05, 0.1, 1), (1.05, 0.9, 1), (0.05, 0.1, 0), (0.95, 0.9, 0)):
        sign = 1.0 if boundary < place else -1.0
        weight = np.array([[-sign], [sign]])
        params = [{"weight": weight, "bias": -boundary * weight[:, 0]}]
        data = Dataset("line", np.array([[place]]), np.array([1]), 2)
        assert robust_accuracy(Objective(model), params, data, recipe) == right


def test_every_method_has_a_name_and_a_grid():
    recipe = Recipe()
    assert set(paths.GRIDS) == set(METHODS)
    for name in METHODS:
        assert isinstance(method(name, 0.1, recipe), Composition)
    both = method("adversarial norm", 0.1, recipe, limit=1.2)
    assert len(both.penalties) == len(both.projections) == 1
    with pytest.raises(ValueError, match="unknown method"):
        method("dropout", 0.1, recipe)


def test_paths_are_paired_and_collected_in_order():
    config = paths.Config(hidden=(8,), epochs=2, strengths=1, seeds=2, examples=60)
    tasks = [t for t in paths.tasks(config) if t["method"] in ("none", "weight decay")]
    rows = [paths.EXPERIMENT.run_one(config, backend("numpy"), Rng(0), task) for task in tasks]
    assert rows[0]["upper"] != rows[1]["upper"]  # another seed, another start
    again = paths.EXPERIMENT.run_one(config, backend("numpy"), Rng(0), tasks[0])
    assert float(again["clean"]) == float(rows[0]["clean"])
    everything = [{**rows[0], "clean": float(i)} for i, _ in enumerate(paths.tasks(config))]
    collected = paths.collect(config, paths.tasks(config), everything)
    assert collected["clean"].shape == (len(METHODS), 2)
    assert collected["clean"][1, 0] == 2.0 and collected["method"][1] == "weight decay"


def test_mnist_is_collected_in_order():
    config = mnist.Config.full()
    tasks = mnist.tasks(config)
    one = {"clean": 0.5, "norms": np.ones(3)}
    results = [{**one, "clean": float(i)} for i, _ in enumerate(tasks)]
    collected = mnist.collect(config, tasks, results)
    assert collected["norms"].shape == (len(mnist.RUNS), 5, 3)
    place = tasks.index(
        {"examples": 300, "method": "adversarial norm", "strength": 0.2, "limit": 0.0, "seed": 3}
    )
    assert collected["clean"][3, 3] == float(place)
    assert mnist.cost(config, tasks[place]) > mnist.cost(config, tasks[0])
    assert mnist.Config.quick().epochs < config.epochs


# --- negative controls ----------------------------------------------------------------------------


def test_released_steps_are_undefined_at_zero_and_right_elsewhere():
    zero, one = np.zeros((1, 2)), np.array([[3.0, 4.0]])
    assert np.all(np.isnan(released.adversarial_step(zero, zero, 0.1)))
    assert np.all(np.isnan(released.euclidean_projection(zero, 0.1)))
    np.testing.assert_allclose(released.adversarial_step(zero, one, 0.5), [[0.3, 0.4]])
    np.testing.assert_allclose(released.euclidean_projection(one, 1.0), [[0.6, 0.8]])
    np.testing.assert_allclose(released.euclidean_projection(0.1 * one, 1.0), 0.1 * one)


def test_a_norm_of_the_whole_batch_lets_examples_move_too_little():
    gradient = np.array([[3.0, 4.0], [0.3, 0.4]])
    moved = released.batch_normalized_step(np.zeros((2, 2)), gradient, 1.0)
    lengths = np.linalg.norm(moved, axis=1)
    assert lengths[0] > 0.99 and lengths[1] < 0.11
    tiny = released.batch_normalized_step(np.zeros((2, 2)), 1e-9 * gradient, 1.0)
    assert np.linalg.norm(tiny) < 1e-3  # the guard stops what is only small


def test_released_power_iteration_overflows_in_float32():
    matrix = Rng(0).normal((24, 16)).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        few = released.power_iteration(matrix, np.ones(16, dtype=np.float32), 8)
        many = released.power_iteration(matrix, np.ones(16, dtype=np.float32), 30)
    assert np.isfinite(few) and not np.isfinite(many)
    exact = np.linalg.norm(matrix.astype(float), 2)
    wide = released.power_iteration(matrix.astype(float), np.ones(16), 60)
    np.testing.assert_allclose(wide, exact, rtol=1e-3)


def test_released_selectors_choose_another_case():
    along = np.array([[[3.0, -3.0]], [[1.0, 0.0]]])
    assert released.tangent_selector(along)[0] == 1
    assert np.argmax((along**2).sum(axis=-1)) == 0
    outputs = np.array([[0.0], [10.0]])
    deformed = np.array([[1.0], [0.5], [10.2], [10.1]])  # two copies of each image
    assert released.deformation_selector(outputs, deformed, 2)[0] != 0
    right = (deformed.reshape(2, 2, 1) - outputs[:, None, :]).reshape(-1)
    assert np.argmax(right) == 0


def test_deviations_name_what_exists():
    names = [deviation.name for deviation in conformance.DEVIATIONS]
    assert len(names) == len(set(names)) >= 8
    for deviation in conformance.DEVIATIONS:
        assert callable(deviation.here) and callable(deviation.there)
        assert deviation.what.endswith(".")
