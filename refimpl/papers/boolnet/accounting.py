"""What a network stores and computes: bits and operations of a BoolNet and of its float twin.

>>> from refimpl.papers.boolnet.network import BoolNet
>>> costs(BoolNet((64, 128, 10), blocks=1)).binary_weight_bits
32768
"""

from __future__ import annotations

from typing import NamedTuple

from refimpl.papers.boolnet.network import BoolNet


class Costs(NamedTuple):
    """Of one forward pass on one example.

    Attributes
    ----------
    binary_weight_bits, float_weight_bits : int
        Of the binary layers; of stem, head and local shift at 32 bits.
    feature_bits : int
        The largest features that are kept for a shortcut beside those being read.
    bops, flops : int
        Multiplications and additions of bits and of floats, two for each weight.
    operations : float
        FLOPs + BOPs/64.
    """

    binary_weight_bits: int
    float_weight_bits: int
    feature_bits: int
    bops: int
    flops: int
    operations: float


def costs(model: BoolNet) -> Costs:
    """The costs of a network.

    Parameters
    ----------
    model : BoolNet
    """
    bits, widest = 0, 0
    for before, inner, outer in model.plan():
        entering = before if before != outer or inner == outer else inner
        bits += inner * entering + inner * inner
        if before != outer and model.shortcuts == "logic":
            bits += inner * before * model.slices
        widest = max(widest, 2 * model.slices * max(before, outer))
    stem, head = model.widths[0] * model.widths[1], model.widths[-2] * model.widths[-1]
    real = stem + head + model.local_shift * model.widths[1]
    bops, flops = 2 * bits, 2 * real
    return Costs(bits, 32 * real, widest, bops, flops, flops + bops / 64.0)
