"""What an implementation can be checked against here, and the known deviations.

Penalties are taken of one hidden layer; random projections, their starts and groups are arguments.

>>> [deviation.name for deviation in ENERGY][:2]
['released constants', 'antipodes missing']
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import backend_of, device, namespace
from refimpl.conformance import Deviation, Subject, penalty
from refimpl.papers.hyperspherical_energy import ALGORITHMS
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy

ENTRIES = {entry.name: entry for entry in ALGORITHMS}


def _hidden(weight: Any) -> list[Any]:
    """A network whose only hidden layer is the weight; the output layer is not penalized."""
    return [weight, namespace(weight).eye(2, dtype=weight.dtype, device=device(weight))]


def _squares(s: dict[str, Any], weight: Any, how: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Squared distances of all directions, to their opposites, and of each to its own opposite."""
    square = ad.sum(weight * weight, axis=1, keepdims=True)
    added = how.get("added", 0.0)
    lengths = (
        ad.sqrt(square) + added if added else ad.sqrt(square + how.get("inside", s["epsilon"]))
    )
    unit = weight / (ad.stop_gradient(lengths) if how.get("detached") else lengths)
    product = ad.matmul(unit, ad.matrix_transpose(unit))
    if not how.get("differences"):
        return 2.0 - 2.0 * product, 2.0 + 2.0 * product, 4.0 + 0.0 * square
    own = ad.sum(unit * unit, axis=1, keepdims=True)
    both = own + ad.matrix_transpose(own)
    return both - 2.0 * product, both + 2.0 * product, 4.0 * own


def _kernel(s: dict[str, Any], squares: Any, more: float = 0.0) -> Any:
    """The energy of pairs at these squared distances; ``more`` is added to them, or to angles."""
    if s["metric"] == "angular":
        angle = ad.arccos(ad.clip(1.0 - 0.5 * squares, -1.0, 1.0)) + more
        return -1.0 * ad.log(angle) if s["s"] == 0 else angle ** (-s["s"])
    return -0.5 * ad.log(squares + more) if s["s"] == 0 else (squares + more) ** (-0.5 * s["s"])


def _energy(**how: Any) -> Callable[..., Any]:
    """The energy with one thing done in another way.

    Parameters
    ----------
    added : float
        To the lengths of the neurons, where the reference would add to their squares.
    inside : float
        To the squared lengths.
    more : float
        To the squared distances, or angles.
    differences : bool
        Distances are those of the vectors, not 2 − 2 c, which counts where lengths are not 1.
    detached : bool
        Lengths have no gradient.
    nearest : bool
        Of a neuron and its antipode, only the nearer one repels.
    own : bool
        The diagonal counts, with distance 1.
    """

    def make(**s: Any) -> Callable[..., Any]:
        more = how.get("more", 0.0)

        def energy(weight: Any, *rest: Any) -> Any:
            near, far, antipode = _squares(s, weight, how)
            n = weight.shape[0]
            eye = backend_of(ad.value(weight)).eye(n)
            near, far = ad.where(eye > 0, 1.0 + 0.0 * near, near), ad.where(eye > 0, 1.0, far)
            off = 1.0 - eye
            if how.get("nearest"):
                total = ad.sum(off * _kernel(s, ad.minimum(near, far), more))
                return s["strength"] * total / (n * (n - 1))
            total, points = ad.sum(off * _kernel(s, near, more)), n
            if s["space"] == "half":
                total = total + ad.sum(off * _kernel(s, far, more))
                total = 2.0 * (total + ad.sum(_kernel(s, antipode, more)))
                points = 2 * n
            if how.get("own"):
                total = total + points * (1.0 if s["s"] else 0.0)
            return s["strength"] * total / (points * (points - 1))

        return energy

    return make


def _lines(**s: Any) -> Callable[..., Any]:
    names = ("s", "metric", "epsilon", "kernel")
    lines = HypersphericalEnergy(
        space="half", reduction="lines", **{name: s[name] for name in names}
    )
    return lambda weight, *rest: s["strength"] * lines(weight)


def _without_own(**s: Any) -> Callable[..., Any]:
    def energy(weight: Any, *rest: Any) -> Any:
        n = weight.shape[0]
        return _lines(**s)(weight) / (n * (n - 1))

    return energy


