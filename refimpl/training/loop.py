"""The training loop, for every algorithm.

Everything random has a name. Step k draws from ``rng.child("step", k)`` and epoch e visits the
examples in the order ``rng.child("order", e).permutation(n)``, so that a run killed at any step
and resumed from a checkpoint continues with the same numbers as one that was never stopped.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refimpl.algorithms.base import (
    Algorithm,
    Objective,
    Tree,
    solution,
)
from refimpl.checks import count
from refimpl.datasets.base import Dataset
from refimpl.errors import DivergenceError, SettingError
from refimpl.progress import progress_bar
from refimpl.random import Rng
from refimpl.training.checkpoint import Checkpoint, fingerprint
from refimpl.training.guards import StateGuard, check_run
from refimpl.training.history import History, Record
from refimpl.training.metrics import Metric
from refimpl.training.stepping import Stepper


class TrainingResult(NamedTuple):
    """The outcome of :func:`train`.

    Attributes
    ----------
    params : tree
        The algorithm's solution: its last parameters unless it says otherwise.
    state : State
        The algorithm's last state.
    history : History
    stopped : bool
        Whether the algorithm ended the run before the last epoch.
    """

    params: Tree
    state: Any
    history: History
    stopped: bool


# Its many arguments are the settings of a run: each by its name, with a default, used once.
def train(
    algorithm: Algorithm,
    objective: Objective,
    params: Tree,
    data: Dataset,
    *,
    epochs: int,
    rng: Rng,
    batch_size: int | None = None,
    validation: Dataset | None = None,
    evaluate: Mapping[str, Dataset] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    evaluate_every: int = 1,
    schedule: Callable[[int], Algorithm] | None = None,
    init_kwargs: Mapping[str, Any] | None = None,
    on_step: Callable[[int, Any, Any], None] | None = None,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    check_every: int = 16,
    replay: bool | None = None,
) -> TrainingResult:
    """Train ``params`` on ``data``.

    Parameters
    ----------
    algorithm : Algorithm
    objective : callable
        ``objective(params, batch)``, a scalar.
    params : tree
        Where training starts; never mutated.
    data : Dataset or TaskSet
        P examples, or as many tasks. A data set with a method ``draw(indices, rng)``, such as a
        set of tasks whose points are divided anew in each step, draws its batches with it.
    epochs : int
        Passes over the data.
    rng : Rng
        Parent of the streams of all steps and epochs.
    batch_size : int, optional
        Examples per step; the last, short batch of an epoch is kept. None is the whole set, in
        its own order.
    validation : Dataset, optional
        Short for ``evaluate={"validation": validation}``; algorithms that watch a validation
        set (``requires`` names it) are given it too.
    evaluate : mapping of str to Dataset, optional
        The sets on which metrics are taken, such as ``{"train": ..., "test": ...}``.
    metrics : mapping of str to callable, optional
        ``metric(params, dataset)``; see :func:`accuracy` and :func:`chunked_mean`.
    evaluate_every : int
        Epochs between evaluations; the end of the run is always evaluated.
    schedule : callable, optional
        ``schedule(epoch)`` gives the algorithm of that epoch (counted from 0), for example
        ``lambda epoch: replace(algorithm, learning_rate=0.1 * 0.95**epoch)``.
    init_kwargs : mapping, optional
        Further arguments of ``algorithm.init``.
    on_step : callable, optional
        ``on_step(step, state, info)`` after every step, ``step`` counted from 1.
    progress : bool, optional
        Show a progress bar; by default where the standard error is a terminal. Needs rich.
    checkpoint : path, optional
        File that is replaced atomically every ``checkpoint_every`` steps, at the end, and when
        the run is interrupted.
    checkpoint_every : int, optional
        Steps; one epoch by default.
    resume : bool
        Continue from ``checkpoint`` if the file exists; start afresh if it does not.
    check_every : int
        Steps between looks at the loss. Each look waits for the device, so on a GPU a larger
        number runs faster; a non-finite loss is noticed that much later, and its step is still
        named exactly.
    replay : bool, optional
        Whether value and gradient are recorded once and replayed (see
        :class:`refimpl.autodiff.Replayed`), with the same bits. By default where the objective
        says of itself that it depends on parameters and batch alone, as
        :class:`refimpl.models.Objective` does; True says it of any objective. False takes every
        step by the algorithm's own ``step`` and the tape.

    Returns
    -------
    TrainingResult

    Raises
    ------
    SettingError
        When the training set is empty, the algorithm needs a validation set and none is given, or
        parameters and data are not of one dtype.
    DataError
        At the first input that is not finite.
    TargetError
        When the targets are not those that the loss takes, such as labels beyond the outputs.
    DivergenceError
        When a loss, a parameter or what the algorithm remembers is not finite. Carries ``step``
        (counted from 0), ``loss`` and ``checkpoint``, the last good checkpoint or None.
    CheckpointError
        When the checkpoint is unreadable or belongs to another run; carries ``field``.
    KeyboardInterrupt
        Passed on after a checkpoint is written.
    """
    for name, value in (("evaluate_every", evaluate_every), ("check_every", check_every)):
        count(name, value)
    count("epochs", epochs, at_least=0)
    if resume and checkpoint is None:
        raise ValueError("resume=True needs a checkpoint path")
    batches = _Batches(data, batch_size, rng)
    checkpoint_every = batches.per_epoch if checkpoint_every is None else checkpoint_every
    count("checkpoint_every", checkpoint_every)
    sets = dict(evaluate or {})
    if validation is not None:
        sets["validation"] = validation
    evaluation = _Evaluation(sets, dict(metrics or {}), evaluate_every)

    check_run(objective, params, {"training": data, **sets})
    offered = _offered(objective, data, sets, batches.per_epoch)
    state = _first_state(algorithm, params, offered, dict(init_kwargs or {}))
    run = _Run(
        Stepper(algorithm, objective, state, replay=replay), batches, rng, evaluation, epochs
    )
    if checkpoint is not None:
        marks = fingerprint(
            algorithm, state, data, batches.batch_size, rng, evaluation.columns(),
            objective=objective, schedule=schedule, init_kwargs=init_kwargs,
        )  # fmt: skip
        run.store = Checkpoint(checkpoint, state, marks)
        if resume and run.store.path.exists():
            run.stepper.state, run.stopped = run.store.load(run.record)

    bar = progress_bar(
        "training", run.total, unit="steps", value="loss", done=run.stepper.taken, wanted=progress
    )
    with bar as advance, _quiet():
        try:
            run.go(schedule, on_step, check_every, checkpoint_every, advance)
        except KeyboardInterrupt:
            # A loss that has already diverged must not replace the last good checkpoint.
            with contextlib.suppress(DivergenceError):
                run.save()
            raise
    state = run.stepper.state
    return TrainingResult(
        solution(run.stepper.algorithm, state),
        state,
        run.record.history(state.step),
        bool(run.stopped),
    )


class _Batches:
    """The batch of every step: the whole set in its own order, a slice of the epoch's order, or
    what the set draws of its own."""

    def __init__(self, data: Dataset, batch_size: int | None, rng: Rng) -> None:
        size = len(data)
        if size == 0:
            raise SettingError(f"the training set {data.name!r} is empty")
        if batch_size is not None:
            count("batch_size", batch_size)
            batch_size = min(batch_size, size)
        self.data, self.batch_size, self.rng = data, batch_size, rng
        self.per_epoch = 1 if batch_size is None else math.ceil(size / batch_size)
        self.sizes = np.full(self.per_epoch, batch_size or size, dtype=np.float64)
        self.sizes[-1] = size - (self.per_epoch - 1) * (batch_size or size)
        self._draw = getattr(data, "draw", None)
        self._whole = data.batch() if batch_size is None and self._draw is None else None
        self._order: np.ndarray | None = None
        self._epoch = -1

    def at(self, step: int) -> Any:
        if self._whole is not None:
            return self._whole
        epoch, inside = divmod(step, self.per_epoch)
        if self._order is None or epoch != self._epoch:
            self._order = self.rng.child("order", epoch).permutation(len(self.data))
            self._epoch = epoch
        length = self.batch_size or len(self.data)
        chosen = self._order[inside * length : (inside + 1) * length]
        if self._draw is not None:
            return self._draw(chosen, self.rng.child("draw", step))
        return self.data.batch(chosen)


class _Evaluation(NamedTuple):
    """Which metrics are taken on which sets, and every how many epochs."""

    sets: Mapping[str, Dataset]
    metrics: Mapping[str, Metric]
    every: int

    def columns(self) -> list[str]:
        return sorted(f"{split}_{metric}" for split in self.sets for metric in self.metrics)

    def row(self, params: Tree) -> dict[str, float]:
        return {
            f"{split}_{name}": float(metric(params, dataset))
            for split, dataset in self.sets.items()
            for name, metric in self.metrics.items()
        }


@dataclass
class _Run:
    """A run between two steps."""

    stepper: Stepper
    batches: _Batches
    rng: Rng
    evaluation: _Evaluation
    epochs: int
    store: Checkpoint | None = None
    stopped: bool = False

    def __post_init__(self) -> None:
        self.total = self.epochs * self.batches.per_epoch
        self.record = Record(self.total)
        self.guard = StateGuard(self.stepper.state)

    def go(
        self,
        schedule: Callable[[int], Algorithm] | None,
        on_step: Callable[[int, Any, Any], None] | None,
        check_every: int,
        checkpoint_every: int,
        advance: Callable[[int, float], None],
    ) -> None:
        scheduled = -1
        while True:
            self.evaluate_if_due()
            step = self.stepper.taken
            if self.stopped or step >= self.total:
                break
            epoch = step // self.batches.per_epoch
            if schedule is not None and epoch != scheduled:
                self.stepper.algorithm, scheduled = schedule(epoch), epoch
            info = self.step()
            step += 1
            if on_step is not None:
                on_step(step, self.stepper.state, info)
            if step % check_every == 0:
                self.look()
                advance(step, self.record.last_loss)
            if step % checkpoint_every == 0:
                self.save()
        self.save()
        advance(self.stepper.taken, self.record.last_loss)

    def step(self) -> Any:
        """One step of the algorithm on its batch and its stream; the step's info."""
        step = self.stepper.taken
        info = self.stepper.prepare(self.batches.at(step), self.rng.child("step", step))
        self.record.append(step, info)
        self.stepper.commit()
        self.stopped = bool(getattr(info, "stopped", False))
        return info

    def evaluate_if_due(self) -> None:
        """Take the metrics: at every so many epochs, and at the end, whenever that is."""
        step = self.stepper.taken
        epoch, inside = divmod(step, self.batches.per_epoch)
        regular = inside == 0 and epoch % self.evaluation.every == 0
        due = regular or self.stopped or step == self.total
        if step == 0 or step in self.record.rows or not due:
            return
        self.look()
        row = {"epoch": step / self.batches.per_epoch, "step": float(step)}
        row["loss"] = self.record.mean_loss(step, self.batches.sizes)
        params = solution(self.stepper.algorithm, self.stepper.state)
        row.update(self.evaluation.row(params))
        self.record.rows[step] = row

    def look(self) -> None:
        """Wait for the device, and raise if a loss was not finite."""
        self.record.flush(None if self.store is None else self.store.good)

    def save(self) -> None:
        self.look()
        state = self.stepper.state
        self.guard.check(
            state, self.record.last_loss, None if self.store is None else self.store.good
        )
        if self.store is not None:
            self.store.save(state, self.record)


