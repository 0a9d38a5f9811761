"""Trees of parameters from and to the containers of other libraries.

A tree here is nested lists and dictionaries of arrays; other libraries name each array by the path
that leads to it, ``"encoder.0.weight"``. What is read is copied, so that training the original in
place does not reach the copy.

The orientation of a dense weight differs:

============================== =============== ==================
library                        shape           name
============================== =============== ==================
this package                   (out, in)       ``weight``
PyTorch ``nn.Linear``          (out, in)       ``weight``
Equinox ``nn.Linear``          (out, in)       ``weight``
Flax ``Dense``, ``Linear``     (in, out)       ``kernel``
============================== =============== ==================

>>> import numpy as np
>>> tree = [{"weight": np.ones((2, 3)), "bias": np.zeros(2)}]
>>> list(flat_dict(tree))
['0.weight', '0.bias']
>>> to_flax(tree)["params"]["Dense_0"]["kernel"].shape
(3, 2)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, backend, namespace, to_host
from refimpl.checks import one_of
from refimpl.errors import BackendError, ForeignError

Tree = Any
Layers = list[dict[str, Array]]


# --- names ---------------------------------------------------------------------------------------


def flat_dict(tree: Tree, separator: str = ".") -> dict[str, Array]:
    """The arrays of a tree by the paths that lead to them, in their order.

    Raises
    ------
    ForeignError
        If a key is no string or holds the separator, so that paths could not be read back.

    Examples
    --------
    >>> flat_dict({"encoder": [{"weight": 1.0}, {"weight": 2.0}], "scale": 3.0})
    {'encoder.0.weight': 1.0, 'encoder.1.weight': 2.0, 'scale': 3.0}
    """
    return dict(_walk(tree, "", separator))


def _walk(tree: Tree, path: str, separator: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        children = list(tree.items())
    elif isinstance(tree, (list, tuple)):
        names = getattr(tree, "_fields", map(str, range(len(tree))))
        children = list(zip(names, tree, strict=True))
    else:
        if tree is not None:
            yield path, tree
        return
    for name, child in children:
        if not isinstance(name, str) or separator in name:
            raise ForeignError(
                f"the key {name!r} cannot be part of a path with the separator {separator!r}"
            )
        yield from _walk(child, f"{path}{separator}{name}" if path else name, separator)


def nested_dict(flat: Mapping[str, Array], separator: str = ".") -> dict[str, Any]:
    """The nested dictionary of what is named by paths; numbers stay names.

    Raises
    ------
    ForeignError
        If one path leads through the array of another.

    Examples
    --------
    >>> nested_dict({"encoder.0.weight": 1.0, "encoder.2.weight": 2.0})
    {'encoder': {'0': {'weight': 1.0}, '2': {'weight': 2.0}}}
    """
    tree: dict[str, Any] = {}
    for path, leaf in flat.items():
        *above, last = path.split(separator)
        place = tree
        for name in above:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise ForeignError(f"{path!r} leads through an array")
        if last in place:
            raise ForeignError(f"{path!r} names an array and a group of arrays")
        place[last] = leaf
    return tree


def like_tree(flat: Mapping[str, Array], like: Tree) -> Tree:
    """The arrays of ``flat`` in the structure of ``like``.

    Where the names are those of ``like``, names decide. A tree whose top is a list has no names of
    its own for its entries, so there, if they differ, the order decides. Shapes must agree.

    Raises
    ------
    ForeignError
        With the names or shapes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> sequential = {"0.weight": np.ones((2, 3)), "2.weight": np.zeros((1, 2))}
    >>> found = like_tree(sequential, [{"weight": np.empty((2, 3))}, {"weight": np.empty((1, 2))}])
    >>> [layer["weight"].shape for layer in found]
    [(2, 3), (1, 2)]
    """
    wanted = flat_dict(like)
    leaves = matched(flat, wanted, ordered=isinstance(like, (list, tuple)))
    return ad.unflatten(ad.flatten(like)[1], list(leaves.values()))


def matched(
    given: Mapping[str, Array], wanted: Mapping[str, Array], *, ordered: bool
) -> dict[str, Array]:
    """The arrays of ``given`` under the names, and in the order, of ``wanted``.

    Parameters
    ----------
    given, wanted : mapping of path to array
    ordered : bool
        Whether, where the names differ, the order decides.

    Raises
    ------
    ForeignError
        With the names or shapes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> list(matched({"b": np.ones(1), "a": np.ones(2)}, {"a": np.ones(2), "b": np.ones(1)},
    ...     ordered=False))
    ['a', 'b']
    """
    if given.keys() == wanted.keys():
        pairs = {name: given[name] for name in wanted}
    elif ordered and len(given) == len(wanted):
        pairs = dict(zip(wanted, given.values(), strict=True))
    else:
        missing = ", ".join(name for name in wanted if name not in given)
        surplus = ", ".join(name for name in given if name not in wanted)
        raise ForeignError(
            f"the names do not fit: missing {missing or 'none'}, not wanted {surplus or 'none'}"
        )
    for name, leaf in pairs.items():
        mine, theirs = tuple(leaf.shape), tuple(wanted[name].shape)
        if mine != theirs:
            raise ForeignError(f"{name} has another shape", given=mine, wanted=theirs)
    return pairs


# --- PyTorch -------------------------------------------------------------------------------------


def from_state_dict(state: Mapping[str, Any], like: Tree | None = None) -> Tree:
    """The parameters of a ``state_dict``, as a nested dictionary or in the structure of ``like``.

    Parameters
    ----------
    state : mapping of path to torch.Tensor
        ``module.state_dict()``. Its buffers, such as running averages, are in it too.
    like : tree, optional
        See :func:`like_tree`; ``MLP.init`` gives one for a sequence of dense layers.

    Returns
    -------
    tree of torch.Tensor
        Copies, cut from the graph that PyTorch records. Dense weights stay (out, in).

    Examples
    --------
    >>> import torch
    >>> linear = torch.nn.Linear(3, 2)
    >>> found = from_state_dict(linear.state_dict())
    >>> tuple(found["weight"].shape), found["weight"].requires_grad
    ((2, 3), False)
    """
    flat = {name: tensor.detach().clone() for name, tensor in state.items()}
    return nested_dict(flat) if like is None else like_tree(flat, like)


def to_state_dict(tree: Tree, like: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What ``module.load_state_dict`` takes: tensors of PyTorch by their paths.

    Parameters
    ----------
    tree : tree of array
        Of any backend; its dtypes are kept.
    like : mapping, optional
        The ``state_dict`` whose names and shapes are wanted, for a tree whose top is a list.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    >>> tree = [{"weight": np.ones((2, 3)), "bias": np.zeros(2)},
    ...     {"weight": np.ones((1, 2)), "bias": np.zeros(1)}]
    >>> module.load_state_dict(to_state_dict(tree, like=module.state_dict()))
    <All keys matched successfully>
    """
    place = backend("torch")
    flat = {name: _copied(leaf, place) for name, leaf in flat_dict(tree).items()}
    if like is None:
        return flat
    return matched(flat, like, ordered=isinstance(tree, (list, tuple)))


