"""Known deviations of implementations of gradient dropout, and the switch that shows each.

>>> len({deviation.name for deviation in DEVIATIONS}) == len(DEVIATIONS)
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import conformance as kit
from refimpl.datasets import Batch, Episode
from refimpl.models import DeepLinear, Objective
from refimpl.papers.gradient_dropout import ALGORITHMS
from refimpl.papers.gradient_dropout.maml import MAML
from refimpl.papers.gradient_dropout.theory import noise

DEVIATIONS = (
    kit.Known(
        "rate as deviation",
        "Gaussian noise takes the rate for its standard deviation (first released version)",
        "GradientDropout(noise='gaussian', deviation=rate)",
    ),
    kit.Known(
        "ramped rate",
        "a linear schedule of Gaussian noise ramps the rate; released code ramps the deviation",
        "GradientDropout(gaussian_schedule='rate')",
    ),
    kit.Known(
        "first order",
        "the gradient does not pass through the inner loop (the released default)",
        "MAML(order='first')",
    ),
    kit.Known(
        "mean over tasks",
        "the meta-loss is the mean over tasks; released code sums",
        "MAML(task_reduction='mean')",
    ),
    kit.Known(
        "noise shared by steps",
        "one noise for all inner steps of a meta-step",
        "wrong_noise.SharedStepsNoise",
    ),
    kit.Known(
        "noise shared by tasks",
        "one noise for all tasks of a meta-batch",
        "wrong_noise.SharedTasksNoise",
    ),
    kit.Known(
        "scalar noise",
        "one number for a whole gradient",
        "wrong_noise.ScalarNoise",
    ),
    kit.Known(
        "unscaled",
        "dropped entries are zero and kept ones are not scaled up",
        "wrong_noise.UnscaledNoise",
    ),
    kit.Known(
        "Hessian before noise",
        "the Jacobian of an inner step is applied without its transpose",
        "hessian_first.pull_back_hessian_first",
    ),
)
"""What to look for in another implementation."""


# --- what an implementation can be checked against ------------------------------------------------

ENTRIES = {entry.name: entry for entry in ALGORITHMS}


def _draws(settings: Any, leaf: Any, rng: Any) -> Any:
    return rng.normal(leaf.shape) if settings["noise"] == "gaussian" else rng.uniform(leaf.shape)


def _masked(rule: Callable[[Any, float], Any]) -> Callable[..., Callable[..., Any]]:
    """Bernoulli noise by a rule of the uniform draw and the rate."""

    def make(**settings: Any) -> Callable[..., Any]:
        def wrapped(gradient: Any, params: Any, draws: Any) -> Any:
            pairs = zip(gradient(params), draws, strict=True)
            return [g * rule(u, settings["rate"]) for g, u in pairs]

        return wrapped

    return make


def _gaussian(scale: Callable[[float], float], mean: float = 1.0) -> Callable[..., Any]:
    return _masked(lambda u, rate: mean + scale(rate) * u)


BERNOULLI = (
    kit.Deviation("unscaled", "kept entries are not scaled up by 1 / (1 − p)",
                  instead=_masked(lambda u, p: 1.0 * (u > p))),
    kit.Deviation("kept and dropped exchanged", "entries with u < p stay, the others are dropped",
                  instead=_masked(lambda u, p: (u < p) / (1.0 - p))),
    kit.Deviation("rate taken for the share that is kept", "entries with u < p stay, times 1 / p",
                  instead=_masked(lambda u, p: (u < p) / max(p, 1e-300))),
    kit.Deviation("scaled by 1 / p", "kept entries are divided by the rate",
                  instead=_masked(lambda u, p: (u > p) / max(p, 1e-300))),
    kit.Deviation("dropped where 1 − u < p", "the other end of the draw decides",
                  instead=_masked(lambda u, p: (1.0 - u > p) / (1.0 - p))),
    kit.Deviation("one number for a whole gradient", "the first draw serves every entry",
                  instead=_masked(lambda u, p: (u.flat[0] > p) / (1.0 - p))),
    kit.Deviation("variance for deviation", "Gaussian noise with s = p / (1 − p)",
                  instead=_gaussian(lambda p: p / (1.0 - p))),
    kit.Deviation("rate as deviation", "Gaussian noise with s = p",
                  instead=_gaussian(lambda p: p)),
    kit.Deviation("mean 0", "noise without the 1, so that the gradient is gone on average",
                  instead=_gaussian(lambda p: (p / (1.0 - p)) ** 0.5, 0.0)),
)  # fmt: skip


def _meta(**settings: Any) -> Callable[..., Any]:
    """The meta-gradient of x → w x under the mean squared error, tasks first."""
    algorithm = MAML(**settings)

    def gradient(weight: Any, *points: Any) -> Any:
        objective = Objective(DeepLinear(weight.shape[::-1]), "mean_squared_error")
        sx, sy, qx, qy = points
        episode = Episode(Batch(sx, sy), Batch(qx, qy))
        return algorithm.meta_gradient([weight], objective, episode).gradient[0]

    return gradient


def _tasks(settings: Any, rng: Any) -> list[kit.Case]:
    found = []
    for name, (tasks, inputs, outputs) in {"a": (3, 4, 2), "b": (5, 3, 1)}.items():
        draw = rng.child(name)
        arguments = {"weight": draw.normal((outputs, inputs))}
        for part, points in (("support", 5), ("query", 7)):
            x = draw.normal((tasks, points, inputs))
            arguments[f"{part}_x"] = x
            arguments[f"{part}_y"] = x @ draw.normal((inputs, outputs)) + draw.normal(
                (tasks, points, outputs)
            )
        found.append(kit.Case(name, arguments, {"tasks": tasks, "outputs": outputs}))
    return found


_meta_values, _meta_hints = kit.settings_of(MAML)
_KEPT = ("inner_rate", "inner_steps", "order", "task_reduction")

META = (
    kit.Deviation(
        "first order", "the gradient does not pass through the inner loop", {"order": "first"}
    ),
    kit.Deviation(
        "mean over tasks", "the meta-loss is the mean over tasks", {"task_reduction": "mean"}
    ),
)

_RATES = [{"rate": rate} for rate in (0.1, 0.35, 0.6)]

SUBJECTS: tuple[kit.Subject, ...] = (
    kit.wrapper(
        ENTRIES["gradient_dropout"], draws=_draws, deviations=BERNOULLI, defaults={"rate": 0.3},
        fixed=("noise", "schedule", "stop", "steps_per_epoch", "gaussian_schedule", "deviation"),
    ),
    kit.function(
        "maml", "f(weight, support_x, support_y, query_x, query_y) -> the meta-gradient; outputs "
        "x weight.T, loss ½ |error|², averaged over examples", _meta, _tasks,
        settings={name: _meta_values[name] for name in _KEPT},
        hints={name: _meta_hints[name] for name in _KEPT}, deviations=META, common="network",
        alternatives={"inner_steps": (0, 1, 4, 6, 10)},
    ),
    kit.closed_form("gradient_dropout_variance", noise.variance, _RATES, common="formula"),
    kit.closed_form("gradient_dropout_flipped", noise.flipped, _RATES, common="formula"),
)  # fmt: skip
