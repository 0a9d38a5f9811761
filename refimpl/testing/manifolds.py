"""Hypothesis strategies for points and tangent vectors: Stiefel manifolds, spheres, circles.

>>> from hypothesis import given
>>> from refimpl.testing import assert_tangent, sphere_tangents
>>> @given(sphere_tangents())
... def test_tangents_are_tangent(drawn):
...     assert_tangent(drawn.point, drawn.vector)
>>> test_tangents_are_tangent()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from refimpl.arrays import Array, Backend, namespace
from refimpl.constraints import Circle, Orthogonal
from refimpl.random import Rng
from refimpl.testing.making import orthonormal_matrix
from refimpl.testing.strategies import SEEDS, Range, placed, st


@st.composite
def stiefel_points(
    draw: Callable[[Any], Any],
    columns: Range = (1, 6),
    extra: Range = (0, 6),
    *,
    backend: Backend | None = None,
) -> Array:
    """Matrices with orthonormal columns, uniformly distributed.

    Parameters
    ----------
    columns : tuple of two ints
        Smallest and largest number of columns.
    extra : tuple of two ints
        How many rows more than columns.
    backend : Backend, optional
    """
    m = draw(st.integers(*columns))
    n = m + draw(st.integers(*extra))
    return placed(backend).asarray(orthonormal_matrix(n, m, Rng(draw(SEEDS))))


class Tangent(NamedTuple):
    """A point of a constraint set and a tangent vector there; with ``radius`` on circles."""

    point: Array
    vector: Array
    radius: float = 1.0


def _sized(vector: Array, size: float) -> Array:
    norm = float(namespace(vector).linalg.vector_norm(vector))
    return vector * (size / norm) if norm > 0.0 else vector


@st.composite
def stiefel_tangents(
    draw: Callable[[Any], Any],
    columns: Range = (1, 6),
    extra: Range = (0, 6),
    *,
    size: tuple[float, float] = (1e-3, 1.0),
    backend: Backend | None = None,
) -> Tangent:
    """Points of the Stiefel manifold and tangent vectors of a norm within ``size``.

    Where the manifold is a point pair (one by one), the vector is zero.
    """
    m = draw(st.integers(*columns))
    n = m + draw(st.integers(*extra))
    rng = Rng(draw(SEEDS))
    point = orthonormal_matrix(n, m, rng.child("point"))
    raw = rng.child("vector").normal((n, m))
    flat = Orthogonal((n, m)).project_tangent(point, raw) if (n, m) != (1, 1) else 0.0 * raw
    place = placed(backend)
    vector = _sized(flat, draw(st.floats(*size)))
    return Tangent(place.asarray(point), place.asarray(vector))


@st.composite
def sphere_points(
    draw: Callable[[Any], Any], dimension: Range = (1, 8), *, backend: Backend | None = None
) -> Array:
    """Vectors of length 1, uniformly distributed."""
    n = draw(st.integers(*dimension))
    return placed(backend).asarray(orthonormal_matrix(n, 1, Rng(draw(SEEDS)))[:, 0])


@st.composite
def sphere_tangents(
    draw: Callable[[Any], Any],
    dimension: Range = (2, 8),
    *,
    size: tuple[float, float] = (1e-3, 1.0),
    backend: Backend | None = None,
) -> Tangent:
    """Unit vectors and vectors at right angles to them, of a norm within ``size``."""
    drawn = draw(stiefel_tangents((1, 1), (dimension[0] - 1, dimension[1] - 1), size=size))
    place = placed(backend)
    return Tangent(place.asarray(drawn.point[:, 0]), place.asarray(drawn.vector[:, 0]))


@st.composite
def circle_points(
    draw: Callable[[Any], Any],
    weights: Range = (1, 8),
    *,
    radius: tuple[float, float] = (1e-3, 1e3),
    backend: Backend | None = None,
) -> tuple[Array, float]:
    """Weights and slacks (θ, ξ) along a first axis of length 2, uniform in the angle; the radius.

    Returns
    -------
    strategy of (array of shape (2, n), float)
    """
    place = placed(backend)
    r = draw(st.floats(*radius))
    like = place.zeros((draw(st.integers(*weights)),))
    return Circle(r).random_point(Rng(draw(SEEDS)), like), r


@st.composite
def circle_tangents(
    draw: Callable[[Any], Any],
    weights: Range = (1, 8),
    *,
    radius: tuple[float, float] = (1e-3, 1e3),
    size: tuple[float, float] = (1e-3, 1.0),
    backend: Backend | None = None,
) -> Tangent:
    """Points on circles and tangent vectors; ``size`` is the largest speed over the radius."""
    point, r = draw(circle_points(weights, radius=radius, backend=backend))
    xp = namespace(point)
    raw = Rng(draw(SEEDS)).normal(tuple(point.shape), like=point)
    vector = Circle(r).project_tangent(point, raw)
    fastest = float(xp.max(xp.abs(Circle(r).tangential(point, vector))))
    factor = draw(st.floats(*size)) * r / fastest if fastest > 0.0 else 0.0
    return Tangent(point, vector * factor, r)
