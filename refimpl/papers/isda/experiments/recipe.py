"""What the training experiments share: a network under ISDA, Nesterov's momentum, cosine rates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from refimpl.algorithms.composition import Composition
from refimpl.algorithms.momentum import Momentum
from refimpl.datasets.base import Dataset
from refimpl.models import MLP
from refimpl.papers.isda.isda import ISDA
from refimpl.random import Rng
from refimpl.training import TrainingResult, accuracy, chunked_mean, train


def run(
    isda: ISDA,
    model: MLP,
    data: Dataset,
    rng: Rng,
    *,
    rate: float,
    batch_size: int,
    cosine: bool = False,
    initial: Mapping[str, Any] | None = None,
    **options: Any,
) -> TrainingResult:
    """Train ``model`` from a seeded start for ``isda.epochs`` epochs.

    Parameters
    ----------
    isda : ISDA
        Whose ``steps_per_epoch`` is set here; ``strength=0`` is plain cross-entropy.
    model, data, rng
        The start and the order of the examples depend on ``rng`` alone.
    rate, batch_size
        Of Nesterov's momentum (0.9).
    cosine : bool
        Whether the rate falls to zero as half a cosine, epoch by epoch.
    initial : mapping
        Further arguments of ``model.init``.
    **options
        Of :func:`refimpl.training.train`; on the sets of ``evaluate`` accuracy and negative
        log-likelihood ("nll") are taken at the end.
    """
    loss = replace(isda, steps_per_epoch=math.ceil(len(data) / batch_size))
    objective = loss.objective(model, head=(-1,))
    update = Momentum(learning_rate=rate, momentum=0.9, nesterov=True)
    algorithm = Composition(update)

    def at(epoch: int) -> Composition:
        share = 0.5 + 0.5 * math.cos(math.pi * epoch / loss.epochs)
        return replace(algorithm, update=replace(update, learning_rate=rate * share))

    return train(
        algorithm,
        objective,
        model.init(rng.child("init"), **(initial or {})),
        data,
        epochs=loss.epochs,
        batch_size=batch_size,
        rng=rng.child("training"),
        schedule=at if cosine else None,
        metrics={"accuracy": accuracy(model), "nll": chunked_mean(objective)},
        evaluate_every=loss.epochs,
        progress=False,
        **options,
    )
