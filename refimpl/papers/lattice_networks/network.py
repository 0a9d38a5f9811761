"""Networks with smooth activations, standard and periodic.

G(y) = W_L s(… W_1 s(W_0 x + v_0) + v_1 …) + v_L with x = y, 2y − 1 or, for a periodic network,
sin(2πy) componentwise; then G has period 1 in every coordinate.

Source: A. Keller, F. Y. Kuo, D. Nuyens and I. H. Sloan, arXiv 2502.12496 and 2603.02809
(abstracts and opening page; activations sigmoid and swish).

>>> from refimpl import Rng
>>> model = SmoothNetwork((2, 8, 1), inputs="periodic")
>>> params = model.init(Rng(0))
>>> y = Rng(1).uniform((3, 2))
>>> bool(abs(model(params, y) - model(params, y + 1.0)).max() < 1e-12)
True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend
from refimpl.checks import one_of, plain_numbers
from refimpl.models import MLP
from refimpl.papers.lattice_networks.activations import smooth
from refimpl.random import Rng

Inputs = Literal["plain", "centered", "periodic"]
INPUTS = ("plain", "centered", "periodic")

Params = list[dict[str, Array]]


@dataclass(frozen=True)
class SmoothNetwork:
    """Dense layers with one smooth activation between them, on inputs in [0, 1]^s.

    Parameters
    ----------
    widths : tuple of int
        s, hidden widths, outputs.
    activation : {"swish", "sigmoid", "tanh", "sin"}
    inputs : {"centered", "plain", "periodic"}
        What the first layer sees: 2y − 1, y, or sin(2πy).

    Raises
    ------
    SettingError
        For an activation without bounds on its derivatives, such as ReLU.
    ValueError
        For fewer than two widths, or an unknown kind of inputs.

    Examples
    --------
    >>> SmoothNetwork((2, 3, 1)).depth
    2
    """

    widths: tuple[int, ...] = field(metadata={"help": "inputs, hidden widths, outputs"})
    activation: str = field(default="swish", metadata={"help": "between the layers, smooth"})
    inputs: Inputs = field(default="centered", metadata={"help": "2y - 1, y or sin(2 pi y)"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        object.__setattr__(self, "widths", MLP(self.widths).widths)
        smooth(self.activation)
        one_of("inputs", self.inputs, INPUTS)

    @property
    def depth(self) -> int:
        """Number of weight matrices, L + 1."""
        return len(self.widths) - 1

    def init(
        self,
        rng: Rng,
        initializer: str | Sequence[str] = "glorot_normal",
        *,
        scale: float = 1.0,
        bias_scale: float = 0.0,
        backend: Backend | None = None,
    ) -> Params:
        """Draw parameters: one ``{"weight": (out, in), "bias": (out,)}`` a layer.

        Parameters
        ----------
        rng : Rng
        initializer, scale, bias_scale, backend
            As for :class:`refimpl.models.MLP`.
        """
        start = MLP(self.widths)
        return start.init(rng, initializer, scale=scale, bias_scale=bias_scale, backend=backend)

    def __call__(self, params: Params, inputs: Array) -> Array:
        """Outputs (P, K) for points y of shape (P, s); differentiable in both.

        A leading axis of networks on the parameters and on the points stays on the outputs.
        """
        activate = smooth(self.activation).function
        signal = first_inputs(inputs, self.inputs)
        for index, layer in enumerate(params):
            signal = signal if index == 0 else activate(signal)
            signal = ad.linear(signal, layer["weight"], layer["bias"])
        return signal


def first_inputs(points: Array, inputs: Inputs) -> Array:
    """What the first layer sees of points in [0, 1]^s.

    Examples
    --------
    >>> import numpy as np
    >>> first_inputs(np.array([[0.25]]), "centered"), first_inputs(np.array([[0.25]]), "periodic")
    (array([[-0.5]]), array([[1.]]))
    """
    if inputs == "centered":
        return 2.0 * points - 1.0
    if inputs == "periodic":
        return ad.sin((2.0 * math.pi) * points)
    return points


def matrices(params: Any) -> list[Any]:
    """W_0 .. W_L of a list of layers, in order."""
    return [layer["weight"] for layer in params]
