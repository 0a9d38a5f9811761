"""Negative controls: the splitting on orthonormal layers with parts done in other ways.

They are what implementations do that come from Riemannian optimization, and are here to be
recognized; to train, use :mod:`refimpl.papers.constrained_langevin.o_cola_ud`.

>>> OrthogonalSplitting({}, retraction="qr").retraction
'qr'
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from refimpl.arrays import Array
from refimpl.constraints import Blocks, Constraint, Orthogonal, orthogonal_blocks
from refimpl.constraints.orthogonal import orthonormal_factor


class OrthogonalSplitting:
    """O, B and A with another retraction, momentum or tangent projection.

    Parameters
    ----------
    settings : mapping
        Those of o-CoLA-ud.
    retraction : {"shake", "qr", "polar"}
        From W + h P back to the constraint.
    momentum : {"increment", "carried"}
        After a drift: (W' − W)/h, or P, then projected.
    tangent : {"orthogonal", "canonical"}
        The projection on the tangent space.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        retraction: str = "shake",
        momentum: str = "increment",
        tangent: str = "orthogonal",
    ) -> None:
        self.settings = settings
        self.retraction, self.momentum, self.tangent = retraction, momentum, tangent

    def _blocks(self, params: list[Array]) -> Blocks:
        return orthogonal_blocks(params, self.settings["free_first"])

    def init(self, params: Any) -> Any:
        """Zero momenta."""
        q = self._blocks(list(params)).positions(list(params))
        return q, [0.0 * x for x in q], None, 0

    def step(self, params: Any, state: Any, gradient: Any, noise: Any) -> tuple[Any, Any]:
        """One step under the contract of an optimizer."""
        q, p, kept, count = state
        letters, blocks = self.settings["splitting"], self._blocks(list(params))
        draws = iter(noise if isinstance(noise, tuple) else (noise,))
        slopes = kept if count else None
        for part in letters:
            h = self.settings["step_size"] / letters.count(part)
            if part == "A":
                pairs = zip(blocks.constraints, q, p, strict=True)
                moved = [self._drift(c, x, u, h) for c, x, u in pairs]
                q, p, slopes = [m[0] for m in moved], [m[1] for m in moved], None
            elif part == "B":
                if slopes is None:
                    slopes = blocks.gradients(gradient(blocks.params(list(params), q)), q)
                p = [u - h * g for u, g in zip(p, slopes, strict=True)]
            else:
                c, d = self._heat(h)
                tall = blocks.gradients(list(next(draws)), q)
                p = [c * u + d * n for u, n in zip(p, tall, strict=True)]
            p = [self._flat(c, x, u) for c, x, u in zip(blocks.constraints, q, p, strict=True)]
        keeps = letters.rindex("B") > letters.rindex("A")
        return blocks.params(list(params), q), (q, p, slopes if keeps else None, count + 1)

    def _heat(self, h: float) -> tuple[float, float]:
        friction, temperature = self.settings["friction"], self.settings["temperature"]
        return math.exp(-friction * h), math.sqrt(temperature * -math.expm1(-2.0 * friction * h))

    def _flat(self, constraint: Constraint, q: Array, p: Array) -> Array:
        if not isinstance(constraint, Orthogonal):
            return p
        if self.tangent == "canonical":
            return p - q @ (p.mT @ q)
        return constraint.project_tangent(q, p)

    def _drift(self, constraint: Constraint, q: Array, p: Array, h: float) -> tuple[Array, Array]:
        target = q + h * p
        if not isinstance(constraint, Orthogonal):
            return target, p
        if self.retraction == "shake":
            end = constraint.project(q, target).point
        else:
            end = orthonormal_factor(target, self.retraction)
        return end, (end - q) / h if self.momentum == "increment" else p
