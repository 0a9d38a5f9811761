"""Dual averaging against its three lines, with every field away from its default."""

import math

import pytest
from fields import number
from hypothesis import given
from hypothesis import strategies as st

from refimpl.sampling.warmup import DualAveraging


@given(
    target=number(0.05, 0.99), shrinkage=number(0.01, 0.5), delay=number(1.0, 30.0),
    forgetting=number(0.5, 1.0), first=number(0.01, 3.0),
    rates=st.lists(number(0.0, 1.0), min_size=1, max_size=6),
)  # fmt: skip
def test_three_lines(target, shrinkage, delay, forgetting, first, rates):
    rule = DualAveraging(target=target, shrinkage=shrinkage, delay=delay, forgetting=forgetting)
    state, error, averaged = rule.init(first), 0.0, math.log(first)
    assert state.step_size == first
    for t, rate in enumerate(rates, start=1):
        state = rule.update(state, rate)
        error = (1 - 1 / (t + delay)) * error + (target - rate) / (t + delay)
        logarithm = math.log(10 * first) - math.sqrt(t) * error / shrinkage
        averaged = t**-forgetting * logarithm + (1 - t**-forgetting) * averaged
        assert math.log(state.step_size) == pytest.approx(logarithm, rel=1e-12, abs=1e-12)
        assert math.log(rule.final(state)) == pytest.approx(averaged, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    "wrong", [{"target": 0.049}, {"target": 0.991}, {"forgetting": 0.49}, {"forgetting": 1.01},
              {"shrinkage": 0.0}, {"delay": 0.0}],
)  # fmt: skip
def test_bounds(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DualAveraging(**wrong)
