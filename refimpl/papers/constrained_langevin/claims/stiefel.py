"""Claims on constrained Langevin training: what is sampled on spheres and Stiefel manifolds.

The abstracts state what the methods are for; what is checked here is derived, and "derived" as a
place says so. No number is printed in the papers' abstracts.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.constrained_langevin.theory import stationary as laws

PAPER = "constrained_langevin"
ERRORS = 5.3
"""Standard errors that are allowed: six values pass with a false alarm of 7e-7 in all."""


@claim(
    "CL-9",
    paper=PAPER,
    place="derived",
    statement="On the sphere, V = -2 w_3: E w_3 = coth 2 - 1/2, with bias -0.0035 and -0.0009 at "
    "h = 0.2 and 0.1 (BAOAB) and +0.013 at h = 0.1 (OBA)",
    experiment="stiefel_bias",
)
def bias_on_the_sphere(result: Result) -> Outcome:
    """The means of the laws that one step leaves unchanged."""
    biases = result["sphere_means"] - laws.sphere_mean(2.0, 3)
    return all_of(
        compare([-0.00355, -0.00088, 0.0131], biases, 2e-4, note="BAOAB, BAOAB, OBA"),
        compare(4.0, biases[0] / biases[1], 0.2, note="order 2 of BAOAB"),
    )


def _bias(result: Result, scheme: str, step_size: float) -> tuple[float, float]:
    """Of E(2 W_11 + W_22) on St(4, 2), with its standard error."""
    first, second = laws.stiefel_mean(2.0, 1.0)
    names, sizes = np.asarray(result["law_schemes"]), result["law_steps"]
    [place] = np.flatnonzero((names == scheme) & (sizes == step_size))
    mean, error = float(result["law_mean"][place]), float(result["law_error"][place])
    return mean - (2.0 * first + second), error


def _sampled(result: Result, record: dict[tuple[str, float], float]) -> Outcome:
    """Biases against values on record, within 5.3 standard errors and a third of each."""
    found = [_bias(result, *key) for key in record]
    predicted = np.array(list(record.values()))
    biases, errors = np.array(found).T
    note = ", ".join(
        f"{scheme} h={h:g}: {bias:+.4f}±{error:.4f}"
        for (scheme, h), (bias, error) in zip(record, found, strict=True)
    )
    tolerance = np.minimum(ERRORS * errors, np.abs(predicted) / 3.0)
    return all_of(
        compare(predicted, biases, tolerance, note=note),
        bound(
            errors / np.abs(predicted),
            between=(1e-4, 1.0 / (3.0 * ERRORS)),
            note="errors over biases",
        ),
    )


@claim(
    "CL-10",
    paper=PAPER,
    place="derived",
    statement="On St(4, 2), V = -(2 W_11 + W_22): E(2 W_11 + W_22) = 1.124704; BAOAB samples "
    "1.1128 at h = 0.2, a bias of order 2; that of OBA is of order 1 and begins with 0.48 h",
    experiment="stiefel_bias",
)
def bias_on_the_stiefel_manifold(result: Result) -> Outcome:
    """Orders by what is left when the next one is taken off: bias = a h + b h^2 has
    4 bias(h/2) - bias(h) = a h, which is near zero for BAOAB."""
    first, second = laws.stiefel_mean(2.0, 1.0)
    record = {("BAOAB", 0.4): -0.0513, ("BAOAB", 0.2): -0.0119}

    def first_order(scheme: str, h: float) -> tuple[float, float]:
        (coarse, spread), (fine, error) = _bias(result, scheme, h), _bias(result, scheme, 0.5 * h)
        return (4.0 * fine - coarse) / h, (16.0 * error**2 + spread**2) ** 0.5 / h

    (oba, oba_error), (baoab, baoab_error) = first_order("OBA", 0.2), first_order("BAOAB", 0.4)
    return all_of(
        _sampled(result, record),
        compare(0.48, oba, 0.48 / 3.0, note=f"a of OBA, ±{oba_error:.3f}"),
        compare(0.0, baoab, 0.48 / 3.0, note=f"a of BAOAB, ±{baoab_error:.3f}"),
        bound([oba_error, baoab_error], between=(1e-5, 0.48 / (3.0 * ERRORS)), note="their errors"),
        compare([0.437335, 0.250033, 1.124704], [first, second, 2.0 * first + second], 1e-6),
    )


@claim(
    "CL-10b",
    paper=PAPER,
    place="derived",
    statement="Overdamped on St(4, 2): SHAKE has the bias -0.0332 and -0.0728 at h = 0.0125 and "
    "0.025, polar of raw increments +0.038 and +0.0068 at 0.1 and 0.05, of projected ones "
    "+0.0205 and +0.0382 at 0.01 and 0.02, about 2 h",
    experiment="stiefel_bias",
)
def bias_of_overdamped_steps_on_the_stiefel_manifold(result: Result) -> Outcome:
    """The values on record were measured in the same way on other draws, to 0.0003."""
    record = {
        ("shake", 0.0125): -0.0332,
        ("shake", 0.025): -0.0728,
        ("polar_raw", 0.1): 0.038,
        ("polar_raw", 0.05): 0.0068,
        ("polar_tangent", 0.02): 0.0382,
        ("polar_tangent", 0.01): 0.0205,
    }
    return _sampled(result, record)


@claim(
    "CL-11",
    paper=PAPER,
    place="derived",
    statement="Without a loss BAOAB keeps the Haar measure of St(4, 2) and the Maxwell law: "
    "E W_11^4 = 3/(n (n+2)), E|P|^2 = tau dim",
    experiment="stiefel_bias",
)
def haar_measure_is_kept(result: Result) -> Outcome:
    predicted = [laws.haar_moment(4, 4), laws.haar_moment(2, 4), laws.stiefel_dimension(4, 2)]
    return all_of(
        compare(
            predicted,
            result["moments"],
            6.0 * result["errors"],
            note="E W_11^4, E W_11^2, E|P|^2; 6 standard errors",
        ),
        bound(result["errors"] / predicted, between=(1e-4, 0.02), note="errors over means"),
        bound(result["residual"], at_most=1e-14, note="largest residual of W^T W = I"),
    )
