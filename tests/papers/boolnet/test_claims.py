"""The claims on BoolNet see what they should: each key that is spoiled makes its claim fail."""

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl.experiments.base import Result
from refimpl.experiments.records import Recorded
from refimpl.papers.boolnet.claims import evidence as e
from refimpl.papers.boolnet.claims import operators as o
from refimpl.papers.boolnet.claims import structure as s
from refimpl.papers.boolnet.claims import training as t
from refimpl.papers.boolnet.experiments import (
    accounting,
    distillation,
    fusion,
    images,
    operators,
    packed,
    popcount,
    scale,
    starts,
    structure,
)

RUN = {
    operators: {"weights": 200},
    fusion: {},
    popcount: {},
    scale: {"seeds": 2},
    structure: {},
    accounting: {},
    distillation: {},
}

GOOD = ("holds", "qualified", "refuted")
BAD = ("fails", "not shown", "error")


LEVELS = {
    "plain, k=1": 0.904,
    "logic, k=1": 0.83,
    "plain, k=1, scaled": 0.937,
    "logic, k=1, scaled": 0.945,
    "logic, k=4": 0.951,
}


def made_up_images():
    """What the pilot reports, with a little noise: no test waits for MNIST."""
    rows = images.tasks(images.Config())
    noise = 2e-4 * Rng(0).normal((2, len(rows)))
    recomputed = [LEVELS.get(row["method"], 0.95) for row in rows]
    stale = [0.94 if "k=4" in row["method"] else 0.95 for row in rows]
    return Result(
        "boolnet_images",
        {
            **{key: np.array([row[key] for row in rows]) for key in rows[0]},
            "recomputed": np.array(recomputed) + noise[0],
            "stale": np.array(stale) + noise[1],
            "undecided": np.where([row["method"].endswith("slow") for row in rows], 0.9, 0.02),
        },
    )


def made_up_starts():
    rows = starts.tasks(starts.Config.full())
    poor = [row["form"] in ("no scale", "scale, no e") for row in rows]
    noise = 1e-2 * Rng(2).normal((len(rows),))
    return Result(
        "boolnet_starts",
        {
            **{key: np.array([row[key] for row in rows]) for key in rows[0]},
            "accuracy": np.where(poor, 0.75, 0.95) + noise,
            "spread": np.full(len(rows), 0.97),
            "spread_expected": np.full(len(rows), 0.976),
        },
    )


def made_up_digits():
    test = np.array([0.94, 0.95, 0.955, 0.96, 0.97])[:, None] + 1e-4 * Rng(1).normal((5, 5))
    names = np.array(["plain, k=1", "logic, k=1", "plain, k=4", "logic, k=4", "float"])
    values = {"method": names, "test_accuracy": test, "difference": test - test[0]}
    facts = Recorded("boolnet_forms_digits", reference="plain, k=1", seeds=5)
    return Result("boolnet_forms_digits", values, facts)


def made_up_packed():
    return Result(
        "boolnet_packed",
        {
            "disagreements": np.zeros((5, 4)),
            "recalibrated_disagreements": np.zeros(5),
            "wrong_weights": np.zeros(5),
            "points": np.full(5, 960),
            "accuracy": np.full(5, 0.7),
        },
    )


@pytest.fixture(scope="module")
def results():
    found = {
        module.EXPERIMENT.name: module.EXPERIMENT.run(
            module.Config(**config), backend("numpy"), Rng(0)
        )
        for module, config in RUN.items()
    }
    made_up = (made_up_images(), made_up_digits(), made_up_packed(), made_up_starts())
    return {**found, **{result.name: result for result in made_up}}


def plus(amount, place=...):
    def change(values):
        values = values.astype(float) if values.dtype.kind in "ib" else values
        values[place] += amount
        return values

    return change


def times(factor):
    return lambda values: values * factor


