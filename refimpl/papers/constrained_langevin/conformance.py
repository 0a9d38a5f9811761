"""What an implementation can be checked against here, and the known deviations.

The noise of a bounded weight is a pair, for θ and for its slack ξ: an array (2, ...). Orthonormal
layers are orthonormal at the start.

>>> [subject.name for subject in SUBJECTS][:4]
['c_cola_od', 'c_cola_ud', 'o_cola_od', 'o_cola_ud']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from refimpl.arrays import namespace
from refimpl.conformance import Case, Deviation, Reference, Subject, function, optimizer, weights
from refimpl.constraints import Circle, Orthogonal, largest, orthogonal_blocks, orthonormal_params
from refimpl.constraints.orthogonal import orthonormal_factor
from refimpl.papers.constrained_langevin import ALGORITHMS
from refimpl.papers.constrained_langevin.c_cola_released import ReleasedCCoLAud
from refimpl.papers.constrained_langevin.deviating import OrthogonalSplitting
from refimpl.papers.constrained_langevin.o_cola_released import ReleasedOCoLAud
from refimpl.papers.constrained_langevin.underdamped import ConstrainedUnderdamped
from refimpl.random import Rng

ENTRIES = {entry.name: entry for entry in ALGORITHMS}
_ORTHOGONAL_FIXED = (
    "solver", "on_failure", "max_halvings", "start", "determinant", "reversibility_check",
)  # fmt: skip
_CIRCLE_FIXED = ("include", "outside", "diagnostics", "on_infeasible")


# --- circles --------------------------------------------------------------------------------------


def _pairs(settings: Any, params: list[Any]) -> list[tuple[int, ...]]:
    return [(2, *leaf.shape) if leaf.ndim > 1 else leaf.shape for leaf in params]


def _apart(algorithm: Any) -> Callable[..., list[Any]]:
    """Draws of an algorithm that asks for θ's before ξ's, leaf after leaf."""

    def spread(draws: Any, params: Any) -> list[Any]:
        queue: list[Any] = []
        for draw in draws:
            for leaf, w in zip(draw, params, strict=True):
                queue += [leaf[0], leaf[1]] if w.ndim > 1 else [leaf]
        return queue

    return spread


def _circle_ud(**settings: Any) -> ConstrainedUnderdamped:
    kept = ("step_size", "friction", "temperature", "splitting", "radii")
    chosen = {name: settings[name] for name in kept}
    return ConstrainedUnderdamped(constraint="circle", **chosen)


def _released_circle(**switches: bool) -> Callable[..., Reference]:
    names = ("xi_after_theta", "stale_gradient", "raw_start", "unchecked_slack")

    def make(**settings: Any) -> Reference:
        kept = ("step_size", "friction", "temperature", "radii")
        chosen: dict[str, Any] = {name: switches.get(name, False) for name in names}
        chosen.update({name: settings[name] for name in kept})
        algorithm = ReleasedCCoLAud(**chosen)
        return Reference(algorithm, _apart(algorithm))

    return make


CIRCLE_UD = (
    Deviation(
        "xi_after_theta=True",
        "released code: the drift takes the new θ in the formula of ξ and leaves the circle",
        family=_released_circle,
        options={"xi_after_theta": True},
    ),
    Deviation(
        "stale_gradient=True",
        "released code: the kick takes the gradient from before the drift",
        family=_released_circle,
        options={"stale_gradient": True},
    ),
    Deviation(
        "raw_start=True",
        "released code: the momenta start at the gradient, and not tangent",
        family=_released_circle,
        options={"raw_start": True},
    ),
    Deviation(
        "xi_after_theta=True, stale_gradient=True and raw_start=True",
        "released code: all that act on weights inside their circles",
        family=_released_circle,
        options={"xi_after_theta": True, "stale_gradient": True, "raw_start": True},
    ),
)


def _off_circles(settings: Mapping[str, Any], params: list[Any]) -> float:
    radius = settings["radii"][0]
    return max(0.0, *(float(largest(w)) / radius - 1.0 for w in params if w.ndim > 1))


# --- orthonormal layers ---------------------------------------------------------------------------


def _orthonormal_start(settings: Any, rng: Rng) -> list[Any]:
    shapes = ((4, 3), (4,), (4, 4), (2, 4), (2,), (5, 2))
    plain = [rng.child("start", i).normal(shape) for i, shape in enumerate(shapes)]
    return orthonormal_params(plain, orthogonal_blocks(plain, settings["free_first"]))


def _tall(algorithm: Any) -> Callable[..., list[Any]]:
    """Draws in the shape of the tall matrices that move."""

    def spread(draws: Any, params: Any) -> list[Any]:
        constraints = algorithm.blocks(list(params)).constraints
        return [
            constraint.tall(leaf) if isinstance(constraint, Orthogonal) else leaf
            for draw in draws
            for constraint, leaf in zip(constraints, draw, strict=True)
        ]

    return spread


def _released_layers(**switches: bool) -> Callable[..., Reference]:
    names = ("stale_normal", "reshaped_start", "fixed_iterations", "unscaled_noise")

    def make(**settings: Any) -> Reference:
        h = settings["step_size"]
        algorithm = ReleasedOCoLAud(
            learning_rate=h * h,
            momentum=math.exp(-settings["friction"] * h),
            temperature=settings["temperature"],
            free_first=settings["free_first"],
            **{name: switches.get(name, False) for name in names},
        )

        def spread(draws: Any, params: Any) -> list[Any]:
            blocks = orthogonal_blocks(list(params), settings["free_first"])
            return [
                c.tall(leaf) if isinstance(c, Orthogonal) else leaf
                for c, leaf in zip(blocks.constraints, draws[0], strict=True)
            ]

        return Reference(algorithm, spread)

    return make


def _splitting(**options: str) -> Callable[..., OrthogonalSplitting]:
    return lambda **settings: OrthogonalSplitting(settings, **options)


LAYERS_UD = (
    Deviation("QR retraction", "the Q factor in place of the projection along the old normal",
              family=_splitting, options={"retraction": "qr"}),
    Deviation("polar retraction", "the nearest point in place of the projection along the normal",
              family=_splitting, options={"retraction": "polar"}),
    Deviation("momentum carried", "after a drift the old momentum is projected, without the force "
              "of the constraint", family=_splitting, options={"momentum": "carried"}),
    Deviation("canonical tangent", "U − Q Uᵀ Q in place of the orthogonal projection",
              family=_splitting, options={"tangent": "canonical"}),
    Deviation("start of the released code", "momenta start at −0.01 h Π ∇V, in the order OBA",
              family=_released_layers, options={}),
    *(
        Deviation(f"{name}=True", "released code, with its start", family=_released_layers,
                  options={name: True})
        for name in ("stale_normal", "fixed_iterations", "unscaled_noise")
    ),
)  # fmt: skip


def _off_stiefel(settings: Mapping[str, Any], params: list[Any]) -> float:
    blocks = orthogonal_blocks(list(params), settings["free_first"])
    return max(
        float(largest(c.residual(c.tall(w))))
        for c, w in zip(blocks.constraints, params, strict=True)
        if isinstance(c, Orthogonal)
    )


# --- the constraints themselves -------------------------------------------------------------------


class StiefelMaps:
    """Projection and tangent projection of one weight under the contract."""

    def __init__(self, method: str = "polar", tangent: str = "euclidean") -> None:
        self.method, self.kind = method, tangent

    def project(self, q: Any) -> Any:
        """The nearest orthonormal matrix, or the Q factor."""
        constraint = Orthogonal(tuple(q.shape))
        return constraint.parameters(orthonormal_factor(constraint.tall(q), self.method))

    def tangent(self, q: Any, u: Any) -> Any:
        """The tangent part of u."""
        constraint = Orthogonal(tuple(q.shape))
        w, v = constraint.tall(q), constraint.tall(u)
        if self.kind == "euclidean":
            found = constraint.project_tangent(w, v)
        elif self.kind == "canonical":
            found = v - w @ (v.mT @ w)
        else:
            found = v - w @ (w.mT @ v)
        return constraint.parameters(found)


class CircleMaps:
    """Projection and tangent projection of pairs (θ, ξ) under the contract."""

    def __init__(self, radius: float = 1.0) -> None:
        self.circle = Circle(radius)

    def project(self, q: Any) -> Any:
        """The nearest point of the circle."""
        return self.circle.nearest(q).point

    def tangent(self, q: Any, u: Any) -> Any:
        """The tangent part of u."""
        return self.circle.project_tangent(q, u)


def _defect(value: Any, arguments: Any) -> float:
    constraint = Orthogonal(tuple(value.shape))
    return float(largest(constraint.residual(constraint.tall(value))))


def _moved(value: Any, arguments: Any) -> float:
    (given, *_) = arguments.values()
    return float(largest(value - given))


def _stiefel_cases(settings: Any, rng: Rng) -> list[Case]:
    found = []
    for name, weight in weights(rng).items():
        point = StiefelMaps().project(weight)
        other = rng.child("direction", name).normal(weight.shape)
        found.append(Case(f"projection, {name}", {"q": weight}, method="project",
                          derived={"residual": _defect}))  # fmt: skip
        found.append(Case(f"projection of a point of the set, {name}", {"q": point},
                          method="project", derived={"moved by": _moved}))  # fmt: skip
        found.append(Case(f"tangent, {name}", {"q": point, "u": other}, method="tangent"))
    return found


def _map_cases(settings: Any, rng: Rng) -> list[Case]:
    found = []
    for name, weight in weights(rng).items():
        found.append(Case(f"image, {name}", {"q": weight}, method="project", whole=False,
                          derived={"residual": _defect}))  # fmt: skip
    return found


def _circle_cases(settings: Any, rng: Rng) -> list[Case]:
    draw = rng.child("circle").normal((2, 3, 4))
    point = CircleMaps(settings["radius"]).project(draw)
    other = rng.child("direction").normal((2, 3, 4))
    xp = namespace(draw)

    def residual(value: Any, arguments: Any) -> float:
        r = settings["radius"]
        return float(xp.max(xp.abs((value[0] / r) ** 2 + (value[1] / r) ** 2 - 1.0)))

    return [
        Case("projection", {"q": draw}, method="project", derived={"residual": residual}),
        Case("tangent", {"q": point, "u": other}, method="tangent"),
    ]


def _clipped_slack(radius: float = 1.0) -> Any:
    class Clipped(CircleMaps):
        def project(self, q: Any) -> Any:
            xp = namespace(q)
            theta = xp.clip(q[0], -radius, radius)
            return xp.stack([theta, xp.sqrt(xp.clip(radius**2 - theta**2, 0.0, None))])

    return Clipped(radius)


_TANGENTS = {
    "method": ("polar", "qr"),
    "tangent": ("euclidean", "canonical", "normal_only"),
}

SUBJECTS: tuple[Subject, ...] = (
    optimizer(ENTRIES["c_cola_od"], draws=_pairs, spread=_apart, fixed=_CIRCLE_FIXED,
              defaults={"temperature": 0.01}, alternatives={"radii": ((2.0,), (0.95,))},
              residual=_off_circles),
    optimizer(ENTRIES["c_cola_ud"], draws=_pairs, make=_circle_ud, fixed=_CIRCLE_FIXED,
              defaults={"temperature": 0.01}, alternatives={"radii": ((2.0,), (0.95,))},
              repeats=lambda s: s["splitting"].count("O"), deviations=CIRCLE_UD,
              residual=_off_circles),
    optimizer(ENTRIES["o_cola_od"], start=_orthonormal_start, spread=_tall,
              defaults={"temperature": 0.01}, fixed=_ORTHOGONAL_FIXED, residual=_off_stiefel),
    optimizer(ENTRIES["o_cola_ud"], start=_orthonormal_start, spread=_tall,
              defaults={"temperature": 0.01}, fixed=_ORTHOGONAL_FIXED, deviations=LAYERS_UD,
              repeats=lambda s: s["splitting"].count("O"), residual=_off_stiefel),
    optimizer(ENTRIES["constrained_od"], start=_orthonormal_start, spread=_tall,
              defaults={"temperature": 0.01}, fixed=(*_ORTHOGONAL_FIXED, "constraint", "radii",
              "circle_motion", "user"), residual=_off_stiefel),
    optimizer(ENTRIES["constrained_ud"], start=_orthonormal_start, spread=_tall,
              defaults={"temperature": 0.01}, fixed=(*_ORTHOGONAL_FIXED, "constraint", "radii",
              "circle_motion", "user"), repeats=lambda s: s["splitting"].count("O"),
              deviations=LAYERS_UD, residual=_off_stiefel),
    function("orthogonal", "project(q) and tangent(q, u); rows of a wide q are orthonormal",
             StiefelMaps, _stiefel_cases, kind="constraint", common="constraint",
             settings={"method": "polar", "tangent": "euclidean"}, alternatives=_TANGENTS),
    function("orthogonal_map", "project(q) -> any orthonormal matrix of the shape of q",
             StiefelMaps, _map_cases, kind="constraint",
             settings={"method": "polar", "tangent": "euclidean"},
             fixed=("method", "tangent")),
    function("circle", "project(q) and tangent(q, u), q = (θ, ξ) of shape (2, ...)",
             CircleMaps, _circle_cases, kind="constraint", settings={"radius": 1.0},
             common="constraint",
             deviations=(Deviation("weight clipped, slack made anew",
                                   "θ is clipped to ±r and ξ computed from it, ≥ 0",
                                   instead=_clipped_slack),)),
)  # fmt: skip
