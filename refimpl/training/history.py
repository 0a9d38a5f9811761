"""What a run recorded: one row a step, one row an evaluation, kept in an npz file.

>>> history = History({"loss": np.asarray([2.0, 1.0])}, {})
>>> history.steps["loss"][-1]
np.float64(1.0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.archives import read_arrays
from refimpl.arrays import namespace, to_host
from refimpl.errors import CheckpointError, DivergenceError
from refimpl.files import atomic_file


@dataclass
class History:
    """What a run recorded, on the host in float64.

    Attributes
    ----------
    steps : dict of str to array, shape (steps,)
        ``loss`` and every other scalar of the algorithm's info. A field that is a dict of
        scalars, such as ``diagnostics``, has one column for each of its keys.
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
        write_npz(path, self.arrays())

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read what :meth:`save` wrote.

        Raises
        ------
        CheckpointError
            If the file is missing or not a history.
        """
        return cls.from_arrays(read_npz(path))

    def arrays(self) -> dict[str, np.ndarray]:
        """All columns in one dict, named ``steps/<name>`` and ``epochs/<name>``."""
        columns = {f"steps/{name}": values for name, values in self.steps.items()}
        columns.update({f"epochs/{name}": values for name, values in self.epochs.items()})
        return columns

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> History:
        """The inverse of :meth:`arrays`; names of other groups are left alone."""
        history = cls()
        for key, values in arrays.items():
            group, _, name = key.partition("/")
            if group in ("steps", "epochs"):
                getattr(history, group)[name] = values
        return history


class Record:
    """The growing history of a run.

    Numbers stay on the device until they are flushed. Rows are written at the index of their
    step, so that a flush that was interrupted can simply be done again.

    Parameters
    ----------
    total : int
        Steps of the whole run.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.columns: dict[str, np.ndarray] = {}
        self.rows: dict[int, dict[str, float]] = {}
        self.pending: list[tuple[int, dict[str, Any]]] = []
        self.last_loss = math.nan

    def append(self, step: int, info: Any) -> None:
        """Take the scalars of a step's info, whose names are those of every other step."""
        self.pending.append((step, scalars(info)))

    def flush(self, good: str | None) -> None:
        """Move pending numbers to the host.

        Parameters
        ----------
        good : str or None
            The last good checkpoint, for the error.

        Raises
        ------
        DivergenceError
            At a loss that is not finite.
        """
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
        """Mean loss over the examples of the epoch that ends, or stops, at ``step``.

        Parameters
        ----------
        step : int
            At least 1.
        sizes : array, shape (steps of an epoch,)
            Examples of each batch.
        """
        first = (step - 1) // len(sizes) * len(sizes)
        weights = sizes[: step - first]
        return float(np.sum(weights * self.columns["loss"][first:step]) / np.sum(weights))

    def history(self, step: int) -> History:
        """What is known after ``step`` steps."""
        rows = [row for at, row in sorted(self.rows.items()) if at <= step]
        names = list(rows[0]) if rows else []
        return History(
            {name: values[:step].copy() for name, values in self.columns.items()},
            {name: np.asarray([row[name] for row in rows]) for name in names},
        )

    def restore(self, history: History, step: int) -> None:
        """Go on from a history of ``step`` steps."""
        self.total = max(self.total, step)
        for name, values in history.steps.items():
            self.columns[name] = np.full(self.total, np.nan)
            self.columns[name][:step] = values
        for index, at in enumerate(history.epochs.get("step", ())):
            row = {name: float(values[index]) for name, values in history.epochs.items()}
            self.rows[int(at)] = row


def scalars(info: Any) -> dict[str, Any]:
    """The scalar fields of an info by name, those of its dicts included.

    Parameters
    ----------
    info : NamedTuple
        Numbers, 0-d arrays and dicts of these are taken; what has axes is not.

    Raises
    ------
    ValueError
        If a key of a dict is the name of another scalar.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> class Info(NamedTuple):
    ...     loss: float
    ...     weights: np.ndarray
    ...     diagnostics: dict
    >>> scalars(Info(0.5, np.zeros(3), {"norm": 2.0}))
    {'loss': 0.5, 'norm': 2.0}
    """
    found: dict[str, Any] = {}
    for name, value in zip(info._fields, info, strict=True):
        items = value if isinstance(value, dict) else {name: value}
        for key, item in items.items():
            if not (isinstance(item, (bool, int, float)) or getattr(item, "shape", None) == ()):
                continue
            if key in found:
                raise ValueError(f"the step's info names {key!r} twice, once in {name!r}")
            found[key] = item
    return found


def _host_floats(values: list[Any]) -> np.ndarray:
    if isinstance(values[0], (bool, int, float)):
        return np.asarray(values, dtype=np.float64)
    xp = namespace(*values)
    return to_host(xp.stack([xp.asarray(value) for value in values])).astype(np.float64)


def write_npz(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an npz archive: the file is the old one or the new one, never half."""
    with atomic_file(path) as file:
        np.savez(file, **dict(arrays))  # type: ignore[arg-type]


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """Read an npz archive.

    Raises
    ------
    CheckpointError
        If it is missing, may not be read, is no archive or a damaged one, or needs pickle.
    """
    return read_arrays(path, error=CheckpointError)
