"""Hinge and projection: the first layer kept where the bound on derivatives matches the target.

Algorithm
---------
A network with |W_{0,pj}| <= b_j / Q for all p has |∂^ν G| <= (P/Q) |ν|! b^ν, the growth of a target
with decay b; P and Q depend on the later layers alone (:func:`activations.growth`).

1. hinge: R ← Σ_j max(0, β_j Q / b_j − 1)², β_j = max_p |W_{0,pj}|; loss ← mean squares + λ R
2. projection: after each step W_{0,pj} ← W_{0,pj} clipped to ±b_j / Q, with Q of that step

Source: derived here from the bound; arXiv 2502.12496 (abstract) says only that parameters are
restricted to match the regularity of the target.

===== ============================
paper code
===== ============================
λ     ``strength``
b     ``decay``
===== ============================

Deviations
----------
* b is the decay in the inputs that the first layer sees: for inputs 2y − 1 that is half the decay
  in y.
* ``through_growth=False`` treats Q as a constant in the gradient of the hinge.
* ``constants="coarse"`` takes the constants that are recalled as the paper's.

>>> import numpy as np
>>> restriction = DecayProjection(decay=(1.0, 0.5), activation="sin")
>>> params = [{"weight": np.array([[9.0, 9.0]])}, {"weight": np.array([[1.0]])}]
>>> restriction.project(params, restriction.init(params), 0, None)[0][0]["weight"]
array([[2., 1.]])
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.checks import flag, non_negative, one_of, plain_numbers
from refimpl.errors import SettingError
from refimpl.papers.lattice_networks.activations import Constants, column_peak, growth, smooth
from refimpl.papers.lattice_networks.decay import (
    DECAY_HELP,
    POWER_HELP,
    SCALE_HELP,
    as_array,
    check_decay,
    decay_sequence,
    layer_matrices,
)
from refimpl.random import Rng

_ACTIVATION_HELP = "of the network, smooth"
_CONSTANTS_HELP = "of the activation's derivatives: sharp (derived) or coarse (recalled)"


def _check(settings: Any) -> None:
    smooth(settings.activation)
    one_of("constants", settings.constants, get_args(Constants))
    decay = check_decay(settings.decay, settings.power, settings.scale)
    object.__setattr__(settings, "decay", decay)


def _sequence(settings: Any, first: Any) -> Array:
    inputs = first.shape[1]
    values = decay_sequence(inputs, settings.decay, settings.power, settings.scale)
    return as_array(values, first)


@dataclass(frozen=True, kw_only=True)
class DecayHinge:
    """λ Σ_j max(0, max_p |W_{0,pj}| Q / b_j − 1)², to be added to a loss.

    Parameters
    ----------
    strength : float
        λ, non-negative.
    activation : {"swish", "sigmoid", "tanh", "sin"}
        That of the network.
    decay : tuple of float
        b_1 .. b_s; empty for scale / j^power.
    power, scale : float
    constants : {"sharp", "coarse"}
    through_growth : bool
        Differentiate Q too, which depends on the later layers.

    Raises
    ------
    SettingError
        For an activation without constants (ReLU), or a b_j that is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> hinge = DecayHinge(strength=1.0, decay=(1.0, 0.5), activation="sin")
    >>> params = [{"weight": np.array([[4.0, 1.0]])}, {"weight": np.array([[1.0]])}]
    >>> float(hinge.value(params, None, None, (), None)[0])
    1.0
    """

    strength: float = field(default=1e-6, metadata={"help": "weight of the penalty, >= 0"})
    activation: str = field(default="swish", metadata={"help": _ACTIVATION_HELP})
    decay: tuple[float, ...] = field(default=(), metadata={"help": DECAY_HELP})
    power: float = field(default=2.0, metadata={"help": POWER_HELP})
    scale: float = field(default=0.5, metadata={"help": SCALE_HELP})
    constants: Constants = field(default="sharp", metadata={"help": _CONSTANTS_HELP})
    through_growth: bool = field(default=True, metadata={"help": "differentiate Q too"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        flag("through_growth", self.through_growth)
        _check(self)

    def init(self, params: Any) -> tuple[()]:
        """Nothing to remember; checks that decay and network fit.

        Raises
        ------
        SettingError
            If the decay has another length than there are inputs, or there is no hidden layer.
        """
        self._excess(layer_matrices(params, "the hinge on the decay"))
        return ()

    def value(
        self, params: Any, batch: Any, objective: Any, aux: Any, rng: Rng | None
    ) -> tuple[Any, Any]:
        """λ R, differentiable in ``params``.

        Raises
        ------
        SettingError
            If the objective's network has another activation than the constants belong to.
        """
        found = getattr(getattr(objective, "model", None), "activation", self.activation)
        if found != self.activation:
            raise SettingError(
                f"the hinge has the constants of {self.activation!r}, the network is {found!r}: "
                f"set activation="
            )
        over = ad.relu(self._excess(layer_matrices(params, "the hinge on the decay")) - 1.0)
        return self.strength * ad.sum(over * over), aux

    def diagnostics(self, params: Any, batch: Any, objective: Any, aux: Any) -> dict[str, Array]:
        """``largest_excess``: max_j β_j Q / b_j, at most 1 where the bound matches."""
        excess = self._excess(layer_matrices(params, "the hinge on the decay"))
        return {"largest_excess": ad.max(excess)}

    def _excess(self, weights: list[Any]) -> Any:
        rate = growth(weights, self.activation, self.constants)[1]
        if not self.through_growth:
            rate = ad.stop_gradient(rate)
        return column_peak(weights[0]) * rate / _sequence(self, weights[0])


@dataclass(frozen=True, kw_only=True)
class DecayProjection:
    """|W_{0,pj}| <= b_j / Q after every step.

    Parameters
    ----------
    activation, decay, power, scale, constants
        As for :class:`DecayHinge`.

    Raises
    ------
    SettingError
        For an activation without constants (ReLU), or a b_j that is not positive.

    Examples
    --------
    >>> DecayProjection(activation="relu")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: no constants bound the derivatives of this activation: ...
    """

    activation: str = field(default="swish", metadata={"help": _ACTIVATION_HELP})
    decay: tuple[float, ...] = field(default=(), metadata={"help": DECAY_HELP})
    power: float = field(default=2.0, metadata={"help": POWER_HELP})
    scale: float = field(default=0.5, metadata={"help": SCALE_HELP})
    constants: Constants = field(default="sharp", metadata={"help": _CONSTANTS_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        _check(self)

    def init(self, params: Any) -> tuple[()]:
        """Nothing to remember; checks that decay and network fit.

        Raises
        ------
        SettingError
            If the decay has another length than there are inputs, or there is no hidden layer.
        """
        self.limits(params)
        return ()

    def limits(self, params: Any) -> Array:
        """b_j / Q for these parameters, shape (s,)."""
        weights = layer_matrices(params, "the projection onto the decay")
        rate = growth(weights, self.activation, self.constants)[1]
        return _sequence(self, weights[0]) / rate

    def project(self, params: Any, aux: Any, step: int, rng: Rng | None) -> tuple[Any, Any]:
        """The parameters with the first weight matrix clipped; nothing else changes."""
        leaves, structure = ad.flatten(params)
        limits = self.limits(params)
        xp = namespace(limits)
        place = next(index for index, leaf in enumerate(leaves) if leaf.ndim >= 2)
        bound = xp.reshape(limits, (1, *leaves[place].shape[1:]))
        clipped = list(leaves)
        clipped[place] = xp.minimum(xp.maximum(leaves[place], -bound), bound)
        return ad.unflatten(structure, clipped), aux
