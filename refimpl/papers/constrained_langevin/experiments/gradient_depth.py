r"""How the norm of a backpropagated gradient changes through a deep network.

A random cotangent of unit length is pulled back through ``depth`` square layers at a random unit
input. Six networks: linear, tanh and ReLU, with orthogonal weights (what the orthogonality
constraint keeps for ever) and with common initial weights. The norm at every layer is read off
the gradient of that layer's bias, which is zero.

Source: derived; the constraint is that of Leimkuhler, Vlaar, Pouchon and Storkey (2021), whose
abstract says that it reduces vanishing and exploding gradients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.models import MLP
from refimpl.random import Rng

NETWORKS: dict[str, tuple[str, str]] = {
    "linear, orthogonal": ("identity", "orthogonal"),
    "linear, N(0, 1/n)": ("identity", "lecun_normal"),
    "linear, He": ("identity", "he_normal"),
    "linear, U(±1/√n)": ("identity", "torch_default"),
    "tanh, orthogonal": ("tanh", "orthogonal"),
    "tanh, U(±1/√n)": ("tanh", "torch_default"),
    "ReLU, orthogonal": ("relu", "orthogonal"),
    "ReLU, He": ("relu", "he_normal"),
}
"""Label of each network, its activation and its initial weights."""


@dataclass(frozen=True)
class Config:
    """Attributes
    ----------
    depth, width : int
        Number of weight layers, and of neurons in each.
    seeds : int
    law_seeds : int
        Of the one network whose gain is compared with its exact law.
    """

    depth: int = 100
    width: int = 64
    seeds: int = 12
    law_seeds: int = 320

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(seeds=100, law_seeds=1000)


LAW = "linear, N(0, 1/n)"
"""Of these the gain is neither one nor a power of two in the depth: many seeds."""


def tasks(config: Config) -> list[Task]:
    few: list[Task] = [{"network": name, "seeds": config.seeds} for name in NETWORKS]
    return [*few, {"network": LAW, "seeds": config.law_seeds}]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, network: str, seeds: int
) -> dict[str, Any]:
    """Norms of the gradient at the outputs of every layer, and of the input (seed by place)."""
    activation, initializer = NETWORKS[network]
    model = MLP((config.width,) * (config.depth + 1), activation, bias=True)
    like = backend.zeros((1,))
    norms = np.empty((seeds, config.depth + 1))
    for seed in range(seeds):
        stream = rng.child("seed", seed)
        params = model.init(stream.child("weights"), initializer, backend=backend)
        ends = []
        for name in ("input", "cotangent"):
            vector = stream.child(name).normal((1, config.width), like=like)
            ends.append(vector / ad.norm(vector))
        weights = [layer["weight"] for layer in params]

        def outputs(biases: Any, inputs: Any, weights: Any = weights) -> Any:
            layers = [{"weight": w, "bias": b} for w, b in zip(weights, biases, strict=True)]
            return model(layers, inputs)

        _, pull = ad.vjp(outputs, [layer["bias"] for layer in params], ends[0])
        at_biases, at_input = pull(ends[1])
        norms[seed, 0] = np.linalg.norm(to_host(at_input))
        norms[seed, 1:] = [np.linalg.norm(to_host(gradient)) for gradient in at_biases]
    return {"norms": norms}


def collect(config: Config, tasks: list[Task], results: Any) -> dict[str, Any]:
    *few, many = (values["norms"] for values in results)
    norms = np.stack(few)
    return {
        "networks": list(NETWORKS),
        "norms": norms,
        "gain": norms[:, :, 0],
        "law_gain": many[:, 0],
    }


EXPERIMENT = Experiment(
    "gradient_depth",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    cost=lambda config, task: 2e-4 * config.depth * task["seeds"],
    summary="norm of a backpropagated gradient at every layer of deep networks",
)
