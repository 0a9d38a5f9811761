"""The first-order updates by name, for whoever modifies the gradient and keeps the update.

An algorithm has the fields ``base``, ``learning_rate`` and ``momentum``, and asks for its update by
``first_order(self.base, self.learning_rate, self.momentum)``. :class:`UpdateSettings` are these
three by themselves, for a part that is put together with an update by name.

>>> first_order("nesterov", 0.1, 0.8)
Momentum(learning_rate=0.1, momentum=0.8, nesterov=True)
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
    accelerated = Momentum(
        learning_rate=learning_rate, momentum=momentum, nesterov=base == "nesterov"
    )
    if base == "sgd":
        return SGD(learning_rate=learning_rate)
    if base == "adam":
        return Adam(learning_rate=learning_rate, beta1=momentum)
    return accelerated


@dataclass(frozen=True, kw_only=True)
class UpdateSettings:
    """A first-order update in plain values: what the command line asks for.

    Parameters
    ----------
    base, learning_rate, momentum
        See :func:`first_order`.

    Examples
    --------
    >>> UpdateSettings(base="momentum").make()
    Momentum(learning_rate=0.1, momentum=0.9, nesterov=False)
    """

    base: BaseName = field(default="sgd", metadata={"help": BASE_HELP})
    learning_rate: float = field(default=0.1, metadata={"help": "length of a step, positive"})
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})

    def make(self) -> FirstOrder:
        """The update."""
        return first_order(self.base, self.learning_rate, self.momentum)
