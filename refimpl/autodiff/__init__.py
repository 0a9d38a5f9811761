"""Autodiff-lite: reverse mode over a tape, with gradients of gradients.

>>> import numpy as np
>>> from refimpl import autodiff as ad
>>> ad.grad(lambda w: ad.sum(ad.tanh(w) ** 2))(np.zeros(2))
array([0., 0.])
"""

from refimpl.autodiff.checks import SlopeCheck, check_slope, check_vjp
from refimpl.autodiff.fused import (
    hinge,
    linear,
    logistic_loss,
    multiclass_hinge,
    softmax_cross_entropy,
    squared_error,
)
from refimpl.autodiff.operations import (
    abs,
    add,
    arccos,
    arcsin,
    arctan,
    broadcast_to,
    clip,
    concat,
    cos,
    divide,
    exp,
    expand_dims,
    expm1,
    gather,
    getitem,
    leaky_relu,
    log,
    log1p,
    log_softmax,
    logsumexp,
    matmul,
    matrix_transpose,
    max,
    maximum,
    mean,
    min,
    minimum,
    multiply,
    negative,
    norm,
    permute_dims,
    power,
    relu,
    reshape,
    sigmoid,
    sign,
    sign_straight_through,
    sin,
    softmax,
    softplus,
    sqrt,
    square,
    stack,
    stop_gradient,
    subtract,
    sum,
    take,
    tanh,
    trace,
    transpose,
    where,
)
from refimpl.autodiff.tape import (
    Primitive,
    Tensor,
    grad,
    hvp,
    jvp,
    value,
    value_and_grad,
    vjp,
)
from refimpl.autodiff.trees import dot, flatten, map_tree, norm_tree, ravel, unflatten

__all__ = [name for name in dir() if not name.startswith("_") and name not in (
    "checks", "fused", "operations", "tape", "trees"
)]
