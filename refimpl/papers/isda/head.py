"""The linear head that the loss looks into, found by its name in the parameters.

>>> import numpy as np
>>> params = {"body": np.zeros((3, 2)), "head": {"weight": np.ones((4, 3))}}
>>> find_head(params, ("head",)).weight.shape
(4, 3)
>>> find_head(params, ("body",))
Traceback (most recent call last):
...
refimpl.errors.SettingError: the head at ('body',) is no single linear layer: it must be \
{'weight': (classes, features)[, 'bias': (classes,)]}, and is an array of shape (3, 2)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from refimpl.arrays import Array
from refimpl.errors import SettingError

Path = tuple[str | int, ...]


class Head(NamedTuple):
    """A linear layer: ``weight`` (C, A) and ``bias`` (C,) or None."""

    weight: Any
    bias: Any


def find_head(params: Any, path: Path, features: Any = None) -> Head:
    """The layer at ``path`` in ``params``.

    Parameters
    ----------
    params : tree
    path : tuple of str and int
    features : array, shape (N, A), optional
        What the layer is to be applied to; its width is checked.

    Raises
    ------
    SettingError
        If there is nothing at ``path``, or no single linear layer of two classes or more, or
        one of another width; with the path and the shapes.
    """
    layer = params
    for key in path:
        try:
            layer = layer[key]
        except (KeyError, IndexError, TypeError):
            raise SettingError(f"there is nothing at {path!r} in the parameters") from None
    wanted = "{'weight': (classes, features)[, 'bias': (classes,)]}"
    weight = layer.get("weight") if isinstance(layer, dict) else None
    shape = None if weight is None else tuple(weight.shape)
    if shape is None or len(shape) != 2 or not set(layer) <= {"weight", "bias"}:
        raise SettingError(
            f"the head at {path!r} is no single linear layer: it must be {wanted}, and is "
            f"{_describe(layer)}"
        )
    bias = layer.get("bias")
    if bias is not None and tuple(bias.shape) != shape[:1]:
        raise SettingError(
            f"the head at {path!r} has a bias of shape {tuple(bias.shape)} for "
            f"a weight of shape {shape}"
        )
    if shape[0] < 2:
        raise SettingError(f"the head at {path!r} needs at least two classes, not {shape[0]}")
    if features is not None and tuple(features.shape[1:]) != shape[1:]:
        raise SettingError(
            f"the head at {path!r} has a weight of shape {shape}, which does not fit features "
            f"of shape {tuple(features.shape)}"
        )
    return Head(weight, bias)


def hidden_features(
    model: Any, features: Callable[[Any, Array], Array] | None, params: Any, inputs: Array
) -> Any:
    """What the head is applied to: ``features(params, inputs)``, or the last hidden layer.

    Raises
    ------
    SettingError
        If neither is there.
    """
    if features is not None:
        return features(params, inputs)
    layers = getattr(model, "layers", None)
    if layers is None:
        raise SettingError(
            f"{type(model).__name__} does not say what its head is applied to: give "
            "features=..., a function of parameters and inputs"
        )
    signals = layers(params, inputs)
    return signals[-2] if len(signals) > 1 else inputs


def _describe(layer: Any) -> str:
    if isinstance(layer, dict):
        return (
            "{"
            + ", ".join(f"{k!r}: {tuple(getattr(v, 'shape', ()))}" for k, v in layer.items())
            + "}"
        )
    shape = getattr(layer, "shape", None)
    return f"a {type(layer).__name__}" if shape is None else f"an array of shape {tuple(shape)}"
