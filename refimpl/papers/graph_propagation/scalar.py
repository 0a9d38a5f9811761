"""The smallest instance, in plain numbers: one state a, loss ½(a − d)², F = 0, one multiplier.

It takes the steps of :class:`~refimpl.papers.graph_propagation.propagation.ConstraintPropagation`
(a test compares them) a hundred times faster, for runs of millions of steps.

>>> toy = ScalarSaddle("lin", target=1.0, state_rate=0.1, multiplier_rate=0.1)
>>> a, multiplier = toy.run(2000)
>>> round(a, 9) + 0.0, round(multiplier, 9)
(0.0, 1.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from refimpl.checks import non_negative, one_of, positive
from refimpl.errors import ConvergenceError
from refimpl.papers.graph_propagation.constraints import CONSTRAINTS


@dataclass(frozen=True)
class ScalarSaddle:
    """Plain simultaneous steps on ½(a − d)² + λ G(a).

    Parameters
    ----------
    constraint : str
    target : float
        d.
    state_rate, multiplier_rate : float
    epsilon : float
    """

    constraint: str
    target: float = 1.0
    state_rate: float = 0.01
    multiplier_rate: float = 0.01
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        one_of("constraint", self.constraint, CONSTRAINTS)
        positive("state_rate", self.state_rate)
        positive("multiplier_rate", self.multiplier_rate)
        non_negative("epsilon", self.epsilon)

    def value(self, a: float) -> float:
        """G(a)."""
        name, e = self.constraint, self.epsilon
        if name == "lin":
            return a
        if name == "abs":
            return abs(a)
        if name == "squared":
            return a * a
        if name == "cubed":
            return a * a * a
        over = abs(a) - e
        if over <= 0.0:
            return 0.0
        return math.copysign(over, a) if name == "lineps" else over

    def slope(self, a: float) -> float:
        """A subgradient of G at a, 0 at the kinks."""
        name = self.constraint
        if name == "lin":
            return 1.0
        if name == "squared":
            return 2.0 * a
        if name == "cubed":
            return 3.0 * a * a
        if a == 0.0 or (name != "abs" and abs(a) <= self.epsilon):
            return 0.0
        return 1.0 if name == "lineps" else math.copysign(1.0, a)

    def step(self, a: float, multiplier: float) -> tuple[float, float]:
        """One simultaneous step of both."""
        pull = (a - self.target) + multiplier * self.slope(a)
        raised = multiplier + self.multiplier_rate * self.value(a)
        return a - self.state_rate * pull, raised

    def run(self, steps: int, start: float = 0.0, multiplier: float = 0.0) -> tuple[float, float]:
        """State and multiplier after so many steps."""
        a = start
        for _ in range(steps):
            a, multiplier = self.step(a, multiplier)
        return a, multiplier

    def minimize(self, multiplier: float, start: float) -> float:
        """The a that minimizes ½(a − d)² + λ G(a), by Newton's method from ``start``.

        For the smooth G (lin, squared, cubed) and λ of the sign of G.

        Raises
        ------
        ConvergenceError
            If 50 iterations are not enough.
        """
        a = start
        for _ in range(50):
            pull = (a - self.target) + multiplier * self.slope(a)
            change = pull / (1.0 + multiplier * self._curvature(a))
            a -= change
            if abs(change) <= 1e-15 * max(1.0, abs(a)):
                return a
        raise ConvergenceError("the minimum over the state was not found", residual=abs(change))

    def run_exact(self, steps: int, start: float) -> tuple[float, float]:
        """As :meth:`run`, with a at its minimum before each step of the multiplier."""
        a, multiplier = start, 0.0
        for _ in range(steps):
            a = self.minimize(multiplier, a)
            multiplier += self.multiplier_rate * self.value(a)
        return self.minimize(multiplier, a), multiplier

    def _curvature(self, a: float) -> float:
        return {"squared": 2.0, "cubed": 6.0 * a}.get(self.constraint, 0.0)
