"""The problems of the declared comparisons: what is read, and what predicting without a context
costs."""

import math
from dataclasses import replace

import numpy as np
import pytest

from refimpl import backend
from refimpl.datasets import prose
from refimpl.datasets.base import Dataset
from refimpl.papers.constrained_langevin.experiments import evidence
from refimpl.random import Rng


def data(tokens, classes=4):
    return Dataset("few", np.zeros((len(tokens), 1)), np.array(tokens), classes)


def test_the_loss_of_frequencies_is_that_of_scalar_loops():
    seen, asked = [0, 0, 0, 2, 2, 1], [0, 3, 2]
    total = 0.0
    for token in asked:
        share = (seen.count(token) + 0.5) / (len(seen) + 4 * 0.5)
        total -= math.log(share) / len(asked)
    measured = evidence.frequency_loss(data(seen))(None, data(asked))
    assert measured == pytest.approx(total, rel=1e-14)
    even = evidence.frequency_loss(data([0, 1, 2, 3]))(None, data([1]))
    assert even == pytest.approx(math.log(4.0), rel=1e-14)


@pytest.mark.parametrize(("level", "tokens"), [("characters", 30), ("words", 200)])
def test_language_is_read_at_its_level_with_frequencies_beside_it(level, tokens):
    size = replace(evidence.LANGUAGE, data=level, context=2, **evidence.FEW)
    problem = evidence.language(size, backend("numpy"), Rng(4))
    train, _, test = problem.split
    assert train.inputs.shape == (100, 2) and train.classes == tokens
    assert prose.digest() in train.description and level in train.description
    scores = problem.objective.model(problem.params, test.inputs)
    assert scores.shape == (100, tokens)
    expected = evidence.frequency_loss(train)(None, test)
    assert problem.metrics["frequency_loss"](problem.params, test) == expected < math.log(tokens)


def test_spirals_have_four_turns_and_their_sizes():
    size = replace(evidence.QUICK, validation=30, test=20)
    problem = evidence.spirals(size, backend("numpy"), Rng(4))
    assert [len(part) for part in problem.split] == [100, 30, 20]
    assert "4 turns" in problem.split.train.description
    assert problem.objective.model(problem.params, problem.split.test.inputs).shape[0] == 20
