"""PyTorch's own classes under the contracts: optimizers and parametrizations.

PyTorch is imported when one is used.

>>> torch_optimizer(lambda params: None).arrays
'torch'
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from refimpl.conformance.optimizers import draws_of
from refimpl.errors import SettingError

_DRAWS = ("randn_like", "randn", "normal")


def torch_optimizer(make: Callable[[list[Any]], Any], *, noisy: bool = False) -> Any:
    """An optimizer of PyTorch under the contract of :mod:`refimpl.conformance.optimizers`.

    Parameters
    ----------
    make : callable
        ``make(params)`` gives the ``torch.optim.Optimizer`` on a list of parameters, such as
        ``lambda params: torch.optim.SGD(params, lr=0.1)``.
    noisy : bool
        The optimizer draws normal numbers itself: ``torch.randn_like``, ``torch.randn``,
        ``torch.normal`` and ``Tensor.normal_`` return the given noise while it steps, in the order
        of the parameters.

    Returns
    -------
    object
        With ``init`` and ``step``. ``optimizer.step`` gets a closure, which takes the gradients at
        the parameters as they are then; the gradients are also there before.

    Examples
    --------
    >>> import pytest
    >>> torch = pytest.importorskip("torch")
    >>> import refimpl
    >>> theirs = torch_optimizer(lambda params: torch.optim.SGD(params, lr=0.1))
    >>> refimpl.check(theirs, against="sgd").agrees
    True
    """
    return _TorchOptimizer(make, noisy)


def torch_parametrization(make: Callable[[Any], Any]) -> Any:
    """A parametrization of PyTorch as ``project(q)``: the weight that a layer has under it.

    Parameters
    ----------
    make : callable
        ``make(layer)`` registers it on the weight of a ``torch.nn.Linear``, which is q before.

    Examples
    --------
    >>> import pytest
    >>> torch = pytest.importorskip("torch")
    >>> import refimpl
    >>> theirs = torch_parametrization(torch.nn.utils.parametrizations.orthogonal)
    >>> refimpl.check(theirs, against="orthogonal_map").agrees
    True
    """
    return _TorchMap(make)


class _TorchOptimizer:
    arrays = "torch"

    def __init__(self, make: Callable[[list[Any]], Any], noisy: bool) -> None:
        self.make, self.noisy = make, noisy

    def init(self, params: Any) -> Any:
        torch = importlib.import_module("torch")
        leaves = [torch.nn.Parameter(leaf.detach().clone()) for leaf in params]
        return leaves, self.make(leaves)

    def step(self, params: Any, state: Any, gradient: Any, noise: Any) -> tuple[Any, Any]:
        torch = importlib.import_module("torch")
        leaves, optimizer = state

        def closure() -> Any:
            slopes = gradient([leaf.detach().clone() for leaf in leaves])
            with torch.no_grad():
                for leaf, slope in zip(leaves, slopes, strict=True):
                    leaf.grad = slope.clone()
            return torch.zeros((), dtype=leaves[0].dtype)

        closure()
        with _given(torch, draws_of(noise)) if self.noisy else contextlib.nullcontext():
            optimizer.step(closure)
        return [leaf.detach().clone() for leaf in leaves], state


class _TorchMap:
    arrays = "torch"

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self.make = make

    def project(self, q: Any) -> Any:
        """The weight of a layer that had q and is parametrized."""
        torch = importlib.import_module("torch")
        outputs, inputs = q.shape
        layer = torch.nn.Linear(inputs, outputs, bias=False, dtype=q.dtype)
        with torch.no_grad():
            layer.weight.copy_(q)
            self.make(layer)
            return layer.weight.detach().clone()


@contextlib.contextmanager
def _given(torch: Any, draws: Sequence[Sequence[Any]]) -> Iterator[None]:
    """PyTorch's normal numbers are those that are given, in their order."""
    queue = [leaf for draw in draws for leaf in draw]

    def next_of(shape: Any) -> Any:
        if not queue:
            raise SettingError("the optimizer draws more numbers than the contract has")
        leaf = queue.pop(0)
        if tuple(leaf.shape) != tuple(shape):
            raise SettingError(
                f"the optimizer draws the shape {tuple(shape)}, the contract has "
                f"{tuple(leaf.shape)} next"
            )
        return leaf.clone()

    def randn_like(like: Any, **options: Any) -> Any:
        return next_of(like.shape)

    def randn(*size: Any, **options: Any) -> Any:
        return next_of(size[0] if len(size) == 1 and not isinstance(size[0], int) else size)

    def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, **options: Any) -> Any:
        shape = size if size is not None else (mean.shape if hasattr(mean, "shape") else std.shape)
        return mean + std * next_of(shape)

    def normal_(self: Any, mean: float = 0.0, std: float = 1.0, **options: Any) -> Any:
        return self.copy_(mean + std * next_of(self.shape))

    found = {name: getattr(torch, name) for name in _DRAWS}
    method = torch.Tensor.normal_
    torch.randn_like, torch.randn, torch.normal = randn_like, randn, normal
    torch.Tensor.normal_ = normal_
    try:
        yield
    finally:
        for name, original in found.items():
            setattr(torch, name, original)
        torch.Tensor.normal_ = method
