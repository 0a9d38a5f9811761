"""The cache of finished tasks: one file each, written atomically, keyed by all that matters.

A key hashes the experiment, its config, the task, backend, dtype, seed, the versions of NumPy
and SciPy, the compiled routines that they use on this machine and the text of every source file
that the experiment can reach, so a result computed by other code can never be mistaken for this
code's.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import refimpl
from refimpl.archives import array_hash, read_arrays
from refimpl.arrays import Backend
from refimpl.experiments.kernels import kernels
from refimpl.experiments.sources import PACKAGE, dependency_hash, in_package
from refimpl.files import write_atomic

_META = "__meta__"
_ABANDONED_AFTER = 3600.0  # seconds; a temporary file this old belongs to no live writer


@functools.cache
def source_hash(folder: Path = PACKAGE) -> str:
    """Hash of the names and contents of all Python files under ``folder``.

    Examples
    --------
    >>> len(source_hash())
    32
    """
    digest = hashlib.blake2b(digest_size=16)
    figures = folder / "figures"  # in an installed package; not what computes
    for path in sorted(folder.rglob("*.py")):
        if path.is_relative_to(figures):
            continue
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


@functools.cache
def commit(folder: Path = PACKAGE.parent) -> str | None:
    """The git commit of ``folder``, with ``+`` where files differ from it.

    Outside git, the commit that the package was built from, which the build leaves in the file
    ``COMMIT`` of the package; None where there is no such file.
    """
    if not (folder / ".git").exists():
        built = folder / PACKAGE.name / "COMMIT"
        return built.read_text().strip() if built.is_file() else None

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True, text=True, check=True, timeout=10,
        ).stdout.strip()  # fmt: skip

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def repository() -> str:
    """The address of the repository, as the installed distribution states it, or nothing."""
    try:
        urls = importlib.metadata.metadata("refimpl").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Repository", "").rstrip("/")


def provenance(backend: Backend, seed: int, **more: Any) -> dict[str, Any]:
    """What is needed to compute the same numbers again.

    Parameters
    ----------
    backend : Backend
    seed : int
    **more
        Further plain values, such as the profile.

    Examples
    --------
    >>> facts = provenance(refimpl.backend("numpy"), 0, profile="quick")
    >>> facts["backend"], facts["dtype"], facts["device"], facts["profile"]
    ('numpy', 'float64', 'cpu', 'quick')
    """
    return {
        "refimpl": refimpl.__version__,
        "commit": commit(),
        "sources": source_hash(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "platform": f"{sys.platform} {platform.machine()}",
        **kernels(),
        "blas_threads": 1,
        "seed": seed,
        **backend.describe(),
        **more,
    }


def experiment_hash(module: str) -> str:
    """The sources behind the results of an experiment that is defined in ``module``."""
    return dependency_hash(module) if in_package(module) else source_hash()


def task_key(
    experiment: str, config: Any, task: Any, backend: Backend, seed: int, module: str = ""
) -> str:
    """The key under which a task's result is cached.

    Parameters
    ----------
    experiment : str
    config, task : plain values (see :func:`refimpl.experiments.base.config_values`)
    backend : Backend
    seed : int
    module : str
        Where the experiment is defined. In a package it depends on the files that it can reach,
        elsewhere on all of this package's.

    Returns
    -------
    str
        40 hexadecimal digits.
    """
    identity = {
        "experiment": experiment,
        "config": config,
        "task": task,
        "seed": seed,
        "sources": experiment_hash(module),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "python": sys.version_info[:2],
        **kernels(),
        **backend.describe(),
    }
    text = json.dumps(identity, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


def npz_bytes(arrays: Mapping[str, Any]) -> bytes:
    """An npz archive whose bytes depend on the arrays alone: no clock enters the file.

    Raises
    ------
    ValueError
        If an array holds Python objects, which would need pickle.

    Examples
    --------
    >>> npz_bytes({"x": np.ones(2)}) == npz_bytes({"x": np.ones(2)})
    True
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asarray(arrays[name]), allow_pickle=False)
            stamp = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            stamp.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(stamp, entry.getvalue())
    return target.getvalue()


class Store:
    """A folder of finished tasks, safe against kills and against several writers.

    Parameters
    ----------
    folder : path or None
        None: nothing is kept, and nothing is found.

    Examples
    --------
    >>> import tempfile
    >>> store = Store(tempfile.mkdtemp())
    >>> store.save("demo", "0a1b", {"x": np.arange(2.0)}, {"seconds": 0.1})
    >>> store.load("demo", "0a1b")
    ({'x': array([0., 1.])}, {'seconds': 0.1})
    >>> store.load("demo", "ffff") is None
    True
    """

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = None if folder is None else Path(folder)
        if self.folder is not None and self.folder.is_dir():
            horizon = time.time() - _ABANDONED_AFTER
            for path in self.folder.glob("*/.*.tmp"):
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < horizon:
                        path.unlink()

    def path(self, experiment: str, key: str) -> Path:
        """Where the task with this key lies, or would."""
        if self.folder is None:
            raise ValueError("this store keeps nothing: it has no folder")
        return self.folder / experiment.replace(":", "-") / f"{key}.npz"

    def load(
        self, experiment: str, key: str
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The values and the facts saved with them; None where there are none to be trusted.

        A file that cannot be read, is no archive, or whose values are not those that were saved is
        removed.
        """
        if self.folder is None:
            return None
        path = self.path(experiment, key)
        if not os.path.lexists(path):
            return None
        try:
            values = read_arrays(path)
            facts = json.loads(str(values.pop(_META)))
            trusted = facts.pop("digest") == array_hash(values) and float(facts["seconds"]) >= 0.0
        except Exception:  # whatever a damaged or foreign file can raise
            trusted = False
        if not trusted:  # then it is computed again
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return values, facts

    def save(
        self, experiment: str, key: str, values: Mapping[str, np.ndarray], facts: dict[str, Any]
    ) -> None:
        """Keep the values of one task, atomically."""
        if self.folder is None:
            return
        facts = {**facts, "digest": array_hash(values)}
        content = npz_bytes({**values, _META: np.asarray(json.dumps(facts, sort_keys=True))})
        write_atomic(self.path(experiment, key), content)
