"""Deviations of implementations that are known: what they are, the part here, and how to have them.

``here`` makes what this package does, ``there`` what the deviating implementation does: a setting
of the same part where there is one, a negative control (:mod:`released`) where the deviation breaks
the method.

>>> [deviation.name for deviation in DEVIATIONS][:2]
['lost guard', 'projection of zero']
>>> DEVIATIONS[3].there(limit=2.0)
SpectralProjection(limit=2.0, decay=None, jitter=1e-06, steps_per_epoch=1)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from refimpl import conformance as kit
from refimpl.algorithms.adversarial_training import AdversarialTraining
from refimpl.algorithms.attacks import ProjectedGradientAttack, normalized_rows
from refimpl.arrays import namespace
from refimpl.papers.rkhs_norm import ALGORITHMS, released
from refimpl.papers.rkhs_norm.adversarial_norm import AdversarialNorm
from refimpl.papers.rkhs_norm.deformation_norm import DeformationNorm, TangentNorm
from refimpl.papers.rkhs_norm.gradient_norm import GradientNorm
from refimpl.papers.rkhs_norm.spectral_penalty import leading
from refimpl.papers.rkhs_norm.spectral_projection import SpectralProjection

DEVIATIONS = (
    kit.Contrast(
        "lost guard",
        "Released code: the guard against a zero gradient is applied to a copy and discarded; a "
        "dead network makes the adversarial penalty NaN.",
        normalized_rows,
        released.adversarial_step,
    ),
    kit.Contrast(
        "projection of zero",
        "Released code: the l2 attack projects by dividing by |d|; an example that did not move "
        "becomes NaN.",
        ProjectedGradientAttack,
        released.euclidean_projection,
    ),
    kit.Contrast(
        "batch-wide normalization",
        "A common mistake: one norm for the gradient of the whole batch, with a guard of 1e-5 that "
        "a mean loss reaches early; most examples move too little and robust accuracy looks high.",
        normalized_rows,
        released.batch_normalized_step,
    ),
    kit.Contrast(
        "spectral jitter",
        "Released code: the projection goes through eigenvalues of WᵀW + 1e-6 I and is idempotent "
        "to 5e-7 / τ only.",
        SpectralProjection,
        functools.partial(SpectralProjection, jitter=1e-6),
    ),
    kit.Contrast(
        "late normalization",
        "Released code: power iteration is normalized once at the end and overflows float32 from "
        "some twenty iterations.",
        leading,
        released.power_iteration,
    ),
    kit.Contrast(
        "selector",
        "Released code takes the largest signed gain of each output, as the definition does; other "
        "implementations take the largest change of either sign.",
        AdversarialNorm,
        functools.partial(AdversarialNorm, selector="absolute"),
    ),
    kit.Contrast(
        "average instead of largest",
        "A common variant: slopes are averaged over the batch, which is Tikhonov regularization.",
        GradientNorm,
        functools.partial(GradientNorm, reduction="mean"),
    ),
    kit.Contrast(
        "random start",
        "Released code starts the linf attack at random in training, and the l2 attack at zero "
        "unless asked.",
        AdversarialTraining,
        functools.partial(AdversarialTraining, norm="linf", start="random"),
    ),
    kit.Contrast(
        "wrong reference",
        "Released code: the worst deformation is chosen by differences to the outputs of other "
        "images.",
        DeformationNorm,
        released.deformation_selector,
    ),
    kit.Contrast(
        "power one",
        "Released code: the example of the tangent penalty is chosen by a sum of signed "
        "derivatives, which can cancel.",
        TangentNorm,
        released.tangent_selector,
    ),
)


# --- what an implementation can be checked against ------------------------------------------------

ENTRIES = {entry.name: entry for entry in ALGORITHMS}


def _targets(arguments: Any, rng: Any) -> Any:
    return rng.normal((arguments["inputs"].shape[0], arguments["w2"].shape[0]))


def _projection(**settings: Any) -> Callable[..., Any]:
    part = SpectralProjection(**settings)
    return lambda weight: part.project([weight], part.init([weight]), 0)[0][0]


def _scaled(**settings: Any) -> Callable[..., Any]:
    """The whole matrix is divided where its norm is too large."""

    def project(weight: Any) -> Any:
        norm = namespace(weight).linalg.matrix_norm(weight, ord=2)
        return weight * (settings["limit"] / norm) if norm > settings["limit"] else weight

    return project


def _normalized(**settings: Any) -> Callable[..., Any]:
    """Spectral normalization: the norm becomes the limit, also where it was smaller."""

    def project(weight: Any) -> Any:
        return weight * (settings["limit"] / namespace(weight).linalg.matrix_norm(weight, ord=2))

    return project


def _frobenius(**settings: Any) -> Callable[..., Any]:
    def project(weight: Any) -> Any:
        norm = namespace(weight).linalg.matrix_norm(weight)
        return weight * (settings["limit"] / norm) if norm > settings["limit"] else weight

    return project


PROJECTION = (
    kit.Deviation("matrix scaled", "all singular values shrink, not only those beyond the limit",
                  instead=_scaled),
    kit.Deviation("spectral normalization", "the norm becomes the limit, also where it was smaller",
                  instead=_normalized),
    kit.Deviation("Frobenius norm", "the matrix is scaled by another norm", instead=_frobenius),
)  # fmt: skip


def _weights(settings: Any, rng: Any) -> list[kit.Case]:
    return [
        kit.Case(f"{name}, {scale:g} times", {"weight": scale * weight})
        for name, weight in kit.weights(rng).items()
        for scale in (1.0, 0.25)
    ]


_PENALTY: dict[str, Any] = {"fixed": ("strength", "derivatives")}


def _attack(**settings: Any) -> Callable[..., Any]:
    part = ProjectedGradientAttack(**settings)
    return lambda gradient, inputs: part.perturb(gradient, inputs)


def _ascent(**options: Any) -> Callable[..., Any]:
    """The l2 attack with one thing done in another way.

    Parameters
    ----------
    whole : bool
        One norm for the gradient of the whole batch.
    free : bool
        The ball is not looked at.
    once : bool
        The gradient is that at the inputs throughout.
    raw : bool
        The gradient is not normalized.
    sign : float
        −1 descends.
    """

    def make(**s: Any) -> Callable[..., Any]:
        step = 1.5 * s["radius"] / s["steps"] if s["step_size"] is None else s["step_size"]

        def attack(gradient: Any, inputs: Any) -> Any:
            norm = namespace(inputs).linalg.vector_norm
            delta = 0.0 * inputs
            for _ in range(s["steps"]):
                g = gradient(inputs if options.get("once") else inputs + delta)
                lengths = norm(g) if options.get("whole") else norm(g, axis=1, keepdims=True)
                if options.get("raw"):
                    lengths = 1.0
                delta = delta + options.get("sign", 1.0) * step * g / lengths
                if not options.get("free"):
                    reach = norm(delta, axis=1, keepdims=True)
                    delta = delta * namespace(reach).clip(s["radius"] / reach, None, 1.0)
            return inputs + delta

        return attack

    return make


ATTACK = (
    kit.Deviation("batch-wide normalization", "one norm for the gradient of the whole batch",
                  family=_ascent, options={"whole": True}),
    kit.Deviation("not projected", "the ball is not looked at",
                  family=_ascent, options={"free": True}),
    kit.Deviation("gradient at the inputs", "the gradient is not taken anew",
                  family=_ascent, options={"once": True}),
    kit.Deviation("gradient not normalized", "steps are as long as the gradient",
                  family=_ascent, options={"raw": True}),
    kit.Deviation("descends", "the score falls", family=_ascent, options={"sign": -1.0}),
)  # fmt: skip


def _scores(x: Any) -> Any:
    """Row by row the gradient of a smooth score."""
    xp = namespace(x)
    place = xp.arange(x.shape[1], dtype=x.dtype)
    return xp.cos(1.3 * x + place) + 0.5 * xp.sum(x, axis=1, keepdims=True) * x


def _attacked(settings: Any, rng: Any) -> list[kit.Case]:
    inputs = rng.child("attack").normal((5, 4))
    return [kit.Case("five examples", {"gradient": _scores, "inputs": inputs})]


_attack_values, _attack_hints = kit.settings_of(ProjectedGradientAttack, radius=0.5)

SUBJECTS: tuple[kit.Subject, ...] = (
    kit.function("projected_gradient_attack",
                 "f(gradient, inputs) -> inputs; gradient(inputs) -> one row for each example",
                 _attack, _attacked, settings=_attack_values, hints=_attack_hints,
                 fixed=("start", "low", "high"), alternatives={"step_size": (0.5, 0.1, 0.125)},
                 deviations=ATTACK),
    kit.network_penalty(ENTRIES["gradient_norm"], **_PENALTY),
    kit.network_penalty(ENTRIES["loss_gradient"], targets=_targets, loss="mean_squared_error",
                        contract="f(w1, b1, w2, b2, inputs, targets) -> scalar; network "
                        "w2 tanh(w1 x + b1) + b2, loss of an example ½ |error|²",
                        **_PENALTY),
    kit.network_penalty(ENTRIES["tikhonov"], **_PENALTY),
    kit.network_penalty(ENTRIES["total_variation"], **_PENALTY),
    kit.network_penalty(ENTRIES["graph_smoothness"], **_PENALTY),
    kit.network_penalty(ENTRIES["adversarial_norm"],
                        fixed=("strength", "derivatives", "start")),
    kit.penalty(ENTRIES["spectral_penalty"], name="spectral_penalty",
                alternatives={"power_iterations": (1, 2, 3, 5, 20, 200)}),
    kit.function("spectral_projection", "f(weight) -> weight with singular values of at most limit",
                 _projection, _weights, settings={"limit": 1.2, "jitter": 0.0},
                 alternatives={"jitter": (1e-6,)}, deviations=PROJECTION),
)  # fmt: skip
