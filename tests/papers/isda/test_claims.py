"""The claims on ISDA see what they should: each key that is spoiled makes its claim fail."""

from __future__ import annotations

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl.experiments.base import Result
from refimpl.papers.isda.claims import bound, training
from refimpl.papers.isda.experiments import bound as bound_experiment
from refimpl.papers.isda.experiments import (
    convexity,
    divergence,
    gradient,
    images,
    points,
    sampling,
    schedule,
    statistics,
    synthetic,
)

SMALL = {
    "isda_bound": (bound_experiment, {"problems": 4, "blocks": 100, "draws": 400}),
    "isda_convexity": (convexity, {"pairs": 20, "starts": 2}),
    "isda_divergence": (divergence, {"strengths": (0.0, 10.0)}),
    "isda_gradient": (gradient, {"problems": 2, "draws": 40}),
    "isda_points": (points, {"seeds": 2}),
    "isda_sampling": (sampling, {"replications": 300}),
    "isda_schedule": (schedule, {}),
    "isda_statistics": (statistics, {"orders": 3}),
}

GOOD = ("holds", "qualified", "refuted")
BAD = ("fails", "not shown", "error")


def made_up_gains():
    """A result with the paper's order of methods, so that no test waits for 400 optimizations."""
    config = synthetic.Config()
    noise = 1e-3 * Rng(0).normal((config.seeds, 2, len(synthetic.KINDS), 4))
    plain = np.full((config.seeds, 2), 0.8)
    gains = np.array([[0.1, 0.15, 0.18, 0.2], [0.0, 0.0, -0.01, -0.02], [0.0, -0.01, -0.02, -0.03]])
    strong = np.array([0.0, 0.01, 0.005, -0.01])
    return Result(
        "isda_synthetic",
        {
            "plain": plain,
            "accuracy": 0.8 + gains + noise,
            "own_strong_ridge": 0.8 + strong + noise[:, :, 1],
        },
        config,
    )


def made_up_images():
    config = images.Config()
    noise = 1e-4 * Rng(1).normal((2, 2, config.seeds, len(config.strengths)))
    gain = np.array([[0.0, 0.0, 0.0, 0.0, -0.01], [0.0, 0.001, 0.002, 0.004, 0.004]])[:, None]
    return Result(
        "isda_images",
        {
            "sizes": np.array(config.sizes),
            "strengths": np.array(config.strengths),
            "accuracy": 0.85 + gain + noise,
            "nll": 0.5 - 10 * gain + noise,
        },
        config,
    )


@pytest.fixture(scope="module")
def results():
    found = {
        name: module.EXPERIMENT.run(module.Config(**config), backend("numpy"), Rng(0))
        for name, (module, config) in SMALL.items()
    }
    return {**found, "isda_synthetic": made_up_gains(), "isda_images": made_up_images()}


def shifted(amount):
    return lambda values: values + amount


def scaled(factor):
    return lambda values: factor * values


def part(index, amount):
    """Add to one part of the array."""

    def change(values):
        values[index] += amount
        return values

    return change


def lost(values):
    return np.full_like(values, "")


