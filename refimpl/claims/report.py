"""What ``refimpl verify`` leaves behind: ``claims.json`` and a self-contained HTML report.

The report is one file without scripts from elsewhere, fonts or images to load, so it can be
mailed or archived as it is.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from refimpl.claims.ledger import Record, columns, shown, summarize
from refimpl.files import write_atomic

_MEANING = {
    "holds": "true as stated",
    "qualified": "true under a stated condition",
    "refuted": "the printed statement is false; the corrected one is measured",
    "reported": "a number that is not judged",
    "not shown": "a comparison that did not separate",
    "fails": "the implementation does not show it",
    "error": "the computation broke: no verdict",
    "skipped": "not looked at here: the reason stands beside it",
}

_STYLE = """
:root { --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --page: #fff; --band: #f6f8fa;
  --holds: #1a7f37; --qualified: #9a6700; --refuted: #6639ba; --fails: #cf222e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4ae; --line: #30363d; --page: #0d1117; --band: #161b22;
    --holds: #3fb950; --qualified: #d29922; --refuted: #a371f7; --fails: #f85149; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.2rem; }
.summary { font-size: 1.05rem; } .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .45rem .6rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { background: var(--band); font-weight: 600; white-space: nowrap; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.id { font-weight: 600; white-space: nowrap; }
.verdict { font-weight: 600; white-space: nowrap; }
.holds { color: var(--holds); } .qualified { color: var(--qualified); }
.refuted { color: var(--refuted); } .fails { color: var(--fails); }
.reported, .not-shown, .skipped { color: var(--soft); } .error { color: var(--fails); }
.detail { color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
.filter { position: sticky; top: 0; padding: .6rem 0; background: var(--page); }
.filter label { margin-right: 1.2rem; white-space: nowrap; cursor: pointer; }
.scroll { overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
"""


def claims_json(records: Sequence[Record], provenance: dict[str, Any]) -> str:
    """The records and where they come from, as JSON text (strict: no NaN)."""
    content = {
        "summary": {v: sum(record.verdict == v for record in records) for v in columns(records)},
        "provenance": provenance,
        "claims": [record.as_dict() for record in records],
    }
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def report_html(
    records: Sequence[Record],
    provenance: dict[str, Any],
    titles: Mapping[str, str] | None = None,
) -> str:
    """The report as one HTML document.

    Parameters
    ----------
    records : sequence of Record
    provenance : dict
        See :func:`refimpl.experiments.store.provenance`.
    titles : mapping of str to str, optional
        Of the papers, by name; the report has the papers in this order. A paper without a title
        stands under its name, at the end.

    Examples
    --------
    >>> record = Record("FD-1", "foundations", "textbook", "1 < 2", (), "holds", 1.0, 1.0)
    >>> page = report_html([record], {"seed": 0})
    >>> "1 &lt; 2" in page, "<link" in page, "src=" in page
    (True, False, False)
    """
    titles = titles or {}
    present = dict.fromkeys(record.paper for record in records)
    papers = {name: titles[name] for name in titles if name in present}
    papers |= {name: name for name in present if name not in titles}
    sections = "\n".join(
        _section(name, title, [record for record in records if record.paper == name])
        for name, title in papers.items()
    )
    counts = {v: sum(record.verdict == v for record in records) for v in columns(records)}
    boxes = "\n".join(
        f'<label><input type="checkbox" checked data-verdict="{_class(v)}"> '
        f'<span class="{_class(v)}">{v}</span> ({counts[v]}) '
        f'<span class="soft">{_MEANING[v]}</span></label>'
        for v in columns(records)
    )
    facts = "\n".join(
        f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in provenance.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>refimpl: claims</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Claims, predicted against measured</h1>
<p class="summary">{_text(summarize(records))}</p>
<h2>Papers</h2>
<div class="scroll">{_overview(papers, records)}</div>
<div class="filter" role="group" aria-label="Show verdicts">{boxes}</div>
{sections}
<h2>Provenance</h2>
<dl>{facts}</dl>
<script>
for (const box of document.querySelectorAll("input[data-verdict]"))
  box.addEventListener("change", () => {{
    for (const row of document.querySelectorAll("tr." + box.dataset.verdict + "-row"))
      row.hidden = !box.checked;
  }});
</script>
</body>
</html>
"""


def _overview(papers: Mapping[str, str], records: Sequence[Record]) -> str:
    rows = []
    for name, title in papers.items():
        own = [record for record in records if record.paper == name]
        cells = []
        for v in columns(records):
            count = sum(record.verdict == v for record in own)
            cells.append(f'<td class="number {_class(v) if count else "soft"}">{count}</td>')
        rows.append(
            f'<tr><td><a href="#{name}">{_text(title)}</a></td>'
            f'<td class="number">{len(own)}</td>{"".join(cells)}</tr>'
        )
    head = "".join(f"<th>{v}</th>" for v in columns(records))
    return f"<table><tr><th>paper</th><th>claims</th>{head}</tr>{''.join(rows)}</table>"


def _section(paper: str, title: str, records: Sequence[Record]) -> str:
    rows = "\n".join(map(_row, records))
    return f"""<h2 id="{paper}">{_text(title)} <span class="soft">{paper}</span></h2>
<div class="scroll"><table>
<tr><th>claim</th><th>verdict</th><th>statement</th><th>predicted</th><th>measured</th>
<th>difference</th><th>tolerance</th><th>seconds</th></tr>
{rows}
</table></div>"""


def _row(record: Record) -> str:
    details = [
        ("", record.place),
        ("condition", record.condition),
        ("correction", record.correction),
        ("note", record.note),
        ("experiment", ", ".join(record.experiments)),
    ]
    lines = "".join(
        f'<div class="detail">{f"{label}: " if label else ""}{_text(text)}</div>'
        for label, text in details
        if text
    )
    seconds = f"{record.seconds + record.experiment_seconds:.2f}"
    v, gap = record.verdict, record.difference
    return (
        f'<tr class="{_class(v)}-row" id="{record.id}"><td class="id">{record.id}</td>'
        f'<td class="verdict {_class(v)}">{v}</td><td>{_text(record.statement)}{lines}</td>'
        f'<td class="number">{_text(shown(record.predicted))}</td>'
        f'<td class="number">{_text(shown(record.measured))}</td>'
        f'<td class="number">{"-" if gap is None else f"{gap:.1e}"}</td>'
        f'<td class="number">{_text(shown(record.tolerance))}</td>'
        f'<td class="number">{seconds}</td></tr>'
    )


def _class(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _text(value: Any) -> str:
    return html.escape(str(value))


def write(
    records: Sequence[Record],
    provenance: dict[str, Any],
    folder: str | Path,
    titles: Mapping[str, str] | None = None,
) -> Path:
    """Write ``claims.json`` and ``report.html`` into ``folder``; returns the report's path."""
    folder = Path(folder)
    write_atomic(folder / "claims.json", claims_json(records, provenance))
    write_atomic(folder / "report.html", report_html(records, provenance, titles))
    return folder / "report.html"
