"""How the time of a step grows: log-log slopes against a size, beside those of the operations.

Of an algorithm that is made as its mathematics asks, the time grows no faster than the count of the
operations. Small sizes cost what a call costs, and grow more slowly; sizes that leave a cache grow
faster for a while.

>>> slope([1, 2, 4], [3.0, 12.0, 48.0])
2.0
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from refimpl.benchmarks.methods import operations, taking
from refimpl.benchmarks.table import Network
from refimpl.benchmarks.timing import race


class Sweep(NamedTuple):
    """One size that grows, all else held.

    Attributes
    ----------
    title : str
    size : str
        What grows.
    sizes : tuple of int
    network : callable
        The network of a size.
    """

    title: str
    size: str
    sizes: tuple[int, ...]
    network: Callable[[int], Network]


SWEEPS = (
    Sweep("64 wide, 64 examples", "layers", (2, 4, 8, 16, 32, 64),
          lambda n: Network((*(64,) * (n + 1), 10), 64)),
    Sweep("three layers, 128 examples", "width", (16, 32, 64, 128, 256, 512, 1024),
          lambda n: Network((n, n, n, 10), 128)),
    Sweep("784-100-100-10", "examples", (8, 32, 128, 512, 2048),
          lambda n: Network((784, 100, 100, 10), n)),
)  # fmt: skip
"""Of the step of SGD."""
NEURONS = Sweep("256-N-10, 64 examples", "neurons", (128, 256, 512, 1024, 2048),
                lambda n: Network((256, n, 10), 64))  # fmt: skip
"""Of the step of every other method."""


class Growth(NamedTuple):
    """The times of a sweep.

    Attributes
    ----------
    method, title, size : str
    sizes : list of int
    seconds : list of float
        Of a step.
    operations : list of float
        Of its matrix products.
    error : str
        Why there are no times.
    """

    method: str
    title: str
    size: str
    sizes: list[int]
    seconds: list[float]
    operations: list[float]
    error: str = ""

    @property
    def slopes(self) -> dict[str, float]:
        """Time against the size, operations against the size, time against the operations; and
        of time against operations the steepest between neighbors."""
        pairs = zip(
            zip(self.operations, self.operations[1:], strict=False),
            zip(self.seconds, self.seconds[1:], strict=False),
            strict=True,
        )
        return {
            "time": slope(self.sizes, self.seconds),
            "operations": slope(self.sizes, self.operations),
            "time against operations": slope(self.operations, self.seconds),
            "steepest": max(slope(counts, times) for counts, times in pairs),
        }

    def as_dict(self) -> dict[str, Any]:
        """As plain values, with the slopes."""
        return {**self._asdict(), "slopes": self.slopes}


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The slope of the least-squares line through log value against log size."""
    xs, ys = [math.log(size) for size in sizes], [math.log(value) for value in values]
    middle, level = sum(xs) / len(xs), sum(ys) / len(ys)
    rise = sum((x - middle) * (y - level) for x, y in zip(xs, ys, strict=True))
    return rise / sum((x - middle) ** 2 for x in xs)


def read(path: Path) -> dict[str, Any]:
    """The kernels and the sweeps that ``refimpl bench --table scaling`` has written.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If the file cannot be read, or holds something else.
    """
    found = json.loads(path.read_text("utf-8"))
    names = ("method", "title", "size", "sizes", "seconds", "operations")
    sweeps = [Growth(*(sweep[name] for name in names)).as_dict() for sweep in found["sweeps"]]
    return {"blas": [str(name) for name in found["blas"]], "sweeps": sweeps}


def measure(methods: Iterable[str], *, seconds: float, most: int | None = None) -> Iterator[Growth]:
    """The sweeps, one after the other; of each the sizes take turns.

    Parameters
    ----------
    methods : of :func:`refimpl.catalogue.algorithms`
        "sgd" has the sweeps of networks, all others that of neurons.
    seconds : float
        Of processor time for each size.
    most : int, optional
        The largest size.
    """
    for name in methods:
        for sweep in SWEEPS if name == "sgd" else (NEURONS,):
            sizes = [size for size in sweep.sizes if most is None or size <= most]
            try:
                yield _grown(name, sweep, sizes, seconds)
            except Exception as error:  # a table names what does not run, and goes on
                why = f"{type(error).__name__}: {error}"
                yield Growth(name, sweep.title, sweep.size, sizes, [], [], why)


def _grown(name: str, sweep: Sweep, sizes: list[int], seconds: float) -> Growth:
    steps, counts = {}, []
    for size in sizes:
        step, work = taking(name, sweep.network(size))
        steps[str(size)] = step
        counts.append(operations(work()))
    found = race(steps, seconds=seconds)
    times = [1e-6 * found[str(size)].microseconds for size in sizes]
    return Growth(name, sweep.title, sweep.size, sizes, times, counts)
