"""Statistics of the normalizations: which there are, how they are collected and put back.

>>> from refimpl import Rng
>>> from refimpl.papers.boolnet.network import BoolNet
>>> model = BoolNet((4, 8, 3), blocks=1)
>>> [place for place, _ in norm_layers(model.init(Rng(0)))]
['stem', 'block 0 first', 'block 0 second', 'block 0 merge']
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refimpl.arrays import Array
from refimpl.papers.boolnet.normalization import batch_normalized

Params = dict[str, Any]


def norm_layers(params: Params) -> list[tuple[str, Params]]:
    """The layers with a normalization and their places, in the order of the forward pass."""
    found = [("stem", params["stem"])]
    if "local" in params:
        found += [(f"local {name}", params["local"][name]) for name in ("inner", "outer")]
    for index, block in enumerate(params["blocks"]):
        for name in ("down", "first", "second", "merge"):
            if name in block:
                found.append((f"block {index} {name}", block[name]))
    return found


def binary_layers(params: Params) -> list[Params]:
    """The layers with binary weights."""
    return [layer for name, layer in norm_layers(params)[1:] if "weight" in layer]


def with_statistics(params: Params, statistics: list[tuple[Array, Array]]) -> Params:
    """Parameters with other means and variances, in the order of :func:`norm_layers`."""
    left = iter(statistics)

    def put(layer: Params) -> Params:
        mean, variance = next(left)
        return {**layer, "mean": mean, "variance": variance}

    changed_first = {"stem": put(params["stem"])}
    if "local" in params:
        local = params["local"]
        changed_first["local"] = {
            **local,
            "inner": put(local["inner"]),
            "outer": put(local["outer"]),
        }
    blocks = []
    for block in params["blocks"]:
        changed = {n: put(block[n]) for n in ("down", "first", "second", "merge") if n in block}
        blocks.append({name: changed[name] for name in block})
    return {**params, **changed_first, "blocks": blocks}


def collected(
    model: Any, params: Params, inputs: Any, strength: float
) -> tuple[Any, list[tuple[Any, Any]]]:
    """Outputs of a pass with the batch's own statistics, and these, differentiable."""
    found: list[tuple[Any, Any]] = []

    def normalize(x: Any, layer: Mapping[str, Any]) -> Any:
        y, mean, variance = batch_normalized(x, layer, model.epsilon)
        found.append((mean, variance))
        return y

    return model.forward(params, inputs, normalize, strength), found


def recalibrate(model: Any, params: Params, inputs: Array) -> Params:
    """Parameters with the statistics of a whole data set under signs as weights.

    What follows a normalization is computed with the new statistics of that normalization.

    Parameters
    ----------
    model : BoolNet
    params : dict
    inputs : array, shape (P, n)
        The training inputs, in one piece.
    """
    _, statistics = collected(model, params, inputs, 0.0)
    return with_statistics(params, statistics)
