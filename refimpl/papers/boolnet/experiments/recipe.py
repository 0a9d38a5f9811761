"""What the training experiments share: RAdam with cosine rates, and checks of bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.algorithms.composition import Composition, quiet
from refimpl.algorithms.radam import RAdam
from refimpl.arrays import to_host, unpack_bits
from refimpl.datasets.base import Dataset
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.packed import PackedNetwork
from refimpl.papers.boolnet.statistics import Params
from refimpl.random import Rng
from refimpl.training import train


def cosine(rate: float, epochs: int, last: float = 1e-8) -> Callable[[int], Composition]:
    """RAdam as in the released code, waiting for its second moment; its rate falls from ``rate`` to
    ``last`` as half a cosine, epoch by epoch."""

    def at(epoch: int) -> Composition:
        share = 0.5 + 0.5 * math.cos(math.pi * epoch / epochs)
        falling = last + (rate - last) * share
        return Composition(RAdam(learning_rate=falling, threshold=5.0, waiting="nothing"))

    return at


def run(
    model: Any,
    objective: Any,
    data: Dataset,
    rng: Rng,
    *,
    rate: float,
    epochs: int,
    batch_size: int,
    backend: Any = None,
    start: Callable[[Params], Params] | None = None,
    **options: Any,
) -> Any:
    """Train ``model`` from a seeded start; further options are those of training.

    Parameters
    ----------
    model, objective
        A BoolNet with its objective, or a float network with its own.
    data : Dataset
    rng : Rng
        Of the start and of the order of the examples.
    rate, epochs, batch_size
        Of RAdam with cosine rates.
    start : callable, optional
        ``start(params) -> params``, what is changed in the model's own start.
    """
    at = cosine(rate, epochs)
    params = model.init(rng.child("init"), backend=backend)
    return train(
        quiet(at(0)),
        objective,
        params if start is None else start(params),
        data,
        epochs=epochs,
        batch_size=batch_size,
        rng=rng.child("training"),
        schedule=lambda epoch: quiet(at(epoch)),
        progress=False,
        **options,
    )


def steps_per_epoch(size: int, batch_size: int) -> int:
    """Batches of an epoch."""
    return math.ceil(size / batch_size)


def disagreements(model: BoolNet) -> Callable[[Params, Dataset], float]:
    """A metric: examples of which packed outputs are not those of the float graph, bit for bit."""

    def metric(params: Params, data: Dataset) -> float:
        packed = to_host(PackedNetwork(model, params)(data.inputs))
        plain = to_host(model(params, data.inputs))
        return float(np.sum(np.any(packed != plain, axis=1)))

    return metric


def wrong_weights(model: BoolNet, params: Params) -> int:
    """Packed weights that are not the signs of the weights."""
    packed = PackedNetwork(model, params)
    wrong = 0
    for block, layers in zip(params["blocks"], packed.blocks, strict=True):
        for name, layer in layers.items():
            bits = to_host(unpack_bits(layer.words, layer.inputs))
            wrong += int(
                np.sum(np.where(bits, 1.0, -1.0) != np.sign(to_host(block[name]["weight"])))
            )
    return wrong
