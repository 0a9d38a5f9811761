"""Known deviations of implementations of gradient dropout, and the switch that shows each.

>>> len({deviation.name for deviation in DEVIATIONS}) == len(DEVIATIONS)
True
"""

from __future__ import annotations

from typing import NamedTuple


class Deviation(NamedTuple):
    """A way in which implementations differ from the reference.

    Attributes
    ----------
    name, what : str
    switch : str
        The setting, or the negative control, that behaves so.
    """

    name: str
    what: str
    switch: str


DEVIATIONS = (
    Deviation(
        "rate as deviation",
        "Gaussian noise takes the rate for its standard deviation (first released version)",
        "GradientDropout(noise='gaussian', deviation=rate)",
    ),
    Deviation(
        "ramped rate",
        "a linear schedule of Gaussian noise ramps the rate; released code ramps the deviation",
        "GradientDropout(gaussian_schedule='rate')",
    ),
    Deviation(
        "first order",
        "the gradient does not pass through the inner loop (the released default)",
        "MAML(order='first')",
    ),
    Deviation(
        "mean over tasks",
        "the meta-loss is the mean over tasks; released code sums",
        "MAML(task_reduction='mean')",
    ),
    Deviation(
        "noise shared by steps",
        "one noise for all inner steps of a meta-step",
        "wrong_noise.SharedStepsNoise",
    ),
    Deviation(
        "noise shared by tasks",
        "one noise for all tasks of a meta-batch",
        "wrong_noise.SharedTasksNoise",
    ),
    Deviation(
        "scalar noise",
        "one number for a whole gradient",
        "wrong_noise.ScalarNoise",
    ),
    Deviation(
        "unscaled",
        "dropped entries are zero and kept ones are not scaled up",
        "wrong_noise.UnscaledNoise",
    ),
    Deviation(
        "Hessian before noise",
        "the Jacobian of an inner step is applied without its transpose",
        "hessian_first.pull_back_hessian_first",
    ),
)
"""What to look for in another implementation."""
