"""Files that are either there in full or not at all, whenever the process dies; and where the
figures are.

>>> import tempfile
>>> path = Path(tempfile.mkdtemp()) / "deep" / "note.txt"
>>> write_atomic(path, "all of it")
>>> path.read_text()
'all of it'
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file to write to, which takes the place of ``path`` when the block ends well.

    It is written beside ``path``, under the name ``.NAME.HOST.PROCESS.RANDOM.tmp``, and renamed:
    the file is the old one or the new one, never half. Its mode is what the umask leaves of 0666.
    What a process of this machine that is no more has left there is removed first.

    Parameters
    ----------
    path : path
        Folders that are missing are made.

    Yields
    ------
    file
        Open for writing. An exception inside the block leaves ``path`` as it was, and no litter.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "numbers"
    >>> with atomic_file(path) as file:
    ...     _ = file.write(b"12")
    >>> path.read_bytes()
    b'12'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_litter(path.parent, path.name)
    temporary = path.with_name(f".{path.name}.{_HOST}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_litter(folder: Path, name: str) -> None:
    """Remove the unfinished files of ``name`` whose writers died.

    Processes are told by their number, so those of other machines, on a shared disk, are left
    alone.
    """
    head = f".{name}.{_HOST}."
    for path in folder.glob(glob.escape(head) + "*.tmp"):
        number = path.name[len(head) :].partition(".")[0]
        if number.isdecimal() and not is_alive(int(number)):
            with contextlib.suppress(OSError):
                path.unlink()


def is_alive(process: int) -> bool:
    """Whether this machine runs a process of this number.

    Examples
    --------
    >>> is_alive(os.getpid())
    True
    """
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's process, or no number of a process
        return True
    return True


def write_atomic(path: str | Path, content: bytes | str) -> None:
    """Write a whole file by :func:`atomic_file`; text as UTF-8."""
    with atomic_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def figures_package() -> str:
    """The package of the figures: ``refimpl.figures`` where it is installed, else ``figures``.

    Examples
    --------
    >>> figures_package() in ("figures", "refimpl.figures")
    True
    """
    inside = Path(__file__).resolve().parent / "figures"
    return "refimpl.figures" if inside.is_dir() else "figures"
