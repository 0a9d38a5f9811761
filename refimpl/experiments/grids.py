"""Grids of settings that grow until the best setting is not at an end.

>>> Grid((0.1, 0.2, 0.4)).grown("high").values
(0.1, 0.2, 0.4, 0.8)
>>> best((0.1, 0.2, 0.4), (0.90, 0.97, 0.95))
1
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from refimpl.errors import SettingError

End = Literal["low", "high"]


@dataclass(frozen=True)
class Grid:
    """Rising values of one setting, and the limits beyond which it means nothing.

    Attributes
    ----------
    values : tuple of float
        At least two, positive, rising.
    low, high : float
        The grid grows up to ``high`` and not to ``low`` or below.

    Raises
    ------
    SettingError
        If the values do not rise between the limits.
    """

    values: tuple[float, ...]
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.values, self.values[1:], strict=False))
        inside = all(self.low < value <= self.high for value in self.values)
        if len(self.values) < 2 or not rising or not inside or self.low < 0.0:
            raise SettingError(
                f"a grid has two values or more that rise in ({self.low:g}, {self.high:g}], "
                f"which is not below 0, not {self.values}"
            )

    def grown(self, end: End) -> Grid | None:
        """One value more at this end, by the ratio of the two outermost; None at the limit.

        Examples
        --------
        >>> Grid((0.25, 0.5, 1.0), high=1.0).grown("high") is None
        True
        """
        values = self.values
        if end == "low":
            new = _rounded(values[0] * values[0] / values[1])
            return replace(self, values=(new, *values)) if new > self.low else None
        new = min(_rounded(values[-1] * values[-1] / values[-2]), self.high)
        return replace(self, values=(*values, new)) if new > values[-1] else None

    def finer(self, index: int) -> Grid:
        """One value more beside that at ``index``, halfway to its larger neighbor (by ratio).

        Examples
        --------
        >>> Grid((1.0, 4.0)).finer(0).values
        (1.0, 2.0, 4.0)
        """
        left = min(index, len(self.values) - 2)
        new = _rounded(math.sqrt(self.values[left] * self.values[left + 1]))
        return replace(self, values=(*self.values[: left + 1], new, *self.values[left + 1 :]))


def _rounded(value: float) -> float:
    """Three digits: what a person would have written into the grid."""
    return float(f"{value:.3g}")


def best(values: Sequence[float], merit: Sequence[float]) -> int:
    """The index of the highest merit; of equal ones that which lies farthest from the ends.

    What is not a number, because a run broke down, is never the best.

    Raises
    ------
    SettingError
        If no merit is a number.

    Examples
    --------
    >>> best((1.0, 2.0, 3.0), (0.9, 0.9, 0.9)), best((1.0, 2.0), (math.nan, 0.1))
    (1, 1)
    """
    if not any(math.isfinite(number) for number in merit):
        raise SettingError(f"every setting of {', '.join(f'{v:g}' for v in values)} diverged")
    highest = max(number for number in merit if math.isfinite(number))
    ties = [index for index, number in enumerate(merit) if number == highest]
    last = len(values) - 1
    return max(ties, key=lambda index: min(index, last - index))


def end_of(values: Sequence[float], index: int) -> End | None:
    """At which end of the values the index lies, if at one."""
    if index == 0:
        return "low"
    return "high" if index == len(values) - 1 else None


def balanced(grid: Grid, chosen: int, count: int) -> Grid:
    """The grid with ``count`` values: grown at the end nearer to the chosen one, else refined."""
    while len(grid.values) < count:
        value = grid.values[chosen]
        end: End = "low" if chosen < len(grid.values) / 2 else "high"
        other: End = "high" if end == "low" else "low"
        grid = grid.grown(end) or grid.grown(other) or grid.finer(chosen)
        chosen = grid.values.index(value)
    return grid
