"""What the penalties on input gradients share: which way to the gradient, and zeros.

A penalty on input gradients is differentiated in one of two ways. The tape records a backward pass
and differentiates it; it takes every model. Networks that are linear in pieces have closed forms
(:mod:`refimpl.models.linear_pieces`) with the same numbers for less work.

>>> from refimpl.models import MLP
>>> closed("auto", MLP((2, 2))), closed("auto", MLP((2, 2), activation="tanh"))
(True, False)
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.arrays import Array, device, namespace
from refimpl.checks import one_of
from refimpl.errors import SettingError
from refimpl.models.input_gradients import output_gradients
from refimpl.models.linear_pieces import (
    SLOPES,
    LinearPieces,
    has_linear_pieces,
    linear_pieces,
    squared_gradient_norms,
)

Derivatives = Literal["auto", "closed_form", "tape"]

STRENGTH_HELP = "weight of the penalty, >= 0"
DERIVATIVES_HELP = "closed_form, tape, or auto: closed form where there is one"


def check_derivatives(derivatives: Any) -> None:
    """Raise unless ``derivatives`` is one of the names."""
    one_of("derivatives", derivatives, get_args(Derivatives))


def closed(derivatives: Derivatives, model: Any) -> bool:
    """Whether to take the closed form.

    Raises
    ------
    SettingError
        If it is asked for and ``model`` has none: names the activation.

    Examples
    --------
    >>> from refimpl.models import MLP
    >>> closed("closed_form", MLP((2, 2), activation="softplus"))
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: derivatives='closed_form' needs a perceptron whose activation is \
linear in pieces (relu, leaky_relu, identity), not 'softplus'
    """
    if derivatives == "tape":
        return False
    found = has_linear_pieces(model)
    if derivatives == "closed_form" and not found:
        what = getattr(model, "activation", type(model).__name__)
        raise SettingError(
            f"derivatives='closed_form' needs a perceptron whose activation is linear in pieces "
            f"({', '.join(SLOPES)}), not {what!r}"
        )
    return found


def plain(tree: Tree) -> Tree:
    """The tree without its tape."""
    return ad.map_tree(ad.value, tree)


def zero(params: Tree) -> Array:
    """A 0-d zero beside ``params``."""
    leaf = ad.value(ad.flatten(params)[0][0])
    xp = namespace(leaf)
    return xp.zeros((), dtype=leaf.dtype, device=device(leaf))


def zeros(params: Tree) -> Tree:
    """A tree of zeros like ``params``."""
    return ad.map_tree(lambda leaf: namespace(leaf).zeros_like(leaf), params)


def unit_rows(outputs: Array) -> Array:
    """The one-hot covectors e_1 to e_K, an array (K, K) beside ``outputs`` (P, K)."""
    xp = namespace(outputs)
    return xp.eye(outputs.shape[-1], dtype=outputs.dtype, device=device(outputs))


def squared_slopes(
    model: Any, params: Tree, inputs: Array, derivatives: Derivatives
) -> tuple[Array, LinearPieces | None]:
    """|∇f_k(x_i)|², shape (P, K), and the linear pieces if they led there."""
    if closed(derivatives, model):
        pieces = linear_pieces(model, params, inputs)
        return squared_gradient_norms(pieces), pieces
    slopes = output_gradients(model, params, inputs)
    return namespace(slopes).sum(slopes * slopes, axis=-1), None


def sum_trees(trees: list[Tree]) -> Tree:
    """The sum of trees of one structure."""
    total = trees[0]
    for tree in trees[1:]:
        total = ad.map_tree(lambda a, b: a + b, total, tree)
    return total


def taped(
    part: Any, params: Tree, batch: Any, objective: Any, rng: Any
) -> tuple[Array, Tree, tuple[()]]:
    """Value and gradient of a penalty without memory, by differentiating its value."""

    def function(at: Tree) -> Array:
        return part.value(at, batch, objective, (), rng)[0]

    value, gradient = ad.value_and_grad(function)(params)
    return value, gradient, ()
