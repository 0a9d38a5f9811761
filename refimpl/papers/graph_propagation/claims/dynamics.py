"""Claims on the iterations: spectra, laws of one state, diffusion."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.graph_propagation.experiments.one_state import CYCLES, MARGINS
from refimpl.papers.graph_propagation.experiments.spectra import AUGMENTED, LOSS_RATES, SIGMAS
from refimpl.papers.graph_propagation.theory import one_state, reach, spectra

PAPER = "graph_propagation"


@claim(
    "LPG-6",
    paper=PAPER,
    place="derived",
    statement="Simultaneous steps without a loss, linear F: spectral radius sqrt(1 + η²σ²) > 1",
    experiment="graph_spectra",
)
def simultaneous(result: Result) -> Outcome:
    found = result["simultaneous"]
    return all_of(
        compare(spectra.simultaneous_radius(0.03, SIGMAS), found, 1e-12),
        compare(1.0010857246, found, 1e-8, note="as computed apart from this package"),
    )


@claim(
    "LPG-7",
    paper=PAPER,
    place="derived",
    statement="Alternating steps without a loss: all eigenvalues have modulus 1, ησ_max = 0.78",
    experiment="graph_spectra",
)
def alternating(result: Result) -> Outcome:
    return compare(np.ones(2 * len(SIGMAS)), result["alternating_moduli"], 1e-12)


@claim(
    "LPG-8",
    paper=PAPER,
    place="derived",
    statement="With ½‖x − y‖² the radius is the largest sqrt(1 − η + η²σ²): stable if and only if "
    "ησ² < 1 (four rates, σ from 0.75 to 1.55)",
    experiment="graph_spectra",
)
def loss_curvature(result: Result) -> Outcome:
    found = result["loss"]
    stable = [spectra.stable_with_loss(rate, SIGMAS) for rate in LOSS_RATES]
    return all_of(
        compare([spectra.loss_radius(rate, SIGMAS) for rate in LOSS_RATES], found, 1e-12),
        compare(0.98598814803, found[0], 1e-8, note="as computed apart from this package"),
        check(stable == [bool(r < 1.0) for r in found], predicted="stable iff ησ² < 1"),
    )


@claim(
    "LPG-9",
    paper=PAPER,
    place="derived",
    statement="Without a loss, augmented: radius sqrt(1 − ηρσ² + η²σ²), stable if and only if "
    "η < ρ, where ρσ_max < 2 (three pairs of η and ρ)",
    experiment="graph_spectra",
)
def augmented(result: Result) -> Outcome:
    found = result["augmented"]
    expected = [spectra.augmented_radius(rate, rho, SIGMAS) for rate, rho in AUGMENTED]
    stable = [rate < rho for rate, rho in AUGMENTED]
    return all_of(
        compare(expected, found, 1e-12),
        compare([0.9960126, 0.99946, 1.00253], found, [1e-6, 1e-5, 1e-5]),
        check(stable == [bool(r < 1.0) for r in found], predicted="stable iff η < ρ"),
    )


@claim(
    "LPG-10",
    paper=PAPER,
    place="derived",
    statement="Extragradient steps converge without curvature: what is left of the distance is "
    "below 1e-12 after 2e5 steps of η = 0.03 (powers of the step), and 800 steps of 0.4 meet the "
    "state equation",
    experiment="graph_spectra",
)
def extragradient(result: Result) -> Outcome:
    return all_of(
        bound(result["extragradient_left"], between=(0.0, 1e-12)),
        compare(spectra.extragradient_radius(0.03, SIGMAS), result["extragradient_radius"], 1e-12),
        bound(result["extragradient_residual"], between=(0.0, 1e-12)),
    )


@claim(
    "LPG-12",
    paper=PAPER,
    place="derived",
    statement="G = a², a at its minimum in each step: a = d / (1 + 6d²t)^{1/3}, so the residual "
    "falls as t^{-1/3} and is never 0 (η = 0.01, d = 1; t to 1000 in quick, 10⁴ in full)",
    experiment="graph_one_state",
)
def squared_law(result: Result) -> Outcome:
    times = result["squared_times"]
    expected = [one_state.squared_residual(float(t), 1.0) for t in times]
    allowed = np.where(times >= 1000.0, 1e-4, 1e-3)
    return all_of(
        check(times.tolist() == list(result.config.squared_times), predicted="the times"),
        compare(expected, result["squared"], allowed, relative=True),
        compare([0.118489, 0.0550285], result["squared"][:2], 1e-6),
        compare(0.1177488, result["squared_plain"], 1e-7, note="plain steps of equal rate"),
    )


@claim(
    "LPG-13",
    paper=PAPER,
    place="derived (G = a³ is the released code's)",
    statement="G = a³, a at its minimum in each step: t = (2d/15)(a⁻⁵ − d⁻⁵) − (a⁻⁴ − d⁻⁴)/12, at "
    "t = 1000 and 2000",
    experiment="graph_one_state",
)
def cubed_law(result: Result) -> Outcome:
    found = [one_state.cubed_time(float(a), 1.0) for a in result["cubed"]]
    time = result.config.cubed_time
    return all_of(
        compare([0.5 * time, time], result["cubed_times"], 0.0),
        compare(result["cubed_times"], found, 1e-3, relative=True),
        compare(0.1434245, result["cubed"][-1], 1e-6),
    )


@claim(
    "LPG-14",
    paper=PAPER,
    place="derived",
    statement="Multipliers of a non-negative G (abs, eps, squared, eps_l1) never fall, over 60 "
    "steps of a network; those of a signed G take the sign that is needed: ±1 for d = ±1",
    experiment="graph_one_state",
)
def monotone(result: Result) -> Outcome:
    return all_of(
        bound(result["largest_fall"], at_most=0.0),
        compare([1.0, -1.0], result["signed"], 1e-9),
    )


@claim(
    "LPG-15",
    paper=PAPER,
    place="derived (eps is the released default)",
    statement="G = eps, plain steps of equal rate from a = d: a 2-cycle with λ∞ = (ε − a₂)/η + |d| "
    "− ε if η|d| <= (2 − η)ε, else divergence; five pairs, ε at 0.995, 1.005 and 1.2 of the "
    "threshold",
    experiment="graph_one_state",
)
def epsilon_cycle(result: Result) -> Outcome:
    expected = np.array(
        [
            [
                one_state.cycle_multiplier(r, d, m * one_state.least_epsilon(r, d))
                for m in MARGINS[1:]
            ]
            for r, d in CYCLES
        ]
    )
    final, rises = result["cycle_multipliers"], result["cycle_rises"]
    return all_of(
        compare(expected, final[:, 1:], 1e-8),
        bound(rises[:, 1:], between=(0.0, 1e-7)),
        bound(final[:, 0], at_least=100.0),
        bound(rises[:, 0], at_least=1.0),
        check(
            bool(np.all(result["cycle_inside"] == [[False, True, True]])),
            predicted="|a| <= ε in the cycle alone",
        ),
    )


@claim(
    "LPG-16",
    paper=PAPER,
    place="derived",
    statement="G = |a|, equal rates: log λ grows by η²/2 a step (η = 0.01 and 0.05)",
    experiment="graph_one_state",
)
def absolute_growth(result: Result) -> Outcome:
    expected = [one_state.absolute_rate(rate) for rate in (0.01, 0.05)]
    return compare(expected, result["growth"], 0.05, relative=True)


@claim(
    "LPG-18",
    paper=PAPER,
    place="abstract (layers accelerate diffusion); law derived",
    statement="After t simultaneous steps a label has been felt by states 2Kt hops away and by "
    "multipliers K(2t − 1) hops away, exactly 0 beyond: paths of 9 nodes, K = 1, 2, 3, released "
    "form, read-out of new states",
    experiment="graph_diffusion",
)
def diffusion(result: Result) -> Outcome:
    config, hops = result.config, np.arange(result.config.nodes)
    parts = []
    for name, law in (("states", reach.state_reach), ("multipliers", reach.multiplier_reach)):
        felt = result[name]
        expected = np.array(
            [[hops <= law(t + 1, k) for t in range(config.steps)] for k in config.layers]
        )
        parts += [
            check(felt.shape == expected.shape, predicted="one entry a node, step and K"),
            compare(0.0, np.where(expected, 0.0, felt), 0.0, note=f"{name} beyond"),
            check(
                bool(np.all(np.where(expected, felt, 1.0) > 0.0)),
                predicted="felt within reach",
                note=name,
            ),
            bound(felt, between=(0.0, 0.5)),
        ]
    return all_of(*parts)
