"""The problems of the last seeds, kept: all settings of a comparison begin with the same data.

Where data are large, loading and scaling them takes as long as the training of a small network.

>>> made = []
>>> @kept_by_seed()
... def problem(config, backend, rng):
...     made.append(rng.path)
...     return len(made)
>>> [problem("c", "numpy", Rng(0).child("a", seed)) for seed in (0, 0, 1, 1)], made
([1, 1, 2, 2], [('a', 0), ('a', 1)])
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from refimpl.random import Rng

T = TypeVar("T")
Drawn = Callable[[Any, Any, Rng], T]


def kept_by_seed(seeds: int = 1) -> Callable[[Drawn[T]], Drawn[T]]:
    """Makes of ``problem(config, backend, rng)`` one that gives its last answers again.

    Parameters
    ----------
    seeds : int
        How many answers are kept: what is decorated depends on config, backend and the name of
        the stream alone, and whoever gets an answer leaves it as it is.
    """

    def keeping(problem: Drawn[T]) -> Drawn[T]:
        @functools.lru_cache(maxsize=seeds)
        def last(config: Any, backend: Any, seed: int, path: tuple[str | int, ...]) -> T:
            return problem(config, backend, Rng(seed, path))

        @functools.wraps(problem)
        def kept(config: Any, backend: Any, rng: Rng) -> T:
            return last(config, backend, rng.seed, rng.path)

        return kept

    return keeping


def seed_by_seed(seconds: float) -> Callable[[Any, Any], float]:
    """A cost for tasks of ``seconds`` each by which those of one seed run one after the other.

    Examples
    --------
    >>> cost = seed_by_seed(2.0)
    >>> cost(None, {"seed": 0}) > cost(None, {"seed": 1}) > 1.9
    True
    """
    return lambda config, task: seconds - 1e-3 * task["seed"]
