"""Component-by-component construction of generating vectors, naive and fast.

Algorithm
---------
1. z_1 ← 1
2. for j = 2 .. s: z_j ← the c coprime to N with the least e²(z_1, .., z_{j−1}, c)

Naive: one kernel sum of N terms for each c. Fast, for prime N: with a primitive root g, c = g^i and
k = g^{−l}, Σ_l q(g^{−l}) ω(g^{i−l} / N) is one circular convolution of length N − 1, so that all c
together cost one FFT.

e² is the same for c and N − c, and whenever a common unit multiplies z: ties are the rule. The
smallest c within ``tie`` (1 + e²) of the least is taken; relative to e² alone the naive and the
fast form would disagree for smoothness 2, where e² is far below the terms of its sum.

Source: I. H. Sloan and A. V. Reztsov 2002; D. Nuyens and R. Cools, "Fast algorithms for
component-by-component construction of rank-1 lattice rules", 2006.

Deviations
----------
For a power of 2 the units are no cyclic group; the naive form, which takes any N, is the one here.

>>> from refimpl.papers.lattice_networks.weights import ProductWeights
>>> weights = ProductWeights(gammas=tuple(0.9**j for j in range(1, 7)))
>>> fast_construction(31, weights).vector
(1, 12, 3, 7, 7, 7)
"""

from __future__ import annotations

import math
from collections.abc import Callable

from refimpl.arrays import Array
from refimpl.arrays import backend as make_backend
from refimpl.checks import count
from refimpl.errors import SettingError
from refimpl.papers.lattice_networks.lattices import Lattice
from refimpl.papers.lattice_networks.weights import PODWeights, ProductWeights
from refimpl.papers.lattice_networks.worst_case import KOROBOV, Kernel, KernelSum

TIE = 1e-12
"""Two candidates closer than this times 1 + e² are tied."""


def naive_construction(
    size: int,
    weights: ProductWeights | PODWeights,
    kernel: Kernel = KOROBOV,
    *,
    dimension: int | None = None,
    tie: float = TIE,
) -> Lattice:
    """The vector built coordinate by coordinate, with one sum for each candidate: O(s N²).

    Parameters
    ----------
    size : int
        N, any number of at least 2.
    weights : ProductWeights or PODWeights
    kernel : Kernel
    dimension : int, optional
        s; as many as there are weights by default.
    tie : float

    Returns
    -------
    Lattice

    Examples
    --------
    >>> naive_construction(8, ProductWeights(gammas=(1.0, 1.0))).vector
    (1, 3)
    """
    count("size", size, at_least=2)
    xp = make_backend().xp
    candidates = [c for c in range(1, size) if math.gcd(c, size) == 1]
    numbers = xp.arange(size)

    def sums(factor: Array, table: Array) -> list[float]:
        return [float(xp.sum(factor * xp.take(table, (numbers * c) % size))) for c in candidates]

    return _construct(size, weights, kernel, dimension, tie, candidates, sums)


def fast_construction(
    size: int,
    weights: ProductWeights | PODWeights,
    kernel: Kernel = KOROBOV,
    *,
    dimension: int | None = None,
    tie: float = TIE,
) -> Lattice:
    """The same vector by fast Fourier transforms: O(s N log N), and O(s² N) for POD weights.

    Parameters
    ----------
    size : int
        N, a prime.
    weights, kernel, dimension, tie
        As for :func:`naive_construction`.

    Raises
    ------
    SettingError
        If N is not prime.

    Examples
    --------
    >>> fast_construction(8, ProductWeights(gammas=(1.0,)))
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: the fast construction needs a prime; naive_construction takes any
    size (size=8)
    """
    count("size", size, at_least=2)
    if not is_prime(size):
        raise SettingError(
            "the fast construction needs a prime; naive_construction takes any size", size=size
        )
    xp = make_backend().xp
    powers = _powers(primitive_root(size), size)
    forward = xp.asarray(powers, dtype=xp.int64)  # g^i
    backward = xp.asarray([powers[0], *powers[:0:-1]], dtype=xp.int64)  # g^-l

    def sums(factor: Array, table: Array) -> list[float]:
        spectrum = xp.fft.fft(xp.take(factor, backward)) * xp.fft.fft(xp.take(table, forward))
        convolved = xp.real(xp.fft.ifft(spectrum)) + factor[0] * table[0]
        return [float(value) for value in convolved]

    return _construct(size, weights, kernel, dimension, tie, powers, sums)


def _construct(
    size: int,
    weights: ProductWeights | PODWeights,
    kernel: Kernel,
    dimension: int | None,
    tie: float,
    candidates: list[int],
    sums: Callable[[Array, Array], list[float]],
) -> Lattice:
    """Greedy over the coordinates, with the candidates' sums from ``sums(factor, table)``."""
    coordinates = len(weights.gammas) if dimension is None else dimension
    count("dimension", coordinates)
    total = KernelSum.empty(size, weights, kernel).with_component(1)
    vector = [1]
    for _ in range(1, coordinates):
        base, scale = total.squared_error(), total.gamma / size
        errors = [base + scale * value for value in sums(total.factor(), total.table)]
        least = min(errors)
        near = least + tie * (1.0 + abs(least))
        chosen = min(c for c, e in zip(candidates, errors, strict=True) if e <= near)
        vector.append(chosen)
        total = total.with_component(chosen)
    return Lattice(size=size, vector=tuple(vector))


def is_prime(number: int) -> bool:
    """By trial division.

    Examples
    --------
    >>> [n for n in range(20) if is_prime(n)]
    [2, 3, 5, 7, 11, 13, 17, 19]
    """
    return number > 1 and all(number % d for d in range(2, math.isqrt(number) + 1))


def primitive_root(prime: int) -> int:
    """The least generator of the units modulo a prime.

    Examples
    --------
    >>> primitive_root(31), primitive_root(2)
    (3, 1)
    """
    rest, factors = prime - 1, set()
    for d in range(2, math.isqrt(rest) + 1):
        while rest % d == 0:
            factors.add(d)
            rest //= d
    if rest > 1:
        factors.add(rest)
    return next(
        g for g in range(1, prime) if all(pow(g, (prime - 1) // f, prime) != 1 for f in factors)
    )


def _powers(root: int, prime: int) -> list[int]:
    """g^0, g^1, .., g^{N−2} modulo N."""
    result = [1]
    for _ in range(prime - 2):
        result.append(result[-1] * root % prime)
    return result
