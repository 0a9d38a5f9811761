"""The decay b_1 >= b_2 >= … of the inputs' importance, as the settings of several parts give it.

>>> decay_sequence(3, (), 2.0, 0.5)
(0.5, 0.125, 0.05555555555555555)
"""

from __future__ import annotations

from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.penalized import weight_matrices
from refimpl.arrays import Array, device, namespace
from refimpl.checks import positive
from refimpl.errors import SettingError
from refimpl.papers.lattice_networks.weights import positive_sequence

DECAY_HELP = "b_1 .. b_s, one for each input; empty for scale / j^power"
POWER_HELP = "of the default decay, positive"
SCALE_HELP = "b_1 of the default decay, positive"


def check_decay(decay: Any, power: float, scale: float = 1.0) -> tuple[float, ...]:
    """The given sequence as floats, checked; an empty one stays empty."""
    positive("power", power)
    positive("scale", scale)
    if isinstance(decay, (str, bytes)) or not hasattr(decay, "__iter__"):
        raise TypeError(f"decay must be a sequence of numbers, not {type(decay).__name__}")
    return positive_sequence("decay", decay) if tuple(decay) else ()


def decay_sequence(
    inputs: int, decay: tuple[float, ...], power: float, scale: float
) -> tuple[float, ...]:
    """b_1 .. b_s: the given sequence, or scale / j^power.

    Raises
    ------
    SettingError
        If the given one has another length than there are inputs.
    """
    if not decay:
        return tuple(scale * float(j) ** -power for j in range(1, inputs + 1))
    if len(decay) != inputs:
        raise SettingError(
            "the decay has another length than the first layer has inputs",
            decay=len(decay),
            inputs=inputs,
        )
    return decay


def as_array(values: tuple[float, ...], like: Array) -> Array:
    """A sequence beside ``like``."""
    plain = ad.value(like)
    return namespace(plain).asarray(values, dtype=plain.dtype, device=device(plain))


def layer_matrices(params: Any, who: str) -> list[Any]:
    """W_0 .. W_L of a tree of parameters, in its order.

    Raises
    ------
    SettingError
        If there is none to act on.
    """
    weights = weight_matrices(params)
    if not weights:
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in ad.flatten(params)[0])
        raise SettingError(f"{who} finds no weight matrix among parameters of shapes {shapes}")
    return weights
