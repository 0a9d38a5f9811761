"""The public files of MNIST and Fashion-MNIST: their names, checksums, mirrors and download.

:func:`fetch` tries the mirrors in turn, checks every file against its published checksum before
it appears under its name, and leaves alone what is right already; run again after an
interruption, it goes on with the files that are missing.

>>> sorted(SOURCES)
['fashion-mnist', 'mnist']
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from refimpl.datasets.idx import is_gzip
from refimpl.errors import DataError, unknown_name

ENVIRONMENT_VARIABLE = "REFIMPL_DATA"

Progress = Callable[[str, int, int | None], Any]
"""Called with the file's name, the bytes so far and the total (None where it is unknown)."""

_CHUNK = 1 << 16


@dataclass(frozen=True)
class PublicFile:
    """A file as published: its name without ``.gz``, and what it must hash to.

    Attributes
    ----------
    name : str
    digests : mapping
        hashlib algorithm name to lower-case hexadecimal digest; all must agree.
    of : {"content", "archive"}
        Whether the digests are of the decompressed bytes, or of the ``.gz`` file itself.

    Examples
    --------
    >>> PublicFile("labels", {"md5": "0" * 32}).of
    'content'
    """

    name: str
    digests: Mapping[str, str]
    of: Literal["content", "archive"] = "content"


@dataclass(frozen=True)
class Source:
    """Where a data set comes from.

    Attributes
    ----------
    name : str
        Also the folder under the data folder.
    title : str
        As its authors write it.
    files : mapping
        The roles ``train_images``, ``train_labels``, ``test_images``, ``test_labels``.
    mirrors : tuple of str
        Base URLs that end in a slash; ``.gz`` files lie under them.
    license : str

    Examples
    --------
    >>> SOURCES["mnist"].files["test_labels"].name
    't10k-labels-idx1-ubyte'
    """

    name: str
    title: str
    files: Mapping[str, PublicFile]
    mirrors: tuple[str, ...]
    license: str


class Fetched(NamedTuple):
    """What became of one file: ``status`` is "present" or "downloaded" (then with its ``url``).

    Examples
    --------
    >>> Fetched(Path("data/mnist/labels.gz"), "present", None).path.name
    'labels.gz'
    """

    path: Path
    status: Literal["present", "downloaded"]
    url: str | None


_NAMES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}

SOURCES: dict[str, Source] = {
    "mnist": Source(
        name="mnist",
        title="MNIST",
        # Of the decompressed bytes: mirrors compress them differently.
        files={
            role: PublicFile(_NAMES[role], {"md5": md5, "sha256": sha256})
            for role, md5, sha256 in (
                (
                    "train_images",
                    "6bbc9ace898e44ae57da46a324031adb",
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                ),
                (
                    "train_labels",
                    "a25bea736e30d166cdddb491f175f624",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                ),
                (
                    "test_images",
                    "2646ac647ad5339dbf082846283269ea",
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                ),
                (
                    "test_labels",
                    "27ae3e4e09519cfbb04c329615203637",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                ),
            )
        },
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "http://yann.lecun.com/exdb/mnist/",
        ),
        license="CC BY-SA 3.0 (Y. LeCun, C. Cortes, C. J. C. Burges)",
    ),
    "fashion-mnist": Source(
        name="fashion-mnist",
        title="Fashion-MNIST",
        # Of the archives: these are the digests that the authors published.
        files={
            role: PublicFile(_NAMES[role], {"md5": md5}, of="archive")
            for role, md5 in (
                ("train_images", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
                ("train_labels", "25c81989df183df01b3e8a0aad5dffbe"),
                ("test_images", "bef4ecab320f06d8554ea6380940ec79"),
                ("test_labels", "bb300cfdad3c16e7a12a480ee83cd310"),
            )
        },
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        license="MIT (Zalando SE)",
    ),
}


def fetch(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    mirrors: tuple[str, ...] | None = None,
    timeout: float = 30.0,
) -> list[Fetched]:
    """Download the public files of ``name`` into ``data_dir/name``.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist"}
    data_dir : path-like, optional
        The data folder, made where it is missing; see :func:`data_directory`.
    progress : callable, optional
        ``progress(file_name, bytes_so_far, total_or_none)``, called after each piece of a
        download; files that are there already cause no call.
    mirrors : tuple of str, optional
        Base URLs to try instead of the known ones; the checksums stay.
    timeout : float
        Seconds without an answer after which a mirror is given up.

    Returns
    -------
    list of Fetched
        One per file.

    Raises
    ------
    ValueError
        If the name is unknown.
    DataError
        If a file came from no mirror with the right checksum; the
        message lists each mirror with its reason.

    Examples
    --------
    >>> fetch("cifar", "data")
    Traceback (most recent call last):
    ...
    ValueError: unknown data set with files 'cifar': choose one of fashion-mnist, mnist
    """
    if name not in SOURCES:
        raise ValueError(unknown_name("data set with files", name, sorted(SOURCES)))
    source = SOURCES[name]
    folder = data_directory(data_dir) / source.name
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for public in source.files.values():
        present = find_file(folder, public.name)
        if present is not None and mismatch(present, public) is None:
            results.append(Fetched(present, "present", None))
            continue
        path = folder / f"{public.name}.gz"
        url = _download(public, path, mirrors or source.mirrors, progress, timeout)
        results.append(Fetched(path, "downloaded", url))
    return results


