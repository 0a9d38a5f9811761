"""One-line faults: where one may stand, how they are drawn, and how one is put into a file."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CORE = "autodiff constraints algorithms models datasets training sampling arrays random checks"
NOT_LIBRARY = ("conformance.py", "vectors.py", "__init__.py")  # of a paper: lists, pages

BINARY = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.Pow: ("**", "*"), ast.MatMult: ("@", "*"), ast.FloorDiv: ("//", "/"), ast.Mod: ("%", "//"),
    ast.BitOr: ("|", "&"), ast.BitAnd: ("&", "|"), ast.And: ("and", "or"), ast.Or: ("or", "and"),
    ast.Lt: ("<", "<=", ">="), ast.LtE: ("<=", "<", ">"), ast.Gt: (">", ">=", "<="),
    ast.GtE: (">=", ">", "<"), ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
}  # fmt: skip


def library(root: Path = ROOT) -> list[Path]:
    """The files that faults are drawn from."""
    found: list[Path] = []
    for name in CORE.split():
        place = root / "refimpl" / name
        found += sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    rooms = root / "refimpl" / "papers"
    found += [p for p in sorted(rooms.glob("*/*.py")) if p.name not in NOT_LIBRARY]
    return found + sorted(rooms.glob("*/theory/*.py"))


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one that compute: no annotations, texts and docstrings."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield child
                yield from _code(child)


def sites(path: Path) -> list[tuple[int, int, list[bytes]]]:
    """Where a fault may stand in a file: first and last byte, and what may stand there instead."""
    source = path.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: list[tuple[int, int, list[bytes]]] = []

    def first(node):
        return starts[node.lineno - 1] + node.col_offset

    def last(node):
        return starts[node.end_lineno - 1] + node.end_col_offset

    def between(left: int, right: int, operator: ast.AST) -> None:
        sign, *others = BINARY.get(type(operator), ("",))
        place = source.find(sign.encode(), left, right) if others else -1
        if place >= 0:
            found.append((place, place + len(sign), [o.encode() for o in others]))

    for node in _code(ast.parse(source)):
        match node:
            case ast.BinOp():
                sides = (node.left, node.right)
                text = any(
                    isinstance(s, ast.JoinedStr | ast.Constant)
                    and not isinstance(getattr(s, "value", ""), int | float)
                    for s in sides
                )
                if not text:
                    between(last(node.left), first(node.right), node.op)
            case ast.AugAssign():
                between(last(node.target), first(node.value), node.op)
            case ast.BoolOp():
                for left, right in zip(node.values, node.values[1:], strict=False):
                    between(last(left), first(right), node.op)
            case ast.Compare():
                values = [node.left, *node.comparators]
                for left, right, operator in zip(values, values[1:], node.ops, strict=False):
                    between(last(left), first(right), operator)
            case ast.UnaryOp(op=ast.USub() | ast.Not()):
                sign = 1 if isinstance(node.op, ast.USub) else len("not")
                found.append((first(node), first(node) + sign, [b""]))
            case ast.Constant(value=bool(value)):
                found.append((first(node), last(node), [str(not value).encode()]))
            case ast.Constant(value=int(value)):
                found.append((first(node), last(node), [b"%d" % (value + 1)]))
            case ast.Constant(value=float(value)):
                found.append((first(node), last(node), [repr(2.0 * value or 1.0).encode()]))
    return found


def draw(seed: int, count: int) -> list[dict]:
    """``count`` faults, none twice, uniformly over all places in the library."""
    everywhere = [(path, site) for path in library() for site in sites(path)]
    rng = random.Random(seed)
    faults = []
    for number, (path, (start, end, instead)) in enumerate(rng.sample(everywhere, count)):
        source = path.read_bytes()
        line = source.count(b"\n", 0, start)
        changed = source[:start] + rng.choice(instead) + source[end:]
        before, after = (text.splitlines()[line].decode() for text in (source, changed))
        name = str(path.relative_to(ROOT))
        faults.append(
            {"number": number, "file": name, "line": line + 1, "before": before, "after": after}
        )
    return faults


def put(fault: dict, source: str) -> str:
    """A file with a fault in it, at the nearest line of the same text; sets the fault's line."""
    lines = source.split("\n")
    places = [i for i, line in enumerate(lines) if line == fault["before"]]
    if not places:
        raise SystemExit(f"{fault['file']} has no line {fault['before']!r}")
    place = min(places, key=lambda i: abs(i + 1 - fault["line"]))
    fault["line"] = place + 1
    lines[place] = fault["after"]
    return "\n".join(lines)
