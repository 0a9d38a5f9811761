"""Jacobian rows of a perceptron and their gradient in the parameters, written out by hand.

Algorithm
---------
For each point x and each covector r, with a_l = W_l h_{l-1} + b_l and h_l = s(a_l):

1. backward: v_L = r; p_l = W_{l+1}ᵀ v_{l+1}; v_l = s'(a_l) ∘ p_l; the row is g = Jᵀ r = W_1ᵀ v_1
2. tangent along a given u_0: d_l = W_l u_{l-1}; u_l = s'(a_l) ∘ d_l
3. the gradient of <u_0, g> in W_l is v_l u_{l-1}ᵀ + c_l h_{l-1}ᵀ and in b_l it is c_l, where the
   curvature term runs down from e_{L-1} = 0:
   c_l = s''(a_l) ∘ Σ_r d_l ∘ p_l + s'(a_l) ∘ e_l;  e_{l-1} = W_lᵀ c_l

With u_0 = ∂R/∂g this is the gradient of any penalty R of the rows. For activations that are linear
in pieces s'' = 0, so that line 3 ends with its first term and the biases get exactly 0.

Source: derived here by running reverse mode over both chains by hand; lines 1 and 2 are the
double backpropagation of H. Drucker and Y. Le Cun, IEEE Trans. Neural Networks 3 (1992).

Deviations
----------
* The covectors share one curvature chain: it is linear, so it is summed over them first. A step on
  all K rows thus costs backward, tangent and outer products K times, the rest once.
* Where the inputs are at least twice as many as the first hidden units, the rows are kept in an
  orthonormal basis Q of the first layer's rows, W_1 = R Qᵀ (:func:`narrowed`). Their lengths and
  products are the same, and of the three products with W_1 there remain three with the small R.
* :func:`blocks` divides the points, so that what a pass keeps stays in a processor's cache.

>>> import numpy as np
>>> from refimpl.models import MLP
>>> model, params = MLP((2, 1), bias=False), [{"weight": np.array([[3.0, 4.0]])}]
>>> found = rows_pass(model, params, np.zeros((1, 2)), np.ones((1, 1, 1)))
>>> found.gradients, pull_back(found, params, 2.0 * found.gradients)
(array([[[3., 4.]]]), [{'weight': array([[6., 8.]])}])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.gradient_penalties import sum_trees
from refimpl.arrays import Array, namespace, qr
from refimpl.models import MLP

Measure = Callable[[Array, slice], tuple[Array, Array]]
Derivatives = Callable[[Array, Array], tuple[Array, Array | None]]


def _relu(a: Array, h: Array) -> tuple[Array, None]:
    xp = namespace(a)
    return xp.astype(a > 0, a.dtype), None


def _leaky(a: Array, h: Array) -> tuple[Array, None]:
    xp = namespace(a)
    one = xp.ones_like(a)
    return xp.where(a > 0, one, 0.01 * one), None


def _tanh(a: Array, h: Array) -> tuple[Array, Array]:
    slope = 1.0 - h * h
    return slope, -2.0 * h * slope


def _sigmoid(a: Array, h: Array) -> tuple[Array, Array]:
    slope = h * (1.0 - h)
    return slope, slope * (1.0 - 2.0 * h)


def _softplus(a: Array, h: Array) -> tuple[Array, Array]:
    slope = ad.sigmoid(a)
    return slope, slope * (1.0 - slope)


def _identity(a: Array, h: Array) -> tuple[Array, None]:
    return namespace(a).ones_like(a), None


SMOOTH: dict[str, Derivatives] = {
    "relu": _relu,
    "leaky_relu": _leaky,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "identity": _identity,
}
"""First and second derivative from preactivation and signal; None for a second that is 0."""

_VALUES: dict[str, Callable[[Array], Array]] = {
    "relu": ad.relu,
    "leaky_relu": ad.leaky_relu,
    "tanh": ad.tanh,
    "sigmoid": ad.sigmoid,
    "softplus": ad.softplus,
    "identity": lambda a: a,
}


_ROWS = 256  # of 64 numbers in float64: 128 KiB for each of some ten arrays of a pass


class RowsPass(NamedTuple):
    """What a forward and a backward pass leave behind.

    Attributes
    ----------
    signals : list of array, shape (P, n_l)
        h_0 to h_{L-1}.
    slopes, curvatures : list
        s'(a_l), and s''(a_l) or None, of layers 1 to L-1.
    pulled : list of array, shape (M, P, n_l)
        p_l of layers 1 to L-1.
    backward : list of array, shape (M, P, n_l)
        v_l of layers 1 to L.
    gradients : array, shape (M, P, n) or (M, P, n_1)
        The rows g, or their coordinates in ``basis``.
    first : array, shape (n_1, n) or (n_1, n_1)
        W_1, or R.
    basis : array, shape (n, n_1), or None
        Q.
    """

    signals: list[Array]
    slopes: list[Array]
    curvatures: list[Array | None]
    pulled: list[Array]
    backward: list[Array]
    gradients: Array
    first: Array
    basis: Array | None


def has_manual(model: Any) -> bool:
    """Whether the model is a perceptron whose derivatives are written out here.

    Examples
    --------
    >>> has_manual(MLP((2, 2), activation="tanh")), has_manual(lambda params, inputs: inputs)
    (True, False)
    """
    return type(model) is MLP and model.activation in SMOOTH


def blocks(points: int, covectors: int) -> list[slice]:
    """Ranges of the points with some 256 rows each, at least one point.

    Examples
    --------
    >>> blocks(5, 100)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = max(1, _ROWS // covectors)
    return [slice(start, min(start + size, points)) for start in range(0, points, size)]


def narrowed(weight: Array) -> tuple[Array, Array | None]:
    """R and Q with W = R Qᵀ, where W (m, n) has n >= 2 m; else W and None."""
    if weight.shape[1] < 2 * weight.shape[0]:
        return weight, None
    basis, upper = qr(weight.mT)
    return upper.mT, basis


def by_hand(
    model: MLP, params: Any, points: Array, covectors: Array, measure: Measure
) -> tuple[Array, list[dict[str, Array]]]:
    """A penalty that is a sum over points, and its gradient in the parameters.

    Parameters
    ----------
    model : MLP
    params : list of dict
    points : array, shape (P, n)
    covectors : array, shape (M, P, K)
    measure : callable
        ``measure(rows, part) -> (value, slope)``: what the rows of the points ``part``, a slice,
        add to the penalty, and its derivative in them. It may look at their lengths and products
        only.

    Returns
    -------
    value : array, 0-d
    gradient : list of dict
    """
    first = narrowed(params[0]["weight"])
    values, gradients = [], []
    for part in blocks(points.shape[0], covectors.shape[0]):
        found = rows_pass(model, params, points[part, :], covectors[:, part, :], first)
        value, slope = measure(found.gradients, part)
        values.append(value)
        gradients.append(pull_back(found, params, slope))
    return sum_trees(values), sum_trees(gradients)


def rows_pass(
    model: MLP,
    params: Any,
    points: Array,
    covectors: Array,
    first: tuple[Array, Array | None] | None = None,
) -> RowsPass:
    """The rows Jᵀ r at every point for M covectors.

    Parameters
    ----------
    model : MLP
    params : list of dict
    points : array, shape (P, n)
    covectors : array, shape (M, P, K)
    first : pair of array, optional
        What :func:`narrowed` made of the first weight; by default the weight as it is.

    Returns
    -------
    RowsPass
    """
    value, derivatives = _VALUES[model.activation], SMOOTH[model.activation]
    narrow, basis = (params[0]["weight"], None) if first is None else first
    signals, slopes, curvatures = [points], [], []
    for layer in params[:-1]:
        sums = signals[-1] @ layer["weight"].mT
        sums = sums + layer["bias"] if "bias" in layer else sums
        signal = value(sums)
        slope, curvature = derivatives(sums, signal)
        signals.append(signal)
        slopes.append(slope)
        curvatures.append(curvature)
    pulled: list[Array] = []
    backward = [covectors]
    for index in range(len(params) - 1, 0, -1):
        pulled.insert(0, _times(backward[0], params[index]["weight"]))
        backward.insert(0, slopes[index - 1] * pulled[0])
    rows = _times(backward[0], narrow)
    return RowsPass(signals, slopes, curvatures, pulled, backward, rows, narrow, basis)


def pull_back(found: RowsPass, params: Any, along: Array) -> list[dict[str, Array]]:
    """The gradient of Σ <along, rows> in the parameters.

    Parameters
    ----------
    found : RowsPass
    params : list of dict
    along : array, shape of the rows
        ∂R/∂g, held fixed.

    Returns
    -------
    list of dict
        Shaped like ``params``.
    """
    xp = namespace(along)
    tangents, steps = [along], []
    weights = [found.first, *(layer["weight"] for layer in params[1:])]
    for slope, weight in zip(found.slopes, weights, strict=False):
        steps.append(_times(tangents[-1], weight.mT))
        tangents.append(slope * steps[-1])
    gradient: list[dict[str, Array]] = []
    carried = None  # e_l: what reaches the signals of layer l; None is 0
    for index in range(len(params) - 1, -1, -1):
        back, tangent = found.backward[index], tangents[index]
        direct = _flat(back).mT @ _flat(tangent)
        if index == 0 and found.basis is not None:
            direct = direct @ found.basis.mT
        bent = None
        if index < len(params) - 1:
            bent = _bend(found, index, steps[index], carried)
        layer = {"weight": direct if bent is None else direct + bent.mT @ found.signals[index]}
        if "bias" in params[index]:
            bias = params[index]["bias"]
            layer["bias"] = xp.zeros_like(bias) if bent is None else xp.sum(bent, axis=0)
        gradient.insert(0, layer)
        carried = None if bent is None or index == 0 else bent @ weights[index]
    return gradient


def _bend(found: RowsPass, index: int, step: Array, carried: Array | None) -> Array | None:
    """c_l of a hidden layer, (P, n_l), or None where it is 0."""
    xp, curvature = namespace(step), found.curvatures[index]
    passed = None if carried is None else found.slopes[index] * carried
    if curvature is None:
        return passed
    own = curvature * xp.sum(step * found.pulled[index], axis=0)
    return own if passed is None else own + passed


def _times(stacked: Array, matrix: Array) -> Array:
    """(M, P, m) times (m, n) as one product."""
    shape = (*stacked.shape[:-1], matrix.shape[1])
    return namespace(stacked).reshape(_flat(stacked) @ matrix, shape)


def _flat(stacked: Array) -> Array:
    return namespace(stacked).reshape(stacked, (-1, stacked.shape[-1]))
