"""Known deviations of implementations of AMP, and the setting here that has the same effect.

>>> [item.name for item in DEVIATIONS if not item.switch]
['restored by subtraction', 'statistics of perturbed passes', 'no inner step fails', 'name of ε']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import conformance as kit
from refimpl.arrays import backend
from refimpl.papers.amp import ALGORITHMS
from refimpl.papers.amp.perturbation import norm_of
from refimpl.papers.amp.sam import SAM
from refimpl.papers.amp.theory import dynamics, penalty

DEVIATIONS = (
    kit.Known(
        "a ball for each tensor",
        "both released forms project each weight matrix and each bias on its own, so that all "
        "together may be sqrt(number of tensors) times longer; the published radii belong to this",
        "norm='per_tensor', the default; norm='global' is the other reading",
    ),
    kit.Known(
        "intervals and factors",
        "the first released form can clamp every entry, and scale the radius tensor by tensor",
        "norm='linf', scales=(...)",
    ),
    kit.Known(
        "constant in the projection",
        "divides by the norm plus 1e-12 (first form: 1e-6), which leaves the perturbation shorter",
        "stabilizer=1e-12",
    ),
    kit.Known(
        "clipped gradients",
        "the optimizer clips gradients to norm 50 in every pass, the first form in the last only",
        "limit_where='everywhere' or 'descent', gradient_limit=50",
    ),
    kit.Known(
        "reported loss",
        "the first form reports the loss at the perturbed parameters",
        "reported='perturbed'",
    ),
    kit.Known(
        "law of random perturbation",
        "half-width sqrt(eps / entries): mean squared length eps / 3, called an l2 norm of eps",
        "RandomPerturbation(match='released'), the default; match='rms' has eps^2",
    ),
    kit.Known(
        "rescaled instead of projected",
        "a common mistake: the perturbation is always stretched to length eps, which is SAM",
        "SAM(radius=..., norm='per_tensor')",
    ),
    kit.Known(
        "decay inside the ascent",
        "a common mistake: weight decay is part of the loss that is raised",
        "put the decay into the objective instead of the penalties",
    ),
    kit.Known(
        "restored by subtraction",
        "the perturbation is subtracted again, with rounding: about 1e-7 a step in float32",
    ),
    kit.Known(
        "statistics of perturbed passes",
        "normalization layers count every batch N + 1 times, N of them at perturbed parameters; "
        "here a stateful objective remembers its pass at the parameters themselves",
    ),
    kit.Known("no inner step fails", "N = 0 passes the checks and then raises; here it is inert"),
    kit.Known("name of ε", "an example in the code passes eps=..., which the class does not take"),
)


# --- what an implementation can be checked against ------------------------------------------------

ENTRIES = {entry.name: entry for entry in ALGORITHMS}


def _sam(**settings: Any) -> Callable[..., Any]:
    """The perturbation always has length ε, tensor by tensor or altogether."""
    norm = settings["norm"]
    return kit.wrapped_gradient(SAM(radius=settings["radius"], norm=norm))


def _shift(**options: Any) -> Callable[..., Callable[..., Any]]:
    """One inner step, with one thing done in another way.

    Parameters
    ----------
    sign : float
        −1 descends.
    squared : bool
        The norm that divides is squared.
    entries : bool
        The radius is divided by the root of the number of entries.
    rate : bool
        The ascent rate does not enter.
    stretch : bool
        Always to the radius.
    added : float
        To the norm that divides, always.
    """

    def make(**settings: Any) -> Callable[..., Any]:
        radius = settings["radius"]
        rate = 1.0 if options.get("rate") else settings.get("ascent_rate", 1.0)

        def wrapped(gradient: Any, params: Any, *rest: Any) -> Any:
            slopes = [options.get("sign", 1.0) * rate * g for g in gradient(params)]
            whole = settings["norm"] == "global"
            moved = []
            for w, d in zip(params, slopes, strict=True):
                length = float(norm_of(slopes if whole else [d]))
                reach = radius / d.size**0.5 if options.get("entries") else radius
                if options.get("squared"):
                    length = length**2
                if options.get("stretch") or length > reach:
                    d = reach * d / (length + options.get("added", 0.0))
                moved.append(w + d)
            return gradient(moved)

        return wrapped

    return make


AMP_DEVIATIONS = (
    kit.Deviation("rescaled instead of projected", "the perturbation always has length ε: SAM",
                  instead=_sam),
    kit.Deviation("descends instead of climbing", "the inner step goes down",
                  family=_shift, options={"sign": -1.0}),
    kit.Deviation("squared norm divides", "the perturbation is divided by the squared norm",
                  family=_shift, options={"squared": True}),
    kit.Deviation("radius divided by the root of the entries", "ε is a mean over entries",
                  family=_shift, options={"entries": True}),
    kit.Deviation("ascent rate left out", "the inner step has length one",
                  family=_shift, options={"rate": True}),
)  # fmt: skip

SAM_DEVIATIONS = (
    kit.Deviation("descends instead of climbing", "the inner step goes down",
                  family=_shift, options={"sign": -1.0, "stretch": True}),
    kit.Deviation("squared norm divides", "the perturbation is divided by the squared norm",
                  family=_shift, options={"squared": True, "stretch": True}),
    *(
        kit.Deviation(f"{value:g} added to the norm", "a guard that shortens the perturbation",
                      family=_shift, options={"added": value, "stretch": True})
        for value in (1e-12, 1e-8, 1e-6, 1e-3)
    ),
)  # fmt: skip


def _uniform(settings: Any, leaf: Any, rng: Any) -> Any:
    return rng.uniform(leaf.shape, -1.0, 1.0)


def _reach(part: Any, draw: Any) -> Any:
    return part.bound(part.radius, max(1, draw.size)) * draw


_POINTS = [
    {"norm": 0.3, "rate": 0.5, "radius": 0.4}, {"norm": 2.5, "rate": 0.7, "radius": 0.6},
    {"norm": 5.0, "rate": 0.25, "radius": 1.1},
]  # fmt: skip
_STEPS = [{"learning_rate": a, "rate": b} for a, b in ((0.1, 1.0), (0.3, 0.5), (0.05, 2.0))]

SUBJECTS: tuple[kit.Subject, ...] = (
    kit.wrapper(ENTRIES["amp"], fixed=("scales", "reported"), deviations=AMP_DEVIATIONS,
                alternatives={"stabilizer": (1e-12, 1e-8, 1e-6, 1e-3), "inner_steps": (0, 2, 3)}),
    kit.wrapper(ENTRIES["sam"], fixed=("scales",), deviations=SAM_DEVIATIONS),
    kit.wrapper(ENTRIES["random_perturbation"], fixed=("scales",), draws=_uniform, scaled=_reach),
    kit.closed_form("amp_huber", penalty.huber, _POINTS, common="formula", deviations=(
        kit.Deviation("as printed", "ζ n² and ε n: the penalty of the value, not of the update",
                      instead=lambda: lambda *n: backend().asarray(penalty.printed(*n))),)),
    kit.closed_form("amp_critical_curvature", dynamics.critical_curvature, _STEPS,
                    common="formula"),
)  # fmt: skip
