"""The gate as a wrapper: any penalties act only while the loss's gradient stays coherent.

Algorithm
---------
1. g ← ∇L(w; batch), R ← gradient of the sum of the penalties, with their strengths
2. κ ← cos(g, g + R), or another reading of :mod:`refimpl.papers.gradient_coherent.gate`
3. on ← κ ≥ τ, and epoch ≥ γ; for the network, for each array, or for each element
4. g ← g + R where on, g elsewhere

Source: D. H. Park, C. M. Ho, Y. Chang, H. Zhang, "Gradient-coherent strong regularization for deep
neural networks", arXiv 1811.08056, abstract. The readings are those of
:mod:`refimpl.papers.gradient_coherent.gradient_coherent`, which says whose they are.

===== =====================================================
paper code
===== =====================================================
R     gradient of the composition's penalties
τ     ``threshold``
γ     ``delay``, in epochs
κ     ``coherence`` among the diagnostics
===== =====================================================

Deviations
----------
* The authors gate L1 and L2; here whatever penalties the composition has.
* A penalty that acts by a proximal map or by shrinking has no gradient to be compared: it is not
  gated. The algorithm ``gradient_coherent`` gates proximal L1.
* ``lookahead`` compares with the gradient at w − ``reach`` R.

>>> import numpy as np
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.l2 import L2
>>> from refimpl.algorithms.sgd import SGD
>>> gate = CoherenceGate(threshold=0.9)
>>> algorithm = Composition(SGD(learning_rate=0.1), L2(strength=1.0), gate)
>>> state = algorithm.init({"w": np.asarray([[1.0, 0.0]])}, steps_per_epoch=1)
>>> _, info = algorithm.step(state, lambda p, b: 0.5 * p["w"][0, 1], None)
>>> float(info.gate), round(float(info.coherence), 3)
(0.0, 0.447)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Include,
    Tree,
    is_regularized,
    regularized_leaves,
    tree_namespace,
    zeros_like,
)
from refimpl.algorithms.composed_gradient import Evaluate, Gradients
from refimpl.arrays import Array
from refimpl.checks import count, non_negative, one_of, plain_numbers, positive, real_between
from refimpl.papers.gradient_coherent.gate import READINGS, Limits, add, measure
from refimpl.random import Rng

Criterion = Literal["total", "lookahead", "sign", "ratio", "temporal", "always"]
Scope = Literal["global", "layer"]


class GateMemory(NamedTuple):
    """The last gradient (``()`` unless ``criterion="temporal"``), and the steps of an epoch."""

    previous: Tree
    steps_per_epoch: int


@dataclass(frozen=True, kw_only=True)
class CoherenceGate:
    """A gate on the penalties' gradient, a wrapper; reports ``gate`` and ``coherence``.

    Parameters
    ----------
    criterion : {"total", "lookahead", "sign", "ratio", "temporal", "always"}
    scope : {"global", "layer"}
        One decision, or one for each array.
    threshold : float
        τ in [−1, 1], for ``total``, ``lookahead`` and ``temporal``.
    ratio : float
        Largest ‖R‖ / ‖g‖ for ``ratio``, non-negative.
    delay : int
        γ, epochs without penalty.
    reach : float
        How far ``lookahead`` goes along −R, positive.
    include : {"weights", "all"}
        Which arrays are gated; on the others the penalties always act.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> CoherenceGate(threshold=1.5)
    Traceback (most recent call last):
    ...
    ValueError: threshold must lie in [-1, 1], not 1.5
    """

    requires: ClassVar[tuple[str, ...]] = ("steps_per_epoch",)

    criterion: Criterion = field(default="total", metadata={"help": "when the gate is open"})
    scope: Scope = field(default="global", metadata={"help": "one decision, or one an array"})
    threshold: float = field(
        default=0.7,
        metadata={"help": "least coherence of an open gate, in [-1, 1]", "minimum": -1.0},
    )
    ratio: float = field(default=1.0, metadata={"help": "largest penalty-to-loss ratio (ratio)"})
    delay: int = field(default=0, metadata={"help": "epochs without penalty at the start"})
    reach: float = field(default=0.1, metadata={"help": "step of the look-ahead, positive"})
    include: Include = field(
        default="weights", metadata={"help": "gate weight matrices only, or all parameters"}
    )

    def __post_init__(self) -> None:
        plain_numbers(self)
        one_of("criterion", self.criterion, get_args(Criterion))
        one_of("scope", self.scope, get_args(Scope))
        real_between("threshold", self.threshold, -1.0, 1.0)
        non_negative("ratio", self.ratio)
        count("delay", self.delay, at_least=0)
        positive("reach", self.reach)
        one_of("include", self.include, get_args(Include))

    def init(self, params: Tree, steps_per_epoch: int = 1) -> GateMemory:
        """What is remembered before the first step; SettingError if no array is gated."""
        count("steps_per_epoch", steps_per_epoch)
        regularized_leaves(params, self.include, "the gate")
        previous = zeros_like(params) if self.criterion == "temporal" else ()
        return GateMemory(previous, steps_per_epoch)

    def gradient(
        self,
        loss: Evaluate,
        penalty: Evaluate,
        params: Tree,
        aux: GateMemory,
        step: int,
        rng: Rng | None = None,
    ) -> tuple[Gradients, GateMemory]:
        """The gradient with the penalties where the gate is open."""
        value, gradient = loss(params)
        extra, more = penalty(params)
        if self.criterion == "temporal":
            kept, aux = aux.previous, aux._replace(previous=gradient)
        else:
            kept = None
        if more is None:
            one = tree_namespace(params).ones_like(value)
            return Gradients(value, extra, gradient, {"gate": one, "coherence": one}), aux
        if self.criterion == "lookahead":
            ahead = ad.map_tree(lambda w, r: w - self.reach * r, params, more)
            kept = loss(ahead)[1]
        slopes, structure = ad.flatten(gradient)
        pulls, _ = ad.flatten(ad.map_tree(lambda _, r: r, gradient, more))  # by name, as slopes
        chosen = [i for i, w in enumerate(ad.flatten(params)[0]) if is_regularized(w, self.include)]
        gates, kappa = self._gates(slopes, pulls, kept, chosen, params)
        if step // aux.steps_per_epoch < self.delay:
            gates = [0.0 * gate for gate in gates]
        xp = tree_namespace(params)
        share = add([xp.sum(gate) for gate in gates]) / sum(math.prod(g.shape) for g in gates)
        opened = dict(zip(chosen, gates, strict=True))
        mixed = [
            g + opened.get(i, 1.0) * r for i, (g, r) in enumerate(zip(slopes, pulls, strict=True))
        ]
        found = {"gate": share, "coherence": kappa}
        return Gradients(value, extra, ad.unflatten(structure, mixed), found), aux

    def _gates(
        self,
        slopes: list[Array],
        pulls: list[Array],
        other: Tree | None,
        chosen: list[int],
        params: Tree,
    ) -> tuple[list[Array], Array]:
        """0 or 1 for each gated array, or each of its elements, and the mean coherence."""
        xp = tree_namespace(params)
        leaves = ad.flatten(params)[0]
        others = None if other is None else [ad.flatten(other)[0][i] for i in chosen]
        pair = measure(
            [slopes[i] for i in chosen],
            [leaves[i] for i in chosen],
            [pulls[i] for i in chosen],
            others,
            each=self.scope == "layer",
        )
        kappa, opened = READINGS[self.criterion](pair, Limits(1.0, self.threshold, self.ratio))
        gates = [xp.astype(gate, kappa.dtype) for gate in opened]
        return (gates * len(chosen) if len(gates) < len(chosen) else gates), xp.mean(kappa)
