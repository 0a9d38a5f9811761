"""The shared recipe against numbers of an independent implementation, and its bookkeeping."""

import dataclasses
import math

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl import backend, catalogue
from refimpl.arrays import to_host
from refimpl.datasets.digits import digits
from refimpl.models import Objective
from refimpl.papers.gradient_coherent.experiments import recipe

PLACE = backend("numpy", "float64")


def test_the_data_of_the_recipe():
    sets = recipe.load(PLACE)
    assert [len(part) for part in sets] == [1297, 0, 500]
    norms = np.linalg.norm(sets.train.inputs, axis=1)
    assert norms.mean() == pytest.approx(5.735362990168, abs=1e-11)
    np.testing.assert_allclose(sets.train.inputs.mean(axis=0), 0.0, atol=1e-12)
    # the most frequent training classes, which a dead network predicts, are rare in the test set
    counts = np.bincount(sets.train.targets)
    assert np.bincount(sets.test.targets)[counts.argmax()] / 500 in (0.078, 0.08)


def test_redrawn_labels_are_those_of_training_and_validation_only():
    clean, noisy = (recipe.load(PLACE, validation=260, noise=noise) for noise in (0.0, 0.5))
    assert [len(part) for part in noisy] == [1037, 260, 500]
    labels = [np.concatenate([s.train.targets, s.validation.targets]) for s in (clean, noisy)]
    assert np.mean(labels[0] != labels[1]) == pytest.approx(0.446, abs=5e-4)
    assert np.array_equal(clean.test.targets, noisy.test.targets)
    assert not np.array_equal(digits().targets[:1297], labels[0])


def test_coherence_at_the_start_has_its_golden_value():
    model = recipe.Recipe().model()
    params = recipe.start(model, 1.0, np.random.default_rng(0), PLACE)
    batch = recipe.load(PLACE).train.batch(np.arange(64))
    algorithm = recipe.build("gate 0.7", 0.05)
    _, info = algorithm.step(algorithm.init(params), Objective(model), batch)
    assert float(info.coherence) == pytest.approx(0.193504330642, abs=1e-11)
    assert float(info.gate) == 0.0


def test_the_rate_falls_at_three_fifths_and_at_85_per_cent():
    rates = [recipe.Recipe(epochs=50).rate(epoch) for epoch in range(50)]
    assert rates == pytest.approx([0.1] * 30 + [0.01] * 12 + [0.001] * 8)
    assert {recipe.Recipe(epochs=50, decay=False).rate(epoch) for epoch in range(50)} == {0.1}


def test_one_generator_orders_all_epochs_whoever_asks_first():
    draws = np.random.default_rng(3)
    expected = [draws.permutation(7) for _ in range(3)]
    stream = recipe.epoch_orders(np.random.default_rng(3), 7, 3, seed=3)
    for epoch in (2, 0, 1):
        assert np.array_equal(stream.child("order", epoch).permutation(7), expected[epoch])


def test_a_run_counts_its_open_steps():
    sets = recipe.load(PLACE)
    short = recipe.Recipe(depth=3, width=8, epochs=3, decay=False)
    seen = []
    outcome = recipe.run(
        recipe.build("delayed 2", 0.01),
        short,
        sets,
        0,
        PLACE,
        on_epoch=lambda epoch, params: seen.append((epoch, params)),
    )
    assert [epoch for epoch, _ in seen] == [0, 1, 2, 3]
    assert outcome.steps_per_epoch == 21 and len(outcome.steps["loss"]) == 63
    numbers = outcome.numbers
    assert numbers["on_rate"] == pytest.approx(1 / 3) and numbers["on_rate_last"] == 1.0
    assert numbers["steps_shut"] == 0.0 and math.isnan(numbers["on_rate_after_5"])
    norm = math.sqrt(sum(float(np.sum(layer["weight"] ** 2)) for layer in outcome.params))
    assert numbers["weight_norm"] == pytest.approx(norm, rel=1e-13)
    again = recipe.run(recipe.build("delayed 2", 0.01), short, sets, 0, PLACE)
    for a, b in zip(*(ad.flatten(x.params)[0] for x in (outcome, again)), strict=True):
        assert np.array_equal(a, b)
    shut = recipe.run(recipe.build("delayed 5", 0.01), short, sets, 0, PLACE)
    assert shut.numbers["steps_shut"] == 63.0 and shut.numbers["on_rate"] == 0.0


def test_a_dead_run_is_found_by_its_loss_or_its_zeros():
    sets = recipe.load(PLACE)
    short = recipe.Recipe(depth=4, width=8, epochs=12, decay=False)
    dead = recipe.run(recipe.build("plain", 1.0), short, sets, 0, PLACE).numbers
    alive = recipe.run(recipe.build("none", 0.0), short, sets, 0, PLACE).numbers
    bare = recipe.run(recipe.build("plain", 1.0, penalty="l1"), short, sets, 0, PLACE).numbers
    assert [bool(run["collapsed"]) for run in (dead, alive, bare)] == [True, False, True]
    assert bare["nonzero"] == 0.0 and dead["nonzero"] == 1.0


