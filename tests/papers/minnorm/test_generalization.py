"""Errors averaged exactly over teacher, noise and start, against all draws of signs."""

import itertools

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl.papers.minnorm.experiments import generalization


def ridge(x, targets, starts):
    """Minimum of squares and of the distance to a third of the start, in plain NumPy."""
    gram = np.swapaxes(x, -1, -2) @ x + 0.7 * np.eye(x.shape[-1])
    pull = np.swapaxes(x, -1, -2) @ targets + 0.7 / 3.0 * np.swapaxes(starts, -1, -2)
    return np.swapaxes(np.linalg.solve(gram, pull), -1, -2)


def test_the_expected_error_is_the_mean_over_every_draw_of_signs():
    points, inputs = 2, 3
    x = Rng(1).normal((2, points, inputs))
    errors = []
    for signs in itertools.product((-1.0, 1.0), repeat=inputs + points + inputs):
        teacher, noise, start = np.split(np.asarray(signs), [inputs, inputs + points])
        targets = x @ teacher + np.sqrt(generalization.NOISE) * noise
        maps = ridge(x, targets[..., None], np.broadcast_to(start, (2, 1, inputs)))
        errors.append(generalization.error_of(maps, teacher))
    expected = generalization.expected_error(ridge, x)
    assert expected == pytest.approx(np.mean(errors, axis=0), rel=1e-12)
    assert abs(expected[0] - expected[1]) > 0.01


def test_the_law_is_met_by_the_algorithm_and_by_flows():
    found = generalization.law(backend("numpy"), Rng(0), 40, 3)
    assert found["law_measured"].shape == (3, 4) and found["law_ends"].shape == (3, 3)
    # a long flow ends where descent does, and Minnorm forgets the start that descent keeps
    assert found["law_measured"][:, -1] == pytest.approx(found["law_ends"][:, 0], abs=0.03)
    kept = 0.5 * generalization.START
    assert found["law_ends"][:, 0] - found["law_ends"][:, 1] == pytest.approx(kept, abs=1e-6)
