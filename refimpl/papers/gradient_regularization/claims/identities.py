"""Claims on the penalties themselves, on noise, certificates and units."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result

PAPER = "gradient_regularization"
DERIVED = "derived"
IDENTITIES = "gradient_regularization_identities"
NOISE = "gradient_regularization_noise"


def _order(sizes: np.ndarray, errors: np.ndarray) -> float:
    return float(np.polyfit(np.log(sizes), np.log(np.abs(errors) + 1e-300), 1)[0])


@claim(
    "GR-13",
    paper=PAPER,
    place="derived; Bishop 1995 has the second order",
    statement="For a quadratic function the mean loss under Gaussian noise is the second-order "
    "expansion plus σ⁴[(tr H)²/8 + ‖H‖²/4], exactly",
    experiment=NOISE,
)
def noise_on_a_quadratic(result: Result) -> Outcome:
    """The second order alone must be visibly wrong, or the fourth would not be tested."""
    mean = result["quadratic_mean"]
    return all_of(
        compare(result["quadratic_whole"], mean, 1e-13),
        bound(mean - result["quadratic_second"], between=(0.01, 0.1)),
        compare(0.0, result["matched"], 1e-13, note="linear model: ridge with λ = σ²"),
        note="at coefficients of this package",
    )


@claim(
    "GR-14",
    paper=PAPER,
    place=DERIVED,
    statement="What is left of the mean loss of a tanh network after the second order falls like "
    "σ⁴",
    experiment=NOISE,
)
def noise_on_a_network(result: Result) -> Outcome:
    slopes = np.diff(np.log(result["remainder"])) / np.diff(np.log(result["deviations"]))
    return all_of(
        compare(4.0, slopes[-1], 0.1), bound(slopes, between=(3.8, 4.1)), note="order in σ"
    )


@claim(
    "GR-16",
    paper=PAPER,
    place=DERIVED,
    statement="The gradient written out by hand equals the tape's and central differences for "
    "every variant of the penalty, also for many points and inputs; ReLU biases get exactly 0",
    experiment=IDENTITIES,
)
def manual_gradient_is_right(result: Result) -> Outcome:
    return all_of(
        check(len(np.unique(result["variants"])) == 20 and "Tikhonov" in result["variants"]),
        compare(0.0, result["hand_tape"], 1e-12),
        compare(0.0, result["hand_differences"], 1e-6),
        compare(0.0, result["relu_bias"], 0.0),
        bound(result["relu_weight"], between=(1e-3, 1e3)),
    )


@claim(
    "GR-17",
    paper=PAPER,
    place=DERIVED,
    statement="Probes are unbiased for ‖J‖²_F; their variances are 2(‖M‖² − ΣM_ii²) for signs "
    "(all 16 enumerated), and (2K/(K+2))(‖M‖² − (tr M)²/K) on the sphere, 2‖M‖² for normal ones",
    experiment=IDENTITIES,
)
def probe_variances(result: Result) -> Outcome:
    """Sampled variances within five standard errors or more: false alarms below 1e-6."""
    sphere, normal = result["sphere_sampled"], result["normal_sampled"]
    trace = result["gram_trace"]
    return all_of(
        compare(trace, result["enumerated_mean"], 1e-10),
        compare(result["rademacher_formula"], result["enumerated_variance"], 1e-10),
        compare(100.91955906, result["enumerated_variance"], 1e-8),
        compare(result["sphere_formula"], sphere[1], 4.0),
        compare(result["normal_formula"], normal[1], 14.0),
        compare(trace, [sphere[0], normal[0]], 0.3),
        compare(67.390331, result["sphere_formula"], 1e-5),
        check(bool(result["draws"] == 60000 or result["draws"] == 200000)),
    )


@claim(
    "GR-18",
    paper=PAPER,
    place=DERIVED,
    statement="Smoothing by δ adds between 0 and δ to the total variation (K δ per class), the "
    "more the larger δ",
    experiment=IDENTITIES,
)
def smoothing_is_bounded(result: Result) -> Outcome:
    deltas, checks = result["smoothings"], []
    for norm, copies in (("frobenius", 1.0), ("per_class", float(result["classes"]))):
        rise = result[f"rise_{norm}"]
        checks += [
            bound(rise / (copies * deltas), between=(0.0, 1.0)),
            bound(np.diff(rise), at_least=0.0),
            bound(rise[-1] / (copies * deltas[-1]), between=(0.1, 1.0)),
        ]
    return all_of(*checks, check(bool(result["classes"] == 4)))


@claim(
    "GR-19",
    paper=PAPER,
    place=DERIVED,
    statement="Midpoint, stratified and random points miss the mean of a smooth f′² on [0, 1] by "
    "orders −2, −3/2 and −1/2; the constant of the last is its standard deviation",
    experiment=IDENTITIES,
)
def quadrature_orders(result: Result) -> Outcome:
    counts = result["counts"]
    checks = [
        compare(order, _order(counts, result[f"{name}_error"]), 0.1, note=name)
        for name, order in (("midpoint", -2.0), ("stratified", -1.5), ("random", -0.5))
    ]
    constant = result["random_error"] * np.sqrt(counts)
    return all_of(*checks, compare(result["deviation"], constant, 0.07, relative=True))


@claim(
    "GR-22",
    paper=PAPER,
    place="earlier text (abstract: a graphical extension); form recalled",
    statement="The graph penalty with p = 2 is tr(FᵀLF), for Gaussian and for nearest-neighbor "
    "weights",
    experiment=IDENTITIES,
)
def graph_penalty_is_a_trace(result: Result) -> Outcome:
    trace = result["graph_trace"]
    return all_of(
        compare(trace, result["graph_pairs"], 1e-12, relative=True, note="pair by pair"),
        compare(trace, result["graph_closed"], 1e-12, relative=True, note="by two products"),
    )


@claim(
    "GR-23",
    paper=PAPER,
    place=DERIVED,
    statement="Within margin/(√2 Π‖W_l‖₂) no attack and none of 800,000 boundary points changes "
    "the class of 20 trained ReLU networks; at ten times the radius attacks do",
    experiment="gradient_regularization_certificate",
)
def certificate_is_never_violated(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["attacked"], 0.0),
        compare(0.0, result["searched"], 0.0),
        bound(np.sum(result["points"]), between=(8e5, 1e8)),
        bound(np.sum(result["beyond"]), between=(400.0, 800.0), note="flipped at ten times"),
        bound(np.median(result["radius"]), between=(0.005, 1.0)),
    )


@claim(
    "GR-27",
    paper=PAPER,
    place=DERIVED,
    statement="Inputs times c, λ times c² (Tikhonov) or c (total variation) and a first layer "
    "divided by c leave the objective as it was",
    experiment=IDENTITIES,
)
def strength_has_units(result: Result) -> Outcome:
    return compare(result["units_before"], result["units_after"], 1e-12)
