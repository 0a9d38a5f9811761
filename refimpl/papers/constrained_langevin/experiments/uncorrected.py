"""Negative controls: Metropolis-exact chains with one of their two safeguards taken out.

* :class:`WithoutTest` accepts every proposal that has a solution and comes back: the unadjusted
  scheme, kicks and drift of RATTLE with heat in between, which samples a biased law.
* :class:`WithoutWayBack` tests the energy only: where the solver has reached another branch, the
  proposal is not the inverse of its own reversal, and the law is wrong however small the error.

They share every other line with what they are controls of.
"""

from __future__ import annotations

from dataclasses import dataclass

from refimpl.arrays import Array, namespace
from refimpl.constraints import largest_of_each
from refimpl.papers.constrained_langevin.many_chains import ManyChains


@dataclass(frozen=True)
class WithoutTest(ManyChains):
    """Every proposal is taken."""

    def chances(self, error: Array, alive: Array) -> Array:
        """One where there is a proposal."""
        xp = namespace(error)
        return xp.where(alive, 1.0 + 0.0 * error, 0.0 * error)


@dataclass(frozen=True)
class WithoutWayBack(ManyChains):
    """No proposal is followed back."""

    def returns(self, block: object, start: Array, end: Array, p: Array) -> Array:
        """Everywhere."""
        return largest_of_each(end) == largest_of_each(end)
