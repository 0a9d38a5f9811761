"""Claims on the variational problems, linear models and Gaussian data: exact theory.

"Derived" marks statements that were worked out for this package; they are not
in the paper as far as is known.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.gradient_regularization.theory import gaussian, variation

PAPER = "gradient_regularization"
DERIVED = "derived; the abstract names the variational problems"
PROBLEMS = "gradient_regularization_variational"
LINEAR = "gradient_regularization_linear"


@claim(
    "GR-1",
    paper=PAPER,
    place=DERIVED,
    statement="The closed forms of −0.05 f″ + f = g for a cosine, a ramp and a step agree with "
    "finite differences to 1e-6 on 2000 cells, and the distance falls with order 2",
    experiment=PROBLEMS,
)
def tikhonov_closed_forms(result: Result) -> Outcome:
    grids = result["grids"]
    place = int(np.flatnonzero(grids == 2000)[0])
    checks = []
    for name, seen in (("cosine", 4.5e-8), ("ramp", 1.1e-8), ("step", 3.1e-7)):
        errors = result[f"{name}_error"]
        orders = np.diff(np.log(errors)) / np.diff(np.log(grids))
        checks += [
            bound(errors[place], at_most=1e-6),
            compare(seen, errors[place], 0.05, relative=True, note=name),
            compare(-2.0, orders, 0.05, note=f"order for the {name}"),
        ]
    return all_of(*checks)


@claim(
    "GR-2",
    paper=PAPER,
    place=DERIVED,
    statement="Total variation on [0, 1] turns the ramp into clip(x, √(2λ), 1 − √(2λ)) and the "
    "step into 2λ and 1 − 2λ: the taut string gives these values on a grid",
    experiment=PROBLEMS,
)
def total_variation_closed_forms(result: Result) -> Outcome:
    return all_of(
        compare(result["tv_ramp_exact"], result["tv_ramp"], 1e-10),
        compare(result["tv_step_exact"], result["tv_step"], 1e-10),
        compare(0.2, result["tv_ramp_exact"][0], 1e-12, note="√(2λ) at λ = 0.02"),
        compare([0.1, 0.9], result["tv_step_exact"][[0, -1]], 1e-12, note="2λ at λ = 0.05"),
    )


@claim(
    "GR-3",
    paper=PAPER,
    place=DERIVED,
    statement="The taut string solves the discrete total-variation problem: it equals a bounded "
    "least-squares solution of the dual",
    experiment=PROBLEMS,
)
def taut_string_solves_the_program(result: Result) -> Outcome:
    return all_of(
        compare(result["program"], result["string"], 1e-8),
        compare([0.083645342, 0.083645342, 0.004702687], result["string"][:3], 1e-8),
    )


@claim(
    "GR-4",
    paper=PAPER,
    place=DERIVED,
    statement="The discrete minimizer is constant exactly from λ = max|cumsum(g − mean g)| on",
    experiment=PROBLEMS,
)
def threshold_is_sharp(result: Result) -> Outcome:
    return all_of(
        compare(1.2713293870, result["limit"], 1e-9),
        bound(result["spread_above"], between=(0.0, 1e-12), note="1e-6 above: constant"),
        bound(result["spread_below"], between=(1e-8, 1e-5), note="1e-6 below: not"),
    )


@claim(
    "GR-5",
    paper=PAPER,
    place=DERIVED,
    statement="For Tikhonov the excess energy of any u is ½‖u − u*‖² + (λ/2)‖∇(u − u*)‖², exactly",
    experiment=PROBLEMS,
)
def tikhonov_energy_identity(result: Result) -> Outcome:
    return all_of(
        compare(result["tikhonov_distance"], result["tikhonov_excess"], 1e-10),
        compare(0.3392250071127, result["tikhonov_excess"], 1e-10),
    )


@claim(
    "GR-6",
    paper=PAPER,
    place=DERIVED,
    statement="For total variation the excess energy is at least ½‖u − u*‖²",
    experiment=PROBLEMS,
)
def variation_is_strongly_convex(result: Result) -> Outcome:
    excess, distance = result["variation_excess"], result["variation_distance"]
    return all_of(
        bound(excess - distance, at_least=0.0),
        compare(0.00175914, excess, 1e-7),
        compare(0.00147087, distance, 2e-7),
    )


@claim(
    "GR-7",
    paper=PAPER,
    place="abstract of the journal version (three parts); form derived",
    statement="Excess energy <= approximation + optimization + twice the largest quadrature "
    "error, for affine functions with |a|, |b| <= 3 trained exactly at N midpoints",
    experiment=PROBLEMS,
)
def error_has_three_parts(result: Result) -> Outcome:
    """Trained exactly, so that the part of the optimization is 0."""
    points = result["split_points"]
    at = [int(np.flatnonzero(points == n)[0]) for n in (3, 6, 12)]
    excess, best = result["split_excess"], result["split_approximation"]
    twice = result["split_quadrature"]
    return all_of(
        bound(best + twice - excess, at_least=0.0),
        bound(excess - best, at_least=-1e-12, note="no affine function is better"),
        compare([0.0134697, 0.0134096, 0.01340485], excess[at], 1e-7),
        compare([0.144487, 0.0350594, 0.0087014], twice[at], 1e-6),
        compare(0.0134045, best, 1e-7),
    )


@claim(
    "GR-8",
    paper=PAPER,
    place=DERIVED,
    statement="The staircase through the data has no slope and no misfit there, while ∫u′² = 6/5 "
    "and ∫(u − g)² = h²/210: with N points an unrestricted class solves nothing",
    experiment=PROBLEMS,
)
def staircase_hides_its_slopes(result: Result) -> Outcome:
    h = 1.0 / (result["stairs"] - 1.0)
    return all_of(
        compare(0.0, result["stairs_penalty"], 1e-12),
        compare(0.0, result["stairs_misfit"], 1e-12),
        compare(1.2, result["stairs_roughness"], 1e-12),
        compare(h**2 / 210.0, result["stairs_distance"], 1e-12),
    )


@claim(
    "GR-10",
    paper=PAPER,
    place=DERIVED,
    statement="A linear model trained under ½ Tikhonov is ridge regression (C + λI)⁻¹ c",
    experiment=LINEAR,
)
def tikhonov_is_ridge(result: Result) -> Outcome:
    printed = [0.6639401537, 0.0869069395, -0.5255230418]
    return all_of(
        compare(result["ridge_exact"], result["ridge"], 1e-12),
        compare(printed, result["ridge"], 1e-10),
    )


@claim(
    "GR-11",
    paper=PAPER,
    place=DERIVED,
    statement="A linear model under total variation has w = (C + (λ/s)I)⁻¹ c with s = ‖w‖, and "
    "w = 0 exactly where ‖c‖ <= λ",
    experiment=LINEAR,
)
def variation_of_a_linear_model(result: Result) -> Outcome:
    printed = [0.6255299054, 0.0848899914, -0.4903251967]
    return all_of(
        compare(result["variation_exact"], result["variation"], 1e-10),
        compare(printed, result["variation"], 1e-10),
        compare(0.0, result["stationarity"], 1e-12),
        compare(0.3613809142, result["threshold"], 1e-10),
        bound(result["rise_above"], between=(1e-4, 1e-3), note="slopes at 0, λ = 1.001 ‖c‖"),
        bound(result["rise_below"], between=(-1e-3, -1e-4), note="slopes at 0, λ = 0.999 ‖c‖"),
    )


@claim(
    "GR-12",
    paper=PAPER,
    place=DERIVED,
    statement="The worst squared loss of a linear model in a ball is ½(|r| + ε‖w‖)²",
    experiment=LINEAR,
)
def worst_loss_of_a_linear_model(result: Result) -> Outcome:
    return all_of(
        compare(result["worst"], result["searched"], 1e-12),
        compare(result["worst"], result["attacked"], 1e-12, note="projected gradient ascent"),
    )


@claim(
    "GR-15",
    paper=PAPER,
    place=DERIVED,
    statement="Under Gaussian data every Hermite component of degree n is damped by 1/(1 + λn)",
    experiment=LINEAR,
)
def hermite_components_are_damped(result: Result) -> Outcome:
    found = result["coefficients"]
    return all_of(
        compare(gaussian.solution([0.0, -2.0, 0.0, 0.0, 1.0], 0.3), found, 1e-12),
        compare([0.6136363636, -1.5384615385, 1.0227272727, 0.0, 0.4545454545], found, 1e-10),
        compare([3.0, -2.0 / 1.3, 6.0 / 1.6, 0.0, 1.0 / 2.2], gaussian.to_hermite(found), 1e-11),
    )


@claim(
    "GR-9",
    paper=PAPER,
    place=DERIVED + "; observed here, one seed",
    statement="With 8 points a 1-32-32-1 tanh network has a discrete energy under 0.05 of the "
    "minimum and an L2 error over 0.1; with 32 points the error is under 1e-3",
    experiment="gradient_regularization_networks",
)
def few_points_solve_nothing(result: Result) -> Outcome:
    few = result.select(kind="Tikhonov", strength=0.05, points=8)
    more = result.select(kind="Tikhonov", strength=0.05, points=32)
    return all_of(
        bound(few["discrete"] / few["least"], between=(0.0, 0.05)),
        bound(few["error"], between=(0.1, 1.0)),
        bound(more["error"], between=(0.0, 1e-3)),
        check(bool(few["flagged"][0] == 1.0 and more["flagged"][0] == 0.0)),
        bound(few["held_out_ratio"], at_least=10.0, note="penalty between the points"),
        compare(1.0, more["held_out_ratio"], 0.1),
    )


@claim(
    "GR-20",
    paper=PAPER,
    place="abstract: networks solve the variational problems well; observed here, one seed",
    statement="With 128 points the network solves the Tikhonov problem for a cosine: L2 error "
    "under 1e-3, discrete energy within 1e-5 of the minimum",
    experiment="gradient_regularization_networks",
)
def network_solves_tikhonov(result: Result) -> Outcome:
    row = result.select(kind="Tikhonov", strength=0.05, points=128)
    least = 0.25 * 0.05 * math.pi**2 / (1.0 + 0.05 * math.pi**2)
    return all_of(
        bound(row["error"], between=(0.0, 1e-3)),
        compare(least, row["discrete"], 1e-5),
    )


@claim(
    "GR-21",
    paper=PAPER,
    place="abstract: networks solve the variational problems well; observed here, one seed",
    statement="With 128 points and δ = 1e-3 the network solves the total-variation problem for "
    "a ramp: L2 error under 0.02, discrete energy within 3e-4 of the minimum",
    experiment="gradient_regularization_networks",
)
def network_solves_total_variation(result: Result) -> Outcome:
    row = result.select(kind="variation", strength=0.02, points=128)
    return all_of(
        bound(row["error"], between=(0.0, 0.02)),
        compare(variation.energy_of_ramp(0.02), row["discrete"], 3e-4),
    )
