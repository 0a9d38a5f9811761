"""Known deviations of implementations, as settings of the reference.

No code of the authors was released, so these are mistakes that are easily made and readings that
differ; each is a setting whose effect a comparison shows.

>>> [deviation.name for deviation in DEVIATIONS][:2]
['untailored', 'coarse_constants']
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Deviation(NamedTuple):
    """A way in which implementations differ from the reference.

    Attributes
    ----------
    name : str
    what : str
        What is done instead, and what follows.
    part : str
        The class that has the switch.
    switch : dict
        Its fields and the values that stand for the deviation.
    """

    name: str
    what: str
    part: str
    switch: dict[str, Any]


DEVIATIONS = (
    Deviation(
        "untailored",
        "plain weight decay on the first layer: unimportant inputs keep their columns",
        "TailoredPenalty",
        {"form": "l2"},
    ),
    Deviation(
        "coarse_constants",
        "n!, 2^n n! and 1.1 n! bound the derivatives of sigmoid, tanh and swish (recalled as the "
        "papers'): Q is larger, and the first layer is held smaller than the bound needs",
        "DecayProjection",
        {"constants": "coarse"},
    ),
    Deviation(
        "constant_growth",
        "Q is treated as a constant in the gradient of the hinge: later layers are not pulled",
        "DecayHinge",
        {"through_growth": False},
    ),
    Deviation(
        "natural_order",
        "points in the order k/N: the first 2^m of them are no lattice, training can not be "
        "stopped early and extended",
        "Lattice",
        {"order": "natural"},
    ),
    Deviation(
        "degenerate_vector",
        "entries that share a factor with N are allowed: projections repeat points",
        "Lattice",
        {"degenerate": True},
    ),
    Deviation(
        "inputs_not_centered",
        "the first layer sees y instead of 2y − 1: the decay that it has to match doubles",
        "SmoothNetwork",
        {"inputs": "plain"},
    ),
)
"""All of them, apart from one that no setting offers: points formed in float32, which are no
lattice for large N (see :mod:`refimpl.papers.lattice_networks.lattices`)."""
