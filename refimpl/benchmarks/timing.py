"""Times of functions that take turns, so that a slow moment is slow for all.

What counts is the processor time of the process, of which others that use the machine take nothing;
each function is called for a few milliseconds at a time, and the turns of a round are compared with
each other alone.

>>> found = race({"twice": lambda: sum(range(2000)), "once": lambda: sum(range(1000))}, seconds=0.1)
>>> found["twice"].microseconds > 0.0
True
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

BLOCK_SECONDS = 0.004


class Timing(NamedTuple):
    """What a function took.

    Attributes
    ----------
    microseconds : float
        A call, the median over the rounds.
    ratios : dict of str to tuple of float
        To each other function: the median over the rounds, and the quartiles.
    """

    microseconds: float
    ratios: dict[str, tuple[float, float, float]]


def race(
    functions: Mapping[str, Callable[[], Any]],
    *,
    seconds: float = 1.0,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, Timing]:
    """Let functions take turns until each has had ``seconds``.

    Parameters
    ----------
    functions : mapping of str to callable
    seconds : float
        Of each function; at least five rounds are made.
    clock : callable
        The processor time of the process; on a GPU a clock that waits for the device.

    Returns
    -------
    dict of str to Timing
    """
    for function in functions.values():
        function()
    blocks = {name: _block(function, clock) for name, function in functions.items()}
    times: dict[str, list[float]] = {name: [] for name in functions}
    order = list(functions)
    shuffle = random.Random(0).shuffle
    rounds, spent = 0, 0.0
    while rounds < 5 or spent < seconds * len(functions):
        shuffle(order)
        for name in order:
            function, calls = functions[name], blocks[name]
            start = clock()
            for _ in range(calls):
                function()
            took = clock() - start
            times[name].append(took / calls)
            spent += took
        rounds += 1
    return {
        name: Timing(
            1e6 * statistics.median(own),
            {
                other: _quartiles([a / b for a, b in zip(own, theirs, strict=True) if b > 0])
                for other, theirs in times.items()
                if other != name
            },
        )
        for name, own in times.items()
    }


def _block(function: Callable[[], Any], clock: Callable[[], float]) -> int:
    """How many calls fill a block."""
    calls = 1
    while True:
        start = clock()
        for _ in range(calls):
            function()
        took = clock() - start
        if took > BLOCK_SECONDS / 4 or calls > 10**6:
            return max(1, round(calls * BLOCK_SECONDS / max(took, 1e-9)))
        calls *= 2


def _quartiles(ratios: list[float]) -> tuple[float, float, float]:
    low, middle, high = statistics.quantiles(ratios, n=4)
    return middle, low, high


def kernels() -> list[str]:
    """The libraries of linear algebra in this process: name, version and the kernels they chose.

    Ratios depend on them: name them beside every one.
    """
    from threadpoolctl import threadpool_info

    wanted = ("internal_api", "version", "architecture")
    return [" ".join(str(i[k]) for k in wanted if i.get(k)) for i in threadpool_info()]
