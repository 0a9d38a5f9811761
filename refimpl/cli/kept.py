"""Lists that are remembered until a file changes: to make one, every paper must be imported.

They lie in this user's cache folder, each with the folders that it was made from and a stamp: the
names, sizes and times of the sources there, the interpreter, and the distributions that are
installed. A list whose stamp is another is made again; where nothing can be written, none is kept.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     first = kept(Path(folder) / "fruit.json", lambda: ([["apple"]], []))
...     second = kept(Path(folder) / "fruit.json", lambda: ([["pear"]], []))
>>> first, second
([['apple']], [['apple']])
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from refimpl.files import write_atomic

_SOURCES = (".py", ".json")
_INSTALLED = (".dist-info", ".egg-info")


def place(*names: str) -> Path:
    """The file of a list of this copy of the package.

    Parameters
    ----------
    *names : str
        What tells the list from others.

    Examples
    --------
    >>> place("claims", "minnorm") == place("claims", "minnorm") != place("claims")
    True
    """
    from platformdirs import user_cache_dir

    text = "\0".join((__file__, *names))
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return Path(user_cache_dir("refimpl", appauthor=False)) / f"list-{digest}.json"


def kept(path: Path, make: Callable[[], tuple[list[Any], Sequence[Path]]]) -> list[Any]:
    """What ``make`` returned when it was called last, or, where that is no longer so, returns now.

    Parameters
    ----------
    path : Path
    make : callable
        Gives a list of plain values, and the folders of the sources that it depends on.
    """
    try:
        found = json.loads(path.read_bytes())
        if found["stamp"] == stamp(map(Path, found["folders"])):
            return list(found["values"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or a damaged one, which is replaced
    values, folders = make()
    names = sorted(map(str, folders))
    document = {"stamp": stamp(map(Path, names)), "folders": names, "values": values}
    with contextlib.suppress(OSError):
        write_atomic(path, json.dumps(document))
    return values


def stamp(folders: Iterator[Path]) -> str:
    """A hash of what the sources in these folders, and what is installed, look like from outside.

    Examples
    --------
    >>> stamp(iter([])) == stamp(iter([Path("no/such/folder")]))
    True
    """
    facts: list[Any] = [sys.version, *_installed()]
    for folder in folders:
        facts += sorted(_sources(str(folder)))
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def _sources(folder: str) -> Iterator[tuple[str, int, int]]:
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if name.endswith(_SOURCES):
                facts = os.stat(os.path.join(path, name))
                yield os.path.join(path, name), facts.st_size, facts.st_mtime_ns


def _installed() -> Iterator[tuple[str, int]]:
    """The distributions that could bring papers with them."""
    for folder in sys.path:
        with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
            for entry in entries:
                if entry.name.endswith(_INSTALLED):
                    yield entry.path, entry.stat().st_mtime_ns
