"""What an implementation can be checked against here, and the known deviations.

One step on weights and multipliers of a linear network of two layers.

>>> [subject.name for subject in SUBJECTS]
['minnorm', 'minnorm_fixed_point', 'minnorm_error']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl.conformance import Case, Deviation, Subject, closed_form, function, settings_of
from refimpl.datasets import Batch
from refimpl.models import DeepLinear, Objective
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.papers.minnorm.theory import chain, generalization
from refimpl.random import Rng

_KEPT = ("learning_rate", "multiplier_rate", "damping", "order", "norm")


def _step(**settings: Any) -> Callable[..., list[Any]]:
    """W1, W2 and the multipliers after one step, with equality constraints."""
    algorithm = Minnorm(constraint="equality", refuse=False, **settings)

    def step(w1: Any, w2: Any, multipliers: Any, inputs: Any, targets: Any) -> list[Any]:
        model = DeepLinear((w1.shape[1], w1.shape[0], w2.shape[0]))
        objective, batch = Objective(model, "mean_squared_error"), Batch(inputs, targets)
        state = algorithm.init([w1, w2], batch, objective)._replace(multipliers=multipliers)
        after, _ = algorithm.step(state, objective, batch)
        return [*after.params, after.multipliers]

    return step


def _other(**options: Any) -> Callable[..., Callable[..., list[Any]]]:
    """The step with one thing done in another way.

    Parameters
    ----------
    sign : float
        Of the multipliers' step.
    pull : float
        Factor on the decay of the weights.
    examples : bool
        Violations are averaged over the examples in the gradient.
    later : bool
        The multipliers are fed back after their step.
    """

    def make(**s: Any) -> Callable[..., list[Any]]:
        def step(w1: Any, w2: Any, multipliers: Any, inputs: Any, targets: Any) -> list[Any]:
            hidden = inputs @ w1.T
            violation = targets - hidden @ w2.T
            fed = multipliers + s["damping"] * violation
            new = multipliers + options.get("sign", 1.0) * s["multiplier_rate"] * violation
            if options.get("later"):
                fed = new + s["damping"] * violation
            if options.get("examples"):
                fed = fed / inputs.shape[0]
            pull, rate = options.get("pull", 1.0), s["learning_rate"]
            return [
                w1 - rate * (pull * w1 - (fed @ w2).T @ inputs),
                w2 - rate * (pull * w2 - fed.T @ hidden),
                new,
            ]

        return step

    return make


DEVIATIONS = (
    Deviation("descent in the multipliers", "the multipliers' step has the wrong sign",
              family=_other, options={"sign": -1.0}),
    Deviation("no half in the norm", "the gradient of ‖W‖² is taken: the decay is doubled",
              family=_other, options={"pull": 2.0}),
    Deviation("no decay", "the weights are not pulled to zero",
              family=_other, options={"pull": 0.0}),
    Deviation("mean for sum over examples", "the pull of the constraints is divided by their "
              "number", family=_other, options={"examples": True}),
    Deviation("new multipliers fed back", "the multipliers are fed back after their step",
              family=_other, options={"later": True}),
)  # fmt: skip


def _cases(settings: Any, rng: Rng) -> list[Case]:
    found = []
    for name, (examples, inputs, hidden, outputs) in {"a": (5, 6, 4, 2), "b": (4, 5, 3, 3)}.items():
        draw = rng.child(name)
        arguments = {
            "w1": 0.5 * draw.normal((hidden, inputs)),
            "w2": 0.5 * draw.normal((outputs, hidden)),
            "multipliers": 0.4 * draw.normal((examples, outputs)),
            "inputs": draw.normal((examples, inputs)),
            "targets": draw.normal((examples, outputs)),
        }
        found.append(Case(name, arguments))
    return found


_values, _hints = settings_of(Minnorm, learning_rate=0.05, multiplier_rate=0.05, damping=0.5)
_CHAINS = [{"slope": s, "depth": d} for s, d in ((2.0, 2), (0.5, 3), (3.0, 4))]
_LOADS = [{"load": a, "signal": 1.0, "noise": b} for a, b in ((0.5, 0.25), (0.9, 0.1), (1.6, 0.3))]


def _multiplier(slope: float, depth: float) -> float:
    return chain.fixed_point(slope, int(depth))[1]


def _error(load: float, signal: float, noise: float) -> float:
    return generalization.minimum_norm_error(load, signal=signal, noise=noise)


SUBJECTS: tuple[Subject, ...] = (
    function("minnorm", "f(w1, w2, multipliers, inputs, targets) -> [w1, w2, multipliers] after a "
             "step on ½ ‖W‖² with targets − w2 w1 x = 0", _step, _cases,
             settings={name: _values[name] for name in _KEPT},
             hints={name: _hints[name] for name in _KEPT}, deviations=DEVIATIONS),
    closed_form("minnorm_fixed_point", _multiplier, _CHAINS, common="formula"),
    closed_form("minnorm_error", _error, _LOADS, common="formula"),
)  # fmt: skip