def _copied(leaf: Array, place: Any) -> Array:
    """A copy of ``leaf`` on ``place``, in its own dtype."""
    return place.xp.asarray(to_host(leaf), device=place.device, copy=True)


# --- dense layers --------------------------------------------------------------------------------


def layers(tree: Tree, *, weights: str = "out_in") -> Layers:
    """The dense layers of a nested dictionary as the list that :class:`refimpl.MLP` takes.

    Parameters
    ----------
    tree : tree of array
        Every group with a two-dimensional ``weight`` or ``kernel`` is a layer, in their order;
        names that end in numbers are in the order of the numbers, wherever a file had put them.
    weights : {"out_in", "in_out"}
        How the weights are stored: PyTorch and Equinox (out, in), Flax (in, out).

    Raises
    ------
    ForeignError
        If there is no layer, or consecutive widths do not fit, which tells a wrong orientation.

    Examples
    --------
    >>> import numpy as np
    >>> found = layers({"0": {"weight": np.ones((4, 3))}, "10": {"weight": np.ones((2, 4))}})
    >>> [layer["weight"].shape for layer in found]
    [(4, 3), (2, 4)]
    >>> layers({"0": {"weight": np.ones((3, 4))}, "1": {"weight": np.ones((4, 2))}})
    Traceback (most recent call last):
    ...
    refimpl.errors.ForeignError: layer 1 takes 2 inputs, but layer 0 gives 3: are the weights \
stored (in, out)? (given=3, wanted=2)
    """
    one_of("weights", weights, ("out_in", "in_out"))
    found: Layers = []
    for group in _groups(tree):
        name = "weight" if "weight" in group else "kernel"
        weight = group[name]
        layer = {"weight": _transposed(weight) if weights == "in_out" else weight}
        if group.get("bias") is not None:
            layer["bias"] = group["bias"]
        found.append(layer)
    if not found:
        raise ForeignError("no group holds a two-dimensional 'weight' or 'kernel'")
    other = "out, in" if weights == "in_out" else "in, out"
    for index in range(1, len(found)):
        given, wanted = found[index - 1]["weight"].shape[0], found[index]["weight"].shape[1]
        if given != wanted:
            raise ForeignError(
                f"layer {index} takes {wanted} inputs, but layer {index - 1} gives {given}: are "
                f"the weights stored ({other})?",
                given=given,
                wanted=wanted,
            )
    return found


