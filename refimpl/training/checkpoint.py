"""The checkpoint file: where a killed run goes on, and how another run's file is told apart.

An archive holds the leaves of the state, the history and a fingerprint of the run: algorithm,
seed, data, batch size and start. A file whose fingerprint differs is refused by the name of what
differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.arrays import Array, device, namespace, to_host
from refimpl.datasets.base import Dataset
from refimpl.errors import CheckpointError, DivergenceError
from refimpl.random import Rng
from refimpl.training.history import History, Record, read_npz, write_npz

_FORMAT = 1
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
        self.first, self.structure = ad.flatten(state)
        self.fingerprint = dict(fingerprint)
        self.good: str | None = None

    def save(self, state: Any, record: Record) -> None:
        """Replace the file.

        Raises
        ------
        DivergenceError
            If a parameter is not finite; the last good file stays.
        """
        self._check_finite(state, record.last_loss)
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
            meta = json.loads(str(arrays["meta"]))
            found, step, scalars = meta["fingerprint"], meta["step"], meta["scalars"]
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{self.path} is not a checkpoint of training: {error}") from None
        self._check_owner(meta["format"], found)
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

    def _check_finite(self, state: Any, loss: float) -> None:
        for leaf in ad.flatten(state.params)[0]:
            if not np.all(np.isfinite(to_host(leaf))):
                raise DivergenceError(
                    "a parameter is not finite; a smaller step size may help",
                    step=state.step,
                    loss=loss,
                    checkpoint=self.good,
                )

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
    """
    return {
        "algorithm": repr(algorithm),
        "seed": [rng.seed, *rng.path],
        "batch_size": batch_size,
        "data_shape": [list(data.inputs.shape), list(data.targets.shape)],
        "data": digest([data.inputs, data.targets]),
        "start": digest(ad.flatten(state)[0]),
        "metrics": metrics,
    }


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
