"""Strategies for the fields of methods, which their tests draw away from the defaults."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SEED = st.integers(0, 10**6)


def number(low: float, high: float) -> st.SearchStrategy[float]:
    """A float between two bounds that a double holds in full."""
    return st.floats(low, high, allow_subnormal=False)


def choice(*values: Any) -> st.SearchStrategy[Any]:
    """One of a few values."""
    return st.sampled_from(values)
