"""The checkpoint file: where a killed run goes on, and how another run's file is told apart.

An archive holds the leaves of the state, the history and a fingerprint of the run: algorithm,
seed, data, batch size and start. A file whose fingerprint differs is refused by the name of what
differs.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.archives import array_hash
from refimpl.arrays import Array, device, namespace, to_host
from refimpl.datasets.base import Dataset
from refimpl.errors import CheckpointError
from refimpl.random import Rng
from refimpl.training.guards import StateGuard
from refimpl.training.history import History, Record, read_npz, write_npz

_FORMAT = 2
_SCALARS = (bool, int, float)  # compared by type: NumPy's float64 scalar is a float too


class Checkpoint:
    """The file of one run.

    A leaf that no step has replaced (a validation set, for example) is not stored: the
    algorithm's ``init`` makes it again, and the fingerprint holds its digest.

    Parameters
    ----------
    path : path
    state : State
        Before the first step.
    fingerprint : mapping
        See :func:`fingerprint`.

    Attributes
    ----------
    path : Path
    good : str or None
        The path once a good checkpoint lies there.
    """

    def __init__(self, path: str | Path, state: Any, fingerprint: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.guard = StateGuard(state)
        self.first, self.structure = self.guard.first, self.guard.structure
        self.fingerprint = dict(fingerprint)
        self.good: str | None = None

    def save(self, state: Any, record: Record) -> None:
        """Replace the file.

        Raises
        ------
        DivergenceError, SettingError
            As :class:`refimpl.training.guards.StateGuard` says; the last good file stays.
        """
        self.guard.check(state, record.last_loss, self.good)
        leaves, _ = ad.flatten(state)
        arrays: dict[str, np.ndarray] = {}
        scalars: dict[str, Any] = {}
        for index, (leaf, first) in enumerate(zip(leaves, self.first, strict=True)):
            if type(leaf) in _SCALARS:
                scalars[str(index)] = leaf
            elif leaf is not first:
                arrays[f"state/{index}"] = to_host(leaf)
        meta = {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "step": state.step,
            "scalars": scalars,
        }
        arrays.update(record.history(state.step).arrays())
        meta["digest"] = _digest(meta, arrays)
        arrays["meta"] = np.asarray(json.dumps(meta))
        write_npz(self.path, arrays)
        self.good = str(self.path)

    def load(self, record: Record) -> tuple[Any, bool]:
        """The state that was saved, and whether the algorithm had ended the run.

        Parameters
        ----------
        record : Record
            Gets the history.

        Raises
        ------
        CheckpointError
            If the file is unreadable or belongs to another run; carries ``field``, ``expected``
            and ``found``.
        """
        arrays = read_npz(self.path)
        try:
            meta = json.loads(str(arrays.pop("meta")))
            layout, found, step = meta["format"], dict(meta["fingerprint"]), meta["step"]
            scalars, written = dict(meta["scalars"]), meta.pop("digest", None)
        except Exception as error:  # whatever a foreign file can raise
            raise CheckpointError(f"{self.path} is not a checkpoint of training: {error}") from None
        self._check_owner(layout, found)
        if written != _digest(meta, arrays):
            raise CheckpointError(
                f"checkpoint {self.path} is not as it was written: an array or a number differs"
            )
        if type(step) is not int or not 0 <= step <= record.total:
            raise CheckpointError(
                f"checkpoint {self.path} is of step {step}, and this run has {record.total}: ask "
                f"for as many epochs at least",
                field="epochs",
                expected=record.total,
                found=step,
            )
        leaves = []
        for index, first in enumerate(self.first):
            if str(index) in scalars:
                leaves.append(scalars[str(index)])
            elif f"state/{index}" in arrays:
                leaves.append(_like(arrays[f"state/{index}"], first))
            else:
                leaves.append(first)
        history = History.from_arrays(arrays)
        record.restore(history, step)
        self.good = str(self.path)
        ended = history.steps.get("stopped", np.zeros(0))
        return ad.unflatten(self.structure, leaves), bool(np.any(ended))

    def _check_owner(self, layout: Any, found: Mapping[str, Any]) -> None:
        if layout != _FORMAT:
            raise CheckpointError(
                f"checkpoint {self.path} has another format",
                field="format",
                expected=_FORMAT,
                found=layout,
            )
        for name, expected in self.fingerprint.items():
            if found.get(name) != expected:
                part = "start (network, initializer or dtype)" if name == "start" else name
                raise CheckpointError(
                    f"checkpoint {self.path} belongs to another run: {part} differs; "
                    "resume it with its own settings, or start afresh without resuming",
                    field=name,
                    expected=expected,
                    found=found.get(name),
                )


def fingerprint(
    algorithm: Any,
    state: Any,
    data: Dataset,
    batch_size: int | None,
    rng: Rng,
    metrics: list[str],
    *,
    objective: Any = None,
    schedule: Any = None,
    init_kwargs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What must be equal for two runs to be the same run.

    Parameters
    ----------
    algorithm : Algorithm
    state : State
        Before the first step.
    data : Dataset
        The training set; shapes and a digest enter.
    batch_size : int or None
    rng : Rng
    metrics : list of str
        The columns of the evaluations.
    objective, schedule : callable, optional
        By their settings; a function by its name and code.
    init_kwargs : mapping, optional
    """
    return {
        "algorithm": describe(algorithm),
        "objective": describe(objective),
        "schedule": describe(schedule),
        "init_kwargs": describe(dict(init_kwargs or {})),
        "seed": [rng.seed, *rng.path],
        "batch_size": batch_size,
        "data_shape": [list(data.inputs.shape), list(data.targets.shape)],
        "data": digest([data.inputs, data.targets]),
        "start": digest(ad.flatten(state)[0]),
        "metrics": metrics,
    }


