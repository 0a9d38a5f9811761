r"""The angle between two randomly projected neurons: its exact law, and the printed theorems.

P is k x n with independent N(0, σ²) entries, c = cos θ(w_1, w_2) and r = cos θ(P w_1, P w_2).

Exact law (derived). The k pairs ((P w_1)_l, (P w_2)_l) are independent bivariate normal with
correlation c, so r is their sample correlation about the known mean 0. Its law is Fisher's (1915),
with k for his N − 1; neither n nor the norms enter. With z = artanh r and ζ = artanh c,

    p(z) = (k−1) Γ(k) / (√(2π) Γ(k+½)) (cosh z / cosh ζ)^{1/2} cosh(z − ζ)^{−(k−½)}
           x ₂F₁(½, ½; k+½; (1 + c r)/2)

which is smooth and falls off as exp(−(k−1)|z − ζ|): probabilities are sums over Gauss nodes in z.

Theorem 1 (angle preservation I, as shown by the paper's first author):

    (c − ε)/(1 + ε) < r < (c + ε)/(1 − ε)  with probability (1 − 2 exp(−k ε²/8))²

*False as printed*: for k ε² < 8 log 2 the square turns a negative number into a large
probability, and the bounds are wrong for c < 0 at any k ε². The corrected interval is
:func:`theorem_one` with ``corrected=True``, for k ε² > 8 log 2 and Gaussian P.

Theorem 2 (angle preservation II; recalled, re-derived here):

    (1+ε)/(1−ε) c − 2ε/(1−ε) < r < (1−ε)/(1+ε) c + (1+2ε)/(1+ε) − √(1−ε²)/(1+ε)

with probability at least 1 − 6 exp(−(k/2)(ε²/2 − ε³/3)). *True*: the squared lengths of P w_1,
P w_2 and of the difference of the two directions, each within 1 ± ε, give it for every c.

Source: R. Lin et al., "Regularizing Neural Networks via Minimizing Hyperspherical Energy", CVPR
2020 (arXiv 1906.04892). What is marked derived is not in the paper as far as is known.

====== ================ ========== ==============
symbol name             symbol     name
====== ================ ========== ==============
c      ``cosine``       k          ``projected``
r      ``value``        ε          ``epsilon``
====== ================ ========== ==============

>>> statement = theorem_one(0.0, 40, 0.1)
>>> true = probability(statement.low, statement.high, cosine=0.0, projected=40)
>>> round(statement.probability, 3), round(true, 3)
(0.814, 0.469)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from refimpl.arrays import namespace
from refimpl.errors import InfeasibleError


def _check(cosine: float, projected: int) -> None:
    if not -1.0 < cosine < 1.0:
        raise ValueError(f"the cosine must lie strictly between -1 and 1, not {cosine!r}")
    if projected < 2:
        raise InfeasibleError(
            "the projected angle has a density for two dimensions or more", projected=projected
        )


def _log_constant(k: int) -> float:
    # Γ(k)/Γ(k+½) = B(k, ½)/√π, which loses no digits for large k
    from scipy.special import beta

    return math.log((k - 1.0) * float(beta(k, 0.5)) / (math.pi * math.sqrt(2.0)))


def _hypergeometric(a: float, c: float, x: Any) -> Any:
    """₂F₁(a, a; c; x) for 0 <= x < 1 and a <= 1."""
    from scipy.special import hyp2f1

    if c < 50.0:
        return hyp2f1(a, a, c, x)
    # SciPy overflows for large integer c − 2a near x = 1; these 30 terms leave less than 1e-20
    total = term = 1.0 + 0.0 * x
    for n in range(30):
        term = term * x * ((a + n) ** 2 / ((c + n) * (n + 1.0)))
        total = total + term
    return total


def density(value: Any, *, cosine: float, projected: int) -> Any:
    """Density of r = cos θ(P w_1, P w_2).

    Parameters
    ----------
    value : float or NumPy array
        Strictly between −1 and 1.
    cosine : float
        c, strictly between −1 and 1.
    projected : int
        k >= 2.

    Returns
    -------
    float or array like ``value``

    Raises
    ------
    ValueError, InfeasibleError
        For a cosine out of range; for k < 2.

    Examples
    --------
    >>> round(float(density(0.3, cosine=0.0, projected=3)), 12)
    0.5
    """
    _check(cosine, projected)
    k = projected
    xp = math if isinstance(value, (int, float)) else namespace(value)
    exponent = (
        _log_constant(k)
        + 0.5 * k * math.log1p(-cosine * cosine)
        + 0.5 * (k - 3.0) * xp.log1p(-value * value)
        - (k - 0.5) * xp.log1p(-cosine * value)
    )
    return xp.exp(exponent) * _hypergeometric(0.5, k + 0.5, 0.5 * (1.0 + cosine * value))


@functools.cache
def _gauss() -> Any:
    from scipy.special import roots_legendre

    return roots_legendre(16)


def _log_cosh(xp: Any, z: Any) -> Any:
    sinh = xp.sinh(z)
    return 0.5 * xp.log1p(sinh * sinh)


def _nodes(
    cosine: float, projected: int, low: float = -math.inf, high: float = math.inf, growth: int = 0
) -> tuple[Any, Any]:
    """Gauss nodes z = artanh r in [low, high], and their weights times the density p(z).

    The nodes reach to where exp(growth |z|) p(z) has fallen by exp(-42).
    """
    k = projected
    if not growth < k - 1:
        raise InfeasibleError(
            "the projected angle has no such moment: the projection is too small",
            projected=k,
            least=growth + 2,
        )
    center = math.atanh(cosine)
    reach = math.acosh(math.exp(42.0 / (k - 1.0 - growth)))
    first, last = max(low, center - reach), min(high, center + reach)
    nodes, weights = _gauss()
    xp = namespace(nodes)
    if not first < last:
        return nodes * 0.0, weights * 0.0
    panels = math.ceil((last - first) / min(0.6, 1.5 / math.sqrt(k)))
    width = (last - first) / panels
    starts = first + width * xp.arange(panels, dtype=nodes.dtype)
    z = xp.reshape(starts[:, None] + 0.5 * width * (1.0 + nodes), (-1,))
    weights = xp.reshape(0.5 * width * weights + 0.0 * starts[:, None], (-1,))
    exponent = (
        _log_constant(k)
        + 0.5 * (_log_cosh(xp, z) - _log_cosh(math, center))
        - (k - 0.5) * _log_cosh(xp, z - center)
    )
    series = _hypergeometric(0.5, k + 0.5, 0.5 * (1.0 + cosine * xp.tanh(z)))
    return z, weights * xp.exp(exponent) * series


def probability(low: float, high: float, *, cosine: float, projected: int) -> float:
    """P(low < r < high), to about 1e-13.

    Parameters
    ----------
    low, high : float
        Any floats; outside of [−1, 1] they bound nothing.
    cosine, projected
        As in :func:`density`.

    Examples
    --------
    >>> round(probability(-1.0, 0.0, cosine=0.0, projected=7), 12)
    0.5
    """
    _check(cosine, projected)
    first, last = (
        math.atanh(x) if -1.0 < x < 1.0 else math.copysign(math.inf, x) for x in (low, high)
    )
    weights = _nodes(cosine, projected, first, last)[1]
    return float(namespace(weights).sum(weights))


def expectation(
    function: Callable[[Any, Any], Any], *, cosine: float, projected: int, poles: float = 0.0
) -> float:
    """E f(r), by quadrature in z = artanh r.

    Parameters
    ----------
    function : callable
        Gets the arrays 1 − r and 1 + r, neither of which has lost digits, and returns f.
    cosine, projected
        As in :func:`density`.
    poles : float
        p where f grows as (1 ∓ r)^{-p} towards an end; the mean exists iff p < (k − 1)/2.

    Raises
    ------
    InfeasibleError
        Where the mean does not exist; with the least k of which it does.

    Examples
    --------
    >>> def energy(below, above):
    ...     return 1.0 / (below * above)
    >>> round(expectation(energy, cosine=0.0, projected=8, poles=1), 9)
    1.2
    """
    _check(cosine, projected)
    z, weights = _nodes(cosine, projected, growth=math.ceil(2.0 * poles))
    xp = namespace(z)
    # 1 - tanh z = 2 / (1 + exp(2 z)), without cancellation
    below, above = 2.0 / (1.0 + xp.exp(2.0 * z)), 2.0 / (1.0 + xp.exp(-2.0 * z))
    return float(xp.sum(weights * function(below, above)))


def mean(cosine: float, projected: int) -> float:
    """E r = c (2/k) [Γ((k+1)/2)/Γ(k/2)]² ₂F₁(½, ½; (k+2)/2; c²): biased towards 0.

    Examples
    --------
    >>> mean(0.0, 5), round(mean(0.5, 10), 6)
    (0.0, 0.480822)
    """
    _check(cosine, projected)
    k = projected
    ratio = math.exp(2.0 * (math.lgamma(0.5 * (k + 1)) - math.lgamma(0.5 * k)))
    return float(cosine * 2.0 / k * ratio * _hypergeometric(0.5, 0.5 * (k + 2), cosine**2))


def second_moment(cosine: float, projected: int) -> float:
    """E r² = 1 − (1 − c²) ((k−1)/k) ₂F₁(1, 1; (k+2)/2; c²); the variance is near (1 − c²)²/k.

    Examples
    --------
    >>> round(second_moment(0.0, 5), 12)
    0.2
    """
    _check(cosine, projected)
    k = projected
    series = _hypergeometric(1.0, 0.5 * (k + 2), cosine**2)
    return float(1.0 - (1.0 - cosine**2) * (k - 1) / k * series)


def dot_product_variance(cosine: Any, projected: Any, common: Any = 0.0) -> Any:
    """Variance of P w_1 · P w_2 for unit vectors and entries of variance 1/k; its mean is c.

    (1 + c²)/k for Gaussian entries; for entries ±1/√k, (1 + c² − 2 Σ_i w_{1i}² w_{2i}²)/k.

    Parameters
    ----------
    cosine, projected, common : float or array
        ``common`` is Σ_i w_{1i}² w_{2i}² for entries ±1/√k, and 0 for Gaussian entries.

    Returns
    -------
    float or array

    Examples
    --------
    >>> dot_product_variance(0.5, 10), dot_product_variance(1.0, 10, common=1.0)
    (0.125, 0.0)
    """
    return (1.0 + cosine**2 - 2.0 * common) / projected


def lost_direction(keep: float, projected: int) -> float:
    """P(P e_1 = 0) for a P whose entries are zero unless kept, each with probability ``keep``.

    Such entries are sub-Gaussian with mean 0, but the projected angle is then undefined.

    Examples
    --------
    >>> round(lost_direction(0.01, 40), 3)
    0.669
    """
    return (1.0 - keep) ** projected


class Statement(NamedTuple):
    """low < r < high with at least this probability, it is said."""

    low: float
    high: float
    probability: float


def _check_epsilon(epsilon: float, projected: int) -> None:
    if not 0.0 < epsilon < 1.0:
        raise ValueError(f"epsilon must lie strictly between 0 and 1, not {epsilon!r}")
    if projected < 1:
        raise InfeasibleError("a projection has one dimension or more", projected=projected)


def theorem_one_applies(projected: int, epsilon: float) -> bool:
    """Whether k ε² > 8 log 2: below, 2 exp(−k ε²/8) > 1 and the claimed probability is void.

    Examples
    --------
    >>> theorem_one_applies(40, 0.1), theorem_one_applies(80, 0.5)
    (False, True)
    """
    return projected * epsilon**2 > 8.0 * math.log(2.0)


def theorem_one(
    cosine: float, projected: int, epsilon: float, *, corrected: bool = False
) -> Statement:
    """Theorem 1 as printed, or corrected.

    Corrected (derived; checked against the exact law, not proved): each end is divided by the
    factor that moves it outwards, low = (c−ε)/(1 + ε sgn(c−ε)), high = (c+ε)/(1 − ε sgn(c+ε)),
    for Gaussian P and k ε² > 8 log 2. It is the printed form for c >= 0, turned by c → −c.

    Parameters
    ----------
    cosine : float
    projected : int
        k.
    epsilon : float
        In (0, 1).
    corrected : bool

    Raises
    ------
    ValueError, InfeasibleError
        For ε out of range; corrected, where k ε² <= 8 log 2.

    Examples
    --------
    >>> theorem_one(-0.5, 100, 0.5)[:2]
    (-0.6666666666666666, 0.0)
    >>> theorem_one(-0.5, 100, 0.5, corrected=True).low
    -2.0
    """
    _check_epsilon(epsilon, projected)
    claimed = (1.0 - 2.0 * math.exp(-0.125 * projected * epsilon**2)) ** 2
    below, above = cosine - epsilon, cosine + epsilon
    if not corrected:
        return Statement(below / (1.0 + epsilon), above / (1.0 - epsilon), claimed)
    if not theorem_one_applies(projected, epsilon):
        raise InfeasibleError(
            "Theorem 1 says nothing for k epsilon^2 <= 8 log 2",
            projected=projected,
            epsilon=epsilon,
            least=8.0 * math.log(2.0) / epsilon**2,
        )
    low = below / (1.0 + math.copysign(epsilon, below))
    return Statement(low, above / (1.0 - math.copysign(epsilon, above)), claimed)


def theorem_two(cosine: float, projected: int, epsilon: float) -> Statement:
    """Theorem 2; the claimed probability may be negative, and then says nothing.

    Examples
    --------
    >>> statement = theorem_two(0.5, 200, 0.5)
    >>> statement.low, round(statement.probability, 4)
    (-0.5, 0.9986)
    """
    _check_epsilon(epsilon, projected)
    ratio = (1.0 + epsilon) / (1.0 - epsilon)
    low = ratio * cosine - 2.0 * epsilon / (1.0 - epsilon)
    root = math.sqrt(1.0 - epsilon**2)
    high = cosine / ratio + (1.0 + 2.0 * epsilon - root) / (1.0 + epsilon)
    tail = math.exp(-0.5 * projected * (0.5 * epsilon**2 - epsilon**3 / 3.0))
    return Statement(low, high, 1.0 - 6.0 * tail)


def crossovers(epsilon: float) -> tuple[float, float]:
    """The cosines below which Theorem 1's lower and upper bounds are tighter than Theorem 2's.

    (1 + 3ε)/(3 + ε) and (1 − 3ε² − (1−ε)√(1−ε²))/(3ε − ε²).

    Examples
    --------
    >>> round(crossovers(0.5)[0], 12)
    0.714285714286
    """
    _check_epsilon(epsilon, 1)
    root = math.sqrt(1.0 - epsilon**2)
    lower = (1.0 + 3.0 * epsilon) / (3.0 + epsilon)
    upper = (1.0 - 3.0 * epsilon**2 - (1.0 - epsilon) * root) / (3.0 * epsilon - epsilon**2)
    return lower, upper
