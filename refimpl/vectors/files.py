"""A folder of test vectors: written, and checked against the package.

>>> import tempfile
>>> from refimpl.vectors.files import check, write
>>> with tempfile.TemporaryDirectory() as folder:
...     names = write(folder, only=["sgd", "circle"])
...     found = check(folder)
>>> names
['sgd.default.json', 'circle.default.json']
>>> found
{'circle.default.json': [], 'sgd.default.json': []}
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import refimpl
from refimpl import catalogue
from refimpl.errors import DataError, RefimplError, unknown_name
from refimpl.files import write_atomic
from refimpl.models import LOSSES
from refimpl.vectors import constraints, losses, methods
from refimpl.vectors.encoding import text_of
from refimpl.vectors.schema import FOLDER, problems

FORMAT = "refimpl vectors"
FORMAT_VERSION = 1

_BESIDE = ("schema.json", "README.md")
_REDUCTIONS = ("mean", "sum")


def _records() -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Method and maker of each record, in the order of the papers, then losses and constraints."""
    for variant in catalogue.variants():
        yield variant.method, functools.partial(methods.written, variant)
    for name in LOSSES:
        for reduction in _REDUCTIONS:
            yield name, functools.partial(losses.written, name, reduction)
    for name in constraints.CASES:
        yield name, functools.partial(constraints.written, name)


def _with_head(record: dict[str, Any]) -> dict[str, Any]:
    head = {"format": FORMAT, "format_version": FORMAT_VERSION}
    return {**head, "package_version": refimpl.__version__, **record}


def write(
    folder: str | os.PathLike[str],
    only: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> list[str]:
    """Write the test vectors, their schema, a README and an index into ``folder``.

    Parameters
    ----------
    folder : path
        Made if it is not there; files of the same names are replaced.
    only : sequence of str
        Names of methods; default all.
    progress : callable, optional
        Is told the name of each file.

    Returns
    -------
    list of str
        The names of the files.

    Raises
    ------
    DataError
        If ``only`` names what is not there.
    """
    known = dict.fromkeys(name for name, _ in _records())
    for name in only:
        if name not in known:
            raise DataError(unknown_name("method", name, known))
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    digests: dict[str, str] = {}
    for name, make in _records():
        if only and name not in only:
            continue
        record = _with_head(make())
        file = f"{record['method']}.{record['variant']}.json"
        data = text_of(record).encode()
        write_atomic(root / file, data)
        digests[file] = hashlib.sha256(data).hexdigest()
        if progress is not None:
            progress(file)
    for beside in _BESIDE:
        write_atomic(root / beside, (FOLDER / beside).read_bytes())
    index = _with_head({"files": dict(sorted(digests.items()))})
    write_atomic(root / "index.json", (json.dumps(index, indent=1) + "\n").encode())
    return list(digests)


def check(
    folder: str | os.PathLike[str], progress: Callable[[str], None] | None = None
) -> dict[str, list[str]]:
    """Check every file of ``folder`` against the package.

    Returns
    -------
    dict of str to list of str
        What is wrong with each file: an empty list where nothing is.

    Raises
    ------
    DataError
        If there is no folder with an index, or the index is of another format.
    """
    root = Path(folder)
    try:
        index = json.loads((root / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{root} has no readable index.json: `refimpl vectors write {root}` makes the files"
        ) from error
    if (index.get("format"), index.get("format_version")) != (FORMAT, FORMAT_VERSION):
        raise DataError(
            "these test vectors are of another format",
            format=index.get("format"),
            format_version=index.get("format_version"),
            known=FORMAT_VERSION,
        )
    found: dict[str, list[str]] = {}
    for name, digest in index["files"].items():
        found[name] = _wrong(root / name, digest)
        if progress is not None:
            progress(name)
    return found


def _wrong(path: Path, digest: str) -> list[str]:
    try:
        data = path.read_bytes()
        record = json.loads(data)
    except (OSError, ValueError) as error:
        return [f"cannot be read: {error}"]
    found = problems(record)
    if found:
        return found
    if hashlib.sha256(data).hexdigest() != digest:
        found = ["is not the file of the index: its SHA-256 is another"]
    try:
        return found + _judge(record)(record)
    except (RefimplError, ValueError, TypeError) as error:
        return [*found, f"cannot be run here: {error}"]


def _judge(record: dict[str, Any]) -> Callable[[dict[str, Any]], list[str]]:
    if record["kind"] == "constraint":
        return constraints.checked
    if record["kind"] == "loss" and record["method"] in LOSSES:
        return losses.checked
    return methods.checked
