"""What an implementation can be checked against here, and the known deviations.

>>> [subject.name for subject in SUBJECTS]
['strong_regularization', 'delayed_regularization', 'gradient_coherent']
"""

from __future__ import annotations

from typing import Any

from refimpl.arrays import namespace
from refimpl.conformance import Deviation, Leafwise, Subject, optimizer
from refimpl.papers.gradient_coherent import ALGORITHMS

ENTRIES = {entry.name: entry for entry in ALGORITHMS}


def _raw_strength(**settings: Any) -> Leafwise:
    """The penalty outside the gradient, without the learning rate."""

    def rule(w: Any, memory: Any, g: Any, draws: Any, t: int) -> Any:
        pull = w if settings["penalty"] == "l2" else namespace(w).sign(w)
        moved = w - settings["learning_rate"] * g
        return (moved - settings["strength"] * pull if w.ndim > 1 else moved), memory

    return Leafwise(rule)


def _doubled(**settings: Any) -> Leafwise:
    """λ ‖w‖² in place of half of it."""

    def rule(w: Any, memory: Any, g: Any, draws: Any, t: int) -> Any:
        pull = 2.0 * settings["strength"] * w if w.ndim > 1 else 0.0
        return w - settings["learning_rate"] * (g + pull), memory

    return Leafwise(rule)


DEVIATIONS = (
    Deviation("gate never closes", "the penalty acts in every step", {"criterion": "always"}),
    Deviation("a gate for each layer", "every array decides by its own coherence",
              {"scope": "layer"}),
    Deviation("gradient of the step before", "coherence is that of two batches",
              {"criterion": "temporal"}),
)  # fmt: skip

PLAIN = (
    Deviation("strength not multiplied by the learning rate", "the weights shrink by λ",
              instead=_raw_strength),
    Deviation("no half in the penalty", "λ ‖w‖², whose gradient is 2 λ w", instead=_doubled),
)  # fmt: skip

SUBJECTS: tuple[Subject, ...] = (
    optimizer(ENTRIES["strong_regularization"], fixed=("threshold", "ratio", "scope", "keep_zeros"),
              deviations=PLAIN, defaults={"strength": 0.5}),
    optimizer(ENTRIES["delayed_regularization"], fixed=("threshold", "ratio", "scope",
              "keep_zeros"), alternatives={"delay": (0, 1, 4, 6)}, defaults={"strength": 0.5}),
    optimizer(ENTRIES["gradient_coherent"], deviations=DEVIATIONS,
              defaults={"strength": 2.0, "threshold": 0.85},
              alternatives={"delay": (1, 2), "threshold": (0.7, 0.9, 0.5, 0.0)}),
)  # fmt: skip
