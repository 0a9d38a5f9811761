"""The steps of a run, whose multipliers lie in two arrays that take turns."""

import numpy as np
import pytest

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.training import stepper


@pytest.mark.parametrize("held", [(), (5, 6, 11)], ids=["alone", "looked at"])
@pytest.mark.parametrize("constraint", ["one_vs_rest", "loss"])
def test_a_run_has_the_multipliers_of_its_pure_steps(constraint, held):
    objective = Objective(MLP((4, 6, 3)))
    params = objective.model.init(Rng(0))
    data = Batch(Rng(1).normal((40, 4)), Rng(2).integers(0, 3, (40,)))
    algorithm = Minnorm(
        constraint=constraint, learning_rate=0.01, multiplier_rate=0.02, check_every=3
    )
    steps = stepper(algorithm, objective, params, init_kwargs={"training": data})
    state, kept = algorithm.init(params, data, objective), []
    for k in range(30):
        chosen = Rng(3).child(k).permutation(40)[:8]
        batch = Batch(data.inputs[chosen], data.targets[chosen], chosen)
        state, info = algorithm.step(state, objective, batch)
        found = steps.step(batch)
        assert all(np.array_equal(a, b) for a, b in zip(info, found, strict=True))
        if k in held:
            kept.append((steps.state, state))
    kept.append((steps.state, state))
    for ours, theirs in kept:
        for a, b in zip(ad.flatten(ours)[0], ad.flatten(theirs)[0], strict=True):
            np.testing.assert_array_equal(a, b)
