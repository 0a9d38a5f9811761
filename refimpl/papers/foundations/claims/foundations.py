"""Claims on the ground that the papers' claims stand on: exact laws of standard methods."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.foundations.theory.gradient_flow import gain_at


@claim(
    "FD-1",
    paper="foundations",
    place="Saxe, McClelland & Ganguli 2014, eq. 6; depth >= 3 derived",
    statement="The gain of a balanced depth-D chain under gradient flow follows its closed form",
    experiment="gradient_flow",
)
def chain_gain(result: Result) -> Outcome:
    """An adaptive integrator (relative tolerance 1e-12) follows autodiff's gradients."""
    return compare(_chain_law(result), result["gain"], 1e-8)


def _chain_law(result: Result) -> np.ndarray:
    setting = {"start": float(result["start"]), "slope": float(result["slope"])}
    return np.array(
        [
            [gain_at(float(t), depth=int(depth), **setting) for t in result["times"]]
            for depth in result["depths"]
        ]
    )


@claim(
    "FD-2",
    paper="foundations",
    place="Saxe, McClelland & Ganguli 2014; Du, Hu & Lee 2018",
    statement="Gradient flow conserves every difference w_l^2 - w_k^2 of an unbalanced chain",
    experiment="gradient_flow",
)
def conserved_imbalance(result: Result) -> Outcome:
    return compare(0.0, result["drift"], 1e-9)


@claim(
    "FD-3",
    paper="foundations",
    place="Saxe, McClelland & Ganguli 2014, eqs. 4-6",
    statement="A balanced, aligned deep linear network learns each singular mode as a scalar chain",
    experiment="gradient_flow",
)
def independent_modes(result: Result) -> Outcome:
    start = float(result["network_start"])
    predicted = np.array(
        [
            [
                [
                    gain_at(float(t), start=start, slope=float(slope), depth=int(depth))
                    for slope in result["slopes"]
                ]
                for t in result["times"]
            ]
            for depth in result["depths"]
        ]
    )
    return all_of(
        compare(predicted, result["modes"], 1e-8),
        compare(0.0, result["leak"], 1e-10, note="everything outside of the modes"),
    )


@claim(
    "FD-4",
    paper="foundations",
    place="textbook (Euler's method)",
    statement="Gradient descent approaches gradient flow at first order in the learning rate",
    experiment="gradient_flow",
)
def first_order_in_the_rate(result: Result) -> Outcome:
    """Slope of log error against log learning rate between the two smallest rates, at time 1."""
    law = [
        gain_at(1.0, start=float(result["start"]), slope=float(result["slope"]), depth=int(depth))
        for depth in result["depths"]
    ]
    errors = np.abs(result["euler_gain"] - np.array(law)[:, None])
    rates = result["euler_rates"]
    slopes = np.log(errors[:, -2] / errors[:, -1]) / np.log(rates[-2] / rates[-1])
    return compare(1.0, slopes, 0.02)


@claim(
    "FD-5",
    paper="foundations",
    place="baseline of this package",
    statement="An MLP trained with SGD classifies digits with at least 97 % test accuracy "
    "(mean over seeds, learning rate chosen on the validation split)",
    experiment="digits_sgd",
)
def digits_accuracy(result: Result) -> Outcome:
    final = result["test_accuracy"][:, -1]
    spread = final.std(ddof=1)
    return bound(
        final.mean(),
        at_least=0.97,
        note=f"{final.size} seeds, standard deviation {spread:.4f}, "
        f"from {final.min():.4f} to {final.max():.4f}",
    )


@claim(
    "FD-10",
    paper="foundations",
    place="Welling & Teh 2011, eq. 4 with the full gradient; derived",
    statement="Discretised Langevin dynamics on a Gaussian has stationary variance "
    "tau / (a (1 - h a / 2)) along curvature a, and is stable just where h a < 2",
    experiment="sgld_gaussian",
)
def exact_discretized_covariance(result: Result) -> Outcome:
    """By injected noise, with no sampling: tolerances are multiples of the rounding error.

    The Lyapunov equation amplifies rounding by the inverse of its spectral gap 1 - radius².
    """
    eps = float(np.max(result["eps"]))
    predicted = result["predicted_variance"]
    gap = 1.0 - result["predicted_radius"] ** 2
    tolerance = (50.0 * eps / gap)[:, None]
    return all_of(
        compare(predicted, result["exact_variance"], tolerance, relative=True),
        compare(0.0, result["exact_cross_covariance"], tolerance[:, 0] * np.max(predicted, axis=1)),
        compare(result["predicted_radius"], result["spectral_radius"], 50.0 * eps),
        bound(result["spectral_radius"], at_most=1.0 - eps),
        bound(result["radius_beyond_limit"], at_least=1.0 + eps),
    )


