"""Strategies for the fields of methods, drawn away from the defaults, and the updates once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

SEED = st.integers(0, 10**6)


def number(low: float, high: float) -> st.SearchStrategy[float]:
    """A float between two bounds that a double holds in full."""
    return st.floats(low, high, allow_subnormal=False)


def choice(*values: Any) -> st.SearchStrategy[Any]:
    """One of a few values."""
    return st.sampled_from(values)


def assert_gradient_is(
    function: Callable[[Any], Any], tree: list[dict[str, Any]], gradient: list[dict[str, Any]]
) -> None:
    """Every derivative of a list of layers by an imaginary step, f(p + ih).imag / h.

    It has no rounding of differences and crosses no kink.
    """
    for layer, slopes in zip(tree, gradient, strict=True):
        for name, leaf in layer.items():
            layer[name] = stepped = leaf.astype(complex)
            for place in np.ndindex(leaf.shape):
                stepped[place] = leaf[place] + 1e-30j
                slope = function(tree).imag / 1e-30
                stepped[place] = leaf[place]
                assert slopes[name][place] == pytest.approx(slope, rel=1e-9, abs=1e-10)
            layer[name] = leaf


BASES = choice("sgd", "momentum", "nesterov", "adam")


class PlainUpdate:
    """The updates on lists of NumPy arrays: directions from gradients, one after the other."""

    def __init__(self, base: str, momentum: float) -> None:
        self.base, self.momentum, self.step = base, momentum, 0
        self.first: list[Any] = []
        self.second: list[Any] = []

    def direction(self, gradient: list[Any]) -> list[Any]:
        """d, of which a step takes the rate's share away."""
        self.step += 1
        mu, b2 = self.momentum, 0.999
        first = self.first or [np.zeros_like(g) for g in gradient]
        second = self.second or [np.zeros_like(g) for g in gradient]
        if self.base == "sgd":
            return gradient
        if self.base == "adam":
            self.first = [mu * m + (1 - mu) * g for m, g in zip(first, gradient, strict=True)]
            self.second = [b2 * v + (1 - b2) * g**2 for v, g in zip(second, gradient, strict=True)]
            c1, c2 = 1 - mu**self.step, 1 - b2**self.step
            pairs = zip(self.first, self.second, strict=True)
            return [m / c1 / (np.sqrt(v / c2) + 1e-8) for m, v in pairs]
        self.first = [mu * v + g for v, g in zip(first, gradient, strict=True)]
        if self.base == "momentum":
            return self.first
        return [g + mu * v for v, g in zip(self.first, gradient, strict=True)]
