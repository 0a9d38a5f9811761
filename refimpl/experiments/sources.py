"""Which source files a result depends on: the imports of its module, followed to the end.

A cached result is valid as long as no file that could have computed it has changed. Imports are
read off the syntax trees, those inside functions included. The algorithms are imported by name,
so whoever reaches their registry depends on all of them.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path

import refimpl

PACKAGE = Path(refimpl.__file__).resolve().parent


def _file(module: str) -> Path | None:
    """The file of ``refimpl.x.y``, None if that is not a module but a name in one."""
    base = PACKAGE.joinpath(*module.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(path: Path) -> set[str]:
    """The modules of this package that a file names in its import statements."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == PACKAGE.name}


@functools.cache
def sources_of(module: str) -> tuple[Path, ...]:
    """The files of this package that ``module`` can reach, itself included, sorted.

    Examples
    --------
    >>> module = "refimpl.papers.foundations.experiments.gradient_flow"
    >>> names = {path.name for path in sources_of(module)}
    >>> "tape.py" in names, "ledger.py" in names
    (True, False)
    """
    reached: set[Path] = set()
    pending = [module]
    seen = set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        path = _file(name)
        if path is None:
            continue
        reached.add(path)
        pending += _imports(path)
        if "." in name:
            pending.append(name.rpartition(".")[0])  # importing a module runs its packages
        if name == f"{PACKAGE.name}.algorithms.registry":
            pending += [f"{PACKAGE.name}.algorithms.{p.stem}" for p in path.parent.glob("*.py")]
            pending += [
                f"{PACKAGE.name}.papers.{p.parent.name}.{p.stem}"
                for p in PACKAGE.glob("papers/*/*.py")
            ]
    return tuple(sorted(reached))


@functools.cache
def dependency_hash(module: str) -> str:
    """Hash of the names and contents of :func:`sources_of`.

    Examples
    --------
    >>> len(dependency_hash("refimpl.papers.foundations.experiments.gradient_flow"))
    32
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in sources_of(module):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
