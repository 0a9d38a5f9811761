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

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from refimpl.arrays import Backend
from refimpl.errors import DivergenceError, InfeasibleError, SettingError
from refimpl.experiments.base import Experiment, Result, Task
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size
from refimpl.experiments.grids import Grid, balanced, best, end_of
from refimpl.experiments.runner import run_many
from refimpl.experiments.stacking import Member, stackable, train_stack
from refimpl.random import Rng
from refimpl.training import Metric, accuracy, chunked_mean, train

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
    def at_end(self) -> bool:
        """Whether it lies at an end that could have grown."""
        end = end_of(self.grid.values, self.chosen)
        return end is not None and self.grid.grown(end) is not None


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
    sign = -1.0 if comparison.lower else 1.0
    for _ in range(ROUNDS):
        found: dict[str, Choice] = {}
        rate = None
        for first in (True, False):  # those that need the rate come when it is chosen
            names = [m.name for m in comparison.methods if m.tunes_rate == first]
            scores = score([(name, grids[name].values, rate) for name in names])
            for name, row in zip(names, scores, strict=True):
                chosen = best(grids[name].values, np.mean(sign * row, axis=1).tolist())
                found[name] = Choice(grids[name], row, chosen, rate)
            rate = found[names[0]].value if first and names else None
        grown = dict(grids)
        for name, choice in found.items():
            end = end_of(choice.grid.values, choice.chosen)
            grown[name] = (end and choice.grid.grown(end)) or choice.grid
        if grown == grids:
            break
        longest = max(len(grid.values) for grid in grown.values())
        for name, grid in grown.items():
            place = grid.values.index(found[name].value)
            grids[name] = balanced(grid, place, longest)
    return {method.name: found[method.name] for method in comparison.methods}


