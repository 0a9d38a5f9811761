"""Normalization and sign as one integer threshold, in closed form.

sign(γ (x − μ)/sqrt(v + e) + β) for integer x, with a = γ/sqrt(v + e) and c = β/a − μ: +1 exactly
where x >= ceil(−c) for a > 0, where x <= floor(−c) for a < 0; the constant sign(β) for γ = 0.

>>> threshold(2.0, 1.0, 1.5, 1.0, 0.0), threshold(0.0, -1.0, 0.0, 1.0, 0.0)
((1, 1), (0, -1))
"""

from __future__ import annotations

import math


def threshold(
    gain: float, shift: float, mean: float, variance: float, epsilon: float
) -> tuple[int, int]:
    """(1, t): +1 where x >= t; (−1, t): +1 where x <= t; (0, s): the constant s."""
    if gain == 0.0:
        return 0, 1 if shift >= 0.0 else -1
    scale = gain / math.sqrt(variance + epsilon)
    c = shift / scale - mean
    return (1, math.ceil(-c)) if gain > 0.0 else (-1, math.floor(-c))


def sign_by_threshold(x: int, rule: tuple[int, int]) -> int:
    """The sign that a threshold gives to an integer."""
    side, t = rule
    if side == 0:
        return t
    return 1 if (x >= t if side > 0 else x <= t) else -1


def inner_product(first: list[int], second: list[int]) -> int:
    """Of two lists of signs, by n − 2 (number of places where they differ)."""
    return len(first) - 2 * sum(a != b for a, b in zip(first, second, strict=True))
