"""What a check returns: the table, the verdict and the diagnosis, as text, JSON or a page.

>>> row = Row("value", 1.0, 1.0, 0.0, 1e-14, "agrees")
>>> report = Report("l2", "f(weight) -> scalar", {}, "float64", "numpy", (row,), None, ())
>>> report.agrees, report.to_json()["verdict"]
(True, 'agrees')
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from refimpl.conformance.causes import Diagnosis

Verdict = Literal["agrees", "differs", "raises", "note"]


@dataclass(frozen=True)
class Row:
    """One quantity.

    Attributes
    ----------
    quantity : str
    theirs, ours : float
        Where they differ most, or where the quantity is largest.
    difference, tolerance : float
        The largest difference, and what is allowed.
    verdict : {"agrees", "differs", "raises", "note"}
        A note is not judged.
    remark : str
    """

    quantity: str
    theirs: float
    ours: float
    difference: float
    tolerance: float
    verdict: Verdict
    remark: str = ""


@dataclass(frozen=True)
class Report:
    """The result of a check.

    Attributes
    ----------
    against : str
    contract : str
    settings : mapping
        Of the reference.
    dtype, arrays : str
        In which theirs was called.
    rows : tuple of Row
    diagnosis : Diagnosis or None
        Where theirs differs.
    notes : tuple of str
        What was seen and is not judged.
    """

    against: str
    contract: str
    settings: Mapping[str, Any]
    dtype: str
    arrays: str
    rows: tuple[Row, ...]
    diagnosis: Diagnosis | None
    notes: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether no quantity differs, and something was compared."""
        judged = [row for row in self.rows if row.verdict != "note"]
        return bool(judged) and all(row.verdict == "agrees" for row in judged)

    @property
    def first(self) -> Row | None:
        """The first row that differs or raises."""
        return next((row for row in self.rows if row.verdict in ("differs", "raises")), None)

    def __str__(self) -> str:
        width = max([8, *(len(row.quantity) for row in self.rows)])
        lines = [f"against {self.against}: {self.contract}", ""]
        lines.append(f"{'quantity':<{width}}  {'theirs':>12}  {'ours':>12}  {'difference':>10}  "
                     f"{'tolerance':>9}  verdict")  # fmt: skip
        for row in self.rows:
            numbers = (f"{_short(row.theirs):>12}", f"{_short(row.ours):>12}",
                       f"{_tiny(row.difference):>10}", f"{_tiny(row.tolerance):>9}")  # fmt: skip
            end = f"{row.verdict}  {row.remark}".rstrip()
            lines.append(f"{row.quantity:<{width}}  {'  '.join(numbers)}  {end}")
        lines += ["", self.summary, *(f"note: {note}" for note in self.notes)]
        return "\n".join(lines)

    @property
    def summary(self) -> str:
        """One line: the verdict, and the diagnosis where they differ."""
        if self.agrees:
            count = sum(row.verdict == "agrees" for row in self.rows)
            return f"agrees with {self.against} in {count} quantities"
        first = self.first
        if first is None:
            return "nothing could be compared"
        text = f"differs from {self.against}, first in {first.quantity}"
        if first.verdict == "raises":
            text = f"raises in {first.quantity}: {first.remark}"
        return text if self.diagnosis is None else f"{text}\ndiagnosis: {self.diagnosis}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; numbers that are not finite are strings."""
        found = self.diagnosis
        causes = [] if found is None else [asdict(cause) for cause in found.causes]
        for cause in causes:
            del cause["rank"]
        return {
            "against": self.against,
            "contract": self.contract,
            "settings": {name: _plain(value) for name, value in self.settings.items()},
            "dtype": self.dtype,
            "arrays": self.arrays,
            "verdict": "agrees" if self.agrees else "differs",
            "rows": [{name: _plain(v) for name, v in asdict(row).items()} for row in self.rows],
            "diagnosis": None
            if found is None
            else {
                "text": str(found),
                "causes": [{name: _plain(v) for name, v in cause.items()} for cause in causes],
                "first": found.first,
                "tried": found.tried,
            },
            "notes": list(self.notes),
        }

    def to_html(self) -> str:
        """A page of its own, without anything to load."""
        verdict = "agrees" if self.agrees else "differs"
        rows = "\n".join(_html_row(row) for row in self.rows)
        shown = ", ".join(f"{name} = {value}" for name, value in self.settings.items()) or "none"
        found = "" if self.diagnosis is None else _html_diagnosis(self.diagnosis)
        notes = "".join(f"<li>{_text(note)}</li>" for note in self.notes)
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(self.against)}: {verdict}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Checked against <code>{_text(self.against)}</code>:
<span class="{verdict}">{verdict}</span></h1>
<p class="soft"><code>{_text(self.contract)}</code><br>
{_text(self.dtype)}, {_text(self.arrays)} arrays; settings: {_text(shown)}</p>
{found}
<div class="scroll"><table>
<thead><tr><th>quantity</th><th>theirs</th><th>ours</th><th>difference</th><th>tolerance</th>
<th>verdict</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
{f"<h2>Notes</h2><ul>{notes}</ul>" if notes else ""}
</body>
</html>
"""

    def dumps(self) -> str:
        """The JSON text."""
        return json.dumps(self.to_json(), indent=2, allow_nan=False) + "\n"


_STYLE = """
:root { --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --page: #fff; --band: #f6f8fa;
  --good: #1a7f37; --bad: #cf222e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4ae; --line: #30363d; --page: #0d1117; --band: #161b22;
    --good: #3fb950; --bad: #f85149; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; } h2 { margin: 1.5rem 0 .5rem; font-size: 1.15rem; }
.soft { color: var(--soft); overflow-wrap: anywhere; } .scroll { overflow-x: auto; }
.agrees { color: var(--good); } .differs, .raises { color: var(--bad); }
.note { color: var(--soft); } .agrees, .differs, .raises { font-weight: 600; }
.box { margin: 1rem 0; padding: .75rem 1rem; background: var(--band);
  border-left: 4px solid var(--bad); }
.box p { margin: .25rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .4rem .6rem; text-align: left; border-bottom: 1px solid var(--line); }
th { background: var(--band); white-space: nowrap; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
"""


def _html_diagnosis(found: Diagnosis) -> str:
    if not found.causes:
        return (
            f'<div class="box"><p><b>No known cause.</b> {found.tried} changes of the reference '
            f"were tried; none has all of these numbers.</p>"
            f"<p>First difference: {_text(found.first)}.</p></div>"
        )
    best, *others = found.causes
    names = " and ".join(f"<b>{_text(name)}</b>" for name in best.names)
    also = ""
    if others:
        listed = "; ".join(_text(" and ".join(cause.names)) for cause in others)
        also = f'<p class="soft">The same numbers on what was tried: {listed}.</p>'
    return (
        f'<div class="box"><p>Equal to {best.distance:.0e} with {names}.</p>'
        f"<p>{_text(best.what)}</p>{also}"
        f'<p class="soft">First difference: {_text(found.first)}.</p></div>'
    )


def _html_row(row: Row) -> str:
    numbers = (_short(row.theirs), _short(row.ours), _tiny(row.difference), _tiny(row.tolerance))
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    remark = f' <span class="soft">{_text(row.remark)}</span>' if row.remark else ""
    return (
        f"<tr><td>{_text(row.quantity)}</td>{cells}"
        f'<td><span class="{row.verdict}">{row.verdict}</span>{remark}</td></tr>'
    )


def _text(value: Any) -> str:
    return html.escape(str(value))


def _short(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _tiny(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1e}"


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return str(value)
