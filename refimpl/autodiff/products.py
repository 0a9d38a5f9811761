"""Trees as vectors, and products of vectors with derivatives: what is written in operations.

>>> import numpy as np
>>> hvp(lambda x: op.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
array([ 6., 12.])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl.arrays import Array, namespace
from refimpl.autodiff import operations as op
from refimpl.autodiff.tape import grad, value, vjp
from refimpl.autodiff.trees import Tree, flatten, unflatten


def ravel(tree: Tree) -> tuple[Array, Callable[[Array], Tree]]:
    """All leaves as one vector, and the function that cuts a vector back into the tree.

    Both directions are differentiable, so a constraint or an objective may be written on the
    vector.

    Returns
    -------
    vector : array, shape (n,)
    unravel : callable
        Takes an array of shape (n,), gives a tree with the shapes of ``tree``.

    Examples
    --------
    >>> import numpy as np
    >>> vector, unravel = ravel([np.ones((2, 2)), np.zeros(1)])
    >>> vector
    array([1., 1., 1., 1., 0.])
    >>> unravel(2 * vector)[0].shape
    (2, 2)
    """
    leaves, structure = flatten(tree)
    shapes = [leaf.shape for leaf in leaves]
    sizes = [_size(shape) for shape in shapes]
    total = sum(sizes)

    def unravel(vector: Array) -> Tree:
        if tuple(vector.shape) != (total,):
            raise ValueError(f"expected a vector of {total} entries, got shape {vector.shape}")
        parts, start = [], 0
        for shape, size in zip(shapes, sizes, strict=True):
            parts.append(op.reshape(vector[start : start + size], shape))
            start += size
        return unflatten(structure, parts)

    return op.concat([op.reshape(leaf, (-1,)) for leaf in leaves]), unravel


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for count in shape:
        size *= count
    return size


def dot(left: Tree, right: Tree) -> Array:
    """Inner product of two trees of one structure (differentiable).

    Examples
    --------
    >>> import numpy as np
    >>> float(dot([np.array([1.0, 2.0])], [np.array([3.0, 4.0])]))
    11.0
    """
    first, structure = flatten(left)
    second, other = flatten(right)
    if structure != other:
        raise ValueError("structures differ")
    total = None
    for a, b in zip(first, second, strict=True):
        term = op.sum(a * b)
        total = term if total is None else total + term
    return total


def jvp(function: Callable[..., Any], x: Tree, tangent: Tree) -> tuple[Any, Any]:
    """The value of ``function(x)`` and its derivative along ``tangent``.

    The pullback is linear in its cotangent u; the derivative of <pullback(u), tangent> in u is the
    push-forward, whatever u is. So reverse mode gives it with no rules of its own.

    Examples
    --------
    >>> import numpy as np
    >>> jvp(lambda x: x * x, np.array([1.0, 3.0]), np.array([1.0, 1.0]))[1]
    array([2., 6.])
    """
    result, pullback = vjp(function, x)
    plain = value(result)
    zero = namespace(plain).zeros_like(plain)
    return result, grad(lambda u: dot(pullback(u), tangent))(zero)


def hvp(function: Callable[..., Any], x: Tree, direction: Tree) -> Tree:
    """Hessian of the scalar ``function`` at ``x`` times ``direction``, a tree like ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import autodiff as ad
    >>> hvp(lambda x: ad.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    return grad(lambda z: dot(grad(function)(z), direction))(x)
