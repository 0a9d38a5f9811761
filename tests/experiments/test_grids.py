"""Grids grow by their own ratio, to their limits and no further; ties go to the middle."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.errors import SettingError
from refimpl.experiments.grids import Grid, balanced, best, end_of


def test_growth_goes_on_by_the_outermost_ratio_and_stops_at_the_limits():
    grid = Grid((0.25, 0.5, 0.9), low=0.05, high=1.0)
    assert grid.grown("low").values == (0.125, 0.25, 0.5, 0.9)
    assert grid.grown("high").values[-1] == 1.0, "cut off at the limit"
    assert grid.grown("high").grown("high") is None
    assert Grid((0.1, 0.2), low=0.05).grown("low") is None


@pytest.mark.parametrize(
    "values", [(1.0,), (1.0, 1.0), (2.0, 1.0), (0.0, 1.0), (1.0, 3.0), (-1.0, 1.0)]
)
def test_what_does_not_rise_between_the_limits_is_refused(values):
    with pytest.raises(SettingError, match=r"rise in \(0, 2\]"):
        Grid(values, high=2.0)


@given(
    st.lists(st.floats(0.01, 10.0), min_size=2, max_size=5, unique=True).filter(
        lambda v: min(b / a for a, b in zip(sorted(v), sorted(v)[1:], strict=False)) > 1.1
    ),
    st.data(),
)
def test_a_balanced_grid_keeps_its_values_and_has_as_many_as_asked(values, data):
    grid = Grid(tuple(sorted(values)))
    chosen = data.draw(st.integers(0, len(values) - 1))
    more = balanced(grid, chosen, len(values) + 3)
    assert len(more.values) == len(values) + 3 and set(grid.values) <= set(more.values)


def test_between_two_limits_a_grid_gets_finer():
    grid = balanced(Grid((0.25, 1.0), low=0.24, high=1.0), 1, 4)
    assert grid.values == (0.25, 0.5, 0.707, 1.0)


def test_the_best_is_finite_and_of_equal_ones_in_the_middle():
    assert best((1, 2, 3, 4, 5), (0.5, 0.9, 0.9, 0.9, 0.9)) == 2
    assert best((1, 2, 3), (math.inf, 0.1, math.nan)) == 1
    assert [end_of((1, 2, 3), index) for index in range(3)] == ["low", None, "high"]
    with pytest.raises(SettingError, match="every setting of 1, 2 diverged"):
        best((1.0, 2.0), (math.nan, math.nan))
