"""What an experiment is: a config, independent tasks, and how their numbers are put together.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Config:
...     seeds: int = 2
...     @classmethod
...     def quick(cls): return cls()
...     @classmethod
...     def full(cls): return cls(seeds=20)
>>> def tasks(config):
...     return [{"seed": seed} for seed in range(config.seeds)]
>>> def run_task(config, backend, rng, *, seed):
...     return {"square": float(seed**2)}
>>> squares = Experiment("squares", Config, run_task, tasks=tasks)
>>> from refimpl import Rng, backend
>>> squares.run(Config.full(), backend("numpy"), Rng(0))["square"][:4]
array([0., 1., 4., 9.])
"""

from __future__ import annotations

import dataclasses
import dis
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.errors import RefimplError
from refimpl.random import Rng

Task = dict[str, Any]
"""Keyword arguments of one piece of work: plain values that JSON can write."""

PROFILES = ("quick", "full")


class ExperimentError(RefimplError):
    """An experiment has no result because some of its tasks failed."""


def task_label(task: Task) -> str:
    """``task`` in one canonical line: its identity in seeds and cache keys.

    Raises
    ------
    TypeError
        If a value is not plain (number, string, boolean, None, list or dict).

    Examples
    --------
    >>> task_label({"width": 8, "seed": 0})
    '{"seed":0,"width":8}'
    """
    return json.dumps(task, sort_keys=True, separators=(",", ":"), allow_nan=False)


def single_task(config: Any) -> list[Task]:
    """The default list of tasks: everything in one piece."""
    return [{}]


