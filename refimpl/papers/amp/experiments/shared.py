"""What the experiments on AMP share: one gradient of a wrapper, and trees as host vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective, Tree, loss_and_gradient
from refimpl.algorithms.composition import Gradients
from refimpl.arrays import to_host
from refimpl.random import Rng


def evaluator(objective: Objective, batch: Any) -> Any:
    """The loss of a batch as a wrapper sees it: parameters to (value, gradient)."""
    return lambda params: loss_and_gradient(objective, params, batch)


def gradients_of(
    wrapper: Any, objective: Objective, params: Tree, batch: Any = None, rng: Rng | None = None
) -> Gradients:
    """What the wrapper hands to the update at these parameters, without penalties."""

    def nothing(at: Tree) -> tuple[Any, None]:
        return 0.0 * ad.flatten(at)[0][0].sum(), None

    loss = evaluator(objective, batch)
    found, _ = wrapper.gradient(loss, nothing, params, wrapper.init(params), 0, rng)
    return found


def vector(tree: Tree) -> np.ndarray:
    """All leaves as one host vector of float64."""
    leaves, _ = ad.flatten(tree)
    return np.concatenate([np.asarray(to_host(leaf), dtype=np.float64).ravel() for leaf in leaves])


def slope_of(sizes: Any, errors: Any) -> np.ndarray:
    """The exponent of a power law: the slope of log error over log size, for each row.

    Examples
    --------
    >>> slope_of([1e-1, 1e-2, 1e-3], [[3e-2, 3e-4, 3e-6]]).round(6)
    array([2.])
    """
    logs = np.log(np.asarray(errors, dtype=np.float64))
    return np.polyfit(np.log(np.asarray(sizes, dtype=np.float64)), np.atleast_2d(logs).T, 1)[0]
