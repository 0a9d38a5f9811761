"""The claims see what they should: each number that a claim reads, spoiled, changes its verdict."""

from __future__ import annotations

import numpy as np
import pytest
from watching import own_claims

from refimpl import Rng, backend
from refimpl.experiments.base import Result
from refimpl.papers.amp.claims import data, steps, theory
from refimpl.papers.amp.experiments import cycle, direction, landscape
from refimpl.papers.amp.experiments import steps as single
from refimpl.papers.amp.experiments import theory as exact
from refimpl.papers.amp.experiments.label_noise import DECAY, RADII

GOOD = ("holds", "qualified")


@pytest.fixture(scope="module")
def results():
    configs = {
        exact: exact.Config(bowls=20, offsets=40, danskin=3),
        direction: direction.Config(networks=2),
        single: single.Config(draws=20_000),
        cycle: cycle.Config(sweep=(0.25, 18.0, 18), steps=900),
        landscape: landscape.Config(starts=41, steps=300),
    }
    found = {
        module.EXPERIMENT.name: module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
        for module, config in configs.items()
    }
    found["amp_label_noise"] = table()
    found["amp_comparison_digits"] = found["amp_comparison_mnist"] = compared()
    return found


def table(seeds=5):
    """A made-up table with the shape of the true one."""
    rows = []

    def add(method, setting, noise, **numbers):
        for seed in range(seeds):
            wobble = 1e-3 * ((seed * 7) % 5 - 2)
            numbers = {
                "validation_accuracy": 0.7, "test_accuracy": 0.8, "test_loss": 0.7,
                "train_loss": 0.1, "gradient_norm": 0.01, "sharpness": 0.1, "clipped": 0.0,
                "perturbation": 0.0, **numbers,
            }  # fmt: skip
            shifted = {**numbers, "test_accuracy": numbers["test_accuracy"] + wobble}
            facts = {"method": method, "setting": setting, "noise": noise, "seed": seed}
            rows.append(facts | shifted)

    add("sgd", DECAY, 0.2)
    for index, radius in enumerate(RADII):
        add("amp", radius, 0.2, validation_accuracy=0.8 if radius == 0.5 else 0.75,
            test_accuracy=0.92, test_loss=0.6 - 0.05 * index, train_loss=0.2 + 0.1 * index,
            sharpness=0.07, clipped=0.9 if radius < 0.5 else 0.004, perturbation=0.4)  # fmt: skip
    add("random, matched", 0.5, 0.2, test_accuracy=0.801, perturbation=0.41)
    add("sgd", DECAY, 0.0, sharpness=0.01)
    add("amp", 0.5, 0.0, sharpness=0.02, gradient_norm=0.02)
    return Result("made up", {name: [row[name] for row in rows] for name in rows[0]})


def compared():
    """A made-up result of a comparison: AMP ahead of decay, and that of plain descent."""
    wobble = 1e-3 * np.asarray([-2.0, 1.0, 0.0, 2.0, -1.0])
    names = np.asarray(["plain", "decay", "amp"])
    test = np.asarray([0.8, 0.86, 0.92])[:, None] + wobble * np.asarray([[1.0], [2.0], [-1.0]])
    values = {
        "method": names,
        "setting": np.asarray([["0.01", "0.02", "0.05"], ["0.1", "0.2", "0.3"], ["1", "2", "3"]]),
        "validation": np.asarray([[[0.6], [0.7], [0.6]]] * 2 + [[[0.6], [0.75], [0.6]]])
        + wobble * np.asarray([[[1.0]], [[2.0]], [[-1.0]]]),
        "chosen": np.asarray([1, 1, 1]),
        "at_edge": np.asarray([False, False, False]),
        "test": test,
    }
    return Result("made up", values)


def spoiled(result, name, change):
    values = {key: np.array(array) for key, array in result.arrays.items()}
    values[name] = np.asarray(change(values[name]))
    return Result(result.name, values, result.config)


def where(change, **wanted):
    """A change of the rows of the table that have these values."""

    def changed(array, table=None):
        rows = table_of_all
        keep = np.ones(len(array), dtype=bool)
        for name, value in wanted.items():
            column = rows[name]
            keep &= np.isclose(column, value) if column.dtype.kind == "f" else column == value
        return np.where(keep, change(array), array)

    table_of_all = table()
    return changed


def nudge(size):
    return lambda a: a + size


def scale(factor):
    return lambda a: a * factor


def first(value):
    def change(a):
        a[0] = value
        return a

    return change


def rows_plus(row, size):
    def change(a):
        a[row] = a[row] + size
        return a

    return change


