"""Claims on hyperspherical energy: what the energy of projected neurons is on average.

Where a claim says "derived" the statement is not in the papers as far as is known. "Slides" are the
first author's slides of the papers; "recalled" is what is remembered of a paper's text and was
derived again.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.hyperspherical_energy.theory import projected_angle as angle
from refimpl.papers.hyperspherical_energy.theory import projection

PAPER = "hyperspherical_energy"
COSINES = (-0.9, -0.5, 0.0, 0.3, 0.9)


@claim(
    "HE-23",
    paper=PAPER,
    place="derived",
    statement="Random projection keeps half-space energy (s = 2) in the mean up to an affine map: "
    "E HS(PW) = (k/(k-3)) HS(W) - N(N-1)/(k-3)",
    experiment="projected_energy",
)
def energy_of_projections(result: Result) -> Outcome:
    neurons = result.config.neurons
    predicted = [
        projection.half_space_mean(float(energy), neurons, int(k))
        for energy, k in zip(result["energy"], result["k"], strict=True)
    ]
    error = 3.0 * result["energy_error"]
    return all_of(
        compare(predicted, result["mean_energy"], error, note="3 standard errors"),
        compare(predicted, result["mean_energy"], 0.02, relative=True),
        compare(0.0, result["batch_energy_error"], 1e-12),
    )


@claim(
    "HE-24",
    paper=PAPER,
    place="derived",
    statement="The mean gradient of random projection is k/(k-3) times that of half-space energy",
    experiment="projected_energy",
)
def gradient_of_projections(result: Result) -> Outcome:
    predicted = result["k"] / (result["k"] - 3.0)
    error = 3.0 * result["ratio_error"]
    return all_of(
        compare(predicted, result["ratio"], error, note="3 standard errors"),
        compare(predicted, result["ratio"], 0.02, relative=True),
        bound(result["cosine"], at_least=0.995),
        compare(0.0, result["batch_gradient_error"], 1e-11),
    )


@claim(
    "HE-25",
    paper=PAPER,
    place="derived",
    statement="Under random projection E log(1-r^2) is log(1-c^2) plus psi((k-1)/2) - psi(k/2), "
    "and the half-space energy of s = 4 closes too",
)
def other_powers() -> Outcome:
    setting = [(c, k) for c in COSINES for k in range(6, 41)]
    logarithms = [
        angle.expectation(lambda b, a: np.log(a * b), cosine=c, projected=k) for c, k in setting
    ]
    shifted = [math.log1p(-c * c) + projection.log_shift(k) for c, k in setting]
    fourth = [projection.smoothed_kernel(4.0, c, k, "half") for c, k in setting]
    closed = [projection.half_space_fourth(c, k) for c, k in setting]
    return all_of(compare(shifted, logarithms, 1e-9), compare(closed, fourth, 1e-9, relative=True))


@claim(
    "HE-26",
    paper=PAPER,
    place="derived",
    statement="The full-space energy of s = 2 is smoothed by random projection, not affinely "
    "(k = 40)",
)
def full_space_is_not_affine() -> Outcome:
    cosines = np.array([0.9, 0.3, 0.0, -0.9])
    smoothed = np.array([projection.smoothed_kernel(2.0, c, 40) for c in cosines])
    plain = 1.0 / (2.0 - 2.0 * cosines)
    slope, constant = np.polyfit(plain, smoothed, 1)
    return all_of(
        compare([5.372, 0.7432, 0.5135, 0.26354], smoothed, [1e-3, 1e-4, 1e-4, 1e-5]),
        bound(np.max(np.abs(slope * plain + constant - smoothed)), at_least=1e-3),
    )


@claim(
    "HE-27",
    paper=PAPER,
    place="derived",
    statement="At c = 0 the projected half-space energy of a pair has variance "
    "2(k-2)/((k-3)^2 (k-5)), for k > 5",
)
def variance_at_right_angles() -> Outcome:
    sizes = range(8, 41)
    predicted = [2.0 * (k - 2) / ((k - 3) ** 2 * (k - 5)) for k in sizes]
    closed = [projection.half_space_variance(0.0, k) for k in sizes]
    measured = []
    for k in sizes:
        first = angle.expectation(lambda b, a: 1.0 / (a * b), cosine=0.0, projected=k, poles=1)
        second = angle.expectation(lambda b, a: (a * b) ** -2.0, cosine=0.0, projected=k, poles=2)
        measured.append(second - first * first)
    return all_of(
        compare(predicted, measured, 1e-8, relative=True),
        compare(predicted, closed, 1e-12, relative=True),
    )
