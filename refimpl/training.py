"""One training loop for every algorithm: batches, metrics, history, checkpoint and resume.

Everything random has a name. Step k draws from ``rng.child("step", k)`` and epoch e visits the
examples in the order ``rng.child("order", e).permutation(n)``, so that a run killed at any step
and resumed from a checkpoint continues with the same numbers as one that was never stopped.

>>> import numpy as np
>>> from refimpl import Rng, algorithms
>>> from refimpl import autodiff as ad
>>> from refimpl.datasets.base import Dataset
>>> data = Dataset("line", np.asarray([[1.0], [2.0]]), np.asarray([2.0, 4.0]))
>>> def objective(params, batch):
...     return ad.mean((batch.inputs @ params["weight"] - batch.targets) ** 2)
>>> result = train(
...     algorithms.make("sgd", learning_rate=0.1), objective, {"weight": np.zeros(1)}, data,
...     epochs=20, rng=Rng(0),
... )
>>> np.round(result.params["weight"], 3), len(result.history.steps["loss"])
(array([2.]), 20)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refimpl import autodiff as ad
from refimpl import models
from refimpl.algorithms.base import Algorithm, Objective, Tree, count, solution
from refimpl.arrays import Array, device, namespace, to_host
from refimpl.datasets.base import Dataset
from refimpl.errors import CheckpointError, DivergenceError, SettingError
from refimpl.random import Rng

Metric = Callable[[Tree, Dataset], Any]
"""A number about parameters on a data set: ``metric(params, dataset)``."""

_FORMAT = 1
_CHUNK = 2048
_SCALARS = (bool, int, float)  # compared by type: NumPy's float64 scalar is a float too


@dataclass
class History:
    """What a run recorded, on the host in float64.

    Attributes
    ----------
    steps : dict of str to array, shape (steps,)
        ``loss`` and every other scalar field of the algorithm's info.
    epochs : dict of str to array, shape (evaluations,)
        ``epoch``, ``step``, ``loss`` (mean over the epoch's examples, each before its update)
        and every metric as ``<data set>_<metric>``.

    Examples
    --------
    >>> History({"loss": np.asarray([2.0, 1.0])}, {}).steps["loss"][-1]
    np.float64(1.0)
    """

    steps: dict[str, np.ndarray] = field(default_factory=dict)
    epochs: dict[str, np.ndarray] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write an npz file, atomically."""
        _write_npz(Path(path), self._arrays())

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read what :meth:`save` wrote.

        Raises
        ------
        CheckpointError
            If the file is missing or not a history.
        """
        return cls._from_arrays(_read_npz(Path(path)))

    def _arrays(self) -> dict[str, np.ndarray]:
        columns = {f"steps/{name}": values for name, values in self.steps.items()}
        columns.update({f"epochs/{name}": values for name, values in self.epochs.items()})
        return columns

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> History:
        history = cls()
        for key, values in arrays.items():
            group, _, name = key.partition("/")
            if group in ("steps", "epochs"):
                getattr(history, group)[name] = values
        return history


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


def chunked_mean(function: Callable[[Tree, Any], Any], chunk: int = _CHUNK) -> Metric:
    """A metric that averages ``function`` over a data set piece by piece.

    Parameters
    ----------
    function : callable
        ``function(params, batch)``, a mean over the batch's examples (an objective, for one).
    chunk : int
        Examples per piece: the bound on memory.

    Returns
    -------
    callable
        ``metric(params, dataset)``, a float.

    Examples
    --------
    >>> data = Dataset("numbers", np.arange(5.0)[:, None], np.zeros(5))
    >>> metric = chunked_mean(lambda params, batch: batch.inputs.mean() + params, chunk=2)
    >>> metric(1.0, data)
    3.0
    """
    count("chunk", chunk)

    def metric(params: Tree, dataset: Dataset) -> float:
        size = len(dataset)
        if size <= chunk:
            return float(function(params, dataset.batch()))
        total = 0.0
        for first in range(0, size, chunk):
            indices = np.arange(first, min(first + chunk, size))
            total += len(indices) * float(function(params, dataset.batch(indices)))
        return total / size

    return metric


def accuracy(model: Callable[[Tree, Array], Array], chunk: int = _CHUNK) -> Metric:
    """The fraction of examples classified correctly, as a metric.

    Examples
    --------
    >>> data = Dataset("two", np.asarray([[1.0, 0.0], [3.0, 1.0]]), np.asarray([0, 1]), classes=2)
    >>> accuracy(lambda params, inputs: params * inputs)(1.0, data)
    0.5
    """

    return chunked_mean(
        lambda params, batch: models.accuracy(model(params, batch.inputs), batch.targets), chunk
    )


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
) -> TrainingResult:
    """Train ``params`` on ``data``.

    Parameters
    ----------
    algorithm : Algorithm
    objective : callable
        ``objective(params, batch)``, a scalar.
    params : tree
        Where training starts; never mutated.
    data : Dataset
        P examples.
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

    Returns
    -------
    TrainingResult

    Raises
    ------
    SettingError
        When the training set is empty, or the algorithm needs a validation set and none is given.
    DivergenceError
        When a loss or a parameter is not finite. Carries ``step`` (counted from 0), ``loss``
        and ``checkpoint``, the last good checkpoint or None.
    CheckpointError
        When the checkpoint is unreadable or belongs to another run; carries ``field``.
    KeyboardInterrupt
        Passed on after a checkpoint is written.
    """
    for name, value in (("evaluate_every", evaluate_every), ("check_every", check_every)):
        count(name, value)
    count("epochs", epochs, at_least=0)
    size = len(data)
    if size == 0:
        raise SettingError(f"the training set {data.name!r} is empty")
    if batch_size is not None:
        count("batch_size", batch_size)
        batch_size = min(batch_size, size)
    per_epoch = 1 if batch_size is None else math.ceil(size / batch_size)
    checkpoint_every = per_epoch if checkpoint_every is None else checkpoint_every
    count("checkpoint_every", checkpoint_every)
    if resume and checkpoint is None:
        raise ValueError("resume=True needs a checkpoint path")

    sets = dict(evaluate or {})
    if validation is not None:
        sets["validation"] = validation
    metrics = dict(metrics or {})
    state = _first_state(algorithm, objective, params, data, sets, init_kwargs, per_epoch)
    total = epochs * per_epoch
    record = _Record(total)
    stopped = False

    store = None
    if checkpoint is not None:
        names = sorted(f"{split}_{metric}" for split in sets for metric in metrics)
        store = _Store(Path(checkpoint), state, _fingerprint(algorithm, data, batch_size, rng))
        store.fingerprint["metrics"] = names
        if resume and store.path.exists():
            state, stopped = store.load(record)

    whole = data.batch() if batch_size is None else None
    sizes = np.full(per_epoch, batch_size or size, dtype=np.float64)
    sizes[-1] = size - (per_epoch - 1) * (batch_size or size)
    order: np.ndarray | None = None
    ordered_epoch = -1

    def due(step: int) -> bool:
        epoch, inside = divmod(step, per_epoch)
        regular = inside == 0 and epoch % evaluate_every == 0
        return step > 0 and step not in record.rows and (regular or stopped or step == total)

    def look() -> None:
        record.flush(None if store is None else store.good)

    def save() -> None:
        look()
        if store is not None:
            store.save(state, record)

    with _progress(progress, total, state.step) as advance, _quiet():
        try:
            while True:
                step = state.step
                if due(step):
                    look()
                    row = {"epoch": step / per_epoch, "step": float(step)}
                    row["loss"] = record.mean_loss(step, sizes)
                    answer = solution(algorithm, state)
                    for split, dataset in sets.items():
                        for name, metric in metrics.items():
                            row[f"{split}_{name}"] = float(metric(answer, dataset))
                    record.rows[step] = row
                if stopped or step >= total:
                    break

                epoch, inside = divmod(step, per_epoch)
                if schedule is not None:
                    algorithm = schedule(epoch)
                if batch_size is None:
                    batch = whole
                else:
                    if epoch != ordered_epoch:
                        order = rng.child("order", epoch).permutation(size)
                        ordered_epoch = epoch
                    assert order is not None
                    batch = data.batch(order[inside * batch_size : (inside + 1) * batch_size])

                new, info = algorithm.step(state, objective, batch, rng.child("step", step))
                record.append(step, info)
                state = new
                stopped = bool(getattr(info, "stopped", False))
                if on_step is not None:
                    on_step(state.step, state, info)
                if state.step % check_every == 0:
                    look()
                    advance(state.step, record.last_loss)
                if state.step % checkpoint_every == 0:
                    save()
            save()
            advance(state.step, record.last_loss)
        except KeyboardInterrupt:
            # A loss that has already diverged must not replace the last good checkpoint.
            with contextlib.suppress(DivergenceError):
                save()
            raise
    return TrainingResult(
        solution(algorithm, state), state, record.history(state.step), bool(stopped)
    )


def _first_state(
    algorithm: Any,
    objective: Objective,
    params: Tree,
    data: Dataset,
    sets: Mapping[str, Dataset],
    init_kwargs: Any,
    per_epoch: int,
) -> Any:
    extra = dict(init_kwargs or {})
    wanted = getattr(algorithm, "requires", ())
    if "steps_per_epoch" in wanted:
        extra.setdefault("steps_per_epoch", per_epoch)
    if "training" in wanted:
        extra = {"training": data.batch(), "objective": objective, **extra}
    if "validation" in wanted and "validation" not in extra:
        if "validation" not in sets:
            name = type(algorithm).__name__
            raise SettingError(f"{name} needs a validation set: pass validation=...")
        extra["validation"] = sets["validation"].batch()
    return algorithm.init(params, **extra)


class _Record:
    """The growing history.

    Losses stay on the device until they are flushed. Rows are written at the index of their
    step, so that a flush that was interrupted can simply be done again.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.columns: dict[str, np.ndarray] = {}
        self.rows: dict[int, dict[str, float]] = {}
        self.pending: list[tuple[int, dict[str, Any]]] = []
        self.last_loss = math.nan

    def append(self, step: int, info: Any) -> None:
        row = {
            name: value
            for name, value in zip(info._fields, info, strict=True)
            if isinstance(value, (bool, int, float)) or getattr(value, "shape", None) == ()
        }
        self.pending.append((step, row))

    def flush(self, good: str | None) -> None:
        """Move pending numbers to the host; raise DivergenceError at a non-finite loss."""
        if not self.pending:
            return
        steps = [step for step, _ in self.pending]
        for name in self.pending[0][1]:
            if name not in self.columns:
                self.columns[name] = np.full(self.total, np.nan)
            self.columns[name][steps] = _host_floats([row[name] for _, row in self.pending])
        losses = self.columns["loss"][steps]
        wrong = np.flatnonzero(~np.isfinite(losses))
        if len(wrong):
            first = int(wrong[0])
            raise DivergenceError(
                "the loss is not finite; a smaller step size may help",
                step=steps[first],
                loss=float(losses[first]),
                checkpoint=good,
            )
        self.last_loss = float(losses[-1])
        self.pending = []

    def mean_loss(self, step: int, sizes: np.ndarray) -> float:
        """Mean loss over the examples of the epoch that ends, or stops, at ``step``."""
        first = (step - 1) // len(sizes) * len(sizes)
        weights = sizes[: step - first]
        return float(np.sum(weights * self.columns["loss"][first:step]) / np.sum(weights))

    def history(self, step: int) -> History:
        rows = [row for at, row in sorted(self.rows.items()) if at <= step]
        names = list(rows[0]) if rows else []
        return History(
            {name: values[:step].copy() for name, values in self.columns.items()},
            {name: np.asarray([row[name] for row in rows]) for name in names},
        )

    def restore(self, history: History, step: int) -> None:
        self.total = max(self.total, step)
        for name, values in history.steps.items():
            self.columns[name] = np.full(self.total, np.nan)
            self.columns[name][:step] = values
        for index, at in enumerate(history.epochs.get("step", ())):
            row = {name: float(values[index]) for name, values in history.epochs.items()}
            self.rows[int(at)] = row


def _host_floats(values: list[Any]) -> np.ndarray:
    if isinstance(values[0], (bool, int, float)):
        return np.asarray(values, dtype=np.float64)
    xp = namespace(*values)
    return to_host(xp.stack([xp.asarray(value) for value in values])).astype(np.float64)


class _Store:
    """The checkpoint file: the state's leaves, the history and a fingerprint of the run.

    A leaf that no step has replaced (a validation set, for example) is not stored: the
    algorithm's ``init`` makes it again, and the fingerprint holds its digest.
    """

    def __init__(self, path: Path, state: Any, fingerprint: dict[str, Any]) -> None:
        self.path = path
        self.first, self.structure = ad.flatten(state)
        self.fingerprint = {**fingerprint, "start": _digest(self.first)}
        self.good: str | None = None

    def save(self, state: Any, record: _Record) -> None:
        leaves, _ = ad.flatten(state)
        arrays: dict[str, np.ndarray] = {}
        scalars: dict[str, Any] = {}
        for index, (leaf, first) in enumerate(zip(leaves, self.first, strict=True)):
            if type(leaf) in _SCALARS:
                scalars[str(index)] = leaf
            elif leaf is not first:
                arrays[f"state/{index}"] = to_host(leaf)
        for leaf in ad.flatten(state.params)[0]:
            if not np.all(np.isfinite(to_host(leaf))):
                raise DivergenceError(
                    "a parameter is not finite; a smaller step size may help",
                    step=state.step,
                    loss=record.last_loss,
                    checkpoint=self.good,
                )
        meta = {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "step": state.step,
            "scalars": scalars,
        }
        arrays.update(record.history(state.step)._arrays())
        arrays["meta"] = np.asarray(json.dumps(meta))
        _write_npz(self.path, arrays)
        self.good = str(self.path)

    def load(self, record: _Record) -> tuple[Any, bool]:
        arrays = _read_npz(self.path)
        try:
            meta = json.loads(str(arrays["meta"]))
            found, step, scalars = meta["fingerprint"], meta["step"], meta["scalars"]
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{self.path} is not a checkpoint of training: {error}") from None
        if meta["format"] != _FORMAT:
            raise CheckpointError(
                f"checkpoint {self.path} has another format",
                field="format",
                expected=_FORMAT,
                found=meta["format"],
            )
        for name, expected in self.fingerprint.items():
            if found.get(name) != expected:
                part = "start (network, initialiser or dtype)" if name == "start" else name
                raise CheckpointError(
                    f"checkpoint {self.path} belongs to another run: {part} differs; "
                    "resume it with its own settings, or start afresh without resuming",
                    field=name,
                    expected=expected,
                    found=found.get(name),
                )
        leaves = []
        for index, first in enumerate(self.first):
            if str(index) in scalars:
                leaves.append(scalars[str(index)])
            elif f"state/{index}" in arrays:
                leaves.append(_like(arrays[f"state/{index}"], first))
            else:
                leaves.append(first)
        history = History._from_arrays(arrays)
        record.restore(history, step)
        self.good = str(self.path)
        ended = history.steps.get("stopped", np.zeros(0))
        return ad.unflatten(self.structure, leaves), bool(np.any(ended))


def _like(values: np.ndarray, template: Array) -> Array:
    xp = namespace(template)
    return xp.asarray(values, dtype=template.dtype, device=device(template))


def _fingerprint(algorithm: Any, data: Dataset, batch_size: int | None, rng: Rng) -> dict[str, Any]:
    return {
        "algorithm": repr(algorithm),
        "seed": [rng.seed, *rng.path],
        "batch_size": batch_size,
        "data_shape": [list(data.inputs.shape), list(data.targets.shape)],
        "data": _digest([data.inputs, data.targets]),
    }


def _digest(leaves: list[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for leaf in leaves:
        if type(leaf) in _SCALARS:
            digest.update(repr(leaf).encode())
            continue
        values = np.ascontiguousarray(to_host(leaf))
        digest.update(f"{values.dtype.str}{values.shape}".encode())
        digest.update(values.data)
    return digest.hexdigest()


def _write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write beside ``path`` and rename: the file is the old one or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **dict(arrays))  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        if path.is_file() and not zipfile.is_zipfile(path):  # np.load would speak of pickles
            raise CheckpointError(f"{path} is no npz archive, or half of one")
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Overflow on the way to divergence becomes a DivergenceError, so NumPy need not warn."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        yield


@contextlib.contextmanager
def _progress(wanted: bool | None, total: int, done: int) -> Iterator[Callable[[int, float], None]]:
    """A progress bar on the terminal, or nothing."""
    if wanted is None:
        wanted = sys.stderr.isatty()
    if wanted:
        try:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )
        except ImportError:
            wanted = False
    if not wanted:
        yield lambda step, loss: None
        return
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps, loss {task.fields[loss]:.4g}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("training", total=total, completed=done, loss=math.nan)
        yield lambda step, loss: bar.update(task, completed=step, loss=loss)
