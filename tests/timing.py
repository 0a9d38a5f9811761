"""Timing for the benchmarks: functions that take turns, so that a slow moment is slow for all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def bursts(*functions: Callable[[], Any], seconds: float, burst: int = 1) -> list[list[float]]:
    """The seconds that each function's bursts of ``burst`` calls took, in alternating bursts."""
    times: list[list[float]] = [[] for _ in functions]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for function, record in zip(functions, times, strict=True):
            start = time.perf_counter()
            for _ in range(burst):
                function()
            record.append(time.perf_counter() - start)
    return times
