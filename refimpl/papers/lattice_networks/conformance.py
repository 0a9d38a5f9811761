"""Known deviations of implementations, as settings of the reference.

No code of the authors was released, so these are mistakes that are easily made and readings that
differ; each is a setting whose effect a comparison shows.

>>> [deviation.name for deviation in DEVIATIONS][:2]
['untailored', 'coarse_constants']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl import conformance as kit
from refimpl.papers.lattice_networks import ALGORITHMS
from refimpl.papers.lattice_networks.lattices import Lattice
from refimpl.papers.lattice_networks.restricted import DecayHinge, DecayProjection
from refimpl.papers.lattice_networks.tailored import TailoredPenalty, weighted_squares

DEVIATIONS = (
    kit.Known(
        "untailored",
        "plain weight decay on the first layer: unimportant inputs keep their columns",
        {"form": "l2"},
        "TailoredPenalty",
    ),
    kit.Known(
        "coarse_constants",
        "n!, 2^n n! and 1.1 n! bound the derivatives of sigmoid, tanh and swish (recalled as the "
        "papers'): Q is larger, and the first layer is held smaller than the bound needs",
        {"constants": "coarse"},
        "DecayProjection",
    ),
    kit.Known(
        "constant_growth",
        "Q is treated as a constant in the gradient of the hinge: later layers are not pulled",
        {"through_growth": False},
        "DecayHinge",
    ),
    kit.Known(
        "natural_order",
        "points in the order k/N: the first 2^m of them are no lattice, training can not be "
        "stopped early and extended",
        {"order": "natural"},
        "Lattice",
    ),
    kit.Known(
        "degenerate_vector",
        "entries that share a factor with N are allowed: projections repeat points",
        {"degenerate": True},
        "Lattice",
    ),
    kit.Known(
        "inputs_not_centered",
        "the first layer sees y instead of 2y − 1: the decay that it has to match doubles",
        {"inputs": "plain"},
        "SmoothNetwork",
    ),
)
"""All of them, apart from one that no setting offers: points formed in float32, which are no
lattice for large N (see :mod:`refimpl.papers.lattice_networks.lattices`)."""


# --- what an implementation can be checked against ------------------------------------------------

ENTRIES = {entry.name: entry for entry in ALGORITHMS}


def _two_layers(kind: type) -> Callable[..., Any]:
    """A penalty of two weights, differentiable in both."""

    def make(**settings: Any) -> Callable[..., Any]:
        part = kind(**settings)
        return lambda w0, w1: part.value([w0, w1], None, None, (), None)[0]

    return make


def _tailored_as(exponent: float, first_only: bool = False, rows: bool = False) -> Any:
    """Weights of the columns (or rows) of the first layer to another power of b."""

    def make(**s: Any) -> Callable[..., Any]:
        def penalty(w0: Any, w1: Any) -> Any:
            n = w0.shape[0] if rows else w0.shape[1]
            factors = [float(j) ** (s["power"] * exponent) for j in range(1, n + 1)]
            first = ad.matrix_transpose(w0) if rows else w0
            like = ad.value(w0)
            column = kit.array_like(factors, like)
            weights = [first] if first_only else [first, w1]
            return s["strength"] * weighted_squares(weights, column)

        return penalty

    return make


TAILORED = (
    kit.Deviation("untailored", "plain weight decay on the first layer", {"form": "l2"}),
    kit.Deviation("b for b²", "squares are divided by b, not by b²", instead=_tailored_as(1.0)),
    kit.Deviation("multiplied by b²", "important inputs are punished most",
                  instead=_tailored_as(-2.0)),
    kit.Deviation("first layer alone", "later layers do not decay",
                  instead=_tailored_as(2.0, first_only=True)),
    kit.Deviation("rows for columns", "the decay is laid on neurons, not on inputs",
                  instead=_tailored_as(2.0, rows=True)),
)  # fmt: skip


def _layers(settings: Any, rng: Any) -> list[kit.Case]:
    found = []
    for name, (outputs, hidden, inputs) in {"a": (2, 5, 4), "b": (3, 4, 6)}.items():
        draw = rng.child(name)
        arguments = {"w0": draw.normal((hidden, inputs)), "w1": draw.normal((outputs, hidden))}
        sizes = {"hidden": hidden, "inputs": inputs, "outputs": outputs}
        found.append(kit.Case(name, arguments, sizes))
    return found


def _clipped(**settings: Any) -> Callable[..., Any]:
    part = DecayProjection(**settings)
    return lambda w0, w1: part.project([w0, w1], (), 0, None)[0][0]


def _points(size: int = 16, order: str = "natural") -> Callable[..., Any]:
    def points(vector: Any) -> Any:
        entries = tuple(int(z) for z in vector)
        return Lattice(size=size, vector=entries, order=order).points()  # type: ignore[arg-type]

    return points


def _vectors(settings: Any, rng: Any) -> list[kit.Case]:
    draw = rng.child("vector").integers(0, settings["size"] // 2, (4,))
    return [kit.Case("vector", {"vector": 2 * draw + 1})]


def _shifted(change: Callable[[Any, int], Any]) -> Callable[..., Any]:
    def make(size: int = 16, order: str = "natural") -> Callable[..., Any]:
        return lambda vector: change(_points(size, order)(vector), size)

    return make


LATTICE = (
    kit.Deviation("natural order", "k / N in place of the radical inverse", {"order": "natural"}),
    kit.Deviation("van der Corput order", "the radical inverse in place of k / N",
                  {"order": "van_der_corput"}),
    kit.Deviation("first point left out", "k counts from 1", instead=_shifted(
        lambda points, n: kit.rolled(points))),
    kit.Deviation("centered", "half a step is added", instead=_shifted(
        lambda points, n: points + 0.5 / n)),
    kit.Deviation("divided by N − 1", "points reach 1", instead=_shifted(
        lambda points, n: points * (n / (n - 1.0)))),
)  # fmt: skip

_PART = {"kind": "function", "common": "network", "differentiate": ("w0", "w1")}


def _part(name: str, kind: type, **more: Any) -> kit.Subject:
    values, hints = kit.settings_of(kind, **{**ENTRIES[name].defaults, "strength": 1.0})
    values = {field: value for field, value in values.items() if field != "decay"}
    options = {"fixed": ("strength",), **_PART, **more}
    return kit.function(name, "f(w0, w1) -> scalar; the inputs' columns are w0's",
                        _two_layers(kind), _layers, settings=values, hints=hints,
                        **options)  # fmt: skip


_values, _hints = kit.settings_of(DecayProjection)
_values.pop("decay")

SUBJECTS: tuple[kit.Subject, ...] = (
    _part("lattice_tailored", TailoredPenalty, deviations=TAILORED),
    _part("lattice_l2", TailoredPenalty, fixed=("strength", "power")),
    _part("lattice_hinge", DecayHinge, alternatives={
        "activation": ("swish", "sigmoid", "tanh", "sin")}),
    kit.function("lattice_projection", "f(w0, w1) -> the first weight, clipped", _clipped,
                 _layers, settings=_values, hints=_hints,
                 alternatives={"activation": ("swish", "sigmoid", "tanh", "sin")}),
    kit.function("lattice_points", "f(vector) -> points (N, s) of the lattice", _points, _vectors,
                 settings={"size": 16, "order": "natural"}, fixed=("size", "order"),
                 deviations=LATTICE),
)  # fmt: skip
