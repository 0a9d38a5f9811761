"""What ``refimpl verify`` leaves behind: ``claims.json`` and a self-contained HTML report.

The report is one file without scripts, fonts or images from elsewhere, so it can be mailed or
archived as it is. It can be searched and filtered, and each claim leads to its code, experiment,
figures and paper. A later run of some claims renews those and keeps the others: each entry carries
the profile, date and commit of its own run.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refimpl.claims.ledger import Record, in_words, shown, tally
from refimpl.claims.maths import maths
from refimpl.claims.origins import ORIGINS, origin
from refimpl.claims.recorded import entries, merged, recorded
from refimpl.errors import DataError
from refimpl.files import write_atomic

MEANING = {
    "holds": "true as stated",
    "qualified": "true under a stated condition",
    "refuted": "the printed statement is false; the corrected one is measured",
    "reported": "a number that is not judged",
    "not shown": "a comparison that did not separate",
    "fails": "the implementation does not show it",
    "error": "the computation broke: no verdict",
    "skipped": "not looked at here: the reason stands beside it",
}
"""What each verdict says."""

_STATED = ("profile", "backend", "dtype", "seed", "finished", "commit")

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Chapter:
    """What the report says of a paper, beside its claims."""

    name: str
    title: str
    reference: str = ""
    arxiv: str = ""
    says: str = ""


@dataclass(frozen=True)
class Source:
    """Where a claim is at home: ``path:line`` of its function, and the figures that show it.

    ``url`` is the address of the code at the commit, where one is known; ``figures`` are names,
    with the file of the picture or an empty text.
    """

    code: str
    url: str = ""
    figures: tuple[tuple[str, str], ...] = ()


def document(
    records: Sequence[Record], provenance: Mapping[str, Any], known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The contents of ``claims.json``: this run's claims, and those that earlier runs left.

    Parameters
    ----------
    records : sequence of Record
    provenance : dict
        See :func:`refimpl.experiments.store.provenance`.
    known : mapping, optional
        Entries by id of earlier runs: kept where this run has no verdict, or only one of the quick
        profile in place of one of the full profile.
    """
    fresh = entries({"provenance": provenance, "claims": [record.as_dict() for record in records]})
    found = list(merged(known or {}, fresh).values())
    return {
        "summary": tally(claim["verdict"] for claim in found),
        "provenance": dict(provenance),
        "claims": found,
    }


def claims_json(content: Mapping[str, Any]) -> str:
    """The document as JSON text (strict: no NaN)."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def report_html(
    content: Mapping[str, Any],
    chapters: Iterable[Chapter] = (),
    sources: Mapping[str, Source] | None = None,
    growth: Mapping[str, Any] | None = None,
) -> str:
    """The report as one HTML document.

    Parameters
    ----------
    content : mapping
        See :func:`document`.
    chapters : iterable of Chapter, optional
        The papers in their order. A paper without a chapter stands under its name, at the end.
    sources : mapping of str to Source, optional
        By claim id.
    growth : mapping, optional
        What ``refimpl bench --table scaling`` has written: how times grow.

    Examples
    --------
    >>> record = Record("FD-1", "foundations", "textbook", "1 < 2", (), "holds", 1.0, 1.0)
    >>> page = report_html(document([record], {"seed": 0}))
    >>> "1 &lt; 2" in page, "<link" in page, "src=" in page
    (True, False, False)
    """
    claims = [_view(entry, content, sources or {}) for entry in content["claims"]]
    by_name = {chapter.name: chapter for chapter in chapters}
    for claim in claims:
        by_name.setdefault(claim["paper"], Chapter(claim["paper"], claim["paper"]))
    papers = [
        {**vars(chapter), "claims": own}
        for chapter in by_name.values()
        if (own := [claim for claim in claims if claim["paper"] == chapter.name])
    ]
    origins = [
        (name, meaning, own)
        for name, meaning in ORIGINS.items()
        if (own := [claim for claim in claims if claim["origin"] == name])
    ]
    return _template().render(
        summary=in_words(content["summary"]),
        provenance=content["provenance"],
        stated=[name for name in _STATED if content["provenance"].get(name) is not None],
        verdicts=list(content["summary"]),
        meaning=MEANING,
        papers=papers,
        origins=origins,
        growth=growth,
    )


@functools.cache
def _template() -> Any:
    import jinja2
    import markupsafe

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "maths": lambda text: markupsafe.Markup(maths(text)),
        "css": lambda verdict: verdict.replace(" ", "-"),
        "count": lambda claims, verdict: sum(claim["verdict"] == verdict for claim in claims),
    }
    return environment.get_template("report.html.j2")


def _view(
    entry: Entry, content: Mapping[str, Any], sources: Mapping[str, Source]
) -> dict[str, Any]:
    """A claim as the template shows it."""
    numbers = [
        (name, shown(entry.get(name)))
        for name in ("predicted", "measured", "tolerance")
        if entry.get(name) is not None
    ]
    if isinstance(entry.get("difference"), float):
        numbers.insert(2, ("difference", f"{entry['difference']:.1e}"))
    source = sources.get(entry["id"], Source(""))
    details = [("code", {"text": source.code, "url": source.url})] if source.code else []
    if entry["experiments"]:
        details.append(("experiment", {"text": ", ".join(entry["experiments"]), "url": ""}))
    details += [("figure", {"text": name, "url": path}) for name, path in source.figures]
    seconds = entry["seconds"] + entry["experiment_seconds"]
    details.append(("seconds", {"text": f"{seconds:.2f}, with its experiments", "url": ""}))
    run = [str(entry[name]) for name in ("profile", "finished", "commit") if entry.get(name)]
    if run and entry.get("finished") != content["provenance"].get("finished"):
        details.append(("of the run", {"text": ", ".join(run), "url": ""}))
    whose = entry.get("origin") or origin(entry["place"])
    return {**entry, "origin": whose, "numbers": numbers, "details": details}


def write(
    records: Sequence[Record],
    provenance: Mapping[str, Any],
    folder: str | Path,
    chapters: Iterable[Chapter] = (),
    sources: Mapping[str, Source] | None = None,
    growth: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``claims.json`` and ``report.html`` into ``folder``; returns the report's path.

    Claims that an earlier run left in the folder stay in both, unless ``sources`` no longer has
    them. A file there that is no record of claims is replaced.
    """
    folder = Path(folder)
    try:
        known = recorded(folder / "claims.json")
    except DataError:
        known = {}
    if sources is not None:
        known = {name: entry for name, entry in known.items() if name in sources}
    content = document(records, provenance, known)
    if sources is not None:
        order = {name: index for index, name in enumerate(sources)}
        content["claims"].sort(key=lambda entry: order.get(entry["id"], len(order)))
    write_atomic(folder / "claims.json", claims_json(content))
    write_atomic(folder / "report.html", report_html(content, chapters, sources, growth))
    return folder / "report.html"
