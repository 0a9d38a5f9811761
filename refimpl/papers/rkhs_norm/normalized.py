"""A network that normalizes its own inputs, so that radii are in raw pixels.

Model
-----
f(x) = network((x − mean) / scale)

Source: the released code of Bietti, Mialon, Chen & Mairal 2019 keeps the normalization of pixels
inside the model: ε of an attack, and every input gradient, refer to pixels in [0, 1]. With a
normalization outside the model the same ε would be ``scale`` times smaller.

The slopes carry the factor: |∇f_k(x)| <= |w_k| |W_2| |W_1| / scale.

>>> import numpy as np
>>> from refimpl.models.input_gradients import output_gradients
>>> model = NormalizedMLP((2, 1), mean=0.5, scale=0.25)
>>> params = [{"weight": np.array([[1.0, 0.0]]), "bias": np.zeros(1)}]
>>> model(params, np.array([[0.75, 0.0]])), output_gradients(model, params, np.zeros((1, 2)))
(array([[1.]]), array([[[4., 0.]]]))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refimpl.arrays import Array, Backend
from refimpl.checks import plain_numbers, positive
from refimpl.models import MLP
from refimpl.models.linear_pieces import LinearPieces, linear_pieces
from refimpl.models.mlp import Params
from refimpl.random import Rng


@dataclass(frozen=True)
class NormalizedMLP:
    """A multi-layer perceptron on (x − mean) / scale.

    Parameters
    ----------
    widths : tuple of int
        Input width, hidden widths, output width.
    mean, scale : float
        Defaults: of the pixels of MNIST in [0, 1].
    activation : str
    bias : bool

    Raises
    ------
    ValueError
        If the scale is not positive, or as for :class:`refimpl.models.MLP`.
    """

    widths: tuple[int, ...]
    mean: float = 0.1307
    scale: float = 0.3081
    activation: str = "relu"
    bias: bool = True

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("scale", self.scale)
        object.__setattr__(self, "widths", self.network.widths)

    @property
    def network(self) -> MLP:
        """The perceptron behind the normalization."""
        return MLP(self.widths, self.activation, self.bias)

    def init(
        self,
        rng: Rng,
        initializer: str | Sequence[str] = "he_normal",
        *,
        scale: float = 1.0,
        bias_scale: float = 0.0,
        backend: Backend | None = None,
    ) -> Params:
        """Parameters of the perceptron; see :meth:`refimpl.models.MLP.init`."""
        return self.network.init(
            rng, initializer, scale=scale, bias_scale=bias_scale, backend=backend
        )

    def __call__(self, params: Params, inputs: Array) -> Array:
        """Outputs (P, K) for raw inputs (P, n); differentiable in both."""
        return self.network(params, (inputs - self.mean) / self.scale)

    def linear_pieces(self, params: Params, inputs: Array) -> LinearPieces:
        """The linear pieces of the perceptron, whose input gradients carry 1 / scale."""
        inner = linear_pieces(self.network, params, (inputs - self.mean) / self.scale)
        return inner._replace(scale=1.0 / self.scale)
