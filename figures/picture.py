"""One figure from its results: images with all that stands around the panels, data, sidecar."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from refimpl.archives import read_arrays
from refimpl.claims import ledger
from refimpl.errors import DataError, SettingError
from refimpl.experiments.base import Result, config_values, plain_values
from refimpl.experiments.store import array_hash, npz_bytes
from refimpl.files import write_atomic

from . import frame
from .base import Figure
from .style import Style


class Variant(NamedTuple):
    """A picture of another shape: for a slide, of one panel, without its title."""

    talk: bool = False
    panel: int = 0
    title: bool = True

    @property
    def suffix(self) -> str:
        """What is added to the name of the files."""
        panel = f"-panel{self.panel}" if self.panel else ""
        return f"{panel}{'-talk' * self.talk}{'-untitled' * (not self.title)}"


PAGE = Variant()
"""The picture for a page: whole, with its title."""


class Drawn(NamedTuple):
    """What became of a figure.

    ``status`` is "drawn", "up to date", "kept" (a picture of the full profile stayed), "skipped"
    (data files are absent: ``error`` says which, and how to get them) or "failed".
    """

    name: str
    status: str
    path: Path
    failing: tuple[str, ...] = ()
    error: str = ""


def draw(
    figure: Figure,
    results: dict[str, Result],
    claims: Sequence[ledger.Claim],
    output: Path,
    facts: dict[str, Any],
    formats: Sequence[str] = ("png", "pdf"),
    variant: Variant = PAGE,
) -> Drawn:
    """Draw one figure and write its files; whatever goes wrong is returned, not raised.

    Parameters
    ----------
    figure : Figure
    results : dict of str to Result
        Of every experiment of the figure and of its claims.
    claims : sequence of Claim
        Judged on ``results``; those that fail are printed on the figure.
    output : path
    facts : dict
        What the JSON file begins with.
    formats : sequence of str
    variant : Variant
    """
    path = place(figure, output, formats, variant)
    old = recorded(path, ())
    others = old["images"] if old is not None and old["key"] == facts.get("key") else {}
    shown = {name: results[name] for name in figure.experiments}
    for result in shown.values():
        if result.absent:
            return Drawn(figure.name, "skipped", path, error=result.absent)
    profile = facts.get("profile", "full")
    records = [ledger.judge(claim, results, profile) for claim in claims]
    failing = [record for record in records if record.verdict in ("fails", "error")]
    note = figure.note
    try:
        data = plain_values(figure.data(shown))
        note = sample_note(figure, shown)
        images = _images(figure, shown, failing, note, profile, formats, variant)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return Drawn(figure.name, "failed", path, tuple(r.id for r in failing), text)
    sidecar = {
        "figure": figure.name,
        "title": figure.title,
        "caption": figure.caption,
        "note": note,
        **facts,
        **variant._asdict(),
        "configs": {name: config_values(results[name].config) for name in results},
        "images": others
        | {suffix: hashlib.sha256(image).hexdigest() for suffix, image in images.items()},
        "data": {
            "file": path.with_suffix(".npz").name,
            "sha256": array_hash(data),
            "arrays": {name: f"{a.dtype.name} {a.shape}" for name, a in data.items()},
        },
        "claims": [
            {
                name: record.as_dict()[name]
                for name in ("id", "verdict", "statement", "predicted", "measured", "note")
            }
            for record in records
        ],
    }
    for suffix, image in images.items():
        write_atomic(path.with_suffix(suffix), image)
    write_atomic(path.with_suffix(".npz"), npz_bytes(data))
    # The sidecar comes last: where it is, the others are.
    write_atomic(path.with_suffix(".json"), json.dumps(sidecar, indent=2) + "\n")
    return Drawn(figure.name, "drawn", path, tuple(record.id for record in failing))


def sample_note(figure: Figure, results: Mapping[str, Result]) -> str:
    """The figure's note with the settings of its experiments in it.

    ``{seeds}`` stands for the field ``seeds`` of the first config that has it, in its length where
    it is a list, whole numbers with commas.

    Raises
    ------
    SettingError
        If no config has a field of that name.
    """
    values: dict[str, Any] = {}
    for result in results.values():
        for name, value in config_values(result.config).items():
            value = len(value) if isinstance(value, list) else value
            values.setdefault(name, f"{value:,}" if type(value) is int else value)
    try:
        said = figure.note.format_map(values)
    except KeyError as error:
        raise SettingError(
            f"the note of {figure.name} names {error}, which no config has"
        ) from None
    return re.sub(r"^1 (paired |independent )?(seed|draw|chain)s", r"1 \1\2", said)


def writable(folder: Path) -> Path:
    """The folder, made where it is missing.

    Raises
    ------
    DataError
        If files cannot be made in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise DataError(f"{folder} cannot be written to: {error.strerror or error}") from None


