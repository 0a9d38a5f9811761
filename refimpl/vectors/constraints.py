"""The test vectors of the constraints: residual, tangent, projections and a drift of 20 steps.

>>> record = written("sphere")
>>> sorted(record["values"])[:3], len(record["outputs"])
(['normal_part', 'projection', 'residual'], 4)
>>> checked(record)
[]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.constraints import Circle, Orthogonal, Unconstrained, UserConstraint, drift
from refimpl.errors import DataError
from refimpl.random import Rng
from refimpl.testing.measured import size_of
from refimpl.vectors.encoding import decode, distance, encode
from refimpl.vectors.problems import coarse
from refimpl.vectors.refusals import judged, kind_of, outcome
from refimpl.vectors.running import STEPS, recorded, tolerances


class Case(NamedTuple):
    """A constraint, its mathematics in words, its start, and points that it refuses."""

    constraint: Any
    statement: str
    settings: dict[str, Any]
    point: Array
    step_size: float
    refused: dict[str, tuple[str, Any]]


def _normal(name: str, shape: tuple[int, ...]) -> Array:
    return coarse(Rng(1).child("constraints", name).normal(shape))


def _orthonormal(n: int, m: int) -> Array:
    return Orthogonal((n, m)).nearest(_normal(f"{n} by {m}", (n, m))).point


_CIRCLE = (
    "q = (theta, xi), shape (2, n), on circles theta^2 + xi^2 = r^2; tangent part t (xi, -theta)/r "
    "with t = (u_theta xi - u_xi theta)/r; projection: the point of the circle on the line "
    "target - lambda q0 nearest to the increment; nearest: r target/|target|; "
)
_STIEFEL = (
    "q of shape (n, m), n >= m, with q^T q = 1; tangent part u - q (q^T u + u^T q)/2; projection: "
    "target - q0 Lambda, Lambda symmetric, on the branch near q0; nearest: the polar factor; drift "
    "q' = projection of q + h p, p' = tangent part at q' of (q' - q)/h"
)


def _circle(motion: Any) -> Case:
    circle = Circle(1.5, motion)
    angles = _normal("angles", (4,))
    xp = namespace(angles)
    point = 1.5 * xp.stack([xp.sin(angles), xp.cos(angles)])
    far = point + xp.stack([point[1, :], -point[0, :]]) * 1.25
    words = {
        "rotation": "drift: turn by the angle h t/r, and the momentum with it",
        "shake": "drift q' = projection of q + h p, p' = tangent part at q' of (q' - q)/h",
    }[motion]
    refused = {
        "outside": ("extend", 2.0 * point[0, :] + 2.0),
        "not a number": ("extend", xp.full_like(point[0, :], xp.nan)),
        "increment longer than the radius": ("project", far),
        "at the center": ("nearest", 0.0 * point),
    }
    return Case(circle, _CIRCLE + words, {"radius": 1.5, "motion": motion}, point, 0.25, refused)


def _orthogonal(n: int, m: int, **settings: Any) -> Case:
    constraint, point = Orthogonal((n, m), **settings), _orthonormal(n, m)
    xp = namespace(point)
    refused = {
        "not orthonormal": ("extend", 1.5 * point),
        "increment too long": ("project", point + 8.0 * _normal("far", (n, m))),
        "lost rank": ("nearest", xp.ones_like(point) if m > 1 else 0.0 * point),
        "not a number": ("project", xp.full_like(point, xp.nan)),
    }
    given = {"shape": (n, m), **settings}
    return Case(constraint, _STIEFEL, given, point, 0.0625, refused)


def _sphere() -> Case:
    constraint = UserConstraint(lambda w: ad.sum(w * w) - 1.0)
    point = _orthonormal(4, 1)[:, 0]
    refused = {
        "off the sphere": ("extend", 2.0 * point),
        "no such point": ("project", 3.0 * _orthonormal(4, 2)[:, 1]),
        "no nearest point offered": ("nearest", point),
    }
    statement = (
        "a constraint given as a function, g(q) = |q|^2 - 1; tangent part u - J^T (J J^T)^-1 J u; "
        "projection: target - J(q0)^T lambda with g = 0; drift q' = projection of q + h p, "
        "p' = tangent part at q' of (q' - q)/h"
    )
    return Case(constraint, statement, {"function": "|q|^2 - 1"}, point, 0.0625, refused)


def _free() -> Case:
    statement = "no constraint: every projection is the identity, drift q + h p"
    return Case(Unconstrained(), statement, {}, _normal("free", (3, 2)), 0.0625, {})


CASES: dict[str, Callable[[], Case]] = {
    "circle": lambda: _circle("rotation"),
    "circle_shake": lambda: _circle("shake"),
    "orthogonal": lambda: _orthogonal(5, 3),
    "orthogonal_newton": lambda: _orthogonal(5, 3, solver="newton"),
    "orthogonal_square": lambda: _orthogonal(3, 3),
    "orthogonal_column": lambda: _orthogonal(4, 1),
    "sphere": _sphere,
    "unconstrained": _free,
}
"""The constraints by the names of their files."""


def _values(case: Case, q: Array, u: Array, target: Array) -> dict[str, Any]:
    """All functions of the constraint at a point."""
    flat = case.constraint.project_tangent(q, u)
    found = {
        "residual": case.constraint.residual(target),
        "normal_part": case.constraint.tangency(q, u),
        "tangent_part": flat,
        "projection": case.constraint.project(q, target).point,
    }
    if not isinstance(case.constraint, UserConstraint):
        found["nearest"] = case.constraint.nearest(target).point
    return {name: found[name] for name in sorted(found)}


def _drifts(case: Case, q: Array, p: Array) -> list[dict[str, Any]]:
    found = []
    for step in range(1, max(STEPS) + 1):
        q, p, *_ = drift(case.constraint, q, p, case.step_size)
        if step in STEPS:
            found.append({"step": step, "params": q, "memory": p, "diagnostics": {}})
    return found


def case_of(name: str) -> Case:
    """The case of a constraint; DataError if there is none of this name."""
    if name not in CASES:
        raise DataError(f"there is no constraint {name!r} here")
    return CASES[name]()


def written(name: str) -> dict[str, Any]:
    """The record of a constraint."""
    case = case_of(name)
    q = case.point
    u = _normal("vector", tuple(q.shape))
    p = case.constraint.project_tangent(q, u)
    p = p / size_of(p)
    target = q + 0.125 * p + 0.0625 * _normal("off", tuple(q.shape))
    outputs = _drifts(case, q, p)
    bent = case.constraint.project(q, q + 2.0**-50 * p).point
    allowed = tolerances(outputs, _drifts(case, bent, case.constraint.project_tangent(bent, p)))
    return {
        "method": name,
        "variant": "default",
        "kind": "constraint",
        "role": "reference",
        "summary": case.statement.partition(";")[0],
        "source": "standard",
        "note": "",
        "algorithm": "",
        "hyper_parameters": encode(case.settings),
        "problem": f"{case.statement}; outputs: 20 drifts of step size h from q and p",
        "params": encode({"q": q, "p": p, "u": u, "target": target}),
        "step_size": encode(case.step_size),
        "batches": [],
        "extra": {},
        "draws": [],
        "values": encode(_values(case, q, u, target)),
        "outputs": recorded(outputs, allowed),
        "valid": [],
        "invalid": [
            {"what": what, "call": method, "point": encode(point), **kind_of(error)}
            for what, (method, point) in case.refused.items()
            for error in [outcome(_call(case, method, point))]
            if error is not None
        ],
    }


def _call(case: Case, method: str, point: Any) -> Callable[[], Any]:
    arguments = (case.point, point) if method == "project" else (point,)
    return lambda: getattr(case.constraint, method)(*arguments)


def checked(record: Mapping[str, Any]) -> list[str]:
    """Everything in which a constraint differs from its record."""
    case = case_of(record["method"])
    given = decode(record["params"])
    found = []
    values = decode(encode(_values(case, given["q"], given["u"], given["target"])))
    for name, value in decode(record["values"]).items():
        off = distance(values[name], value)
        if not off <= 1e-12:
            found.append(f"{name} differs by {off:.3g}, allowed 1e-12")
    for here, there in zip(_drifts(case, given["q"], given["p"]), record["outputs"], strict=True):
        allowed = decode(there["tolerance"])
        for key in ("params", "memory"):
            if key not in there:
                continue
            off = distance(here[key], decode(there[key]))
            if not off <= allowed:
                found.append(
                    f"step {here['step']}: {key} differ by {off:.3g}, allowed {allowed:.3g}"
                )
    for item in record["invalid"]:
        found += judged(item, outcome(_call(case, item["call"], decode(item["point"]))))
    return found
