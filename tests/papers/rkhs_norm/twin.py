"""The penalties again, in plain NumPy and scalar loops, from their definitions.

Nothing of the package is imported. Input gradients are products of Jacobians written out layer by
layer for one input at a time; parameter gradients are central differences of these values.
"""

import itertools

import numpy as np


def forward(params, x, slope=0.0):
    """Outputs and the slopes of all hidden units at one input."""
    signal, gates = np.asarray(x, dtype=float), []
    for layer in params[:-1]:
        before = layer["weight"] @ signal + layer.get("bias", 0.0)
        gate = np.where(before > 0, 1.0, slope)
        gates.append(gate)
        signal = gate * before
    return params[-1]["weight"] @ signal + params[-1].get("bias", 0.0), gates


def jacobian(params, x, slope=0.0):
    """(K, n), the derivative of every output in the input."""
    _, gates = forward(params, x, slope)
    product = np.eye(len(x))
    for layer, gate in zip(params[:-1], gates, strict=True):
        product = np.diag(gate) @ layer["weight"] @ product
    return params[-1]["weight"] @ product


def softmax(scores):
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def cross_entropy(params, inputs, labels, slope=0.0):
    losses = []
    for x, y in zip(inputs, labels, strict=True):
        losses.append(-np.log(softmax(forward(params, x, slope)[0])[y]))
    return np.mean(losses)


def gradient_norm(params, inputs, strength, slope=0.0):
    total = 0.0
    for k in range(params[-1]["weight"].shape[0]):
        total += max(float(jacobian(params, x, slope)[k] @ jacobian(params, x, slope)[k])
                     for x in inputs)  # fmt: skip
    return strength * total


def averaged(params, inputs, strength, power, norm, slope=0.0):
    total = 0.0
    for x in inputs:
        squares = (jacobian(params, x, slope) ** 2).sum(axis=1)
        if power == 2:
            total += squares.sum()
        elif norm == "per_class":
            total += np.sqrt(squares).sum()
        else:
            total += np.sqrt(squares.sum())
    return strength * total / len(inputs)


def loss_gradient(params, inputs, labels, strength, norm, slope=0.0):
    total = 0.0
    for x, y in zip(inputs, labels, strict=True):
        residual = softmax(forward(params, x, slope)[0])
        residual[y] -= 1.0
        a = residual @ jacobian(params, x, slope)
        total += (a * a).sum() if norm == "l2" else np.abs(a).sum()
    return strength * total / len(inputs)


def ascent(params, x, k, radius, steps, slope=0.0):
    """d after normalized steps on f_k, projected."""
    d = np.zeros(len(x))
    for _ in range(steps):
        g = jacobian(params, x + d, slope)[k]
        length = np.sqrt((g * g).sum())
        if length > 0:
            d = d + 1.5 * radius / steps * g / length
        size = np.sqrt((d * d).sum())
        if size > radius:
            d = d * radius / size
    return d


def adversarial_pairs(params, inputs, radius, steps, selector, slope=0.0):
    """For every output the pair (x, x + d) that counts."""
    pairs = []
    for k in range(params[-1]["weight"].shape[0]):
        best = None
        for x in inputs:
            d = ascent(params, x, k, radius, steps, slope)
            gain = forward(params, x + d, slope)[0][k] - forward(params, x, slope)[0][k]
            score = gain if selector == "signed" else abs(gain)
            if best is None or score > best[0]:
                best = (score, x, x + d)
        pairs.append(best[1:])
    return pairs


def gain_penalty(params, pairs, strength, slope=0.0):
    """Σ_k (f_k(x') − f_k(x))² for fixed pairs."""
    return strength * sum(
        (forward(params, there, slope)[0][k] - forward(params, here, slope)[0][k]) ** 2
        for k, (here, there) in enumerate(pairs)
    )


def graph(params, inputs, strength, power, bandwidth, slope=0.0):
    """Gaussian weights that sum to one over the pairs i < j."""
    outputs = [forward(params, x, slope)[0] for x in inputs]
    total, weights = 0.0, 0.0
    for i in range(len(inputs)):
        for j in range(i + 1, len(inputs)):
            square = ((inputs[i] - inputs[j]) ** 2).sum()
            weight = np.exp(-square / (2.0 * bandwidth**2))
            weights += weight
            total += weight * (np.abs(outputs[i] - outputs[j]) ** power).sum()
    return strength * total / weights


def chain(params, inputs, strength, power, slope=0.0):
    total = 0.0
    for here, there in itertools.pairwise(inputs):
        gap = np.sqrt(((here - there) ** 2).sum())
        change = np.abs(forward(params, here, slope)[0] - forward(params, there, slope)[0])
        total += (change**power).sum() / gap ** (power - 1)
    return strength * total
