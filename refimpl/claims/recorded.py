"""The verdicts that come with the package: each claim's latest, in the larger profile that ran.

``python -m refimpl.generated CLAIMS.JSON...`` takes in what ``refimpl verify`` wrote. Each entry
keeps the profile, the time, the commit and the seed of its run, for the record is a table of
several runs.

>>> entry = recorded()["FD-1"]
>>> entry["verdict"], entry["profile"] in ("quick", "full")
('holds', True)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from refimpl.errors import DataError
from refimpl.files import write_atomic

PATH = Path(__file__).with_name("recorded.json")

_RUN = ("profile", "finished", "commit", "seed", "backend", "dtype")
_FIELDS = (
    "id", "paper", "verdict", "predicted", "measured", "tolerance", "condition", "correction",
    "note", "experiment_seconds", *_RUN,
)  # fmt: skip


def recorded(path: str | Path = PATH) -> dict[str, dict[str, Any]]:
    """The entries by claim id; empty where there is no such file.

    Raises
    ------
    DataError
        If the file holds something else.
    """
    path = Path(path)
    if not path.is_file():
        return {}
    try:
        return {entry["id"]: entry for entry in entries(json.loads(path.read_text("utf-8")))}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no record of claims: {error!r}") from None


def entries(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The claims of a document of ``refimpl verify``, each with the facts of its run.

    Claims that already carry the facts of an earlier run keep them.
    """
    run = {name: document.get("provenance", {}).get(name) for name in _RUN}
    return [{**run, **claim} for claim in document["claims"]]


def merged(
    old: Mapping[str, dict[str, Any]], new: Iterable[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """``old`` with the entries of ``new``, by id.

    What was skipped replaces nothing, and a quick run does not replace a full one.

    >>> full = {"FD-1": {"id": "FD-1", "verdict": "holds", "profile": "full"}}
    >>> merged(full, [{"id": "FD-1", "verdict": "fails", "profile": "quick"}])["FD-1"]["verdict"]
    'holds'
    """
    found = dict(old)
    for entry in new:
        known = found.get(entry["id"])
        smaller = known and known["profile"] == "full" and entry["profile"] == "quick"
        missing = entry["verdict"] == "skipped" and known
        if not smaller and not missing:
            found[entry["id"]] = entry
    return found


def write(entries: Mapping[str, dict[str, Any]], path: str | Path = PATH) -> None:
    """Keep of each entry what the record needs, one line a claim, in the order of ids."""

    def key(name: str) -> tuple[str, int, str]:
        prefix, _, number = name.partition("-")
        digits = number.rstrip("abcdefghijklmnopqrstuvwxyz")
        return prefix, int(digits), number

    lines = []
    for name in sorted(entries, key=key):
        whole = entries[name]
        entry = {field: whole[field] for field in _FIELDS if whole.get(field) not in (None, "")}
        seconds = entry.get("experiment_seconds")
        if seconds is not None:
            entry["experiment_seconds"] = round(seconds, 2)
        lines.append(json.dumps(entry, ensure_ascii=False, allow_nan=False))
    write_atomic(Path(path), '{"claims": [\n' + ",\n".join(lines) + "\n]}\n")