def _offered(
    objective: Objective, data: Dataset, sets: Mapping[str, Dataset], per_epoch: int
) -> dict[str, Callable[[], Any]]:
    """What an algorithm may name in ``requires``, made only where it does."""
    offered: dict[str, Callable[[], Any]] = {
        "steps_per_epoch": lambda: per_epoch,
        "training": data.batch,
        "objective": lambda: objective,
    }
    if "validation" in sets:
        offered["validation"] = sets["validation"].batch
    return offered


def _first_state(
    algorithm: Any,
    params: Tree,
    offered: Mapping[str, Callable[[], Any]],
    given: dict[str, Any],
) -> Any:
    for name in _required(algorithm):
        if name in given:
            continue
        if name not in offered:
            parts = [p for p in getattr(algorithm, "parts", ()) if name in _required(p)]
            kind = type(parts[0] if parts else algorithm).__name__
            if name == "validation":
                raise SettingError(f"{kind} needs a validation set: pass validation=...")
            raise SettingError(f"{kind} needs {name!r}: pass init_kwargs={{{name!r}: ...}}")
        given[name] = offered[name]()
    return algorithm.init(params, **given)


def _required(part: Any) -> tuple[str, ...]:
    return getattr(part, "requires", ())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Overflow on the way to divergence becomes a DivergenceError, so NumPy need not warn."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        yield
