"""AMP, SAM and random perturbation once more, in scalar loops from the papers' equations.

Parameters are lists of flat lists; nothing of the package is imported.
"""

from __future__ import annotations

import math


def length(values):
    return math.sqrt(sum(v * v for v in values))


def projected(delta, radius, norm, scales, stabilizer):
    """Δ back into the ball."""
    if norm == "global":
        total = length([v for tensor in delta for v in tensor])
        if total <= radius:
            return delta
        return [[radius / (total + stabilizer) * v for v in tensor] for tensor in delta]
    result = []
    for tensor, scale in zip(delta, scales, strict=True):
        reach = scale * radius
        if norm == "linf":
            result.append([min(max(v, -reach), reach) for v in tensor])
        elif length(tensor) > reach:
            result.append([reach / (length(tensor) + stabilizer) * v for v in tensor])
        else:
            result.append(list(tensor))
    return result


def limited(gradient, limit):
    """A gradient clipped to a global norm."""
    total = length([v for tensor in gradient for v in tensor])
    factor = limit / total if total > limit else 1.0
    return [[factor * v for v in tensor] for tensor in gradient]


def moved(params, delta):
    return [
        [p + d for p, d in zip(tensor, shift, strict=True)]
        for tensor, shift in zip(params, delta, strict=True)
    ]


def amp_delta(gradient, params, *, radius, rate, steps, norm, scales, stabilizer, limit=None):
    """Lines 1 and 2 of the algorithm; ``gradient(params)`` in loops too."""
    delta = [[0.0 for _ in tensor] for tensor in params]
    for _ in range(steps):
        slopes = gradient(moved(params, delta))
        if limit is not None:
            slopes = limited(slopes, limit)
        raised = [
            [d + rate * g for d, g in zip(tensor, slope, strict=True)]
            for tensor, slope in zip(delta, slopes, strict=True)
        ]
        delta = projected(raised, radius, norm, scales, stabilizer)
    return delta


def sam_delta(gradient, params, *, radius, steps, norm, scales):
    """Always to the edge."""
    delta = [[0.0 for _ in tensor] for tensor in params]
    for _ in range(steps):
        slopes = gradient(moved(params, delta))
        if norm == "linf":
            delta = [
                [scale * radius * math.copysign(1.0, g) if g else 0.0 for g in slope]
                for slope, scale in zip(slopes, scales, strict=True)
            ]
            continue
        total = length([g for slope in slopes for g in slope])
        delta = []
        for slope, scale in zip(slopes, scales, strict=True):
            divisor = total if norm == "global" else length(slope)
            reach = radius if norm == "global" else scale * radius
            delta.append([reach * g / divisor if divisor else 0.0 for g in slope])
    return delta


def nesterov(params, velocity, gradient, *, learning_rate, momentum):
    """One step of Nesterov's update in its form with the gradient at the iterate."""
    new, kept = [], []
    for tensor, buffer, slopes in zip(params, velocity, gradient, strict=True):
        buffer = [momentum * v + g for v, g in zip(buffer, slopes, strict=True)]
        ahead = [g + momentum * v for v, g in zip(buffer, slopes, strict=True)]
        new.append([p - learning_rate * a for p, a in zip(tensor, ahead, strict=True)])
        kept.append(buffer)
    return new, kept
