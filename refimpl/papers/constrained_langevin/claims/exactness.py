"""Claims on constrained sampling with a Metropolis test: exact, and both safeguards are needed.

The abstracts state nothing of it; the method is that of the sources named in the sampler's file.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.constrained_langevin.experiments.targets import TARGETS

PAPER = "constrained_langevin"
ERRORS = 6.0
"""Standard errors that are allowed: 30 moments pass with a false alarm of 6e-8 in all."""

CONTROLS = ("no test", "no way back")


def _deviations(result: Result) -> np.ndarray:
    """Means less exact ones, in standard errors: one row a run."""
    return (result["means"] - result["exact"]) / result["errors"]


@claim(
    "CL-42",
    paper=PAPER,
    place="Lelievre, Rousset & Stoltz 2019; derived moments",
    statement="With a Metropolis test and a reversibility check constrained chains keep the exact "
    "law at every step size: circle, sphere, St(4, 2), two constraints at once, a narrow oval",
    experiment="exact_sampling",
)
def laws_are_kept(result: Result) -> Outcome:
    """Chains start in exact draws; in every run a share of the proposals is rejected."""
    chosen = ~np.isin(result["sampler"], CONTROLS)
    counted = len(set(zip(result["target"][chosen], result["sampler"][chosen], strict=True)))
    return all_of(
        compare(0.0, _deviations(result)[chosen], ERRORS, note="in standard errors"),
        bound(result["shares"][chosen, 0], at_least=0.2, at_most=0.97, note="accepted"),
        bound(result["residual"][chosen], at_least=0.0, at_most=1e-13, note="of the constraint"),
        compare(15.0, float(counted), 0.0, note="runs: five laws, three samplers"),
    )


@claim(
    "CL-43",
    paper=PAPER,
    place="derived; negative controls",
    statement="The same steps without the Metropolis test leave each of the five laws, and without "
    "the reversibility check the law on the narrow oval, by more than 6 standard errors",
    experiment="exact_sampling",
)
def safeguards_are_needed(result: Result) -> Outcome:
    worst = np.max(np.abs(_deviations(result)), axis=1)
    untested = result["sampler"] == "no test"
    unreturned = result["sampler"] == "no way back"
    where = [str(name) for name in result["target"][untested]]
    exact = np.array([TARGETS[str(name)]().means for name in result["target"]])
    checked = (result["target"] == "oval") & ~np.isin(result["sampler"], CONTROLS)
    return all_of(
        bound(
            worst[untested],
            at_least=ERRORS,
            note="without the test: "
            + ", ".join(f"{name} {z:.0f}" for name, z in zip(where, worst[untested], strict=True)),
        ),
        bound(worst[unreturned], at_least=ERRORS, note=f"no way back: {worst[unreturned][0]:.0f}"),
        bound(result["shares"][checked, 2], at_least=0.01, at_most=0.5, note="refused on the oval"),
        compare(0.0, result["shares"][unreturned, 2], 0.0, note="none refused without the check"),
        compare(exact, result["exact"], 1e-12, note="exact means"),
    )


@claim(
    "CL-44",
    paper=PAPER,
    place="derived",
    statement="One Metropolis-exact step is in detailed balance between all points of a circle, to "
    "rounding; without the test the fluxes of some pairs differ by more than a third",
    experiment="detailed_balance",
)
def fluxes_balance(result: Result) -> Outcome:
    """Momenta are injected: nothing is sampled."""
    return all_of(
        compare(0.0, float(result["exact_asymmetry"]), 1e-11, note="relative difference of fluxes"),
        compare(0.0, float(result["exact_missed"]), 1e-12, note="distance from the wanted point"),
        bound(float(result["control_asymmetry"]), at_least=0.3, note="without the test"),
        compare(0.0, float(result["control_missed"]), 1e-12, note="control's distance"),
        bound(float(result["exact_smallest_chance"]), at_least=0.0, at_most=0.2, note="least"),
        compare(1.0, float(result["control_smallest_chance"]), 0.0, note="control accepts"),
    )
