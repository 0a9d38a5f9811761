"""The same step in PyTorch and JAX, where they are installed.

>>> sorted(peers("nothing of this name", [], None, None, ""))
[]
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]
PEERS = ("torch", "jax")


def peers(
    library: str,
    params: list[dict[str, Any]],
    inputs: Any,
    labels: Any,
    kind: str,
    rate: float = 1e-4,
) -> dict[str, Step]:
    """Steps of a library, by the name of the way they are taken; none where it is missing.

    Parameters
    ----------
    library : {"torch", "jax"}
    params, inputs, labels, kind, rate
        Of :func:`refimpl.benchmarks.hand.hand_written`.
    """
    if library not in PEERS or importlib.util.find_spec(library) is None:
        return {}
    return {"torch": _torch, "jax": _jax}[library](params, inputs, labels, kind, rate)


def versions() -> dict[str, str]:
    """Versions of the peers that are installed."""
    found = [name for name in PEERS if importlib.util.find_spec(name) is not None]
    return {name: str(importlib.import_module(name).__version__) for name in found}


def _torch(params: list[Any], inputs: Any, labels: Any, kind: str, rate: float) -> dict[str, Step]:
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(1)
    x, y = torch.from_numpy(inputs), torch.from_numpy(np.asarray(labels))

    def make(fused: bool) -> Step:
        net = network(torch, params, x)
        optimizer = None
        if kind:
            optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[kind](
                net.parameters(), lr=rate, **({"fused": True} if fused else {})
            )

        def step() -> Any:
            net.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(net(x), y)
            loss.backward()
            if optimizer is not None:
                optimizer.step()
            return loss.detach()

        return step

    return {"torch": make(False), **({"torch fused": make(True)} if kind else {})}


def network(torch: Any, params: list[Any], like: Any) -> Any:
    """The ReLU network of ``params`` as a module beside ``like``."""
    layers: list[Any] = []
    for layer in params:
        rows, columns = layer["weight"].shape
        dense = torch.nn.Linear(columns, rows, dtype=like.dtype, device=like.device)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(layer["weight"]))
            dense.bias.copy_(torch.from_numpy(layer["bias"]))
        layers += [dense, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def _jax(params: list[Any], inputs: Any, labels: Any, kind: str, rate: float) -> dict[str, Step]:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax: Any = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    x, y = jnp.asarray(inputs), jnp.asarray(labels)

    def loss(tree: Any) -> Any:
        signal = x
        for index, layer in enumerate(tree):
            signal = signal @ layer["weight"].T + layer["bias"]
            signal = jax.nn.relu(signal) if index < len(tree) - 1 else signal
        chances = jax.nn.log_softmax(signal)
        return -jnp.mean(jnp.take_along_axis(chances, y[:, None], axis=1))

    def zeros() -> Any:
        return jax.tree.map(jnp.zeros_like, start)

    def move(tree: Any, first: Any, second: Any, taken: Any) -> Any:
        value, g = jax.value_and_grad(loss)(tree)
        if kind == "sgd":
            return value, jax.tree.map(lambda w, d: w - rate * d, tree, g), first, second, taken
        taken = taken + 1
        first = jax.tree.map(lambda m, d: 0.9 * m + 0.1 * d, first, g)
        second = jax.tree.map(lambda v, d: 0.999 * v + 0.001 * d * d, second, g)
        c1, c2 = 1 - 0.9**taken, 1 - 0.999**taken
        tree = jax.tree.map(
            lambda w, m, v: (w - rate * (m / c1) / (jnp.sqrt(v / c2) + 1e-8)).astype(w.dtype),
            tree, first, second,
        )  # fmt: skip
        return value, tree, first, second, taken

    start = jax.tree.map(jnp.asarray, params)
    if not kind:
        evaluate = jax.jit(jax.value_and_grad(loss))
        return {"jax jit": lambda: jax.block_until_ready(evaluate(start))}
    compiled = jax.jit(move, donate_argnums=(0, 1, 2))
    moments = (zeros(), zeros()) if kind == "adam" else (jnp.zeros(()), jnp.zeros(()))
    state = [jax.tree.map(jnp.copy, start), *moments, jnp.zeros((), inputs.dtype)]

    def step() -> Any:
        value, *state[:] = compiled(*state)
        return jax.block_until_ready(value)

    return {"jax jit": step}