def _groups(tree: Tree) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, Mapping):
        leaf = tree.get("weight", tree.get("kernel"))
        if getattr(leaf, "ndim", 0) == 2:
            yield tree
            return
        for name in sorted(tree, key=_numbered):
            yield from _groups(tree[name])
    elif isinstance(tree, (list, tuple)):
        for child in tree:
            yield from _groups(child)


def _numbered(name: str) -> tuple[str, int]:
    """``Dense_10`` after ``Dense_9``; names without a number keep their order among themselves."""
    found = re.fullmatch(r"(.*?)(\d+)", name)
    return (found[1], int(found[2])) if found else ("", 0)


def _transposed(weight: Array) -> Array:
    return namespace(weight).asarray(weight.mT, copy=True)


def from_flax(params: Mapping[str, Any]) -> Layers:
    """The dense layers of the parameters of Flax, kernels turned to (out, in).

    Examples
    --------
    >>> import numpy as np
    >>> params = {"params": {"Dense_0": {"kernel": np.ones((3, 2)), "bias": np.zeros(2)}}}
    >>> from_flax(params)[0]["weight"].shape
    (2, 3)
    """
    return layers(params.get("params", params), weights="in_out")


def to_flax(tree: Layers, names: str = "Dense_{}") -> dict[str, Any]:
    """Dense layers as Flax names and stores them: ``kernel`` of shape (in, out).

    Parameters
    ----------
    tree : list of dict
        As :class:`refimpl.MLP` has them.
    names : str
        A format for the number of the layer.

    Examples
    --------
    >>> import numpy as np
    >>> list(to_flax([{"weight": np.ones((2, 3))}])["params"]["Dense_0"])
    ['kernel']
    """
    params = {}
    for number, layer in enumerate(tree):
        entry = {"kernel": _transposed(layer["weight"])}
        if "bias" in layer:
            entry["bias"] = layer["bias"]
        params[names.format(number)] = entry
    return {"params": params}


# --- pytrees of JAX ------------------------------------------------------------------------------


def from_pytree(tree: Any) -> dict[str, Any]:
    """The arrays of any pytree of JAX, as a nested dictionary.

    Modules of Equinox and every registered class are pytrees. What is no array, such as an
    activation, is left out.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from_pytree({"layers": ({"weight": jnp.ones(2)}, max)})["layers"]["0"]["weight"].shape
    (2,)
    """
    paths, _ = _jax().tree_util.tree_flatten_with_path(tree)
    return nested_dict({_path(keys): leaf for keys, leaf in paths if hasattr(leaf, "dtype")})


def to_pytree(tree: Tree, like: Any) -> Any:
    """The pytree ``like`` with the arrays of ``tree``, whose names must be those of its arrays.

    Raises
    ------
    ForeignError
        With the names or shapes that do not fit.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> like = {"layers": ({"weight": jnp.ones(2)}, max)}
    >>> to_pytree({"layers": {"0": {"weight": jnp.zeros(2)}}}, like)["layers"][1] is max
    True
    """
    jax = _jax()
    paths, structure = jax.tree_util.tree_flatten_with_path(like)
    wanted = {_path(keys): leaf for keys, leaf in paths if hasattr(leaf, "dtype")}
    found = matched(flat_dict(tree), wanted, ordered=False)
    leaves = [found.get(_path(keys), leaf) for keys, leaf in paths]
    return jax.tree_util.tree_unflatten(structure, leaves)


def _path(keys: Any) -> str:
    """``layers.0.weight`` from the keys of JAX, which have one attribute each."""
    parts = []
    for key in keys:
        named = [getattr(key, kind) for kind in ("key", "idx", "name") if hasattr(key, kind)]
        parts.append(str(named[0]))
    return ".".join(parts)


def _jax() -> Any:
    try:
        import jax
    except ImportError as error:
        raise BackendError(
            f"pytrees need JAX, which cannot be imported ({error}); install it with "
            f"pip install 'refimpl[interop]'"
        ) from None
    return jax
