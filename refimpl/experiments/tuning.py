"""Run a declared comparison: choose settings by validation on grids that grow, then test.

1. The baseline that tunes the learning rate is trained on its grid; the best mean validation score
   over the seeds chooses; the others are trained at that rate on their own grids.
2. A method whose choice lies at an end of its grid gets one value more there, and all others one
   value more too, so that every method keeps as many settings as the others; again, until no
   choice lies at an end but those of a grid that has reached its limit.
3. Only then are the chosen settings trained again and taken to the test sets; the differences to
   the baseline with the best validation score are paired by seed.

No test score exists before the choice is made. Every task is kept when it is done, so that a run
that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.errors import SettingError
from refimpl.experiments.base import Experiment, Result, Task
from refimpl.experiments.declared import Comparison, Method, Size
from refimpl.experiments.grids import Grid, balanced, best, end_of
from refimpl.experiments.runner import run_many
from refimpl.experiments.settings_runs import step_seconds
from refimpl.random import Rng

ROUNDS = 12
"""Of growth, after which a choice that still lies at an end is recorded as such."""

Scores = dict[tuple[str, float, float | None], np.ndarray]
"""Validation scores of the seeds, by method, value and rate."""


class Choice(NamedTuple):
    """A method's grid, the validation scores (settings, seeds), and the index chosen."""

    grid: Grid
    scores: np.ndarray
    chosen: int
    rate: float | None

    @property
    def value(self) -> float:
        """The setting that validation chose."""
        return self.grid.values[self.chosen]

    @property
    def grown(self) -> Grid:
        """The grid with one value more where the choice lies at an end that can grow."""
        end = end_of(self.grid.values, self.chosen)
        return (end and self.grid.grown(end)) or self.grid

    @property
    def at_end(self) -> bool:
        """Whether it lies at an end that could have grown."""
        return self.grown != self.grid


Request = tuple[str, tuple[float, ...], float | None]
"""A method, the values at which it is wanted, and the rate."""


def choose(
    comparison: Comparison, score: Callable[[Sequence[Request]], Sequence[np.ndarray]]
) -> dict[str, Choice]:
    """The choice of every method, on grids grown until none lies at an end.

    Parameters
    ----------
    comparison : Comparison
    score : callable
        From requests to arrays (values, seeds) of validation scores: all that the choice can see.
    """
    grids = {method.name: method.settings for method in comparison.methods}
    names = [
        [m.name for m in comparison.methods if m.tunes_rate == first] for first in (True, False)
    ]

    def tuned(some: Sequence[str], rate: float | None) -> dict[str, Choice]:
        rows = score([(name, grids[name].values, rate) for name in some])
        return {
            name: _chosen(comparison, name, grids[name], row, rate)
            for name, row in zip(some, rows, strict=True)
        }

    for _ in range(ROUNDS):
        found = tuned(names[0], None)
        for _ in range(ROUNDS):  # the rate settles before anything is trained at it
            more = {name: choice.grown for name, choice in found.items()}
            if more == {name: grids[name] for name in more}:
                break
            grids |= more
            found = tuned(names[0], None)
        found |= tuned(names[1], found[names[0][0]].value if names[0] else None)
        wanted = {name: choice.grown for name, choice in found.items()}
        longest = max(len(grid.values) for grid in wanted.values())
        if wanted == grids and all(len(grid.values) == longest for grid in grids.values()):
            break
        for name, grid in wanted.items():
            place = grid.values.index(found[name].value)
            grids[name] = balanced(grid, place, longest)
    return {method.name: found[method.name] for method in comparison.methods}


def _chosen(
    comparison: Comparison, name: str, grid: Grid, scores: np.ndarray, rate: float | None
) -> Choice:
    """The choice among the scores (settings, seeds); an error says of what each setting broke."""
    merit = np.mean(-scores if comparison.lower else scores, axis=1).tolist()
    try:
        return Choice(grid, scores, best(grid.values, merit), rate)
    except SettingError as error:
        place = f"{comparison.name}: {name}" + ("" if rate is None else f" at the rate {rate:g}")
        raise SettingError(
            f"{place}: {error} on one seed or more",
            broken=int(np.sum(~np.isfinite(scores))),
            runs=scores.size,
        ) from None


class Run(NamedTuple):
    """What came of a comparison.

    Attributes
    ----------
    choices : dict of str to Choice
    final : dict of str to dict
        Of each method the numbers at its choice, ``test_<score>`` among them, each (seeds,).
    costs : dict of str to float
        Seconds of a step at the choice.
    data : dict
        What the training data is, and the examples of each part.
    seconds : float
        Of all tasks, those found in the cache with what they took.
    provenance : dict
    """

    choices: dict[str, Choice]
    final: dict[str, dict[str, np.ndarray]]
    costs: dict[str, float]
    data: dict[str, Any]
    seconds: float
    provenance: dict[str, Any]


