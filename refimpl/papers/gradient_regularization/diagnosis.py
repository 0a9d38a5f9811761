"""Models to which a penalty on slopes does not apply, and penalties whose points are too few.

* Where outputs of an example depend on the other examples (batch normalization), there is no
  Jacobian of one point.
* Where the model is constant in pieces (hard gates), the penalty is 0 and says nothing.
* Where a penalty is much larger beside its points than at them, the network has hidden its slopes
  between them: an unrestricted class drives the discrete problem to 0 without solving it.

>>> import numpy as np
>>> ratio(2.0, 30.0), ratio(0.0, 0.0), ratio(0.0, 1.0)
(15.0, 1.0, inf)
"""

from __future__ import annotations

import math
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.errors import SettingError
from refimpl.models.input_gradients import output_gradients

TOO_FEW = 10.0
"""A ratio of the penalty on held-out points to that on its own points beyond this is flagged."""


def check_model(model: Any, params: Any, inputs: Array) -> None:
    """Raise where per-point slopes of the model do not exist or say nothing.

    Parameters
    ----------
    model : callable
    params : tree
    inputs : array, shape (P, n), P >= 2

    Raises
    ------
    SettingError
        Naming the model, or its activation.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import autodiff as ad
    >>> check_model(lambda w, x: w * (x - ad.mean(x, axis=0)), np.ones(1), np.eye(3))
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: outputs of one example depend on the others (function): \
slopes at a point do not exist (difference=0.666667)
    """
    whole = model(params, inputs)
    alone = model(params, inputs[:1, ...])
    xp = namespace(whole)
    scale = 1.0 + float(xp.max(xp.abs(whole)))
    gap = float(xp.max(xp.abs(whole[:1, ...] - alone))) / scale
    if not gap <= math.sqrt(float(xp.finfo(whole.dtype).eps)):
        raise SettingError(
            f"outputs of one example depend on the others ({type(model).__name__}): "
            "slopes at a point do not exist",
            difference=gap * scale,
        )
    what = getattr(model, "activation", type(model).__name__)
    try:
        slopes = output_gradients(model, params, inputs)
    except NotImplementedError as error:
        raise SettingError(f"{what!r} has no slope to penalize: {error}") from error
    varies = bool(xp.any(whole != whole[:1, ...]))
    if varies and not bool(xp.any(slopes != 0)):
        raise SettingError(
            f"the slope is 0 everywhere though the outputs differ: {what!r} is constant in "
            "pieces, and a penalty on slopes says nothing"
        )


def probe_inputs(model: Any, params: Any) -> Array | None:
    """Four fixed points of the model's input space, or None where its width is not known."""
    widths = getattr(model, "widths", None)
    if not widths:
        return None
    leaf = ad.flatten(params)[0][0]
    rows = [[math.sin(1.0 + 3.0 * i + 1.7 * j) for j in range(widths[0])] for i in range(4)]
    return namespace(leaf).asarray(rows, dtype=leaf.dtype, device=leaf.device)


def ratio(inside: float, outside: float) -> float:
    """``outside / inside``, with 0/0 taken as 1."""
    if outside == inside:
        return 1.0
    return outside / inside if inside > 0.0 else math.inf
