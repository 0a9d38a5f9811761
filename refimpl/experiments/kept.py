"""The problem of the last seed, kept: all settings of a comparison begin with the same data.

Where data are large, loading and scaling them takes as long as the training of a small network.

>>> made = []
>>> @kept_by_seed
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


def kept_by_seed(problem: Callable[[Any, Any, Rng], T]) -> Callable[[Any, Any, Rng], T]:
    """``problem(config, backend, rng)`` that gives its last answer again where nothing changed.

    Parameters
    ----------
    problem : callable
        Of a :func:`refimpl.experiments.comparison.comparison`: it depends on config, backend and
        the name of the stream alone, and whoever gets the answer leaves it as it is.
    """

    @functools.lru_cache(maxsize=1)
    def last(config: Any, backend: Any, seed: int, path: tuple[str | int, ...]) -> T:
        return problem(config, backend, Rng(seed, path))

    @functools.wraps(problem)
    def kept(config: Any, backend: Any, rng: Rng) -> T:
        return last(config, backend, rng.seed, rng.path)

    return kept


def seed_by_seed(seconds: float) -> Callable[[Any, Any], float]:
    """A cost for tasks of ``seconds`` each by which those of one seed run one after the other.

    Examples
    --------
    >>> cost = seed_by_seed(2.0)
    >>> cost(None, {"seed": 0}) > cost(None, {"seed": 1}) > 1.9
    True
    """
    return lambda config, task: seconds - 1e-3 * task["seed"]
