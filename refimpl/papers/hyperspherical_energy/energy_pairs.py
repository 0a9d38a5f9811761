"""The pairs between some neurons and others: their energy, its slope A and the curvature in G.

A layer is looked at as a whole or tile by tile; both ask here for the N_a x N_b matrices between
two sets of its neurons. With A_ij = ∂E/∂c_ij the diagonal of neurons with themselves is 0.

>>> import numpy as np
>>> from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
>>> neurons = Neurons(np.eye(2), np.zeros(2))
>>> energy = HypersphericalEnergy(s=2.0, reduction="sum")
>>> pairs = between(neurons, neurons, energy, 1.0, 1)
>>> float(pairs.value), pairs.slope
(0.5, array([[0. , 0.5],
       [0.5, 0. ]]))
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

from refimpl.arrays import Array, eps, namespace, with_diagonal
from refimpl.papers.hyperspherical_energy.cosines import Neurons, gaps, gram_matrix


class Kernel(Protocol):
    """What is asked of an energy: its settings, φ of pairs, and the factor of their sum."""

    @property
    def s(self) -> float: ...
    @property
    def space(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def kernel(self) -> str: ...
    @property
    def reduction(self) -> str: ...
    @property
    def epsilon(self) -> float: ...

    def pair(self, below: Array, above: Array, derivatives: int) -> Any:
        """φ of the gaps 1 - c and 1 + c, with as many derivatives."""

    def scale(self, neurons: int) -> float:
        """The factor of the sum over ordered pairs."""


class Pairs(NamedTuple):
    """The pairs between two sets of neurons.

    Attributes
    ----------
    value : 0-d array, or None
        Their part of the energy, each pair once.
    slope : array, shape (N_a, N_b), or None
        A, where it was asked for.
    rows, columns : arrays, shapes (N_a,) and (N_b,), or None
        (A∘G) 1 and (A∘G)ᵀ 1; ``columns`` is None for neurons with themselves.
    """

    value: Any
    slope: Any = None
    rows: Any = None
    columns: Any = None


class Curved(NamedTuple):
    """A, its derivative in G, and G, of the pairs between two sets of neurons."""

    slope: Array
    curvature: Array
    gram: Array


def pair_weights(energy: Kernel, share: Array | None, size: int, a: Neurons, b: Neurons) -> Any:
    """What the energy of pair (i, j) is multiplied by: a float, or an (N_a, N_b) array."""
    if share is not None:
        return share[place(a)][:, None] + share[place(b)][None, :]
    return energy.scale(size) * (2.0 if energy.space == "half" else 1.0)


def place(some: Neurons) -> slice:
    """Where in their layer they are."""
    return slice(some.first, some.first + some.unit.shape[0])


def counts_own(energy: Kernel) -> bool:
    """Whether the pairs of a neuron and its own antipode are counted."""
    return energy.space == "half" and energy.reduction != "lines"


def between(
    a: Neurons,
    b: Neurons,
    energy: Kernel,
    weights: Any,
    derivatives: int,
    valued: bool = True,
) -> Pairs:
    """The pairs between ``a`` and ``b``, which are one object for neurons with themselves.

    Parameters
    ----------
    a, b : Neurons
    energy : HypersphericalEnergy
    weights : float or array
        See :func:`pair_weights`.
    derivatives : {0, 1}
    valued : bool
        Whether the value is wanted.
    """
    xp = namespace(a.unit)
    same = a is b
    once = 0.5 if same else 1.0
    gram = gram_matrix(a, b)
    rest = _half_space(gram, energy) if energy.space == "half" else None
    if rest is not None:
        value = (once * weights) * _half_space_total(rest, energy, same) if valued else None
        if not derivatives:
            return Pairs(value)
        slope, factor = _half_space_slope(gram, rest, energy)
        factor = factor * weights
        # of the very products of which the rest of the gradient is made: written as the difference
        # of two sums near N it would leave their rounding along the neurons
        rows = factor * xp.vecdot(slope, gram)
        columns = None if same else factor * xp.sum(slope * gram, axis=0)
        slope *= factor
        return Pairs(value, slope, rows, columns)
    found = _pairs(*_gaps_of(a, b, gram, energy), energy, derivatives)
    value = None
    if valued:
        energies = found[0] * weights
        value = once * xp.sum(with_diagonal(energies, 0.0) if same else energies)
        del energies
    if not derivatives:
        return Pairs(value)
    slope = found[1] * weights
    if same:
        slope = with_diagonal(slope, 0.0)
    gram *= slope
    return Pairs(value, slope, xp.sum(gram, axis=1), None if same else xp.sum(gram, axis=0))


def curved(a: Neurons, b: Neurons, energy: Kernel, weights: Any) -> Curved:
    """A and its derivative between ``a`` and ``b``; see :func:`between`."""
    gram = gram_matrix(a, b)
    _, slope, curvature = _pairs(*_gaps_of(a, b, gram, energy), energy, 2)
    slope, curvature = slope * weights, curvature * weights
    if a is b:
        slope, curvature = with_diagonal(slope, 0.0), with_diagonal(curvature, 0.0)
    return Curved(slope, curvature, gram)


def _half_space(gram: Array, energy: Kernel) -> Array | None:
    """Half space with s = 0 or 2, in few passes: φ(c) + φ(−c) depends on 1 − c² alone.

    Returns 1 − c² (s = 0) or its inverse (s = 2); None where a pair is too near for 1 − c² to have
    its digits.
    """
    xp = namespace(gram)
    if energy.metric != "euclidean" or energy.s not in (0, 2):
        return None
    rest = gram * gram
    if not 1.0 - float(xp.max(rest)) > 2.0 * eps(gram) ** (1.0 / 3.0):
        return None
    rest = 1.0 - rest
    return rest if energy.s == 0 else 1.0 / rest


def _half_space_total(rest: Array, energy: Kernel, same: bool) -> Array:
    """The sum of pair energies over the entries, without the diagonal of ``same`` neurons."""
    xp = namespace(rest)
    own = rest.shape[0] if same else 0
    if energy.s == 0:
        pairs = math.prod(rest.shape) - own
        return -0.5 * _factor(energy) * (xp.sum(xp.log(rest)) + pairs * math.log(4.0))
    return xp.sum(rest) - own


def _half_space_slope(gram: Array, rest: Array, energy: Kernel) -> tuple[Array, float]:
    """A in the memory of ``rest``, up to a factor."""
    if energy.s == 0:
        rest = _factor(energy) / rest
        rest *= gram
        return rest, 1.0
    rest *= rest
    rest *= gram
    return rest, 2.0


def _factor(energy: Kernel) -> float:
    return 2.0 if energy.kernel == "released" else 1.0


def _gaps_of(a: Neurons, b: Neurons, gram: Array, energy: Kernel) -> tuple[Array, Array]:
    return gaps(a, b, gram, half=energy.space == "half", angular=energy.metric == "angular")


def _pairs(below: Array, above: Array, energy: Kernel, derivatives: int) -> tuple[Array, ...]:
    """The energy of a pair of neurons (of lines, in half space) and its derivatives in c."""
    plus = energy.pair(below, above, derivatives)
    if energy.space == "full":
        return plus
    minus = energy.pair(above, below, derivatives)
    return tuple(
        p + (-m if order % 2 else m) for order, (p, m) in enumerate(zip(plus, minus, strict=True))
    )
