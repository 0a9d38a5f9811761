"""Targets with a known decay of the inputs' importance: an algebraic one and parametric diffusion.

* Algebraic: F(y) = 1 / (1 + Σ_j b_j m(y_j)), which mimics the parametric PDE and has
  ∂^ν F = (−1)^n n! b^ν F^{n+1}, n = |ν|, where m(y) = y − ½.
* Diffusion: −(a u')' = 1 on (0, 1), u(0) = u(1) = 0, a(x) = 1 + Σ_j b_j sin(jπx) m(y_j),
  observed at x = ½. Exactly, a u' = C − x with C = ∫(t/a) / ∫(1/a), and u(½) = ∫_0^½ (C − t)/a.

m(y) = y − ½, or sin(2πy)/√6 for the periodic model, which has the same variance 1/12. Inputs beyond
their range are allowed only as far as the denominators stay positive for y in [0, 1]^s.

Sources: arXiv 2603.02809 (abstract: an algebraic equation that mimics the parametric PDE; the PDE);
the closed form of the diffusion is derived.

>>> import numpy as np
>>> float(AlgebraicTarget(decay=(0.5, 0.125))(np.array([0.5, 0.5])))
1.0
>>> round(float(DiffusionTarget(decay=(0.5, 0.125))(np.array([0.5, 0.5]))), 12)
0.125
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

from refimpl import autodiff as ad
from refimpl.checks import flag, plain_numbers
from refimpl.errors import SettingError
from refimpl.papers.lattice_networks.decay import as_array
from refimpl.papers.lattice_networks.weights import positive_sequence

_NODES = 40  # on each half of (0, 1), beside two for every wave of the coefficient


def parameter_map(points: Any, periodic: bool) -> Any:
    """m(y): y − ½ or sin(2πy)/√6."""
    if periodic:
        return ad.sin((2.0 * math.pi) * points) / math.sqrt(6.0)
    return points - 0.5


def largest_sum(decay: tuple[float, ...], periodic: bool) -> float:
    """The largest |Σ b_j m(y_j)|: ½ Σ b_j, or Σ b_j / √6."""
    return math.fsum(decay) * (1.0 / math.sqrt(6.0) if periodic else 0.5)


@dataclass(frozen=True, kw_only=True)
class AlgebraicTarget:
    """F(y) = 1 / (1 + Σ_j b_j m(y_j)).

    Parameters
    ----------
    decay : tuple of float
        b_1 .. b_s, positive, Σ b_j < 2 (periodic: < √6).
    periodic : bool

    Raises
    ------
    SettingError
        If a b_j is not positive, or their sum makes F singular.

    Examples
    --------
    >>> AlgebraicTarget(decay=(1.0, 1.0))
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: the decay is too large: the denominator reaches 0 (smallest=0)
    """

    decay: tuple[float, ...]
    periodic: bool = False

    def __post_init__(self) -> None:
        plain_numbers(self)
        _check(self, "the denominator reaches 0")

    def __call__(self, points: Any) -> Any:
        """F at points of shape (.., s), shape (..); differentiable."""
        weighted = as_array(self.decay, points) * parameter_map(points, self.periodic)
        return 1.0 / (1.0 + ad.sum(weighted, axis=-1))


@dataclass(frozen=True, kw_only=True)
class DiffusionTarget:
    """u(½) of −(a u')' = 1, u(0) = u(1) = 0, with the coefficient a of the parameters.

    The integrals are Gauss-Legendre sums on either half, exact to rounding for smooth a.

    Parameters
    ----------
    decay : tuple of float
        b_1 .. b_s, positive, with a_min = 1 − max |Σ b_j m| > 0.
    periodic : bool

    Raises
    ------
    SettingError
        If a b_j is not positive, or a_min <= 0.

    Examples
    --------
    >>> import numpy as np
    >>> decay = tuple(0.5 / j**2 for j in range(1, 11))
    >>> y = 0.5 + 0.5 * np.cos(np.arange(1.0, 11.0))
    >>> round(float(DiffusionTarget(decay=decay)(y)), 13)
    0.119331035819
    """

    decay: tuple[float, ...]
    periodic: bool = False

    def __post_init__(self) -> None:
        plain_numbers(self)
        _check(self, "the diffusion coefficient reaches 0")

    def coefficient(self, points: Any, x: tuple[float, ...]) -> Any:
        """a at places ``x``, shape (.., places); differentiable in the points."""
        waves = [[b * math.sin((j + 1) * math.pi * t) for t in x] for j, b in enumerate(self.decay)]
        like = ad.value(points)
        matrix = as_array(tuple(v for row in waves for v in row), like)
        matrix = ad.reshape(matrix, (len(self.decay), len(x)))
        return 1.0 + ad.matmul(parameter_map(points, self.periodic), matrix)

    def __call__(self, points: Any) -> Any:
        """u(½) at points of shape (.., s), shape (..); differentiable."""
        nodes, weights = _half_rule(_NODES + 2 * len(self.decay))
        places = (*nodes, *(t + 0.5 for t in nodes))
        inverse = 1.0 / self.coefficient(points, places)
        both = as_array((*weights, *weights), points)
        at = as_array(places, points)
        flux = ad.sum(inverse * (both * at), axis=-1) / ad.sum(inverse * both, axis=-1)
        left = inverse[..., : len(nodes)]
        w, t = as_array(weights, points), as_array(nodes, points)
        return flux * ad.sum(left * w, axis=-1) - ad.sum(left * (w * t), axis=-1)


def _check(target: Any, what: str) -> None:
    flag("periodic", target.periodic)
    object.__setattr__(target, "decay", positive_sequence("decay", target.decay))
    smallest = 1.0 - largest_sum(target.decay, target.periodic)
    if smallest <= 0.0:
        raise SettingError(f"the decay is too large: {what}", smallest=smallest)


@functools.lru_cache(maxsize=16)
def _half_rule(count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Gauss-Legendre nodes and weights on (0, ½)."""
    from scipy.special import roots_legendre

    nodes, weights = roots_legendre(count)
    return (
        tuple(float(0.25 * (node + 1.0)) for node in nodes),
        tuple(float(0.25 * weight) for weight in weights),
    )
