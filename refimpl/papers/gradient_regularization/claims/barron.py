"""A claim on the a priori estimate: two-layer networks of m units, excess energy of order 1/m."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.gradient_regularization.theory import barron

SIGMAS = 6.0


@claim(
    "GR-28",
    paper="gradient_regularization",
    place="abstract of the journal version (a priori estimate, two-layer networks, Barron space); "
    "form derived",
    statement="For the Tikhonov problem of a cosine, networks of m ReLU units drawn from the "
    "integral form of the solution have mean excess V/m, V at most B²(1/6 + λ/2); kinks at equal "
    "shares of ∫|u″| stay below it",
    experiment="gradient_regularization_barron",
)
def excess_of_random_units(result: Result) -> Outcome:
    units, strength = result["units"], float(result["strength"])
    exact = np.array([barron.mean_excess(int(m), strength) for m in units])
    mass = barron.roughness(strength)
    most = np.array([barron.bound(mass, int(m), strength) for m in units])
    error = result["standard_error"]
    return all_of(
        compare(exact, result["mean_excess"], SIGMAS * error, note="six standard errors"),
        bound(error / exact, between=(0.0, 0.06)),
        bound(result["mean_excess"] / most, between=(0.0, 1.0)),
        bound(result["placed_excess"] / exact, between=(0.0, 0.1)),
    )
