"""Claims on hyperspherical energy: the energy as a penalty, its projections, their pitfalls.

Where a claim says "derived" the statement is not in the papers as far as is known. "Slides" are the
first author's slides of the papers; "recalled" is what is remembered of a paper's text and was
derived again.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result


@claim(
    "HE-1",
    paper="hyperspherical_energy",
    place="arXiv 1805.09298, energies; gradient derived",
    statement="The compact N x N gradient of every energy equals central differences "
    "(s = 0, 1, 2; full and half space; distance and angle)",
    experiment="hyperspherical_identities",
)
def gradient_is_right(result: Result) -> Outcome:
    """The rounding of the differences themselves reaches some 1e-11 where neurons come close; the
    tests compare with an independent autodiff to 1e-12."""
    return compare(0.0, result["gradient_error"], 1e-10, note="order-six differences")


@claim(
    "HE-2",
    paper="hyperspherical_energy",
    place="derived",
    statement="The gradient is orthogonal to its neuron and scales as 1 / norm; the energy ignores "
    "norms",
    experiment="hyperspherical_identities",
)
def only_directions_matter(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["radial"], 1e-12),
        compare(0.0, result["rescaled"], 1e-12),
        compare(0.0, result["inverse"], 1e-12),
    )


@claim(
    "HE-3",
    paper="hyperspherical_energy",
    place="arXiv 1805.09298, half-space MHE; compact form derived",
    statement="Half space without forming 2N points equals the energy of the 2N points, in value "
    "and gradient, with and without the released epsilon",
    experiment="hyperspherical_identities",
)
def half_space_is_compact(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["half_value"], 1e-12), compare(0.0, result["half_gradient"], 1e-12)
    )


@claim(
    "HE-4",
    paper="hyperspherical_energy",
    place="arXiv 1805.09298, E_0 as a relaxation of E_s; mechanism derived (Jensen)",
    statement="s E_0 / M <= log(E_s / M) over the M ordered pairs, for s = 1, 2, 4",
    experiment="hyperspherical_identities",
)
def logarithm_bounds_powers(result: Result) -> Outcome:
    return bound(result["relaxation_gap"], at_least=-1e-12)


@claim(
    "HE-35",
    paper="hyperspherical_energy",
    place="derived; why MHE looks hard in high dimension",
    statement="At He initialisation the gradient of the mean energy (s = 2) has norm "
    "2 / (N |w| sqrt n) in half space and 1 / (N |w|) in full space: the signal vanishes with N",
    experiment="hyperspherical_projection",
)
def vanishing_signal(result: Result) -> Outcome:
    inputs, neurons = result["shapes"].T
    scale = neurons * result["length"]
    return all_of(
        compare(2.0 / (scale * np.sqrt(inputs)), result["half"], 0.08, relative=True),
        compare(1.0 / scale, result["full"], 0.08, relative=True),
    )


@claim(
    "HE-36",
    paper="hyperspherical_energy",
    place="derived; arXiv 1906.04892 holds that projection eases optimisation",
    statement="A randomly projected gradient (k = 40, C = 20) is mostly noise: 4.35, 8.14 and 16.0 "
    "times the exact gradient in size, at cosine 0.25, 0.13 and 0.066 with it",
    experiment="hyperspherical_projection",
)
def projection_is_noise(result: Result) -> Outcome:
    return all_of(
        compare([4.35, 8.14, 16.0], result["ratio"], 0.15, relative=True),
        compare([0.25, 0.13, 0.066], result["cosine"], 0.15, relative=True),
    )


@claim(
    "HE-37",
    paper="hyperspherical_energy",
    place="derived; angle-preserving projection of arXiv 1906.04892",
    statement="Projected to k < N, N orthogonal neurons have the distortion sqrt(N (N - k) / k) "
    "in a tight frame, below which no minimization comes, and sqrt(N (N - 1) / k) after a Gaussian",
    experiment="hyperspherical_games",
)
def angle_floor(result: Result) -> Outcome:
    neurons, k = float(result["neurons"]), float(result["dimension"])
    floor, gaussian = (neurons * (neurons - k) / k) ** 0.5, (neurons * (neurons - 1.0) / k) ** 0.5
    many, few = result["small"].T[:, :, None]
    least = many * (many - few) / few
    return all_of(
        bound(
            result["minima"] / least,
            between=(1.0 - 1e-9, 1.0 + 1e-6),
            note="squared, small N and k, every start of a quasi-Newton method",
        ),
        bound(
            result["followed"],
            between=(floor * (1.0 - 1e-9), floor + (gaussian - floor) / 3.0),
            note="a long descent comes near the floor and not below",
        ),
        compare(floor, result["optimum"], 1e-6, relative=True),
        compare(gaussian, result["random"], 0.03, relative=True),
    )


@claim(
    "HE-38",
    paper="hyperspherical_energy",
    place="released code of arXiv 1906.04892; observed",
    statement="The released step on an angle-preserving projection is slow: the distortion falls "
    "by 0.016 in one step and by 1.24 in 100",
    experiment="hyperspherical_games",
)
def slow_angle_descent(result: Result) -> Outcome:
    """The first fall is a mean over draws, each of which spreads by 9 %; the long one by 2.5 %."""
    course = result["course"]
    return all_of(
        compare(0.016, result["first_fall"], 0.15, relative=True, note="one step"),
        compare(1.24, course[0] - course[100], 0.2, relative=True, note="100 steps"),
    )


@claim(
    "HE-39",
    paper="hyperspherical_energy",
    place="derived; adversarial projection of arXiv 1906.04892",
    statement="max_P of the adversarial energy is infinite for every W: it grows as the inverse "
    "square of what P keeps of the difference of two neurons",
    experiment="hyperspherical_games",
)
def adversary_has_no_maximum(result: Result) -> Outcome:
    """In differences, from which the energy of all other pairs drops out, however small the share
    of the pair in question."""
    values, squares = result["blow_up"], result["shrink"] ** -2.0
    growth = np.diff(values)[-2:] / np.diff(squares)[-2:]
    note = f"energy {values[-1]:.0f} at a part of {result['shrink'][-1]:g}"
    return compare(1.0, growth[1] / growth[0], 0.05, note=note)


@claim(
    "HE-40",
    paper="hyperspherical_energy",
    place="released code (epsilon 1e-4); derived",
    statement="The released half-space energy of a correlated layer falls to 1/2 as its norms "
    "shrink, with no gain in diversity",
    experiment="hyperspherical_identities",
)
def epsilon_loophole(result: Result) -> Outcome:
    """Once norms are far below epsilon the value rises again to the limit, by less than 1e-3."""
    values, exact = result["loophole_released"], result["loophole_exact"]
    place = int(np.argmin(np.abs(result["loophole_scales"] - 1e-4)))
    reached = int(np.argmax(values < 0.5 + 1e-3))
    return all_of(
        compare(0.5, values[place:], 1e-3),
        bound(
            np.diff(values[: reached + 1]),
            at_most=0.0,
            verdict="qualified",
            condition="monotone down to the neighbourhood of 1/2, whose limit is reached from "
            "below: a neuron's own antipode is then still further off than any other",
        ),
        compare(exact[0], exact, 1e-12, relative=True, note="with epsilon 0 nothing changes"),
    )
