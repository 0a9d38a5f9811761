"""Inference on packed bits: XNOR, popcount and integer thresholds.

1. ⟨a, b⟩ = n − 2 popcount(a xor b) for signs a, b packed as bits; equal padding cancels
2. a normalization and the signs after it are thresholds of that integer (``integer_threshold``)
3. logic shortcuts act on words: XNOR = not (a xor b), OR = a or b
4. stem, the last block's real numbers and the head are those of the float graph

Predictions equal those of :class:`refimpl.papers.boolnet.network.BoolNet` as it is evaluated,
bit for bit: integers are exact in both, and thresholds are found by the float layer itself.

Source: M. Rastegari et al., "XNOR-Net", 2016, for line 1; BoolNet (2021), section 3, for the rest.

>>> import numpy as np
>>> a, b = np.asarray([[1.0, -1.0, 1.0]]), np.asarray([[1.0, 1.0, -1.0]])
>>> binary_products(pack_signs(a), pack_signs(b), 3)
array([[-1]], dtype=int32)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.arrays import Array, count_bits, namespace, pack_bits, unpack_bits
from refimpl.errors import SettingError
from refimpl.papers.boolnet.layers import mean_of_slices
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.normalization import check_statistics, integer_threshold
from refimpl.papers.boolnet.signs import check_signs
from refimpl.papers.boolnet.statistics import (
    Params,
    norm_layers,
)
from refimpl.papers.boolnet.weights import output_scale

_WORDS = 1 << 21
"""Words compared at a time: the bound on memory."""


def pack_signs(x: Array) -> Array:
    """Signs as bits, 1 for +1: (..., n) to words (..., ceil(n/64)).

    Raises
    ------
    SettingError
        If an entry is neither −1 nor +1.
    """
    check_signs(x, "values")
    return pack_bits(x > 0)


def unpack_signs(words: Array, n: int, like: Array) -> Array:
    """The signs in ``words``, in the dtype of ``like``."""
    xp = namespace(words)
    return 2.0 * xp.astype(unpack_bits(words, n), like.dtype) - 1.0


def binary_products(rows: Array, units: Array, n: int) -> Array:
    """n − 2 popcount(a xor b) for all pairs.

    Parameters
    ----------
    rows : array of uint64, shape (P, W)
    units : array of uint64, shape (U, W)
        Bits beyond the n-th equal to those of ``rows``.
    n : int

    Returns
    -------
    array of int32, shape (P, U)
    """
    xp = namespace(rows, units)
    words = rows.shape[-1]
    if n > 64 * words or n <= 64 * (words - 1) or units.shape[-1] != words:
        raise SettingError(
            "as many signs do not fit in these words",
            n=n,
            words=words,
            words_of_units=units.shape[-1],
        )
    at_once = max(1, _WORDS // max(1, units.shape[0]))
    parts = []
    for start in range(0, rows.shape[0], at_once):
        piece = rows[start : start + at_once, :]
        apart: Any = 0
        for word in range(words):
            differ = xp.bitwise_xor(piece[:, word, None], units[None, :, word])
            apart = apart + xp.astype(count_bits(differ), xp.int32)
        parts.append(n - 2 * apart)
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)


class PackedLayer(NamedTuple):
    """A binary layer.

    Attributes
    ----------
    words : array of uint64, shape (U, W)
        The signs of the weights.
    inputs : int
        n, of a unit.
    groups : int
        Group s of U/groups units reads slice s.
    direction : array of int64, shape (U,)
    thresholds : array of int64, shape (k, U)
        A bit of slice s is set where direction · z >= thresholds[s]; not used where real numbers
        follow.
    """

    words: Array
    inputs: int
    groups: int
    direction: Array
    thresholds: Array


class PackedNetwork:
    """A trained BoolNet on packed bits; called with inputs (P, n), it gives outputs (P, K).

    Parameters
    ----------
    model : BoolNet
    params : dict
        With statistics.

    Raises
    ------
    SettingError
        If sign(0) is 0 in the model, or a normalization has no statistics.

    Examples
    --------
    >>> from refimpl import Rng
    >>> from refimpl.papers.boolnet.statistics import recalibrate
    >>> model = BoolNet((4, 8, 3), slices=2)
    >>> params = recalibrate(model, model.init(Rng(0)), Rng(1).normal((20, 4)))
    >>> x = Rng(2).normal((5, 4))
    >>> bool((PackedNetwork(model, params)(x) == model(params, x)).all())
    True
    """

    def __init__(self, model: BoolNet, params: Params) -> None:
        if model.sign_zero != 1:
            raise SettingError("one bit has no 0: packed inference needs sign_zero=1")
        for where, layer in norm_layers(params):
            check_statistics(layer, where)
        self.model, self.params = model, params
        self.blocks = [
            {name: self._packed(layer, name) for name, layer in block.items() if "weight" in layer}
            for block in params["blocks"]
        ]

    def _packed(self, layer: Params, name: str) -> PackedLayer:
        model, weight = self.model, layer["weight"]
        xp = namespace(weight)
        inputs, groups = weight.shape[1], 1 if name == "down" else model.slices
        scale = output_scale(weight) if model.weight_scale == "mean_abs" else None
        found = [
            integer_threshold(layer, offset, scale, inputs, model.epsilon) for offset in model.bias
        ]
        return PackedLayer(
            pack_bits(weight >= 0),
            inputs,
            groups,
            found[0][0],
            xp.stack([threshold for _, threshold in found]),
        )

    @property
    def nbytes(self) -> int:
        """Bytes of the packed binary weights."""
        return sum(8 * math.prod(p.words.shape) for block in self.blocks for p in block.values())

    def __call__(self, inputs: Array) -> Array:
        model, params = self.model, self.params
        xp = namespace(inputs)
        first = model.features(params, inputs, model.evaluated)
        bits = xp.stack([(first + b if b else first) >= 0 for b in model.bias], axis=1)
        words = pack_bits(bits)  # (P, k, W)
        channels = first.shape[1]
        for index, (_, inner, outer) in enumerate(model.plan()):
            if index == len(self.blocks) - 1:
                x = self._real_block(index, words, channels)
                break
            words = self._block(index, words, channels, inner != outer)
            channels = outer
        features = xp.where(x >= 0, x, params["slope"] * x)
        return ad.linear(features, params["head"]["weight"], params["head"]["bias"])

    def _entering(
        self, index: int, words: Array, channels: int, halved: bool
    ) -> tuple[Array, Array, Array | None, int]:
        """What the block acts on, its shortcut, what is put aside, and the channels acted on."""
        block = self.blocks[index]
        if "down" in block:
            layer = block["down"]
            joined = pack_bits(_flat(unpack_bits(words, channels)))[:, None, :]
            r = _signs(_products(joined, layer), layer)
            return words, r, r if halved else None, layer.words.shape[0]
        if halved:
            bits = unpack_bits(words, channels)
            x = pack_bits(bits[:, :, : channels // 2])
            return x, x, bits[:, :, channels // 2 :], channels // 2
        return words, words, None, block["first"].words.shape[0]

    def _hidden(self, index: int, x: Array, r: Array, units: int) -> Array:
        """u in words: the signs behind the first layer, under XNOR with the shortcut."""
        layer = self.blocks[index]["first"]
        u = _signs(_products(x, layer), layer)
        if self.model.shortcuts == "none":
            return u
        xp = namespace(u)
        filled = pack_bits(xp.astype(xp.ones_like(unpack_bits(u[:1, :1, :], units)), xp.bool))
        return xp.bitwise_and(xp.bitwise_invert(xp.bitwise_xor(u, r)), filled)

    def _block(self, index: int, words: Array, channels: int, halved: bool) -> Array:
        x, r, aside, units = self._entering(index, words, channels, halved)
        u = self._hidden(index, x, r, units)
        layer = self.blocks[index]["second"]
        out = _signs(_products(u, layer), layer)
        xp = namespace(out)
        if self.model.shortcuts == "logic":
            out = xp.bitwise_or(out, r)
        if aside is None:
            return out
        first = unpack_bits(out, units)
        second = aside if aside.dtype == first.dtype else unpack_bits(aside, units)
        both = xp.stack([first, second], axis=-1)
        return pack_bits(xp.reshape(both, (*first.shape[:2], 2 * units)))

    def _real_block(self, index: int, words: Array, channels: int) -> Array:
        model, params = self.model, self.params["blocks"][index]
        x, r, _, units = self._entering(index, words, channels, False)
        u = self._hidden(index, x, r, units)
        second, layer = params["second"], self.blocks[index]["second"]
        xp = namespace(second["weight"])
        z = xp.astype(_products(u, layer), second["weight"].dtype)
        if model.weight_scale == "mean_abs":
            z = output_scale(second["weight"]) * z
        y = model.evaluated(z, second)
        if model.shortcuts == "none":
            return y
        signs = _flat(unpack_signs(u, units, second["weight"]))
        return y + model.evaluated(mean_of_slices(signs, model.slices), params["merge"])


def _flat(x: Array) -> Array:
    """(P, k, C) as (P, k C)."""
    return namespace(x).reshape(x, (x.shape[0], x.shape[1] * x.shape[2]))


def _products(words: Array, layer: PackedLayer) -> Array:
    """The integers (P, U) of a layer on words (P, groups, W)."""
    xp = namespace(words)
    units = layer.words.shape[0] // layer.groups
    parts = [
        binary_products(
            words[:, group, :], layer.words[group * units : (group + 1) * units, :], layer.inputs
        )
        for group in range(layer.groups)
    ]
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=-1)


def _signs(products: Array, layer: PackedLayer) -> Array:
    """The signs of all slices in words (P, k, W)."""
    moved = layer.direction * products
    return pack_bits(moved[:, None, :] >= layer.thresholds[None, :, :])
