"""The folder of a finished run, read back: parameters by name, history, summary.

Parameters have the names of their places: ``0.weight`` and ``0.bias`` are those of the first layer.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> save_params(folder / "params.npz", [{"weight": np.ones((2, 3)), "bias": np.zeros(3)}])
>>> load_run(folder).params[0]["weight"].shape
(2, 3)
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refimpl.archives import read_arrays
from refimpl.arrays import Backend, to_host
from refimpl.errors import DataError, SettingError
from refimpl.files import write_atomic
from refimpl.training.history import History, read_npz, write_npz

FILES = ("history.npz", "checkpoint.npz", "params.npz", "summary.json")
"""A folder with one of these is that of a run."""


class Run(NamedTuple):
    """What a run left.

    Attributes
    ----------
    folder : Path
    params : tree or None
        Of lists and dicts; None where the folder has no params.npz, as those of interrupted runs
        and of older versions.
    history : History
        Of a run that was interrupted, that of its checkpoint.
    summary : dict
        Settings, results and provenance; empty where the run was interrupted.
    """

    folder: Path
    params: Any
    history: History
    summary: dict[str, Any]


def load_run(folder: str | Path, *, backend: Backend | None = None) -> Run:
    """Read the folder of a run of ``refimpl train``.

    Parameters
    ----------
    folder : path
    backend : Backend, optional
        Where the parameters are made; NumPy in the dtype of the file by default.

    Raises
    ------
    DataError
        If it is no folder of a run, or a file of it is damaged; the message names a near one.
    """
    folder = find_run(folder)
    params = None
    if (folder / "params.npz").is_file():
        arrays = read_arrays(folder / "params.npz")
        if backend is not None:
            arrays = {name: backend.asarray(values) for name, values in arrays.items()}
        params = tree(arrays)
    history = History()
    for name in ("history.npz", "checkpoint.npz"):
        if (folder / name).is_file():
            history = History.from_arrays(read_npz(folder / name))
            break
    return Run(folder, params, history, read_json(folder / "summary.json"))


def read_json(path: Path) -> dict[str, Any]:
    """What the file holds; empty where there is none.

    Raises
    ------
    DataError
        If it is no JSON object.
    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no settings")
    return found


def find_run(folder: str | Path) -> Path:
    """The folder, which must be that of a run; or that of the file which was named.

    Raises
    ------
    DataError
        If it is none; the message names the nearest beside it.

    Examples
    --------
    >>> find_run("no/such/run")
    Traceback (most recent call last):
    ...
    refimpl.errors.DataError: no/such/run is no folder of a run, and there is none in no/such
    """
    path = Path(folder)
    if path.name in FILES and path.is_file():
        return path.parent
    if is_run(path):
        return path
    place = path if path.is_dir() and any(map(is_run, path.iterdir())) else path.parent
    names = sorted(item.name for item in place.iterdir() if is_run(item)) if place.is_dir() else []
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.3)
    if not names:
        hint = f", and there is none in {place}"
    elif place == path:
        hint = f"; in it are {', '.join(names[:6])}"
    else:
        hint = f"; did you mean {place / (close or names)[0]}?"
    raise DataError(f"{path} is no folder of a run{hint}")


def is_run(path: Path) -> bool:
    """Whether it is the folder of a run."""
    return path.is_dir() and any((path / name).is_file() for name in FILES)


def save_params(path: str | Path, params: Any) -> None:
    """Write the parameters by name, as an npz archive."""
    write_npz(path, {name: to_host(values) for name, values in named(params).items()})


def export_safetensors(path: str | Path, params: Any) -> None:
    """Write the parameters by the same names in the format of the package safetensors.

    Raises
    ------
    SettingError
        If the package is not installed.
    """
    check_safetensors()
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(to_host(x)) for name, x in named(params).items()}
    write_atomic(path, save(arrays))


def check_safetensors() -> None:
    """Raise SettingError unless the package safetensors is installed."""
    try:
        import safetensors  # noqa: F401
    except ImportError:
        raise SettingError(
            "this export needs the package safetensors: pip install safetensors"
        ) from None


def named(params: Any) -> dict[str, Any]:
    """The leaves of a tree by the names of their places.

    Examples
    --------
    >>> named([{"weight": 1.0}, (2.0, 3.0)])
    {'0.weight': 1.0, '1.0': 2.0, '1.1': 3.0}
    """
    return dict(_leaves(params, ""))


def _leaves(params: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(params, Mapping):
        inside: Any = params.items()
    elif isinstance(params, (list, tuple)):
        inside = enumerate(params)
    else:
        yield place or "params", params
        return
    for key, value in inside:
        yield from _leaves(value, f"{place}.{key}" if place else str(key))


def tree(arrays: Mapping[str, Any]) -> Any:
    """The inverse of :func:`named`, in lists and dicts.

    Examples
    --------
    >>> tree({"0.weight": 1.0, "1.0": 2.0, "1.1": 3.0})
    [{'weight': 1.0}, [2.0, 3.0]]
    """
    if list(arrays) == ["params"]:
        return arrays["params"]
    root: dict[str, Any] = {}
    for name, value in arrays.items():
        *places, last = name.split(".")
        branch = root
        for place in places:
            branch = branch.setdefault(place, {})
        branch[last] = value
    return _lists(root)


def _lists(branch: Any) -> Any:
    if not isinstance(branch, dict):
        return branch
    inside = {key: _lists(value) for key, value in branch.items()}
    if inside and all(key.isdecimal() for key in inside):
        return [inside[key] for key in sorted(inside, key=int)]
    return inside
