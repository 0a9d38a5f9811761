"""What the training experiments share: methods by name, and one run of meta-training."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.datasets import TaskSet
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.experiments.instances import CountingRng
from refimpl.papers.gradient_dropout.maml import MAML
from refimpl.random import Rng

METHODS = ("none", "bernoulli 0.1", "bernoulli 0.3", "gaussian 0.1", "gaussian 0.3")
PLAIN = METHODS[0]


def method(name: str, **settings: Any) -> MAML:
    """MAML under the noise called ``name``: "none", or a family and its rate."""
    if name == PLAIN:
        return MAML(**settings)
    noise, rate = name.split()
    return MAML(wrappers=[GradientDropout(rate=float(rate), noise=noise)], **settings)  # type: ignore[arg-type]


def meta_train(
    algorithm: MAML,
    objective: Any,
    params: Any,
    data: TaskSet,
    *,
    iterations: int,
    meta_batch: int,
    rng: Rng,
) -> dict[str, Any]:
    """Meta-steps on random tasks with points divided anew in each.

    The tasks and the division of their points draw from streams of their own: two methods under
    one ``rng`` see the same episodes.

    Returns
    -------
    dict
        ``params``; ``draws``, the numbers that the noise drew; ``losses`` (iterations,), mean over
        the tasks; ``variance``, the mean of the noise's (n − 1)².
    """
    state = algorithm.init(params)
    noise = CountingRng(rng.seed, (*rng.path, "noise"))
    losses, variance, drawn = np.empty(iterations), 0.0, 0
    for step in range(iterations):
        chosen = rng.child("tasks", step).choice(len(data), meta_batch)
        episode = data.draw(chosen, rng.child("points", step))
        stream = noise.child(step)
        state, info = algorithm.step(state, objective, episode, stream)
        drawn += noise.count
        noise.drawn.clear()
        losses[step] = float(info.loss) / meta_batch
        variance += float(info.noise_variance) / iterations
    return {"params": state.params, "draws": drawn, "losses": losses, "variance": variance}
