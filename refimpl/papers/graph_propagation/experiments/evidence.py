"""Propagation by constraints against iteration of the state equation, on generated graphs.

The paper says that it learns what the fixed point learns without iterating to it. The baseline is
ten sweeps of the state equation through which the gradient goes, for a fixed point is not always
there. The question is which nodes belong to a planted clique, and where a fixed subgraph hides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from refimpl.arrays import Backend
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size
from refimpl.models import Objective
from refimpl.papers.graph_propagation.data import load_cliques, load_subgraphs
from refimpl.papers.graph_propagation.fixed_point_learning import FixedPointLearning
from refimpl.papers.graph_propagation.network import GraphNetwork
from refimpl.papers.graph_propagation.propagation import ConstraintPropagation
from refimpl.random import Rng

LOADERS: dict[str, tuple[Any, int]] = {
    "cliques": (load_cliques, 1),
    "subgraphs": (load_subgraphs, 2),
}


@dataclass(frozen=True, kw_only=True)
class Graphs(Size):
    """Graphs are the examples; ``states`` numbers in the state of a node."""

    data: str = "cliques"
    states: int = 5


def problem(size: Graphs, backend: Backend, rng: Rng) -> Problem:
    """Graphs of one seed, and a network of one layer of states."""
    load, labels = LOADERS[size.data]
    split = load(
        rng=rng.child("data"), backend=backend, training=size.training or 100,
        validation=size.validation or 50, test=size.test or 50,
    )  # fmt: skip
    model = GraphNetwork((labels, *size.hidden, 2), state_widths=(size.states,))
    return Problem(
        split, Objective(model, "softmax_cross_entropy"),
        model.init(rng.child("init"), backend=backend),
    )  # fmt: skip


def fixed(size: Any, rate: float, value: float) -> Arm:
    """Ten sweeps from zero, unrolled."""
    return Arm("", FixedPointLearning(learning_rate=value, sweeps=10))


def propagated(size: Any, rate: float, value: float) -> Arm:
    """States as variables under the state equation."""
    return Arm("", ConstraintPropagation(learning_rate=value, state_rate=0.01, test_steps=50))


def augmented(size: Any, rate: float, value: float) -> Arm:
    """The same with a multiplier for each dimension and an augmented term."""
    algorithm = ConstraintPropagation(
        learning_rate=value, constraint="lin", epsilon=0.0, multipliers="dimension", rho=1.0,
        state_rate=0.01, test_steps=50,
    )  # fmt: skip
    return Arm("", algorithm)


GRID = (1e-3, 3e-3, 1e-2, 3e-2)
METHODS = (
    Method(name="ten sweeps", arm=fixed, grid=GRID, varies="learning rate", baseline=True),
    Method(name="propagation", arm=propagated, grid=GRID, varies="learning rate"),
    Method(name="augmented", arm=augmented, grid=GRID, varies="learning rate"),
)
FULL = Graphs(training=40, validation=20, test=60, hidden=(10,), epochs=15, batch_size=20,
              seeds=5, together=1)  # fmt: skip
QUICK = replace(FULL, training=4, validation=4, test=4, epochs=2, batch_size=4, seeds=2)

COMPARISONS = (
    Comparison(
        name="graph_subgraphs_generated",
        title="Constraint-based propagation on 40 graphs with a hidden subgraph",
        problem=problem,
        methods=METHODS,
        full=replace(FULL, data="subgraphs"),
        quick=replace(QUICK, data="subgraphs"),
        cut="40 graphs, 30 steps",
    ),
    Comparison(
        name="graph_cliques_generated",
        title="Constraint-based propagation on 40 graphs with a planted clique",
        expects="control",
        problem=problem,
        methods=METHODS,
        full=FULL,
        quick=QUICK,
        cut="40 graphs, 30 steps",
    ),
)
