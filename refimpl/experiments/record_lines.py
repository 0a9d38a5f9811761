"""Records of comparisons in one unit and a few words, for tables and figures.

>>> row = {"name": "gate", "baseline": False, "mean": 0.012, "interval": [0.004, 0.02],
...        "step_seconds": 3e-4, "scores": {"test_accuracy": [0.9]}, "at_end": False}
>>> plain = {"name": "plain", "baseline": True, "step_seconds": 1e-4, "at_end": False,
...          "scores": {"test_accuracy": [0.9]}}
>>> found = {"score": "accuracy", "lower": False, "reference": "plain", "methods": [plain, row]}
>>> lines(found)[0].words
'gate +1.2 [+0.4, +2.0]'
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refimpl.experiments.records import read

NARROW = 0.5
"""Width of an interval below which its ends are given to two decimals."""


class Line(NamedTuple):
    """One method of a record against the best baseline.

    Attributes
    ----------
    name : str
    mean, low, high : float
        Points of accuracy; of a score of which less is better, percent of the baseline's.
    cost : float
        A step over one of the cheapest baseline, the plain update.
    open_end : bool
        Whether its grid still grew when the search ended.
    """

    name: str
    mean: float
    low: float
    high: float
    cost: float
    open_end: bool

    @property
    def words(self) -> str:
        """Name, mean and interval; a question mark where the grid still grew.

        Two decimals where the interval is too narrow for one.
        """
        mark = "?" if self.open_end else ""
        digits = 2 if self.high - self.low < NARROW else 1
        mean, low, high = (f"{value:+.{digits}f}" for value in (self.mean, self.low, self.high))
        return f"{self.name}{mark} {mean} [{low}, {high}]"

    @property
    def better(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0.0


def scale(found: Mapping[str, Any]) -> float:
    """From the record's score to points, or to percent of the baseline's mean."""
    if not found["lower"]:
        return 100.0
    rows = {row["name"]: row for row in found["methods"]}
    return 100.0 / float(np.mean(rows[found["reference"]]["scores"][f"test_{found['score']}"]))


def unit(found: Mapping[str, Any]) -> str:
    """Of the lines: "points" or "%"."""
    return "%" if found["lower"] else "points"


def lines(found: Mapping[str, Any]) -> list[Line]:
    """The methods that are no baselines, in the order of the record."""
    factor = scale(found)
    plain = min(row["step_seconds"] for row in found["methods"] if row["baseline"])
    return [
        Line(
            row["name"],
            factor * row["mean"],
            factor * row["interval"][0],
            factor * row["interval"][1],
            row["step_seconds"] / plain,
            row["at_end"],
        )
        for row in found["methods"]
        if not row["baseline"]
    ]


def kept(paths: Mapping[str, Path]) -> list[dict[str, Any]]:
    """The records that there are, in the order of ``paths``."""
    return [read(path) for path in paths.values() if path.is_file()]
