"""The settings that MAML and Meta-SGD share, and their checks.

>>> Settings(inner_steps=-1)
Traceback (most recent call last):
...
ValueError: inner_steps must be at least 0, not -1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import FirstOrder, Tree
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.checks import count, fraction, one_of, plain_numbers, positive
from refimpl.errors import SettingError
from refimpl.random import Rng

Order = Literal["first", "second"]
TaskReduction = Literal["sum", "mean"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Hyper-parameters of the inner loop and of the outer update.

    Parameters
    ----------
    inner_rate : float
        α, positive.
    inner_steps : int
        K, also at meta-test.
    order : {"second", "first"}
        The exact gradient through the inner loop, or the gradient of the query loss at θ_K.
    task_reduction : {"sum", "mean"}
        Of the tasks' query losses.
    clip : float, optional
        The largest norm of the meta-gradient, which is scaled down to it.
    base, learning_rate, momentum
        The first-order update of θ.
    update : FirstOrder, optional
        That update itself, instead of the three.
    wrappers : sequence
        What acts on the inner gradients while training: parts with a method ``multipliers``,
        such as gradient dropout.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.
    SettingError
        If a wrapper does more than multiply the inner gradient.
    """

    inner_rate: float = field(default=0.01, metadata={"help": "step of the adaptation"})
    inner_steps: int = field(default=5, metadata={"help": "steps of the adaptation, >= 0"})
    order: Order = field(default="second", metadata={"help": "of the outer gradient"})
    task_reduction: TaskReduction = field(
        default="sum", metadata={"help": "of the losses of the tasks"}
    )
    clip: float | None = field(default=None, metadata={"help": "largest norm of the meta-gradient"})
    base: BaseName = field(default="adam", metadata={"help": BASE_HELP})
    learning_rate: float = field(default=0.001, metadata={"help": "step of the base update"})
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})
    update: Any = field(default=None, metadata={"help": "the outer update, from Python only"})
    wrappers: Any = field(default=(), metadata={"help": "on the inner gradients, from Python only"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("inner_rate", self.inner_rate)
        object.__setattr__(self, "inner_rate", float(self.inner_rate))
        count("inner_steps", self.inner_steps, at_least=0)
        one_of("order", self.order, get_args(Order))
        one_of("task_reduction", self.task_reduction, get_args(TaskReduction))
        if self.clip is not None:
            positive("clip", self.clip)
        positive("learning_rate", self.learning_rate)
        fraction("momentum", self.momentum)
        wrappers = self.wrappers
        wrappers = tuple(wrappers) if isinstance(wrappers, (list, tuple)) else (wrappers,)
        for wrapper in wrappers:
            if not hasattr(wrapper, "multipliers"):
                raise SettingError(
                    f"wrappers inside an inner loop multiply its gradient, as gradient_dropout "
                    f"does; {type(wrapper).__name__} does not"
                )
        object.__setattr__(self, "wrappers", wrappers)
        if not hasattr(self.outer, "direction") or not hasattr(self.outer, "buffers"):
            raise SettingError(
                f"update must be a first-order update such as Adam, not {type(self.outer).__name__}"
            )

    @property
    def outer(self) -> FirstOrder:
        """The update of θ."""
        if self.update is not None:
            return self.update
        return first_order(self.base, self.learning_rate, self.momentum)

    def wrapped(self, *wrappers: Any) -> Self:
        """The same algorithm with these wrappers on its inner gradients."""
        return replace(self, wrappers=(*self.wrappers, *wrappers))

    def multipliers(self, gradients: Tree, step: int, inner: int, rng: Rng | None) -> Tree | None:
        """n_k: the product of what the wrappers draw in inner step ``inner``, None for ones."""
        noise = None
        for number, wrapper in enumerate(self.wrappers):
            stream = None if rng is None else rng.child("inner", number, inner)
            more = wrapper.multipliers(gradients, step, stream)
            if more is not None:
                noise = more if noise is None else ad.map_tree(_product, noise, more)
        return noise

    def source(
        self, given: Sequence[Tree | None] | None, step: int, rng: Rng | None
    ) -> Callable[[Tree, int], Tree | None]:
        """Where n_k comes from: the wrappers, or ``given`` noise, which is checked as it is used.

        Raises
        ------
        ValueError
            If there is noise for another number of inner steps.
        """
        if given is None:
            return lambda gradients, k: self.multipliers(gradients, step, k, rng)
        if len(given) != self.inner_steps:
            raise ValueError(
                f"noise for {len(given)} inner steps, but there are {self.inner_steps}"
            )

        def checked(gradients: Tree, k: int) -> Tree | None:
            if given[k] is not None:
                check_noise(given[k], gradients, k)
            return given[k]

        return checked


def _product(left: Any, right: Any) -> Any:
    return left * right


def check_noise(noise: Tree, like: Tree, inner: int) -> None:
    """Raise unless given noise has the shapes and dtypes of the gradients that it multiplies.

    Raises
    ------
    ValueError
        Naming the inner step, the tensor and both shapes or dtypes.

    Examples
    --------
    >>> import numpy as np
    >>> check_noise({"w": np.ones(2)}, {"w": np.ones((3, 2))}, 0)
    Traceback (most recent call last):
    ...
    ValueError: noise of inner step 0: tensor w has shape (2,), the gradient (3, 2)
    """
    given, wanted = dict(_named(noise)), dict(_named(like))
    if given.keys() != wanted.keys():
        raise ValueError(
            f"noise of inner step {inner}: tensors {', '.join(given)}, "
            f"the gradient has {', '.join(wanted)}"
        )
    for name, leaf in given.items():
        other = wanted[name]
        for what in ("shape", "dtype"):
            mine, theirs = getattr(leaf, what), getattr(other, what)
            if mine != theirs:
                raise ValueError(
                    f"noise of inner step {inner}: tensor {name} has {what} {mine}, "
                    f"the gradient {theirs}"
                )


def _named(tree: Tree, path: str = "") -> list[tuple[str, Any]]:
    """The leaves and where they stand, such as ``0.weight``."""
    if isinstance(tree, dict):
        children = [(str(key), child) for key, child in tree.items()]
    elif isinstance(tree, (list, tuple)):
        children = [(str(index), child) for index, child in enumerate(tree)]
    else:
        return [] if tree is None else [(path or "params", tree)]
    return [leaf for key, child in children for leaf in _named(child, f"{path}.{key}".lstrip("."))]
