"""Run many chains: warm up the step size, then draw.

>>> from types import SimpleNamespace
>>> import numpy as np
>>> from refimpl import Rng
>>> class Independent:
...     algorithm, gradients_per_step = SimpleNamespace(step_size=1.0), 0
...     def with_step_size(self, step_size):
...         return self
...     def init(self, params, rng=None):
...         return SimpleNamespace(params=params)
...     def step(self, state, potential, rng=None):
...         one = np.ones(len(state.params[0]))
...         info = SimpleNamespace(**dict.fromkeys(STATS, one))
...         return SimpleNamespace(params=[rng.normal(state.params[0].shape)]), info
>>> draws = sample(Independent(), None, [np.zeros((50, 3))], draws=200, rng=Rng(0))
>>> draws["q"].shape, draws.stats["acceptance"].shape
((50, 200, 3), (50, 200))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.arrays import to_host
from refimpl.checks import count
from refimpl.random import Rng
from refimpl.sampling.draws import Draws
from refimpl.sampling.warmup import DualAveraging

STATS = ("acceptance", "energy_error", "loss", "unsolved", "irreversible", "diverged")


class Chains(Protocol):
    """What :func:`sample` runs: many chains of a sampler with a step size."""

    @property
    def algorithm(self) -> Any:
        """The sampler, with a field ``step_size``."""

    @property
    def gradients_per_step(self) -> int:
        """What a step costs."""

    def with_step_size(self, step_size: float) -> Chains:
        """The same with another step size."""

    def init(self, params: Tree, rng: Rng | None = None) -> Any:
        """The first state."""

    def step(self, state: Any, potential: Callable[[Tree], Any], rng: Rng | None = None) -> Any:
        """The next state and the diagnostics, whose ``acceptance`` has one entry a chain."""


def leaves_by_name(params: Tree) -> dict[str, Any]:
    """The arrays of a tree: "q" for a single one, else "q0", "q1" and so on.

    Examples
    --------
    >>> import numpy as np
    >>> list(leaves_by_name([np.zeros((2, 1)), np.zeros((2, 3))]))
    ['q0', 'q1']
    """
    leaves = ad.flatten(params)[0]
    if len(leaves) == 1:
        return {"q": leaves[0]}
    return {f"q{index}": leaf for index, leaf in enumerate(leaves)}


def sample(
    chains: Chains,
    potential: Callable[[Tree], Any],
    params: Tree,
    *,
    draws: int,
    rng: Rng,
    warmup: int = 0,
    thin: int = 1,
    target_acceptance: float = 0.8,
    observe: Callable[[Tree], Mapping[str, Any]] = leaves_by_name,
    on_step: Callable[[int, float], None] | None = None,
) -> Draws:
    """Draws of many chains.

    Parameters
    ----------
    chains : Chains
    potential : callable
        From the parameters to one value for each chain.
    params : tree
        Where the chains start; arrays with a leading axis of chains.
    draws : int
        That are kept, of each chain.
    rng : Rng
    warmup : int
        Steps that tune the step size by dual averaging and are thrown away; 0 leaves it.
    thin : int
        Steps between two draws that are kept.
    target_acceptance : float
        That the warm-up aims at.
    observe : callable
        From the parameters to named arrays, (chains, ...), that are kept.
    on_step : callable, optional
        Called with the number of steps made and the mean acceptance of the last one.

    Returns
    -------
    Draws
        With ``stats`` of every kept step, and ``settings``: step size, gradients a draw, seconds.

    Examples
    --------
    See the module.
    """
    count("draws", draws)
    count("warmup", warmup, at_least=0)
    count("thin", thin)
    begun = time.perf_counter()
    state = chains.init(params, rng.child("momenta"))
    rule = DualAveraging(target=target_acceptance)
    tuned = rule.init(chains.algorithm.step_size)
    for step in range(warmup):
        now = chains.with_step_size(tuned.step_size)
        state, info = now.step(state, potential, rng.child("warmup", step))
        acceptance = float(np.mean(to_host(info.acceptance)))
        tuned = rule.update(tuned, acceptance)
        if on_step is not None:
            on_step(step + 1, acceptance)
    if warmup:
        chains = chains.with_step_size(rule.final(tuned))
    values: dict[str, list[np.ndarray]] = {}
    stats: dict[str, list[np.ndarray]] = {}
    for step in range(draws * thin):
        state, info = chains.step(state, potential, rng.child("step", step))
        if on_step is not None:
            on_step(warmup + step + 1, float(np.mean(to_host(info.acceptance))))
        if (step + 1) % thin:
            continue
        for name, value in observe(state.params).items():
            values.setdefault(name, []).append(np.array(to_host(value)))
        for name in STATS:
            stats.setdefault(name, []).append(np.array(to_host(getattr(info, name))))
    return Draws(
        {name: np.stack(parts, axis=1) for name, parts in values.items()},
        {name: np.stack(parts, axis=1) for name, parts in stats.items()},
        {
            "step_size": chains.algorithm.step_size,
            "gradients_per_draw": chains.gradients_per_step * thin,
            "seconds": time.perf_counter() - begun,
        },
    )
