"""Rates and thresholds of Minnorm's theory against matrices and grids."""

import math

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given
from hypothesis import strategies as st

from refimpl.papers.minnorm.theory import chain_paths, margin


@given(
    seed=SEED, rows=st.integers(1, 3), eta_w=number(0.05, 1.9), eta_alpha=number(0.05, 1.5),
    order=choice("simultaneous", "alternating"),
)  # fmt: skip
def test_the_rate_is_the_spectral_radius_of_the_step(seed, rows, eta_w, eta_alpha, order):
    """Of w and α of the support rows together; with fewer rows than columns, 1 − η_w too."""
    x = np.random.default_rng(seed).normal(size=(rows, 3)) / 2
    found = margin.convergence_rate(
        x, list(range(rows)), eta_w=eta_w, eta_alpha=eta_alpha, order=order
    )
    upper = np.hstack([(1 - eta_w) * np.eye(3), eta_w * x.T])
    lower = np.hstack([-eta_alpha * x, np.eye(rows)])
    if order == "alternating":
        lower = np.hstack([np.zeros((rows, 3)), np.eye(rows)]) - eta_alpha * x @ upper
    values = np.abs(np.linalg.eigvals(np.vstack([upper, lower])))
    assert found == pytest.approx(np.max(values), rel=1e-6)


def test_the_null_space_decides_where_it_shrinks_least():
    x = np.array([[1.0, 0.0]])
    found = margin.convergence_rate(x, [0], eta_w=1.8, eta_alpha=0.4)
    square = np.array([[1 - 1.8, 1.8], [-0.4, 1.0]])
    assert found == pytest.approx(0.8)
    assert np.max(np.abs(np.linalg.eigvals(square))) < 0.75


@pytest.mark.parametrize("tau", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("rho", [0.0, 0.2, 1.5])
@pytest.mark.parametrize("depth", [3, 5])
def test_a_collapse_is_estimated_where_the_growth_is_largest(tau, rho, depth):
    slope, times = 1.7, np.linspace(0.0, 6.0, 600_001)
    factor = np.max((times / tau + rho) * np.exp(-(depth - 2) * times))
    found = chain_paths.collapse_estimate(slope, depth, rho=rho, tau_lam=tau)
    assert found == pytest.approx((slope * factor) ** (-1.0 / (depth - 2)), rel=1e-9)
    assert math.isfinite(found)
