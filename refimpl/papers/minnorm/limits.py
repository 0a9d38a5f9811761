"""The step sizes and the damping at which Minnorm on linear models is stable.

The limits are derived. With η = η_w, λ-step l = η_λ, h = 1 + ρ σ² for a singular
value σ of the inputs, a mode of shallow regression is stable just where

* simultaneous: l σ² < h and 4 − 2 η h + η l σ² > 0;
* alternating: η h < 2 and 4 − 2 η h − η l σ² > 0,

and 0 < η < 2 for what the inputs do not span. A chain of D weights with product s, fed by inputs
of power q = sum x², is stable near its balanced solution, with c = D s^(2−2/D), r = q ρ, l = q η_λ
and h = 2 − D + r c, just where 0 < η < 1 and

* simultaneous: l c < h and 4 − 2 η h + η l c > 0;
* alternating: h > 0, η h < 2 and 4 − 2 η h − η l c > 0.

For margins the limits are those of all constraints active at once: sufficient, and not always
necessary.

>>> shallow_limit(eta=0.2, multiplier_rate=1.0, damping=0.0, order="alternating", gain=18.5)
('4 - 2 eta_w h - eta_w eta_lam sigma^2 > 0', -0.10000000000000009, 0.0)
"""

from __future__ import annotations

from refimpl.arrays import Array, namespace

Breach = tuple[str, float, float]
"""An inequality that does not hold, its left-hand side and its right-hand side."""


def shallow_limit(
    *, eta: float, multiplier_rate: float, damping: float, order: str, gain: float
) -> Breach | None:
    """The first inequality of the shallow step limits that fails, or None.

    Parameters
    ----------
    eta, multiplier_rate, damping : float
        η_w, η_λ and ρ.
    order : {"simultaneous", "alternating"}
    gain : float
        σ² of the stiffest mode; smaller ones are stable when this one is and η_w < 2.

    Returns
    -------
    (inequality, left, right) or None

    Examples
    --------
    >>> shallow_limit(eta=0.2, multiplier_rate=1.0, damping=0.0, order="alternating", gain=17.5)
    >>> shallow_limit(eta=0.2, multiplier_rate=1.0, damping=0.0, order="simultaneous", gain=1.5)
    ('eta_lam sigma^2 < h', 1.5, 1.0)
    """
    h = 1.0 + damping * gain
    if not eta < 2.0:
        return "eta_w < 2", eta, 2.0
    return _pair_limit(eta, multiplier_rate * gain, h, order, "sigma^2")


def chain_limit(
    *,
    eta: float,
    multiplier_rate: float,
    damping: float,
    order: str,
    depth: int,
    slope: float,
    gain: float = 1.0,
) -> Breach | None:
    """The first inequality of the chain's local limits that fails, or None.

    Parameters
    ----------
    eta, multiplier_rate, damping, order
        As in :func:`shallow_limit`.
    depth : int
        D, at least 2.
    slope : float
        s, positive.
    gain : float
        q, the sum of the squared inputs.

    Examples
    --------
    >>> chain_limit(eta=0.01, multiplier_rate=0.01, damping=0.1, order="alternating",
    ...             depth=3, slope=2.0)
    ('rho c > D - 2', 0.7559526299369239, 1.0)
    """
    c = depth * slope ** (2.0 - 2.0 / depth)
    r, step = gain * damping, gain * multiplier_rate
    h = 2.0 - depth + r * c
    if not eta < 1.0:
        return "eta_w < 1", eta, 1.0
    if not r * c > depth - 2:
        return "rho c > D - 2", r * c, float(depth - 2)
    return _pair_limit(eta, step * c, h, order, "c")


def critical_damping(
    depth: int,
    slope: float,
    *,
    gain: float = 1.0,
    multiplier_rate: float = 0.0,
    order: str = "alternating",
) -> float:
    """ρ above which the balanced chain is locally stable, for steps η_w small enough.

    Parameters
    ----------
    depth : int
    slope, gain : float
        s and q.
    multiplier_rate : float
        η_λ, which counts in the simultaneous order; 0 is the flow.

    Examples
    --------
    >>> round(critical_damping(3, 2.0), 5), round(critical_damping(4, 2.0), 5)
    (0.13228, 0.17678)
    """
    critical = (depth - 2) / (depth * slope ** (2.0 - 2.0 / depth)) / gain
    return critical + (multiplier_rate if order == "simultaneous" else 0.0)


def _pair_limit(eta: float, drive: float, h: float, order: str, name: str) -> Breach | None:
    if order == "simultaneous":
        if not drive < h:
            return f"eta_lam {name} < h", drive, h
        left = 4.0 - 2.0 * eta * h + eta * drive
        return None if left > 0 else (f"4 - 2 eta_w h + eta_w eta_lam {name} > 0", left, 0.0)
    if not eta * h < 2.0:
        return "eta_w h < 2", eta * h, 2.0
    left = 4.0 - 2.0 * eta * h - eta * drive
    return None if left > 0 else (f"4 - 2 eta_w h - eta_w eta_lam {name} > 0", left, 0.0)


def largest_gain(inputs: Array) -> float:
    """The square of the largest singular value of ``inputs``, shape (P, n).

    Examples
    --------
    >>> import numpy as np
    >>> largest_gain(np.asarray([[3.0, 0.0], [0.0, 2.0]]))
    9.0
    """
    xp = namespace(inputs)
    tall = inputs.shape[0] > inputs.shape[1]
    gram = inputs.mT @ inputs if tall else inputs @ inputs.mT
    return float(xp.linalg.eigvalsh(gram)[-1])
