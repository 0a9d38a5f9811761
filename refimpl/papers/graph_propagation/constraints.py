"""The functions G whose zero is asked for: of x_v − F_v, componentwise, or one number a node.

========== ============================== ====== =======================================
name       G(a)                           sign   whose
========== ============================== ====== =======================================
lin        a                              any    printed
abs        |a|                            ≥ 0    printed
eps        max(|a| − ε, 0)                ≥ 0    printed
lineps     max(a − ε, 0) − max(−a − ε, 0) any    printed
squared    a²                             ≥ 0    printed
cubed      a³                             any    released code
eps_l1     max(‖a_v‖₁ − ε, 0)             ≥ 0    printed (workshop): one number a node
========== ============================== ====== =======================================

At the kinks the subgradient is 0.

>>> import numpy as np
>>> constraint_value("lineps", np.array([[-2.0, 0.1]]), 0.5)
array([[-1.5,  0. ]])
>>> constraint_value("eps_l1", np.array([[-2.0, 1.0]]), 0.5)
array([[2.5]])
"""

from __future__ import annotations

from typing import Literal, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array
from refimpl.checks import one_of

ConstraintName = Literal["lin", "abs", "eps", "lineps", "squared", "cubed", "eps_l1"]
CONSTRAINTS: tuple[str, ...] = get_args(ConstraintName)

NON_NEGATIVE = ("abs", "eps", "squared", "eps_l1")
"""Those whose multipliers never fall."""


def constraint_value(name: ConstraintName, gap: Array, epsilon: float = 0.0) -> Array:
    """G of the gaps x − F, differentiable.

    Parameters
    ----------
    name : str
    gap : array, shape (n, d)
    epsilon : float
        ε of the insensitive ones.

    Returns
    -------
    array, shape (n, d), or (n, 1) for "eps_l1"

    Raises
    ------
    ValueError
        For an unknown name.
    """
    one_of("constraint", name, CONSTRAINTS)
    if name == "lin":
        return gap
    if name == "abs":
        return ad.abs(gap)
    if name == "eps":
        return ad.relu(ad.abs(gap) - epsilon)
    if name == "lineps":
        return ad.relu(gap - epsilon) - ad.relu(-gap - epsilon)
    if name == "squared":
        return ad.square(gap)
    if name == "cubed":
        return gap * ad.square(gap)
    return ad.relu(ad.sum(ad.abs(gap), axis=1, keepdims=True) - epsilon)