CASES = [
    (o.truth_tables, "boolnet_operators", "xnor", plus(2.0, 1)),
    (o.truth_tables, "boolnet_operators", "or", plus(-2.0, 3)),
    (o.truth_tables, "boolnet_operators", "or_clamp", plus(1e-15, 1)),
    (o.truth_tables, "boolnet_operators", "xnor_expected", plus(2, 1)),
    (o.truth_tables, "boolnet_operators", "or_expected", plus(2, 0)),
    (o.logic_gradients, "boolnet_operators", "xnor_gradient", plus(2.0, (0, 0))),
    (o.logic_gradients, "boolnet_operators", "or_gradient", plus(0.5, (1, 3))),
    (o.logic_gradients, "boolnet_operators", "or_clamp_gradient", plus(-0.5, (0, 1))),
    (o.logic_gradients, "boolnet_operators", "xnor_gradient_expected", plus(2, (0, 0))),
    (o.logic_gradients, "boolnet_operators", "or_gradient_expected", plus(1, (1, 3))),
    (o.straight_through, "boolnet_operators", "window", plus(-1.0, 1)),
    (o.straight_through, "boolnet_operators", "window_expected", plus(-1, 3)),
    (o.straight_through, "boolnet_operators", "sign", plus(-1.0, 2)),
    (o.straight_through, "boolnet_operators", "sign_zero", plus(1.0, 2)),
    (o.progressive, "boolnet_operators", "beyond_error", plus(1e-12, 2)),
    (o.progressive, "boolnet_operators", "mask_error", plus(1.0, 3)),
    (o.progressive, "boolnet_operators", "within_error", plus(1e-9, 1)),
    (o.progressive, "boolnet_operators", "strength", plus(1e-3)),
    (o.one_threshold, "boolnet_fusion", "random_searched", plus(1)),
    (o.one_threshold, "boolnet_fusion", "random_closed", plus(1)),
    (o.one_threshold, "boolnet_fusion", "random_fused", plus(1)),
    (o.one_threshold, "boolnet_fusion", "tie_searched", plus(1)),
    (o.one_threshold, "boolnet_fusion", "tie_closed", plus(1)),
    (o.one_threshold, "boolnet_fusion", "random_checked", times(0)),
    (o.one_threshold, "boolnet_fusion", "tie_ties", times(0)),
    (o.one_threshold, "boolnet_fusion", "positive", times(0)),
    (o.one_threshold, "boolnet_fusion", "negative", times(0)),
    (o.one_threshold, "boolnet_fusion", "zero", times(0)),
    (o.tie_exception, "boolnet_fusion", "tie_fused_there", times(-1)),
    (o.tie_exception, "boolnet_fusion", "tie_sign_there", times(-1)),
    (o.tie_exception, "boolnet_fusion", "tie_fused", plus(1)),
    (o.tie_exception, "boolnet_fusion", "tie_falling_ties", times(0)),
    (o.popcount, "boolnet_popcount", "error", plus(2, 64)),
    (o.popcount, "boolnet_popcount", "dense_error", plus(2, 0)),
    (o.popcount, "boolnet_popcount", "bits_lost", plus(1, 5)),
    (o.popcount, "boolnet_popcount", "lengths", plus(-1)),
    (o.scale_gradient, "boolnet_scale", "closed_error", plus(1e-6, 0)),
    (o.scale_gradient, "boolnet_scale", "detached_error", plus(1e-6, 1)),
    (o.scale_gradient, "boolnet_scale", "numeric_error", plus(1e-4, 2)),
    (o.scale_gradient, "boolnet_scale", "detached_apart", times(0.0)),
    (o.scale_under_normalization, "boolnet_scale", "batch_apart", plus(1e-6, (0, 0))),
    (o.scale_under_normalization, "boolnet_scale", "batch_apart", times(0.0)),
    (o.scale_under_normalization, "boolnet_scale", "packed_differ", plus(1, (1, 0))),
    (o.scale_under_normalization, "boolnet_scale", "frozen_apart", times(0.0)),
    (o.scale_under_normalization, "boolnet_scale", "epsilon", lambda values: values[::-1]),
    (o.distillation, "boolnet_distillation", "gradient_error", plus(1e-9, 1)),
    (o.distillation, "boolnet_distillation", "loss_error", plus(1e-9, 2)),
    (o.distillation, "boolnet_distillation", "mean_of_logits_apart", times(0.0)),
    (o.distillation, "boolnet_distillation", "teachers", times(0)),
    (s.thermometer, "boolnet_structure", "patterns_released", plus(1, 2)),
    (s.thermometer, "boolnet_structure", "patterns_non_uniform", plus(1, 3)),
    (s.thermometer, "boolnet_structure", "patterns_expected", plus(1, 3)),
    (s.thermometer, "boolnet_structure", "offsets_two", plus(0.1, 0)),
    (s.thermometer, "boolnet_structure", "offsets_four", plus(0.1, 0)),
    (s.thermometer, "boolnet_structure", "offsets_four_non_uniform", plus(0.1, 0)),
    (s.printed_offsets, "boolnet_structure", "printed_values", plus(-1, 1)),
    (s.printed_offsets, "boolnet_structure", "slices", plus(1)),
    (s.printed_offsets, "boolnet_structure", "offsets_four", lambda values: values[:3]),
    (s.isolation, "boolnet_structure", "changed", plus(0.1, (0, 1))),
    (s.isolation, "boolnet_structure", "changed", times(0.0)),
    (s.isolation, "boolnet_structure", "changed_interleaved", times(0.0)),
    (s.shortcut, "boolnet_structure", "or_with_input", plus(0.01)),
    (s.shortcut, "boolnet_structure", "or_with_hidden", times(0.0)),
    (s.permutation, "boolnet_structure", "shuffle_lost", plus(1, 0)),
    (s.permutation, "boolnet_structure", "unshuffle_wrong", plus(1, 7)),
    (s.permutation, "boolnet_structure", "left_their_slice", plus(1, 7)),
    (s.memory, "boolnet_accounting", "memory", plus(1, 12)),
    (s.memory, "boolnet_accounting", "memory_printed", lambda values: values[:12]),
    (s.operations, "boolnet_accounting", "operations", plus(0.011, 2)),
    (s.operations, "boolnet_accounting", "operations_printed", plus(0.011, 4)),
    (s.energy, "boolnet_accounting", "energy", plus(0.1, 3)),
    (s.energy, "boolnet_accounting", "energy_printed", plus(0.1, 3)),
    (s.energy, "boolnet_accounting", "parts", plus(0.1, (2, 0))),
    (s.energy, "boolnet_accounting", "ratio", plus(0.02, 2)),
    (s.energy, "boolnet_accounting", "ratio_printed", plus(0.02, 2)),
    (s.energy, "boolnet_accounting", "share", plus(0.01, 1)),
    (s.saving, "boolnet_accounting", "saving", plus(0.05)),
    (s.saving, "boolnet_accounting", "saving_abstract", plus(0.1)),
    (s.saving, "boolnet_accounting", "saving_body", plus(0.1)),
    (s.power, "boolnet_accounting", "power_ratio", plus(0.02, 3)),
    (t.packed_is_float, "boolnet_packed", "disagreements", plus(1, (2, 1))),
    (t.packed_is_float, "boolnet_packed", "recalibrated_disagreements", plus(1, 4)),
    (t.packed_is_float, "boolnet_packed", "wrong_weights", plus(1, 0)),
    (t.packed_is_float, "boolnet_packed", "points", times(0)),
    (t.packed_is_float, "boolnet_packed", "accuracy", plus(-0.6, 3)),
    (t.shortcuts_help, "boolnet_images", "recomputed", times(0.0)),
    (t.shortcuts_help, "boolnet_images", "undecided", plus(0.9)),
    (t.shortcuts_help, "boolnet_images", "method", lambda values: values[::-1]),
    (t.shortcuts_help, "boolnet_images", "seed", lambda values: values[:3]),
    (t.slices_and_statistics, "boolnet_images", "recomputed", times(0.0)),
    (t.slices_and_statistics, "boolnet_images", "stale", times(0.0)),
    (t.slices_and_statistics, "boolnet_images", "method", lambda values: values[::-1]),
    (t.size_at_the_start, "boolnet_starts", "accuracy", times(0.0)),
    (t.size_at_the_start, "boolnet_starts", "spread", times(1.2)),
    (t.size_at_the_start, "boolnet_starts", "spread_expected", times(1.2)),
    (t.size_at_the_start, "boolnet_starts", "form", lambda values: values[::-1]),
    (t.size_at_the_start, "boolnet_starts", "seed", lambda values: values[:3]),
    (e.slices_on_digits, "boolnet_forms_digits", "test_accuracy", plus(-0.05, 3)),
    (e.slices_on_digits, "boolnet_forms_digits", "method", lambda names: names[[0, 3, 2, 1, 4]]),
]