class Run(NamedTuple):
    """What came of a comparison.

    Attributes
    ----------
    choices : dict of str to Choice
    final : dict of str to dict
        Of each method the numbers at its choice, ``test_<score>`` among them, each (seeds,).
    costs : dict of str to float
        Seconds of a step at the choice.
    seconds : float
        Of all tasks, those found in the cache with what they took.
    provenance : dict
    """

    choices: dict[str, Choice]
    final: dict[str, dict[str, np.ndarray]]
    costs: dict[str, float]
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
        If every setting of a method diverged.
    """
    work = _Work(comparison, size, options)
    choices = choose(comparison, work.scores)
    wanted = [
        {"method": name, "values": [choice.value], "rate": choice.rate, "final": True}
        for name, choice in choices.items()
    ]
    rows = work.run(wanted)
    final = {task["method"]: row for task, row in zip(wanted, rows, strict=True)}
    picked = {name: (choice.value, choice.rate) for name, choice in choices.items()}
    costs = step_seconds(comparison, size, picked, options.get("seed", 0))
    for name, row in final.items():
        if not np.all(np.isfinite(row[f"test_{comparison.score}"])):
            raise SettingError(f"{name} of {comparison.name} diverged when trained again")
    return Run(choices, final, costs, work.seconds, work.provenance)


class _Work:
    """Runs tasks, and remembers the scores that it has."""

    def __init__(self, comparison: Comparison, size: Size, options: Mapping[str, Any]) -> None:
        self.comparison, self.size, self.options = comparison, size, options
        self.known: Scores = {}
        self.seconds = 0.0
        self.provenance: dict[str, Any] = {}

    def scores(self, requests: Sequence[Request]) -> list[np.ndarray]:
        tasks = []
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
        return trained(comparison, size, backend, rng.seed, **task)

    def collect(size: Any, tasks: Sequence[Task], results: Sequence[Any]) -> dict[str, Any]:
        return {f"{i}/{key}": row[key] for i, row in enumerate(results) for key in row}

    # a stored value depends on the sources that the declaration reaches
    run_task.__module__ = comparison.module
    return Experiment(comparison.name, type(comparison.full), run_task, lambda size: tasks, collect)


def trained(
    comparison: Comparison, size: Any, backend: Backend, seed: int, *,
    method: str, values: Sequence[float], rate: float | None, final: bool, seeds: Sequence[int],
) -> dict[str, Any]:  # fmt: skip
    """Train one method at some values on some seeds.

    Returns
    -------
    dict
        ``validation`` (values, seeds); with ``final`` instead what the test and training sets say,
        each (seeds,), for the one value.
    """
    shared = [Rng(seed).child(comparison.name, number) for number in range(*seeds)]
    problems = [comparison.problem(size, backend, rng) for rng in shared]
    make = comparison.method(method).arm
    arms = [make(size, value if rate is None else rate, value) for value in values]
    runs = [_Single(arm, p, r) for arm in arms for p, r in zip(problems, shared, strict=True)]
    outcomes = _outcomes(runs, size, needs_history=final)
    rows = [_numbers(one, params, found, comparison.score, final)
            for one, (params, found) in zip(runs, outcomes, strict=True)]  # fmt: skip
    if final:
        return {key: np.array([row[key] for row in rows]) for key in dict.fromkeys(rows[0])}
    scores = np.array([row["validation"] for row in rows])
    return {"validation": scores.reshape(len(arms), len(problems))}


class _Single(NamedTuple):
    arm: Arm
    problem: Problem
    rng: Rng

    @property
    def objective(self) -> Any:
        return self.problem.objective if self.arm.objective is None else self.arm.objective

    @property
    def start(self) -> Any:
        start = self.arm.start
        return self.problem.params if start is None else start(
            self.problem.params, self.rng.child("start")
        )  # fmt: skip

    @property
    def algorithm(self) -> Any:
        return self.arm.algorithm() if callable(self.arm.algorithm) else self.arm.algorithm


def _outcomes(runs: Sequence[_Single], size: Any, *, needs_history: bool) -> list[tuple[Any, dict]]:
    """Final parameters (None where a run broke down) and observations of each run."""
    algorithms = [one.algorithm for one in runs]
    watched = needs_history and any(one.problem.observe is not None for one in runs)
    like = all(hasattr(one.problem.split.train, "features") for one in runs)
    plain = not any(hasattr(one.problem.split.train, "draw") for one in runs)
    alike = like and plain and stackable(algorithms, [one.objective for one in runs])
    if alike and not watched and len(runs) > 1:
        members = [
            Member(algorithm, one.start, one.problem.split.train, one.rng.child("training"),
                   one.arm.schedule)
            for one, algorithm in zip(runs, algorithms, strict=True)
        ]  # fmt: skip
        found = train_stack(
            members, runs[0].objective, epochs=size.epochs, batch_size=size.batch_size
        )
        return [(params, {}) for params in found]
    return [_alone(one, algorithm, size) for one, algorithm in zip(runs, algorithms, strict=True)]


def _alone(one: _Single, algorithm: Any, size: Any) -> tuple[Any, dict]:
    try:
        outcome = train(
            algorithm,
            one.objective,
            one.start,
            one.problem.split.train,
            epochs=size.epochs,
            batch_size=size.batch_size,
            rng=one.rng.child("training"),
            validation=one.problem.split.validation,
            schedule=one.arm.schedule,
            progress=False,
        )
    except (DivergenceError, InfeasibleError):
        return None, {}
    observe = one.problem.observe
    return outcome.params, {} if observe is None else dict(observe(outcome))


def _numbers(
    one: _Single, params: Any, observed: Mapping[str, float], score: str, final: bool
) -> dict[str, float]:
    """The validation score of a run; of a final one what test and training set say instead."""
    split, objective = one.problem.split, one.objective
    metrics: dict[str, Metric] = {"loss": chunked_mean(objective)}
    if split.train.classes:
        metrics["accuracy"] = accuracy(objective.model)
    metrics |= one.problem.metrics

    def measured(name: str, data: Any) -> float:
        if params is None:
            return math.nan
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return float(metrics[name](params, data))

    if not final:
        loss = measured("loss", split.validation)  # an accuracy of what is not finite is a number
        value = loss if score == "loss" else measured(score, split.validation)
        return {"validation": value if math.isfinite(loss) else math.nan}
    found = {f"test_{name}": measured(name, split.test) for name in metrics}
    found[f"train_{score}"] = measured(score, split.train)
    return found | {f"run_{name}": float(value) for name, value in observed.items()}


class _Enough(Exception):  # noqa: N818  not an error: enough steps were timed
    """Ends a run that is only timed."""


def step_seconds(
    comparison: Comparison,
    size: Size,
    settings: Mapping[str, tuple[float, float | None]],
    seed: int = 0,
    *,
    steps: int = 24,
    turns: int = 3,
) -> dict[str, float]:
    """Seconds of one training step of each method, networks one by one, on the first seed.

    Parameters
    ----------
    comparison : Comparison
    size : Size
    settings : mapping
        Value and rate of each method.
    seed : int
    steps, turns : int
        The median over ``steps`` (the first third is left out), the least over ``turns``, in which
        the methods take turns.
    """
    from refimpl.arrays import backend

    rng = Rng(seed).child(comparison.name, 0)
    problem = comparison.problem(size, backend("numpy"), rng)
    found = dict.fromkeys(settings, math.inf)
    for _ in range(turns):
        for name, (value, rate) in settings.items():
            arm = comparison.method(name).arm(size, value if rate is None else rate, value)
            seconds = _timed(_Single(arm, problem, rng), size, steps)
            found[name] = min(found[name], seconds)
    return found


def _timed(one: _Single, size: Size, steps: int) -> float:
    clock: list[float] = []

    def note(step: int, state: Any, info: Any) -> None:
        clock.append(time.perf_counter())
        if step > steps:
            raise _Enough

    with contextlib.suppress(_Enough, DivergenceError, InfeasibleError):
        train(
            one.algorithm, one.objective, one.start, one.problem.split.train,
            epochs=max(size.epochs, steps), batch_size=size.batch_size,
            rng=one.rng.child("training"), validation=one.problem.split.validation,
            schedule=one.arm.schedule, on_step=note, progress=False,
        )  # fmt: skip
    return float(np.median(np.diff(clock)[steps // 3 :])) if len(clock) > steps // 2 else math.nan


def middle(method: Method) -> float:
    """The value in the middle of a method's grid."""
    return method.grid[len(method.grid) // 2]