def _images(
    figure: Figure,
    results: dict[str, Result],
    failing: Sequence[ledger.Record],
    note: str,
    profile: str,
    formats: Sequence[str],
    variant: Variant,
) -> dict[str, bytes]:
    """The figure in each format, with all that stands around the panels."""
    style = Style(talk=variant.talk)
    with style.context():
        canvas = figure.draw(results, style)
        if not canvas.get_suptitle() and variant.title:
            canvas.suptitle(figure.title)
        elif not variant.title:
            canvas.suptitle("")
        if variant.panel:
            frame.keep_panel(canvas, variant.panel, talk=variant.talk)
        frame.enlarge(canvas)
        if variant.talk:
            frame.thicken(canvas)
        if note:
            style.note(canvas, note)
        frame.place_notes(canvas, f"{profile} profile" * (profile == "quick"), talk=variant.talk)
        frame.fit_titles(canvas)
        if failing:
            frame.banner(canvas, [_failure(record) for record in failing], talk=variant.talk)
        return {f".{name}": _image(canvas, name, profile) for name in formats}


def _failure(record: ledger.Record) -> str:
    values = ""
    if record.predicted is not None or record.measured is not None:
        values = (
            f" (predicted {ledger.shown(record.predicted)}, "
            f"measured {ledger.shown(record.measured)})"
        )
    verdict = "fails" if record.verdict == "fails" else "is an error"
    return f"claim {record.id} {verdict}: {record.statement}{values}"


def _image(canvas: Any, name: str, profile: str) -> bytes:
    """The figure in one format; no date is written into it."""
    target = io.BytesIO()
    facts: dict[str, dict[str, Any]] = {
        "pdf": {"CreationDate": None},
        "svg": {"Date": None},
        "png": {"Comment": f"{profile} profile"},
    }
    canvas.savefig(target, format=name, metadata=facts[name])
    return target.getvalue()


def place(figure: Figure, output: Path, formats: Sequence[str], variant: Variant) -> Path:
    """Where the first image of a figure is written."""
    return output / f"{figure.name}{variant.suffix}.{formats[0]}"


def recorded(path: Path, formats: Sequence[str]) -> dict[str, Any] | None:
    """What is recorded of the figure at ``path``, if its files are all there and as recorded."""
    try:
        sidecar = json.loads(path.with_suffix(".json").read_text())
        images = sidecar["images"]
        same = {f".{name}" for name in formats} <= set(images) and all(
            hashlib.sha256(path.with_suffix(suffix).read_bytes()).hexdigest() == known
            for suffix, known in images.items()
        )
        found = array_hash(read_arrays(path.with_suffix(".npz")))
        return sidecar if same and sidecar["data"]["sha256"] == found else None
    except Exception:  # anything unreadable is drawn again
        return None


def failures(sidecar: Mapping[str, Any]) -> tuple[str, ...]:
    """The claims that failed, as a sidecar has them."""
    return tuple(
        claim["id"] for claim in sidecar["claims"] if claim["verdict"] in ("fails", "error")
    )