@pytest.mark.parametrize(
    ("function", "experiment", "name", "change"),
    CASES,
    ids=[f"{f.__name__}-{name}-{index}" for index, (f, _, name, _) in enumerate(CASES)],
)
def test_claims_stand_and_notice(function, experiment, name, change, results):
    result = results[experiment]
    assert function(result).verdict in GOOD
    values = {key: np.array(array) for key, array in result.arrays.items()}
    values[name] = change(values[name])
    spoiled = Result(result.name, values, result.config)
    try:
        verdict = function(spoiled).verdict
    except (IndexError, ValueError, KeyError):
        return  # the claim no longer finds what it reads
    assert verdict in BAD


def test_what_is_refuted_and_what_is_qualified(results):
    offsets = s.printed_offsets(results["boolnet_structure"])
    assert offsets.verdict == "refuted" and "k + 1 values" in offsets.correction
    saving = s.saving(results["boolnet_accounting"])
    assert saving.verdict == "qualified" and "4.647" in saving.condition


def test_the_packed_experiment_at_a_small_size(monkeypatch):
    monkeypatch.setattr(packed, "FORMS", {"split": {"slices": 2, "split": True}})
    config = packed.Config(training=100, test=50, widths=(64, 8, 10), blocks=2, epochs=2)
    result = packed.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    assert result["disagreements"].shape == (1, 2) and not result["disagreements"].any()
    assert result["wrong_weights"][0] == 0 and result["points"][0] == 150


