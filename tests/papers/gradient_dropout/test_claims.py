"""The claims see what they should: each number that a claim reads, spoiled, changes its verdict."""

from __future__ import annotations

import numpy as np
import pytest
from watching import own_claims

from refimpl import Rng, backend, catalogue
from refimpl.experiments.base import Result
from refimpl.papers.gradient_dropout.claims import gradients, moments, training
from refimpl.papers.gradient_dropout.experiments import gradients as gradient_experiment
from refimpl.papers.gradient_dropout.experiments import moments as moment_experiment
from refimpl.papers.gradient_dropout.experiments import noise, semantics

GOOD = ("holds", "qualified")
BAD = ("fails", "not shown", "error")


def pilot(seeds=6):
    """A made-up result with the shape of the true one and differences inside the band."""
    names = ("none", "bernoulli 0.1", "bernoulli 0.3", "gaussian 0.1", "gaussian 0.3")
    rows = [(t, name, seed) for t in (5, 10) for name in names for seed in range(seeds)]
    draws = np.array([0.0 if name == "none" else 1000.0 for _, name, _ in rows])
    return Result(
        "gradient_dropout_sinusoids",
        {
            "tasks": np.array([t for t, _, _ in rows]),
            "method": np.array([name for _, name, _ in rows]),
            "seed": np.array([seed for _, _, seed in rows]),
            "post": np.array([1.9 + 0.01 * ((7 * i) % 5) for i in range(len(rows))]),
            "draws": draws,
            "expected_draws": np.full(len(rows), 1000.0),
        },
    )


@pytest.fixture(scope="module")
def results():
    configs = {
        noise: noise.Config(),
        moment_experiment: moment_experiment.Config(problems=3, samples=20_000),
        gradient_experiment: gradient_experiment.Config(problems=2),
        semantics: semantics.Config(),
    }
    found = {
        module.EXPERIMENT.name: module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
        for module, config in configs.items()
    }
    return {**found, "gradient_dropout_sinusoids": pilot()}


def test_every_claim_is_here_and_holds(results):
    claims = own_claims("gradient_dropout")
    assert [claim.id for claim in claims] == [f"GD-{i}" for i in range(1, 18)]
    page = catalogue.page("gradient_dropout")
    for claim in claims:
        assert claim.function(results[claim.experiments[0]]).verdict in GOOD, claim.id
        assert claim.id in page
        assert claim.profile == ("full" if claim.id == "GD-16" else "quick")


def add(value):
    return lambda x: x + value


def times(value):
    return lambda x: x * value


def place(index, value):
    def change(x):
        x = np.array(x, dtype=float if x.dtype.kind in "iuf" else x.dtype)
        x[index] += value
        return x

    return change


def drop_last(x):
    return x[:-1]


