"""How a claim is shown: its verdict, its numbers, and what is to be said beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pages.rst import plain, table
from refimpl.claims.ledger import Claim, shown

Records = Mapping[str, Mapping[str, Any]]


def verdict(entry: Mapping[str, Any]) -> str:
    """The verdict in its color, and the profile in which it was found."""
    word = entry.get("verdict", "not recorded")
    role = f":verdict-{word.replace(' ', '-')}:`{word}`" if entry else word
    return role + (" (full)" if entry.get("profile") == "full" else "")


def numbers(entry: Mapping[str, Any]) -> str:
    """Predicted, measured and tolerance, a line each."""
    pairs = [(name, entry.get(name)) for name in ("predicted", "measured", "tolerance")]
    return "\n".join(
        f"| {name} {plain(shown(value))}" for name, value in pairs if value is not None
    )


def remarks(entry: Mapping[str, Any]) -> str:
    """The condition, the correction and the note."""
    parts = []
    for name, word in (("correction", "Correction"), ("condition", "Condition"), ("note", "")):
        text = entry.get(name, "")
        if text:
            parts.append(f"*{word}*: {plain(text)}" if word else plain(text))
    return "\n\n".join(parts)


def claims_table(claims: Iterable[Claim], records: Records) -> str:
    """A row a claim: id and verdict, statement, numbers."""
    rows = []
    for claim in claims:
        entry = records.get(claim.id, {})
        head = f"**{claim.id}**\n\n{verdict(entry)}\n\n{claim.origin}"
        text = f"{plain(claim.statement)}\n\n*{plain(claim.place)}*"
        more = remarks(entry)
        rows.append((head, f"{text}\n\n{more}" if more else text, numbers(entry)))
    return table(("claim", "statement", "numbers"), rows, (14, 58, 28))


ROLES = "".join(
    f".. role:: verdict-{word}\n   :class: verdict-{word}\n"
    for word in (
        "holds", "qualified", "refuted", "reported", "not-shown", "fails", "error", "skipped",
    )
)  # fmt: skip
"""Must stand at the head of a page that shows verdicts."""
