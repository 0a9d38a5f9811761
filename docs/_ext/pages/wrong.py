"""What is false or unclear in print and in released code, each with the claim that shows it."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re

from pages.claim import ROLES, Records, claims_table
from pages.rst import bars, plain, table, title
from refimpl import catalogue

_WRONG = re.compile(r"^(False|What is not so|Errors|Wrong|Where|Found|Corrections|Unclear|Caution)")

_INTRO = """\
Statements that are false or hold only under a condition, and what implementations do otherwise than
the paper they implement. Where a claim stands beside a statement, the counterexample and the
corrected statement are measured by ``refimpl verify``. A place that is marked as recalled was not
at hand when it was written down: read *refuted* there as refuting the statement as it is given
here.

"""


def page(records: Records) -> str:
    """The errata, a section a paper."""
    out = [ROLES, "\n", title("What is false or unclear in print and in released code"), _INTRO]
    for name, paper in catalogue.papers().items():
        claims = [
            claim
            for claim in catalogue.claims([name])
            if records.get(claim.id, {}).get("verdict") in ("refuted", "qualified")
        ]
        parts = [*_sections(name)]
        if claims:
            parts += [title("By claim", "~"), claims_table(claims, records)]
        deviations = _deviations(name)
        if deviations:
            parts += [title("How implementations differ", "~"), deviations]
        if parts:
            link = f":doc:`The page of the paper <papers/{name}>`\n\n"
            out += [title(paper.title, "-"), link, *parts]
    return "".join(out)


def _sections(name: str) -> list[str]:
    """The sections of the paper's page that speak of errors, as they stand there."""
    text = bars(inspect.cleandoc(catalogue.page(name)))
    pieces = re.split(r"^(\S.*)\n-{3,}\n", text, flags=re.MULTILINE)
    found = []
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        if _WRONG.match(heading):
            found += [title(heading, "~"), body.strip("\n"), "\n\n"]
    return found


def _deviations(name: str) -> str:
    module = f"{catalogue.rooms()[name].module}.conformance"
    if importlib.util.find_spec(module) is None:
        return ""
    deviations = getattr(importlib.import_module(module), "DEVIATIONS", ())
    rows = [(plain(item.name), plain(item.what)) for item in deviations]
    return table(("deviation", "what is done, and what follows"), rows, (28, 72)) if rows else ""
