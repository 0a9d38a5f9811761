"""Initialisers: moments, bounds and exact orthogonality."""

import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl.arrays import eps
from refimpl.models import INITIALIZERS
from refimpl.testing import assert_orthonormal

# name: (variance, bound of the support or None), from fan_out = rows and fan_in = columns; the
# papers state some as a variance and some as a bound, both are given here from either.
LAWS = {
    "glorot_uniform": lambda m, n: (2 / (m + n), math.sqrt(6 / (m + n))),
    "glorot_normal": lambda m, n: (2 / (m + n), None),
    "he_uniform": lambda m, n: (2 / n, math.sqrt(6 / n)),
    "he_normal": lambda m, n: (2 / n, None),
    "lecun_uniform": lambda m, n: (1 / n, math.sqrt(3 / n)),
    "lecun_normal": lambda m, n: (1 / n, None),
    "torch_default": lambda m, n: (1 / (3 * n), math.sqrt(1 / n)),
    "gaussian": lambda m, n: (1.0, None),
}
SHAPE = (100, 200)


def test_every_initializer_is_tested():
    assert set(INITIALIZERS) == {*LAWS, "orthogonal"}


@pytest.mark.parametrize("name", LAWS)
@given(seed=st.integers(0, 2**32))
def test_moments_and_support(name, seed):
    """Six standard deviations of each mean: a false alarm is rarer than 1e-8 an example."""
    variance, bound = LAWS[name](*SHAPE)
    w = INITIALIZERS[name](SHAPE, Rng(seed))
    z = w / math.sqrt(variance)
    fourth = 3.0 if bound is None else 9 / 5  # of the standardised Gaussian and uniform
    assert w.shape == SHAPE
    assert abs(np.mean(z)) <= 6 / math.sqrt(w.size)
    assert abs(np.mean(z**2) - 1.0) <= 6 * math.sqrt((fourth - 1.0) / w.size)
    if bound is not None:
        assert np.max(np.abs(w)) <= bound
        assert np.max(np.abs(w)) >= 0.99 * bound  # missed with probability 0.99^20000
    else:
        assert np.max(np.abs(z)) >= 3.0  # missed with probability 0.9973^20000


@pytest.mark.parametrize("name", INITIALIZERS)
def test_kind_and_agreement_across_backends(xb, name):
    like = xb.zeros((1,))
    found = INITIALIZERS[name]((5, 3), Rng(4), like=like)
    assert_same_kind(found, xb.zeros((5, 3)))
    assert_close(found, INITIALIZERS[name]((5, 3), Rng(4)))


@given(rows=st.integers(1, 8), columns=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_orthogonal_is_exactly_so(xb, rows, columns, seed):
    w = INITIALIZERS["orthogonal"]((rows, columns), Rng(seed), like=xb.zeros((1,)))
    assert_same_kind(w, xb.zeros((rows, columns)))
    assert_orthonormal(w, tolerance=20 * eps(w))


def test_orthogonal_is_haar():
    """Under Haar measure on O(3) each entry has mean 0 and variance 1/3, the first two entries of
    a row are uncorrelated, and the trace has variance 1 (Diaconis and Shahshahani 1994): without
    the sign convention the trace is biased. Six standard deviations of 4000 draws."""
    rng = Rng(2)
    draws = np.stack([INITIALIZERS["orthogonal"]((3, 3), rng.child(i)) for i in range(4000)])
    traces = np.trace(draws, axis1=1, axis2=2)
    slack = 6 / math.sqrt(4000)
    assert abs(np.mean(traces)) <= slack
    assert abs(np.mean(traces**2) - 1.0) <= slack * 3.0  # E trace^4 <= 9
    assert np.all(np.abs(np.mean(draws, axis=0)) <= slack)
    assert np.all(np.abs(np.mean(draws**2, axis=0) - 1 / 3) <= slack)
    assert abs(np.mean(draws[:, 0, 0] * draws[:, 0, 1])) <= slack
    signs = np.sign(np.linalg.det(draws))
    assert abs(np.mean(signs)) <= slack
