"""Parameters as plain nested containers, and the few things one does with them.

A tree is a dict, list, tuple or NamedTuple of trees; None is an empty tree; anything else is a
leaf. Dict entries keep their insertion order.

>>> leaves, structure = flatten({"weight": 1.0, "inner": [2.0, None, (3.0,)]})
>>> leaves
[1.0, 2.0, 3.0]
>>> unflatten(structure, [10.0, 20.0, 30.0])
{'weight': 10.0, 'inner': [20.0, None, (30.0,)]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from refimpl.arrays import Array, length, namespace

Tree = Any

# Trees are walked at every step of every training, so that leaves are met in the loops of those
# that hold them, without a call for each.
_NODES = (dict, list, tuple, type(None))


def flatten(tree: Tree) -> tuple[list[Any], Any]:
    """The leaves of ``tree`` in order, and the structure that puts them back."""
    leaves: list[Any] = []
    structure = _describe(tree, leaves)
    return leaves, structure


def _describe(tree: Tree, leaves: list[Any]) -> Any:
    kind = type(tree)
    children: Any
    keys: Any = None
    if kind is dict:
        children, keys = tree.values(), tuple(tree)
    elif kind is list or isinstance(tree, tuple):
        children = tree
    elif tree is None:
        return None
    else:
        leaves.append(tree)
        return _LEAF
    parts: list[Any] = []
    for child in children:
        if isinstance(child, _NODES):
            parts.append(_describe(child, leaves))
        else:
            leaves.append(child)
            parts.append(_LEAF)
    return (kind, keys, parts)


class _Leaf:
    def __repr__(self) -> str:
        return "*"


_LEAF = _Leaf()


def unflatten(structure: Any, leaves: list[Any]) -> Tree:
    """The tree of this ``structure`` with these ``leaves``.

    Raises
    ------
    ValueError
        If the number of leaves does not fit.
    """
    supply = iter(leaves)
    try:
        tree = _rebuild(structure, supply)
    except StopIteration:
        raise ValueError(f"too few leaves: {len(leaves)}") from None
    if next(supply, _LEAF) is not _LEAF:
        raise ValueError(f"too many leaves: {len(leaves)}")
    return tree


def _rebuild(structure: Any, supply: Iterator[Any]) -> Tree:
    if structure is _LEAF:
        return next(supply)
    if structure is None:
        return None
    kind, keys, children = structure
    if kind is dict:
        return {key: _rebuild(child, supply) for key, child in zip(keys, children, strict=True)}
    parts = [_rebuild(child, supply) for child in children]
    return parts if kind is list else _tuple(kind, parts)


def map_tree(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """``function`` applied leaf by leaf to trees of one structure.

    Raises
    ------
    ValueError
        If the structures differ.

    Examples
    --------
    >>> map_tree(lambda a, b: a - b, [5.0, {"w": 3.0}], [1.0, {"w": 1.0}])
    [4.0, {'w': 2.0}]
    """
    if not others:
        return _map(function, tree)
    if len(others) == 1:
        return _map_two(function, tree, others[0])
    kind = type(tree)
    if kind is dict:
        for other in others:
            if type(other) is not dict or other.keys() != tree.keys():
                raise ValueError(f"structures differ: {_brief(tree)} and {_brief(other)}")
        return {
            key: map_tree(function, child, *(other[key] for other in others))
            for key, child in tree.items()
        }
    if kind is list or isinstance(tree, tuple):
        for other in others:
            if not isinstance(other, (list, tuple)) or len(other) != len(tree):
                raise ValueError(f"structures differ: {_brief(tree)} and {_brief(other)}")
        parts = [map_tree(function, *children) for children in zip(tree, *others, strict=True)]
        return parts if kind is list else _tuple(kind, parts)
    return None if tree is None else function(tree, *others)


def _map(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """:func:`map_tree` of one tree: every gradient enters and leaves its trace through it."""
    kind = type(tree)
    if kind is dict:
        return {key: _map(function, child) for key, child in tree.items()}
    if kind is list:
        return [_map(function, child) for child in tree]
    if isinstance(tree, tuple):
        return _tuple(kind, [_map(function, child) for child in tree])
    return None if tree is None else function(tree)


def _map_two(function: Callable[[Any, Any], Any], tree: Tree, other: Tree) -> Tree:
    """:func:`map_tree` of two trees, such as parameters and gradient."""
    kind = type(tree)
    if kind is dict:
        if type(other) is not dict or other.keys() != tree.keys():
            raise ValueError(f"structures differ: {_brief(tree)} and {_brief(other)}")
        return {
            key: _map_two(function, child, other[key])
            if isinstance(child, _NODES)
            else function(child, other[key])
            for key, child in tree.items()
        }
    if kind is list or isinstance(tree, tuple):
        if not isinstance(other, (list, tuple)) or len(other) != len(tree):
            raise ValueError(f"structures differ: {_brief(tree)} and {_brief(other)}")
        parts = [
            _map_two(function, child, its) if isinstance(child, _NODES) else function(child, its)
            for child, its in zip(tree, other, strict=True)
        ]
        return parts if kind is list else _tuple(kind, parts)
    return None if tree is None else function(tree, other)


def _tuple(kind: Any, parts: list[Any]) -> Any:
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


def _brief(tree: Tree) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(map(str, tree)) + "}"
    if isinstance(tree, (list, tuple)):
        return f"{type(tree).__name__} of {len(tree)}"
    return type(tree).__name__


def norm_tree(tree: Tree) -> Array:
    """Euclidean norm of all leaves together (0-d array, not differentiated).

    Examples
    --------
    >>> import numpy as np
    >>> float(norm_tree({"w": np.array([3.0]), "b": np.array([4.0])}))
    5.0
    """
    leaves, _ = flatten(tree)
    return length(namespace(*leaves).stack([length(leaf) for leaf in leaves]))
