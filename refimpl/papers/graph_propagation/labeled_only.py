"""A negative control: the constraint summed over the labeled nodes only, as it is printed.

The problem asks the state equation of every node; the printed Lagrangian and its gradient sum it
over the labeled ones. Nothing then holds the states of the others, and the equation is not met.

>>> LabeledOnly(constraint="lin").order
'simultaneous'
"""

from __future__ import annotations

from dataclasses import dataclass

from refimpl.arrays import Array
from refimpl.papers.graph_propagation.graphs import GraphBatch
from refimpl.papers.graph_propagation.propagation import ConstraintPropagation


@dataclass(frozen=True, kw_only=True)
class LabeledOnly(ConstraintPropagation):
    """Constraint-based propagation whose unlabeled nodes are free."""

    def rows(self, batch: GraphBatch) -> Array:
        """The supervised nodes."""
        return batch.supervised
