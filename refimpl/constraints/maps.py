"""Which parameters are constrained: circles with a radius per layer, orthogonality per layer.

A layer is a leaf with two axes or more; biases have one and stay free by default.

>>> import numpy as np
>>> params = [{"weight": np.zeros((4, 3)), "bias": np.zeros(4)}, {"weight": np.zeros((2, 4))}]
>>> layer_radii(params, (0.05, 0.1))
[0.05, None, 0.1]
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Literal

from refimpl import autodiff as ad
from refimpl.arrays import namespace
from refimpl.constraints.base import Blocks, Constraint, Solver, Tree
from refimpl.constraints.circle import Circle, check_radius
from refimpl.constraints.orthogonal import Orthogonal, orthonormal_factor
from refimpl.constraints.unconstrained import Unconstrained
from refimpl.constraints.user import UserConstraint
from refimpl.errors import SettingError

Include = Literal["weights", "all"]


def layer_radii(
    params: Tree, radii: Sequence[float], include: Include = "weights"
) -> list[float | None]:
    """The radius of every leaf, None for free ones.

    Parameters
    ----------
    params : tree
    radii : sequence of float
        One for every layer, or fewer: the last one then serves all further layers.
    include : {"weights", "all"}
        Constrain layers only, or biases too (with the radius of the layer before them).

    Raises
    ------
    ValueError
        For no radius, a radius that is not positive, or more radii than layers.
    SettingError
        If no parameter would be constrained.
    """
    leaves, _ = ad.flatten(params)
    layers = sum(leaf.ndim >= 2 for leaf in leaves)
    radii = tuple(radii)
    if not radii or (len(radii) > max(layers, 1)):
        raise ValueError(f"expected 1 to {layers} radii, one a layer, not {len(radii)}: {radii}")
    for radius in radii:
        check_radius(radius)
    result: list[float | None] = []
    layer = -1
    for leaf in leaves:
        layer += leaf.ndim >= 2
        chosen = leaf.ndim >= 2 or include == "all"
        result.append(float(radii[min(max(layer, 0), len(radii) - 1)]) if chosen else None)
    if all(radius is None for radius in result):
        raise SettingError(
            "no parameter has two axes, so no weight would be bounded: set include='all'"
        )
    return result


def circle_blocks(
    params: Tree,
    radii: Sequence[float] = (1.0,),
    include: Include = "weights",
    motion: Literal["rotation", "shake"] = "rotation",
) -> Blocks:
    """Circle constraints on the weights, a radius per layer.

    Raises
    ------
    ValueError
        As :func:`layer_radii`.

    Examples
    --------
    >>> import numpy as np
    >>> circle_blocks([np.zeros((2, 2)), np.zeros((1, 2))], (0.5, 2.0)).constraints[1].radius
    2.0
    """
    constraints: list[Constraint] = [
        Unconstrained() if radius is None else Circle(radius, motion)
        for radius in layer_radii(params, radii, include)
    ]
    return Blocks(tuple(constraints))


def is_orthogonal_layer(params: Tree, free_first: bool = True) -> list[bool]:
    """Which leaves an orthogonality constraint acts on: layers, the first one left out.

    Examples
    --------
    >>> import numpy as np
    >>> is_orthogonal_layer([np.zeros((2, 2)), np.zeros(2), np.zeros((2, 2))])
    [False, False, True]
    """
    shapes = tuple(tuple(leaf.shape) for leaf in ad.flatten(params)[0])
    return _orthogonal_layers(shapes, free_first)


def _orthogonal_layers(shapes: tuple[tuple[int, ...], ...], free_first: bool) -> list[bool]:
    chosen = []
    seen = 0
    for shape in shapes:
        layer = len(shape) >= 2
        chosen.append(bool(layer and not (free_first and seen == 0)))
        seen += layer
    return chosen


def orthogonal_blocks(
    params: Tree,
    free_first: bool = True,
    solver: Solver = "auto",
    **options: Any,
) -> Blocks:
    """Orthogonality constraints on the layers; biases and the first layer are free by default.

    Parameters
    ----------
    params : tree
    free_first : bool
    solver : {"auto", "quasi_newton", "newton"}
    **options
        Further fields of :class:`Orthogonal`.

    Raises
    ------
    SettingError
        If no layer would be orthogonal.

    Examples
    --------
    >>> import numpy as np
    >>> blocks = orthogonal_blocks([np.eye(2), np.eye(2, 3)], free_first=False)
    >>> [constraint.wide for constraint in blocks.constraints]
    [False, True]
    """
    shapes = tuple(tuple(leaf.shape) for leaf in ad.flatten(params)[0])
    return _orthogonal_blocks(shapes, free_first, solver, tuple(options.items()))


@functools.lru_cache(maxsize=64)
def _orthogonal_blocks(
    shapes: tuple[tuple[int, ...], ...], free_first: bool, solver: Solver, options: Any
) -> Blocks:
    chosen = _orthogonal_layers(shapes, free_first)
    if not any(chosen):
        layers = sum(len(shape) >= 2 for shape in shapes)
        way = "set free_first=False" if layers else "it acts on parameters of two axes or more"
        raise SettingError(f"no layer would be orthogonal ({layers} layers): {way}")
    constraints: list[Constraint] = [
        Orthogonal(shape, solver, **dict(options)) if orthogonal else Unconstrained()
        for shape, orthogonal in zip(shapes, chosen, strict=True)
    ]
    return Blocks(tuple(constraints))


def orthonormal_params(
    params: Tree, blocks: Blocks, method: str = "qr", determinant: int | None = None
) -> Tree:
    """``params`` with orthonormal factors in place of the layers that are not orthonormal.

    Parameters
    ----------
    params : tree
    blocks : Blocks
    method : {"qr", "polar"}
    determinant : {1, -1}, optional
        Of all square layers: their first row is reflected where it is the other one. The orthogonal
        matrices have two components, which no continuous motion joins.

    Returns
    -------
    tree
        Layers that are orthonormal to rounding are returned as they are.

    Raises
    ------
    InfeasibleError
        If a layer has lost rank.

    Examples
    --------
    >>> import numpy as np
    >>> params = [np.ones((1, 1)), np.array([[3.0, 4.0]])]
    >>> orthonormal_params(params, orthogonal_blocks(params))[1]
    array([[0.6, 0.8]])
    """
    leaves, structure = ad.flatten(params)
    made = []
    for constraint, leaf in zip(blocks.constraints, leaves, strict=True):
        if isinstance(constraint, Orthogonal) and not constraint.accepts(leaf):
            factor = orthonormal_factor(constraint.tall(leaf), method)
            leaf = constraint.parameters(factor)
        square = leaf.ndim == 2 and leaf.shape[0] == leaf.shape[1]
        if determinant is not None and isinstance(constraint, Orthogonal) and square:
            xp = namespace(leaf)
            if float(xp.linalg.det(leaf)) * determinant < 0.0:
                leaf = xp.concat([-leaf[:1, :], leaf[1:, :]], axis=0)
        made.append(leaf)
    return ad.unflatten(structure, made)


def user_blocks(constraint: UserConstraint) -> Blocks:
    """One user-defined constraint on all parameters together, as one vector.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import autodiff as ad
    >>> sphere = UserConstraint(lambda w: ad.sum(w * w) - 25.0)
    >>> user_blocks(sphere).positions({"a": np.array([3.0]), "b": np.array([4.0])})
    [array([3., 4.])]
    """
    return Blocks((constraint,), whole=True)
