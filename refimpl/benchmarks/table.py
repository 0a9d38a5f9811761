"""The table of training steps on the CPU: five networks, two dtypes, three kinds of step.

A cell is the time of the step that :func:`refimpl.training.train` takes, over that of the step
written by hand in place (:mod:`refimpl.benchmarks.hand`), and over PyTorch's and JAX's where they
are installed. The aim is at most 1.1 times the hand-written step.

>>> NETWORKS["deep"].widths
(64, 64, 64, 64, 64, 10)
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import backend
from refimpl.benchmarks.hand import hand_written, products
from refimpl.benchmarks.peers import PEERS, peers
from refimpl.benchmarks.timing import Timing, race
from refimpl.datasets.base import Batch
from refimpl.errors import RefimplError
from refimpl.models import MLP, Objective
from refimpl.random import Rng
from refimpl.training import stepper

AIM = 1.1
"""At most so many times the hand-written step."""
MEMORY_AIM = 1.2
"""At most so many times parameters, gradients, activations and what the update remembers."""
RATE = 1e-4


class Network(NamedTuple):
    """A network and the size of its batch."""

    widths: tuple[int, ...]
    examples: int

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.widths))} b{self.examples}"


NETWORKS = {
    "deep": Network((64, 64, 64, 64, 64, 10), 64),
    "narrow": Network((2, 100, 100, 100, 2), 25),
    "digits": Network((784, 100, 100, 10), 128),
    "wide": Network((784, 1000, 10), 128),
    "large": Network((784, 1000, 1000, 1000, 10), 512),
}
KINDS = {"gradient": "", "sgd": "sgd", "adam": "adam"}


class Cell(NamedTuple):
    """One kind of step of one network.

    Attributes
    ----------
    network, dtype, kind : str
    timing : Timing
        Of the package's step; its ratios are to ``hand``, to the matrix ``products`` alone, and to
        the peers.
    """

    network: str
    dtype: str
    kind: str
    timing: Timing

    @property
    def ratio(self) -> float:
        """To the hand-written step."""
        return self.timing.ratios["hand"][0]

    @property
    def share(self) -> float:
        """Of the time, what the matrix products take by themselves."""
        return 1.0 / self.timing.ratios["products"][0]


def problem(network: Network, dtype: str) -> tuple[Objective, Any, Batch]:
    """Objective, parameters and a batch of normal inputs with random labels."""
    place = backend("numpy", dtype)
    model = MLP(network.widths)
    params = model.init(Rng(0), bias_scale=1.0, backend=place)
    inputs = Rng(1).normal((network.examples, network.widths[0]), like=place.zeros(()))
    labels = Rng(2).integers(0, network.widths[-1], (network.examples,))
    return Objective(model), params, Batch(inputs, labels, np.arange(network.examples))


def own_step(kind: str, objective: Objective, params: Any, batch: Batch) -> Any:
    """What the loop of training calls a step: of ``gradient``, what a step does before its
    update."""
    if kind == "gradient":
        replayed = ad.Replayed(objective)
        for _ in range(4):
            replayed(params, batch)
        if replayed.recordings != 1:
            raise RefimplError(f"the pass is not replayed: {replayed.refused}")
        return lambda: replayed.evaluate(params, batch)
    update = {"sgd": SGD, "adam": Adam}[kind](learning_rate=RATE)
    steps, rng = stepper(update, objective, params), Rng(3)
    for _ in range(4):
        steps.step(batch, rng)
    return lambda: steps.step(batch, rng)


def measure(
    names: Iterable[str], dtypes: Iterable[str], *, seconds: float, with_peers: bool
) -> Iterator[Cell]:
    """The cells, one after the other.

    Parameters
    ----------
    names : of NETWORKS
    dtypes : of "float32" and "float64"
    seconds : float
        Of processor time for each step in each cell.
    with_peers : bool
        Whether PyTorch and JAX take part where they are installed.
    """
    for name in names:
        for dtype in dtypes:
            objective, params, batch = problem(NETWORKS[name], dtype)
            for kind, update in KINDS.items():
                racers = {
                    "own": own_step(kind, objective, params, batch),
                    "hand": hand_written(params, batch.inputs, batch.targets, update, RATE),
                    "products": products(params, batch.inputs),
                }
                for library in PEERS if with_peers else ():
                    racers |= peers(library, params, batch.inputs, batch.targets, update, RATE)
                yield Cell(name, dtype, kind, race(racers, seconds=seconds)["own"])


def memory(name: str, dtype: str, kind: str) -> float:
    """What a run of steps holds at most, over what it must hold: parameters, gradients,
    activations and the update's own memory."""
    network = NETWORKS[name]
    objective, params, batch = problem(network, dtype)
    weights = sum(leaf.nbytes for leaf in ad.flatten(params)[0])
    activations = network.examples * sum(network.widths[1:]) * np.dtype(dtype).itemsize
    needed = weights * {"gradient": 2, "sgd": 2, "adam": 4}[kind] + activations
    tracemalloc.start()
    try:
        step = own_step(kind, objective, params, batch)
        tracemalloc.reset_peak()
        step()
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return (held + (weights if kind == "gradient" else 0)) / needed