def data_directory(data_dir: str | os.PathLike[str] | None) -> Path:
    """The folder of the data files: the argument, or else the variable REFIMPL_DATA, or else
    ``refimpl`` where this system keeps the data of users.

    Examples
    --------
    >>> data_directory("data").name
    'data'
    """
    chosen = data_dir or os.environ.get(ENVIRONMENT_VARIABLE)
    if not chosen:
        from platformdirs import user_data_dir

        chosen = user_data_dir("refimpl", appauthor=False)
    return Path(chosen).expanduser()


def spellings(name: str) -> tuple[str, ...]:
    """The names under which a published file is looked for, in order.

    Examples
    --------
    >>> spellings("t10k-labels-idx1-ubyte")[:2]
    ('t10k-labels-idx1-ubyte.gz', 't10k-labels-idx1-ubyte')
    """
    dotted = name.replace("-idx", ".idx")  # as some archives unpack
    return (f"{name}.gz", name, f"{dotted}.gz", dotted)


def find_file(folder: Path, name: str) -> Path | None:
    """The file called ``name``, compressed or not, in ``folder``; None where there is none.

    Examples
    --------
    >>> find_file(Path("no/such/folder"), "labels") is None
    True
    """
    candidates = (folder / spelling for spelling in spellings(name))
    return next((path for path in candidates if path.is_file()), None)


def mismatch(path: Path, public: PublicFile) -> str | None:
    """Why ``path`` is not the published file, in words; None if its checksums agree.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "abc"
    ...     _ = path.write_bytes(b"abc")
    ...     print(mismatch(path, PublicFile("abc", {"md5": "900150983cd24fb0d6963f7d28e17f72"})))
    None
    """
    hashes = {
        algorithm: hashlib.new(algorithm, usedforsecurity=False) for algorithm in public.digests
    }
    try:
        unpack = public.of == "content" and is_gzip(path)
        with gzip.open(path, "rb") if unpack else open(path, "rb") as stream:
            while piece := stream.read(_CHUNK):
                for state in hashes.values():
                    state.update(piece)
    except (OSError, EOFError, zlib.error) as error:
        return f"damaged file: {error}"
    for algorithm, state in hashes.items():
        if state.hexdigest() != public.digests[algorithm]:
            return (
                f"{algorithm} of the {public.of} is {state.hexdigest()}, "
                f"not {public.digests[algorithm]}"
            )
    return None


def _download(
    public: PublicFile,
    path: Path,
    mirrors: tuple[str, ...],
    progress: Progress | None,
    timeout: float,
) -> str:
    """Bring one file to ``path`` from the first mirror that has it right; return its URL."""
    from http.client import HTTPException

    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    reasons = []
    try:
        for mirror in mirrors:
            url = mirror + path.name
            try:
                _transfer(url, temporary, path.name, progress, timeout)
            except (OSError, HTTPException, ValueError) as error:
                reasons.append(f"{url}: {error}")
                continue
            reason = mismatch(temporary, public)
            if reason is None:
                # Same folder, so this is one atomic step: the name never holds half a file.
                os.replace(temporary, path)
                return url
            reasons.append(f"{url}: {reason}")
    finally:
        temporary.unlink(missing_ok=True)
    raise DataError(
        f"{public.name} could not be fetched from any mirror:\n  " + "\n  ".join(reasons),
        path=str(path),
        mirrors=len(mirrors),
    )


def _transfer(url: str, path: Path, name: str, progress: Progress | None, timeout: float) -> None:
    """Copy ``url`` to ``path``; a body shorter than announced is left to the checksum."""
    from urllib.request import Request, urlopen

    # Some mirrors refuse the default agent of urllib.
    request = Request(url, headers={"User-Agent": "refimpl"})
    with urlopen(request, timeout=timeout) as response, open(path, "wb") as file:
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        done = 0
        while piece := response.read(_CHUNK):
            file.write(piece)
            done += len(piece)
            if progress is not None:
                progress(name, done, total)
        file.flush()
        os.fsync(file.fileno())