def test_shortcuts_on_digits_are_reported_with_their_interval(results):
    outcome = e.shortcuts_on_digits(results["boolnet_forms_digits"])
    assert outcome.verdict == "reported" and abs(outcome.measured - 0.01) < 1e-3
    assert "99 % in [" in outcome.note


def test_the_pilot_at_a_small_size(monkeypatch):
    """On digits, since no test waits for MNIST: every method runs, and says what it stores."""
    load = images.datasets.load

    def of_digits(name, **options):
        assert name == "mnist"
        return load("digits", **{**options, "validation": 100})

    monkeypatch.setattr(images.datasets, "load", of_digits)
    config = images.Config(size=100, test=50, width=8, epochs=2, batch_size=50, seeds=1)
    result = images.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    assert result["method"].tolist() == ["float", *images.FORMS]
    binary, stem_and_head = 4 * 8 * 8, 32 * (64 * 8 + 8 * 10)
    assert result["bits"].tolist() == [
        stem_and_head + 32 * binary, *[stem_and_head + binary] * len(images.FORMS)
    ]  # fmt: skip
    assert result["undecided"][0] == 0.0 and result["undecided"][-1] > 0.9
    assert np.all((result["recomputed"] >= 0.0) & (result["recomputed"] <= 1.0))


def test_the_starts_at_a_small_size(monkeypatch):
    monkeypatch.setattr(
        starts, "FORMS", {key: starts.FORMS[key] for key in ("scale", "small gain")}
    )
    config = starts.Config(size=100, test=50, widths=(64, 32, 16, 10), blocks=1, epochs=1, seeds=1)
    result = starts.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    assert np.all(np.abs(result["spread"] / result["spread_expected"] - 1.0) < 0.3)
    assert result["spread_expected"] == pytest.approx([0.00892, 0.0488], rel=1e-3)
