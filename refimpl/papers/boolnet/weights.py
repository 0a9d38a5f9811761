"""Binary weights: progressive in training, signs afterwards, and the scale of the released code.

1. F(w, λ) = hardtanh(w/λ) forward; backward 1 where |w| <= 1, whatever λ
2. λ_t = 0.965^t, t counting blocks of 256 000 examples; F tends to sign(w) as λ → 0
3. with a scale, the outputs of a unit are multiplied by m = mean |w| over its weights

Source: BoolNet (2021), section on training and Eq. 8; the scale was read in the released code, the
paper says that there is none.

>>> import numpy as np
>>> w = np.asarray([[0.3, -0.05]])
>>> progressive_weights(w, 0.1), progressive_weights(w, 0.0)
(array([[ 1. , -0.5]]), array([[ 1., -1.]]))
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.arrays import namespace
from refimpl.checks import count, one_of
from refimpl.errors import SettingError

SMALLEST = 1e-30
"""Below this λ, weights are signs: w/λ would leave float32's range."""

Schedule = Literal["training", "samples", "epoch"]
PAPER_DECAYS = 300
"""Decays in the paper's 60 epochs of 1.28 million examples."""
SAMPLES = 256_000


def progressive_weights(weight: Any, strength: float) -> Any:
    """F(w, λ), exactly ±1 where |w| >= λ.

    Parameters
    ----------
    weight : array
    strength : float
        λ >= 0; 0, and what lies below ``SMALLEST``, means signs.

    Raises
    ------
    SettingError
        If λ is negative or not a number.
    """
    if not strength >= 0.0:
        raise SettingError("λ must not be negative", strength=strength)
    sign = ad.sign_straight_through(weight)
    if strength < SMALLEST:
        return sign
    plain = ad.value(weight)
    xp = namespace(plain)
    # what lies within λ is shrunk: the sign, and a constant without gradient
    inside = xp.where(xp.abs(plain) < strength, plain / strength - ad.value(sign), 0.0 * plain)
    return sign + inside


def output_scale(weight: Any, detach: bool = False) -> Any:
    """m = mean |w| of each unit: (units, n) to (units,).

    Parameters
    ----------
    weight : array, shape (units, n)
    detach : bool
        Whether m is a constant; not so in the released code.
    """
    scale = ad.mean(ad.abs(weight), axis=1)
    return ad.stop_gradient(scale) if detach else scale


def undecided(weight: Any, strength: float) -> Any:
    """The share of weights with |w| < λ, which are no signs yet."""
    xp = namespace(weight)
    return xp.mean(xp.astype(xp.abs(weight) < strength, weight.dtype))


@dataclass(frozen=True, kw_only=True)
class Progress:
    """λ as training goes on.

    Parameters
    ----------
    decay : float
        In (0, 1]: the factor on λ at each decay; 0.965 is the paper's.
    schedule : {"training", "samples", "epoch"}
        The paper's 300 decays spread evenly over the training; one in 256 000 examples (as
        released for ImageNet); one an epoch (as released for CIFAR).

    Raises
    ------
    SettingError
        If ``decay`` lies outside (0, 1].

    Examples
    --------
    >>> Progress(decay=0.5, schedule="epoch").strength(step=7, epochs=10, steps_per_epoch=3)
    0.25
    """

    decay: float = field(default=0.965, metadata={"help": "factor on λ at each decay, in (0, 1]"})
    schedule: Schedule = field(default="training", metadata={"help": "when λ decays"})

    def __post_init__(self) -> None:
        if not 0.0 < self.decay <= 1.0:
            raise SettingError("the decay of λ must lie in (0, 1]", decay=self.decay)
        one_of("schedule", self.schedule, get_args(Schedule))

    def strength(
        self, *, step: int, epochs: int, steps_per_epoch: int, batch_size: int = 256
    ) -> float:
        """λ in the step after ``step`` earlier ones.

        Parameters
        ----------
        step, epochs, steps_per_epoch, batch_size : int
            ``batch_size`` matters for the schedule by examples.
        """
        count("epochs", epochs)
        count("steps_per_epoch", steps_per_epoch)
        if self.schedule == "samples":
            times = float(step * batch_size // SAMPLES)
        elif self.schedule == "epoch":
            times = float(step // steps_per_epoch)
        else:
            times = PAPER_DECAYS * min(1.0, step / (epochs * steps_per_epoch))
        return float(self.decay) ** times
