"""A small problem, noise for it, and its meta-loss in the operations of the autograd library."""

import autograd
import autograd.numpy as anp
import numpy as np

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.arrays import to_host
from refimpl.datasets import Batch, Episode
from refimpl.models import MLP, Objective

TASKS = 3
NUMPY = backend()


def problem(xb=NUMPY, activation="tanh", loss="mean_squared_error"):
    """A small network, its parameters and an episode of three tasks."""
    objective = Objective(MLP((2, 4, 2), activation=activation), loss)
    rng = Rng(0)
    params = objective.model.init(rng.child("init"), bias_scale=1.0, backend=xb)
    parts = []
    for name, points in (("support", 4), ("query", 5)):
        inputs = xb.asarray(rng.child(name).normal((TASKS, points, 2)))
        if loss == "mean_squared_error":
            targets = rng.child(name, "y").normal((TASKS, points, 2))
        else:
            targets = rng.child(name, "y").integers(0, 2, (TASKS, points))
        parts.append(Batch(inputs, xb.asarray(targets)))
    return objective, params, Episode(*parts)


def given_noise(params, steps, xb=NUMPY):
    """Noise with negative and zero entries for every step, task and scalar."""
    draw = Rng(5)
    return [
        ad.map_tree(
            lambda p, k=k: xb.asarray(
                np.round(1.0 + draw.child(k, str(p.shape)).normal((TASKS, *p.shape)), 1)
            ),
            params,
        )
        for k in range(steps)
    ]


# --- an independent twin: autograd's own double backward ---------------------------------------


def twin_network(layers, inputs, activation):
    signal = inputs
    for index, (weight, bias) in enumerate(layers):
        signal = anp.dot(signal, weight.T) + bias
        if index < len(layers) - 1:
            signal = anp.tanh(signal) if activation == "tanh" else anp.maximum(signal, 0.0)
    return signal


def twin_loss(layers, inputs, targets, activation, loss):
    outputs = twin_network(layers, inputs, activation)
    if loss == "mean_squared_error":
        return 0.5 * anp.sum((outputs - targets) ** 2) / len(targets)
    picked = outputs[np.arange(len(targets)), targets]
    return anp.sum(anp.log(anp.sum(anp.exp(outputs), axis=1)) - picked) / len(targets)


def twin_meta_loss(episode, noise, steps, activation, loss, order):
    """(start, rates) → Σ over tasks of L_Q(θ_K); rates are pairs like the layers."""

    def evaluate(start, rates):
        total = 0.0
        for task in range(TASKS):
            support, query = (
                (to_host(part.inputs)[task], to_host(part.targets)[task]) for part in episode[:2]
            )
            point = start
            for k in range(steps):
                slope = autograd.grad(twin_loss)(point, *support, activation, loss)
                moved = []
                for layer in range(len(point)):
                    pair = []
                    for i, name in enumerate(("weight", "bias")):
                        g = slope[layer][i]
                        if order == "first":
                            g = g if isinstance(g, np.ndarray) else g._value
                            g = g if isinstance(g, np.ndarray) else g._value
                        n = noise[k][layer][name][task]
                        pair.append(point[layer][i] - rates[layer][i] * n * g)
                    moved.append(tuple(pair))
                point = moved
            total = total + twin_loss(point, *query, activation, loss)
        return total

    return evaluate


def pairs(params):
    return [(to_host(p["weight"]), to_host(p["bias"])) for p in params]
