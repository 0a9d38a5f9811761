"""One mode of minimum-norm training by Lagrange multipliers: eigenvalues, radii, step limits.

Near a solution, the weights that descend the augmented Lagrangian and the multipliers that
integrate the error,

    tau_w dw/dt = -w + J^T (lam + rho e),   tau_lam dlam/dt = e,   e = y - f(w),

split into modes (p, q) with a damping h and a curvature c > 0:

1. flow: tau_w p' = -h p + sqrt(c) q, tau_lam q' = -sqrt(c) p, so that the rates are the roots of
   r^2 + (h / tau_w) r + c / (tau_w tau_lam) = 0;
2. simultaneous steps (eta_w = dt / tau_w, eta_lam = dt / tau_lam; both from the old point):
   the matrix [[1 - eta_w h, eta_w sqrt(c)], [-eta_lam sqrt(c), 1]];
3. alternating steps (multipliers see the new weights): the same first row, and the second row
   [-eta_lam sqrt(c) (1 - eta_w h), 1 - eta_w eta_lam c].

A linear model has c = sigma^2 and h = 1 + rho sigma^2 for each singular value sigma of the inputs;
:mod:`refimpl.papers.minnorm.theory.chain` gives c and h of a scalar chain.

The limits of a stable step follow from Jury's criterion for a 2 x 2 matrix of trace T and
determinant Q, |T| < 1 + Q and Q < 1:

====================  ==================================================================
simultaneous          eta_lam c < h   and   4 - 2 eta_w h + eta_w eta_lam c > 0
alternating           0 < h,   eta_w h < 2   and   4 - 2 eta_w h - eta_w eta_lam c > 0
====================  ==================================================================

Minimum-norm training: Y. Bansal, M. Advani, D. Cox, A. Saxe (2018), arXiv 1806.00730. All formulas
here are derived for the method that its abstract describes; none is quoted from the paper.

>>> round(float(step_radius(1.0, 4.0, eta_w=0.5, eta_lam=0.1)), 6)
0.83666
>>> float(largest_multiplier_step(1.0, 4.0, eta_w=0.2, order="alternating"))
4.5
"""

from __future__ import annotations

from typing import Any, Literal

from refimpl.arrays import backend, namespace

Order = Literal["simultaneous", "alternating"]
ORDERS: tuple[Order, ...] = ("simultaneous", "alternating")


def _lift(*values: Any) -> tuple[Any, ...]:
    """The namespace of the arrays among ``values``, and all of them as its arrays."""
    arrays = [value for value in values if not isinstance(value, (int, float))]
    if not arrays:
        place = backend()
        return (place.xp, *(place.asarray(float(value)) for value in values))
    xp = namespace(*arrays)
    like = arrays[0]
    return (
        xp,
        *(
            xp.full_like(like, value) if isinstance(value, (int, float)) else value
            for value in values
        ),
    )


def check_order(order: str) -> None:
    """Raise ValueError unless ``order`` is one of :data:`ORDERS`."""
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")


def check_steps(eta_w: float, eta_lam: float) -> None:
    """Raise ValueError unless both steps are positive."""
    if not (eta_w > 0 and eta_lam > 0):
        raise ValueError(f"steps must be positive, not eta_w={eta_w}, eta_lam={eta_lam}")


def linear_damping(singular_values: Any, rho: float = 0.0) -> Any:
    """h = 1 + rho sigma^2 of each mode of a linear model.

    Examples
    --------
    >>> linear_damping(2.0, rho=0.5)
    3.0
    """
    return 1.0 + rho * singular_values**2