def test_a_final_proximal_step_repairs_zeros():
    sets = recipe.load(PLACE)
    short = recipe.Recipe(depth=2, width=4)
    params = recipe.start(short.model(), 1.0, np.random.default_rng(0), PLACE)
    flat = np.concatenate([to_host(layer["weight"]).ravel() for layer in params])
    found = recipe.repair(params, short, 0.5, sets)
    assert found["repaired_nonzero"] == np.mean(np.abs(flat) > 0.05)


def test_methods_are_valid_and_named_in_every_experiment():
    for name in recipe.METHODS:
        recipe.build(name, 0.01)
    for name in catalogue.experiments():
        if not name.startswith("gradient_coherent_"):
            continue
        experiment = catalogue.experiment(name)
        for profile in ("quick", "full"):
            config = experiment.preset(profile)
            assert dataclasses.is_dataclass(config)
            used = [method for method, _ in getattr(config, "grids", ())]
            used += getattr(config, "methods", ())
            for task in experiment.tasks(config):
                used += [method for method, _ in task.get("cells", ())]
                used += [task["method"]] if isinstance(task.get("method"), str) else []
            assert set(used) <= set(recipe.METHODS)


def test_families_have_equally_many_settings():
    noise = catalogue.experiment("gradient_coherent_noise")
    for profile in ("quick", "full"):
        counts = dict.fromkeys(("plain", "delayed", "gate"), 0)
        for method, grid in noise.preset(profile).grids:
            counts[method.split()[0]] += len(grid)
        assert len(set(counts.values())) == 1


def test_validation_chooses_and_the_test_set_does_not():
    noise = catalogue.experiment("gradient_coherent_noise")
    grids = tuple((name, (0.1, 0.2)) for name in ("plain", "delayed 5", "gate 0.7"))
    config = noise.config(splits=((12345, 777, 0),), grids=grids)
    cells = [("none", 0.0)] + [(name, lam) for name, grid in grids for lam in grid]
    best = np.asarray([lam == 0.2 for _, lam in cells])
    columns = {
        "method": np.asarray([name for name, _ in cells]),
        "strength": np.asarray([lam for _, lam in cells]),
        "split": np.full(len(cells), 12345),
        "validation_accuracy": np.where(best, 0.6, 0.5),
        "test_accuracy": np.where(best, 0.3, 0.9),
        "on_rate": np.full(len(cells), 0.5),
        "weight_norm": np.ones(len(cells)),
    }
    found = noise.collect(config, noise.tasks(config), [columns])
    assert found["strength_plain"].tolist() == [0.2]
    assert found["error_gate"].tolist() == pytest.approx([0.7])


def test_compression_is_chosen_by_validation_and_reported_by_the_median():
    sparsity = catalogue.experiment("gradient_coherent_sparsity")
    config = sparsity.config(
        splits=((12345, 0),), methods=("plain",), strengths=(0.1, 0.2, 0.3), seeds=3
    )
    items = [task for task in sparsity.tasks(config) if task["split"] != "whole"]
    validation = {0.0: 0.95, 0.1: 0.95, 0.2: 0.93, 0.3: 0.5}
    results = []
    for item in items:
        kept = np.asarray([1.0, 0.5, 0.1 if item["seed"] else 0.9, 0.01])
        results.append(
            {
                "method": np.asarray(["none", "plain", "plain", "plain"]),
                "strength": np.asarray(list(validation)),
                "split": np.full(4, item["split"]),
                "validation_accuracy": np.asarray(list(validation.values())),
                "test_accuracy": np.full(4, 0.9),
                "on_rate": np.ones(4),
                "nonzero": kept,
                "repaired_nonzero": kept / 2,
                "dense_bytes": np.full(4, 100),
                "sparse_bytes": np.full(4, 50),
            }
        )
    found = sparsity.collect(config, items, results)
    assert found["strength_01"].tolist() == [0.1] and found["strength_03"].tolist() == [0.2]
    assert found["compression_03"].tolist() == pytest.approx([10.0])
    assert found["repaired_03"].tolist() == pytest.approx([20.0])
    assert found["storage_03"].tolist() == [2.0]
    for result in results:  # where no strength is good enough, nothing is compressed
        result["validation_accuracy"] = np.where(result["strength"] == 0.0, 0.95, 0.5)
    none = sparsity.collect(config, items, results)
    assert none["compression_03"].tolist() == none["storage_03"].tolist() == [1.0]
    assert np.isnan(none["on_rate_03"]).tolist() == [True]