SPOILED = [
    (moments.two_moments, "mean", place(0, 0.01)),
    (moments.two_moments, "variance", place(3, 0.01)),
    (moments.two_moments, "variance", place(2, 1e-9)),  # Bernoulli, p = .5: exact
    (moments.two_moments, "draws", times(0.5)),
    (moments.two_moments, "rate", place(1, 0.01)),
    (moments.two_moments, "noise", lambda x: np.where(x == "gaussian", "bernoulli", x)),
    (moments.flipped_signs, "flipped", place(5, 0.01)),
    (moments.flipped_signs, "flipped", place(0, 1e-6)),
    (moments.flipped_signs, "zero", place(1, 0.01)),
    (moments.flipped_signs, "rate", place(4, 0.02)),
    (moments.flipped_signs, "noise", lambda x: x[::-1]),
    (moments.flipped_signs, "draws", times(1e6)),
    (moments.one_step_penalty, "query_1", place(1, 1e-11)),
    (moments.one_step_penalty, "plain_1", add(1e-11)),
    (moments.one_step_penalty, "one_step_error", place(2, 1e-11)),
    (moments.moments_recursion, "scheme_query", place(0, 1e-9)),
    (moments.moments_recursion, "scheme_query", place(1, 1e-3)),
    (moments.moments_recursion, "scheme_query", place(2, 1e-3)),
    (moments.moments_recursion, "schemes", lambda x: x[::-1]),
    (moments.moments_recursion, "plain_3", add(1e-9)),
    (moments.moments_recursion, "mean_three", place(0, 1e-11)),
    (moments.moments_recursion, "moment_error", place(0, 1e-9)),
    (moments.moments_recursion, "law_query", add(1e-9)),
    (moments.moments_recursion, "law_means", place((2, 1), 0.01)),
    (moments.moments_recursion, "law_covariances", place((3, 0, 1), 0.01)),
    *(
        (moments.moments_recursion, f"{key}_{family}", change)
        for family in ("bernoulli", "gaussian")
        for key, change in (
            ("sampled_query", place(0, 0.1)),
            ("sampled_query", place(1, -1.0)),
            ("sampled_means", place((3, 0), 0.01)),
            ("sampled_mean_errors", times(1e-6)),
            ("sampled_covariances", place((3, 0, 1), 0.01)),
            ("sampled_covariance_errors", times(1e-6)),
        )
    ),
    (moments.families_agree, "query_3", place(2, 1e-11)),
    (moments.families_agree, "query_1", place(1, 1e-11)),
    (moments.families_agree, "family_error", place(0, 1e-11)),
    (moments.families_agree, "laws", drop_last),
    (moments.penalty_is_linear, "penalty_query", place(3, 1e-11)),
    (moments.penalty_is_linear, "penalty_plain", add(1e-11)),
    (moments.penalty_is_linear, "penalty_rates", place(2, 0.01)),
    (moments.penalty_is_linear, "penalty_variance", place(2, 0.01)),
    (moments.mean_is_not_kept, "quartic_means", place((1, 3), 1e-11)),
    (moments.mean_is_not_kept, "quartic_drops", place(1, 0.01)),
    (gradients.recursion_is_the_gradient, "tape_error", place(0, 1e-11)),
    (gradients.recursion_is_the_gradient, "difference_error", place(1, 1e-5)),
    (gradients.first_order_gradient, "first_order_error", place(0, 1e-11)),
    (gradients.first_order_gradient, "first_against_second", times(0.0)),
    (gradients.noise_before_hessian, "noise_first_error", place(0, 1e-5)),
    (gradients.noise_before_hessian, "hessian_first_error", place(0, -10.0)),
    (gradients.unbiased_for_the_expectation, "meta_gradient", place(0, 1e-9)),
    (gradients.unbiased_for_the_expectation, "law_gradient", place(1, 1e-9)),
    (gradients.unbiased_for_the_expectation, "meta_gradient_first", place(1, 1e-6)),
    (gradients.unbiased_for_the_expectation, "quartic_slope", add(1e-9)),
    (gradients.unbiased_for_the_expectation, "quartic_gradient", add(1e-9)),
    (gradients.rate_zero, "no_noise_gap", place(1, 1e-300)),
    (gradients.rate_zero, "some_noise_gap", times(0.0)),
    (gradients.linear_schedule, "rates", place(2, 1e-12)),
    (gradients.linear_schedule, "rates", place(6, 0.1)),
    (gradients.linear_schedule, "dropped", place(3, 1e-3)),
    (gradients.linear_schedule, "deviation_std", place(1, 1e-9)),
    (gradients.linear_schedule, "deviation_rate", place(1, 1e-9)),
    (gradients.linear_schedule, "stop", add(1)),
    (gradients.linear_schedule, "top", add(0.1)),
    (gradients.linear_schedule, "epochs", lambda x: np.minimum(x, 5)),
    (gradients.fresh_noise, "counts", place(1, -1)),
    (gradients.fresh_noise, "distinct", place(0, -1)),
    (gradients.fresh_noise, "expected_count", add(1)),
    (gradients.fresh_noise, "dropped_share", place(1, -0.5)),
    (gradients.fresh_noise, "entries", times(1e9)),
    (gradients.fresh_noise, "is_bias", lambda x: x & False),
    (gradients.fresh_noise, "test_gap", add(1e-300)),
    (gradients.fresh_noise, "training_gap", times(0.0)),
    (gradients.sum_over_tasks, "sum_ratio", times(0.25)),
    (gradients.sum_over_tasks, "sum_error", add(1e-11)),
    (gradients.sum_over_tasks, "meta_batch", add(1)),
    (gradients.hessian_vector_product, "product_error", place(0, 1e-5)),
    (gradients.hessian_vector_product, "product_steps", place(0, -1.0)),
    (training.no_effect_on_sinusoids, "post", place(slice(36, 42), 0.5)),
    (training.no_effect_on_sinusoids, "post", place(37, 1.5)),
    (training.no_effect_on_sinusoids, "draws", times(0.0)),  # noise that was never drawn
    (training.no_effect_on_sinusoids, "draws", place(30, 1.0)),
    (training.no_effect_on_sinusoids, "expected_draws", add(1.0)),
    (training.no_effect_on_sinusoids, "method", lambda x: np.where(x == "gaussian 0.3", "none", x)),
    (training.no_effect_on_sinusoids, "tasks", lambda x: x + 1),
    (training.no_effect_on_sinusoids, "seed", lambda x: -x),
]


@pytest.mark.parametrize(
    ("function", "name", "change"),
    SPOILED,
    ids=[f"{i}-{f.__name__}-{n}" for i, (f, n, _) in enumerate(SPOILED)],
)
def test_a_spoiled_number_is_noticed(function, name, change, results):
    [claim] = [
        c for c in own_claims("gradient_dropout") if c.function.__name__ == function.__name__
    ]
    result = results[claim.experiments[0]]
    values = {key: np.array(array) for key, array in result.arrays.items()}
    values[name] = change(values[name])
    try:
        verdict = function(Result(result.name, values, result.config)).verdict
    except (ValueError, KeyError, IndexError):
        verdict = "error"  # what the ledger makes of it
    assert verdict in BAD


def test_every_key_that_a_claim_reads_is_spoiled(results):
    class Spy(Result):
        read: set = set()

        def __getitem__(self, key):
            self.read.add(key)
            return super().__getitem__(key)

    spoiled = {(function.__name__, name) for function, name, _ in SPOILED}
    for claim in own_claims("gradient_dropout"):
        result = results[claim.experiments[0]]
        spy = Spy(result.name, result.arrays, result.config)
        spy.read = set()
        claim.function(spy)
        missing = {key for key in spy.read if (claim.function.__name__, key) not in spoiled}
        assert not missing, f"{claim.id} reads {missing}, which no test spoils"
