"""Known deviations of implementations, as settings of the reference.

>>> DEVIATIONS[0].name, DEVIATIONS[0].switch
('scale', {'weight_scale': 'mean_abs'})
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
    switch : dict or None
        Fields of :class:`refimpl.papers.boolnet.network.BoolNet`; None where no setting does it.
    """

    name: str
    what: str
    switch: dict[str, Any] | None


DEVIATIONS = (
    Deviation(
        "scale",
        "released code: outputs of a unit times mean |w|, in training and evaluation; changes "
        "gradients where e > 0 or statistics are frozen",
        {"weight_scale": "mean_abs"},
    ),
    Deviation(
        "detached scale",
        "the scale as a constant: its part of the gradient is lost; not so in the released code",
        {"weight_scale": "mean_abs", "detach_scale": True},
    ),
    Deviation(
        "other offsets",
        "an option of the released code that its runs do not use: ±i/k",
        {"offsets": "non_uniform"},
    ),
    Deviation(
        "hard signs in training",
        "released option: no progressive weights",
        {"progressive": False},
    ),
    Deviation(
        "λ by examples",
        "released for ImageNet: a decay in 256 000 examples; small data sets never see one",
        {"schedule": "samples"},
    ),
    Deviation("λ by epochs", "released for CIFAR: a decay an epoch", {"schedule": "epoch"}),
    Deviation(
        "library's sign",
        "sign(0) = 0 in training: features leave {−1, +1}, and can not be packed",
        {"sign_zero": 0},
    ),
    Deviation(
        "stale statistics",
        "the usual running averages: they belong to a network of weights that are no signs yet",
        {"statistics": "training"},
    ),
    Deviation(
        "temperature of activations",
        "released code: a schedule that nothing reads; activations are signs throughout",
        None,
    ),
    Deviation(
        "one group of several slices",
        "released code: a layer without groups reads the slice in the middle alone; here only the "
        "layer where widths change has one group, and it reads all slices",
        None,
    ),
    Deviation(
        "requires_grad by assignment to the wrong object",
        "released code: switching off the teacher's gradients has no effect, and does no harm",
        None,
    ),
)
"""What is known to differ, from the released code and from print."""
