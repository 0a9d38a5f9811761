"""English prose that comes with Python, to predict the next character or word of.

The text is that of the language reference as :mod:`pydoc_data.topics` of the running interpreter
brings it, without its blocks of code and grammar (paragraphs that are set back, or have ``::=`` or
``>>>``), in lower case, of letters, periods, commas, apostrophes and single spaces. Nothing of it
is kept here; another version of Python has another text, so its hash goes with every result.

The parts are fixed: the first eight tenths of the text to train on, a tenth to validate on, the
rest to test. A stream of random numbers decides which places in them are asked for.

>>> text = prose()
>>> len(text) > 50_000, set(text) <= set(ALPHABET)
(True, True)
"""

from __future__ import annotations

import collections
import functools
import hashlib
import itertools
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.checks import count, one_of
from refimpl.datasets.base import Dataset, Split
from refimpl.errors import DataError
from refimpl.random import Rng

ALPHABET = " abcdefghijklmnopqrstuvwxyz.,'"
Level = Literal["characters", "words"]

_PARTS = (0.0, 0.8, 0.9, 1.0)


@functools.cache
def prose() -> str:
    """The whole text.

    Raises
    ------
    DataError
        If this Python has no topics, or they are not what they were.
    """
    try:
        from pydoc_data import topics
    except ImportError as error:
        raise DataError(f"this Python brings no pydoc_data.topics ({error})") from None
    kept = []
    for name in sorted(topics.topics):
        for paragraph in re.split(r"\n\s*\n", topics.topics[name]):
            lines = paragraph.split("\n")
            if "::=" in paragraph or ">>>" in paragraph or any(x[:1].isspace() for x in lines):
                continue
            kept.append(" ".join(line for line in lines if re.search("[a-z]", line)))
    text = re.sub(rf"[^{ALPHABET[1:]}]+", " ", " ".join(kept).lower())
    text = re.sub(" +", " ", text).strip()
    if len(text) < 50_000:
        raise DataError(
            "the topics of this Python hold too little prose", characters=len(text), at_least=50_000
        )
    return text


def digest() -> str:
    """A hash of the text: what results on it depend on."""
    return hashlib.blake2b(prose().encode(), digest_size=8).hexdigest()


@functools.cache
def _coded(level: Level, vocabulary: int) -> tuple[np.ndarray, int]:
    """The tokens of the text as numbers, and how many there are; 0 is the space or an unknown
    word. Words are counted in the training part alone."""
    if level == "characters":
        number = {letter: index for index, letter in enumerate(ALPHABET)}
        return np.array([number[letter] for letter in prose()]), len(ALPHABET)
    words = re.findall(r"[a-z']+|[.,]", prose())
    seen = collections.Counter(words[: int(_PARTS[1] * len(words))])
    common = sorted(seen, key=lambda word: (-seen[word], word))[: vocabulary - 1]
    number = {word: index + 1 for index, word in enumerate(common)}
    return np.array([number.get(word, 0) for word in words]), vocabulary


def load_prose(
    *,
    rng: Rng,
    backend: Backend | None = None,
    level: Level = "characters",
    context: int = 6,
    vocabulary: int = 200,
    training: int = 10_000,
    validation: int = 2_000,
    test: int = 4_000,
) -> Split:
    """Places of the text: ``context`` tokens as inputs, the next token as the label.

    Parameters
    ----------
    rng : Rng
        Which places of each part, without replacement.
    backend : Backend, optional
    level : {"characters", "words"}
    context : int
        Tokens that are seen.
    vocabulary : int
        Words that are told apart, the unknown one counted; characters have their alphabet.
    training, validation, test : int
        Places.

    Returns
    -------
    Split
        Inputs (P, context), numbers of tokens as floats for
        :class:`refimpl.models.ngram.NeuralNgram`; ``classes`` is the number of tokens.

    Raises
    ------
    DataError
        If the text is not there, or a part has fewer places than asked for.

    Examples
    --------
    >>> parts = load_prose(rng=Rng(0), training=100, validation=10, test=10)
    >>> parts.train.inputs.shape, parts.train.classes
    ((100, 6), 30)
    """
    one_of("level", level, ("characters", "words"))
    count("vocabulary", vocabulary, 2)
    codes, tokens = _coded(level, vocabulary)
    bounds = [int(share * len(codes)) for share in _PARTS]
    return windows(
        "prose", [codes[low:high] for low, high in itertools.pairwise(bounds)],
        (training, validation, test), context=context, tokens=tokens,
        description=f"{level} of Python's topics, {digest()}", rng=rng.child("prose"),
        backend=backend,
    )  # fmt: skip


def windows(
    name: str,
    sequences: Sequence[np.ndarray],
    sizes: Sequence[int],
    *,
    context: int,
    tokens: int,
    description: str,
    rng: Rng,
    backend: Backend | None = None,
) -> Split:
    """Places of three sequences of tokens: what is seen, and what comes next.

    Parameters
    ----------
    name, description : str
        Of the data set.
    sequences : sequence of array of int
        To train on, to validate, to test.
    sizes : sequence of int
        Places of each.
    context : int
        Tokens that are seen.
    tokens : int
        How many there are.
    rng : Rng
        Which places, without replacement.
    backend : Backend, optional

    Raises
    ------
    DataError
        If a sequence has fewer places than asked for.

    Examples
    --------
    >>> parts = windows("toy", [np.arange(5)] * 3, (3, 1, 1), context=2, tokens=5,
    ...                 description="", rng=Rng(0))
    >>> parts.train.inputs.tolist(), parts.train.targets.tolist()
    ([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]], [2, 3, 4])
    """
    count("context", context)
    place = backend or make_backend()
    parts = []
    for part, own, size in zip(("train", "validation", "test"), sequences, sizes, strict=True):
        count(part, size)
        places = len(own) - context
        if size > places:
            raise DataError(f"the {part} part of the {name} has {places} places, not {size}")
        first = np.sort(rng.child(part).choice(places, size, replace=False))
        rows = own[first[:, None] + np.arange(context + 1)]
        inputs = place.asarray(rows[:, :-1].astype(np.float64))
        targets = place.asarray(rows[:, -1].astype(np.int64))
        parts.append(Dataset(name, inputs, targets, tokens, description))
    return Split(*parts)
