"""The runs behind a declared comparison: one method, some of its settings, some seeds.

A search task (``final=False``) gives validation scores and nothing else: the test set is loaded
with the others and not looked at. A final task trains the chosen setting again and takes it to the
test set. Runs that stack are trained as a stack (:mod:`refimpl.experiments.stacking`).
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from refimpl.arrays import Backend, range_unwatched
from refimpl.errors import ConvergenceError, DivergenceError, InfeasibleError
from refimpl.experiments.comparison import Arm, Problem, unread, usual_metrics
from refimpl.experiments.stacking import Member, stackable, train_stack
from refimpl.random import Rng
from refimpl.training import train

BROKEN = (DivergenceError, InfeasibleError, ConvergenceError)
"""What ends a run without a result: such a setting is never chosen."""


def trained(
    comparison: Any, size: Any, backend: Backend, seed: int, *,
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
    schedule = one.arm.schedule
    if one.problem.observe is None:
        algorithm, schedule = unread(algorithm, schedule)
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
            schedule=schedule,
            progress=False,
        )
    except BROKEN:
        return None, {}
    observe = one.problem.observe
    return outcome.params, {} if observe is None else dict(observe(outcome))


def _numbers(
    one: _Single, params: Any, observed: Mapping[str, float], score: str, final: bool
) -> dict[str, float]:
    """The validation score of a run; of a final one what test and training set say instead."""
    split, objective = one.problem.split, one.objective
    metrics = usual_metrics(objective, split.train)
    if hasattr(one.algorithm, "metrics"):  # of an algorithm whose answer is judged in its own way
        metrics = dict(one.algorithm.metrics(objective))
    metrics |= one.problem.metrics

    def measured(name: str, data: Any) -> float:
        if params is None:
            return math.nan
        with range_unwatched(), contextlib.suppress(*BROKEN):
            return float(metrics[name](params, data))
        return math.nan

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
    comparison: Any,
    size: Any,
    settings: Mapping[str, tuple[float, float | None]],
    seed: int = 0,
    *,
    steps: int = 24,
    turns: int = 3,
) -> dict[str, float]:
    """Processor seconds of a step of each method, networks one by one, on the first seed.

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


def _timed(one: _Single, size: Any, steps: int) -> float:
    clock: list[float] = []

    def note(step: int, state: Any, info: Any) -> None:
        clock.append(time.process_time())  # what others on the machine take does not count
        if step > steps:
            raise _Enough

    with contextlib.suppress(_Enough, *BROKEN):
        train(
            one.algorithm, one.objective, one.start, one.problem.split.train,
            epochs=max(size.epochs, steps), batch_size=size.batch_size,
            rng=one.rng.child("training"), validation=one.problem.split.validation,
            schedule=one.arm.schedule, on_step=note, progress=False,
        )  # fmt: skip
    return float(np.median(np.diff(clock)[steps // 3 :])) if len(clock) > steps // 2 else math.nan
