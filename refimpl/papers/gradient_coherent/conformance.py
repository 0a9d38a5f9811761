"""What an implementation can be checked against here, and the known deviations.

>>> [subject.name for subject in SUBJECTS]
['coherence_gate', 'strong_regularization', 'delayed_regularization', 'gradient_coherent']
"""

from __future__ import annotations

from typing import Any

from refimpl.arrays import namespace
from refimpl.conformance import (
    Case,
    Deviation,
    Leafwise,
    Subject,
    function,
    optimizer,
    settings_of,
)
from refimpl.conformance.problem import plain_start, smooth_gradient
from refimpl.papers.gradient_coherent import ALGORITHMS
from refimpl.papers.gradient_coherent.coherence_gate import CoherenceGate

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
    Deviation("gate never opens", "the penalty never acts", {"strength": 0.0}),
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


def _gate(**settings: Any) -> Any:
    """What the update gets, from the gradients of the loss and of the penalties."""
    part = CoherenceGate(**settings)

    def gated(gradient: Any, pull: Any, params: Any) -> Any:
        def loss(at: Any) -> Any:
            slopes = gradient(list(at))
            return 0.0 * slopes[0].sum(), slopes

        def penalty(at: Any) -> Any:
            return 0.0 * params[0].sum(), pull

        aux = part.init(params, steps_per_epoch=1)
        return list(part.gradient(loss, penalty, params, aux, 0, None)[0].gradient)

    return gated


def _gate_cases(settings: Any, rng: Any) -> list[Case]:
    found = []
    for name, size in (("weak pull", 0.2), ("strong pull", 3.0)):
        params = plain_start(rng.child(name))
        pull = [size * w if w.ndim > 1 else 0.0 * w for w in params]
        slopes = {"gradient": lambda at: smooth_gradient(at, 0), "pull": pull, "params": params}
        found.append(Case(name, slopes))
    return found


_gate_values, _gate_hints = settings_of(CoherenceGate, threshold=0.85)

GATE = (
    Deviation("gate never closes", "the penalty acts in every step", {"criterion": "always"}),
    Deviation("a gate for each layer", "every array decides by its own coherence",
              {"scope": "layer"}),
    Deviation("gate the other way around", "the penalty acts where gradients are not coherent",
              instead=lambda **s: lambda gradient, pull, params: [
                  2.0 * g + r - o for g, r, o in zip(
                      gradient(params), pull, _gate(**s)(gradient, pull, params), strict=True)]),
)  # fmt: skip

SUBJECTS: tuple[Subject, ...] = (
    function("coherence_gate", "f(gradient, pull, params) -> list; gradient(params) of the loss, "
             "pull the list of the penalties' gradients", _gate, _gate_cases,
             settings=_gate_values, hints=_gate_hints, fixed=("delay", "reach"),
             alternatives={"criterion": ("total", "sign", "ratio", "always", "lookahead"),
                           "threshold": (0.0, 0.5, 0.7, 0.9, 0.99)}, deviations=GATE),
    optimizer(ENTRIES["strong_regularization"], fixed=("threshold", "ratio", "scope", "keep_zeros"),
              deviations=PLAIN, defaults={"strength": 0.5}),
    optimizer(ENTRIES["delayed_regularization"], fixed=("threshold", "ratio", "scope",
              "keep_zeros"), alternatives={"delay": (0, 1, 4, 6)}, defaults={"strength": 0.5}),
    optimizer(ENTRIES["gradient_coherent"], deviations=DEVIATIONS,
              defaults={"strength": 2.0, "threshold": 0.89},
              alternatives={"delay": (1, 2), "threshold": (0.7, 0.9, 0.5, 0.0)}),
)  # fmt: skip
