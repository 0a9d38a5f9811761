"""A neural n-gram model: embeddings of the tokens before, side by side, into a perceptron.

Source: Y. Bengio, R. Ducharme, P. Vincent and C. Jauvin, "A neural probabilistic language model",
Journal of Machine Learning Research 3 (2003), without the direct connections.

>>> import numpy as np
>>> from refimpl.random import Rng
>>> model = NeuralNgram(tokens=5, context=2, dimension=3, hidden=(4,))
>>> model(model.init(Rng(0)), np.array([[0.0, 4.0]])).shape
(1, 5)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend, namespace
from refimpl.arrays import backend as make_backend
from refimpl.checks import count
from refimpl.models.mlp import MLP
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class NeuralNgram:
    """Scores of the next token given ``context`` tokens.

    Parameters
    ----------
    tokens, context, dimension : int
        Kinds of tokens, how many are seen, and the length of an embedding.
    hidden : tuple of int
        Widths of the perceptron's hidden layers.
    activation : str
    """

    tokens: int
    context: int
    dimension: int = 16
    hidden: tuple[int, ...] = (64,)
    activation: str = "relu"

    def __post_init__(self) -> None:
        for name in ("tokens", "context", "dimension"):
            count(name, getattr(self, name))

    @property
    def network(self) -> MLP:
        """The perceptron behind the embeddings."""
        return MLP((self.context * self.dimension, *self.hidden, self.tokens), self.activation)

    def init(
        self,
        rng: Rng,
        initializer: str | Sequence[str] = "he_normal",
        *,
        backend: Backend | None = None,
    ) -> list[dict[str, Array]]:
        """A standard normal embedding as the first layer, then the layers of the perceptron."""
        place = backend or make_backend()
        table = rng.child("embedding").normal((self.tokens, self.dimension), like=place.zeros((1,)))
        return [
            {"weight": table},
            *self.network.init(rng.child("network"), initializer, backend=place),
        ]

    def __call__(self, params: Any, inputs: Array) -> Array:
        """Scores (P, tokens) for numbers of tokens (P, context), given as floats."""
        xp = namespace(inputs)
        rows = xp.astype(xp.reshape(inputs, (-1,)), xp.int64)
        found = ad.take(params[0]["weight"], rows)
        flat = ad.reshape(found, (inputs.shape[0], self.context * self.dimension))
        return self.network(params[1:], flat)
