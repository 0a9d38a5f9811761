"""Every array-API name in use exists in CuPy's namespace, with the keywords that are used.

CuPy can be imported where there is no GPU, so this much of the GPU is tested here.
"""

import ast
import importlib
import inspect
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Namespaces of NumPy alone: what runs on the host.
HOST = ("datasets", "experiments", "claims", "recording", "benchmarks", "training", "cli")
FILES = [
    path
    for path in sorted(ROOT.glob("refimpl/**/*.py"))
    if not set(HOST) & set(path.relative_to(ROOT).parts)
]


def uses(tree):
    """Names of ``xp.name`` and ``xp.linalg.name``, with the keywords of their calls."""
    found = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = name_of(node)
            if name:
                found[name] |= set()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = name_of(node.func)
            if name:
                found[name] |= {keyword.arg for keyword in node.keywords if keyword.arg}
    return found


def name_of(node):
    inner = node.value
    if isinstance(inner, ast.Attribute) and inner.attr in ("linalg", "fft"):
        below = name_of(inner)
        return f"{below}.{node.attr}" if below else None
    if isinstance(inner, ast.Name) and inner.id == "xp":
        return node.attr
    called = isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name)
    return node.attr if called and inner.func.id in ("namespace", "tree_namespace") else None


def all_uses():
    found = defaultdict(set)
    for path in FILES:
        for name, keywords in uses(ast.parse(path.read_text(encoding="utf-8"))).items():
            found[name] |= keywords
    return found


def lacking(namespace, wanted):
    """What a namespace lacks of ``wanted``: names, and names with keywords."""
    missing = []
    for name, keywords in sorted(wanted.items()):
        function = namespace
        for part in name.split("."):
            function = getattr(function, part, None)
        if function is None:
            missing.append(name)
            continue
        if not keywords or isinstance(function, type):
            continue
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):  # a ufunc: it takes none of the standard's keywords
            missing += [f"{name}({keyword}=)" for keyword in sorted(keywords)]
            continue
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            continue
        missing += [f"{name}({k}=)" for k in sorted(keywords) if k not in parameters]
    return missing


def test_what_is_in_use_is_found_in_numpy():
    """The names that are looked for are the right ones."""
    found = all_uses()
    assert {"where", "sum", "linalg.qr", "astype", "zeros"} <= set(found)
    assert {"axis", "keepdims"} <= found["sum"]
    assert len(found) > 50
    assert lacking(importlib.import_module("numpy"), dict.fromkeys(found, ())) == []


def test_a_name_and_a_keyword_that_are_missing_are_seen():
    wanted = uses(ast.parse("xp.frobnicate(x)\nxp.linalg.nothing(x)\nnamespace(x).tril(x, kk=1)"))
    assert lacking(importlib.import_module("numpy"), wanted) == [
        "frobnicate",
        "linalg.nothing",
        "tril(kk=)",
    ]


def test_every_name_and_keyword_in_use_is_found_in_cupy():
    try:
        importlib.import_module("cupy")
    except ImportError:
        pytest.skip("CuPy is not installed")
    assert lacking(importlib.import_module("array_api_compat.cupy"), all_uses()) == []
