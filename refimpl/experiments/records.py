"""What came of a comparison, kept as a small file beside the figures of its paper.

``figures/<paper>/results/<name>.json`` has the data, the sizes, the seeds, every grid with its
validation scores, the chosen settings, the paired differences to the best baseline with their
intervals, what a step costs, and commit, date and versions. Claims and figures read it as the
result of an experiment that trains nothing.

>>> path_of("minnorm", "minnorm_digits").parts[-3:]
('minnorm', 'results', 'minnorm_digits.json')
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.errors import DataError, MissingDataError
from refimpl.experiments.base import Experiment, config_values
from refimpl.experiments.declared import Comparison, Size
from refimpl.experiments.significance import holm, interval
from refimpl.experiments.tuning import Run
from refimpl.files import figures_package, write_atomic
from refimpl.random import Rng

CONFIDENCE = 0.95
"""Of all methods of a comparison together: the intervals are those of Bonferroni."""

_ROOT = Path(__file__).resolve().parents[2]
_PROVENANCE = ("commit", "refimpl", "python", "numpy", "scipy", "platform", "seed", "dtype")


def path_of(paper: str, name: str, folder: Path | None = None) -> Path:
    """Where the record of a comparison lies, or would; in ``folder`` if one is given."""
    if folder is not None:
        return folder / f"{name}.json"
    return _ROOT / figures_package().replace(".", "/") / paper / "results" / f"{name}.json"


def document(comparison: Comparison, size: Size, run: Run, note: str = "") -> dict[str, Any]:
    """The record of a run, as plain values.

    Parameters
    ----------
    comparison : Comparison
    size : Size
    run : Run
    note : str
        What was left out in this run, beside what the comparison says.
    """
    reference = best_baseline(comparison, run)
    others = [method.name for method in comparison.methods if not method.baseline]
    differences = {name: _differences(comparison, run, name, reference) for name in run.final}
    level = 1.0 - (1.0 - CONFIDENCE) / len(others)
    found = {name: interval(values, level) for name, values in differences.items()}
    adjusted = dict(zip(others, holm([found[name].p for name in others]), strict=True))
    rows = []
    for method in comparison.methods:
        choice, final = run.choices[method.name], run.final[method.name]
        row: dict[str, Any] = {
            "name": method.name,
            "baseline": method.baseline,
            "varies": method.varies,
            "grid": list(choice.grid.values),
            "validation": _rounded(choice.scores.mean(axis=1)),
            "chosen": choice.value,
            "at_end": choice.at_end,
            "rate": choice.rate,
            "scores": {key: _rounded(values) for key, values in final.items()},
            "step_seconds": _short(run.costs[method.name]),
        }
        if method.name != reference:
            one = found[method.name]
            row |= {
                "difference": _rounded(differences[method.name]),
                "mean": _short(one.mean),
                "interval": [_short(one.low), _short(one.high)],
                "p": _short(one.p),
            }
            if method.name in adjusted:
                row["p_holm"] = _short(adjusted[method.name])
        rows.append(row)
    return {
        "name": comparison.name,
        "paper": comparison.paper,
        "title": comparison.title,
        "expects": comparison.expects,
        "score": comparison.score,
        "lower": comparison.lower,
        "unit": comparison.unit,
        "size": config_values(size),
        "data": run.data,
        "reference": reference,
        "confidence": level,
        "methods": rows,
        "cut": "; ".join(filter(None, (comparison.cut, note))),
        "seconds": round(run.seconds, 1),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **{key: run.provenance.get(key) for key in _PROVENANCE},
    }


def best_baseline(comparison: Comparison, run: Run) -> str:
    """The baseline with the best mean validation score at its choice; the first of equal ones."""
    sign = -1.0 if comparison.lower else 1.0
    names = [method.name for method in comparison.methods if method.baseline]

    def merit(name: str) -> float:
        choice = run.choices[name]
        return float(sign * choice.scores[choice.chosen].mean())

    return max(names, key=merit)


def _differences(comparison: Comparison, run: Run, name: str, reference: str) -> np.ndarray:
    """Seed by seed; positive where the method is better."""
    key = f"test_{comparison.score}"
    sign = -1.0 if comparison.lower else 1.0
    return sign * (run.final[name][key] - run.final[reference][key])


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _rounded(values: Any) -> list[float | None]:
    """Six digits; None for what is not finite, which JSON cannot hold."""
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in np.asarray(values).tolist()]


def write(found: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Keep a record; the file's path."""
    path = path_of(found["paper"], found["name"], folder)
    lines = json.dumps(found, ensure_ascii=False, allow_nan=False, indent=1)
    write_atomic(path, _packed(lines) + "\n")
    return path


