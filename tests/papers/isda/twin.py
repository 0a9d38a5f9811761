"""ISDA in scalar loops, from the paper's equations; nothing of the package is used."""

import math

import numpy as np


def covariances(history, classes):
    """Biased covariance of each class over all (features, labels) pairs seen."""
    width = history[0][0].shape[1]
    result = np.zeros((classes, width, width))
    for k in range(classes):
        rows = [
            a
            for features, labels in history
            for a, y in zip(features, labels, strict=True)
            if y == k
        ]
        if rows:
            mean = sum(rows) / len(rows)
            for row in rows:
                result[k] += np.outer(row - mean, row - mean) / len(rows)
    return result


def cross_entropy(logits, label):
    top = max(logits)
    return math.log(sum(math.exp(z - top) for z in logits)) + top - logits[label]


def moved(logits, anchor, weight, covariance, strength):
    """z_j + (λ/2)(w_j − w_anchor)'Σ(w_j − w_anchor)."""
    result = []
    for j, z in enumerate(logits):
        v = weight[j] - weight[anchor]
        result.append(float(z) + 0.5 * strength * float(v @ covariance @ v))
    return result


def loss(features, labels, weight, bias, sigma, strength):
    """The mean bound."""
    total = 0.0
    for a, y in zip(features, labels, strict=True):
        logits = [float(w @ a + b) for w, b in zip(weight, bias, strict=True)]
        total += cross_entropy(moved(logits, y, weight, sigma[y], strength), y)
    return total / len(labels)


def consistency(features, weight, bias, sigma, strength):
    """The mean KL bound of unlabeled features; each takes the covariance of its likeliest class."""
    total = 0.0
    for a in features:
        logits = [float(w @ a + b) for w, b in zip(weight, bias, strict=True)]
        top = max(logits)
        p = [math.exp(z - top) for z in logits]
        p = [x / sum(p) for x in p]
        c = int(np.argmax(logits))
        for k, x in enumerate(p):
            total += x * (cross_entropy(moved(logits, k, weight, sigma[c], strength), k))
            total += x * math.log(x)
    return total / len(features)


def gradient(function, array, step=1e-5):
    """Central differences, entry by entry."""
    result = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        shift = np.zeros_like(array)
        shift[place] = step
        result[place] = (function(array + shift) - function(array - shift)) / (2.0 * step)
    return result
