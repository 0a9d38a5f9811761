"""Intervals and corrected levels against SciPy's tests and a plain twin of Holm's procedure."""

import numpy as np
import pytest
from scipy import stats

from refimpl.experiments.significance import holm, interval


@pytest.mark.parametrize("confidence", [0.9, 0.983])
def test_the_interval_is_that_of_scipys_t_test(confidence):
    values = np.random.default_rng(1).normal(0.4, 1.0, 7)
    found = interval(values, confidence)
    theirs = stats.ttest_1samp(values, 0.0)
    low, high = theirs.confidence_interval(confidence)
    assert found == pytest.approx((values.mean(), low, high, theirs.pvalue), rel=1e-10)


def test_holm_rejects_what_the_steps_reject():
    """Sorted p values against alpha / m, alpha / (m - 1), ... until the first that is too large."""
    draw = np.random.default_rng(2)
    for alpha in (0.01, 0.05, 0.3):
        p = draw.uniform(0.0, 0.2, 6)
        rejected = np.zeros(6, dtype=bool)
        for rank, index in enumerate(np.argsort(p)):
            if p[index] > alpha / (6 - rank):
                break
            rejected[index] = True
        assert (np.array(holm(p.tolist())) <= alpha).tolist() == rejected.tolist()


def test_bad_differences_are_refused():
    for bad in ([1.0], [1.0, np.nan], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="two finite differences"):
            interval(bad)
    with pytest.raises(ValueError, match="confidence must lie"):
        interval([1.0, 2.0], 95.0)
