"""The ISDA loss under every penalty, wrapper and projection that there is, on every update."""

import dataclasses

import numpy as np
import pytest
from cases import all_cases

from refimpl import Rng, catalogue
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.momentum import Momentum
from refimpl.datasets import Dataset
from refimpl.models import MLP
from refimpl.papers.isda.isda import ISDA
from refimpl.papers.isda.statistics import empty_statistics, update_statistics
from refimpl.training import train

PLACES = {"penalty": "penalties", "wrapper": "wrappers", "projection": "projections"}
PARTS = [name for name, entry in catalogue.algorithms().items() if entry.kind in PLACES]
ELSEWHERE = ("adversarial_training", "input_noise", "random_perturbation")
"""These change the batch, or have no pass at the parameters themselves."""
DATA = Dataset("drawn", Rng(6).normal((30, 3)), Rng(7).integers(0, 3, 30), classes=3)


@pytest.mark.parametrize("name", PARTS)
def test_a_batch_is_counted_once_at_the_parameters_themselves(name):
    entry, sample = catalogue.algorithms()[name], all_cases()[name].sample
    fields = {item.name for item in dataclasses.fields(entry.factory)}
    part = entry.part(**{key: value for key, value in sample.items() if key in fields})
    algorithm = Composition(
        Momentum(learning_rate=0.01, nesterov=True), **{PLACES[entry.kind]: [part]}
    )
    model = MLP((3, 6, 3), activation="tanh")
    objective = ISDA(schedule="constant").objective(model, head=(-1,))
    seen = []
    result = train(
        algorithm,
        objective,
        model.init(Rng(8)),
        DATA,
        epochs=2,
        batch_size=10,
        rng=Rng(9),
        validation=DATA,
        progress=False,
        on_step=lambda step, state, info: seen.append(state.params),
    )
    statistics = result.state.memory.objective.statistics
    assert result.state.memory.objective.step == len(seen)
    assert float(statistics.count.sum()) == 10.0 * len(seen)
    expected = empty_statistics(3, 6, np.zeros(1), diagonal=False)
    points = [model.init(Rng(8)), *seen[:-1]]
    for step, params in enumerate(points):
        order = Rng(9).child("order", step // 3).permutation(30)
        batch = DATA.batch(order[10 * (step % 3) : 10 * (step % 3) + 10])
        features = model.layers(params, batch.inputs)[-2]
        expected = update_statistics(expected, features, batch.targets)
    if name not in ELSEWHERE:
        np.testing.assert_allclose(statistics.covariance, expected.covariance, atol=1e-12)
