"""Distillation: cross-entropy with the mean of the teachers' probabilities.

loss = mean over the batch of −Σ_c p̄_t(c) log softmax(z)_c, p̄_t the mean over teachers of their
probabilities (not of their logits). There is no term of the labels. Its gradient in the logits is
(p_s − p̄_t)/B.

Source: BoolNet (2021), headline runs; the form was read in the released code.

>>> import numpy as np
>>> z = np.zeros((1, 2))
>>> float(distillation_loss(z, [z])) == float(np.log(2.0))
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array
from refimpl.errors import SettingError
from refimpl.models.losses import softmax_cross_entropy


def teacher_probabilities(logits: Sequence[Array]) -> Array:
    """The mean over teachers of softmax, (P, K).

    Raises
    ------
    SettingError
        If there is no teacher, or they differ in shape.
    """
    shapes = {tuple(teacher.shape) for teacher in logits}
    if len(shapes) != 1:
        raise SettingError("distillation needs teachers of one shape", shapes=str(sorted(shapes)))
    total: Any = 0.0
    for teacher in logits:
        total = total + ad.softmax(ad.value(teacher), axis=-1)
    return total / len(logits)


def distillation_loss(logits: Any, teachers: Sequence[Array], reduction: str = "mean") -> Any:
    """Soft cross-entropy of a student against one teacher or more.

    Parameters
    ----------
    logits : array, shape (P, K)
        Of the student.
    teachers : sequence of array, shape (P, K)
        Logits, constants.
    reduction : {"mean", "sum", "none"}
    """
    return softmax_cross_entropy(logits, teacher_probabilities(teachers), reduction)
