"""The penalties for one hidden tanh layer in plain loops, with no code of the package."""

import numpy as np


def slopes(params, x):
    """J[k][j] of f(x) = V tanh(W x + b) + c at one point."""
    w, b = params[0]["weight"], params[0]["bias"]
    v = params[1]["weight"]
    classes, units, features = v.shape[0], w.shape[0], w.shape[1]
    found = [[0.0] * features for _ in range(classes)]
    for u in range(units):
        a = b[u] + sum(w[u, j] * x[j] for j in range(features))
        d = 1.0 - np.tanh(a) ** 2
        for k in range(classes):
            for j in range(features):
                found[k][j] += v[k, u] * d * w[u, j]
    return found


def penalty(params, points, strength, power, norm="frobenius", smoothing=0.0, half=False):
    total = 0.0
    for x in points:
        squares = [sum(s * s for s in row) for row in slopes(params, x)]
        if power == 2:
            total += sum(squares) * (0.5 if half else 1.0)
        elif norm == "frobenius":
            total += (sum(squares) + smoothing**2) ** 0.5
        else:
            total += sum((s + smoothing**2) ** 0.5 for s in squares)
    return strength * total / len(points)


def graph(outputs, inputs, strength, power, bandwidth):
    total, mass = 0.0, 0.0
    for i in range(len(inputs)):
        for j in range(i + 1, len(inputs)):
            gap = sum((a - b) ** 2 for a, b in zip(inputs[i], inputs[j], strict=True))
            weight = np.exp(-gap / (2.0 * bandwidth**2))
            rise = sum((a - b) ** 2 for a, b in zip(outputs[i], outputs[j], strict=True))
            mass += weight
            total += weight * rise ** (power / 2.0)
    return strength * total / mass