def stack(
    config: Any, tasks: Sequence[Task], results: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """The default way to collect: each name's values stacked along a new first axis, in the
    order of the tasks. A single piece (``tasks == [{}]``) gets no such axis.

    Raises
    ------
    RefimplError
        If the tasks return different names or shapes.

    Examples
    --------
    >>> stack(None, [{"k": 1}, {"k": 2}], [{"loss": np.array(3.0)}, {"loss": np.array(4.0)}])
    {'loss': array([3., 4.])}
    """
    if list(tasks) == [{}]:
        return dict(results[0])
    stacked = {}
    for name in results[0]:
        shapes = {np.shape(values[name]) if name in values else None for values in results}
        if len(shapes) > 1:
            raise RefimplError(
                f"the tasks give {name!r} in different shapes ({sorted(map(str, shapes))}), "
                f"which do not stack: give the experiment its own collect"
            )
        stacked[name] = np.stack([values[name] for values in results])
    return stacked


def merge(
    config: Any, tasks: Sequence[Task], results: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """A way to collect tasks that compute different things: all their values, side by side.

    Raises
    ------
    RefimplError
        If two tasks return values of one name.

    Examples
    --------
    >>> merge(None, [{"part": 1}, {"part": 2}], [{"loss": np.array(3.0)}, {"rate": np.array(4.0)}])
    {'loss': array(3.), 'rate': array(4.)}
    """
    merged: dict[str, np.ndarray] = {}
    for values in results:
        for name in values:
            if name in merged:
                raise RefimplError(f"two tasks give {name!r}, which do not merge")
        merged.update(values)
    return merged


def plain_values(values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """``values`` as host arrays without Python objects: what is cached, hashed and compared.

    Raises
    ------
    TypeError
        If a value is not an array, number, boolean or string (or a list of these).

    Examples
    --------
    >>> plain_values({"rate": 0.5, "names": ["a", "bc"]})
    {'rate': array(0.5), 'names': array(['a', 'bc'], dtype='<U2')}
    """
    result = {}
    for name, value in values.items():
        array = np.ascontiguousarray(to_host(value)).reshape(np.shape(value))
        if array.dtype.hasobject:
            raise TypeError(f"result {name!r} holds Python objects; return numbers or arrays")
        result[name] = array
    return result


class Result(Mapping[str, Any]):
    """The named arrays and scalars of one experiment, read-only.

    A zero-dimensional value comes back as a NumPy scalar, which is a Python float where it is
    float64.

    Parameters
    ----------
    name : str
        The experiment.
    values : mapping of str to array
    config : frozen dataclass, optional
    seconds : float
        CPU-bound wall time of the tasks, summed; of the first run where they come from the cache.
    provenance : dict, optional
        Versions, seed, backend and the hash of the sources.
    error : str, optional
        Set where tasks failed: reading any value then raises ExperimentError with this text.
    absent : str
        Set where tasks failed for want of data files: which, and the command that gets them.

    Examples
    --------
    >>> result = Result("demo", {"rate": np.array(0.5), "curve": np.arange(3.0)})
    >>> float(result["rate"]), list(result)
    (0.5, ['rate', 'curve'])
    >>> result["speed"]
    Traceback (most recent call last):
    ...
    KeyError: "experiment 'demo' has no result 'speed': it has rate, curve"
    """

    def __init__(
        self,
        name: str,
        values: Mapping[str, Any],
        config: Any = None,
        *,
        seconds: float = 0.0,
        provenance: dict[str, Any] | None = None,
        error: str | None = None,
        absent: str = "",
    ) -> None:
        self.name = name
        self.config = config
        self.seconds = seconds
        self.provenance = provenance or {}
        self.error = error
        self.absent = absent
        self._values = plain_values(values)
        for array in self._values.values():
            array.flags.writeable = False

    def __getitem__(self, name: str) -> Any:
        self.raise_if_failed()
        try:
            return self._values[name][()]
        except KeyError:
            raise KeyError(
                f"experiment {self.name!r} has no result {name!r}: it has {', '.join(self._values)}"
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        state = f"failed: {self.error}" if self.error else ", ".join(self._values)
        return f"Result({self.name!r}: {state})"

    def raise_if_failed(self) -> None:
        """Raise ExperimentError if there are no values because tasks failed."""
        if self.error is not None:
            raise ExperimentError(f"experiment {self.name!r} failed: {self.error}")

    def select(self, **values: Any) -> dict[str, Any]:
        """The rows in which the named columns have these values, as arrays by name.

        Columns are the arrays that have as many entries along their first axis as those named;
        the others are left out. A single row is not special: the axis stays.

        Parameters
        ----------
        **values
            Column name and value; floats are compared to 12 digits.

        Raises
        ------
        KeyError
            For a column that there is not.
        ValueError
            If no row has these values; the message lists those that there are.

        Examples
        --------
        >>> result = Result("demo", {"method": ["plain", "gate"], "accuracy": [0.5, 0.75]})
        >>> result.select(method="gate")["accuracy"]
        array([0.75])
        """
        arrays = self.arrays
        keep: np.ndarray | None = None
        for name, value in values.items():
            column = np.asarray(self[name])
            if column.ndim == 0:
                raise ValueError(f"{name!r} of experiment {self.name!r} is one value, not a column")
            number = column.dtype.kind == "f"
            same = np.isclose(column, value, rtol=1e-12, atol=0.0) if number else column == value
            keep = same if keep is None else keep & same
        if keep is None or not np.any(keep):
            there = {
                name: sorted(map(str, set(np.ravel(arrays[name]).tolist()))) for name in values
            }
            raise ValueError(
                f"experiment {self.name!r} has no row with {values}: there are {there}"
            )
        rows = len(keep)
        return {n: a[keep] for n, a in arrays.items() if a.ndim and a.shape[0] == rows}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All values as read-only host arrays."""
        self.raise_if_failed()
        return dict(self._values)


@dataclass(frozen=True)
class Experiment:
    """A named computation from a config to numbers, split into independent tasks.

    Parameters
    ----------
    name : str
        The name of its file.
    config : type
        A frozen dataclass of plain values with the class methods ``quick()`` and ``full()``.
    run_task : callable
        ``run_task(config, backend, rng, **task) -> dict`` of arrays, numbers or strings.
        It may use ``rng`` only (never global state), so that tasks run in any order, anywhere.
    tasks : callable, optional
        ``tasks(config) -> list`` of dicts of plain values, one per independent piece of work.
        Default: one piece.
    collect : callable, optional
        ``collect(config, tasks, results) -> dict`` of arrays. Default: :func:`stack`.
    cost : callable, optional
        ``cost(config, task) -> float``, the rough seconds that a task takes. Long tasks are
        started first. Default: one second each.
    summary : str
        What it computes, in one line.
    """

    name: str
    config: Any
    run_task: Callable[..., Mapping[str, Any]]
    tasks: Callable[[Any], list[Task]] = single_task
    collect: Callable[..., Mapping[str, Any]] = stack
    cost: Callable[[Any, Task], float] | None = None
    summary: str = field(default="", kw_only=True)

    @property
    def module(self) -> str:
        """Where it is computed: the module of ``run_task``."""
        return self.run_task.__module__

    @property
    def seeded(self) -> bool:
        """Whether ``run_task`` looks at its stream: what draws nothing, or fixes its draws, does
        not, and then no seed changes its results."""
        loaded = [
            step.argval
            for step in dis.get_instructions(self.run_task)
            if step.opname.startswith("LOAD")
        ]
        return any(name == "rng" or (isinstance(name, tuple) and "rng" in name) for name in loaded)

    def preset(self, profile: str) -> Any:
        """The config of the ``"quick"`` or ``"full"`` profile."""
        if profile not in PROFILES:
            raise ValueError(f"profile must be one of {', '.join(PROFILES)}, not {profile!r}")
        return getattr(self.config, profile)()

    def task_rng(self, rng: Rng, task: Task) -> Rng:
        """The stream of one task: the same whichever other tasks run, and in whatever order."""
        return rng.child(self.name, task_label(task))

    def run_one(self, config: Any, backend: Backend, rng: Rng, task: Task) -> dict[str, np.ndarray]:
        """The plain host values of one task; ``rng`` is the experiment's own stream."""
        return plain_values(self.run_task(config, backend, self.task_rng(rng, task), **task))

    def run(self, config: Any, backend: Backend, rng: Rng) -> Result:
        """Every task in this process, collected; no cache.

        Parameters
        ----------
        config : instance of ``self.config``
        backend : Backend
        rng : Rng
            Usually ``Rng(seed)``; each task takes its own child stream of it.

        Returns
        -------
        Result
        """
        tasks = list(self.tasks(config))
        results = [self.run_one(config, backend, rng, task) for task in tasks]
        return Result(self.name, self.collect(config, tasks, results), config)


def config_values(config: Any) -> dict[str, Any]:
    """The fields of a config as plain values, for keys and provenance.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Config:
    ...     depths: tuple[int, ...] = (2, 3)
    >>> config_values(Config())
    {'depths': [2, 3]}
    """
    return json.loads(json.dumps(dataclasses.asdict(config), sort_keys=True))
