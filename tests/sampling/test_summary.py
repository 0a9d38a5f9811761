"""The table of draws: which numbers have a row, and what the row says."""

import numpy as np
import pytest

from refimpl.sampling.diagnostics import ess, integrated_time
from refimpl.sampling.draws import Draws


def test_each_number_has_a_row_up_to_the_most():
    rng = np.random.default_rng(0)
    values = {"loss": rng.normal(size=(2, 50)), "w": 3.0 + 2.0 * rng.normal(size=(2, 50, 6, 5))}
    rows = Draws(values).summary()
    assert [row["name"] for row in rows[:3]] == ["loss", "w[0, 0]", "w[0, 1]"]
    assert len(rows) == 1 + 24 and rows[-1]["name"] == "w[4, 3]"
    assert len(Draws(values).summary(most=7)) == 1 + 7
    one = values["w"][:, :, 0, 1]
    assert rows[2]["mean"] == pytest.approx(np.sum(one) / 100, rel=1e-13)
    sd = np.sqrt(np.sum((one - np.sum(one) / 100) ** 2) / 99)
    assert rows[2]["sd"] == pytest.approx(sd, rel=1e-13)
    assert rows[2]["error"] == pytest.approx(sd / np.sqrt(ess(one, "mean")), rel=1e-13)


def test_the_sum_of_autocorrelations_ends_at_five_times_itself():
    """By loops, on a chain whose correlation dies slowly."""
    rng, x = np.random.default_rng(1), [0.0]
    for _ in range(399):
        x.append(0.8 * x[-1] + rng.normal())
    x = np.array(x)
    centered, total = x - x.mean(), 1.0
    variance = centered @ centered
    for lag in range(1, 400):
        if lag - 1 >= 5.0 * total:
            break
        total += 2.0 * (centered[:-lag] @ centered[lag:]) / variance
    assert integrated_time(x[None]) == pytest.approx(total, rel=1e-10)
