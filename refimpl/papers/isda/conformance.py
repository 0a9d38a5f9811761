"""Known deviations of implementations of ISDA, and the setting here that has the same effect.

>>> [deviation.name for deviation in DEVIATIONS if deviation.switch is None]
['head by position', 'statistics outside the state', 'expanded products']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from refimpl.papers.isda.isda import ISDA
from refimpl.papers.isda.printed import PrintedRowISDA
from refimpl.papers.isda.sampled import SampledISDA


class Deviation(NamedTuple):
    """A way in which an implementation differs from the reference.

    Attributes
    ----------
    name : str
    what : str
        What it does, and what follows.
    switch : callable or None
        Makes a loss of this package that does the same, given further settings; None where none
        does.
    """

    name: str
    what: str
    switch: Callable[..., Any] | None


def _with(kind: type, **fixed: Any) -> Callable[..., Any]:
    return lambda **settings: kind(**{**settings, **fixed})


DEVIATIONS = (
    Deviation(
        "diagonal covariance",
        "Released for ImageNet: variances alone are kept, where the paper's formula has the whole "
        "matrix; the published strengths of 1 to 10 belong to this.",
        _with(ISDA, covariance="diagonal"),
    ),
    Deviation(
        "schedule by iterations",
        "A reading of t/T in print: λ grows in every step. The released code, and the default "
        "here, count whole epochs, so that the first is plain cross-entropy.",
        _with(ISDA, schedule="iteration"),
    ),
    Deviation(
        "no schedule",
        "λ₀ from the first step, while the covariances are still poor.",
        _with(ISDA, schedule="constant"),
    ),
    Deviation(
        "statistics after the loss",
        "A batch's features enter the covariances after its own loss has used them; the released "
        "code, and the default here, update first.",
        _with(ISDA, update="after"),
    ),
    Deviation(
        "statistics in the features' precision",
        "Released code: sums of float32 features in float32; they drift over many batches.",
        _with(ISDA, precision="parameters"),
    ),
    Deviation(
        "printed label row",
        "Supplement of September 2019: the gradient of the label's row is wrong for three classes "
        "or more; a hand-written backward pass after it does not descend the bound.",
        _with(PrintedRowISDA),
    ),
    Deviation(
        "drawn features",
        "Explicit augmentation: an unbiased estimate of the expected loss, below the bound.",
        _with(SampledISDA),
    ),
    Deviation(
        "head by position",
        "Released code: the first parameter of the last module is taken for the weight; a head of "
        "several layers is mistaken, where here its path is named and its shape checked.",
        None,
    ),
    Deviation(
        "statistics outside the state",
        "Released code: the estimator lives on the loss, so that each process of a data-parallel "
        "run has its own; here it is part of the state and of checkpoints.",
        None,
    ),
    Deviation(
        "expanded products",
        "Released code: forms N x C x C products and keeps their diagonals; the numbers are the "
        "same, the cost is not.",
        None,
    ),
)
"""What is known to differ, from the released code and from print."""
