"""Which source files a result depends on: the imports of its module, followed to the end.

A cached result is valid as long as no file that could have computed it has changed. Imports are
read off the syntax trees, those inside functions included. Only the import statements of a file are
parsed where lines tell them from the rest, which takes a fifth of the time of the whole.

Importing ``a.b.c`` runs the files ``__init__`` of ``a`` and ``a.b`` too, the *faces* of these
packages. A face that is reached only on the way is part of the identity, but its own imports are
not followed: it offers names that somebody else may want. Who takes a name from a face
(``from a import Name``) depends on the import that binds the name there; a face that is lazy
binds its names in the stub beside it, ``__init__.pyi``. Who takes what the face itself defines,
or the package as a whole, depends on all that the face imports.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import refimpl

PACKAGE = Path(refimpl.__file__).resolve().parent

_IMPORT = re.compile(
    rb"^[ \t]*(?:import|from[ \t]+[\w.]+[ \t]+import)\b(?:[^\n(\\]|\\\n)*(?:\([^)]*\)[^\n]*)?",
    re.MULTILINE,
)
_ASIDE = re.compile(rb"^[ \t]*(?:>>>|\.\.\.|#)[^\n]*", re.MULTILINE)  # examples and comments

_LEAVES = (ast.Name, ast.Constant, ast.expr_context, ast.operator, ast.unaryop, ast.boolop)


class _Wanted(NamedTuple):
    """A module, and the name that is taken from it; the name ``"*"`` stands for all of it."""

    module: str
    name: str = "*"


def _root(module: str) -> Path | None:
    """The folder of the top-level package of ``module``; None where it is not a package."""
    top = module.partition(".")[0]
    if top == PACKAGE.name:
        return PACKAGE
    spec = importlib.util.find_spec(top) if top.isidentifier() else None
    places = None if spec is None else spec.submodule_search_locations
    return Path(next(iter(places))).resolve() if places else None


def in_package(module: str) -> bool:
    """Whether ``module`` belongs to a package whose imports can be followed."""
    return "." in module and _root(module) is not None


@functools.cache
def _file(module: str, root: Path) -> Path | None:
    """The file of ``refimpl.x.y``, None if that is not a module but a name in one."""
    base = root.joinpath(*module.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _absolute(node: ast.ImportFrom, module: str, is_face: bool) -> str:
    """The module that ``from ... import`` names, relative ones resolved."""
    if not node.level:
        return node.module or ""
    package = module.split(".") if is_face else module.split(".")[:-1]
    above = package[: len(package) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


class _Read(NamedTuple):
    """What a file imports, and which of these imports binds which of its names."""

    wanted: frozenset[_Wanted]
    bound: dict[str, _Wanted]


@functools.cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node; of names, operators and constants there are too many to ask each for parts."""
    pending: list[Any] = [tree]
    while pending:
        node = pending.pop()
        yield node
        for name in node._fields:
            part = getattr(node, name, None)
            if type(part) is list:
                pending += [item for item in part if isinstance(item, ast.AST)]
            elif isinstance(part, ast.AST) and not isinstance(part, _LEAVES):
                pending.append(part)


def _imports(content: bytes) -> ast.Module | None:
    """The import statements; None where something else may be one, such as a word in a text."""
    found = [match[0].strip() for match in _IMPORT.finditer(content)]
    if re.search(rb"\bimport\b", _ASIDE.sub(b"", _IMPORT.sub(b"", content))):
        return None
    try:
        return ast.parse(b"\n".join(found))
    except SyntaxError:  # a parenthesis in a comment, or a sentence that looks like an import
        return None


def _is_own(name: str, module: str) -> bool:
    """Whether a module is of this package, or of that of ``module``."""
    return name.partition(".")[0] in (PACKAGE.name, module.partition(".")[0])


def _tree(path: Path, module: str) -> ast.Module:
    """The syntax tree of a file, or as much of it as holds all that :func:`_read` looks for."""
    tree = _imports(_content(path))
    if tree is not None:
        plain = [node for node in tree.body if isinstance(node, ast.Import)]
        if not any(_is_own(alias.name, module) for node in plain for alias in node.names):
            return tree
    return ast.parse(_content(path))  # with the attributes that are taken from modules


@functools.cache
def _read(path: Path, module: str) -> _Read:
    wanted: set[_Wanted] = set()
    bound: dict[str, _Wanted] = {}
    modules: dict[str, str] = {}
    used: set[tuple[str, str]] = set()
    for node in _nodes(_tree(path, module)):
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name):
                used.add((node.value.id, node.attr))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                # of the face of all, only the names that are used matter (below)
                wanted.add(_Wanted(alias.name, "" if alias.name == PACKAGE.name else "*"))
                if _is_own(alias.name, module):
                    modules[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, path.stem == "__init__")
            for alias in node.names:
                wanted.add(_Wanted(base, alias.name))
                bound[alias.asname or alias.name] = _Wanted(base, alias.name)
    wanted |= {_Wanted(modules[name], attribute) for name, attribute in used if name in modules}
    return _Read(frozenset(wanted), bound)


def _bound_in(face: Path, module: str, name: str) -> _Wanted | None:
    """The import by which a face, or the stub beside it, binds ``name``."""
    for path in (face, face.with_suffix(".pyi")):
        if path.is_file() and name in _read(path, module).bound:
            return _read(path, module).bound[name]
    return None


@functools.cache
def sources_of(module: str) -> tuple[Path, ...]:
    """The files of this package, and of that of ``module``, that ``module`` can reach, sorted.

    Examples
    --------
    >>> module = "refimpl.papers.foundations.experiments.gradient_flow"
    >>> names = {path.name for path in sources_of(module)}
    >>> "tape.py" in names, "ledger.py" in names, "adam.py" in names
    (True, False, False)
    """
    tops = {PACKAGE.name, module.partition(".")[0]}
    roots = {top: root for top in tops if (root := _root(top)) is not None}
    reached: set[Path] = set()
    seen: set[_Wanted] = set()
    pending = {_Wanted(module)}
    while pending:
        wanted = pending.pop()
        if wanted in seen or wanted.module.partition(".")[0] not in roots:
            continue
        seen.add(wanted)
        inner = f"{wanted.module}.{wanted.name}"
        root = roots[wanted.module.partition(".")[0]]
        path = _file(wanted.module, root)
        if wanted.name not in ("", "*") and _file(inner, root) is not None:
            pending.add(_Wanted(inner))
        elif path is None:
            continue
        else:
            reached.add(path)
            if path.stem != "__init__" or wanted.name == "*":
                pending |= _read(path, wanted.module).wanted
            elif wanted.name:
                found = _bound_in(path, wanted.module, wanted.name)
                pending.add(found or _Wanted(wanted.module))
        if "." in wanted.module:
            pending.add(_Wanted(wanted.module.rpartition(".")[0], ""))
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
    top = module.partition(".")[0]
    for path in sources_of(module):
        root = PACKAGE if path.is_relative_to(PACKAGE) else _root(top)
        content = _content(path)
        name = path.relative_to((root or PACKAGE).parent).as_posix()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def forget() -> None:
    """Read the files again, where they have changed while this process runs."""
    for cached in (_file, _content, _read, sources_of, dependency_hash):
        cached.cache_clear()
