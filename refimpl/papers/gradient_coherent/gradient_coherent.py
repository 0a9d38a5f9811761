"""Gradient-coherent strong regularization: impose the penalty only while gradients stay coherent.

Algorithm
---------
1. g ← ∇L(w; batch), the loss alone
2. R ← w (L2) or sign(w) (L1, sign 0 = 0), on the weights only
3. κ ← cos(g, g + λR), or one of the other readings below, clipped to [−1, 1]
4. on ← κ ≥ τ, and epoch ≥ γ; for the network, for each layer, or for each element
5. g ← g + λR where on (penalty inside the buffer)
6. d ← direction of the base update for g;  w ← w − α d
7. where on: w ← w − α λ R (L2 or sub-gradient, outside the buffer); w ← S(w, α λ) (proximal L1)

A shut gate leaves exactly the base update's own step: no rollback, no retry, no memory.

Source: D. H. Park, C. M. Ho, Y. Chang, H. Zhang, "Gradient-coherent strong regularization for deep
neural networks", arXiv 1811.08056, abstract: the penalty is imposed only when gradients are kept
coherent in its presence. D. H. Park, C. M. Ho, Y. Chang, "Achieving strong regularization for deep
neural networks", 2018 (OpenReview Bys_NzbC-), abstract: a tolerance level of the strength, and
delayed strong regularization.

===== ====================================
paper code
===== ====================================
λ     ``strength``
α     ``learning_rate``
τ     ``threshold``
γ     ``delay``, in epochs
μ     ``momentum``
κ     ``info.coherence``
S     ``l1.soft_threshold``
w     ``state.params``
===== ====================================

Whose reading is whose
----------------------
The abstracts define neither the quantities that are compared nor a threshold. Every ``criterion``
is therefore a reading of this package, none the authors' formula:

============== ================================================================================
``always``     strong regularization without a gate; with ``delay`` > 0 the authors' delayed
               regularization, whose shape (λ = 0 for γ epochs, λ afterwards) is the usual reading
``total``      κ = cos(g, g + λR): does the penalty turn the step away from the loss? No second
               back-propagation. The default
``lookahead``  κ = cos(g(w), g(P(w))), P the penalty's own step: does the loss's gradient survive
               the step? One more back-propagation on the same batch. Blind to a collapse in which
               all weights shrink together, since the direction of g hardly turns then
``sign``       element by element: keep λRᵢ where gᵢ + λRᵢ has the sign of gᵢ
``ratio``      ‖λR‖ ≤ ``ratio`` ‖g‖; with ratio 1 close to ``total`` at τ = 0.7
``temporal``   κ = cos(g_t, g_{t−1}), the batch before; an ablation
============== ================================================================================

With ``scope="layer"`` each weight matrix decides for itself.

Deviations
----------
* The penalty is ½ λ ‖w‖² or λ ‖w‖₁, on arrays of two or more axes; biases are free by default.
* Where a cosine is undefined, because one of the two vectors is zero, κ is 0: a gate with τ > 0
  stays shut, one with τ ≤ 0 opens. With λ = 0 κ is 1.
* A network whose weights are all zero is a legal state: R = 0, κ = 1 unless g = 0, and
  ``info.nonzero`` is 0. A proximal step has no gradient that a buffer could hold: it is always
  outside. At τ = 1 rounding decides.
* The gate needs gradient noise. At the regularized optimum of a full batch g = −λR, where the
  cosine of ``total`` is 0/0: rounding shuts the gate, and beyond that point κ = −1. The network
  then ends unregularized, as it does once the training set is fitted and g → 0.

>>> import numpy as np
>>> algorithm = GradientCoherent(strength=0.5, learning_rate=1.0)
>>> state = algorithm.init({"weight": np.asarray([[4.0, 0.0]])})
>>> state, info = algorithm.step(state, lambda p, batch: p["weight"][0, 1], None)
>>> state.params["weight"], float(info.gate), round(float(info.coherence), 4)
(array([[ 4., -1.]]), 0.0, 0.4472)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    FirstOrder,
    Include,
    Objective,
    State,
    Tree,
    check_params,
    descend,
    is_regularized,
    loss_and_gradient,
    zeros_like,
)
from refimpl.algorithms.l1 import soft_threshold
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.arrays import Array, count_nonzero, namespace
from refimpl.checks import count, flag, non_negative, one_of, plain_numbers, real_between
from refimpl.papers.gradient_coherent.gate import READINGS, Limits, add, measure
from refimpl.random import Rng

Criterion = Literal["total", "lookahead", "sign", "ratio", "temporal", "always"]
Penalty = Literal["l2", "l1", "l1_subgradient"]
Placement = Literal["inside", "outside"]
Scope = Literal["global", "layer"]


class GateState(NamedTuple):
    """State of a gated update.

    Attributes
    ----------
    params : tree
    step : int
    buffers : tree
        Of the base update.
    previous : tree or None
        The last gradient, for ``criterion="temporal"``; zero before the first step.
    steps_per_epoch : int
    """

    params: Tree
    step: int
    buffers: Tree
    previous: Tree
    steps_per_epoch: int


class GateInfo(NamedTuple):
    """Diagnostics of a gated step; all but ``nonzero`` are taken before it.

    Attributes
    ----------
    loss : 0-d array
        The loss of the batch, without the penalty.
    gate : 0-d array
        1 open, 0 shut; the share of open layers for ``scope="layer"``, of open elements for
        ``criterion="sign"``.
    coherence : 0-d array
        κ of the criterion; cos(g, g + λR) for those that do not use one; the mean over layers
        for ``scope="layer"``.
    gradient_norm, weight_norm : 0-d array
        ‖g‖ and ‖w‖ over all penalized arrays.
    nonzero : 0-d array
        The fraction of the penalized weights that is not exactly zero after the step.
    """

    loss: Array
    gate: Array
    coherence: Array
    gradient_norm: Array
    weight_norm: Array
    nonzero: Array


@dataclass(frozen=True, kw_only=True)
class GradientCoherent:
    """Strong L1 or L2 regularization: plain, delayed, or behind a gate on coherence.

    Parameters
    ----------
    strength : float
        λ, non-negative.
    learning_rate : float
        α of the base update, positive.
    penalty : {"l2", "l1", "l1_subgradient"}
        ½ λ ‖w‖²; λ ‖w‖₁ by soft thresholding, which reaches exact zeros; or λ sign(w) in the
        gradient, which chatters around zero.
    criterion : {"total", "lookahead", "sign", "ratio", "temporal", "always"}
        When the gate is open.
    scope : {"global", "layer"}
        One decision, or one for each array.
    threshold : float
        τ in [−1, 1], for ``total``, ``lookahead`` and ``temporal``. −1 is always open.
    ratio : float
        Largest ‖λR‖ / ‖g‖ for ``ratio``, non-negative.
    delay : int
        γ, epochs without penalty, for every criterion.
    base : {"sgd", "momentum", "nesterov", "adam"}
        The first-order update.
    momentum : float
        μ of the base update, in [0, 1).
    placement : {"inside", "outside"}
        The penalty's gradient enters the momentum buffer (coupled) or stays outside (decoupled);
        without meaning for ``l1``, which is always outside.
    keep_zeros : bool
        A shut gate leaves weights that are exactly zero at zero; otherwise it moves them all.
    include : {"weights", "all"}
        Penalise weight matrices only, or all parameters.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range, or if L2 with α λ >= 2 would make
        the weights oscillate without decay.

    Examples
    --------
    >>> GradientCoherent(strength=30.0, learning_rate=0.1)
    Traceback (most recent call last):
    ...
    ValueError: learning_rate * strength must be below 2 for l2, not 0.1 * 30 = 3: each step \
