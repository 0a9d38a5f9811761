"""The multi-layer perceptron.

>>> from refimpl import Rng
>>> model = MLP((4, 8, 3))
>>> params = model.init(Rng(0))
>>> [layer["weight"].shape for layer in params]
[(8, 4), (3, 8)]
>>> model(params, Rng(1).normal((5, 4))).shape
(5, 3)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend
from refimpl.arrays import backend as make_backend
from refimpl.checks import plain_numbers
from refimpl.errors import unknown_name
from refimpl.models.initializers import INITIALIZERS
from refimpl.random import Rng

Params = list[dict[str, Array]]

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": ad.relu,
    "leaky_relu": ad.leaky_relu,
    "tanh": ad.tanh,
    "sigmoid": ad.sigmoid,
    "softplus": ad.softplus,
    "identity": lambda x: x,
}


@dataclass(frozen=True)
class MLP:
    """Dense layers with one activation between them; the last layer is linear.

    Attributes
    ----------
    widths : tuple of int
        Input width, hidden widths, output width.
    activation : str
        A name in ``ACTIVATIONS``.
    bias : bool
        Whether the layers have biases.

    Raises
    ------
    ValueError
        For fewer than two widths, a width below 1 or an unknown activation.
    """

    widths: tuple[int, ...]
    activation: str = "relu"
    bias: bool = True

    replayable = True  # the outputs depend on parameters and inputs alone

    def __post_init__(self) -> None:
        plain_numbers(self)
        object.__setattr__(self, "widths", tuple(int(width) for width in self.widths))
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ValueError(f"widths must be two or more positive integers, not {self.widths}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(unknown_name("activation", self.activation, ACTIVATIONS))

    @property
    def depth(self) -> int:
        """Number of weight layers."""
        return len(self.widths) - 1

    def init(
        self,
        rng: Rng,
        initializer: str | Sequence[str] = "he_normal",
        *,
        scale: float = 1.0,
        bias_scale: float = 0.0,
        backend: Backend | None = None,
    ) -> Params:
        """Draw initial parameters.

        Parameters
        ----------
        rng : Rng
            Layer l draws from ``rng.child("layer", l)``.
        initializer : str or one name a layer
            Names in ``INITIALIZERS``.
        scale : float
            Factor on every weight.
        bias_scale : float
            Biases are uniform on +-bias_scale / sqrt(fan_in); 1 is PyTorch's default, 0 is zero.
        backend : Backend, optional
            Where the parameters live; default NumPy float64.

        Returns
        -------
        list of dict
            One ``{"weight": (out, in)[, "bias": (out,)]}`` a layer.
        """
        place = backend or make_backend()
        names = [initializer] * self.depth if isinstance(initializer, str) else list(initializer)
        if len(names) != self.depth or any(name not in INITIALIZERS for name in names):
            raise ValueError(
                f"initializer must be one name, or one for each of the {self.depth} layers, "
                f"from {', '.join(INITIALIZERS)}; got {initializer!r}"
            )
        like = place.zeros((1,))
        params: Params = []
        for index, name in enumerate(names):
            fan_in, fan_out = self.widths[index], self.widths[index + 1]
            stream = rng.child("layer", index)
            draw = INITIALIZERS[name]((fan_out, fan_in), stream, like=like)
            layer = {"weight": scale * draw}
            if self.bias:
                bound = bias_scale / math.sqrt(fan_in)
                layer["bias"] = stream.child("bias").uniform((fan_out,), -bound, bound, like=like)
            params.append(layer)
        return params

    def __call__(self, params: Params, inputs: Array) -> Array:
        """Outputs (P, K) for inputs (P, n); differentiable in both."""
        return self.layers(params, inputs)[-1]

    def layers(self, params: Params, inputs: Array) -> list[Array]:
        """The outputs of every layer, activations applied except in the last."""
        if len(params) != self.depth:
            raise ValueError(f"expected {self.depth} layers of parameters, got {len(params)}")
        hidden, last = _hidden_layer(self.activation), self.depth - 1
        signals, signal = [], inputs
        for index, layer in enumerate(params):
            compute = hidden if index < last else ad.linear
            signal = compute(signal, layer["weight"], layer.get("bias"))
            signals.append(signal)
        return signals


def _hidden_layer(activation: str) -> Callable[..., Array]:
    if activation == "relu":
        return ad.linear_relu
    activate = ACTIVATIONS[activation]
    return lambda *args: activate(ad.linear(*args))
