"""Claims on networks and targets: derivatives, the gap, integration, diffusion, restrictions."""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.lattice_networks.activations import SMOOTH
from refimpl.papers.lattice_networks.experiments.integration import KINDS
from refimpl.papers.lattice_networks.theory.activations import suprema

PAPER = "lattice_networks"


@claim(
    "LAT-10",
    paper=PAPER,
    place="derived",
    statement="Suprema of the derivatives of sigmoid, tanh, swish and sin, n = 1 .. 8, equal those "
    "of a scan by nested differentiation",
    experiment="lattice_bounds",
)
def suprema_by_scan(result: Result) -> Outcome:
    scanned = result["scanned_suprema"]
    exact = [suprema(str(name), scanned.shape[1]) for name in result["activations"]]
    return compare(exact, scanned, 1e-6, relative=True)


@claim(
    "LAT-11",
    paper=PAPER,
    place="sharp constants derived, coarse ones recalled",
    statement="sup |s^(n)| <= ξ τ^n n! for n <= 12, sharp with equality at n = 1, and coarse; "
    "π^n/n! times that of the sigmoid starts .7854, .4749, .6460, .5182 and nears 2/π at odd n",
    experiment="lattice_bounds",
)
def constants_bound(result: Result) -> Outcome:
    sharp = result["sharp_ratios"]
    sigmoid = sharp[list(SMOOTH).index("sigmoid")] * math.pi / 4.0
    return all_of(
        bound(sharp, at_most=1.0 + 1e-9),
        compare(1.0, sharp[:, 0], 1e-9),
        bound(result["coarse_ratios"], between=(0.0, 1.0 + 1e-9)),
        compare([0.7854, 0.4749, 0.6460, 0.5182], sigmoid[:4], 1e-4),
        compare(2.0 / math.pi, sigmoid[10], 1e-4),
    )


@claim(
    "LAT-12",
    paper=PAPER,
    place="derived; the form of the bound agrees with a review of arXiv 2502.12496",
    statement="P Q^{n-1} n! = composed series = Bell polynomials, n <= 5, R = (1.5, .7, 2); Bell "
    "numbers for A_n = 1, two layers",
    experiment="lattice_bounds",
)
def moebius_composition(result: Result) -> Outcome:
    outcomes = [
        compare(
            [2.1, 14.91, 158.7915, 2254.8393, 40023.397575],
            result["moebius_sigmoid_coarse"],
            1e-12,
            relative=True,
        ),
        compare(0.4585651798, result["rate_sigmoid_sharp"], 1e-10),
        compare([1, 2, 5, 15, 52, 203], result["bell_numbers"], 1e-12, relative=True),
    ]
    for label in ("sigmoid_coarse", "sigmoid_sharp", "tanh_sharp"):
        exact = result[f"moebius_{label}"]
        outcomes += [
            compare(exact, result[f"series_{label}"], 1e-12, relative=True),
            compare(exact, result[f"bell_{label}"], 1e-12, relative=True),
        ]
    return all_of(*outcomes)


def _largest(result: Result, inputs: str) -> Outcome:
    outcomes = [bound(result[f"{inputs}_{name}"], between=(0.0, 1.0 + 1e-12)) for name in SMOOTH]
    by_depth = np.max([result[f"{inputs}_{name}"] for name in SMOOTH], axis=(0, 1, 3))
    shown = ", ".join(f"{value:.2g}" for value in by_depth)
    return all_of(*outcomes, note=f"largest ratios at depths 1, 2, ..: {shown}")


@claim(
    "LAT-13",
    paper=PAPER,
    place="derived; form of a review of arXiv 2502.12496",
    statement="|∂^ν G| <= β^ν M^(|ν|)(0) for four activations, depths 1 to 4, 0 < |ν| <= 4, by "
    "nested differentiation on a grid; the slack grows with depth",
    experiment="lattice_bounds",
)
def derivatives_bounded(result: Result) -> Outcome:
    by_depth = np.max([result[f"plain_{name}"] for name in SMOOTH], axis=(0, 1, 3))
    return all_of(_largest(result, "plain"), bound(np.diff(by_depth), at_most=0.0))


@claim(
    "LAT-14",
    paper=PAPER,
    place="derived",
    statement="One neuron, L = 1, attains the bound: ratio 1 on a scan, n = 1 .. 4",
    experiment="lattice_bounds",
)
def bound_is_tight(result: Result) -> Outcome:
    return compare(1.0, result["tight"], 1e-4)


@claim(
    "LAT-15",
    paper=PAPER,
    place="derived",
    statement="Networks on sin(2πy) obey the bound with Stirling numbers: four activations, depths "
    "1 to 4, 0 < |ν| <= 4",
    experiment="lattice_bounds",
)
def periodic_derivatives_bounded(result: Result) -> Outcome:
    return _largest(result, "periodic")


@claim(
    "LAT-16",
    paper=PAPER,
    place="derived (exact)",
    statement="E_T² - E_G² is the sum of the Fourier coefficients of (F - G)² over the dual "
    "lattice without 0: s = 2, Fibonacci N = 13 .. 233, periodic tanh network",
    experiment="lattice_gap",
)
def gap_is_alias_sum(result: Result) -> Outcome:
    gaps = result["gaps"]
    return all_of(
        compare(result["aliases"], gaps, 1e-12),
        bound(np.abs(gaps[0]), at_least=1e-3, note="the gap is there to be explained"),
    )


