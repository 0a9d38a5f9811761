"""Claims on hyperspherical energy: local minima, saddles and initial energies.

Where a claim says "derived" the statement is not in the papers as far as is known. "Slides" are the
first author's slides of the papers; "recalled" is what is remembered of a paper's text and was
derived again.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.hyperspherical_energy.claims.common import energy_of, settings_with
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.experiments import known_points as points
from refimpl.papers.hyperspherical_energy.theory import optima

PAPER = "hyperspherical_energy"
POWERS = (0.0, 1.0, 2.0)


def _benign(result: Result) -> np.ndarray:
    """Settings with N <= n: where no spurious local minimum can be."""
    return np.flatnonzero(result["neurons"] <= result["dimension"])


@claim(
    "HE-28",
    paper=PAPER,
    place="derived; the papers argue from many bad local minima",
    statement="For N <= n the energy has no spurious local minima: every descent ends at the "
    "simplex (full space) or an orthonormal set (half space), s = 0, 1, 2",
    experiment="hyperspherical_point_sets",
)
def no_spurious_minima(result: Result) -> Outcome:
    rows = _benign(result)
    predicted = [
        optima.orthonormal_energy(float(s), int(neurons))
        if half
        else optima.simplex_energy(float(s), int(neurons))
        for s, half, neurons in zip(
            result["s"][rows], result["half"][rows], result["neurons"][rows], strict=True
        )
    ]
    starts = int(result["starts"][rows].sum())
    return all_of(
        compare(
            predicted,
            result["highest"][rows],
            1e-9,
            relative=True,
            note=f"the worst of {starts} starts in {rows.size} settings",
        ),
        compare(predicted, result["energy"][rows], 1e-9, relative=True),
    )


@claim(
    "HE-29",
    paper=PAPER,
    place="derived",
    statement="At the minima with N <= n the certificate holds: S W = 0 and S is positive "
    "semi-definite",
    experiment="hyperspherical_point_sets",
)
def dual_certificates(result: Result) -> Outcome:
    rows = _benign(result)
    return all_of(
        bound(result["smallest_eigenvalue"][rows], at_least=-1e-8),
        bound(result["critical_residual"][rows], at_most=1e-7),
    )


@claim(
    "HE-30",
    paper=PAPER,
    place="derived; observed here",
    statement="32 points, s = 2: many local minima between (k = 12: every start another), "
    "one for k >= 31; what projecting to k < N brings in",
    experiment="hyperspherical_minima",
)
def census(result: Result) -> Outcome:
    dimensions = list(result["dimensions"])
    lowest = np.nanmin(result["energies"], axis=2)
    known = {
        3: (401.5, 976.70928031),
        31: (240.25, 496.51666667),
        32: (240.25, 496.0),
        33: (240.25, 496.0),
    }
    at = [dimensions.index(k) for k in known]
    minima = result["minima"]
    counts = "; ".join(
        f"k={k}: {full:.0f}/{half:.0f}" for k, (full, half) in zip(dimensions, minima, strict=True)
    )
    return all_of(
        compare(
            1.0,
            minima[[dimensions.index(k) for k in (31, 32, 33)]],
            0.0,
            note=f"minima of points/lines: {counts}",
        ),
        bound(minima[dimensions.index(3), 0], at_least=2),
        bound(minima[dimensions.index(12), 1], at_least=10),
        compare(list(known.values()), lowest[at], 1e-8, relative=True),
        bound(
            lowest[dimensions.index(4)] / (315.99183255, 707.49695370),
            at_least=1.0 - 1e-8,
            note="k = 4 has several minima; the lowest may need more starts",
        ),
    )


@claim(
    "HE-31",
    paper=PAPER,
    place="derived",
    statement="The angular kernels are convex in the cosine up to 116.2, 131.2 and 140.7 degrees "
    "(s = 0, 1, 2) only; in half space everywhere, with least curvature 8/pi^2, 32/pi^3, 192/pi^4",
)
def angular_convexity() -> Outcome:
    """The second derivative that the energies themselves use, and where it changes sign."""
    from scipy.optimize import brentq

    limits, least, places = [], [], []
    for s in POWERS:
        energy = HypersphericalEnergy(s, metric="angular")

        def curvature(c: np.ndarray, energy: HypersphericalEnergy = energy) -> np.ndarray:
            return energy.pair(1.0 - c, 1.0 + c, 2)[2]

        root = brentq(lambda c, f=curvature: float(f(np.asarray(c))), -0.99, 0.0)
        limits.append(math.degrees(math.acos(root)))
        grid = np.linspace(-0.99, 0.99, 1981)
        both = curvature(grid) + curvature(-grid)
        least.append(both.min())
        places.append(grid[both.argmin()])
    pi = math.pi
    exact = [math.degrees(optima.angular_convexity_limit(s)) for s in POWERS]
    curvatures = [optima.angular_half_space_curvature(s) for s in POWERS]
    return all_of(
        compare([116.2, 131.2, 140.7], limits, 0.1),
        compare(exact, limits, 1e-9),
        compare([8 / pi**2, 32 / pi**3, 192 / pi**4], least, 1e-4),
        compare(curvatures, least, 1e-9),
        compare(0.0, places, 1e-3),
    )


@claim(
    "HE-32",
    paper=PAPER,
    place="CoMHE, stationary-point argument (recalled)",
    statement="A neuron at a stationary point is a positive-weight mean of the other neurons",
    experiment="hyperspherical_point_sets",
)
def stationary_means(result: Result) -> Outcome:
    """Two points are left out: the mean of one other point is that point, of length 1."""
    rows = settings_with(result, half=0.0)
    rows = rows[result["neurons"][rows] >= 3]
    lengths = result["mean_length"][rows]
    return all_of(
        bound(
            lengths,
            at_most=1.0 - 1e-6,
            verdict="refuted",
            correction="a mean of distinct unit vectors is shorter than 1; on the sphere only its "
            "tangential part vanishes",
        ),
        bound(result["tangential_residual"][rows], at_most=1e-7),
    )


@claim(
    "HE-33",
    paper=PAPER,
    place="CoMHE, stationary-point argument (recalled)",
    statement="Local minima of few dimensions stay stationary points in more and so multiply there",
)
def padded_minima_are_saddles() -> Outcome:
    """Roots of unity, optimal in the plane, with zeros appended."""
    residuals, smallest, ends = [], [], []
    for s in POWERS:
        energy = energy_of(s)
        for neurons, dimension in ((5, 5), (6, 8), (4, 4)):
            padded = np.zeros((neurons, dimension))
            padded[:, :2] = points.circle(neurons)
            certificate = energy.certificate(padded)
            residuals.append(np.abs(certificate @ padded).max())
            values, vectors = np.linalg.eigh(certificate)
            smallest.append(values[0])
            # moving along an unused axis by the eigenvector lowers the energy
            moved = padded.copy()
            moved[:, -1] = 0.05 * vectors[:, 0]
            ends.append(float(energy(moved) - energy(padded)))
    return all_of(
        bound(
            smallest,
            at_most=-1e-3,
            verdict="refuted",
            correction="they stay critical and become strict saddles for N <= n; and by rotation "
            "stationary points are continua, which cannot be counted",
        ),
        compare(0.0, residuals, 1e-10),
        bound(ends, at_most=-1e-6),
    )


@claim(
    "HE-34",
    paper=PAPER,
    place="derived",
    statement="At Gaussian initialisation the mean s = 2 energy is (n-2)/(2(n-3)), and in half "
    "space (1/4 + (N-1)(n-2)/(n-3))/(2N-1)",
    experiment="hyperspherical_initial",
)
def initial_energies(result: Result) -> Outcome:
    predicted = [
        [optima.initial_energy(2.0, neurons, dimension, space) for space in ("full", "half")]
        for dimension, neurons in result.config.layers
    ]
    optimum = [
        [
            optima.simplex_energy(2.0, neurons) / (0.5 * neurons * (neurons - 1)),
            (0.25 * neurons + 2.0 * optima.orthonormal_energy(2.0, neurons))
            / (neurons * (2 * neurons - 1)),
        ]
        for _, neurons in result.config.layers
    ]
    excess = np.asarray(predicted) / np.asarray(optimum) - 1.0
    return all_of(
        compare(predicted, result["layer_energy"], 0.005, relative=True),
        bound(
            np.asarray(predicted) - optimum,
            at_least=0.0,
            note=f"a random layer is within {100 * excess.max():.1f} % of its optimum",
        ),
    )