CASES = [
    (theory.lifted_bowl, "recorded", scale(1.0 + 1e-11)),
    (theory.lifted_bowl, "bowl", scale(1.0 + 1e-11)),
    (theory.lifted_bowl, "bowl_law", scale(1.0 + 1e-11)),
    (theory.minimum_stays, "margin", first(-1e-11)),
    (theory.minimum_stays, "center", scale(1.0 + 1e-11)),
    (theory.minimum_stays, "gain", first(0.0)),
    (theory.order_of_wells, "flip", nudge(1e-9)),
    (theory.order_of_wells, "values", nudge(1e-5)),
    (theory.descent_stays, "ends", lambda a: np.zeros_like(a)),
    (theory.descent_stays, "ends", lambda a: np.full_like(a, 4.0)),
    (theory.descent_stays, "jump_radius", scale(1.02)),
    (theory.descent_stays, "threshold", scale(1.02)),
    (theory.descent_stays, "jumps", nudge(1)),
    (theory.lifted_quadratic, "quadratic", scale(1.0 + 1e-11)),
    (theory.lifted_quadratic, "quadratic_law", scale(1.0 + 1e-11)),
    (theory.running_maximum, "lifted", nudge(1e-11)),
    (theory.running_maximum, "lifted_law", nudge(1e-11)),
    (theory.running_maximum, "plain", nudge(1e-3)),
    (theory.running_maximum, "slope_bound", scale(0.01)),
    (theory.running_maximum, "radii", scale(0.01)),
    (theory.running_maximum, "convexity", first(-1e-9)),
    (theory.running_maximum, "reached", nudge(1e-3)),
    (theory.running_maximum, "reached", nudge(-1e-3)),
    (theory.gradient_of_the_maximum, "danskin_exact", first(1e-5)),
    (theory.gradient_of_the_maximum, "danskin_climbed", first(1e-5)),
    (theory.gradient_of_the_maximum, "climbed_value", first(1e-8)),
    (theory.floor_of_depths, "floor", nudge(1e-5)),
    (theory.floor_of_depths, "strengths", nudge(1e-5)),
    (theory.floor_of_depths, "below_floor", np.abs),
    (theory.floor_of_depths, "above_floor", np.abs),
    (theory.floor_of_depths, "above_floor", lambda a: -np.abs(a)),
    (steps.clipped_direction, "clipped_error", lambda a: a**0.9),
    (steps.clipped_direction, "sizes", lambda a: a**0.9),
    (steps.unclipped_direction, "direction", nudge(1e-11)),
    (steps.unclipped_direction, "huber_direction", nudge(1e-11)),
    (steps.unclipped_direction, "printed_direction", nudge(1e-11)),
    (steps.unclipped_direction, "value_error", lambda a: a**0.9),
    (steps.unclipped_direction, "sizes", lambda a: a**0.9),
    (steps.unclipped_direction, "several_direction", nudge(1e-11)),
    (steps.unclipped_direction, "several_law", nudge(1e-11)),
    (steps.unclipped_direction, "iterate", nudge(1e-11)),
    (steps.unclipped_direction, "iterate_law", nudge(1e-11)),
    (steps.huber_potential, "huber_error", lambda a: a**0.9),
    (steps.huber_potential, "clipped_error", lambda a: a**0.9),
    (steps.huber_potential, "printed_error", lambda a: a**1.1),
    (steps.huber_potential, "sizes", lambda a: a**0.9),
    (steps.huber_potential, "huber_jump", first(1e-9)),
    (steps.huber_potential, "amp_jump", first(1e-9)),
    (steps.huber_potential, "printed_jump", first(1e-9)),
    (steps.limit_of_sam, "sam_delta", first(1e-9)),
    (steps.limit_of_sam, "sam_direction", first(1e-9)),
    (steps.projection, "free_norms", scale(1.001)),
    (steps.projection, "free_norms", lambda a: np.ones_like(a)),
    (steps.projection, "free_clipped", nudge(0.1)),
    (steps.projection, "full_norms", scale(0.999)),
    (steps.projection, "full_clipped", scale(0.9)),
    (steps.length_of_draws, "draw_radius", scale(1.1)),
    (steps.length_of_draws, "released_mean", scale(1.1)),
    (steps.length_of_draws, "released_error", scale(1000.0)),
    (steps.length_of_draws, "rms_mean", scale(1.1)),
    (steps.length_of_draws, "rms_error", scale(1000.0)),
    (steps.limit_cycle, "amplitude", nudge(1e-8)),
    (steps.limit_cycle, "next", nudge(1e-8)),
    (steps.limit_cycle, "swept", nudge(1e-8)),
    (steps.limit_cycle, "plain", nudge(1e-5)),
    (steps.limit_cycle, "curvature", scale(1.01)),
    (steps.limit_cycle, "learning_rate", scale(1.01)),
    (steps.limit_cycle, "ascent_rate", scale(1.01)),
    (steps.limit_cycle, "radius", scale(1.01)),
    (steps.cost_of_a_step, "evaluations", nudge(1)),
    (steps.cost_of_a_step, "inner_steps", nudge(1)),
    (steps.inert_settings, "inert_gap", nudge(1e-16)),
    (steps.inert_settings, "active_gap", scale(0.0)),
    (data.ahead_under_noise, "test_accuracy", where(nudge(-0.1), method="amp", setting=0.5)),
    (data.ahead_under_noise, "test_accuracy", where(nudge(0.1), method="sgd")),
    (data.ahead_under_noise, "validation_accuracy", where(nudge(0.1), setting=2.0)),
    (data.ahead_under_noise, "clipped", where(nudge(0.5), setting=0.5)),
    (data.ahead_under_noise, "clipped", where(scale(0.1), setting=0.05)),
    (data.ahead_when_tuned, "test", rows_plus(0, 0.2)),
    (data.ahead_when_tuned, "test", rows_plus(1, 0.2)),
    (data.ahead_when_tuned, "test", rows_plus(2, -0.2)),
    (data.ahead_when_tuned, "at_edge", rows_plus(0, True)),
    (data.ahead_when_tuned, "at_edge", rows_plus(1, True)),
    (data.ahead_when_tuned, "at_edge", rows_plus(2, True)),
    (data.ahead_on_mnist, "test", rows_plus(0, 0.2)),
    (data.ahead_on_mnist, "test", rows_plus(2, -0.2)),
    (data.ahead_on_mnist, "validation", rows_plus(0, 0.2)),
    (data.ahead_on_mnist, "validation", rows_plus(2, -0.2)),
    (data.ahead_on_mnist, "at_edge", rows_plus(0, True)),
    (data.ahead_on_mnist, "at_edge", rows_plus(2, True)),
    (data.losses_part, "train_loss", where(nudge(-0.5), setting=0.2)),
    (data.losses_part, "test_loss", where(nudge(0.5), setting=0.2)),
    (data.losses_part, "test_loss", where(nudge(-0.5), method="sgd")),
    (data.flatter_end, "sharpness", where(nudge(-0.05), method="amp", noise=0.0)),
    (data.flatter_end, "sharpness", where(nudge(0.05), method="amp", noise=0.2)),
    (data.flatter_end, "gradient_norm", where(nudge(-0.05), method="amp", noise=0.0)),
    (data.random_gains_little, "test_accuracy", where(nudge(0.1), method="random, matched")),
    (data.random_gains_little, "test_accuracy", where(nudge(-0.2), method="amp")),
    (data.random_gains_little, "perturbation", where(scale(0.5), method="random, matched")),
]


