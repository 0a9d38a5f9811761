"""Seeded randomness without global state.

An :class:`Rng` is a seed and a path of names. Its draws are made on the host in float64 with
PCG64, then cast and moved, so that one seed gives the same noise on every backend. A child
stream depends on the seed and its path alone, never on what was drawn before: a draw added in
one place shifts no other.

>>> rng = Rng(7)
>>> before = rng.child("noise").normal((2,))
>>> _ = rng.child("init").normal((100,))
>>> bool((rng.child("noise").normal((2,)) == before).all())
True
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from refimpl.arrays import Array, backend_of


class Rng:
    """A stream of random numbers, named by a seed and a path.

    Parameters
    ----------
    seed : int
        Non-negative.
    path : tuple of str or int, optional
        The names that lead from the seed to this stream; use :meth:`child`.

    Raises
    ------
    TypeError, ValueError
        If the seed is not a non-negative integer.
    """

    def __init__(self, seed: int, path: tuple[str | int, ...] = ()) -> None:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise TypeError(f"seed must be an integer, not {type(seed).__name__}")
        if seed < 0:
            raise ValueError(f"seed must be non-negative, not {seed}")
        self.seed = int(seed)
        self.path = tuple(int(name) if isinstance(name, np.integer) else name for name in path)
        self._generator: np.random.Generator | None = None

    def __repr__(self) -> str:
        return f"Rng({self.seed}, {self.path!r})"

    @property
    def generator(self) -> np.random.Generator:
        """The host generator behind this stream, made at the first draw."""
        if self._generator is None:
            label = "/".join(f"{type(name).__name__}:{_escape(name)}" for name in self.path)
            digest = hashlib.blake2b(f"{self.seed}|{label}".encode(), digest_size=32).digest()
            self._generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))
        return self._generator

    def child(self, *names: str | int) -> Rng:
        """An independent stream, the same whatever this one has drawn.

        Examples
        --------
        >>> Rng(0).child("epoch", 3)
        Rng(0, ('epoch', 3))
        """
        return Rng(self.seed, self.path + names)

    def normal(self, shape: Any = (), like: Array | None = None) -> Array:
        """Standard normal draws; with ``like``, of its namespace, dtype and device."""
        return _place(self.generator.standard_normal(shape), like)

    def uniform(
        self, shape: Any = (), low: float = 0.0, high: float = 1.0, like: Array | None = None
    ) -> Array:
        """Uniform draws on [low, high)."""
        return _place(self.generator.uniform(low, high, shape), like)

    def rademacher(self, shape: Any = (), like: Array | None = None) -> Array:
        """Signs, -1.0 or 1.0 with equal probability."""
        return _place(2.0 * self.generator.integers(0, 2, shape) - 1.0, like)

    def permutation(self, n: int) -> np.ndarray:
        """A random order of ``range(n)``, on the host."""
        return self.generator.permutation(n)

    def integers(self, low: int, high: int, shape: Any = ()) -> np.ndarray:
        """Integers in [low, high), on the host."""
        return self.generator.integers(low, high, shape)

    def choice(self, n: int, size: int, replace: bool = False) -> np.ndarray:
        """``size`` indices out of ``range(n)``, on the host."""
        return self.generator.choice(n, size, replace=replace)


def _escape(name: str | int) -> str:
    """A name whose separators cannot be taken for the borders of a path."""
    return str(name).replace("\\", "\\\\").replace("/", "\\/")


def _place(draws: np.ndarray, like: Array | None) -> Array:
    draws = np.asarray(draws, dtype=np.float64)
    return draws if like is None else backend_of(like).asarray(draws)
