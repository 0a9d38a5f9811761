"""What Minnorm training remembers from step to step, and what it reports of each."""

from __future__ import annotations

from typing import NamedTuple

from refimpl.algorithms.base import Tree
from refimpl.arrays import Array


class MinnormState(NamedTuple):
    """State of Minnorm training.

    Attributes
    ----------
    params, step, buffers
        Those of the first-order update.
    multipliers : array, shape of the violations of the whole training set
        λ or α; row mu belongs to the example at position mu.
    accumulator : array, shape (K, n), or None
        V, with ``accumulate``.
    active : 0-d int64 array
        Multipliers that are not zero.
    snapshot, growth : arrays like ``multipliers``
        The multipliers at the last mark, and by how much they had grown there since the one
        before. Marks are the looks at which the number of steps has doubled.
    mark, span : int
        The step of the last mark, and how many steps it came after the one before.
    worst : array, shape (3,)
        Largest violation, KKT residual and complementarity since the last look.
    first_norm : float
        Root of the sum of squares of all layers at the start.
    first_violation : float
        The largest violation at the start.
    seen, waited : int
        Examples and steps since the last look.
    stalled : bool
        Whether, at the last mark, the multipliers grew linearly with no progress.
    """

    params: Tree
    step: int
    buffers: Tree
    multipliers: Array
    accumulator: Array | None
    active: Array
    snapshot: Array
    growth: Array
    mark: int
    span: int
    worst: Array
    first_norm: float
    first_violation: float
    seen: int
    waited: int
    stalled: bool


class MinnormInfo(NamedTuple):
    """Diagnostics of a Minnorm step, all before the step and on its batch.

    Attributes
    ----------
    loss : 0-d array
        Of the objective.
    violation : 0-d array
        The largest: of |y − f|, or of the positive part for inequalities.
    kkt_residual : 0-d array
        max_l ||W_l − Q_l|| / ||W_l||: how far W is from stationary with the multipliers g that
        were fed back. At a solution g = λ.
    complementarity : 0-d array
        max g |v| / max g, the slack that carries weight; 0 for equalities.
    active : 0-d int64 array
        Multipliers of the whole set that are not zero, after the step.
    multiplier_norm : 0-d array
        ||λ|| over the batch.
    total_norm : 0-d array
        sum_l ||W_l||².
    layer_norms : array, shape (D,)
        ||W_l||, equal at the solution of a bias-free homogeneous network.
    stalled : bool
        Whether the multipliers grew linearly, with no progress, when last compared.
    stopped : bool
        Whether violation, complementarity and KKT residual met their tolerances.
    """

    loss: Array
    violation: Array
    kkt_residual: Array
    complementarity: Array
    active: Array
    multiplier_norm: Array
    total_norm: Array
    layer_norms: Array
    stalled: bool
    stopped: bool
