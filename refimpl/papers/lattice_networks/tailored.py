"""Tailored regularization: a weight decay that knows how much each input matters.

Algorithm
---------
1. b_j ← the decay, divided by its largest entry (b_1, where it decreases)
2. R ← Σ_{p,j} (W_{0,pj} / b_j)² + Σ_{l≥1} ‖W_l‖_F²            (``form="tailored"``)
   R ← Σ_l ‖W_l‖_F²                                            (``form="l2"``, the baseline)
3. loss ← mean of the squared errors + λ R

Sources: A. Keller, F. Y. Kuo, D. Nuyens and I. H. Sloan, arXiv 2502.12496 and 2603.02809. Their
abstracts say that the parameters are restricted by tailored regularization terms, to match the
regularity of the target; the exact terms are not public, and this one is derived here.

===== ============================
paper code
===== ============================
λ     ``strength``
b     ``decay``
===== ============================

Deviations
----------
* Biases are not penalised.
* b counts up to a factor, which λ absorbs in the first layer: its largest entry is made 1.
* With W_0 = V diag(b) the tailored penalty is the plain one of the network V on inputs b_j y_j:
  the objective is the same number. The path of gradient descent is not: it is preconditioned
  by b².

>>> import numpy as np
>>> penalty = TailoredPenalty(strength=1.0, decay=(1.0, 0.5))
>>> params = [{"weight": np.array([[1.0, 1.0]]), "bias": np.zeros(1)}]
>>> float(penalty.value(params, None, None, penalty.init(params), None)[0])
5.0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.checks import non_negative, one_of, plain_numbers
from refimpl.papers.lattice_networks.decay import (
    DECAY_HELP,
    POWER_HELP,
    as_array,
    check_decay,
    decay_sequence,
    layer_matrices,
)
from refimpl.random import Rng

Form = Literal["tailored", "l2"]


@dataclass(frozen=True, kw_only=True)
class TailoredPenalty:
    """λ [Σ (W_0 / b)² + Σ_{l≥1} ‖W_l‖²], to be added to a loss.

    Parameters
    ----------
    strength : float
        λ, non-negative.
    form : {"tailored", "l2"}
        "l2" leaves b out: the baseline.
    decay : tuple of float
        b_1 .. b_s, one for each column of the first weight matrix; empty for j^−power.
    power : float
        Of the default decay.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range, such as a b_j that is not positive.

    Examples
    --------
    >>> TailoredPenalty(decay=(1.0, 0.0))
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: decay must be positive and finite (j=2, value=0)
    """

    strength: float = field(default=1e-6, metadata={"help": "weight of the penalty, >= 0"})
    form: Form = field(default="tailored", metadata={"help": "with the decay, or plain l2"})
    decay: tuple[float, ...] = field(default=(), metadata={"help": DECAY_HELP})
    power: float = field(default=2.0, metadata={"help": POWER_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        one_of("form", self.form, ("tailored", "l2"))
        object.__setattr__(self, "decay", check_decay(self.decay, self.power))

    def init(self, params: Any) -> tuple[()]:
        """Nothing to remember; checks that the decay fits.

        Raises
        ------
        SettingError
            If there is no weight matrix, or the decay has another length than it has columns.
        """
        self._factors(layer_matrices(params, "the tailored penalty")[0])
        return ()

    def value(
        self, params: Any, batch: Any, objective: Any, aux: Any, rng: Rng | None
    ) -> tuple[Any, Any]:
        """λ R, differentiable in ``params``; the other arguments are not used."""
        weights = layer_matrices(params, "the tailored penalty")
        return self.strength * weighted_squares(weights, self._factors(weights[0])), aux

    def value_and_gradient(
        self, params: Any, batch: Any, objective: Any, aux: Any, rng: Rng | None
    ) -> tuple[Array, Any, Any]:
        """λ R and its gradient 2λ W_0 / b², 2λ W_l in closed form; zero for biases."""
        leaves, structure = ad.flatten(params)
        xp = namespace(*leaves)
        gradient, total, first = [], None, True
        for leaf in leaves:
            if leaf.ndim < 2:
                gradient.append(xp.zeros_like(leaf))
                continue
            pull = (2.0 * self.strength) * leaf
            if first:
                factors = self._factors(xp.reshape(leaf, (leaf.shape[0], -1)))
                pull = pull * xp.reshape(factors, (1, *leaf.shape[1:]))
                first = False
            gradient.append(pull)
            term = 0.5 * xp.sum(pull * leaf)
            total = term if total is None else total + term
        return total, ad.unflatten(structure, gradient), aux

    def diagnostics(self, params: Any, batch: Any, objective: Any, aux: Any) -> dict[str, Array]:
        """The two sums without λ: ``first_layer`` (with b) and ``other_layers``."""
        weights = layer_matrices(params, "the tailored penalty")
        whole = weighted_squares(weights, self._factors(weights[0]))
        first = weighted_squares(weights[:1], self._factors(weights[0]))
        return {"first_layer": first, "other_layers": whole - first}

    def _factors(self, first: Any) -> Array:
        """(max b / b_j)², or ones."""
        inputs = first.shape[1]
        decay = decay_sequence(inputs, self.decay, self.power, 1.0)
        if self.form == "l2":
            decay = (1.0,) * inputs
        largest = max(decay)
        return as_array(tuple((largest / b) ** 2 for b in decay), first)


def weighted_squares(weights: list[Any], factors: Any) -> Any:
    """Σ_{p,j} f_j W_{0,pj}² + Σ_{l≥1} ‖W_l‖²; over all networks of a stack where there is one.

    Parameters
    ----------
    weights : list of array
        W_0 .. W_L, (out, in) on the last two axes; differentiable.
    factors : array, shape (s,)

    Examples
    --------
    >>> import numpy as np
    >>> float(weighted_squares([np.ones((1, 2)), 3.0 * np.ones((1, 1))], np.array([1.0, 4.0])))
    14.0
    """
    total = ad.sum(factors * weights[0] * weights[0])
    for weight in weights[1:]:
        total = total + ad.sum(weight * weight)
    return total
