"""Claims on the worth of draws: what momenta buy, on which laws, and what exactness costs.

The abstracts say that momenta help to improve sampling efficiency; the rest is derived.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.constrained_langevin.theory import efficiency as theory

PAPER = "constrained_langevin"
ERRORS = 6.0
STRENGTH = 2.0
"""b of the bimodal law."""


def _row(
    result: Result, law: str, step: float, friction: float, tested: bool, drifts: int = 1
) -> int:
    """The group of these settings."""
    found = np.flatnonzero(
        (result["law"] == law)
        & (result["step_size"] == step)
        & (result["friction"] == friction)
        & (result["tested"] == tested)
        & (result["drifts"] == drifts)
    )
    if found.size != 1:
        raise ValueError(f"{found.size} runs of {law} at {step}, {friction}, {tested}, {drifts}")
    return int(found[0])


def _error(result: Result, rows: np.ndarray) -> np.ndarray:
    """Relative standard errors of the times: a window of five times is summed."""
    steps = result["time"][rows] / result["drifts"][rows]
    return np.sqrt(2.0 * (10.0 * steps + 1.0) / result["samples"][rows])


def _ratio(result: Result, above: int, below: int) -> float:
    return float(result["time"][above] / result["time"][below])


@claim(
    "CL-45",
    paper=PAPER,
    place="derived",
    statement="On a Gaussian draws of the position are worth tanh(gamma eps / 2) (1 - eps^2 k / 4) "
    "/ (eps^2 k / 4) gradients, and the worse of position and square is least near gamma = "
    "sqrt(k), 2/(eps sqrt(k)) times less than without momenta",
    experiment="momentum_efficiency",
)
def times_on_a_gaussian(result: Result) -> Outcome:
    """The worse time at every friction that the chains are long enough for."""
    rows = np.flatnonzero(
        (result["law"] == "gaussian") & ~result["tested"] & (result["drifts"] == 1)
    )
    rows = rows[ERRORS * _error(result, rows) <= 0.5]
    steps, frictions = result["step_size"][rows], result["friction"][rows]
    predicted = np.array(
        [theory.worst_time(1.0, float(h), float(g)) for h, g in zip(steps, frictions, strict=True)]
    )
    found = result["time"][rows] / predicted
    sizes = np.unique(steps)
    best = np.array([theory.best_friction(1.0, float(h)) for h in sizes])
    gains = [theory.gaussian_time(1.0, float(h), math.inf) for h in sizes] / best[:, 1]
    return all_of(
        compare(1.0, found, ERRORS * _error(result, rows), note=f"over predicted, {rows.size}"),
        compare(0.0, np.mean(np.log(found)), 0.1, note="mean logarithm of measured over predicted"),
        bound(np.max(predicted) / np.min(predicted), at_least=9.0, note="range of predictions"),
        compare(1.0, best[:, 0], 0.02, note="best friction"),
        compare(2.0 / sizes, gains, 0.02, relative=True, note="gain at the best friction"),
        bound(float(rows.size), at_least=8.0, note="groups"),
    )


@claim(
    "CL-46",
    paper=PAPER,
    place="abstracts of both papers (momenta help to improve sampling efficiency)",
    statement="Momenta help to improve sampling efficiency",
    experiment="momentum_efficiency",
)
def momenta_help(result: Result) -> Outcome:
    """Times without momenta over times with them, at one step size and thus one bias."""

    def gain(law: str, step: float, friction: float, tested: bool = False) -> float:
        without = _row(result, law, step, math.inf, tested)
        return _ratio(result, without, _row(result, law, step, friction, tested))

    network = [
        float(np.exp(np.nanmean(np.log(result["times"][a] / result["times"][b]))))
        for a, b in (
            (_row(result, "network", 0.15, math.inf, t), _row(result, "network", 0.15, 1.0, t))
            for t in (False, True)
        )
    ]
    condition = (
        "at a friction near sqrt(k), k the least curvature (1 here): the gain is 2/(eps sqrt(k)) "
        "on a Gaussian, so it is large where the stiffest direction or the wanted accuracy keeps "
        "the step small, and about one where the step is as large as the law is wide; friction "
        "above 2/eps is the overdamped scheme, and far below sqrt(k) the energy is forgotten as "
        "slowly"
    )
    return all_of(
        compare(
            theory.gaussian_time(1.0, 0.2, math.inf) / theory.worst_time(1.0, 0.2, 1.0),
            gain("gaussian", 0.2, 1.0),
            0.33,
            relative=True,
            verdict="qualified",
            condition=condition,
            note="gain on the Gaussian, eps = 0.2, gamma = 1",
        ),
        bound(gain("gaussian", 0.2, 1.0, True), at_least=4.0, note="with the test"),
        bound(gain("gaussian", 0.2, 10.0), at_least=0.8, at_most=2.0, note="too much friction"),
        bound(gain("gaussian", 0.2, 0.1), at_least=1.2, at_most=3.5, note="too little friction"),
        bound(gain("bimodal", 0.25, 1.0), at_least=1.7, at_most=4.5, note="bimodal, small step"),
        bound(gain("bimodal", 0.25, 0.1), at_least=0.4, at_most=1.2, note="too little friction"),
        bound(gain("bimodal", 0.7, 1.0), at_least=0.9, at_most=1.8, note="bimodal, large step"),
        bound(gain("fisher", 0.15, 1.0), at_least=1.8, at_most=14.0, note="St(4, 2), small step"),
        bound(gain("fisher", 0.4, 1.0), at_least=0.8, at_most=2.9, note="St(4, 2), large step"),
        bound(network, at_least=1.4, at_most=30.0, note="network on spirals"),
    )


@claim(
    "CL-47",
    paper=PAPER,
    place="derived",
    statement="On circles with two modes the time between crossings is that of the generator at "
    "the friction (2/eps) tanh(gamma eps / 2), least near gamma = 1",
    experiment="momentum_efficiency",
)
def times_between_two_modes(result: Result) -> Outcome:
    """Fourier modes times Hermite polynomials against chains; eps = 0.25 is a tenth off."""
    rows = np.flatnonzero(
        (result["law"] == "bimodal")
        & ~result["tested"]
        & (result["drifts"] == 1)
        & (result["step_size"] == 0.25)
        & (result["friction"] >= 0.1)
    )
    frictions = [theory.effective_friction(0.25, float(g)) for g in result["friction"][rows]]
    predicted = np.array([theory.circle_time(STRENGTH, g) / 0.25 for g in frictions])
    times = result["times"][rows, 0]
    return all_of(
        compare(
            1.0,
            times / predicted,
            0.12 + ERRORS * _error(result, rows),
            note="time of theta over predicted: "
            + ", ".join(f"{t:.0f}/{p:.0f}" for t, p in zip(times, predicted, strict=True)),
        ),
        compare(1.0, result["friction"][rows][np.argmin(times)], 0.0, note="best of the frictions"),
        compare(1.0, result["accepted"][rows], 1e-9, note="accepted: there is no test"),
        bound(np.max(predicted) / np.min(predicted), at_least=2.5, note="range of predictions"),
    )


@claim(
    "CL-48",
    paper=PAPER,
    place="derived; observed",
    statement="Exactness costs generalized hybrid Monte Carlo, whose rejections turn momenta "
    "round, about 1.7 at an acceptance of 0.92 on the Gaussian and little for overdamped steps; "
    "hybrid Monte Carlo with 8 steps to a test is as good as no test",
    experiment="momentum_efficiency",
)
def cost_of_exactness(result: Result) -> Outcome:
    """Times with the test over times without, at the same step size; and the biases saved."""

    def cost(law: str, step: float, friction: float) -> float:
        untested = _row(result, law, step, friction, False)
        return _ratio(result, _row(result, law, step, friction, True), untested)

    plain, tested = (_row(result, "gaussian", 0.2, 1.0, t) for t in (False, True))
    hybrid = _row(result, "gaussian", 0.2, math.inf, True, 8)
    modes = [_row(result, "bimodal", 0.7, 1.0, t) for t in (False, True)]
    exact = _bimodal_square()
    return all_of(
        compare(1.7, cost("gaussian", 0.2, 1.0), 0.35, note="gamma = 1, acceptance 0.92"),
        compare(0.92, result["accepted"][tested], 0.03, note="acceptance"),
        compare(1.0, cost("gaussian", 0.2, math.inf), 0.4, note="overdamped"),
        compare(1.1, cost("gaussian", 0.1, 1.0), 0.3, note="acceptance 0.99"),
        bound(cost("bimodal", 0.7, 1.0), at_least=2.2, at_most=5.0, note="acceptance 0.6"),
        compare(1.0, _ratio(result, hybrid, plain), 0.35, note="hybrid over unadjusted, Gaussian"),
        compare(exact, result["variance"][modes[1]], 0.015, note="E theta^2 with the test"),
        bound(exact - result["variance"][modes[0]], at_least=0.07, note="bias without it"),
    )


def _bimodal_square() -> float:
    """E theta² of exp(b theta²) on the circle: half of 1 + I_1(b/2)/I_0(b/2)."""
    from scipy import special

    half = 0.5 * STRENGTH
    return float(0.5 * (1.0 + special.ive(1, half) / special.ive(0, half)))