def describe(thing: Any, depth: int = 8) -> str:
    """What a setting is, in words that are the same in every process.

    Objects of settings are told by their fields, functions by name (those made within a function by
    code and what they enclose too), arrays by their digest.

    Parameters
    ----------
    thing
    depth : int
        Of the nesting that is looked into.

    Examples
    --------
    >>> describe([1, {"rate": 0.5}]), describe(len)
    ("[1, {'rate': 0.5}]", 'builtins.len')
    >>> describe(lambda x: x + 1) == describe(lambda x: x + 2)
    False
    """
    if depth == 0:  # what encloses itself
        return type(thing).__qualname__
    inner = functools.partial(describe, depth=depth - 1)
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        inside = ", ".join(
            f"{field.name}={inner(getattr(thing, field.name))}"
            for field in dataclasses.fields(thing)
        )
        return f"{type(thing).__qualname__}({inside})"
    if isinstance(thing, functools.partial):
        return f"partial({', '.join(map(inner, (thing.func, thing.args, thing.keywords)))})"
    if isinstance(thing, dict):
        return "{" + ", ".join(f"{key!r}: {inner(item)}" for key, item in thing.items()) + "}"
    if isinstance(thing, (list, tuple)):
        ends = "[]" if isinstance(thing, list) else "()"
        return ends[0] + ", ".join(map(inner, thing)) + ends[1]
    if hasattr(thing, "shape") and hasattr(thing, "dtype"):
        return digest([thing])
    code = getattr(thing, "__code__", None)
    if code is not None and "<" in thing.__qualname__:  # made in a function: its name is no name
        constants = [item for item in code.co_consts if not hasattr(item, "co_code")]
        body = hashlib.blake2b(code.co_code, digest_size=8).hexdigest()
        enclosed = [cell.cell_contents for cell in thing.__closure__ or ()]
        parts = inner([constants, code.co_names, enclosed, thing.__defaults__])
        return f"{thing.__module__}.{thing.__qualname__} {body} {parts}"
    if hasattr(thing, "__qualname__"):
        return f"{thing.__module__}.{thing.__qualname__}"
    if isinstance(thing, (bool, int, float, str, bytes, type(None), frozenset, complex)):
        return repr(thing)
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _digest(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Of everything in the file but itself."""
    text = json.dumps(meta, sort_keys=True)
    return hashlib.blake2b(f"{text}{array_hash(arrays)}".encode(), digest_size=16).hexdigest()


def digest(leaves: Tree) -> str:
    """Hash of a list of arrays and Python numbers: dtypes, shapes and bytes.

    Examples
    --------
    >>> digest([np.zeros(2), 1]) == digest([np.zeros(2), 1.0])
    False
    """
    state = hashlib.blake2b(digest_size=16)
    for leaf in leaves:
        if type(leaf) in _SCALARS:
            state.update(repr(leaf).encode())
            continue
        values = np.ascontiguousarray(to_host(leaf))
        state.update(f"{values.dtype.str}{values.shape}".encode())
        state.update(values.data)
    return state.hexdigest()


def _like(values: np.ndarray, template: Array) -> Array:
    xp = namespace(template)
    return xp.asarray(values, dtype=template.dtype, device=device(template))
