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
from typing import Any, NamedTuple

from refimpl.algorithms.adversarial_training import AdversarialTraining
from refimpl.algorithms.attacks import ProjectedGradientAttack, normalized_rows
from refimpl.papers.rkhs_norm import released
from refimpl.papers.rkhs_norm.adversarial_norm import AdversarialNorm
from refimpl.papers.rkhs_norm.deformation_norm import DeformationNorm, TangentNorm
from refimpl.papers.rkhs_norm.gradient_norm import GradientNorm
from refimpl.papers.rkhs_norm.spectral_penalty import leading
from refimpl.papers.rkhs_norm.spectral_projection import SpectralProjection


class Deviation(NamedTuple):
    """A known difference.

    Attributes
    ----------
    name : str
    what : str
        What the other implementation does, and what follows from it.
    here, there : callable
        Makes or does it as in this package, and as in the other implementation.
    """

    name: str
    what: str
    here: Callable[..., Any]
    there: Callable[..., Any]


DEVIATIONS = (
    Deviation(
        "lost guard",
        "Released code: the guard against a zero gradient is applied to a copy and discarded; a "
        "dead network makes the adversarial penalty NaN.",
        normalized_rows,
        released.adversarial_step,
    ),
    Deviation(
        "projection of zero",
        "Released code: the l2 attack projects by dividing by |d|; an example that did not move "
        "becomes NaN.",
        ProjectedGradientAttack,
        released.euclidean_projection,
    ),
    Deviation(
        "batch-wide normalization",
        "A common mistake: one norm for the gradient of the whole batch, with a guard of 1e-5 that "
        "a mean loss reaches early; most examples move too little and robust accuracy looks high.",
        normalized_rows,
        released.batch_normalized_step,
    ),
    Deviation(
        "spectral jitter",
        "Released code: the projection goes through eigenvalues of WᵀW + 1e-6 I and is idempotent "
        "to 5e-7 / τ only.",
        SpectralProjection,
        functools.partial(SpectralProjection, jitter=1e-6),
    ),
    Deviation(
        "late normalization",
        "Released code: power iteration is normalized once at the end and overflows float32 from "
        "some twenty iterations.",
        leading,
        released.power_iteration,
    ),
    Deviation(
        "selector",
        "Released code takes the largest signed gain of each output, as the definition does; other "
        "implementations take the largest change of either sign.",
        AdversarialNorm,
        functools.partial(AdversarialNorm, selector="absolute"),
    ),
    Deviation(
        "average instead of largest",
        "A common variant: slopes are averaged over the batch, which is Tikhonov regularization.",
        GradientNorm,
        functools.partial(GradientNorm, reduction="mean"),
    ),
    Deviation(
        "random start",
        "Released code starts the linf attack at random in training, and the l2 attack at zero "
        "unless asked.",
        AdversarialTraining,
        functools.partial(AdversarialTraining, norm="linf", start="random"),
    ),
    Deviation(
        "wrong reference",
        "Released code: the worst deformation is chosen by differences to the outputs of other "
        "images.",
        DeformationNorm,
        released.deformation_selector,
    ),
    Deviation(
        "power one",
        "Released code: the example of the tangent penalty is chosen by a sum of signed "
        "derivatives, which can cancel.",
        TangentNorm,
        released.tangent_selector,
    ),
)
