"""Closed forms for networks that are linear in pieces: input gradients and what moves them.

A perceptron with activation ReLU or leaky ReLU is linear around almost every input. With the
slopes D_l of its units (0 or 1 for ReLU; D_L = 1) and a covector r on the outputs,

1. backward:  v_L = r,  v̂_l = D_l v_l,  v_{l-1} = W_lᵀ v̂_l,  a = v_0 = Jᵀr, the input gradient;
2. forward, along any direction ā in the inputs and without biases:
   u_0 = ā,  u_l = D_l W_l u_{l-1},  u_L = J ā;
3. the derivative of <ā, a> in W_l is v̂_l u_{l-1}ᵀ, in the biases 0 (almost everywhere), and in
   r it is u_L.

So with ā = 2a the penalty |a|² has the gradient 2 v̂_l u_{l-1}ᵀ: two passes and one matrix product
a layer, where the tape differentiates its own backward pass. The formulas are derived; the tests
compare them with the tape to 1e-12 and with finite differences.

====== ===============================
symbol code
====== ===============================
h_l    ``signals[l]``
D_l    ``slopes[l - 1]``
v̂_l    ``Backward.covectors[l - 1]``
a      ``Backward.gradients``
ā, u_L ``along``, second result of :func:`pull_back`
====== ===============================

>>> import numpy as np
>>> from refimpl.models import MLP
>>> model = MLP((2, 3, 1))
>>> params = [{"weight": np.eye(3, 2), "bias": np.ones(3)}, {"weight": np.full((1, 3), 2.0),
...           "bias": np.zeros(1)}]
>>> pieces = linear_pieces(model, params, np.zeros((1, 2)))
>>> back = backward(pieces, np.ones((1, 1)))
>>> back.gradients
array([[2., 2.]])
>>> tree, _ = pull_back(pieces, back, 2.0 * back.gradients)
>>> tree[1]["weight"], tree[1]["bias"]
(array([[4., 4., 0.]]), array([0.]))
"""

from __future__ import annotations

from typing import Any, NamedTuple

from refimpl.arrays import Array, namespace
from refimpl.errors import SettingError
from refimpl.models.mlp import MLP, Params

SLOPES = {"relu": 0.0, "leaky_relu": 0.01, "identity": 1.0}
"""Activations that are linear in pieces, and their slope at and below zero."""


class LinearPieces(NamedTuple):
    """Where a network is linear around each of its inputs.

    Attributes
    ----------
    params : list of dict
    signals : list of array, shapes (P, n_l)
        What enters each layer: h_0 (the inputs as the first layer sees them) to h_{L-1}.
    slopes : list of array, shapes (P, n_l)
        D_1 to D_{L-1}, in the dtype of the inputs.
    outputs : array, shape (P, K)
    scale : float
        Factor between the inputs and h_0: input gradients carry it.
    """

    params: Params
    signals: list[Array]
    slopes: list[Array]
    outputs: Array
    scale: float = 1.0

    def take(self, rows: Array) -> LinearPieces:
        """The pieces of the examples at the integer positions ``rows``, repeats allowed."""
        xp = namespace(self.outputs)
        signals = [xp.take(signal, rows, axis=0) for signal in self.signals]
        slopes = [xp.take(slope, rows, axis=0) for slope in self.slopes]
        outputs = xp.take(self.outputs, rows, axis=0)
        return LinearPieces(self.params, signals, slopes, outputs, self.scale)


class Backward(NamedTuple):
    """The pass from the outputs to the inputs.

    Attributes
    ----------
    covectors : list of array, shapes (P, n_l)
        v̂_1 to v̂_L.
    gradients : array, shape (P, n)
        a = Jᵀr for every example.
    """

    covectors: list[Array]
    gradients: Array


def has_linear_pieces(model: Any) -> bool:
    """Whether :func:`linear_pieces` accepts ``model``.

    Examples
    --------
    >>> has_linear_pieces(MLP((2, 2))), has_linear_pieces(MLP((2, 2), activation="tanh"))
    (True, False)
    """
    inner = getattr(model, "linear_pieces", None)
    if inner is not None:
        return has_linear_pieces(model.network)
    return isinstance(model, MLP) and model.activation in SLOPES


def linear_pieces(model: Any, params: Params, inputs: Array) -> LinearPieces:
    """The signals and slopes of ``model`` at ``inputs``.

    Parameters
    ----------
    model : MLP
        Or an object with a method ``linear_pieces(params, inputs)`` and the MLP ``network``.
    params : list of dict
        Plain arrays.
    inputs : array, shape (P, n)

    Raises
    ------
    SettingError
        If the model is no such network, or its activation is curved: names the activation.

    Examples
    --------
    >>> linear_pieces(MLP((2, 2), activation="tanh"), [], None)
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: closed-form gradients need an activation that is linear in \
pieces (relu, leaky_relu, identity), not 'tanh'; the tape takes any (derivatives='tape')
    """
    inner = getattr(model, "linear_pieces", None)
    if inner is not None:
        return inner(params, inputs)
    if not isinstance(model, MLP):
        raise SettingError(
            f"closed-form gradients are those of a multi-layer perceptron, not of "
            f"{type(model).__name__}; the tape takes any model (derivatives='tape')"
        )
    if model.activation not in SLOPES:
        raise SettingError(
            f"closed-form gradients need an activation that is linear in pieces "
            f"({', '.join(SLOPES)}), not {model.activation!r}; the tape takes any "
            f"(derivatives='tape')"
        )
    layers = model.layers(params, inputs)
    slopes = [slopes_at(layer, model.activation) for layer in layers[:-1]]
    return LinearPieces(params, [inputs, *layers[:-1]], slopes, layers[-1])


