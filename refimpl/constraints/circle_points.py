"""Points of a circle θ² + ξ² = r²: of a weight, nearest to a point, and ahead by an angle.

Every function takes θ and ξ apart, arrays of any one shape, and is a formula of single entries;
large arrays are taken in pieces (:mod:`refimpl.elementwise`). No angle of a point is ever computed:
with θ = r sin φ and ξ = r cos φ, the point at φ + a is

    θ' = θ cos a + ξ sin a,   ξ' = ξ cos a − θ sin a,

and the nearest point of (x, y) is r (x, y)/√(x² + y²).

>>> import numpy as np
>>> theta, xi = rotated(np.array([0.3]), np.array([0.4]), np.array([2.0 * np.pi]), 0.5)
>>> np.round(theta, 12), np.round(xi, 12)
(array([0.3]), array([0.4]))
"""

from __future__ import annotations

from refimpl.arrays import Array, eps, keep_where, namespace, range_unwatched, squares_in_range
from refimpl.elementwise import extremes_in_pieces, in_pieces, sine_and_cosine
from refimpl.errors import InfeasibleError


def slack_of(theta: Array, radius: float) -> Array:
    """ξ = √(r² − θ²) of weights inside their circle.

    Examples
    --------
    >>> import numpy as np
    >>> slack_of(np.array([3.0]), 5.0)
    array([4.])
    """
    xp = namespace(theta)
    sine = theta / radius  # r² may leave the range of the dtype where r does not
    return radius * xp.sqrt(xp.clip((1.0 - sine) * (1.0 + sine), 0.0, None))


def nearest(x: Array, y: Array, radius: float) -> tuple[Array, Array]:
    """r (x, y)/|(x, y)|: the point of the circle at the angle of (x, y), without trigonometry.

    A point that lies on the circle to rounding stays where it is.

    Raises
    ------
    InfeasibleError
        If a point lies at the center of its circle.

    Examples
    --------
    >>> import numpy as np
    >>> nearest(np.array([6e200]), np.array([8e200]), 1.0)
    (array([0.6]), array([0.8]))
    """

    def formula(x: Array, y: Array) -> tuple[Array, Array]:
        xp = namespace(x, y)
        with range_unwatched():
            square = x * x + y * y
        if not squares_in_range(square):
            return _nearest_of_any_size(x, y, radius)
        scale = radius / xp.sqrt(square)
        scale = xp.where(xp.abs(scale - 1.0) > 2.0 * eps(x), scale, 1.0)
        return x * scale, y * scale

    return in_pieces(formula, x, y)


def _nearest_of_any_size(x: Array, y: Array, radius: float) -> tuple[Array, Array]:
    xp = namespace(x, y)
    size = xp.maximum(xp.abs(x), xp.abs(y))
    if bool(xp.any(size == 0.0)):
        raise InfeasibleError(
            "a point at the centre of its circle has no nearest point; use a smaller step",
            radius=radius,
        )
    a, b = x / size, y / size
    scale = radius / xp.sqrt(a * a + b * b)
    off = xp.abs(scale - size) > 2.0 * eps(x) * size
    return xp.where(off, a * scale, x), xp.where(off, b * scale, y)


def rotated(theta: Array, xi: Array, angle: Array, radius: float) -> tuple[Array, Array]:
    """The point of the circle that is ``angle`` ahead of (θ, ξ): at φ + angle.

    Examples
    --------
    >>> import numpy as np
    >>> theta, xi = rotated(np.zeros(1), np.ones(1), np.array([np.pi / 2]), 1.0)
    >>> np.round(theta, 12), np.round(xi, 12)
    (array([1.]), array([0.]))
    """

    def formula(theta: Array, xi: Array, angle: Array) -> tuple[Array, Array]:
        return _turned(theta, xi, *sine_and_cosine(angle), radius)

    return in_pieces(formula, theta, xi, angle)


def turned(
    theta: Array, xi: Array, sine: Array, cosine: Array, radius: float
) -> tuple[Array, Array]:
    """(θ, ξ) rotated by the angle of this sine and cosine."""
    return in_pieces(
        lambda theta, xi, sine, cosine: _turned(theta, xi, sine, cosine, radius),
        theta, xi, sine, cosine,
    )  # fmt: skip


def _turned(
    theta: Array, xi: Array, sine: Array, cosine: Array, radius: float
) -> tuple[Array, Array]:
    """The rotation, with the rounding of the radius taken out before it can build up; a point that
    does not turn stays where it is."""
    x, y = theta * cosine + xi * sine, xi * cosine - theta * sine
    excess = keep_where(_square(x, y, radius, 0.5) - 0.5, sine != 0.0)
    factor = 1.0 - excess  # of 1/√(1 + 2 excess): the square of the excess is below rounding
    return x * factor, y * factor


def largest_residual(theta: Array, xi: Array, radius: float) -> Array:
    """The largest |θ² + ξ² − r²|/r², 0-d.

    Examples
    --------
    >>> import numpy as np
    >>> float(largest_residual(np.array([0.0, 3.0]), np.array([1.0, 0.0]), 1.0))
    8.0
    """

    low, high = extremes_in_pieces(lambda x, y: _square(x, y, radius), theta, xi)
    return namespace(low).maximum(high - 1.0, 1.0 - low)


def _square(x: Array, y: Array, radius: float, times: float = 1.0) -> Array:
    """(x² + y²)/r² times a number; r² may leave the range of the dtype where r does not."""
    if 1e-15 < radius < 1e15:
        return (times / (radius * radius)) * (x * x + y * y)
    x, y = x * (1.0 / radius), y * (1.0 / radius)
    return times * (x * x + y * y)
