"""Draw figures from experiment results: PNG, PDF, SVG, the data, and where they come from.

Each figure gives its images, ``NAME.png`` and ``NAME.pdf`` where nothing else is asked for,
``NAME.npz`` with what is plotted, and ``NAME.json`` with config, seed, versions, backend, device,
commit, the SHA-256 of the data and the verdicts of the figure's claims, judged on the same results.
A claim that fails is printed on the figure, and so is the quick profile. A picture of the full
profile stays where one of the quick profile is asked for, unless it is forced; slides, single
panels and pictures without a title have names of their own (``NAME-talk``, ``NAME-panel2``,
``NAME-untitled``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from refimpl import catalogue
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.claims import ledger
from refimpl.experiments.base import Result, config_values
from refimpl.experiments.runner import TaskReport, run_many
from refimpl.experiments.store import provenance, source_hash

from .base import Figure
from .picture import PAGE, Drawn, Variant, draw, failures, place, recorded, writable

FOLDER = Path(__file__).resolve().parent


def render(
    figures: Sequence[Figure],
    *,
    output: str | Path,
    profile: str = "quick",
    backend: str = "numpy",
    dtype: str = "float64",
    seed: int = 0,
    force: bool = False,
    formats: Sequence[str] = ("png", "pdf"),
    variant: Variant = PAGE,
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
        Draw even what is up to date: made by the same sources and settings, with all its files
        there and the data as recorded; and replace full pictures by quick ones.
    formats : sequence of {"png", "pdf", "svg"}
    variant : Variant
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

    Raises
    ------
    DataError
        If the folder cannot be written to; nothing has been computed then.
    """
    output = writable(Path(output))
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
                settle(draw(figure, mine, own[figure.name], output, facts, formats, variant))

    for figure in figures:
        path = place(figure, output, formats, variant)
        if not force and (old := recorded(path, formats)) is not None:
            failing = failures(old)
            if old["key"] == keys[figure.name]:
                settle(Drawn(figure.name, "up to date", path, failing))
            elif profile == "quick" and old["profile"] == "full":
                settle(Drawn(figure.name, "kept", path, failing))
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
