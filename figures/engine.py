"""Draw figures from experiment results: PNG, PDF, the data, and where they come from.

Each figure gives four files: ``NAME.png``, ``NAME.pdf``, ``NAME.npz`` with what is plotted, and
``NAME.json`` with config, seed, versions, backend, device, commit, the SHA-256 of the data and
the verdicts of the figure's claims, judged on the same results. A claim that fails is printed on
the figure.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np

from refimpl import catalogue
from refimpl.archives import read_arrays
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.claims import ledger
from refimpl.experiments.base import Result, config_values, plain_values
from refimpl.experiments.runner import TaskReport, run_many
from refimpl.experiments.store import (
    array_hash,
    npz_bytes,
    provenance,
    source_hash,
)
from refimpl.files import write_atomic

from .base import Figure
from .style import Style

FOLDER = Path(__file__).resolve().parent
SUFFIXES = (".png", ".pdf", ".npz", ".json")


class Drawn(NamedTuple):
    """What became of a figure: ``status`` is "drawn", "up to date" or "failed"."""

    name: str
    status: str
    path: Path
    failing: tuple[str, ...] = ()
    error: str = ""


def render(
    figures: Sequence[Figure],
    *,
    output: str | Path,
    profile: str = "quick",
    backend: str = "numpy",
    dtype: str = "float64",
    seed: int = 0,
    force: bool = False,
    claims: Sequence[ledger.Claim] | None = None,
    progress: Callable[[TaskReport], None] | None = None,
    on_figure: Callable[[Drawn], None] | None = None,
    **options: Any,
) -> list[Drawn]:
    """Draw figures, each as soon as its experiments have ended.

    Parameters
    ----------
    figures : sequence of Figure
    output : path
        Folder of the files.
    profile, backend, dtype, seed
        As in :func:`refimpl.experiments.runner.run_many`.
    force : bool
        Draw even what is up to date: made by the same sources and settings, with all four files
        there and the data as recorded.
    claims : sequence of Claim, optional
        Among which the figures' claims are found; default: those of the package.
    progress, on_figure : callable, optional
        Called after each task, and with a :class:`Drawn` after each figure.
    **options
        jobs, dask, cache_dir of ``run_many``.

    Returns
    -------
    list of Drawn
        In the order of ``figures``.
    """
    output = Path(output)
    where = make_backend(backend, dtype)
    needs_claims = any(figure.claims for figure in figures)
    available = catalogue.claims() if claims is None and needs_claims else list(claims or ())
    own = {figure.name: catalogue.select((), figure.claims, available) if figure.claims else []
           for figure in figures}  # fmt: skip
    needed = {figure.name: _experiments(figure, own[figure.name]) for figure in figures}
    keys = {
        figure.name: _key(figure, needed[figure.name], profile, where, seed) for figure in figures
    }
    done: dict[str, Drawn] = {}
    results: dict[str, Result] = {}

    def settle(drawn: Drawn) -> None:
        done[drawn.name] = drawn
        if on_figure is not None:
            on_figure(drawn)

    def on_result(result: Result) -> None:
        results[result.name] = result
        for figure in figures:
            ready = all(name in results for name in needed[figure.name])
            if ready and figure.name not in done:
                mine = {name: results[name] for name in needed[figure.name]}
                facts = provenance(where, seed, profile=profile, matplotlib=matplotlib.__version__)
                facts["key"] = keys[figure.name]
                settle(draw(figure, mine, own[figure.name], output, facts))

    for figure in figures:
        if not force and _up_to_date(figure, output, keys[figure.name]):
            path = output / f"{figure.name}.png"
            settle(Drawn(figure.name, "up to date", path, _recorded_failures(path)))
    wanted = dict.fromkeys(
        name for figure in figures if figure.name not in done for name in needed[figure.name]
    )
    run_many(
        list(wanted),
        catalogue.experiment,
        profile=profile,
        backend=backend,
        dtype=dtype,
        seed=seed,
        progress=progress,
        on_result=on_result,
        **options,
    )
    return [done[figure.name] for figure in figures]


def draw(
    figure: Figure,
    results: dict[str, Result],
    claims: Sequence[ledger.Claim],
    output: Path,
    facts: dict[str, Any],
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
    """
    path = output / f"{figure.name}.png"
    records = [ledger.judge(claim, results, facts.get("profile", "full")) for claim in claims]
    failing = [record for record in records if record.verdict in ("fails", "error")]
    shown = {name: results[name] for name in figure.experiments}
    style = Style()
    try:
        data = plain_values(figure.data(shown))
        with style.context():
            canvas = figure.draw(shown, style)
            if not canvas.get_suptitle():
                canvas.suptitle(figure.title)
            if failing:
                style.banner(canvas, [_failure(record) for record in failing])
            images = {suffix: _image(canvas, suffix) for suffix in (".png", ".pdf")}
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return Drawn(figure.name, "failed", path, tuple(r.id for r in failing), text)
    sidecar = {
        "figure": figure.name,
        "title": figure.title,
        "caption": figure.caption,
        **facts,
        "configs": {name: config_values(results[name].config) for name in results},
        "images": {suffix: hashlib.sha256(image).hexdigest() for suffix, image in images.items()},
        "data": {
            "file": f"{figure.name}.npz",
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


def _failure(record: ledger.Record) -> str:
    values = ""
    if record.predicted is not None or record.measured is not None:
        values = (
            f" (predicted {ledger.shown(record.predicted)}, "
            f"measured {ledger.shown(record.measured)})"
        )
    verdict = "fails" if record.verdict == "fails" else "is an error"
    return f"claim {record.id} {verdict}: {record.statement}{values}"


def _image(canvas: Any, suffix: str) -> bytes:
    """The figure in one format; no date is written into it."""
    target = io.BytesIO()
    dates = {"CreationDate": None} if suffix == ".pdf" else {}
    canvas.savefig(target, format=suffix[1:], metadata=dates)
    return target.getvalue()


def _experiments(figure: Figure, claims: Sequence[ledger.Claim]) -> list[str]:
    """Those of the figure, then what its claims need beyond them."""
    names = [*figure.experiments, *(name for claim in claims for name in claim.experiments)]
    return list(dict.fromkeys(names))


def _key(figure: Figure, needed: Sequence[str], profile: str, backend: Backend, seed: int) -> str:
    identity = {
        "figure": figure.name,
        "configs": {
            name: config_values(catalogue.experiment(name).preset(profile)) for name in needed
        },
        "seed": seed,
        "sources": [source_hash(), source_hash(FOLDER)],
        "matplotlib": matplotlib.__version__,
        "numpy": np.__version__,
        **backend.describe(),
    }
    text = json.dumps(identity, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


def _up_to_date(figure: Figure, output: Path, key: str) -> bool:
    paths = {suffix: output / f"{figure.name}{suffix}" for suffix in SUFFIXES}
    if not all(path.is_file() for path in paths.values()):
        return False
    try:
        sidecar = json.loads(paths[".json"].read_text())
        images = {
            suffix: hashlib.sha256(paths[suffix].read_bytes()).hexdigest()
            for suffix in sidecar["images"]
        }
        same = images == sidecar["images"] and set(images) == {".png", ".pdf"}
        found = array_hash(read_arrays(paths[".npz"]))
        return same and sidecar["key"] == key and sidecar["data"]["sha256"] == found
    except Exception:  # anything unreadable is drawn again
        return False


def _recorded_failures(path: Path) -> tuple[str, ...]:
    sidecar = json.loads(path.with_suffix(".json").read_text())
    return tuple(
        claim["id"] for claim in sidecar["claims"] if claim["verdict"] in ("fails", "error")
    )
