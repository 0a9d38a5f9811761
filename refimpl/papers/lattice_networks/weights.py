"""Weights of the coordinates: product, and product and order dependent (POD).

A weighted space counts the share of a set u of coordinates by γ_u: product weights are
γ_u = Π_{j∈u} γ_j, POD weights γ_u = Γ_{|u|} Π_{j∈u} γ_j. Functions of which mixed derivatives grow
like |ν|! b^ν, as those of parametric PDEs and of networks with restricted weights do, ask for POD
weights; any positive weights are valid, they change constants only.

Source: standard theory of weighted spaces. The usual choice for a growth of (|u|+1)! b^u is

    γ_u = [ (|u|+1)! Π_{j∈u} b_j / sqrt(2ζ(2αλ)) ]^{2/(1+λ)},

recalled in this form, up to factors of α for α > 1.

>>> PODWeights(gammas=(0.5, 0.25), orders=(1.0, 2.0)).of((1, 2))
0.25
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from refimpl.checks import plain_numbers
from refimpl.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class ProductWeights:
    """γ_u = Π_{j∈u} γ_j.

    Parameters
    ----------
    gammas : tuple of float
        γ_1 .. γ_s, positive.

    Raises
    ------
    SettingError
        For a weight that is not positive and finite, with its place j.

    Examples
    --------
    >>> ProductWeights(gammas=(1.0, 0.5)).of((2,))
    0.5
    """

    gammas: tuple[float, ...]

    def __post_init__(self) -> None:
        plain_numbers(self)
        object.__setattr__(self, "gammas", positive_sequence("gammas", self.gammas))

    def of(self, coordinates: Iterable[int]) -> float:
        """γ_u of a set of coordinates, counted from 1."""
        return math.prod(self.gammas[j - 1] for j in coordinates)

    def ratio(self, order: int) -> float:
        """Γ_l / Γ_{l−1}: 1."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class PODWeights:
    """γ_u = Γ_{|u|} Π_{j∈u} γ_j, with Γ_0 = 1.

    Parameters
    ----------
    gammas : tuple of float
        γ_1 .. γ_s, positive.
    orders : tuple of float
        Γ_1 .. Γ_s, positive.

    Raises
    ------
    SettingError
        For a weight that is not positive and finite, or sequences of different lengths.

    Examples
    --------
    >>> PODWeights(gammas=(1.0, 0.5), orders=(1.0,))
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: POD weights need one order for each coordinate (gammas=2, orders=1)
    """

    gammas: tuple[float, ...]
    orders: tuple[float, ...]

    def __post_init__(self) -> None:
        plain_numbers(self)
        object.__setattr__(self, "gammas", positive_sequence("gammas", self.gammas))
        object.__setattr__(self, "orders", positive_sequence("orders", self.orders))
        if len(self.gammas) != len(self.orders):
            raise SettingError(
                "POD weights need one order for each coordinate",
                gammas=len(self.gammas),
                orders=len(self.orders),
            )

    def of(self, coordinates: Iterable[int]) -> float:
        """γ_u of a set of coordinates, counted from 1."""
        chosen = list(coordinates)
        order = self.orders[len(chosen) - 1] if chosen else 1.0
        return order * math.prod(self.gammas[j - 1] for j in chosen)

    def ratio(self, order: int) -> float:
        """Γ_l / Γ_{l−1} for l = ``order`` >= 1."""
        return self.orders[order - 1] / (self.orders[order - 2] if order > 1 else 1.0)


def weights_for_decay(
    decay: Iterable[float], *, smoothness: int = 1, exponent: float = 1.0
) -> PODWeights:
    """POD weights for derivatives that grow like (|u|+1)! b^u.

    Parameters
    ----------
    decay : iterable of float
        b_1 .. b_s, positive.
    smoothness : int
        α.
    exponent : float
        λ in (1/(2α), 1].

    Raises
    ------
    SettingError
        If ``exponent`` lies outside its interval or a b_j is not positive.

    Examples
    --------
    >>> weights_for_decay((0.5, 0.125)).of((1,))
    0.5513288954217921
    """
    from scipy.special import zeta

    values = positive_sequence("decay", decay)
    if not 1.0 / (2.0 * smoothness) < exponent <= 1.0:
        raise SettingError(
            "the exponent must lie in (1/(2 smoothness), 1]",
            exponent=exponent,
            smoothness=smoothness,
        )
    power = 2.0 / (1.0 + exponent)
    scale = math.sqrt(2.0 * float(zeta(2.0 * smoothness * exponent)))
    return PODWeights(
        gammas=tuple((b / scale) ** power for b in values),
        orders=tuple(
            float(math.factorial(order + 1)) ** power for order in range(1, len(values) + 1)
        ),
    )


def positive_sequence(name: str, values: Iterable[float]) -> tuple[float, ...]:
    """``values`` as floats, all positive and finite.

    Raises
    ------
    SettingError
        For an empty sequence, or with the place j (counted from 1) of the first that is not
        positive.

    Examples
    --------
    >>> positive_sequence("decay", (1.0, -0.5))
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: decay must be positive and finite (j=2, value=-0.5)
    """
    result = tuple(float(value) for value in values)
    if not result:
        raise SettingError(f"{name} must have at least one entry")
    for j, value in enumerate(result, 1):
        if not 0.0 < value < math.inf:
            raise SettingError(f"{name} must be positive and finite", j=j, value=value)
    return result
