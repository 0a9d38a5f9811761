"""The JSON schema of a file of test vectors, and a check against the part of it that is used.

>>> problems({"a": 1}, {"type": "object", "required": ["b"], "properties": {"a": {"enum": [2]}}})
["the file lacks 'b'", 'the file.a is 1, not one of 2']
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent

_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


@functools.cache
def schema() -> dict[str, Any]:
    """The schema that is written beside the files."""
    return json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))


def problems(record: Any, rules: Mapping[str, Any] | None = None) -> list[str]:
    """Where a record breaks the schema: an empty list where it does not."""
    rules = schema() if rules is None else rules
    return list(_broken(record, rules, rules, "the file"))


def _is(value: Any, kind: str) -> bool:
    if kind in ("integer", "boolean") and isinstance(value, bool) != (kind == "boolean"):
        return False
    return isinstance(value, _TYPES[kind])


def _broken(
    value: Any, rules: Mapping[str, Any], root: Mapping[str, Any], at: str
) -> Iterator[str]:
    if "$ref" in rules:
        rules = root["$defs"][rules["$ref"].rpartition("/")[2]]
    if "anyOf" in rules:
        tries = [list(_broken(value, choice, root, at)) for choice in rules["anyOf"]]
        if all(tries):
            yield min(tries, key=len)[0]
        return
    kinds = rules.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{at} is {value!r:.40}, no {' or '.join(kinds)}"
        return
    if "const" in rules and value != rules["const"]:
        yield f"{at} is {value!r:.40}, not {rules['const']!r}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"{at} is {value!r:.40}, not one of {', '.join(map(str, rules['enum']))}"
    if "pattern" in rules and not re.search(rules["pattern"], value):
        yield f"{at} is {value!r:.40}, which does not match {rules['pattern']}"
    if "minimum" in rules and value < rules["minimum"]:
        yield f"{at} is {value}, below {rules['minimum']}"
    if isinstance(value, list):
        if len(value) < rules.get("minItems", 0):
            yield f"{at} has {len(value)} items, fewer than {rules['minItems']}"
        for index, item in enumerate(value):
            yield from _broken(item, rules.get("items", {}), root, f"{at}[{index}]")
    if isinstance(value, dict):
        yield from _members(value, rules, root, at)


def _members(
    value: dict[str, Any], rules: Mapping[str, Any], root: Mapping[str, Any], at: str
) -> Iterator[str]:
    known, others = rules.get("properties", {}), rules.get("additionalProperties", {})
    for name in rules.get("required", ()):
        if name not in value:
            yield f"{at} lacks {name!r}"
    for name, item in value.items():
        if name not in known and others is False:
            yield f"{at} has {name!r}, which is not known"
        else:
            rule = known.get(name, others if isinstance(others, dict) else {})
            yield from _broken(item, rule, root, f"{at}.{name}")
