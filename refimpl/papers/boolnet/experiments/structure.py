"""Slices, groups, shortcuts and the shuffle: what reaches what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.signs import (
    logic_or,
    multi_sign,
    shuffle,
    slice_offsets,
    split,
    unshuffle,
    xnor,
)
from refimpl.papers.boolnet.theory.operators import patterns, printed_offsets
from refimpl.random import Rng

HADAMARD = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], dtype=float)


@dataclass(frozen=True)
class Config:
    """Numbers of slices; points of the line; widths that are split and shuffled."""

    slices: tuple[int, ...] = (1, 2, 4, 8)
    points: int = 4001
    widths: tuple[int, ...] = (2, 4, 6, 10, 16)
    rows: int = 60

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(points=400_001)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    grid = np.linspace(-2.0, 2.0, config.points)[:, None]
    counts = {
        kind: [len(np.unique(multi_sign(grid, slice_offsets(k, kind)), axis=0)) for k in
               config.slices]
        for kind in ("released", "non_uniform")
    }  # fmt: skip
    return {
        "slices": config.slices,
        "patterns_released": counts["released"],
        "patterns_non_uniform": counts["non_uniform"],
        "patterns_expected": [patterns(k) for k in config.slices],
        "offsets_two": slice_offsets(2),
        "offsets_four": slice_offsets(4),
        "offsets_four_non_uniform": slice_offsets(4, "non_uniform"),
        "printed_values": [len(printed_offsets(k)) for k in config.slices[1:]],
        **_isolation(config, rng.child("isolation")),
        **_shortcut(config, rng.child("shortcut")),
        **_shuffles(config, rng.child("shuffle")),
    }


def _isolation(config: Config, rng: Rng) -> dict[str, Any]:
    """The share of units of group t that change when slice s is flipped, (k, k), for k = 4; and
    the same where slices are interleaved instead."""
    k, channels = 4, 8
    model = BoolNet((3, channels, 2), slices=k)
    layer = {"weight": np.asarray(rng.child("w").normal((channels, channels)))}
    x = np.asarray(rng.child("x").rademacher((config.rows, k * channels)))
    found = {}
    for name, places in (
        ("changed", np.arange(k * channels).reshape(k, channels)),
        ("changed_interleaved", np.arange(k * channels).reshape(channels, k).T),
    ):
        table = []
        for chosen in places:
            flipped = x.copy()
            flipped[:, chosen] *= -1
            moved = model.units(flipped, layer, 0.0) != model.units(x, layer, 0.0)
            table.append(moved.any(axis=0).reshape(k, -1).mean(axis=1))
        found[name] = np.array(table)
    return found


def _shortcut(config: Config, rng: Rng) -> dict[str, Any]:
    """A block under injected signs, read off by the next layer, whose weights are orthogonal."""
    model = BoolNet((4, 4, 2), blocks=2)
    params = model.init(rng.child("init"))
    params["blocks"][1]["first"]["weight"] = HADAMARD
    injected = [np.asarray(rng.child("signs", i).rademacher((config.rows, 4))) for i in range(3)]
    seen: list[Any] = []

    def normalize(x: Any, layer: Any) -> Any:
        seen.append(x)
        return injected[len(seen) - 1] if len(seen) <= len(injected) else x

    model.forward(params, np.zeros((config.rows, 4)), normalize, 0.0)
    out = seen[3] @ HADAMARD / 4.0
    r, first, second = injected
    u = xnor(first, r)
    return {
        "or_with_input": float(np.mean(out != logic_or(second, r))),
        "or_with_hidden": float(np.mean(out != logic_or(second, u))),
    }


def _shuffles(config: Config, rng: Rng) -> dict[str, Any]:
    """Over widths and slices: places that a split and shuffle lose, and errors of the inverse."""
    lost, wrong, strangers = [], [], []
    for width in config.widths:
        for k in config.slices:
            x = np.arange(k * width)[None, :]
            mixed = shuffle(*split(x, k), k)
            lost.append(k * width - len(np.unique(mixed)))
            halves = unshuffle(mixed, k)
            wrong += [int(np.sum(a != b)) for a, b in zip(halves, split(x, k), strict=True)]
            strangers.append(int(np.sum(mixed // width != x // width)))
    return {"shuffle_lost": lost, "unshuffle_wrong": wrong, "left_their_slice": strangers}


EXPERIMENT = Experiment(
    "boolnet_structure",
    Config,
    run_task,
    summary="slices, groups, shortcuts and the shuffle: what reaches what",
)
