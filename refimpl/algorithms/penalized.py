"""What penalties on weight matrices share: which matrices there are, sums, scaled gradients.

>>> import numpy as np
>>> from refimpl import autodiff as ad
>>> value, gradient = scaled_gradient(lambda p: ad.sum(p["w"] ** 2), {"w": np.asarray([3.0])}, 0.5)
>>> float(value), gradient
(4.5, {'w': array([3.])})
"""

from __future__ import annotations

from collections.abc import Callable

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, tree_namespace
from refimpl.arrays import Array
from refimpl.errors import SettingError


def weight_matrices(params: Tree) -> list[Array]:
    """The parameters with two axes or more as matrices (neurons, inputs): row = neuron.

    Convolution kernels (out, ...) are flattened to (out, everything else). Biases, with one
    axis, are left out. Differentiable.

    Examples
    --------
    >>> import numpy as np
    >>> layers = [{"weight": np.zeros((4, 3, 2)), "bias": np.zeros(4)}]
    >>> [matrix.shape for matrix in weight_matrices(layers)]
    [(4, 6)]
    """
    leaves, _ = ad.flatten(params)
    return [
        leaf if leaf.ndim == 2 else ad.reshape(leaf, (leaf.shape[0], -1))
        for leaf in leaves
        if leaf.ndim >= 2
    ]


def require_matrices(params: Tree, what: str) -> list[Array]:
    """The weight matrices, or a SettingError that says what was looked at in vain."""
    matrices = weight_matrices(params)
    if not matrices:
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in ad.flatten(params)[0])
        raise SettingError(
            f"{what} acts on weight matrices, and of the shapes {shapes or '(none)'} none has "
            f"two axes"
        )
    return matrices


def scaled_gradient(
    penalty: Callable[[Tree], Array], params: Tree, strength: float
) -> tuple[Array, Tree | None]:
    """Value and gradient of ``strength`` times a penalty, by the tape.

    Parameters
    ----------
    penalty : callable
        ``penalty(params)`` is a 0-d array, differentiable.
    params : tree
    strength : float
        With 0 the gradient is None: not even an infinite one is added.
    """
    if strength == 0.0:
        return 0.0 * ad.value(penalty(params)), None
    return ad.value_and_grad(lambda p: strength * penalty(p))(params)


def total(terms: list[Array], params: Tree) -> Array:
    """The sum of ``terms``; a zero of the parameters' kind if there are none."""
    if not terms:
        leaves, _ = ad.flatten(params)
        xp = tree_namespace(ad.map_tree(ad.value, params))
        return xp.zeros_like(xp.sum(ad.value(leaves[0])))
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result