@claim(
    "FD-11",
    paper="foundations",
    place="Welling & Teh 2011, eq. 4 with the full gradient; derived",
    statement="Chains of SGLD keep the discretised stationary variance, not the target's tau / a",
    experiment="sgld_gaussian",
)
def sampled_discretized_covariance(result: Result) -> Outcome:
    """Five standard errors: a false alarm in one of 18 variances has probability 1e-5 at most,
    and the seed is fixed. The target's own variance must lie outside of them at the largest
    step along the stiffest direction, or the measurement would not tell the two apart.
    """
    error = result["standard_error"]
    stiffest = np.unravel_index(int(np.argmax(error)), error.shape)
    distance = abs(result["sampled_variance"][stiffest] - result["continuous_variance"][stiffest])
    return all_of(
        compare(
            result["predicted_variance"],
            result["sampled_variance"],
            6.0 * error,
            note="tolerance of 6 standard errors",
        ),
        bound(distance / error[stiffest], at_least=5.0),
        compare(
            result.config.temperature / np.asarray(result.config.curvatures),
            result["continuous_variance"],
            1e-12,
            note="of the target",
        ),
    )


@claim(
    "FD-12",
    paper="foundations",
    place="derived; Chen, Fox & Guestrin 2014, Ding et al. 2014",
    statement="On a Gaussian SGHMC has position variance (1 - h C / 2) s^2 / (k h C (2 - h C - "
    "h^2 k / 2)), s^2 the noise of a step; SGNHT has the same at the friction that keeps E p^2 = "
    "tau",
    experiment="momentum_gaussian",
)
def exact_covariance_with_momentum(result: Result) -> Outcome:
    """By injected noise, with no sampling; the bias of the target's variance is far larger."""
    tau, curvatures = result.config.temperature, np.asarray(result.config.curvatures)
    exact, predicted = result["exact"], result["predicted"]
    tolerance = 2e4 * float(np.max(result["eps"]))
    thermostat = result["method"] == "sgnht"
    largest = result["step_size"] == np.max(result["step_size"])
    bias = np.abs(exact[largest, :, 0] * curvatures / tau - 1.0)
    return all_of(
        compare(predicted, exact, tolerance, relative=True, note="E x^2, E p^2, E x p"),
        compare(
            tau,
            np.mean(exact[thermostat, :, 1], axis=1),
            tolerance,
            note="kinetic temperature of SGNHT",
        ),
        bound(np.min(np.max(bias, axis=1)), at_least=0.1, note="relative bias at the largest step"),
        compare(2.0 * len(result.config.step_sizes), len(result["method"]), 0.0, note="runs"),
    )


@claim(
    "FD-13",
    paper="foundations",
    place="derived; Ding et al. 2014",
    statement="With noisy gradients chains of SGHMC keep the predicted law, and SGNHT finds the "
    "friction that keeps the kinetic temperature, which it does not know beforehand",
    experiment="momentum_gaussian",
)
def sampled_covariance_with_momentum(result: Result) -> Outcome:
    """Six standard errors of independent rows: 48 moments have a false alarm of 1e-7."""
    predicted = result["predicted"]
    error = np.sqrt(2.0 / result.config.chains)
    thermostat = result["method"] == "sgnht"
    tau, friction = result.config.temperature, result["friction"][thermostat]
    found = result["sampled_friction"][thermostat]
    added = result.config.friction  # A/tau, which an exact gradient would need
    return all_of(
        compare(1.0, result["sampled_position"] / predicted[..., 0], 6.0 * error, note="E x^2"),
        compare(1.0, result["sampled_momentum"] / predicted[..., 1], 6.0 * error, note="E p^2"),
        compare(
            tau, result["mean_kinetic"][thermostat], 6.0 * tau * error, note="E |p|^2 / n, SGNHT"
        ),
        compare(friction, found, 0.05, relative=True, note="friction of SGNHT"),
        bound(np.max(found) / added, at_least=1.15, note="friction over A/tau, largest step"),
    )