B, T = bound, training
TRUE, OWN, ISOTROPIC = (synthetic.KINDS.index(name) for name in ("true", "own", "isotropic"))
CASES = [
    (B.order_of_the_three, "isda_bound", "plain", part((0, 0, 0), 30.0)),
    (B.order_of_the_three, "isda_bound", "expected", part((0, 0, 0), -1e-9 - 20.0)),
    (B.order_of_the_three, "isda_bound", "bound", part((1, 0, 2), -20.0)),
    (B.order_of_the_three, "isda_bound", "full_plain", shifted(0.5)),
    (B.order_of_the_three, "isda_bound", "full_expected", shifted(10.0)),
    (B.order_of_the_three, "isda_bound", "full_bound", part(0, -0.2)),
    (B.order_of_the_three, "isda_bound", "full_error", scaled(100.0)),
    (B.equality, "isda_bound", "null_gap", part((0, 0, 0), 1e-9)),
    (B.equality, "isda_bound", "other_gap", scaled(0.0)),
    (B.two_classes, "isda_bound", "binary_expected", part(1, 1e-9)),
    (B.two_classes, "isda_bound", "binary_bound", part(2, 1e-9)),
    (B.two_classes, "isda_bound", "dominance", part((0, 0), -1e-9)),
    (B.second_order_gap, "isda_bound", "gap", scaled(1.01)),
    (B.second_order_gap, "isda_bound", "gap_predicted", scaled(0.99)),
    (B.loose_where_wrong, "isda_points", "gap_wrong", scaled(0.1)),
    (B.loose_where_wrong, "isda_points", "gap_right", scaled(10.0)),
    (B.loose_where_wrong, "isda_points", "slope", scaled(1.1)),
    (B.shape_of_the_bound, "isda_bound", "least_step", part(0, -20.0)),
    (B.shape_of_the_bound, "isda_bound", "at_zero", part(0, 1e-9)),
    (B.shape_of_the_bound, "isda_bound", "shift", part(0, 1e-9)),
    (B.gradient, "isda_gradient", "closed_error", part((0, 2), 1e-9)),
    (B.gradient, "isda_gradient", "numeric_error", part((1, 0), 1e-4)),
    (B.convexity, "isda_convexity", "midpoint_excess", part(0, 10.0)),
    (B.convexity, "isda_convexity", "start_spread", scaled(0.0)),
    (B.convexity, "isda_convexity", "both_spread", shifted(1e-4)),
    (B.convexity, "isda_convexity", "weight_spread", shifted(1e-4)),
    (B.convexity, "isda_convexity", "relative_bias_spread", shifted(1e-4)),
    (B.convexity, "isda_convexity", "bias_spread", scaled(0.0)),
    (B.consistency, "isda_bound", "kl_expected", part((0, 0), 50.0)),
    (B.consistency, "isda_bound", "kl_bound", scaled(1e5)),
    (B.consistency, "isda_bound", "kl_one_hot", scaled(1.0 + 1e-9)),
    (B.consistency, "isda_bound", "kl_supervised", scaled(1.0 + 1e-9)),
    (B.explicit_sampling, "isda_sampling", "draws", lambda values: values**2),
    (B.explicit_sampling, "isda_sampling", "rms", lambda values: values**1.5),
    (B.explicit_sampling, "isda_sampling", "mean", scaled(1.5)),
    (B.explicit_sampling, "isda_sampling", "error", scaled(0.01)),
    (B.explicit_sampling, "isda_sampling", "exact", scaled(1.1)),
    (B.explicit_sampling, "isda_sampling", "bound", scaled(0.5)),
    (B.printed_row, "isda_gradient", "printed_error", scaled(0.01)),
    (B.printed_row, "isda_gradient", "derived_error", part((1, 1), 1e-6)),
    (B.printed_row, "isda_gradient", "tape_error", part((1, 1), 1e-6)),
    (B.printed_row, "isda_gradient", "other_rows_error", part((1, 1), 1e-6)),
    (B.printed_row, "isda_gradient", "row_classes", lambda values: values[::-1]),
    (T.streaming_is_pooled, "isda_statistics", "error", part((1, 2), 1e-9)),
    (T.streaming_is_pooled, "isda_statistics", "order_error", part(1, 1e-9)),
    (T.streaming_is_pooled, "isda_statistics", "absent", shifted(1e-9)),
    (T.streaming_is_pooled, "isda_statistics", "scale", scaled(0.0)),
    (T.diagonal_is_diagonal, "isda_statistics", "diagonal_error", part((0, 3), 1e-9)),
    (T.schedule, "isda_schedule", "strength_epoch", part(7, 1e-9)),
    (T.schedule, "isda_schedule", "strength_iteration", part(7, 1e-9)),
    (T.schedule, "isda_schedule", "strength_plain", part(7, 1e-9)),
    (T.schedule, "isda_schedule", "first_epoch_apart", shifted(1e-15)),
    (T.schedule, "isda_schedule", "last_epoch_apart", scaled(0.0)),
    (T.true_covariance_helps, "isda_synthetic", "accuracy", shifted(-0.15)),
    (T.true_covariance_helps, "isda_synthetic", "plain", shifted(0.15)),
    (T.isotropic_does_not, "isda_synthetic", "accuracy", part((..., ISOTROPIC, 2), 0.05)),
    (T.isotropic_does_not, "isda_synthetic", "plain", shifted(-0.05)),
    (T.estimation_limits, "isda_synthetic", "accuracy", part((..., 0, OWN, 1), 0.05)),
    (T.estimation_limits, "isda_synthetic", "accuracy", part((..., 1, OWN, 3), 0.05)),
    (T.estimation_limits, "isda_synthetic", "plain", shifted(-0.05)),
    (T.estimation_limits, "isda_synthetic", "own_strong_ridge", part((..., 1), -0.05)),
    (T.thousand_images, "isda_images", "accuracy", part((0, 1, ..., 3), -0.01)),
    (T.thousand_images, "isda_images", "nll", part((0, 1, ..., 3), 0.1)),
    (T.thousand_images, "isda_images", "sizes", lambda values: values[::-1]),
    (T.thousand_images, "isda_images", "strengths", lambda values: values[::-1]),
    (T.three_hundred_images, "isda_images", "accuracy", part((0, 0, ..., 2), 0.02)),
    (T.divergence_is_named, "isda_divergence", "error", lost),
    (T.divergence_is_named, "isda_divergence", "strength", scaled(0.0)),
    (T.divergence_is_named, "isda_divergence", "at", scaled(np.nan)),
    (T.divergence_is_named, "isda_divergence", "accuracy", scaled(0.5)),
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
    except (IndexError, ValueError):
        return  # the claim no longer finds what it reads
    assert verdict in BAD


def test_the_printed_row_comes_with_its_correction(results):
    outcome = bound.printed_row(results["isda_gradient"])
    assert outcome.verdict == "refuted" and "Σ_n p_n v_nΣ" in outcome.correction
    assert training.estimation_limits(results["isda_synthetic"]).condition
    condition = training.thousand_images(results["isda_images"]).condition
    assert "He's normal start" in condition and "n = 6" in condition