multiplies the weights by 1 - 3 = -2, which oscillates and does not decay
    """

    requires: ClassVar[tuple[str, ...]] = ("steps_per_epoch",)

    strength: float = field(default=0.01, metadata={"help": "weight of the penalty, >= 0"})
    learning_rate: float = field(default=0.1, metadata={"help": "step size, positive"})
    penalty: Penalty = field(
        default="l2", metadata={"help": "squared, absolute by thresholding, or by sub-gradient"}
    )
    criterion: Criterion = field(default="total", metadata={"help": "when the gate is open"})
    scope: Scope = field(
        default="global", metadata={"help": "one decision for all weights, or one a layer"}
    )
    threshold: float = field(
        default=0.7,
        metadata={"help": "least coherence of an open gate, in [-1, 1]", "minimum": -1.0},
    )
    ratio: float = field(
        default=1.0, metadata={"help": "largest penalty-to-loss ratio of gradients (ratio)"}
    )
    delay: int = field(default=0, metadata={"help": "epochs without penalty at the start"})
    base: BaseName = field(default="sgd", metadata={"help": BASE_HELP})
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})
    placement: Placement = field(
        default="inside", metadata={"help": "penalty inside or outside the momentum buffer"}
    )
    keep_zeros: bool = field(
        default=False, metadata={"help": "a shut gate leaves exact zeros at zero"}
    )
    include: Include = field(
        default="weights", metadata={"help": "penalise weight matrices only, or all parameters"}
    )

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        first_order(self.base, self.learning_rate, self.momentum)
        one_of("penalty", self.penalty, get_args(Penalty))
        one_of("criterion", self.criterion, get_args(Criterion))
        one_of("scope", self.scope, get_args(Scope))
        real_between("threshold", self.threshold, -1.0, 1.0)
        non_negative("ratio", self.ratio)
        count("delay", self.delay, at_least=0)
        one_of("placement", self.placement, get_args(Placement))
        flag("keep_zeros", self.keep_zeros)
        one_of("include", self.include, get_args(Include))
        shrink = self.learning_rate * self.strength
        if self.penalty == "l2" and shrink >= 2.0:
            raise ValueError(
                f"learning_rate * strength must be below 2 for l2, not {self.learning_rate:g} * "
                f"{self.strength:g} = {shrink:g}: each step multiplies the weights by "
                f"1 - {shrink:g} = {1.0 - shrink:g}, which oscillates and does not decay"
            )

    @property
    def update(self) -> FirstOrder:
        """The first-order update that takes the step."""
        return first_order(self.base, self.learning_rate, self.momentum)

    def init(self, params: Tree, *, steps_per_epoch: int = 1) -> GateState:
        """The state before the first step.

        Parameters
        ----------
        params : tree of arrays
        steps_per_epoch : int
            In which ``delay`` is counted; the training loop passes it. 1: a step is an epoch.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not a float array, or none is penalized.
        """
        check_params(params)
        count("steps_per_epoch", steps_per_epoch)
        if not any(is_regularized(leaf, self.include) for leaf in ad.flatten(params)[0]):
            raise ValueError(
                "no parameter has two axes, so no weight would be penalised: set include='all'"
            )
        previous = zeros_like(params) if self.criterion == "temporal" else None
        return GateState(params, 0, self.update.buffers(params), previous, steps_per_epoch)

    def step(
        self, state: GateState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[GateState, GateInfo]:
        """One step; ``rng`` is not used."""
        loss, gradient = loss_and_gradient(objective, state.params, batch)  # line 1
        xp = namespace(loss)
        params, structure = ad.flatten(state.params)
        slopes, _ = ad.flatten(gradient)
        chosen = [i for i, leaf in enumerate(params) if is_regularized(leaf, self.include)]
        weights = [params[i] for i in chosen]
        pulls = weights if self.penalty == "l2" else [xp.sign(w) for w in weights]  # line 2

        # Without a penalty nothing is compared: κ is 1, and no second gradient is taken.
        criterion = "always" if self.strength == 0.0 else self.criterion
        others = self._other_gradient(criterion, state, objective, batch, chosen)
        heard = [slopes[i] for i in chosen]
        pair = measure(heard, weights, pulls, others, each=self.scope == "layer")
        limits = Limits(self.strength, self.threshold, self.ratio)
        kappa, opened = READINGS[criterion](pair, limits)  # lines 3 and 4
        if state.step // state.steps_per_epoch < self.delay:
            opened = [xp.zeros_like(gate) for gate in opened]
        gates = [xp.astype(gate, loss.dtype) for gate in opened]
        share = add([xp.sum(gate) for gate in gates]) / sum(map(_size, gates))
        if len(gates) < len(chosen):  # the one gate of the whole network serves every array
            gates = gates * len(chosen)
        strengths = [self.strength * gate for gate in gates]

        inside = self.penalty != "l1" and self.placement == "inside"
        if inside:  # line 5
            for i, lam, pull in zip(chosen, strengths, pulls, strict=True):
                slopes[i] = slopes[i] + lam * pull
        base = State(state.params, state.step, state.buffers)
        moved = descend(self.update, base, ad.unflatten(structure, slopes))  # line 6
        after, _ = ad.flatten(moved.params)
        if not inside:  # line 7
            for i, lam, pull in zip(chosen, strengths, pulls, strict=True):
                after[i] = self._penalize(after[i], self.learning_rate * lam, pull)
        if self.keep_zeros:
            for i, gate, old in zip(chosen, gates, weights, strict=True):
                after[i] = xp.where((gate > 0.0) | (old != 0.0), after[i], old)

        kept = gradient if self.criterion == "temporal" else None
        new = GateState(
            ad.unflatten(structure, after), moved.step, moved.buffers, kept, state.steps_per_epoch
        )
        nonzero = _nonzero([after[i] for i in chosen], loss.dtype)
        return new, GateInfo(loss, share, xp.mean(kappa), *pair.norms, nonzero)

    def _other_gradient(
        self, criterion: str, state: GateState, objective: Objective, batch: Any, chosen: list[int]
    ) -> list[Array] | None:
        """The second gradient that ``lookahead`` and ``temporal`` compare with."""
        if criterion == "temporal":
            leaves, _ = ad.flatten(state.previous)
        elif criterion == "lookahead":
            ahead, structure = ad.flatten(state.params)
            size = self.learning_rate * self.strength
            for i in chosen:
                pull = ahead[i] if self.penalty == "l2" else namespace(ahead[i]).sign(ahead[i])
                ahead[i] = self._penalize(ahead[i], size, pull)
            leaves, _ = ad.flatten(ad.grad(objective)(ad.unflatten(structure, ahead), batch))
        else:
            return None
        return [leaves[i] for i in chosen]

    def _penalize(self, weight: Array, size: Any, pull: Array) -> Array:
        """A step of the penalty alone: outside the buffer, and for P(w)."""
        return soft_threshold(weight, size) if self.penalty == "l1" else weight - size * pull


def _size(array: Array) -> int:
    return math.prod(array.shape)


def _nonzero(weights: list[Array], dtype: Any) -> Array:
    xp = namespace(*weights)
    kept = add([count_nonzero(w != 0.0) for w in weights])
    return xp.astype(kept, dtype) / sum(map(_size, weights))
