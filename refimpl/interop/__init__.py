"""Other people's losses, modules and parameters beside the algorithms of this package.

Arrays of PyTorch and JAX need nothing of this: every algorithm takes them, and gives back what it
was given. Here are the three things around them:

* a loss whose gradient somebody else computes, as an objective: :func:`from_value_and_grad` for a
  function that returns both (``jax.value_and_grad(f)``, or NumPy written by hand), and
  :func:`from_torch` for a module and a loss of PyTorch;
* trees of parameters from and to ``state_dict``, nested dictionaries as those of Flax, and any
  pytree of JAX, which includes the modules of Equinox;
* files of safetensors.

PyTorch, JAX and safetensors are imported where they are first needed, and come with
``pip install 'refimpl[interop]'``.

>>> import numpy as np
>>> from refimpl import SGD
>>> def loss_and_slope(params, batch):
...     error = batch @ params["weight"] - 1.0
...     return 0.5 * error @ error, {"weight": batch.T @ error}
>>> algorithm = SGD(learning_rate=0.1)
>>> state = algorithm.init({"weight": np.zeros(2)})
>>> state, info = algorithm.step(state, from_value_and_grad(loss_and_slope), np.eye(2))
>>> state.params["weight"], float(info.loss)
(array([0.1, 0.1]), 1.0)
"""

from refimpl.interop.files import load_safetensors, save_safetensors
from refimpl.interop.objectives import ForeignObjective, from_value_and_grad
from refimpl.interop.torch_modules import from_torch, module_parameters
from refimpl.interop.trees import (
    flat_dict,
    from_flax,
    from_pytree,
    from_state_dict,
    layers,
    like_tree,
    nested_dict,
    to_flax,
    to_pytree,
    to_state_dict,
)

__all__ = [
    "ForeignObjective",
    "flat_dict",
    "from_flax",
    "from_pytree",
    "from_state_dict",
    "from_torch",
    "from_value_and_grad",
    "layers",
    "like_tree",
    "load_safetensors",
    "module_parameters",
    "nested_dict",
    "save_safetensors",
    "to_flax",
    "to_pytree",
    "to_state_dict",
]
