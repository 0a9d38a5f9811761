r"""Hyperspherical energy: configurations whose energy is known exactly, bounds and limits.

Energies here are sums over unordered pairs, E_s = Σ_{i<j} f_s(‖ŵ_i − ŵ_j‖) with f_s(z) = z^{-s}
and f_0(z) = −log z, of N unit vectors in R^n. Half space is E_s summed over the lines:
Σ_{i<j} [f_s(‖ŵ_i − ŵ_j‖) + f_s(‖ŵ_i + ŵ_j‖)].

1. Jensen on the convex kernel and Σ_{ij} c_ij = ‖Σ ŵ_i‖² >= 0 give the simplex bound for every N;
   a regular simplex attains it where it fits, N <= n + 1.
2. In half space, s > 0, the kernel is convex in c² and Σ_{ij} c_ij² >= N²/n (Welch), so that
   equiangular tight frames are optimal; for N <= n the optimum is an orthonormal set.
3. For 0 <= s < n − 1 the mean energy of uniform directions is the integral I_s, a Beta function,
   and the minimal energy per pair tends to it.

Sources: W. Liu et al., "Learning towards Minimum Hyperspherical Energy", NeurIPS 2018 (arXiv
1805.09298) for the energies. The closed forms, bounds and energies at initialisation are derived;
the constants of the asymptotics on S² are conjectures of the literature (Kuijlaars and Saff 1998;
Brauchart, Hardin and Saff 2012) and are named so.

=============== ===========================================
symbol          name
=============== ===========================================
s               ``s``
N, n            ``neurons``, ``dimension``
E_s             the value of the functions ``*_energy``
I_s             ``uniform_energy``
=============== ===========================================

>>> simplex_energy(2.0, 4), orthonormal_energy(2.0, 4), root_system_energy(2.0)
(2.25, 6.0, 16550.0)
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from refimpl.errors import InfeasibleError

EULER_GAMMA = 0.5772156649015328606


def _check(s: float, neurons: int = 2, dimension: int = 2) -> None:
    if not 0.0 <= s < math.inf:
        raise ValueError(f"s must be non-negative and finite, not {s!r}")
    if neurons < 2:
        raise InfeasibleError("an energy needs two neurons or more", neurons=neurons)
    if dimension < 2:
        raise InfeasibleError("directions need two dimensions or more", dimension=dimension)


def kernel(s: float, distance: float) -> float:
    """f_s(z) = z^{-s}, or −log z for s = 0.

    Examples
    --------
    >>> kernel(2.0, 2.0), kernel(0.0, 1.0) + 0.0
    (0.25, 0.0)
    """
    _check(s)
    return _of_square(s, distance * distance)


def _of_square(s: float, square: float) -> float:
    return -0.5 * math.log(square) if s == 0 else square ** (-0.5 * s)


def energy_of_cosines(s: float, pairs: Iterable[tuple[float, float]], space: str = "full") -> float:
    """The energy of a configuration, given how often each cosine occurs.

    Parameters
    ----------
    s : float
    pairs : iterable of (cosine, count)
        Over unordered pairs.
    space : {"full", "half"}

    Returns
    -------
    float

    Examples
    --------
    The octahedron has 12 right angles and 3 antipodes:

    >>> energy_of_cosines(2.0, [(0.0, 12), (-1.0, 3)])
    6.75
    """
    total = 0.0
    for cosine, count in pairs:
        each = _of_square(s, 2.0 - 2.0 * cosine)
        if space == "half":
            each += _of_square(s, 2.0 + 2.0 * cosine)
        total += count * each
    return total


def circle_energy(s: float, neurons: int) -> float:
    """Minimal energy on the circle: the N-th roots of unity.

    Closed forms for s = 0, 1 and 2, the sum over chords otherwise: −(N/2) log N,
    (N/4) Σ csc(πk/N) and N(N² − 1)/24.

    Examples
    --------
    >>> circle_energy(2.0, 5), round(circle_energy(1.0, 3), 12)
    (5.0, 1.732050807569)
    """
    _check(s, neurons)
    if s == 0:
        return -0.5 * neurons * math.log(neurons)
    if s == 2:
        return neurons * (neurons**2 - 1) / 24.0
    chords = (2.0 * math.sin(math.pi * k / neurons) for k in range(1, neurons))
    return 0.5 * neurons * math.fsum(chord**-s for chord in chords)


def simplex_energy(s: float, neurons: int) -> float:
    """Energy of a regular simplex of N points, c = −1/(N − 1).

    A lower bound of E_s for every N and n, attained iff N <= n + 1.

    Examples
    --------
    >>> simplex_energy(2.0, 3)
    1.0
    """
    _check(s, neurons)
    pairs = 0.5 * neurons * (neurons - 1)
    return energy_of_cosines(s, [(-1.0 / (neurons - 1), pairs)])


def orthonormal_energy(s: float, neurons: int) -> float:
    """Half-space energy of N orthonormal lines: the minimum for N <= n.

    Examples
    --------
    >>> orthonormal_energy(2.0, 3)
    3.0
    """
    _check(s, neurons)
    return energy_of_cosines(s, [(0.0, 0.5 * neurons * (neurons - 1))], "half")


def welch_bound(s: float, neurons: int, dimension: int) -> float:
    """Lower bound of the half-space energy: all lines at the Welch angle.

    c² = max(0, (N − n)/(n(N − 1))); for s = 2 and N >= n it is n(N − 1)²/(2(n − 1)). Attained iff
    the lines form an orthonormal set or an equiangular tight frame.

    Examples
    --------
    >>> round(welch_bound(2.0, 6, 3), 12), round(welch_bound(2.0, 28, 7), 12)
    (18.75, 425.25)
    """
    _check(s, neurons, dimension)
    square = max(0.0, (neurons - dimension) / (dimension * (neurons - 1)))
    pairs = 0.5 * neurons * (neurons - 1)
    return energy_of_cosines(s, [(math.sqrt(square), pairs)], "half")


def cross_polytope_energy(s: float, dimension: int) -> float:
    """Energy of the 2n points ±e_i; for s = 2, n/4 + n(n − 1).

    Examples
    --------
    >>> cross_polytope_energy(2.0, 3)
    6.75
    """
    _check(s, 2, dimension)
    return energy_of_cosines(s, [(0.0, 2 * dimension * (dimension - 1)), (-1.0, dimension)])


def root_system_energy(s: float, space: str = "full") -> float:
    """Energy of the 240 roots of E8, or in half space of their 120 lines.

    From one root, 56 others lie at cosine 1/2, 126 at 0, 56 at −1/2 and 1 at −1.

    Examples
    --------
    >>> root_system_energy(2.0, "half")
    8260.0
    """
    _check(s)
    if space == "half":
        return energy_of_cosines(s, [(0.5, 60 * 56), (0.0, 60 * 63)], "half")
    return energy_of_cosines(s, [(0.5, 120 * 56), (0.0, 120 * 126), (-0.5, 120 * 56), (-1.0, 120)])


def uniform_energy(s: float, dimension: int) -> float:
    """I_s: the mean of f_s(‖u − v‖) over independent uniform directions of R^n.

    With a = (n − 1)/2: 2^{-s} B(a − s/2, a)/B(a, a), and −log 2 − (ψ(a) − ψ(2a))/2 for s = 0.
    For s = 2 it is (n − 2)/(2(n − 3)).

    Raises
    ------
    InfeasibleError
        For s >= n − 1, where the integral diverges.

    Examples
    --------
    >>> round(uniform_energy(1.0, 3), 12), round(uniform_energy(2.0, 4), 12)
    (1.0, 1.0)
    """
    from scipy.special import betaln, digamma

    _check(s, 2, dimension)
    if not s < dimension - 1:
        raise InfeasibleError(
            "the energy of uniform directions is infinite for s >= n - 1",
            s=s,
            dimension=dimension,
        )
    a = 0.5 * (dimension - 1)
    if s == 0:
        return float(-math.log(2.0) - 0.5 * (digamma(a) - digamma(2.0 * a)))
    return float(math.exp(-s * math.log(2.0) + betaln(a - 0.5 * s, a) - betaln(a, a)))


def initial_energy(s: float, neurons: int, dimension: int, space: str = "full") -> float:
    """Expected energy of Gaussian (so uniform) neurons, as the mean over pairs of points.

    Full space: I_s. Half space, over the N(2N − 1) pairs of the 2N points, own antipodes
    included: (f_s(2) + 2(N − 1) I_s)/(2N − 1).

    Examples
    --------
    >>> round(initial_energy(2.0, 128, 1152, "half"), 9)
    0.499453062
    """
    uniform = uniform_energy(s, dimension)
    _check(s, neurons)
    if space == "full":
        return uniform
    return (kernel(s, 2.0) + 2.0 * (neurons - 1) * uniform) / (2 * neurons - 1)


def initial_gradient_norm(neurons: int, dimension: int, norm: float, space: str = "full") -> float:
    """Frobenius norm of the gradient of the mean s = 2 energy at Gaussian neurons of one norm.

    2/(N ‖w‖ √n) in half space; 1/(N ‖w‖) in full space, whatever the dimension. To leading order
    in large n and N (derived).

    Examples
    --------
    >>> round(initial_gradient_norm(64, 576, 2**0.5, "half"), 6)
    0.000921
    """
    _check(2.0, neurons, dimension)
    if space == "full":
        return 1.0 / (neurons * norm)
    return 2.0 / (neurons * norm * math.sqrt(dimension))


def asymptotic_constant(s: float) -> float:
    """The conjectured constant of the second term of the minimal energy on S².

    On the sphere of R³, over unordered pairs:

    * s = 0: E = −(N²/4) log(4/e) − (N/4) log N + C N
    * 0 < s < 4, s ≠ 2: E = I_s N²/2 + C N^{1 + s/2}; for s > 2 the first term is by continuation
    * s = 2: E = (N²/8) log N + C N²

    C comes from the hexagonal lattice and its zeta function 6 ζ(s/2) L_{-3}(s/2). Conjectured in
    the literature, not proved.

    Returns
    -------
    float
        C; for s = 2 half of the constant −0.0857684 that belongs to ordered pairs.

    Examples
    --------
    >>> round(asymptotic_constant(1.0), 6), round(2 * asymptotic_constant(2.0), 7)
    (-0.553051, -0.0857684)
    >>> round(2 * asymptotic_constant(0.0), 7)
    -0.0556053
    """
    _check(s)
    third = math.lgamma(1.0 / 3.0)
    if s == 0:
        whole = 2 * math.log(2.0) + 0.5 * math.log(2.0 / 3.0)
        return 0.5 * (whole + 3 * (0.5 * math.log(math.pi) - third))
    if s == 2:
        # γ_1(2/3) − γ_1(1/3) of the generalised Stieltjes constants, by Almkvist and Meurman
        stieltjes = math.pi / math.sqrt(3.0) * (EULER_GAMMA + math.log(6.0 * math.pi))
        stieltjes -= math.pi * math.sqrt(3.0) * (third - math.lgamma(2.0 / 3.0))
        plain = 0.25 * (EULER_GAMMA - math.log(2.0 * math.sqrt(3.0) * math.pi))
        return 0.5 * (plain + math.sqrt(3.0) / (4.0 * math.pi) * stieltjes)
    if not s < 4:
        raise InfeasibleError("the expansion is conjectured for s < 4 only", s=s)
    half = 0.5 * s
    character = 3.0**-half * (_hurwitz(half, 1.0 / 3.0) - _hurwitz(half, 2.0 / 3.0))
    lattice = 6.0 * _hurwitz(half, 1.0) * character
    return 0.5 * (math.sqrt(3.0) / (8.0 * math.pi)) ** half * lattice


def _hurwitz(s: float, a: float) -> float:
    """ζ(s, a) for s ≠ 1 by Euler and Maclaurin, which continue it below s = 1."""
    last = 30.0 + a
    total = math.fsum((j + a) ** -s for j in range(30))
    total += last ** (1.0 - s) / (s - 1.0) + 0.5 * last**-s
    term = s * last ** (-s - 1.0)
    for order, bernoulli in ((2, 1 / 6), (4, -1 / 30), (6, 1 / 42), (8, -1 / 30)):
        total += bernoulli / math.factorial(order) * term
        term *= (s + order - 1) * (s + order) / last**2
    return total


def asymptotic_residual(s: float, neurons: int, energy: float) -> float:
    """What is left of an energy on S² after the proved leading terms, over the next order.

    It tends to :func:`asymptotic_constant` as N grows, if the conjecture is true.

    Parameters
    ----------
    s : float
        0 <= s <= 2.
    neurons : int
    energy : float
        Over unordered pairs.

    Examples
    --------
    >>> round(asymptotic_residual(1.0, 12, 49.165253058), 4)
    -0.5493
    """
    _check(s, neurons)
    if s == 0:
        leading = -0.25 * neurons**2 * math.log(4.0 / math.e) - 0.25 * neurons * math.log(neurons)
        return (energy - leading) / neurons
    if s == 2:
        return energy / neurons**2 - math.log(neurons) / 8.0
    if not s < 2:
        raise InfeasibleError("the leading term is of another order for s > 2", s=s)
    return (energy - 0.5 * uniform_energy(s, 3) * neurons**2) / neurons ** (1.0 + 0.5 * s)


def angular_convexity_limit(s: float) -> float:
    """The angle beyond which f_s(arccos c) is concave in c: the root of (s + 1) tan θ = −θ.

    The Euclidean kernels are convex in c everywhere; the angular ones only below this angle, so
    that the argument against spurious local minima does not reach them in full space (derived).

    Returns
    -------
    float
        In radians.

    Examples
    --------
    >>> [round(math.degrees(angular_convexity_limit(s)), 1) for s in (0.0, 1.0, 2.0)]
    [116.2, 131.1, 140.7]
    """
    from scipy.optimize import brentq

    _check(s)
    return float(
        brentq(
            lambda t: (s + 1.0) * math.sin(t) + t * math.cos(t), 0.5 * math.pi, math.pi, xtol=1e-14
        )
    )


def angular_half_space_curvature(s: float) -> float:
    """The least second derivative in c of f_s(arccos c) + f_s(arccos(−c)), which is at c = 0.

    2 s(s + 1)(2/π)^{s+2}, and 8/π² for s = 0: positive, so that the angular energy is convex in
    half space (derived).

    Examples
    --------
    >>> [round(angular_half_space_curvature(s), 4) for s in (0.0, 1.0, 2.0)]
    [0.8106, 1.032, 1.9711]
    """
    _check(s)
    factor = 1.0 if s == 0 else s * (s + 1.0)
    return 2.0 * factor * (2.0 / math.pi) ** (s + 2.0)