@claim(
    "LAT-17",
    paper=PAPER,
    place="derived",
    statement="|E_G² - E_T²| <= e(z) times the Korobov norm of (F - G)²; E_G exceeds E_T by at "
    "most the root of that",
    experiment="lattice_gap",
)
def gap_is_bounded(result: Result) -> Outcome:
    gaps, limits, whole = result["gaps"], result["bounds"], result["generalization"]
    ratio = np.abs(gaps) / limits
    training = np.sqrt(whole + gaps)
    return all_of(
        bound(ratio, at_most=1.0),
        bound(np.sqrt(whole) - training - np.sqrt(limits), at_most=0.0),
        compare(ratio[0] * limits[0], abs(result["aliases"][0]), 1e-12),
        bound(limits / result["norm"], at_most=0.7, note="e(z) itself"),
    )


@claim(
    "LAT-18",
    paper=PAPER,
    place="derived; the algebraic equation is named in the abstract",
    statement="Exact means of the algebraic targets, s = 20, against 2^14 shifted lattice points",
    experiment="lattice_integration",
)
def exact_means(result: Result) -> Outcome:
    return all_of(
        compare(1.0236109674077254, result["exact_algebraic_plain"], 1e-12),
        compare(1.0234627268554495, result["exact_algebraic_periodic"], 1e-12),
        bound(result["errors_algebraic_plain"][KINDS.index("lattice"), -1], at_most=1e-4),
        bound(result["errors_algebraic_periodic"][KINDS.index("lattice"), -1], at_most=1e-7),
    )


def slope(sizes: np.ndarray, errors: np.ndarray) -> float:
    """Least squares in logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


@claim(
    "LAT-19",
    paper=PAPER,
    place="observed; orders are standard",
    statement="Errors of the means fall like N^-1 (lattice), N^-1.7 (tent), N^-2.2 (lattice, "
    "periodic) and N^-1/2 (random), N = 2^4 .. 2^14, s = 20",
    experiment="lattice_integration",
)
def error_slopes(result: Result) -> Outcome:
    sizes = result["sizes"]
    plain = {k: slope(sizes, result["errors_algebraic_plain"][i]) for i, k in enumerate(KINDS)}
    waves = {k: slope(sizes, result["errors_algebraic_periodic"][i]) for i, k in enumerate(KINDS)}
    return all_of(
        bound(plain["lattice"], at_most=-0.8),
        bound(plain["tent"], at_most=-1.3),
        bound(waves["lattice"], at_most=-1.7),
        compare(-0.5, [plain["random"], waves["random"]], 0.12),
        note=f"slopes {plain['lattice']:.2f}, {plain['tent']:.2f}, {waves['lattice']:.2f}; random "
        f"{plain['random']:.2f}, {waves['random']:.2f}",
    )


@claim(
    "LAT-20",
    paper=PAPER,
    place="derived",
    statement="Linear elements converge to the closed form of the diffusion observable in second "
    "order: ratio 4 from n = 16 to 32 to 64",
    experiment="lattice_diffusion_problem",
)
def elements_converge(result: Result) -> Outcome:
    errors = result["element_errors"]
    return all_of(
        compare(0.11933103581902493, result["value"], 1e-14),
        compare(4.0, errors[:-1] / errors[1:], 0.1),
    )


@claim(
    "LAT-21",
    paper=PAPER,
    place="derived",
    statement="|∂^ν u(1/2)| <= |ν|! Π(b_j / a_min)^ν_j / (2 sqrt(12) a_min), a_min = 1 - Σb_j/2; "
    "at most 0.3 of it for 1 <= |ν| <= 4, three parameters",
    experiment="lattice_diffusion_problem",
)
def diffusion_derivatives(result: Result) -> Outcome:
    ratios = result["bound_ratios"]
    return all_of(
        bound(ratios[1:], between=(0.01, 0.30)),
        bound(ratios[0], between=(0.3, 1.0)),
        compare(0.0, result["algebraic_errors"], 1e-12, note="derivatives of the algebraic target"),
    )


@claim(
    "LAT-22",
    paper=PAPER,
    place="derived",
    statement="The tailored penalty is plain l2 of W_0 / b on inputs b y: same objective, same "
    "gradient by the chain rule",
    experiment="lattice_restrictions",
)
def tailored_is_scaled_l2(result: Result) -> Outcome:
    return all_of(
        compare(result["objective_plain"], result["objective_tailored"], 1e-12, relative=True),
        compare(0.0, result["gradient_error"], 1e-12),
        compare(0.0, [result["closed_tailored"], result["closed_plain"]], 1e-12),
    )


@claim(
    "LAT-23",
    paper=PAPER,
    place="derived",
    statement="With the projection |∂^ν G| <= (P/Q) |ν|! b^ν after every step, depths 1 to 4; "
    "without it the same steps exceed it",
    experiment="lattice_restrictions",
)
def projection_keeps_bound(result: Result) -> Outcome:
    outcomes = []
    for name in result.config.activations:
        outcomes += [
            bound(result[f"kept_{name}"], between=(0.0, 1.0 + 1e-12)),
            bound(result[f"limits_{name}"], between=(0.0, 1.0 + 1e-12)),
            bound(result[f"free_{name}"].max(), at_least=2.0),
        ]
    return all_of(*outcomes)