def run(comparison: Comparison, size: Size, **options: Any) -> Run:
    """Run a comparison.

    Parameters
    ----------
    comparison : Comparison
    size : Size
        ``comparison.full``, ``comparison.quick`` or another.
    **options
        Of :func:`refimpl.experiments.runner.run_many`: backend, dtype, seed, jobs, dask,
        cache_dir, progress.

    Raises
    ------
    SettingError
        If every setting of a method diverged on one seed or more: which method, at which rate, and
        how many of the runs.
    """
    work = _Work(comparison, size, options)
    choices = choose(comparison, work.scores)
    wanted: list[Task] = [
        {"method": name, "values": [choice.value], "rate": choice.rate, "final": True}
        for name, choice in choices.items()
    ]
    rows = work.run(wanted)
    final = dict(zip(choices, rows, strict=True))
    picked = {name: (choice.value, choice.rate) for name, choice in choices.items()}
    costs = step_seconds(comparison, size, picked, options.get("seed", 0))
    for name, row in final.items():
        if not np.all(np.isfinite(row[f"test_{comparison.score}"])):
            raise SettingError(f"{name} of {comparison.name} diverged when trained again")
    return Run(choices, final, costs, described(comparison, size), work.seconds, work.provenance)


def described(comparison: Comparison, size: Size) -> dict[str, Any]:
    """What the data of a comparison is, in the words of the set, and the examples of each part."""
    rng = Rng(0).child(comparison.name, 0)
    split = comparison.problem(size, make_backend("numpy"), rng).split
    parts = zip(("training", "validation", "test"), split, strict=True)
    about = getattr(split.train, "description", "") or getattr(split.train, "name", "")
    return {"description": about, **{name: len(part) for name, part in parts}}


class _Work:
    """Runs tasks, and remembers the scores that it has."""

    def __init__(self, comparison: Comparison, size: Size, options: Mapping[str, Any]) -> None:
        self.comparison, self.size, self.options = comparison, size, options
        self.known: Scores = {}
        self.seconds = 0.0
        self.provenance: dict[str, Any] = {}

    def scores(self, requests: Sequence[Request]) -> list[np.ndarray]:
        tasks: list[Task] = []
        for method, values, rate in requests:
            missing = [value for value in values if (method, value, rate) not in self.known]
            if missing:
                tasks.append({"method": method, "values": missing, "rate": rate, "final": False})
        for task, row in zip(tasks, self.run(tasks) if tasks else [], strict=True):
            for value, scores in zip(task["values"], row["validation"], strict=True):
                self.known[task["method"], value, task["rate"]] = scores
        return [
            np.stack([self.known[method, value, rate] for value in values])
            for method, values, rate in requests
        ]

    def run(self, wanted: Sequence[Task]) -> list[dict[str, np.ndarray]]:
        """The rows of tasks, each split over groups of seeds and put together again."""
        step = self.size.together
        groups = [
            [first, min(first + step, self.size.seeds)] for first in range(0, self.size.seeds, step)
        ]
        tasks = [{**task, "seeds": group} for task in wanted for group in groups]
        experiment = _experiment(self.comparison, tasks)
        (result,) = run_many([(experiment, self.size)], **self.options).values()
        result.raise_if_failed()
        self.seconds += result.seconds
        self.provenance = result.provenance
        rows = []
        for index in range(len(wanted)):
            parts = [_part(result, index * len(groups) + g) for g in range(len(groups))]
            rows.append({key: np.concatenate([p[key] for p in parts], axis=-1) for key in parts[0]})
        return rows


def _part(result: Result, index: int) -> dict[str, np.ndarray]:
    """The values of one task, which :func:`_experiment` collects under its number."""
    head = f"{index}/"
    values = result.arrays
    return {key.removeprefix(head): values[key] for key in values if key.startswith(head)}


def _experiment(comparison: Comparison, tasks: list[Task]) -> Experiment:
    """These tasks of a comparison, as the engine of experiments runs them."""

    def run_task(size: Any, backend: Backend, rng: Rng, **task: Any) -> dict[str, Any]:
        return comparison.trained(size, backend, rng.seed, **task)

    def collect(size: Any, tasks: Sequence[Task], results: Sequence[Any]) -> dict[str, Any]:
        return {f"{i}/{key}": row[key] for i, row in enumerate(results) for key in row}

    # a stored value depends on the sources that the declaration reaches
    run_task.__module__ = comparison.module
    return Experiment(comparison.name, type(comparison.full), run_task, lambda size: tasks, collect)


def middle(method: Method) -> float:
    """The value in the middle of a method's grid."""
    return method.grid[len(method.grid) // 2]
