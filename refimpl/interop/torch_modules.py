"""A module and a loss of PyTorch as an objective.

The module lends its forward computation; its parameters live in the state of the algorithm, and
the module itself is never written to.

>>> import torch
>>> from refimpl import SGD
>>> from refimpl.datasets import Batch
>>> module = torch.nn.Linear(2, 1).double()
>>> objective = from_torch(module, torch.nn.functional.mse_loss)
>>> algorithm = SGD(learning_rate=0.1)
>>> state = algorithm.init(module_parameters(module))
>>> inputs = torch.eye(2, dtype=torch.float64)
>>> batch = Batch(inputs, torch.ones(2, 1, dtype=torch.float64))
>>> state, info = algorithm.step(state, objective, batch)
>>> bool(objective(state.params, batch) < info.loss)
True
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from refimpl.errors import BackendError, ForeignError
from refimpl.interop.objectives import ForeignObjective, from_value_and_grad
from refimpl.interop.trees import flat_dict, from_state_dict, like_tree, matched

Tree = Any


def module_parameters(module: Any) -> Tree:
    """Copies of the parameters of a module, without its buffers, as a nested dictionary.

    Examples
    --------
    >>> import torch
    >>> tree = module_parameters(torch.nn.Sequential(torch.nn.Linear(3, 2)))
    >>> {name: tuple(leaf.shape) for name, leaf in tree["0"].items()}
    {'weight': (2, 3), 'bias': (2,)}
    """
    return from_state_dict(dict(module.named_parameters()))


def from_torch(module: Any, loss: Callable[[Any, Any], Any]) -> ForeignObjective:
    """The objective ``loss(module(batch.inputs), batch.targets)``, differentiated by PyTorch.

    Parameters
    ----------
    module : torch.nn.Module
        Pure: in training mode it has neither dropout, which would draw from a global generator,
        nor running averages, which every evaluation would move.
    loss : callable
        ``loss(outputs, targets) -> scalar tensor``, such as ``torch.nn.functional.cross_entropy``.

    Returns
    -------
    ForeignObjective
        Of parameters with the names of the module (:func:`module_parameters`), or of a list of
        layers whose arrays are in the module's order with its shapes (``MLP.init``). Parameters
        and batches of other libraries are moved to PyTorch, and gradients back.

    Raises
    ------
    ForeignError
        If the module is not pure; in a step, if the parameters are not those of the module.

    Examples
    --------
    >>> import torch
    >>> from_torch(torch.nn.Dropout(0.5), torch.nn.functional.mse_loss)
    Traceback (most recent call last):
    ...
    refimpl.errors.ForeignError: in training mode the module (Dropout) draws from a global \
generator, and evaluations would differ: call module.eval()
    """
    torch = _torch()
    _refuse_impure(module, torch)
    wanted = dict(module.named_parameters())
    if not wanted:
        raise ForeignError(f"{type(module).__name__} has no parameters")

    def function(params: Tree, batch: Any) -> tuple[Any, Tree]:
        ordered = isinstance(params, (list, tuple))
        given = flat_dict(params)
        with torch.enable_grad():
            leaves = {name: leaf.detach().requires_grad_() for name, leaf in given.items()}
            named = matched(leaves, wanted, ordered=ordered)
            outputs = torch.func.functional_call(module, named, (batch.inputs,))
            value = loss(outputs, batch.targets)
            slopes = torch.autograd.grad(
                value, list(leaves.values()), allow_unused=True, materialize_grads=True
            )
        return value.detach(), like_tree(dict(zip(leaves, slopes, strict=True)), params)

    return from_value_and_grad(function, arrays="torch")


def _refuse_impure(module: Any, torch: Any) -> None:
    for name, part in module.named_modules():
        what = f"{name + ': ' if name else ''}{type(part).__name__}"
        if part.training and _dropped(part, torch) > 0.0:
            raise ForeignError(
                f"in training mode the module ({what}) draws from a global generator, and "
                f"evaluations would differ: call module.eval()"
            )
        if part.training and getattr(part, "running_mean", None) is not None:
            raise ForeignError(
                f"in training mode the module ({what}) moves its running averages at each "
                f"evaluation: call module.eval(), or build it with track_running_stats=False"
            )


def _dropped(part: Any, torch: Any) -> float:
    """The share of units that a module drops, 0 for one that drops none."""
    kinds = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout")
    if any(isinstance(part, getattr(torch.nn, name)) for name in kinds):
        return float(part.p)
    share = getattr(part, "dropout", 0.0)  # recurrent layers and attention
    return share if isinstance(share, float) else 0.0


def _torch() -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise BackendError(
            f"a module of PyTorch needs PyTorch, which cannot be imported ({error}); install it "
            f"with pip install 'refimpl[interop]'"
        ) from None
