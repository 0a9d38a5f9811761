"""Claims on the law of the noise and on moments of noisy inner steps."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.gradient_dropout.theory import noise, quartic

PAPER = "gradient_dropout"
NOISE = "gradient_dropout_noise"
MOMENTS = "gradient_dropout_moments"
ERRORS = 5.0  # standard errors: a false alarm below 1e-6


def _laws(result: Result) -> list[tuple[str, float]]:
    return [(str(n), float(p)) for n, p in zip(result["noise"], result["rate"], strict=True)]


@claim(
    "GD-1",
    paper=PAPER,
    place="released code",
    statement="Bernoulli and Gaussian noise both have mean 1 and variance p/(1-p)",
    experiment=NOISE,
)
def two_moments(result: Result) -> Outcome:
    """At p = 1/2 Bernoulli noise has (n - 1)^2 = 1 always, so that nothing may be off there."""
    laws, draws = _laws(result), result["draws"]
    v = np.array([noise.variance(p) for _, p in laws])
    fourth = np.array([noise.fourth_central_moment(p, n) for n, p in laws])
    return all_of(
        compare(v, result["variance"], ERRORS * np.sqrt(np.maximum(fourth - v * v, 0.0) / draws)),
        compare(1.0, result["mean"], ERRORS * np.sqrt(v / draws)),
        bound(draws, at_least=1e6),
    )


@claim(
    "GD-2",
    paper=PAPER,
    place="derived",
    statement="Gaussian noise is negative with probability Phi(-sqrt((1-p)/p)), Bernoulli never",
    experiment=NOISE,
)
def flipped_signs(result: Result) -> Outcome:
    laws = _laws(result)
    share = np.array([noise.flipped(p) if n == "gaussian" else 0.0 for n, p in laws])
    error = np.sqrt(share * (1.0 - share) / result["draws"])
    dropped = np.array([p if n == "bernoulli" else 0.0 for n, p in laws])
    spread = np.sqrt(dropped * (1.0 - dropped) / result["draws"])
    return all_of(
        compare(share, result["flipped"], ERRORS * error),
        compare(dropped, result["zero"], ERRORS * spread, note="share of zeros"),
    )


@claim(
    "GD-3",
    paper=PAPER,
    place="derived",
    statement="One noisy step adds (alpha^2/2) p/(1-p) sum_i Q_ii g_i^2 to a quadratic query loss",
    experiment=MOMENTS,
)
def one_step_penalty(result: Result) -> Outcome:
    return all_of(
        compare(2.7607, result["query_1"], 1e-12, note="recorded instance, alpha .1, p .2"),
        compare(2.753475, result["plain_1"], 1e-12, note="the same without noise"),
        bound(result["one_step_error"], at_most=1e-12, note="random problems, d <= 4, relative"),
    )


@claim(
    "GD-4",
    paper=PAPER,
    place="derived",
    statement="Mean and covariance of K noisy steps on a quadratic follow the recursion; the mean "
    "is that of noiseless descent",
    experiment=MOMENTS,
)
def moments_recursion(result: Result) -> Outcome:
    """Three steps tell the schemes apart: with noise shared by all steps the loss is 2.18114, with
    one number for a whole gradient 2.09811."""
    schemes = dict(zip(map(str, result["schemes"]), result["scheme_query"], strict=True))
    checks = [
        compare(2.0993573994, schemes["fresh"], 1e-10, note="K = 3, recorded instance"),
        compare(2.0906000857, result["plain_3"], 1e-10, note="without noise"),
        compare([0.6625875, -1.574275], result["mean_three"], 1e-12),
        bound(result["moment_error"], at_most=1e-10, note="random problems, K <= 4, relative"),
        compare(2.18114, schemes["shared steps"], 1e-5, note="wrong: noise shared by steps"),
        compare(2.09811, schemes["scalar"], 1e-5, note="wrong: one number a step"),
        compare(result["law_query"], schemes["fresh"], 1e-10),
    ]
    for name in ("bernoulli", "gaussian"):
        mean, error = result[f"sampled_query_{name}"]
        means = result[f"sampled_mean_errors_{name}"]
        covariances = result[f"sampled_covariance_errors_{name}"]
        checks += [
            compare(result["law_query"], mean, ERRORS * error, note=f"sampled, {name}"),
            compare(result["law_means"], result[f"sampled_means_{name}"], ERRORS * means),
            compare(
                result["law_covariances"],
                result[f"sampled_covariances_{name}"],
                ERRORS * covariances,
            ),
        ]
    return all_of(*checks)


@claim(
    "GD-5",
    paper=PAPER,
    place="derived",
    statement="On quadratics the expected query loss depends on the noise only through its mean "
    "and variance, for every number of steps",
    experiment=MOMENTS,
)
def families_agree(result: Result) -> Outcome:
    return all_of(
        compare(result["query_3"][0], result["query_3"], 1e-12, note="Bernoulli, two-point, Gauss"),
        compare(result["query_1"][0], result["query_1"], 1e-12),
        bound(result["family_error"], at_most=1e-12, note="random problems, relative"),
        check(len(result["laws"]) == 3, predicted=3.0, measured=float(len(result["laws"]))),
    )


@claim(
    "GD-6",
    paper=PAPER,
    place="derived",
    statement="What one noisy step adds to a quadratic query loss is proportional to p/(1-p)",
    experiment=MOMENTS,
)
def penalty_is_linear(result: Result) -> Outcome:
    excess = result["penalty_query"] - result["penalty_plain"]
    v = np.array([noise.variance(float(p)) for p in result["penalty_rates"]])
    return all_of(
        compare(0.0289 * v, excess, 1e-12, note="factor .0289 of the recorded instance"),
        compare(v, result["penalty_variance"], 1e-15),
    )


@claim(
    "GD-7",
    paper=PAPER,
    place="derived",
    statement="Beyond quadratics two noisy steps shift the mean trajectory; the families differ",
    experiment=MOMENTS,
)
def mean_is_not_kept(result: Result) -> Outcome:
    drops = [float(p) for p in result["quartic_drops"]]
    families = ("bernoulli", "gaussian")
    predicted = [[quartic.mean_after_two(0.1, p, name) for p in drops] for name in families]
    at = {round(p, 2): column for column, p in enumerate(drops)}
    means = result["quartic_means"]
    recorded = [means[0, at[0.2]], means[1, at[0.2]], means[0, at[0.0]], *means[:, at[0.5]]]
    return all_of(
        compare([0.82640625, 0.826425, 0.8271, 0.8244, 0.8244], recorded, 1e-12),
        compare(predicted, means, 1e-12),
        bound(means[0, at[0.0]] - means[:, at[0.2]], at_least=6e-4, note="the shift at p .2"),
    )
