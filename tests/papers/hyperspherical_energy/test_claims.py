"""The claims on optima and projection see what they should: doctored results make them fail."""

from __future__ import annotations

import numpy as np
import pytest

from refimpl import Rng, backend, catalogue
from refimpl.experiments.base import Result
from refimpl.papers.hyperspherical_energy.claims import minima, optima, projection
from refimpl.papers.hyperspherical_energy.claims import projected_angle as angle_claims
from refimpl.papers.hyperspherical_energy.experiments import point_sets as hyperspherical_point_sets
from refimpl.papers.hyperspherical_energy.experiments import projected_angle, projected_energy


@pytest.fixture(scope="module")
def results():
    point_sets = hyperspherical_point_sets.Config(
        sphere=(3, 12, 20, 24, 32),
        lines=(2, 3),
        benign=((4, 5),),
        simplices=((3, 2),),
        polytopes=(3,),
        circle=(5,),
        starts=2,
        benign_starts=2,
        frame_starts=4,
    )
    angles = projected_angle.Config(projected=(40,), ambient=(20,), draws=(20_000,))
    energies = projected_energy.Config(projected=(12,), draws=20_000)
    configs = (
        (hyperspherical_point_sets, point_sets),
        (projected_angle, angles),
        (projected_energy, energies),
    )
    return {
        module.EXPERIMENT.name: module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
        for module, config in configs
    }


def doctored(result, name, change):
    values = {key: np.array(array) for key, array in result.arrays.items()}
    values[name] = change(values[name])
    return Result(result.name, values, result.config)


def set_last(value):
    def change(array):
        array[..., -1] = value
        return array

    return change


CASES = [
    (optima.simplex_is_optimal, "highest", lambda e: e + 1e-6),
    (optima.orthonormal_is_optimal, "energy", lambda e: e * (1 + 1e-7)),
    (optima.frames_are_optimal, "energy", lambda e: e - 1e-3),
    (optima.circle_energies, "energy", lambda e: e * (1 + 1e-7)),
    (optima.polytope_energies, "energy", lambda e: e * (1 - 1e-7)),
    (optima.sphere_table, "energy", lambda e: e + 1e-6),
    (optima.asymptotic_terms, "energy", lambda e: e * 1.001),
    (minima.no_spurious_minima, "highest", lambda e: e + 1e-6),
    (minima.dual_certificates, "smallest_eigenvalue", lambda v: v - 1e-6),
    (minima.dual_certificates, "critical_residual", lambda v: v + 1e-5),
    (minima.stationary_means, "mean_length", lambda v: v + 1.0),
    (minima.stationary_means, "tangential_residual", lambda v: v + 1e-5),
    (angle_claims.projected_angle_law, "p_value", set_last(1e-4)),
    (angle_claims.dot_product_variance, "dot_variance", lambda v: v * 1.1),
    (angle_claims.dot_product_variance, "signs_variance", lambda v: v * 1.1),
    (angle_claims.sparse_projections, "lost", lambda v: v + 0.1),
    (projection.energy_of_projections, "mean_energy", lambda v: v * 1.01),
    (projection.gradient_of_projections, "ratio", lambda v: v * 1.05),
    (projection.gradient_of_projections, "cosine", lambda v: v - 0.1),
]


@pytest.mark.parametrize(
    ("function", "name", "change"), CASES, ids=[f"{f.__name__}-{n}" for f, n, _ in CASES]
)
def test_claims_hold_and_notice(function, name, change, results):
    [claim] = [c for c in catalogue.claims(["hyperspherical_energy"]) if c.function is function]
    result = results[claim.experiments[0]]
    assert function(result).verdict in ("holds", "qualified", "refuted")
    assert function(doctored(result, name, change)).verdict == "fails"


def test_refuted_claims_say_what_is_true():
    refuted = [
        angle_claims.theorem_one_at_small_epsilon(),
        angle_claims.theorem_one_at_obtuse_angles(),
    ]
    refuted.append(minima.padded_minima_are_saddles())
    for outcome in refuted:
        assert outcome.verdict == "refuted" and outcome.correction
