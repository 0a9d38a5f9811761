"""Claims on constrained Langevin training: what is sampled on spheres and Stiefel manifolds.

The abstracts state what the methods are for; what is checked here is derived, and "derived" as a
place says so. No number is printed in the papers' abstracts.
"""

from __future__ import annotations

import dataclasses

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.constrained_langevin.theory import stationary as laws

PAPER = "constrained_langevin"


@claim(
    "CL-9",
    paper=PAPER,
    place="derived",
    statement="On the sphere, V = -2 w_3: E w_3 = coth 2 - 1/2, with bias -0.0035 and -0.0009 at "
    "h = 0.2 and 0.1 (BAOAB) and +0.013 at h = 0.1 (OBA)",
    experiment="stiefel_bias",
)
def bias_on_the_sphere(result: Result) -> Outcome:
    """The means of the laws that one step leaves unchanged; chains agree within their errors."""
    exact = laws.sphere_mean(2.0, 3)
    biases = result["sphere_means"] - exact
    record = {("BAOAB", 0.2): -0.00355, ("BAOAB", 0.1): -0.00088, ("OBA", 0.1): 0.0131}
    return all_of(
        compare(list(record.values()), biases, [1e-4, 1e-4, 2e-4], note="BAOAB, BAOAB, OBA"),
        compare(4.0, biases[0] / biases[1], 0.2, note="order 2 of BAOAB"),
        _sampled(result, "sphere", exact, record, {"BAOAB": 0.0007, "OBA": 0.001}),
    )


@claim(
    "CL-10",
    paper=PAPER,
    place="derived",
    statement="On St(4, 2), V = -(2 W_11 + W_22): E(2 W_11 + W_22) = 1.124704; BAOAB samples "
    "1.1147 at h = 0.2",
    experiment="stiefel_bias",
)
def bias_on_the_stiefel_manifold(result: Result) -> Outcome:
    first, second = laws.stiefel_mean(2.0, 1.0)
    exact = 2.0 * first + second
    record = {("BAOAB", 0.2): 1.1147 - exact}
    return all_of(
        _separated(_sampled(result, "stiefel", exact, record, {"BAOAB": 0.002})),
        compare([0.437335, 0.250033, 1.124704], [first, second, exact], 1e-6, note="quadrature"),
    )


@claim(
    "CL-10b",
    paper=PAPER,
    place="derived",
    statement="Overdamped on St(4, 2): SHAKE samples 1.0925 and 1.0552 at h = 0.0125 and 0.025; "
    "polar of raw increments +0.039 and +0.004 at 0.1 and 0.05, of projected ones about +2.0 h",
    experiment="stiefel_bias",
    profile="full",
)
def bias_of_overdamped_steps_on_the_stiefel_manifold(result: Result) -> Outcome:
    first, second = laws.stiefel_mean(2.0, 1.0)
    exact = 2.0 * first + second
    record = {
        ("shake", 0.0125): 1.0925 - exact,
        ("shake", 0.025): 1.0552 - exact,
        ("polar_raw", 0.1): 0.039,
        ("polar_raw", 0.05): 0.004,
        ("polar_tangent", 0.02): 0.039,
        ("polar_tangent", 0.01): 0.021,
    }
    names = dict.fromkeys(("shake", "polar_raw", "polar_tangent"), 0.002)
    return _separated(_sampled(result, "stiefel", exact, record, names))


def _separated(outcome: Outcome) -> Outcome:
    """What holds within a tolerance of more than a third of the bias is not shown."""
    predicted, tolerance = outcome.predicted, outcome.tolerance
    assert isinstance(predicted, float) and isinstance(tolerance, float)
    if outcome.verdict == "holds" and 3.0 * tolerance > abs(predicted):
        note = f"{outcome.note}; six errors exceed a third of the bias"
        return dataclasses.replace(outcome, verdict="not shown", note=note)
    return outcome


def _sampled(
    result: Result,
    target: str,
    exact: float,
    record: dict[tuple[str, float], float],
    tolerances: dict[str, float],
) -> Outcome:
    """The biases on record against those of the runs that the experiment has."""
    predicted, measured, allowed, notes = [], [], [], []
    for name, h, moments, errors in zip(
        result["runs"], result["run_steps"], result["moments"], result["errors"], strict=True
    ):
        place, scheme = str(name).split(" ")
        if place == target and (scheme, float(h)) in record:
            predicted.append(record[scheme, float(h)])
            measured.append(moments[0] - exact)
            allowed.append(max(tolerances[scheme], 6.0 * errors[0]))
            notes.append(f"{scheme} h={h:g}: {measured[-1]:+.4f}±{errors[0]:.4f}")
    return compare(predicted, measured, allowed, note=", ".join(notes))


@claim(
    "CL-11",
    paper=PAPER,
    place="derived",
    statement="Without a loss BAOAB keeps the Haar measure of St(4, 2) and the Maxwell law: "
    "E W_11^4 = 3/(n (n+2)), E|P|^2 = tau dim",
    experiment="stiefel_bias",
)
def haar_measure_is_kept(result: Result) -> Outcome:
    index = [i for i, name in enumerate(result["runs"]) if name == "haar BAOAB"]
    predicted = [laws.haar_moment(4, 4), laws.haar_moment(2, 4), laws.stiefel_dimension(4, 2)]
    return all_of(
        compare(
            predicted,
            result["moments"][index],
            6.0 * result["errors"][index],
            note="E W_11^4, E W_11^2, E|P|^2; 6 standard errors",
        ),
        bound(result["residual"], at_most=1e-14, note="largest residual of W^T W = I"),
    )
