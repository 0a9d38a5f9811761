"""Where a run of ``refimpl train`` is kept: one folder for each combination of settings.

The name ends in eight digits of a hash over all settings but the epochs, so that a longer run and
``--resume`` find the folder of the shorter one, and no run takes the place of another.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from refimpl import models
from refimpl.errors import SettingError
from refimpl.files import write_atomic
from refimpl.training.checkpoint import describe
from refimpl.training.history import read_npz
from refimpl.training.runs import check_safetensors, read_json


def identity(settings: Any, where: Any, method: Any, model: Any) -> dict[str, Any]:
    """All that decides the numbers of a run but its seed and its epochs, as plain values."""
    return {
        "data": settings.data,
        "data_options": dict(settings.data_options),
        "algorithm": settings.algorithm,
        "method": {"name": type(method).__name__, **plain_settings(method)},
        "model": {"name": settings.model, **plain_settings(model)},
        "loss": settings.loss,
        "loss_options": dict(settings.loss_options),
        "initializer": settings.initializer,
        "batch_size": settings.batch_size,
        "backend": where.name,
        "dtype": where.dtype_name,
    }


def plain_settings(thing: Any) -> dict[str, Any]:
    """The fields of a dataclass as plain values; those of its parts with their class."""
    if not dataclasses.is_dataclass(thing):
        return {}
    return {f.name: _plain(getattr(thing, f.name)) for f in dataclasses.fields(thing)}


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {"name": type(value).__name__, **plain_settings(value)}
    return value if isinstance(value, (bool, int, float, str, type(None))) else describe(value)


def stem(settings: Any) -> str:
    """Data set, algorithm, parts, what is not the default of model and loss, and the seed."""
    named = [*settings.penalties, *settings.wrappers, *settings.projections]
    named += [] if settings.model == "mlp" else [settings.model]
    named += [settings.loss] if settings.loss and settings.loss not in models.LOSSES else []
    method = "+".join([settings.algorithm, *(text.partition(":")[0] for text in named)])
    return f"{settings.data}-{method}-seed{settings.seed}"


def name(settings: Any, facts: Mapping[str, Any]) -> str:
    """The stem, and eight digits of a hash of the settings."""
    text = json.dumps(facts, sort_keys=True, default=describe)
    return f"{stem(settings)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def prepare(plan: Any) -> tuple[Any, list[str]]:
    """Make the folder of a run, and look at what lies there.

    A run that begins afresh where another of the same settings was left unfinished, or has another
    number of epochs, puts that aside; one that resumes may find the folder of an older version.

    Returns
    -------
    plan : Plan
        With the folder that is taken.
    lines : list of str
        To be shown.

    Raises
    ------
    SettingError
        If there is nothing to resume (the message says in what the nearest run differs), or an
        export needs a package that is not there.
    """
    folder, lines = plan.folder, []
    if plan.settings.export_safetensors:
        check_safetensors()
    if plan.settings.resume:
        former = folder.with_name(stem(plan.settings))
        if not (folder / "checkpoint.npz").exists() and (former / "checkpoint.npz").exists():
            folder = former
        if not (folder / "checkpoint.npz").exists():
            raise SettingError(_nothing_to_resume(plan))
        lines.append(f"goes on at step {saved_step(folder)} of {steps(plan)}: {folder}")
    elif folder.exists() and (line := _make_room(plan)):
        lines.append(line)
    folder.mkdir(parents=True, exist_ok=True)
    facts = {**plan.identity, "seed": plan.settings.seed, "epochs": plan.settings.epochs}
    write_atomic(folder / "settings.json", json.dumps(facts, indent=2, default=describe) + "\n")
    return plan._replace(folder=folder), lines


def steps(plan: Any) -> int:
    """Of the whole run."""
    size = len(plan.training)
    batch = min(plan.settings.batch_size or size, size)
    return plan.settings.epochs * math.ceil(size / max(batch, 1))


def saved_step(folder: Path) -> int | None:
    """The step at which the checkpoint was taken; None where there is none."""
    if not (folder / "checkpoint.npz").is_file():
        return None
    return int(json.loads(str(read_npz(folder / "checkpoint.npz")["meta"]))["step"])


def _make_room(plan: Any) -> str:
    """Move a run of other length aside; what is said of it."""
    done, step = read_json(plan.folder / "summary.json"), saved_step(plan.folder)
    if done.get("epochs") == plan.settings.epochs:
        return ""  # the same run gives the same numbers
    if step is None and not done:
        return ""
    count = 1
    while (aside := plan.folder.with_name(f"{plan.folder.name}.{count}")).exists():
        count += 1
    plan.folder.rename(aside)
    epochs = done.get("epochs")
    what = f"that ended at step {step}, unfinished," if epochs is None else f"of epochs={epochs}"
    return f"starts afresh (--resume would go on); the run {what} is kept as {aside}"


def _nothing_to_resume(plan: Any) -> str:
    """Which run is nearest, and in what it differs."""
    head = f"no checkpoint of {plan.folder.name} in {plan.settings.output}"
    tail = "; without --resume the run starts afresh"
    mine = _flat({**plan.identity, "seed": plan.settings.seed})
    nearest: tuple[str, dict[str, Any]] | None = None
    for path in sorted(plan.settings.output.glob("*/checkpoint.npz")):
        theirs = _flat(read_json(path.with_name("settings.json")))
        differing = {key: theirs.get(key) for key in mine if theirs.get(key) != mine[key]}
        if theirs and (nearest is None or len(differing) < len(nearest[1])):
            nearest = path.parent.name, differing
    if nearest is None:
        others = sorted(path.parent.name for path in plan.settings.output.glob("*/checkpoint.npz"))
        return f"{head}{'; there are those of ' + ', '.join(others) if others else ''}{tail}"
    shown = [
        f"{key.rpartition('.')[2].replace('_', ' ')} {theirs!r}, not {mine[key]!r}"
        for key, theirs in list(nearest[1].items())[:4]
    ]
    return f"{head}: {nearest[0]} has {'; '.join(shown)}{tail}"


def _flat(values: Any, place: str = "") -> dict[str, Any]:
    if isinstance(values, dict):
        items: Any = values.items()
    elif isinstance(values, list) and any(isinstance(item, dict) for item in values):
        items = enumerate(values)
    else:
        return {place: values}
    found: dict[str, Any] = {}
    for key, value in items:
        found |= _flat(value, f"{place}.{key}" if place else str(key))
    return found
