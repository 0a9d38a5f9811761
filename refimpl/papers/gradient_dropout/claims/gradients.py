"""Claims on the gradient through the noisy inner loop, and on what is drawn when."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.gradient_dropout.theory import noise

PAPER = "gradient_dropout"
GRADIENTS = "gradient_dropout_gradients"
MOMENTS = "gradient_dropout_moments"
SEMANTICS = "gradient_dropout_semantics"


@claim(
    "GD-8",
    paper=PAPER,
    place="derived",
    statement="The recursion u_k = u_(k+1) - alpha H_k (N_k u_(k+1)) is the gradient through the "
    "noisy inner loop",
    experiment=GRADIENTS,
)
def recursion_is_the_gradient(result: Result) -> Outcome:
    return all_of(
        bound(result["tape_error"], at_most=1e-12, note="quadratics, against the tape"),
        bound(result["difference_error"], at_most=1e-6, note="against differences, tanh network"),
    )


@claim(
    "GD-9",
    paper=PAPER,
    place="released code",
    statement="The first-order gradient is that of the query loss at the adapted parameters",
    experiment=GRADIENTS,
)
def first_order_gradient(result: Result) -> Outcome:
    return all_of(
        bound(result["first_order_error"], at_most=1e-12),
        bound(result["first_against_second"], at_least=1e-3, note="it is not the exact gradient"),
    )


@claim(
    "GD-10",
    paper=PAPER,
    place="derived",
    statement="In the recursion the noise multiplies before the Hessian; the other order is no "
    "gradient",
    experiment=GRADIENTS,
)
def noise_before_hessian(result: Result) -> Outcome:
    return all_of(
        bound(result["noise_first_error"], at_most=1e-6),
        bound(result["hessian_first_error"], at_least=1e-3, note="the other order, relative"),
    )


@claim(
    "GD-11",
    paper=PAPER,
    place="derived",
    statement="Second-order meta-gradients average over the noise to the gradient of the expected "
    "query loss",
    experiment=MOMENTS,
)
def unbiased_for_the_expectation(result: Result) -> Outcome:
    """The first-order gradients average to another vector."""
    return all_of(
        compare([0.64537224, -1.02970007], result["meta_gradient"], 1e-8),
        compare(result["law_gradient"], result["meta_gradient"], 1e-10),
        compare([1.4728925, -1.20321625], result["meta_gradient_first"], 1e-8, note="first order"),
        compare(result["quartic_slope"], result["quartic_gradient"], 1e-10, note="theta^4/4"),
    )


@claim(
    "GD-12",
    paper=PAPER,
    place="derived",
    statement="With rate 0 training is MAML bit for bit",
    experiment=GRADIENTS,
)
def rate_zero(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["no_noise_gap"], 0.0, note="both families, 20 meta-steps of Adam"),
        bound(result["some_noise_gap"], at_least=1e-4, note="with rate .1 it is not"),
    )


@claim(
    "GD-13",
    paper=PAPER,
    place="released code",
    statement="A linear schedule gives rate epoch/(stop-1) times the rate; Gaussian noise ramps "
    "its deviation",
    experiment=SEMANTICS,
)
def linear_schedule(result: Result) -> Outcome:
    """From epoch ``stop`` - 1 on it stays at the rate, where the bare formula would reach
    .4 · 100/4 = 10 in epoch 100."""
    stop, top = int(result["stop"]), float(result["top"])
    epochs = [int(epoch) for epoch in result["epochs"]]
    ramp = np.array([noise.ramp(epoch, stop) for epoch in epochs])
    whole = np.sqrt(noise.variance(top))
    by_rate = np.sqrt([noise.variance(top * share) for share in ramp])
    return all_of(
        compare([0.0, 0.1, 0.2, 0.3, 0.4], result["rates"][:5], 1e-15),
        compare(top * ramp, result["rates"], 1e-15),
        compare(top * ramp, result["dropped"], 1e-12, note="share dropped of equally spaced draws"),
        compare(whole * ramp, result["deviation_std"], 1e-12),
        compare(by_rate, result["deviation_rate"], 1e-12, note="the other switch"),
        check(max(epochs) >= 2 * stop, predicted=2.0 * stop, measured=float(max(epochs))),
    )


@claim(
    "GD-14",
    paper=PAPER,
    place="released code",
    statement="Every scalar, biases included, has a draw of its own in each inner step and task; "
    "adapting at test draws nothing",
    experiment=SEMANTICS,
)
def fresh_noise(result: Result) -> Outcome:
    expected = float(result["expected_count"])
    shares, bias = result["dropped_share"], result["is_bias"]
    spread = 6.0 * np.sqrt(0.25 / result["entries"])
    return all_of(
        compare(expected, result["counts"], 0.0, note="K T d numbers a meta-step"),
        compare(expected, result["distinct"], 0.0, note="no number twice"),
        compare(0.5, shares, np.minimum(spread, 0.49), note="share of zeros in every tensor"),
        check(bool(np.any(bias)), predicted="biases", measured=f"{int(np.sum(bias))} biases"),
        compare(0.0, result["test_gap"], 0.0, note="test adaptation against plain descent"),
        bound(result["training_gap"], at_least=1e-6, note="training adaptation against it"),
    )


@claim(
    "GD-15",
    paper=PAPER,
    place="released code",
    statement="The meta-loss is the sum over the tasks of a meta-batch, T times their mean",
    experiment=GRADIENTS,
)
def sum_over_tasks(result: Result) -> Outcome:
    return all_of(
        compare(float(result["meta_batch"]), result["sum_ratio"], 1e-12),
        bound(result["sum_error"], at_most=1e-12),
        compare(4.0, float(result["meta_batch"]), 0.0),
    )


@claim(
    "GD-17",
    paper=PAPER,
    place="derived; cf. Pearlmutter 1994",
    statement="Hessian-vector products of a ReLU network by one forward and one backward recursion",
    experiment=GRADIENTS,
)
def hessian_vector_product(result: Result) -> Outcome:
    return all_of(
        bound(result["product_error"], at_most=1e-6, note="against central differences, relative"),
        bound(result["product_steps"], at_least=1e-8, note="steps that cross no kink"),
    )