ENERGY = (
    Deviation(
        "released constants",
        "1e-4 in the squared norms, and the released code's constants of the kernels",
        {"epsilon": 1e-4, "kernel": "released"},
    ),
    Deviation(
        "antipodes missing",
        "neurons repel as points, not as lines: a neuron and its opposite count as far apart",
        {"space": "full"},
    ),
    Deviation(
        "only the nearer antipode",
        "the absolute cosine is used: of ±w only the nearer one repels",
        family=_energy, options={"nearest": True},
    ),
    Deviation(
        "own antipodes missing",
        "in half space the pair of a neuron and its own antipode is left out, and the mean is over "
        "N (N − 1) pairs of lines",
        instead=_without_own,
    ),
    Deviation(
        "sum over pairs of lines", "in half space: not divided, own antipodes left out",
        instead=_lines,
    ),
    Deviation(
        "lengths detached in the gradient",
        "the value is right; in the gradient lengths are constants, so that it is not tangential",
        family=_energy, options={"detached": True, "differences": True},
    ),
    Deviation(
        "lengths detached in the gradient of the cosines",
        "the value is right; in the gradient lengths are constants, so that it is not tangential",
        family=_energy, options={"detached": True},
    ),
    Deviation(
        "diagonal counted",
        "a neuron's distance to itself, set to 1, enters the sum",
        family=_energy, options={"own": True},
    ),
    *(
        Deviation(
            f"{value:g} added to the {what}",
            "a guard that the paper does not have; it changes the value and the gradient",
            family=_energy,
            options={option: value, **more},
        )
        for what, option, more in (
            ("lengths", "added", {"differences": True}),
            ("lengths, distances by cosines", "added", {}),
            ("squared lengths, distances by differences", "inside", {"differences": True}),
            ("squared distances", "more", {}),
        )
        for value in (1e-12, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3)
    ),
)  # fmt: skip

_POWERS = {"s": (0.0, 1.0, 2.0, 3.0, 4.0)}
_FIXED = ("strength", "output_strength", "decay", "decay_form", "output_form", "subset")


def _projections(settings: Any, weight: Any, rng: Any) -> dict[str, Any]:
    shape = (settings["projections"], settings["dimension"], weight.shape[1])
    return {"projections": rng.normal(shape)}


def _one_projection(settings: Any, weight: Any, rng: Any) -> dict[str, Any]:
    scale = 1.0 / math.sqrt(settings["dimension"])
    return {"projection": scale * rng.normal((settings["dimension"], weight.shape[1]))}


def _one_pole(settings: Any, weight: Any, rng: Any) -> dict[str, Any]:
    return {"pole": rng.normal((weight.shape[1],))}


def _order(settings: Any, weight: Any, rng: Any) -> dict[str, Any]:
    return {"order": rng.permutation(weight.shape[1])}


_DRAWN = ("dimension", "projections", "redraw_every", "sharing", "project_first")
_LEARNED = ("dimension", "project_first")

SUBJECTS: tuple[Subject, ...] = (
    penalty(
        ENTRIES["mhe"], params=_hidden, defaults={"output_strength": 0.0}, deviations=ENERGY,
        alternatives=_POWERS, fixed=_FIXED, invariances=("scale", "rotation"),
    ),
    penalty(
        ENTRIES["comhe_random"], params=_hidden, draws=_projections,
        contract="f(weight, projections) -> scalar; row = neuron, projections (C, k, n)",
        defaults={"output_strength": 0.0, "dimension": 3, "projections": 4, "s": 1.0},
        alternatives=_POWERS, fixed=(*_FIXED, *_DRAWN), invariances=("scale",),
    ),
    penalty(
        ENTRIES["comhe_angle"], params=_hidden, draws=_one_projection,
        contract="f(weight, projection) -> scalar after the steps on the projection (k, n)",
        defaults={"output_strength": 0.0, "dimension": 3},
        alternatives=_POWERS, fixed=(*_FIXED, *_LEARNED),
    ),
    penalty(
        ENTRIES["comhe_adversarial"], params=_hidden, draws=_one_projection,
        contract="f(weight, projection) -> scalar after the ascent of the projection (k, n)",
        defaults={"output_strength": 0.0, "dimension": 3, "inner_steps": 2, "inner_rate": 0.01,
                  "s": 1.0},
        alternatives=_POWERS, fixed=(*_FIXED, *_LEARNED),
    ),
    penalty(
        ENTRIES["comhe_group"], params=_hidden, draws=_order,
        contract="f(weight, order) -> scalar; group c holds the coordinates order[c::groups]",
        defaults={"output_strength": 0.0, "groups": 1},
        alternatives={**_POWERS, "groups": (1, 2, 3)}, fixed=(*_FIXED, "size", "redraw_every"),
    ),
    penalty(
        ENTRIES["hyperspherical_uniformity"], params=_hidden,
        defaults={"output_strength": 0.0, "strength": 1.0},
    ),
    penalty(
        ENTRIES["hyperspherical_pole"], params=_hidden, draws=_one_pole,
        contract="f(weight, pole) -> scalar after the steps of the pole (n,)",
        defaults={"output_strength": 0.0, "strength": 1.0, "inner_rate": 0.01},
    ),
)  # fmt: skip
