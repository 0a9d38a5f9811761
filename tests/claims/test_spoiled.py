"""Every claim on the results that ``refimpl verify`` has just cached: each number that it reads is
spoiled once, and must be noticed.

``pytest -m ledger`` runs these after ``refimpl verify``; without its cache they are skipped.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
import pytest
from watching import Watching

from refimpl import backend, catalogue
from refimpl.claims.ledger import is_skipped, judge
from refimpl.experiments.base import Result, config_values
from refimpl.experiments.runner import run_many
from refimpl.experiments.store import Store, task_key

pytestmark = pytest.mark.ledger

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("REFIMPL_CACHE", ROOT / "outputs" / "cache"))
UNNOTICED = ("holds", "qualified", "refuted", "reported")

NOT_JUDGED: dict[tuple[str, str], str] = {
    **{(f"MN-{n}", "is_margin"): "labels the kind of constraint" for n in (5, 52)},
    ("MN-54", "case"): "labels the cases, each of which is judged",
    **{(f"AMP-{n}", "seed"): "pairs rows whose order is that of the seeds" for n in range(16, 20)},
    ("GD-1", "noise"): "names two kinds of noise with one mean and variance",
    ("GD-5", "laws"): "names of the three laws, which have the same moments",
    ("GD-14", "is_bias"): "labels the tensors; every one of them is judged",
    ("CL-55", "method"): "names the rows in the note; every one of them is judged",
    ("HE-10", "minima"): "names the settings with several minima in the note",
    ("HE-28", "starts"): "the number of starts, for the note",
    ("HE-32", "s"): "only says how many settings there are",
    ("MN-13", "identified_at"): "shown beside the judgment that no rate could be fitted",
    ("BN-11", "offsets_four"): "how many there are is judged here, their values by BN-10",
    ("BN-18", "saving_body"): "the printed figure, from which the table's must only differ",
}
"""Keys that a claim reads and does not judge, each with its reason."""


def changes(array):
    """Ways in which a number can be wrong: factors, shifts, signs, places."""
    if array.dtype.kind in "US":
        yield np.full_like(array, "spoiled") if array.dtype.itemsize >= 28 else array[..., ::-1]
        yield np.roll(array, 1) if array.ndim else np.asarray("?")
        return
    if array.dtype.kind == "b":
        yield ~array
        return
    number = array.astype(np.float64)
    size = float(np.nanmax(np.abs(number), initial=0.0)) or 1.0
    for factor in (1.5, 0.5, -1.0, 0.0, 100.0):
        yield factor * number
    for shift in (0.3 * size, -0.3 * size, 1.0, 1e-6, 1e6 * size):
        yield number + shift
    if number.ndim:
        yield number[::-1]
        yield np.roll(number, 1, axis=-1)
        wave = 1.0 + 0.3 * np.cos(2.0 * np.arange(number.size)).reshape(number.shape)
        yield number * wave


@functools.cache
def cached(name):
    """The result of an experiment in the quick profile, from the cache alone; None without it."""
    experiment = catalogue.experiment(name)
    place = backend("numpy", "float64")
    config = experiment.preset("quick")
    store, values = Store(CACHE), config_values(config)
    for task in experiment.tasks(config):
        key = task_key(experiment.name, values, task, place, 0, experiment.module)
        if store.load(experiment.name, key) is None:
            return None
    return run_many([experiment], cache_dir=CACHE)[name]


def claims():
    """Those that read experiments and are measured in the quick profile."""
    return [c for c in catalogue.claims() if c.experiments and not is_skipped(c, "quick")]


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.id)
def test_each_number_that_is_read_is_judged(claim):
    results = {name: cached(name) for name in claim.experiments}
    if any(result is None for result in results.values()):
        pytest.skip("no cached results: run `refimpl verify` first")
    if any(result.absent or result.error for result in results.values()):
        pytest.skip("its data files are not here")
    watching = {name: Watching(result) for name, result in results.items()}
    record = judge(claim, watching)
    if record.verdict not in UNNOTICED:
        pytest.skip(f"its verdict is {record.verdict!r} as it is")
    missed = []
    for name, result in watching.items():
        for key in sorted(result.seen):
            if (claim.id, key) in NOT_JUDGED:
                continue
            noticed = False
            for changed in changes(np.asarray(result.arrays[key])):
                spoiled = Result(name, {**results[name].arrays, key: changed}, result.config)
                again = judge(claim, {**results, name: spoiled})
                reported = record.verdict == "reported" and again.measured != record.measured
                if again.verdict not in UNNOTICED or reported:
                    noticed = True
                    break
            if not noticed:
                missed.append(f"{key!r} of {name}")
    assert not missed, f"{claim.id} reads {', '.join(missed)} and judges nothing by it"
