"""Negative controls: steps of the released code that break, each beside the part that does not.

Written again from what was read in the code, to show what it does; nothing here is used for
training. NaN is returned and not raised, for that is the fault.

>>> import numpy as np
>>> adversarial_step(np.zeros((1, 2)), np.zeros((1, 2)), 0.1)
array([[nan, nan]])
"""

from __future__ import annotations

from refimpl.arrays import Array, namespace


def adversarial_step(moved: Array, gradient: Array, step: float) -> Array:
    """An ascent step of the ‖f‖_δ² penalty: the guard against a zero norm is lost.

    The lower limit 1e-5 is applied to the result of a division in place and the limited copy is
    thrown away, so that a zero gradient gives 0/0.
    (:class:`refimpl.papers.rkhs_norm.adversarial_norm.AdversarialNorm` leaves such a point.)
    """
    xp = namespace(gradient)
    lengths = xp.sqrt(xp.sum(gradient * gradient, axis=-1, keepdims=True))
    return moved + step * _divided(gradient, lengths)


def euclidean_projection(moved: Array, radius: float) -> Array:
    """The projection of the l2 attack: d · min(|d|, ε) / |d|, which is 0/0 at d = 0.

    Its ascent step does guard the norm of the gradient: a zero gradient arrives here with d = 0.
    """
    xp = namespace(moved)
    lengths = xp.sqrt(xp.sum(moved * moved, axis=-1, keepdims=True))
    return _divided(moved * xp.minimum(lengths, radius * xp.ones_like(lengths)), lengths)


def _divided(x: Array, y: Array) -> Array:
    """x / y where 0/0 is the one way to divide by 0: NaN there, and no warning."""
    xp = namespace(x)
    safe = xp.where(y != 0, y, xp.ones_like(y))
    return xp.where(y != 0, x / safe, xp.nan * xp.ones_like(x))


def batch_normalized_step(moved: Array, gradient: Array, step: float) -> Array:
    """A common mistake: the step is divided by the norm of the whole batch's mean gradient.

    With a mean loss each example's gradient is 1/P of its own, the guard 1e-5 then acts on
    examples that are far from flat, and one norm for the batch lets most examples move too little.
    """
    xp = namespace(gradient)
    length = xp.sqrt(xp.sum(gradient * gradient))
    return moved + step * gradient / xp.maximum(length, 1e-5 * xp.ones_like(length))


def power_iteration(matrix: Array, vector: Array, iterations: int) -> Array:
    """The spectral norm by multiplications with WᵀW, normalized once at the end.

    The vector grows like σ^(2·iterations): float32 overflows from some twenty iterations on a
    24 x 16 Gaussian matrix.
    """
    xp = namespace(matrix)
    for _ in range(iterations):
        vector = matrix.mT @ (matrix @ vector)
    vector = vector / xp.sqrt(xp.sum(vector * vector))
    return xp.sqrt(xp.sum((matrix @ vector) ** 2))


def deformation_selector(outputs: Array, deformed: Array, copies: int) -> Array:
    """For every output, the row of ``deformed`` that the stability loss takes for its worst case.

    Parameters
    ----------
    outputs : array, shape (P, K)
        Of the images.
    deformed : array, shape (P copies, K)
        Of their deformed copies, image after image.
    copies : int

    Returns
    -------
    array of int, shape (K,)
        The outputs of image j are compared with those of block j, but the reference is read at
        row j instead of row j copies of the stack: of another image, for j > 0.
    """
    xp = namespace(outputs)
    stacked = xp.reshape(deformed, (outputs.shape[0], copies, outputs.shape[1]))
    reference = deformed[: outputs.shape[0], :]
    changes = xp.reshape(stacked - reference[:, None, :], deformed.shape)
    return xp.argmax(changes, axis=0)


def tangent_selector(along: Array) -> Array:
    """For every output, the example with the largest *sum* of directional derivatives.

    Parameters
    ----------
    along : array, shape (P, K, F)
        <∇f_k(x_i), t_ia>. The penalty is the sum of their squares; the code chooses by power 1.

    Examples
    --------
    >>> import numpy as np
    >>> tangent_selector(np.array([[[3.0, -3.0]], [[1.0, 0.0]]]))
    array([1])
    """
    xp = namespace(along)
    return xp.argmax(xp.sum(along, axis=-1), axis=0)
