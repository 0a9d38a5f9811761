"""Known deviations of implementations, as settings of the reference.

The released code is known by its behavior; what breaks the method is a class of its own.

>>> [deviation.name for deviation in DEVIATIONS][:2]
['read_new', 'means']
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
        The class or function that has the switch.
    switch : dict
        Its fields and the values that stand for the deviation; empty where it is the class.
    """

    name: str
    what: str
    part: str
    switch: dict[str, Any]


DEVIATIONS = (
    Deviation(
        "read_new",
        "the output reads F(X) for tasks on nodes too: other multipliers, the same weight gradient "
        "at a saddle point",
        "ConstraintPropagation",
        {"read_out": "new"},
    ),
    Deviation(
        "means",
        "the constraint is averaged over nodes and dimensions: multipliers count for less",
        "ConstraintPropagation",
        {"reduction": "mean"},
    ),
    Deviation(
        "mean_loss",
        "the loss is averaged over labeled nodes: multipliers are adjoints of that average",
        "ConstraintPropagation",
        {"loss_reduction": "mean"},
    ),
    Deviation(
        "small_loss",
        "the loss is weighed by 0.001",
        "ConstraintPropagation",
        {"loss_weight": 0.001},
    ),
    Deviation(
        "signed_node",
        "a signed G with one multiplier a node: only the sums of gaps vanish",
        "ConstraintPropagation",
        {"constraint": "lin", "multipliers": "node"},
    ),
    Deviation(
        "narrow_band",
        "ε of 1e-4 or 1e-6: equal plain steps diverge but for losses of slope below about 2ε/η",
        "ConstraintPropagation",
        {"constraint": "eps", "epsilon": 1e-4},
    ),
    Deviation(
        "no_half",
        "an augmented term ρ‖x − F‖² without the half: twice the reference's rho",
        "ConstraintPropagation",
        {"rho": 2.0},
    ),
    Deviation(
        "sweeps",
        "the baseline differentiates a fixed number of sweeps, which need not have settled",
        "FixedPointLearning",
        {"sweeps": 13},
    ),
    Deviation(
        "cube",
        "G = a³, which is not printed: residuals fall as t^(-1/5)",
        "ConstraintPropagation",
        {"constraint": "cubed"},
    ),
    Deviation(
        "released_layers",
        "messages without the own state, and deeper layers that see new states of both ends",
        "GraphNetwork",
        {"form": "released"},
    ),
    Deviation(
        "labeled_only",
        "the constraint summed over labeled nodes, as printed: the others are free",
        "LabeledOnly",
        {},
    ),
    Deviation(
        "one_way_club",
        "friendships in one direction, and (8, 30) missing: eight nodes receive nothing",
        "released_club",
        {},
    ),
    Deviation(
        "column_mean",
        "degrees divide by sums of columns: no mean over neighbors",
        "column_normalized",
        {},
    ),
)
