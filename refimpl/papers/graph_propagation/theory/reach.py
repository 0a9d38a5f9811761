"""How far a label's influence has come after some steps, from states and multipliers of 0.

For K layers in the released form, multipliers for each dimension, the output reading F, a loss on
all nodes, simultaneous steps. Derived, for this package.

>>> state_reach(3, 2), multiplier_reach(3, 2)
(12, 10)
"""

from __future__ import annotations


def state_reach(steps: int, layers: int) -> int:
    """Hops from the label to the farthest state that has felt it: 2Kt."""
    return 2 * layers * steps


def multiplier_reach(steps: int, layers: int) -> int:
    """The same for multipliers: K (2t − 1)."""
    return layers * (2 * steps - 1)