def flow_rates(
    damping: Any, curvature: Any, *, tau_w: float = 1.0, tau_lam: float = 1.0
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """The two roots of r^2 + (h / tau_w) r + c / (tau_w tau_lam) = 0.

    Parameters
    ----------
    damping, curvature : float or array
        h and c >= 0 of each mode.
    tau_w, tau_lam : float
        Time constants, positive.

    Returns
    -------
    ((real, imaginary), (real, imaginary)), each float or array
        The slower root (the larger real part, and the positive imaginary part) first. Real and
        imaginary parts are apart, so that no complex dtype is needed.

    Examples
    --------
    >>> (slow, turn), (fast, back) = flow_rates(2.0, 0.75)
    >>> float(slow), float(fast), float(turn)
    (-0.5, -1.5, 0.0)
    >>> (slow, turn), _ = flow_rates(1.0, 1.25)
    >>> float(slow), float(turn)
    (-0.5, 1.0)
    """
    xp, h, c = _lift(damping, curvature)
    half = -0.5 * h / tau_w
    product = c / (tau_w * tau_lam)
    discriminant = half * half - product
    root = xp.sqrt(xp.abs(discriminant))
    zero = xp.zeros_like(root)
    real = discriminant >= 0
    imaginary = xp.where(real, zero, root)
    # the root far from zero is formed without cancellation; the other follows from the product
    large = xp.where(half <= 0, half - root, half + root)
    safe = xp.where(large == 0, xp.ones_like(large), large)
    small = xp.where(large == 0, zero, product / safe)
    slow = xp.where(real, xp.maximum(large, small), half)
    fast = xp.where(real, xp.minimum(large, small), half)
    return (slow, imaginary), (fast, -imaginary)


def oscillates(damping: Any, curvature: Any, *, tau_w: float = 1.0, tau_lam: float = 1.0) -> Any:
    """Whether the flow of a mode turns around its end point: 4 c / tau_lam > h^2 / tau_w.

    For a linear model with rho = 0 this is sigma^2 > tau_lam / (4 tau_w).

    Examples
    --------
    >>> oscillates(1.0, 0.26), oscillates(1.0, 0.24)
    (True, False)
    """
    return 4.0 * curvature * tau_w > tau_lam * damping * damping


def step_matrix(
    damping: float,
    curvature: float,
    *,
    eta_w: float,
    eta_lam: float,
    order: Order = "simultaneous",
) -> list[list[float]]:
    """The 2 x 2 matrix that one step applies to (weight, multiplier) of a mode.

    Examples
    --------
    >>> step_matrix(1.0, 4.0, eta_w=0.5, eta_lam=0.25)
    [[0.5, 1.0], [-0.5, 1.0]]
    >>> step_matrix(1.0, 4.0, eta_w=0.5, eta_lam=0.25, order="alternating")
    [[0.5, 1.0], [-0.25, 0.5]]
    """
    check_order(order)
    root = curvature**0.5
    keep = 1.0 - eta_w * damping
    if order == "simultaneous":
        return [[keep, eta_w * root], [-eta_lam * root, 1.0]]
    return [[keep, eta_w * root], [-eta_lam * root * keep, 1.0 - eta_w * eta_lam * curvature]]


def step_radius(
    damping: Any,
    curvature: Any,
    *,
    eta_w: float,
    eta_lam: float,
    order: Order = "simultaneous",
) -> Any:
    """Spectral radius of one step on each mode: the error shrinks by this factor.

    Parameters
    ----------
    damping, curvature : float or array
    eta_w, eta_lam : float or array
        Positive.
    order : {"simultaneous", "alternating"}

    Returns
    -------
    array, shape of the inputs

    Examples
    --------
    A mode without curvature keeps its multiplier:

    >>> float(step_radius(1.0, 0.0, eta_w=0.5, eta_lam=0.1))
    1.0
    """
    check_order(order)
    xp, h, c, a, b = _lift(damping, curvature, eta_w, eta_lam)
    coupling = a * b * c
    keep = 1.0 - a * h
    if order == "simultaneous":
        trace, determinant = 1.0 + keep, keep + coupling
    else:
        trace, determinant = 1.0 + keep - coupling, keep
    discriminant = 0.25 * trace * trace - determinant
    root = xp.sqrt(xp.abs(discriminant))
    turning = xp.sqrt(xp.abs(determinant))
    return xp.where(discriminant < 0, turning, 0.5 * xp.abs(trace) + root)


def step_slacks(
    damping: Any,
    curvature: Any,
    *,
    eta_w: float,
    eta_lam: float,
    order: Order = "simultaneous",
) -> dict[str, Any]:
    """The inequalities of a stable step and how far each is from being violated.

    Returns
    -------
    dict of str to float or array
        The inequality, and right-hand side minus left-hand side: all positive just where the
        step is stable.

    Examples
    --------
    >>> step_slacks(1.0, 4.0, eta_w=0.5, eta_lam=0.3)["eta_lam c < h"] < 0
    True
    """
    check_order(order)
    coupling = eta_w * eta_lam * curvature
    doubled = 4.0 - 2.0 * eta_w * damping
    if order == "simultaneous":
        return {
            "eta_lam c < h": damping - eta_lam * curvature,
            "0 < 4 - 2 eta_w h + eta_w eta_lam c": doubled + coupling,
        }
    return {
        "0 < h": damping,
        "eta_w h < 2": 2.0 - eta_w * damping,
        "0 < 4 - 2 eta_w h - eta_w eta_lam c": doubled - coupling,
    }


def step_is_stable(
    damping: Any,
    curvature: Any,
    *,
    eta_w: float,
    eta_lam: float,
    order: Order = "simultaneous",
) -> Any:
    """Whether every inequality of :func:`step_slacks` holds.

    Returns
    -------
    bool or boolean array

    Examples
    --------
    >>> step_is_stable(1.0, 4.0, eta_w=0.5, eta_lam=0.24)
    True
    >>> step_is_stable(1.0, 4.0, eta_w=0.5, eta_lam=0.26)
    False
    """
    slacks = step_slacks(damping, curvature, eta_w=eta_w, eta_lam=eta_lam, order=order)
    stable: Any = True
    for slack in slacks.values():
        stable = stable & (slack > 0)
    return stable


def largest_multiplier_step(
    damping: Any, curvature: Any, *, eta_w: float, order: Order = "simultaneous"
) -> Any:
    """The supremum of the multiplier steps eta_lam that are stable on a mode.

    Simultaneous: h / c. Alternating: (4 - 2 eta_w h) / (eta_w c). Not positive where no multiplier
    step is stable.

    Parameters
    ----------
    damping, curvature : float or array
        The curvature is positive.
    eta_w : float
        Where simultaneous steps also have a lower limit (eta_w h > 2), it is not reported.

    Returns
    -------
    float or array

    Examples
    --------
    With rho = 0 the limit of simultaneous steps does not depend on the weight step:

    >>> [largest_multiplier_step(1.0, 4.0, eta_w=eta_w) for eta_w in (0.1, 1.9)]
    [0.25, 0.25]
    """
    check_order(order)
    if order == "simultaneous":
        return damping / curvature
    return (4.0 - 2.0 * eta_w * damping) / (eta_w * curvature)
