"""What a full batch is known by again: sums, moduli and the number of entries, and nothing else."""

import numpy as np
import pytest
from fields import SEED
from hypothesis import given
from hypothesis import strategies as st

from refimpl.datasets import Batch
from refimpl.papers.constrained_langevin.full_batch import mark, same_batch

LIKE = np.zeros(1)


@given(seed=SEED, rows=st.integers(1, 4), columns=st.integers(1, 3))
def test_the_two_numbers(seed, rows, columns):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, columns)), rng.integers(-2, 3, rows)
    flags = rng.random((2, rows)) > 0.5
    entries = [*x.ravel(), *y, *flags.ravel().astype(int)]
    total, size = sum(entries), sum(abs(e) for e in entries) + len(entries)
    found = mark((Batch(x, y), flags), LIKE)
    np.testing.assert_allclose(found, [total, size], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "other", [(3, 2), (2, 3), (2, 2, 1, 2)], ids=["a row more", "a column more", "an axis more"]
)
def test_zeros_are_told_apart_by_their_number(other):
    """Sums and moduli are zero: what is left is the count."""
    one, two = (mark(Batch(np.zeros(shape), np.zeros(2)), LIKE) for shape in ((2, 2), other))
    np.testing.assert_array_equal(one, [0.0, 6.0])
    np.testing.assert_array_equal(two, [0.0, np.prod(other) + 2.0])
    assert not same_batch(one, two)


def test_entries_that_cancel_are_told_apart_by_their_moduli():
    one, two = (np.array([[a, -a]]) for a in (1.0, 2.0))
    assert not same_batch(mark(one, LIKE), mark(two, LIKE))
    assert same_batch(mark(one, LIKE), mark(one[:, ::-1], LIKE))
