"""Claims on the algorithm: which penalty its direction follows, its projection, cost and limits."""

from __future__ import annotations

import math

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.amp.experiments.shared import slope_of
from refimpl.papers.amp.theory import dynamics


@claim(
    "AMP-6",
    paper="amp",
    place="the authors' gradient-norm theorem, clipped branch; order derived",
    statement="Where the inner step is clipped, AMP's direction is the gradient of "
    "J + eps |grad J| up to an error of order eps^2",
    experiment="amp_direction",
)
def clipped_direction(result: Result) -> Outcome:
    small = result["sizes"] <= 0.01
    slopes = slope_of(result["sizes"][small], result["clipped_error"][:, small])
    return compare(2.0, slopes, 0.05, note="slope of log error, eps = 1e-2 to 1e-4")


@claim(
    "AMP-7",
    paper="amp",
    place="the authors' gradient-norm theorem, unclipped branch",
    statement="Where it is not clipped, AMP trains J + zeta |grad J|^2",
    experiment="amp_direction",
)
def unclipped_direction(result: Result) -> Outcome:
    """On a quadratic ζ/2 is exact; in loss values the printed ζ is right to second order."""
    small = result["sizes"] <= 0.01
    value = slope_of(result["sizes"][small], result["value_error"][:, small])
    condition = (
        "in loss values, to first order in zeta; the update follows J + (zeta/2) |grad J|^2, "
        "exactly so on a quadratic: half the printed penalty"
    )
    far = np.max(np.abs(result["printed_direction"] - result["direction"]))
    return all_of(
        compare(
            [1.035, -0.525, 0.1616],
            result["direction"],
            1e-12,
            verdict="qualified",
            condition=condition,
        ),
        compare(result["huber_direction"], result["direction"], 1e-12),
        compare([1.17, -0.55, 0.1632], result["printed_direction"], 1e-12),
        bound(far, at_least=0.1, note="the printed penalty's direction is another"),
        compare(2.0, value, 0.05, note="slope of the error in values"),
        compare(result["several_law"], result["several_direction"], 1e-12),
        compare(result["iterate_law"], result["iterate"], 1e-12),
    )


@claim(
    "AMP-8",
    paper="amp",
    place="derived",
    statement="The potential that AMP follows is the Huber function of |grad J|: error of order "
    "zeta^2 and eps^2, no jump at zeta |grad J| = eps; the printed one errs in zeta, and jumps",
    experiment="amp_direction",
)
def huber_potential(result: Result) -> Outcome:
    small = result["sizes"] <= 0.01
    sizes = result["sizes"][small]

    def slope(name: str) -> np.ndarray:
        return slope_of(sizes, result[f"{name}_error"][:, small])

    return all_of(
        compare(2.0, slope("huber"), 0.05, note="in zeta"),
        compare(2.0, slope("clipped"), 0.05, note="in eps"),
        compare(1.0, slope("printed"), 0.05, note="printed, in zeta"),
        compare(0.0, result["huber_jump"], 1e-10),
        compare(0.0, result["amp_jump"], 1e-10, note="AMP itself"),
        compare(0.0, result["printed_jump"], 1e-10, note="the printed jump less -zeta H grad J"),
    )


@claim(
    "AMP-10",
    paper="amp",
    place="derived",
    statement="With one inner step, a global norm and a huge ascent rate AMP is SAM: "
    "the perturbation is eps grad J / |grad J|",
    experiment="amp_steps",
)
def limit_of_sam(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["sam_delta"], 1e-10),
        compare(0.0, result["sam_direction"], 1e-10, note="gradient beside SAM's"),
    )


@claim(
    "AMP-11",
    paper="amp",
    place="released code",
    statement="Projected tensor by tensor, each perturbation is at most eps long and all together "
    "at most eps sqrt(number of tensors), which is attained where all are clipped",
    experiment="amp_steps",
)
def projection(result: Result) -> Outcome:
    free, full = result["free_norms"], result["full_norms"]
    tensors = free.shape[-1]
    inside = free < 1.0 - 1e-9
    return all_of(
        bound(free, at_most=1.0 + 1e-10),
        bound(np.linalg.norm(free, axis=-1), at_most=math.sqrt(tensors) + 1e-10),
        compare(1.0 - np.mean(inside, axis=-1), result["free_clipped"], 1e-12),
        check(bool(np.any(inside)), note="some tensors stay inside", measured=float(inside.sum())),
        compare(1.0, full, 1e-10, note="all clipped"),
        compare(math.sqrt(tensors), np.linalg.norm(full, axis=-1), 1e-10),
        compare(1.0, result["full_clipped"], 0.0),
    )


@claim(
    "AMP-12",
    paper="amp",
    place="released code, random perturbation",
    statement="The perturbation that the released code calls an l2 norm of eps has mean squared "
    "length eps/3 in each tensor",
    experiment="amp_steps",
)
def length_of_draws(result: Result) -> Outcome:
    """Five standard errors: a false alarm in two million."""
    radius = float(result["draw_radius"])
    return all_of(
        compare(radius / 3.0, result["released_mean"], 5.0 * float(result["released_error"])),
        compare(
            radius**2,
            result["rms_mean"],
            5.0 * float(result["rms_error"]),
            note="match='rms': eps^2",
        ),
        bound(result["released_error"], at_most=0.01 * radius, note="standard error"),
        bound(result["rms_error"], at_most=0.01 * radius**2),
    )


@claim(
    "AMP-13",
    paper="amp",
    place="derived",
    statement="In the bowl h x^2/2 (rates 0.1 and 1, radius 0.5) AMP's minimum is stable up to "
    "h = 4, where plain descent has 20; above, the iterates settle on +-eps eta h / (2 - eta h)",
    experiment="amp_cycle",
)
def limit_cycle(result: Result) -> Outcome:
    rates = [float(result[name]) for name in ("learning_rate", "ascent_rate", "radius")]
    critical = dynamics.critical_curvature(*rates[:2])
    away = np.abs(result["curvature"] - critical) > 0.1
    swept = result["curvature"][away]
    law = [dynamics.cycle_amplitude(float(h), *rates) for h in swept]
    return all_of(
        compare(4.0, critical, 1e-12),
        compare([0.0, 0.1289308176, 0.2142857143, 0.5], result["amplitude"], 1e-9),
        compare(-1.0, result["next"][1:], 1e-9, note="the next iterate is the mirror image"),
        compare(law, result["swept"][away], 1e-9, note="entry by entry, over the curvature"),
        compare(0.0, result["plain"], 1e-6, note="plain descent"),
    )


@claim(
    "AMP-14",
    paper="amp",
    place="the authors' algorithm",
    statement="A step takes N + 1 gradients; with a radius of zero one",
    experiment="amp_steps",
)
def cost_of_a_step(result: Result) -> Outcome:
    expected = [*(result["inner_steps"] + 1), 1]
    return compare(expected, result["evaluations"], 0.0)


@claim(
    "AMP-15",
    paper="amp",
    place="derived",
    statement="With a radius of zero or no inner step the iterates are those of the update alone, "
    "bit for bit (descent, Nesterov, Adam, under weight decay)",
    experiment="amp_steps",
)
def inert_settings(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["inert_gap"], 0.0),
        bound(result["active_gap"], at_least=1e-3, note="with the default radius they differ"),
    )
