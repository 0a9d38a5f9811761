"""Claims on the ground that the papers' claims stand on: exact laws of standard methods."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result


@claim(
    "FD-10",
    paper="foundations",
    place="Welling & Teh 2011, eq. 4 with the full gradient; derived",
    statement="Discretised Langevin dynamics on a Gaussian has stationary variance "
    "tau / (a (1 - h a / 2)) along curvature a, and is stable just where h a < 2",
    experiment="sgld_gaussian",
)
def exact_discretised_covariance(result: Result) -> Outcome:
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
def sampled_discretised_covariance(result: Result) -> Outcome:
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
            5.0 * error,
            note="tolerance of 5 standard errors",
        ),
        bound(distance / error[stiffest], at_least=5.0),
    )