def _packed(text: str) -> str:
    """Lists of numbers in one line each: the file is to be read by people too."""
    out: list[str] = []
    inside = False
    for line in text.splitlines():
        bare = line.strip()
        out.append((" " if out[-1][-1] == "," else "") + bare if inside else "\n" + line)
        opens = bare.endswith("[") and '"methods"' not in bare
        inside = opens or (inside and not bare.startswith("]"))
    return "".join(out).lstrip("\n")


def read(path: Path) -> dict[str, Any]:
    """A record.

    Raises
    ------
    MissingDataError
        If there is none; the message has the command that makes it.
    DataError
        If the file is no record.
    """
    if not path.is_file():
        raise MissingDataError(
            f"no record of {path.stem} yet: `refimpl compare {path.stem}` makes it", missing=1
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["name"] != path.stem or not found["methods"]:
            raise ValueError(f"it is of {found['name']!r}")
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no record of a comparison: {error!r}") from None
    return found


@dataclass(frozen=True)
class Recorded:
    """What is to be known of a record before its numbers are read.

    Attributes
    ----------
    name, digest : str
        Of the file's content: another record is another experiment.
    date, commit : str
        Of the run.
    reference : str
        The best baseline.
    at_end : tuple of str
        Methods whose choice lies at an end of a grid that could have grown.
    confidence : float
        Of each interval.
    seeds : int
    title : str
        What was compared on what.
    folder : str
        Where it lies; empty for the figures of the paper.
    """

    name: str
    digest: str = ""
    date: str = ""
    commit: str = ""
    reference: str = ""
    at_end: tuple[str, ...] = ()
    confidence: float = CONFIDENCE
    seeds: int = 0
    title: str = ""
    folder: str = ""

    @property
    def words(self) -> str:
        """When and at which commit it was recorded."""
        return f"recorded {self.date} at {self.commit[:8]}, {self.seeds} seeds"


class _Presets:
    """Both profiles read the one record; what lies there is looked up when it is asked for."""

    def __init__(self, paper: str, name: str, folder: Path | None) -> None:
        self.paper, self.name, self.folder = paper, name, folder

    def quick(self) -> Recorded:
        path = path_of(self.paper, self.name, self.folder)
        place = "" if self.folder is None else str(self.folder)
        if not path.is_file():
            return Recorded(self.name, folder=place)
        found = read(path)
        return Recorded(
            self.name,
            digest=hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest(),
            date=found["date"],
            commit=found["commit"] or "",
            reference=found["reference"],
            at_end=tuple(row["name"] for row in found["methods"] if row["at_end"]),
            confidence=found["confidence"],
            seeds=found["size"]["seeds"],
            title=found["title"],
            folder=place,
        )

    full = quick


def recorded(comparison: Comparison, folder: Path | None = None) -> Experiment:
    """The record of a comparison as an experiment: arrays by name, nothing trained.

    With M methods and N seeds: ``method``, ``baseline``, ``chosen``, ``step_seconds`` (M,),
    ``difference`` (M, N), positive where the method is better than the best baseline, and the
    numbers at the choice, such as ``test_accuracy`` (M, N), NaN where a method lacks one.
    """
    paper = comparison.paper

    def run_task(config: Recorded, backend: Backend, rng: Rng) -> dict[str, Any]:
        return arrays(read(path_of(paper, config.name, folder)))

    return Experiment(
        comparison.name,
        _Presets(paper, comparison.name, folder),
        run_task,
        summary=f"recorded: {comparison.title}",
    )


def arrays(found: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a record as arrays, a row a method."""
    rows = found["methods"]
    seeds = found["size"]["seeds"]
    keys = dict.fromkeys(key for row in rows for key in row["scores"])
    lost = [None] * seeds
    table = {
        key: np.array([row["scores"].get(key, lost) for row in rows], dtype=np.float64)
        for key in keys
    }
    return {
        **table,
        "method": np.array([row["name"] for row in rows]),
        "baseline": np.array([row["baseline"] for row in rows]),
        "chosen": np.array([row["chosen"] for row in rows]),
        "step_seconds": np.array([row["step_seconds"] for row in rows]),
        "difference": np.array([row.get("difference", [0.0] * seeds) for row in rows]),
    }
