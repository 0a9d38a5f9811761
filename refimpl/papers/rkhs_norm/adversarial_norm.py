"""The penalty ‖f‖_δ²: the largest gain of every output within reach of the batch, squared.

Algorithm
---------
For every output k of the network and every example i

1. d_ki ← 0, then ``steps`` normalized ascent steps of length 1.5 ε / steps on f_k(x_i + d),
   projected to |d| <= ε (:mod:`refimpl.algorithms.attacks`)
2. i_k ← the example with the largest gain f_k(x_i + d_ki) − f_k(x_i)
3. R ← λ Σ_k (f_k(x_{i_k} + d_{k i_k}) − f_k(x_{i_k}))², differentiated with d held fixed

One pair of points for every output contributes.

Source: A. Bietti, G. Mialon, D. Chen and J. Mairal, "A kernel perspective for regularizing deep
neural networks", ICML 2019: ‖f‖_δ = sup of f(x + d) − f(x) over x and |d| <= 1 is a lower bound
of |f|_H. Here ε, the radius, plays the part of the strength, as in the released code: for small ε,
R / ε² tends to the penalty ‖∇f‖². Steps 1-3 follow the released code.

====== =======================
symbol code
====== =======================
ε      ``radius``
λ      ``strength`` (1)
====== =======================

Deviations
----------
* Where the gradient is 0 (a dead network), d stays where it is and contributes 0; the released
  code divides 0 by 0 there (:mod:`released`).
* ``selector``: "signed" takes the largest gain, as the definition says; "absolute" the largest
  change of either sign. Gains after ascent are rarely negative.

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.models import MLP, Objective
>>> params = [{"weight": np.array([[3.0, 4.0], [0.0, 1.0]]), "bias": np.zeros(2)}]
>>> batch = Batch(np.ones((3, 2)), np.array([0, 1, 1]))
>>> value, _ = AdversarialNorm(radius=0.5).value(params, batch, Objective(MLP((2, 2))), ())
>>> round(float(value), 12)
6.5
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.attacks import ProjectedGradientAttack, Start
from refimpl.algorithms.base import Objective, Tree
from refimpl.algorithms.gradient_penalties import (
    DERIVATIVES_HELP,
    STRENGTH_HELP,
    Derivatives,
    check_derivatives,
    closed,
    plain,
    unit_rows,
    zero,
)
from refimpl.arrays import Array, device, namespace
from refimpl.checks import count, non_negative, one_of, plain_numbers
from refimpl.models.input_gradients import input_gradients
from refimpl.models.linear_pieces import backward, linear_pieces
from refimpl.papers.rkhs_norm.ascent import climb
from refimpl.random import Rng

Selector = Literal["signed", "absolute"]


@dataclass(frozen=True, kw_only=True)
class AdversarialNorm:
    """λ Σ_k max_i (f_k(x_i + d_ki) − f_k(x_i))² with |d| <= ε, a penalty.

    Parameters
    ----------
    radius : float
        ε, in the units of the inputs; 0 leaves training as it is.
    strength : float
        λ; 0 leaves training as it is.
    steps : int
        Of the ascent.
    selector : {"signed", "absolute"}
    start : {"zero", "random"}
        Of the ascent; "random" needs an rng.
    derivatives : {"auto", "closed_form", "tape"}
        How the ascent finds input gradients.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> AdversarialNorm(radius=-0.1)
    Traceback (most recent call last):
    ...
    ValueError: radius must be non-negative and finite, not -0.1
    """

    radius: float = field(default=0.1, metadata={"help": "reach around the inputs"})
    strength: float = field(default=1.0, metadata={"help": STRENGTH_HELP})
    steps: int = field(default=5, metadata={"help": "ascent steps"})
    selector: Selector = field(
        default="signed", metadata={"help": "largest gain (signed) or largest change (absolute)"}
    )
    start: Start = field(default="zero", metadata={"help": "of the ascent: zero or random"})
    derivatives: Derivatives = field(default="auto", metadata={"help": DERIVATIVES_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("radius", self.radius)
        non_negative("strength", self.strength)
        count("steps", self.steps)
        one_of("selector", self.selector, get_args(Selector))
        one_of("start", self.start, get_args(Start))
        check_derivatives(self.derivatives)

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def value(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, tuple[()]]:
        """R, 0-d, differentiable in ``params`` by the tape."""
        if self.radius == 0.0 or self.strength == 0.0:
            return zero(params), ()
        model = objective.model  # type: ignore[attr-defined]
        inputs, moved = self.chosen(model, plain(params), batch.inputs, rng)
        outputs = ad.value(model(plain(params), inputs))
        unit = unit_rows(outputs)
        gains = ad.sum((model(params, moved) - model(params, inputs)) * unit, axis=-1)
        return self.strength * ad.sum(gains * gains), ()

    def diagnostics(
        self, params: Tree, batch: Any, objective: Objective, aux: Any
    ) -> dict[str, Array]:
        """``slope``: √(R / (λ ε²)), the gain per unit of reach; 0 where the penalty is off.

        The ascent starts at zero whatever ``start`` says, so that no rng is needed.
        """
        if self.radius == 0.0 or self.strength == 0.0:
            return {"slope": zero(params)}
        still = AdversarialNorm(
            radius=self.radius,
            steps=self.steps,
            selector=self.selector,
            derivatives=self.derivatives,
        )
        value, _ = still.value(params, batch, objective, ())
        return {"slope": namespace(value).sqrt(value) / self.radius}

    def chosen(
        self, model: Any, params: Tree, inputs: Array, rng: Rng | None = None
    ) -> tuple[Array, Array]:
        """The pair of points of every output: x_{i_k} and x_{i_k} + d, each of shape (K, n)."""
        moved, gains = self.gains(model, params, inputs, rng)
        xp = namespace(gains)
        scores = gains if self.selector == "signed" else xp.abs(gains)
        rows = xp.argmax(scores, axis=1)
        classes, examples = gains.shape
        offsets = xp.arange(classes, dtype=rows.dtype, device=device(rows)) * examples
        return xp.take(inputs, rows, axis=0), xp.take(moved, rows + offsets, axis=0)

    def gains(
        self, model: Any, params: Tree, inputs: Array, rng: Rng | None = None
    ) -> tuple[Array, Array]:
        """Every ascent of the batch.

        Parameters
        ----------
        model : callable
        params : tree
            Plain arrays.
        inputs : array, shape (P, n)
        rng : Rng, optional
            Needed for a random start.

        Returns
        -------
        moved : array, shape (K P, n)
            x_i + d_ki, output after output.
        gains : array, shape (K, P)
            f_k(x_i + d_ki) − f_k(x_i).
        """
        outputs = ad.value(model(params, inputs))
        xp = namespace(outputs)
        examples, classes = outputs.shape
        unit = unit_rows(outputs)
        wide = (classes, examples, classes)
        covectors = xp.reshape(xp.broadcast_to(unit[:, None, :], wide), (-1, classes))
        shape = (classes, *inputs.shape)
        repeated = xp.reshape(xp.broadcast_to(inputs[None, ...], shape), (-1, inputs.shape[1]))
        if closed(self.derivatives, model):
            if self._is_wide(params, inputs):
                pieces = linear_pieces(model, params, inputs)
                network = getattr(model, "network", model)
                moves, ends = climb(pieces, network.activation, covectors, self.radius, self.steps)
                reached = xp.sum(covectors * ends, axis=-1)
                return repeated + moves, xp.reshape(reached, (classes, examples)) - outputs.mT

            def gradient(x: Array) -> Array:
                return backward(linear_pieces(model, params, x), covectors).gradients
        else:

            def gradient(x: Array) -> Array:
                return input_gradients(model, params, x, covectors)

        attack = ProjectedGradientAttack(radius=self.radius, steps=self.steps, start=self.start)
        moved = attack.perturb(gradient, repeated, rng)
        reached = xp.sum(covectors * ad.value(model(params, moved)), axis=-1)
        return moved, xp.reshape(reached, (classes, examples)) - outputs.mT

    def _is_wide(self, params: Tree, inputs: Array) -> bool:
        """Whether the ascent is cheaper in the coordinates of the first layer: more inputs than
        units there. A random start lies outside of their span."""
        hidden = len(params) > 1
        return hidden and self.start == "zero" and inputs.shape[1] > params[0]["weight"].shape[0]
