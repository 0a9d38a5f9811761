"""Constrained Langevin training: stationary laws, bias and mean decay of the schemes, depth,
and what a stiff penalty costs.

None of the numbers is printed in the papers; all are derived, and "derived" as a place says so.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.theory import constrained_langevin_dynamics as dynamics

PAPER = "constrained_langevin"


def _network(result: Result, name: str) -> np.ndarray:
    return result["gain"][list(result["networks"]).index(name)]


@claim(
    "CL-18",
    paper=PAPER,
    place="abstract (reduces vanishing and exploding gradients); derived",
    statement="Through 100 layers, orthonormal weights keep the gradient of linear and tanh "
    "networks, and let that of ReLU networks vanish like 2^(-depth/2)",
    experiment="gradient_depth",
)
def gradient_through_depth(result: Result) -> Outcome:
    """Linear Gaussian networks are compared with the exact law of the log-norm; the medians of
    the others keep to the ranges measured here with other seeds, widened by a factor of 3."""
    config = result.config
    depth, width = config.depth, config.width

    def median(name: str) -> float:
        return float(np.median(_network(result, name)))

    def gaussian(name: str, variance: float) -> Outcome:
        mean, deviation = dynamics.gaussian_depth_gain(depth, width, variance)
        log = np.log(_network(result, name))
        return compare(
            mean,
            log.mean(),
            5.0 * deviation / np.sqrt(log.size),
            note=f"{name}: mean log gain, exact law, 5 standard errors",
        )

    relu = "ReLU, orthogonal"
    return all_of(
        bound(
            median(relu),
            between=(7e-17 / 3, 3e-15),
            verdict="qualified",
            condition="the activation is linear or nearly so at the weights' scale: W^T W = I "
            "does not keep ReLU networks from vanishing gradients (W^T W = 2 I would)",
            note=f"median gain, {relu}",
        ),
        compare(1.0, _network(result, "linear, orthogonal"), 1e-12),
        bound(median("tanh, orthogonal"), between=(0.45, 0.55), note="median, tanh, orthogonal"),
        bound(
            median("tanh, U(±1/√n)"),
            between=(2e-25 / 3, 6e-24),
            note="median, tanh, U(±1/√n)",
        ),
        bound(
            median("linear, U(±1/√n)"),
            between=(2e-25 / 3, 6e-24),
            note="median, linear, U(±1/√n)",
        ),
        bound(median("ReLU, He"), between=(0.1 / 3, 1.2), note="median, ReLU, He"),
        gaussian("linear, N(0, 1/n)", 1.0 / width),
        gaussian("linear, He", 2.0 / width),
    )


@claim(
    "CL-19",
    paper=PAPER,
    place="abstract (no penalty terms); derived",
    statement="As a penalty of softness eps, a constraint limits the step to h < eps (orthogonal) "
    "or eps / r^2 (circle) and is violated by O(eps |grad V|) + O(sqrt(eps tau))",
    experiment="soft_constraint",
)
def soft_constraint_is_stiff(result: Result) -> Outcome:
    config = result.config
    softness = np.asarray(config.softness)
    limits = [dynamics.largest_stable_step(eps) for eps in softness]
    circle_limits = [dynamics.largest_stable_step(eps, config.radius) for eps in softness]
    slopes = [
        np.polyfit(np.log(softness), np.log(result[name]), 1)[0]
        for name in ("stable_matrix", "stable_circle")
    ]
    thermal = [
        dynamics.soft_circle_residual(eps, config.radius, config.temperature) for eps in softness
    ]
    # 3 %: the penalty's Langevin chain has a bias of about 1 % at its own step size.
    allowed = np.maximum(0.03 * np.asarray(thermal), 5.0 * result["thermal_error"])
    growths = np.stack([result["growth_matrix"], result["growth_circle"]])
    pulled = softness * config.slope / config.radius
    return all_of(
        compare(limits, result["stable_matrix"], 0.02, relative=True, note="largest stable step"),
        compare(circle_limits, result["stable_circle"], 0.02, relative=True),
        compare(1.0, slopes, 0.02, note="slope of log h against log eps"),
        bound(growths[..., 0], at_most=1.0, note="growth at 0.99 of the limit"),
        bound(growths[..., 1], at_least=1.0, note="growth at 1.01 of the limit"),
        compare(pulled, result["pulled_residual"], 0.1, relative=True, note="eps |grad V| / r"),
        compare(thermal, result["thermal_residual"], allowed, note="thermal residual"),
    )


@claim(
    "CL-33",
    paper=PAPER,
    place="derived (Holley & Stroock 1987); the papers' theorem is not known here",
    statement="The overdamped generator on a circle has the gap 1.16550 (k = 1) and 1.64737 "
    "(k = 2), above tau / r^2 exp(-osc V / tau)",
)
def spectral_gap() -> Outcome:
    """The Fourier matrix against a finite-volume discretisation of the Dirichlet form."""
    slopes = (1.0, 2.0)
    gaps = np.array([dynamics.circle_spectral_gap(k) for k in slopes])
    bounds = np.array([dynamics.holley_stroock_bound(k) for k in slopes])
    return all_of(
        compare([1.16550, 1.64737], gaps, 5e-6),
        compare([0.13534, 0.01832], bounds, 5e-6),
        compare([_finite_volume_gap(k) for k in slopes], gaps, 1e-3, note="finite volumes"),
        bound(gaps - bounds, at_least=0.0),
    )


def _finite_volume_gap(slope: float, nodes: int = 400) -> float:
    """Second eigenvalue of the Dirichlet form sum w_(j+1/2) (f_(j+1) - f_j)^2 / spacing^2."""
    spacing = 2.0 * np.pi / nodes
    density = np.exp(-slope * np.sin(spacing * np.arange(nodes)))
    edges = np.exp(-slope * np.sin(spacing * (np.arange(nodes) + 0.5))) / spacing**2
    form = np.diag(edges + np.roll(edges, 1))
    following = (np.arange(nodes), np.roll(np.arange(nodes), -1))
    form[following] = form[following[::-1]] = -edges
    scale = 1.0 / np.sqrt(density)
    return float(np.linalg.eigvalsh(scale[:, None] * form * scale)[1])