@pytest.mark.parametrize(
    ("function", "name", "change"),
    CASES,
    ids=[f"{index}-{f.__name__}-{n}" for index, (f, n, _) in enumerate(CASES)],
)
def test_claims_hold_and_notice(function, name, change, results):
    [claim] = [c for c in own_claims("amp") if c.function is function]
    result = results[claim.experiments[0]]
    assert function(result).verdict in GOOD, function(result)
    assert function(spoiled(result, name, change)).verdict == "fails"


def test_every_claim_is_spoiled():
    assert {c.function for c in own_claims("amp")} == {function for function, _, _ in CASES}


def test_the_printed_penalty_is_qualified_and_so_is_flatness(results):
    for function in (steps.unclipped_direction, data.flatter_end):
        [claim] = [c for c in own_claims("amp") if c.function is function]
        outcome = function(results[claim.experiments[0]])
        assert outcome.verdict == "qualified" and outcome.condition


def test_strengths_are_chosen_on_validation_and_not_on_test(results):
    result = results["amp_label_noise"]
    better = spoiled(result, "test_accuracy", where(nudge(0.05), method="amp", setting=1.0))
    assert data.chosen(better, "amp", 0.2) == 0.5
    assert data.inside(result, "amp", 0.2).verdict == "holds"
    edge = spoiled(result, "validation_accuracy", where(nudge(0.2), method="amp", setting=0.05))
    assert data.inside(edge, "amp", 0.2).verdict == "fails"
