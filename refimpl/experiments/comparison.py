"""Methods compared on data: equal grids, choice by validation, paired seeds, t intervals.

Every method brings the same number of settings. For each seed one problem is drawn (data and
split, start, order of the batches) that all settings of all methods share, and every setting is
trained on it. The setting with the best mean validation score over the seeds stands for its
method; a setting that diverged on any seed is never chosen. Only then are test scores looked at,
as differences to a reference method, seed by seed.

>>> from refimpl.algorithms.sgd import SGD
>>> arms(SGD, {"learning_rate": (0.1, 0.3)})
[Arm(setting='learning_rate=0.1', algorithm=SGD(learning_rate=0.1), objective=None, start=None, \
schedule=None), Arm(setting='learning_rate=0.3', algorithm=SGD(learning_rate=0.3), objective=None, \
start=None, schedule=None)]
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from refimpl.algorithms.composition import quiet
from refimpl.arrays import Backend, range_unwatched
from refimpl.datasets import Split
from refimpl.errors import DivergenceError, InfeasibleError, SettingError
from refimpl.experiments.base import Experiment, Result, Task
from refimpl.random import Rng
from refimpl.training import Metric, TrainingResult, accuracy, chunked_mean, train


class Arm(NamedTuple):
    """One setting of a method.

    Attributes
    ----------
    setting : str
        How it is named in results.
    algorithm : Algorithm
        Or a function of nothing that makes it, where that costs something.
    objective : callable, optional
        In place of the problem's, for a method that is a loss or a model.
    start : callable, optional
        ``start(params, rng) -> params`` where the problem's start does not serve.
    schedule : callable, optional
        ``schedule(epoch) -> Algorithm``.
    """

    setting: str
    algorithm: Any
    objective: Any = None
    start: Callable[[Any, Rng], Any] | None = None
    schedule: Callable[[int], Any] | None = None


class Problem(NamedTuple):
    """What all settings of all methods share under one seed.

    Attributes
    ----------
    split : Split
        Training, validation and test data.
    objective : Objective
    params : tree
        Where training starts.
    metrics : mapping of str to Metric
        Taken on each set besides accuracy and loss.
    observe : callable, optional
        ``observe(TrainingResult) -> dict`` of further numbers of a run, the same names for all.
    """

    split: Split
    objective: Any
    params: Any
    metrics: Mapping[str, Metric] = {}
    observe: Callable[[TrainingResult], Mapping[str, float]] | None = None


def arms(build: Callable[..., Any], grid: Mapping[str, Sequence[Any]], **fixed: Any) -> list[Arm]:
    """The settings of a full grid.

    Parameters
    ----------
    build : callable
        ``build(**hyper) -> Algorithm``, a class for one.
    grid : mapping of str to sequence
        Hyper-parameter and its values; all combinations are made.
    **fixed
        Further hyper-parameters.
    """
    made = []
    for values in itertools.product(*grid.values()):
        hyper = dict(zip(grid, values, strict=True))
        label = ", ".join(f"{name}={value}" for name, value in hyper.items())
        made.append(Arm(label or "default", build(**hyper, **fixed)))
    return made


def comparison(
    name: str,
    config: Any,
    *,
    problem: Callable[[Any, Backend, Rng], Problem],
    methods: Callable[[Any], Mapping[str, Sequence[Arm]]],
    reference: str,
    score: str = "accuracy",
    summary: str = "",
    cost: Callable[[Any, Task], float] | None = None,
) -> Experiment:
    """An experiment that compares methods; one task a method, setting and seed.

    Parameters
    ----------
    name : str
    config : type
        With the fields ``epochs``, ``batch_size`` and ``seeds`` beside those that ``problem`` and
        ``methods`` read.
    problem : callable
        ``problem(config, backend, rng) -> Problem``, with the stream of one seed.
    methods : callable
        ``methods(config) -> {method: settings}``, all of the same number.
    reference : str
        The method to which differences are taken.
    score : {"accuracy", "loss"}
        By which settings are chosen: the highest accuracy or the lowest loss.
    summary, cost
        Of the :class:`refimpl.experiments.base.Experiment`.

    Returns
    -------
    Experiment
        Whose result has, with M methods, S settings and N seeds: ``method`` (M,), ``setting``
        (M, S), ``chosen`` (M,) the index of the setting, ``at_edge`` (M,) whether it is the first
        or last of more than two, ``validation`` (M, S, N), ``test`` and ``difference`` (M, N) at
        the chosen setting and to the reference's, ``test_accuracy``, ``test_loss`` and further
        metrics on the test set, ``train_accuracy`` and ``train_loss`` (M, N), what was observed as
        ``run_<name>`` (M, N), and ``diverged`` (M, S, N).
    """

    def tasks(settings: Any) -> list[Task]:
        grids = _checked(methods(settings), reference)
        return [
            {"method": method, "setting": index, "seed": seed}
            for method, grid in grids.items()
            for index in range(len(grid))
            for seed in range(settings.seeds)
        ]

    def run_task(
        settings: Any, backend: Backend, rng: Rng, *, method: str, setting: int, seed: int
    ) -> dict[str, Any]:
        shared = Rng(rng.seed).child(name, seed)  # of the seed alone: all methods are paired
        arm = methods(settings)[method][setting]
        return _trained(settings, problem(settings, backend, shared), arm, shared, score)

    def collect(settings: Any, tasks: Sequence[Task], results: Sequence[Any]) -> dict[str, Any]:
        return _collected(methods(settings), settings.seeds, results, reference, score)

    # What it computes is the caller's: a stored value depends on the sources that those reach.
    run_task.__module__ = problem.__module__
    return Experiment(name, config, run_task, tasks, collect, cost, summary=summary)


def _between_checks(settings: Any, examples: int) -> int:
    """Steps from one look at the whole state to the next: an epoch, or where epochs are short as
    many whole ones as make sixteen steps and divide the run, which so ends with a look."""
    per_epoch = 1 if settings.batch_size is None else math.ceil(examples / settings.batch_size)
    most = max(1, 16 // per_epoch)
    return per_epoch * max(k for k in range(1, most + 1) if settings.epochs % k == 0)


def unread(
    algorithm: Any, schedule: Callable[[int], Any] | None
) -> tuple[Any, Callable[[int], Any] | None]:
    """Algorithm and schedule of the same steps, without diagnostics that nobody will read."""
    if schedule is None:
        return quiet(algorithm), None
    return quiet(algorithm), lambda epoch: quiet(schedule(epoch))


def _checked(grids: Mapping[str, Sequence[Arm]], reference: str) -> Mapping[str, Sequence[Arm]]:
    sizes = {method: len(grid) for method, grid in grids.items()}
    if len(set(sizes.values())) != 1 or 0 in sizes.values():
        raise SettingError(f"every method brings the same number of settings, not {sizes}")
    if reference not in grids:
        raise SettingError(f"the reference {reference!r} is none of {', '.join(grids)}")
    return grids


def usual_metrics(objective: Any, data: Any) -> dict[str, Metric]:
    """``loss``, and where the data have classes ``accuracy``."""
    found: dict[str, Metric] = {"loss": chunked_mean(objective)}
    if getattr(data, "classes", None):
        found["accuracy"] = accuracy(objective.model)
    return found


def _trained(settings: Any, problem: Problem, arm: Arm, rng: Rng, score: str) -> dict[str, Any]:
    """The scores of one setting on one seed; NaN where its training broke down."""
    objective = problem.objective if arm.objective is None else arm.objective
    params = problem.params if arm.start is None else arm.start(problem.params, rng.child("start"))
    split = problem.split
    usual = usual_metrics(objective, split.train)
    metrics = {**usual, **problem.metrics}
    sets = {"train": split.train, "validation": split.validation, "test": split.test}
    wanted = {"train": tuple(usual), "validation": (score,), "test": tuple(metrics)}
    algorithm = arm.algorithm() if callable(arm.algorithm) else arm.algorithm
    schedule = arm.schedule
    if problem.observe is None:
        algorithm, schedule = unread(algorithm, schedule)
    try:
        outcome = train(
            algorithm,
            objective,
            params,
            split.train,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            rng=rng.child("training"),
            validation=split.validation,
            evaluate=sets,
            schedule=schedule,
            progress=False,
            checkpoint_every=_between_checks(settings, len(split.train)),
        )
        with range_unwatched():
            found = {
                f"{part}_{name}": float(metrics[name](outcome.params, sets[part]))
                for part, names in wanted.items()
                for name in names
            }
    except (DivergenceError, InfeasibleError):
        lost = {f"{part}_{name}": math.nan for part, names in wanted.items() for name in names}
        return lost | {"diverged": True}
    observed = {} if problem.observe is None else problem.observe(outcome)
    return {
        **found,
        **{f"run_{name}": value for name, value in observed.items()},
        "diverged": False,
    }


def _collected(
    grids: Mapping[str, Sequence[Arm]],
    seeds: int,
    results: Sequence[Any],
    reference: str,
    score: str,
) -> dict[str, Any]:
    names = list(grids)
    settings = len(next(iter(grids.values())))
    shape = (len(names), settings, seeds)
    keys = dict.fromkeys(key for result in results for key in result)
    table = {k: np.array([r.get(k, math.nan) for r in results]).reshape(shape) for k in keys}
    sign = 1.0 if score == "accuracy" else -1.0
    merit = np.mean(sign * table[f"validation_{score}"], axis=-1)
    merit = np.where(np.isfinite(merit), merit, -np.inf)
    chosen = np.argmax(merit, axis=1)
    if not np.all(np.isfinite(np.max(merit, axis=1))):
        lost = [n for n, best in zip(names, np.max(merit, axis=1), strict=True) if best == -np.inf]
        raise SettingError(f"every setting of {', '.join(lost)} diverged on some seed")
    rows = np.arange(len(names))
    picked = {
        key: values[rows, chosen]
        for key, values in table.items()
        if key.startswith(("test_", "train_", "run_"))
    }
    test = picked[f"test_{score}"]
    return {
        **picked,
        "method": np.array(names),
        "setting": np.array([[arm.setting for arm in grid] for grid in grids.values()]),
        "chosen": chosen,
        "at_edge": (settings > 2) & ((chosen == 0) | (chosen == settings - 1)),
        "validation": table[f"validation_{score}"],
        "diverged": table["diverged"],
        "test": test,
        "difference": test - test[names.index(reference)],
    }


def differences(result: Result, method: str, reference: str, key: str = "test") -> np.ndarray:
    """The differences of two methods at their chosen settings, seed by seed.

    Parameters
    ----------
    result : Result
        Of a :func:`comparison`.
    method, reference : str
    key : str
        Which numbers, such as ``"test_loss"``.

    Returns
    -------
    array, shape (N,)
        For :func:`refimpl.claims.outcomes.paired`.
    """
    return (result.select(method=method)[key] - result.select(method=reference)[key])[0]
