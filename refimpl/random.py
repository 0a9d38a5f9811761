"""Seeded randomness without global state.

An :class:`Rng` is a seed and a path of names. Its draws are made on the host in float64 with
PCG64, then cast and moved, so that one seed gives the same noise on every backend. A child
stream depends on the seed and its path alone, never on what was drawn before: a draw added in
one place shifts no other.

A :class:`Replay` stands in its place where the draws are known: in tests, and where somebody
else's step is followed draw by draw.

>>> rng = Rng(7)
>>> before = rng.child("noise").normal((2,))
>>> _ = rng.child("init").normal((100,))
>>> bool((rng.child("noise").normal((2,)) == before).all())
True
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from refimpl.arrays import Array, backend_of, check_float, is_host, to_host
from refimpl.errors import SettingError


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


class Replay:
    """Given draws, played back: noise injected into a step in the place of an :class:`Rng`.

    Parameters
    ----------
    draws : sequence of array, or mapping of path to sequence of array
        A sequence is one queue for this stream and all its children, in the order in which they
        ask. A mapping gives a child of that path, a tuple of names, a queue of its own.
    repeat : bool
        Begin again where a queue has ended, instead of raising.
    seed : int
        Shown where a seed is recorded; no draw depends on it.

    Raises
    ------
    SettingError
        At a draw for which nothing is left, or whose shape the next one does not fit.

    Examples
    --------
    >>> noise = Replay([[1.0, 2.0], 0.5])
    >>> noise.normal((2,)), noise.child("step", 1).uniform((3,)), noise.left
    (array([1., 2.]), array([0.5, 0.5, 0.5]), 0)
    >>> noise.normal((2,))
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: no draws are left of those given
    >>> orders = Replay({("order", 0): [[1, 0]], ("order", 1): [[0, 1]]})
    >>> orders.child("order", 1).permutation(2)
    array([0, 1])
    """

    def __init__(
        self,
        draws: Sequence[Any] | Mapping[Any, Sequence[Any]],
        *,
        repeat: bool = False,
        seed: int = 0,
    ) -> None:
        self.seed, self.repeat = seed, repeat
        self.path: tuple[str | int, ...] = ()
        shared = not isinstance(draws, Mapping)
        queues: Mapping[Any, Any] = draws if isinstance(draws, Mapping) else {(): draws}
        self._queues: dict[tuple[str | int, ...], list[Any]] = {
            tuple(path): list(queue) for path, queue in queues.items()
        }
        self._given = {path: tuple(queue) for path, queue in self._queues.items()}
        self._shared = shared

    @property
    def left(self) -> int:
        """How many draws have not been asked for."""
        return sum(map(len, self._queues.values()))

    def child(self, *names: str | int) -> Replay:
        """The stream of a name: of the one queue, or of the path's own."""
        below = Replay((), repeat=self.repeat, seed=self.seed)
        below._queues, below._given, below._shared = self._queues, self._given, self._shared
        below.path = self.path + names
        return below

    def normal(self, shape: Any = (), like: Array | None = None) -> Array:
        """The next draw, of this shape; with ``like``, of its namespace, dtype and device."""
        return _place(self._next(shape), like)

    def uniform(
        self, shape: Any = (), low: float = 0.0, high: float = 1.0, like: Array | None = None
    ) -> Array:
        """The next draw as it was given: it is not scaled to [low, high)."""
        return _place(self._next(shape), like)

    def rademacher(self, shape: Any = (), like: Array | None = None) -> Array:
        """The next draw."""
        return _place(self._next(shape), like)

    def permutation(self, n: int) -> np.ndarray:
        """The next draw, an order of ``range(n)``, on the host."""
        return self._next((n,))

    def integers(self, low: int, high: int, shape: Any = ()) -> np.ndarray:
        """The next draw, on the host."""
        return self._next(shape)

    def choice(self, n: int, size: int, replace: bool = False) -> np.ndarray:
        """The next draw, ``size`` indices, on the host."""
        return self._next((size,))

    def _next(self, shape: Any) -> np.ndarray:
        path = () if self._shared else self.path
        queue = self._queues.get(path, [])
        if not queue and self.repeat:
            queue.extend(self._given.get(path, ()))
        if not queue:
            where = "" if self._shared else f" for {'/'.join(map(str, path)) or 'the parent'}"
            raise SettingError(f"no draws are left of those given{where}")
        draw = np.asarray(to_host(queue.pop(0)))
        try:
            return np.array(np.broadcast_to(draw, shape))
        except ValueError:
            raise SettingError(
                f"the next draw has the shape {draw.shape}, asked for was {shape}"
            ) from None


def _escape(name: str | int) -> str:
    """A name whose separators cannot be taken for the borders of a path."""
    return str(name).replace("\\", "\\\\").replace("/", "\\/")


def _place(draws: np.ndarray, like: Array | None) -> Array:
    draws = np.asarray(draws, dtype=np.float64)
    if like is None:
        return draws
    if is_host(like):
        check_float(like)
        return draws.astype(like.dtype, copy=False)
    return backend_of(like).asarray(draws)
