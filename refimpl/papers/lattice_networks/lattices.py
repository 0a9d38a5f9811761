"""Rank-1 lattices: points, shifts, the tent map, the dual lattice.

Algorithm
---------
1. numerators n_kj ← k z_j mod N, exact integers, k = 0 .. N−1
2. t_kj ← frac(n_kj / N + Δ_j), in float64 whatever the dtype that is asked for
3. tent (baker): t ← 1 − |2t − 1|
4. van der Corput order, N = 2^m: k is replaced by the number whose bits are those of k reversed

The mean of exp(2πi h·t) over the points is exp(2πi h·Δ) for h in the dual lattice
{h : h·z ≡ 0 mod N} and 0 for every other h. So the error of the mean of a function with an
absolutely convergent Fourier series is the sum of its coefficients over the dual lattice.

Source: I. H. Sloan and S. Joe, Lattice Methods for Multiple Integration, 1994; the points of
A. Keller, F. Y. Kuo, D. Nuyens and I. H. Sloan, arXiv 2603.02809 (abstract).

===== ============================
paper code
===== ============================
N     ``size``
z     ``vector``
Δ     ``shift``
===== ============================

Deviations
----------
Points are data: like random draws they are made on the host in float64 and moved afterwards, since
k z / N in float32 is no lattice any more beyond N = 2^24.

>>> Lattice(size=5, vector=(1, 2)).points()
array([[0. , 0. ],
       [0.2, 0.4],
       [0.4, 0.8],
       [0.6, 0.2],
       [0.8, 0.6]])
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from refimpl.arrays import Array, Backend
from refimpl.arrays import backend as make_backend
from refimpl.checks import count, flag, one_of, plain_numbers
from refimpl.errors import SettingError
from refimpl.random import Rng

Order = Literal["natural", "van_der_corput"]

_LARGEST_PRODUCT = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Lattice:
    """A rank-1 lattice in [0, 1)^s, shifted or not.

    Parameters
    ----------
    size : int
        N, at least 2.
    vector : tuple of int
        z, each entry in 1 .. N−1 and coprime to N.
    shift : tuple of float
        Δ in [0, 1)^s; empty for none.
    order : {"natural", "van_der_corput"}
        Of the points; the second needs N = 2^m, and makes the first 2^l points the lattice of
        size 2^l of the same vector.
    degenerate : bool
        Allow entries that share a factor with N, whose projections repeat points.

    Raises
    ------
    SettingError
        For an entry outside 1 .. N−1 or not coprime to N, with its place j; for a shift of
        another length or outside [0, 1); for the van der Corput order of another N.

    Examples
    --------
    >>> Lattice(size=8, vector=(1, 6))
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: entry 6 of the vector shares the factor 2 with N, so that its
    projection has 4 points only; degenerate=True allows it (j=2, size=8)
    """

    size: int = field(metadata={"help": "number of points, at least 2"})
    vector: tuple[int, ...] = field(metadata={"help": "generating vector, coprime to the size"})
    shift: tuple[float, ...] = field(default=(), metadata={"help": "in [0, 1), empty for none"})
    order: Order = field(default="natural", metadata={"help": "of the points"})
    degenerate: bool = field(default=False, metadata={"help": "allow factors shared with size"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        count("size", self.size, at_least=2)
        one_of("order", self.order, ("natural", "van_der_corput"))
        flag("degenerate", self.degenerate)
        object.__setattr__(self, "vector", tuple(int(z) for z in self.vector))
        object.__setattr__(self, "shift", tuple(float(d) for d in self.shift))
        if not self.vector:
            raise SettingError("a lattice needs a vector of at least one entry")
        for j, z in enumerate(self.vector, 1):
            if not 1 <= z < self.size:
                raise SettingError(
                    f"entry {z} of the vector lies outside 1 .. N-1; Lattice.reduced takes it "
                    f"modulo N",
                    j=j,
                    size=self.size,
                )
            factor = math.gcd(z, self.size)
            if factor != 1 and not self.degenerate:
                raise SettingError(
                    f"entry {z} of the vector shares the factor {factor} with N, so that its "
                    f"projection has {self.size // factor} points only; degenerate=True allows it",
                    j=j,
                    size=self.size,
                )
        if self.shift and len(self.shift) != self.dimension:
            raise SettingError(
                "the shift has another length than the vector",
                shift=len(self.shift),
                vector=self.dimension,
            )
        for j, value in enumerate(self.shift, 1):
            if not 0.0 <= value < 1.0:
                raise SettingError("a shift lies in [0, 1)", j=j, value=value)
        if self.order == "van_der_corput" and self.size & (self.size - 1):
            raise SettingError("the van der Corput order needs a power of 2", size=self.size)

    @classmethod
    def reduced(cls, size: int, vector: Any, **more: Any) -> Lattice:
        """The lattice of ``vector`` taken modulo ``size``, in exact integers of any length.

        Examples
        --------
        >>> Lattice.reduced(8, (2**70 + 3,)).vector
        (3,)
        """
        count("size", size, at_least=2)
        return cls(size=size, vector=tuple(int(z) % size for z in vector), **more)

    @property
    def dimension(self) -> int:
        """Number s of coordinates."""
        return len(self.vector)

    def shifted(self, rng: Rng) -> Lattice:
        """The same lattice with a shift drawn uniformly from [0, 1)^s."""
        return replace(self, shift=tuple(rng.uniform((self.dimension,))))

    def in_dual(self, frequency: Any) -> bool:
        """Whether h·z ≡ 0 mod N.

        Examples
        --------
        >>> lattice = Lattice(size=5, vector=(1, 2))
        >>> lattice.in_dual((1, 2)), lattice.in_dual((1, 1))
        (True, False)
        """
        product = sum(int(h) * z for h, z in zip(frequency, self.vector, strict=True))
        return product % self.size == 0

    def points(
        self, count: int | None = None, *, tent: bool = False, backend: Backend | None = None
    ) -> Array:
        """The points, or the first ``count`` of them.

        Parameters
        ----------
        count : int, optional
            N by default.
        tent : bool
            Fold them by the baker's map 1 − |2t − 1|, for functions that are not periodic.
        backend : Backend, optional
            Where they go; NumPy in float64 by default.

        Returns
        -------
        array, shape (count, s)
            In [0, 1]: 1 itself only by the rounding to float32 and by the tent map.

        Raises
        ------
        SettingError
            If ``count`` exceeds N, or k z_j would overflow 64 bits.
        """
        number = self.size if count is None else count
        if not 0 <= number <= self.size:
            raise SettingError("a lattice has N points", asked=number, size=self.size)
        if self.size * max(self.vector) > _LARGEST_PRODUCT:
            raise SettingError("k z_j would overflow 64-bit integers", size=self.size)
        xp = make_backend().xp
        k = xp.arange(number, dtype=xp.int64)
        if self.order == "van_der_corput":
            k = reversed_bits(k, self.size.bit_length() - 1)
        z = xp.asarray(self.vector, dtype=xp.int64)
        points = xp.astype((k[:, None] * z[None, :]) % self.size, xp.float64) / self.size
        if self.shift:
            points = points + xp.asarray(self.shift, dtype=xp.float64)[None, :]
            points = xp.where(points >= 1.0, points - 1.0, points)
        if tent:
            points = tent_map(points)
        return (backend or make_backend()).asarray(points)


def tent_map(points: Array) -> Array:
    """The baker's map 1 − |2t − 1|, which keeps the uniform law and makes functions periodic.

    Examples
    --------
    >>> import numpy as np
    >>> tent_map(np.array([0.0, 0.25, 0.75]))
    array([0. , 0.5, 0.5])
    """
    return 1.0 - abs(2.0 * points - 1.0)


def reversed_bits(numbers: Array, bits: int) -> Array:
    """Integers below 2^bits with their bits in reverse order.

    Examples
    --------
    >>> import numpy as np
    >>> reversed_bits(np.arange(4), 2).tolist()
    [0, 2, 1, 3]
    """
    result = 0 * numbers
    for place in range(bits):
        result = result + ((numbers // 2**place) % 2) * 2 ** (bits - 1 - place)
    return result


def fibonacci_lattice(index: int, **more: Any) -> Lattice:
    """The lattice of size F_m and vector (1, F_{m−1}), the best in two dimensions where known.

    Parameters
    ----------
    index : int
        m, at least 4 (F_1 = F_2 = 1).

    Examples
    --------
    >>> fibonacci_lattice(7)
    Lattice(size=13, vector=(1, 8), shift=(), order='natural', degenerate=False)
    """
    count("index", index, at_least=4)
    before, number = 1, 1
    for _ in range(index - 2):
        before, number = number, before + number
    return Lattice(size=number, vector=(1, before), **more)
