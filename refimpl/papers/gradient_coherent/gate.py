"""When the gate of gradient-coherent regularisation opens, and what it lets through.

The readings of coherence among which ``criterion`` chooses are listed, each with whose it is, in
:mod:`refimpl.papers.gradient_coherent.gradient_coherent`; here they are computed. All work on inner
products:
of the whole network with ``scope="global"``, of each array with ``scope="layer"``.

>>> import numpy as np
>>> float(cosine(np.asarray(1.0), np.asarray(1.0), np.asarray(4.0)))
0.5
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective
from refimpl.algorithms.l1 import soft_threshold
from refimpl.arrays import Array, namespace

if TYPE_CHECKING:
    from refimpl.papers.gradient_coherent.gradient_coherent import GateState, GradientCoherent


def coherence(
    algorithm: GradientCoherent,
    state: GateState,
    objective: Objective,
    batch: Any,
    chosen: list[int],
    g: list[Array],
    r: list[Array],
    gg: list[Array],
    rr: list[Array],
) -> list[Array]:
    """κ of the whole network, or of each array.

    Parameters
    ----------
    algorithm : GradientCoherent
    state, objective, batch
        Of the step.
    chosen : list of int
        Positions of the penalised arrays among the leaves.
    g, r : list of array
        The loss's gradient and R, flat.
    gg, rr : list of 0-d array
        Their squares, as :func:`inner` gives them.

    Returns
    -------
    list of 0-d array
        One for ``scope="global"``.
    """
    if algorithm.strength == 0.0:
        return [namespace(*gg).ones_like(square) for square in gg]
    if algorithm.criterion in ("lookahead", "temporal"):
        other = state.previous
        if algorithm.criterion == "lookahead":
            ahead, structure = ad.flatten(state.params)
            for i in chosen:
                size = algorithm.learning_rate * algorithm.strength
                ahead[i] = penalise(algorithm, ahead[i], size, pull_of(algorithm, ahead[i]))
            other = ad.grad(objective)(ad.unflatten(structure, ahead), batch)
        leaves, _ = ad.flatten(other)
        others = flat([leaves[i] for i in chosen])
        cross, sizes = inner(algorithm, g, others), inner(algorithm, others, others)
    else:  # three inner products, so that g + λR is not formed before the decision
        lam, gr = algorithm.strength, inner(algorithm, g, r)
        cross = [a + lam * b for a, b in zip(gg, gr, strict=True)]
        sizes = [a + (2.0 * lam) * b + lam**2 * c for a, b, c in zip(gg, gr, rr, strict=True)]
    return [cosine(*each) for each in zip(cross, gg, sizes, strict=True)]


def decide(
    algorithm: GradientCoherent,
    slopes: list[Array],
    pulls: list[Array],
    kappas: list[Array],
    gg: list[Array],
    rr: list[Array],
) -> list[Array]:
    """Whether the penalty acts: on the network, on each array, or on each element."""
    if algorithm.criterion == "always":
        return [kappa >= -1.0 for kappa in kappas]
    if algorithm.criterion == "ratio":
        lam, most = algorithm.strength**2, algorithm.ratio**2
        return [lam * b <= most * a for a, b in zip(gg, rr, strict=True)]
    if algorithm.criterion == "sign":
        sign = namespace(*gg).sign
        return [
            sign(g + algorithm.strength * pull) == sign(g)
            for g, pull in zip(slopes, pulls, strict=True)
        ]
    return [kappa >= algorithm.threshold for kappa in kappas]


def cosine(cross: Array, first: Array, second: Array) -> Array:
    """⟨a, b⟩ / (‖a‖ ‖b‖) from ⟨a, b⟩, ‖a‖² and ‖b‖², in [−1, 1]; 0 where a norm is 0.

    Parameters
    ----------
    cross, first, second : 0-d array

    Returns
    -------
    0-d array

    Examples
    --------
    >>> import numpy as np
    >>> float(cosine(np.asarray(6.0), np.asarray(4.0), np.asarray(9.0)))
    1.0
    >>> float(cosine(np.asarray(0.0), np.asarray(0.0), np.asarray(9.0)))
    0.0
    """
    xp = namespace(cross)
    product = xp.sqrt(first) * xp.sqrt(xp.clip(second, 0.0, None))  # rounding below 0
    defined = product > 0.0
    safe = xp.where(defined, product, xp.ones_like(product))
    return xp.where(defined, xp.clip(cross / safe, -1.0, 1.0), xp.zeros_like(product))


def inner(algorithm: GradientCoherent, left: list[Array], right: list[Array]) -> list[Array]:
    """The inner product of each pair, or their sum where the scope is global."""
    each = [a @ b for a, b in zip(left, right, strict=True)]
    return [total(each)] if algorithm.scope == "global" else each


def pull_of(algorithm: GradientCoherent, weight: Array) -> Array:
    """R, the gradient of the penalty at strength 1."""
    return weight if algorithm.penalty == "l2" else namespace(weight).sign(weight)


def penalise(algorithm: GradientCoherent, weight: Array, size: Any, pull: Array) -> Array:
    """``weight`` after a step of the penalty alone: outside the buffer, and for P(w)."""
    return soft_threshold(weight, size) if algorithm.penalty == "l1" else weight - size * pull


def flat(leaves: list[Array]) -> list[Array]:
    """Every array as a vector."""
    reshape = namespace(*leaves).reshape
    return [reshape(leaf, (-1,)) for leaf in leaves]


def total(parts: list[Array]) -> Array:
    """The sum of the parts."""
    result = parts[0]
    for part in parts[1:]:
        result = result + part
    return result
