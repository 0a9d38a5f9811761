"""Known deviations of implementations of AMP, and the setting here that has the same effect.

>>> [item.name for item in DEVIATIONS if not item.switch]
['restored by subtraction', 'statistics of perturbed passes', 'no inner step fails', 'name of ε']
"""

from __future__ import annotations

from typing import NamedTuple


class Deviation(NamedTuple):
    """A way in which an implementation differs from the printed algorithm.

    Attributes
    ----------
    name : str
    what : str
        What it does, and what follows.
    switch : str
        The setting of the reference that does the same; empty where none does.
    """

    name: str
    what: str
    switch: str = ""


DEVIATIONS = (
    Deviation(
        "a ball for each tensor",
        "both released forms project each weight matrix and each bias on its own, so that all "
        "together may be sqrt(number of tensors) times longer; the published radii belong to this",
        "norm='per_tensor', the default; norm='global' is the other reading",
    ),
    Deviation(
        "intervals and factors",
        "the first released form can clamp every entry, and scale the radius tensor by tensor",
        "norm='linf', scales=(...)",
    ),
    Deviation(
        "constant in the projection",
        "divides by the norm plus 1e-12 (first form: 1e-6), which leaves the perturbation shorter",
        "stabilizer=1e-12",
    ),
    Deviation(
        "clipped gradients",
        "the optimizer clips gradients to norm 50 in every pass, the first form in the last only",
        "limit_where='everywhere' or 'descent', gradient_limit=50",
    ),
    Deviation(
        "reported loss",
        "the first form reports the loss at the perturbed parameters",
        "reported='perturbed'",
    ),
    Deviation(
        "law of random perturbation",
        "half-width sqrt(eps / entries): mean squared length eps / 3, called an l2 norm of eps",
        "RandomPerturbation(match='released'), the default; match='rms' has eps^2",
    ),
    Deviation(
        "rescaled instead of projected",
        "a common mistake: the perturbation is always stretched to length eps, which is SAM",
        "SAM(radius=..., norm='per_tensor')",
    ),
    Deviation(
        "decay inside the ascent",
        "a common mistake: weight decay is part of the loss that is raised",
        "put the decay into the objective instead of the penalties",
    ),
    Deviation(
        "restored by subtraction",
        "the perturbation is subtracted again, with rounding: about 1e-7 a step in float32",
    ),
    Deviation(
        "statistics of perturbed passes",
        "normalization layers count every batch N + 1 times, N of them at perturbed parameters; "
        "here a stateful objective remembers its pass at the parameters themselves",
    ),
    Deviation("no inner step fails", "N = 0 passes the checks and then raises; here it is inert"),
    Deviation("name of ε", "an example in the code passes eps=..., which the class does not take"),
)
