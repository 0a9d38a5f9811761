"""The n-gram model against scalar loops, and the prose it is trained on."""

import math

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.datasets import Batch
from refimpl.datasets.prose import ALPHABET, load_prose, prose
from refimpl.errors import DataError
from refimpl.models import Objective
from refimpl.models.ngram import NeuralNgram

MODEL = NeuralNgram(tokens=5, context=3, dimension=2, hidden=(4,), activation="tanh")


def by_hand(params, row):
    table, first, last = (layer["weight"] for layer in params)
    signal = [table[int(token)][k] for token in row for k in range(2)]
    middle = [
        math.tanh(sum(first[j][i] * signal[i] for i in range(6)) + params[1]["bias"][j])
        for j in range(4)
    ]
    return [sum(last[c][j] * middle[j] for j in range(4)) + params[2]["bias"][c] for c in range(5)]


def test_scores_are_those_of_scalar_loops_and_derivatives_those_of_differences():
    params = MODEL.init(Rng(1))
    inputs = np.array([[0.0, 4.0, 4.0], [2.0, 0.0, 1.0]])
    expected = [by_hand(params, row) for row in inputs]
    assert np.allclose(MODEL(params, inputs), expected, rtol=1e-13)
    objective = Objective(MODEL)
    batch = Batch(inputs, np.array([3, 1]))
    _, gradient = ad.value_and_grad(objective)(params, batch)
    table, slope = params[0]["weight"], gradient[0]["weight"]
    for token, entry in ((0, 1), (4, 0), (3, 1)):
        ends = []
        for step in (1e-6, -1e-6):
            moved = table.copy()
            moved[token, entry] += step
            ends.append(float(objective([{"weight": moved}, *params[1:]], batch)))
        assert slope[token, entry] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-8)
    assert slope[3].tolist() == [0.0, 0.0], "not seen"
    single = MODEL.init(Rng(1), backend=backend("numpy", "float32"))
    assert MODEL(single, inputs.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("level", ["characters", "words"])
def test_parts_are_fixed_and_each_label_follows_its_context(level):
    parts = load_prose(rng=Rng(0), level=level, context=4, training=50, validation=50, test=50)
    again = load_prose(rng=Rng(0), level=level, context=4, training=50, validation=50, test=50)
    assert np.array_equal(parts.test.inputs, again.test.inputs)
    if level == "characters":
        text, size = prose(), len(prose())
        for part, low, high in zip(parts, (0.0, 0.8, 0.9), (0.8, 0.9, 1.0), strict=True):
            piece = text[int(low * size) : int(high * size)]
            for row, label in zip(part.inputs, part.targets, strict=True):
                shown = "".join(ALPHABET[int(code)] for code in [*row, label])
                assert shown in piece


def test_words_of_the_vocabulary_are_the_most_common_ones():
    sizes = {"training": 4000, "validation": 50, "test": 50}
    split = load_prose(rng=Rng(0), level="words", context=1, vocabulary=30, **sizes)
    codes = np.asarray(split.train.targets)
    counts = np.bincount(codes, minlength=30)
    assert counts[0] < 0.7 * len(codes)  # the unknown: of thirty rare words nearly all were
    assert np.mean(np.diff(counts[1:]) <= 0.2 * counts[1]) == 1.0 and counts[1] > 3 * counts[29]


def test_prose_has_no_code_and_bad_settings_are_refused():
    assert "::=" not in prose() and "  " not in prose()
    with pytest.raises(DataError, match=r"has \d+ places, not 10000000"):
        load_prose(rng=Rng(0), training=10_000_000)
    with pytest.raises(ValueError, match="level must be one of"):
        load_prose(rng=Rng(0), level="letters")