def slopes_at(signal: Array, activation: str) -> Array:
    """1 where a signal is positive, else the activation's slope below zero.

    Examples
    --------
    >>> import numpy as np
    >>> slopes_at(np.array([-1.0, 0.0, 2.0]), "relu")
    array([0., 0., 1.])
    >>> slopes_at(np.array([-1.0, 0.0, 2.0]), "leaky_relu")
    array([0.01, 0.01, 1.  ])
    """
    xp, below = namespace(signal), SLOPES[activation]
    ones = xp.astype(signal > 0, signal.dtype)
    return ones if below == 0.0 else xp.where(signal > 0, xp.ones_like(signal), below)


def backward(pieces: LinearPieces, covectors: Array) -> Backward:
    """Step 1: the input gradients of <r_i, f(x_i)>, ``covectors`` holding the rows r_i (P, K)."""
    found = _carried_back(pieces, covectors)
    return Backward(found, pieces.scale * (found[0] @ pieces.params[0]["weight"]))


def _carried_back(pieces: LinearPieces, covectors: Array) -> list[Array]:
    """v̂_1 to v̂_L."""
    found = [covectors]
    for layer, slope in zip(reversed(pieces.params[1:]), reversed(pieces.slopes), strict=True):
        found.append(slope * (found[-1] @ layer["weight"]))
    return found[::-1]


def pull_back(pieces: LinearPieces, back: Backward, along: Array) -> tuple[Params, Array]:
    """Steps 2 and 3: the derivatives of Σ_i <ā_i, a_i> in the parameters and in the covectors.

    Parameters
    ----------
    pieces : LinearPieces
    back : Backward
        Of :func:`backward` at the same examples.
    along : array, shape (P, n)
        ā_i, held fixed.

    Returns
    -------
    gradient : list of dict
        Like the parameters; the biases' entries are 0.
    moved : array, shape (P, K)
        u_L = J ā, the derivative in the covectors.
    """
    xp = namespace(along)
    signal = pieces.scale * along
    gradient: Params = []
    for index, (layer, covector) in enumerate(zip(pieces.params, back.covectors, strict=True)):
        part = {"weight": covector.mT @ signal}
        if "bias" in layer:
            part["bias"] = xp.zeros_like(layer["bias"])
        gradient.append(part)
        signal = signal @ layer["weight"].mT
        if index < len(pieces.slopes):
            signal = pieces.slopes[index] * signal
    return gradient, signal


def parameter_gradient(pieces: LinearPieces, covectors: Array) -> Params:
    """Ordinary backpropagation: the derivative of Σ_i <r_i, f(x_i)> in the parameters."""
    xp = namespace(covectors)
    carried = _carried_back(pieces, covectors)
    gradient: Params = []
    for layer, covector, signal in zip(pieces.params, carried, pieces.signals, strict=True):
        part = {"weight": covector.mT @ signal}
        if "bias" in layer:
            part["bias"] = xp.sum(covector, axis=0)
        gradient.append(part)
    return gradient


def squared_gradient_norms(pieces: LinearPieces) -> Array:
    """|∇f_k(x_i)|² for every example and output, without the gradients themselves.

    All covectors go backward together to the first layer, whose Gram matrix W_1 W_1ᵀ then stands
    for the inputs: n_1² numbers instead of n_1 n for each of the P K covectors.

    Returns
    -------
    array, shape (P, K)
        Not below 0.

    Examples
    --------
    >>> import numpy as np
    >>> model, weight = MLP((2, 1), bias=False), np.array([[3.0, 4.0]])
    >>> squared_gradient_norms(linear_pieces(model, [{"weight": weight}], np.zeros((2, 2))))
    array([[25.],
           [25.]])
    """
    xp = namespace(pieces.outputs)
    signal = None
    for layer, slope in zip(reversed(pieces.params[1:]), reversed(pieces.slopes), strict=True):
        carried = layer["weight"][None, :, :] if signal is None else signal @ layer["weight"]
        signal = slope[:, None, :] * carried
    first = pieces.params[0]["weight"]
    gram = first @ first.mT
    if signal is None:
        examples, classes = pieces.outputs.shape
        return xp.broadcast_to(
            pieces.scale**2 * xp.linalg.diagonal(gram)[None, :], (examples, classes)
        )
    flat = xp.reshape(signal, (-1, signal.shape[-1]))
    squares = xp.sum(flat * (flat @ gram), axis=-1)
    squares = xp.maximum(squares, xp.zeros_like(squares))
    return pieces.scale**2 * xp.reshape(squares, signal.shape[:2])
