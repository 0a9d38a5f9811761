"""The first-order updates by name, for wrappers that modify the gradient and keep the update.

A wrapper has the fields ``base``, ``learning_rate`` and ``momentum``, and asks for its update by
``first_order(self.base, self.learning_rate, self.momentum)``.

>>> first_order("nesterov", 0.1, 0.8)
Momentum(learning_rate=0.1, momentum=0.8, nesterov=True)
"""

from __future__ import annotations

from typing import Literal, get_args

from refimpl.algorithms.adam import Adam
from refimpl.algorithms.base import FirstOrder
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.checks import one_of

BaseName = Literal["sgd", "momentum", "nesterov", "adam"]

BASE_HELP = "the first-order update that takes the step"
MOMENTUM_HELP = "momentum of the base update (beta1 of adam; sgd has none), in [0, 1)"


def first_order(base: BaseName, learning_rate: float, momentum: float = 0.9) -> FirstOrder:
    """The first-order update called ``base``.

    Parameters
    ----------
    base : {"sgd", "momentum", "nesterov", "adam"}
    learning_rate : float
        Positive.
    momentum : float
        μ of momentum and nesterov, β₁ of adam; checked, and not used, for sgd.

    Raises
    ------
    TypeError, ValueError
        For an unknown name or a hyper-parameter outside its range.

    Examples
    --------
    >>> first_order("adm", 0.1)
    Traceback (most recent call last):
    ...
    ValueError: base must be one of sgd, momentum, nesterov, adam, not 'adm'
    """
    one_of("base", base, get_args(BaseName))
    accelerated = Momentum(learning_rate, momentum, nesterov=base == "nesterov")
    if base == "sgd":
        return SGD(learning_rate)
    if base == "adam":
        return Adam(learning_rate, beta1=momentum)
    return accelerated
