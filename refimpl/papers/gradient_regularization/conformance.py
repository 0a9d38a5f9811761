"""Deviations of implementations that are known: what they are, and the switch that makes them.

No code was released; these are the readings that the abstract leaves open, and common mistakes.

>>> [deviation.name for deviation in DEVIATIONS][:3]
['no half', 'norm per class', 'rounded norm']
>>> DEVIATIONS[1].there().norm
'per_class'
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from refimpl import conformance as kit
from refimpl.algorithms.loss_gradient import LossGradient
from refimpl.datasets import Batch
from refimpl.papers.gradient_regularization import ALGORITHMS
from refimpl.papers.gradient_regularization.graph_penalty import GraphPenalty
from refimpl.papers.gradient_regularization.input_noise import InputNoise
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.random import Replay

_Part = GradientRegularization
_variation = functools.partial(_Part, power=1)

DEVIATIONS = (
    kit.Contrast(
        "no half",
        "Variational texts have ½ before the square, most programs have not: λ differs by 2.",
        functools.partial(_Part, half=True),
        _Part,
    ),
    kit.Contrast(
        "norm per class",
        "For several outputs the norms of the classes are added instead of taken together.",
        _variation,
        functools.partial(_Part, power=1, norm="per_class"),
    ),
    kit.Contrast(
        "rounded norm",
        "A small δ inside the root; it adds at most δ to the penalty, and slopes at 0 are smooth.",
        _variation,
        functools.partial(_Part, power=1, smoothing=1e-3),
    ),
    kit.Contrast(
        "one probe",
        "One random covector in place of the whole Jacobian: unbiased for the square, noisy.",
        _Part,
        functools.partial(_Part, probes=1),
    ),
    kit.Contrast(
        "normal probes",
        "Normal covectors in place of signs: unbiased too, with the larger variance 2‖JJᵀ‖².",
        functools.partial(_Part, probes=1),
        functools.partial(_Part, probes=1, law="normal"),
    ),
    kit.Contrast(
        "square for the norm",
        "The square of the slope where its length is meant: Tikhonov for total variation.",
        _variation,
        _Part,
    ),
    kit.Contrast(
        "slopes of the loss",
        "The gradient of the loss in place of that of the outputs: it vanishes where an example is "
        "fitted, and can diverge where it is strong.",
        _Part,
        LossGradient,
    ),
    kit.Contrast(
        "other points",
        "The penalty is taken at disturbed data: a class that is rich enough can hide its slopes "
        "between the data otherwise.",
        _Part,
        functools.partial(_Part, points="noisy"),
    ),
    kit.Contrast(
        "noise for the penalty",
        "Input noise is taken for Tikhonov regularization: it has a curvature term besides.",
        functools.partial(_Part, half=True),
        InputNoise,
    ),
    kit.Contrast(
        "plain sum over a graph",
        "Weights of the graph that are not normalized: the penalty grows with the batch.",
        GraphPenalty,
        functools.partial(GraphPenalty, normalized=False),
    ),
    kit.Contrast(
        "nearest neighbors",
        "A graph of nearest neighbors in place of Gaussian weights: far pairs get no weight.",
        GraphPenalty,
        functools.partial(GraphPenalty, graph="nearest"),
    ),
)


# --- what an implementation can be checked against ------------------------------------------------

ENTRIES = {entry.name: entry for entry in ALGORITHMS}
_FIXED = (
    "strength", "derivatives", "points", "count", "low", "high", "spread", "probes", "law",
    "held_out",
)  # fmt: skip
_SMOOTH = {"smoothing": (1e-12, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2), "power": (1, 2)}


def _noisy(**settings: Any) -> Callable[..., Any]:
    part = InputNoise(**settings)

    def inputs_of(inputs: Any, noise: Any) -> Any:
        drawn: Any = Replay([noise])
        return part.prepare(Batch(inputs, None), None, None, (), 0, drawn).inputs

    return inputs_of


def _noisy_cases(settings: Any, rng: Any) -> list[kit.Case]:
    draw = rng.child("noise")
    return [kit.Case("inputs", {"inputs": draw.normal((6, 4)), "noise": draw.normal((6, 4))})]


def _spread(rule: Callable[[Any, Any, float], Any]) -> Callable[..., Any]:
    return lambda deviation: lambda inputs, noise: rule(inputs, noise, deviation)


NOISE = (
    kit.Deviation("variance for deviation", "the noise is scaled by the square of its deviation",
                  instead=_spread(lambda x, n, d: x + d**2 * n)),
    kit.Deviation("root of the deviation", "the deviation is taken for a variance",
                  instead=_spread(lambda x, n, d: x + d**0.5 * n)),
    kit.Deviation("noise relative to the inputs", "the noise multiplies the inputs",
                  instead=_spread(lambda x, n, d: x * (1.0 + d * n))),
)  # fmt: skip

SUBJECTS: tuple[kit.Subject, ...] = (
    kit.function("input_noise", "f(inputs, noise) -> inputs", _noisy, _noisy_cases,
                 settings={"deviation": 0.4}, deviations=NOISE),
    kit.network_penalty(ENTRIES["gradient_tikhonov"], fixed=_FIXED, alternatives=_SMOOTH),
    kit.network_penalty(ENTRIES["gradient_variation"], fixed=_FIXED, alternatives=_SMOOTH),
    kit.network_penalty(ENTRIES["graph_penalty"], fixed=("strength", "graph", "neighbors"),
                        alternatives={"power": (1, 2), "bandwidth": (2**-0.5, 2**0.5, 0.5, 2.0)}),
)  # fmt: skip
