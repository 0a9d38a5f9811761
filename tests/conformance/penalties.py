"""Penalties and maps of weights written for the tests, in NumPy, from the formulas.

Every function takes the name of a fault; without one it is right. Nothing of the package is used.
"""

import math

import numpy as np


def rows(weight):
    return [list(map(float, row)) for row in weight]


def energy(fault="", *, s=2.0, half=True, angular=False, epsilon=0.0, projections=None):
    """Hyperspherical energy, pair by pair."""

    def function(weight, *draws):
        if draws:
            parts = [weight @ p.T for p in draws[0]]
            values = [function(part) for part in parts]
            return sum(values) if fault == "sum over projections" else sum(values) / len(values)
        points = []
        w = rows(weight.T if fault == "columns" else weight)
        lengths = []
        for row in w:
            square = sum(x * x for x in row)
            length = math.sqrt(square + (1e-4 if fault == "1e-4 in the norm" else epsilon))
            if fault == "1e-6 beside the norm":
                length = math.sqrt(square) + 1e-6
            if fault == "l1 norm":
                length = sum(abs(x) for x in row)
            lengths.append(length)
            points.append([x / length for x in row])
        if half and fault not in ("no antipodes", "nearer antipode"):
            points = points + [[-x for x in p] for p in points]
        n, neurons = len(points), len(w)
        total = 0.0
        for i in range(n):
            for j in range(n):
                if i == j:
                    total += 1.0 if fault == "diagonal" else 0.0
                    continue
                if fault == "without own antipodes" and (i - j) % neurons == 0:
                    continue
                if fault == "first pair missing" and {i, j} == {0, 1}:
                    continue
                total += pair(points[i], points[j], i % neurons, j % neurons, lengths)
        count = n * (n - 1)
        if fault == "without own antipodes":
            return 0.25 * total / (0.5 * neurons * (neurons - 1)) / 1.0 * 0.5 * 0.5
        if fault == "sum over ordered pairs":
            return total
        if fault == "each pair once":
            return 0.5 * total / count
        if fault == "divided by n squared":
            return total / n**2
        return -total / count if fault == "minus" else total / count

    def pair(p, q, i, j, lengths):
        square = sum((a - b) ** 2 for a, b in zip(p, q, strict=True))
        power = s
        if fault == "nearer antipode":
            other = sum((a + b) ** 2 for a, b in zip(p, q, strict=True))
            square = min(square, other)
        if fault == "squared distance":
            power = 2.0 * s
        if fault == "distance clamped":
            square = max(square, 0.9)
        if fault == "1e-3 added to squares":
            square += 1e-3
        if fault == "weighted by lengths":
            return lengths[i] * lengths[j] * square ** (-0.5 * power)
        if angular and fault != "Euclidean":
            angle = math.acos(max(-1.0, min(1.0, sum(a * b for a, b in zip(p, q, strict=True)))))
            return angle ** (-power)
        if fault == "exponential kernel":
            return math.exp(-square)
        if power == 0.0:
            value = -0.5 * math.log(square)
            return 2.0 * value if fault == "log of squares" else value
        return square ** (-0.5 * power)

    return function


def gram(weight, by="rows"):
    w = weight if by == "rows" else weight.T
    n = len(w)
    return [[float(np.dot(w[i], w[j])) for j in range(n)] for i in range(n)]


def orthogonality(fault="", strength=0.01, by="rows"):
    """λ ‖W Wᵀ − I‖²_F for neurons in rows."""

    def function(weight):
        w = weight
        if fault == "rows normalized":
            w = np.stack([row / math.sqrt(float(row @ row)) for row in weight])
        g = gram(w, "columns" if fault == "columns" else by)
        total = 0.0
        for i, line in enumerate(g):
            for j, x in enumerate(line):
                target = 1.0 if i == j else 0.0
                if fault == "half of the identity":
                    target *= 0.5
                if fault == "diagonal left out" and i == j:
                    continue
                total += abs(x - target) if fault == "absolute values" else (x - target) ** 2
        if fault == "norm not squared":
            total = math.sqrt(total)
        if fault == "mean over entries":
            total /= len(g) ** 2
        return (0.25 if fault == "quarter" else 1.0) * strength * total

    return function


def restricted_isometry(fault="", strength=0.01):
    """λ ‖M v‖² with v = M b / ‖M b‖, M the smaller Gram matrix less the identity."""

    def function(weight, start):
        w = weight if weight.shape[0] <= weight.shape[1] else weight.T
        m = w @ w.T - (0.0 if fault == "identity missing" else 1.0) * np.eye(len(w))
        v = m @ start
        v = v / math.sqrt(float(v @ v))
        if fault == "two iterations":
            v = m @ v
            v = v / math.sqrt(float(v @ v))
        if fault == "Rayleigh quotient":
            return strength * float(v @ m @ v) ** 2
        if fault == "start not turned":
            v = start / math.sqrt(float(start @ start))
        sigma = math.sqrt(float((m @ v) @ (m @ v)))
        return strength * (sigma if fault == "not squared" else sigma * sigma)

    return function


def squares(fault="", strength=1e-4):
    """½ λ ‖W‖²."""

    def function(weight):
        w = weight - weight.mean() if fault == "mean subtracted" else weight
        total = float(np.sum(w**4 if fault == "fourth powers" else w * w))
        if fault == "norm":
            return 0.5 * strength * math.sqrt(total)
        if fault == "mean":
            total /= weight.size
        return (1.0 if fault == "no half" else 0.5) * strength * total

    return function


def absolutes(fault="", strength=1e-4):
    """λ ‖W‖₁."""

    def function(weight):
        total = float(np.sum(np.abs(weight)))
        if fault == "largest row":
            total = float(np.max(np.sum(np.abs(weight), axis=1)))
        return strength * (total / weight.shape[0] if fault == "mean over neurons" else total)

    return function


def tailored(fault="", power=2.0):
    """Σ (W0_pj / b_j)² + Σ W1², b_j = j^−power."""

    def function(w0, w1):
        total = 0.0
        for p in range(w0.shape[0]):
            for j in range(w0.shape[1]):
                place = p + 1 if fault == "rows" else j + 1
                if fault == "from zero":
                    place = max(1, j)
                b = float(place) ** (-power)
                if fault == "untailored":
                    b = 1.0
                if fault == "b for b squared":
                    b = math.sqrt(b)
                if fault == "multiplied":
                    b = 1.0 / b
                total += (float(w0[p, j]) / b) ** 2
        later = 0.0 if fault == "first layer alone" else float(np.sum(w1 * w1))
        if fault == "later layers by norm":
            later = math.sqrt(later)
        return (0.5 if fault == "half" else 1.0) * (total + later)

    return function


def spectral(fault="", limit=1.2):
    """Singular values of at most the limit."""

    def function(weight):
        u, values, v = np.linalg.svd(weight, full_matrices=False)
        if fault == "matrix scaled":
            return weight * min(1.0, limit / values[0])
        if fault == "normalized":
            return weight * limit / values[0]
        if fault == "Frobenius":
            return weight * min(1.0, limit / math.sqrt(float(np.sum(values**2))))
        if fault == "largest alone":
            values = np.concatenate([np.minimum(values[:1], limit), values[1:]])
        if fault == "soft":
            return (u * (limit * np.tanh(values / limit))) @ v
        return (u * np.minimum(values, limit)) @ v

    return function


def slopes(fault="", power=2, strength=0.01):
    """λ times the mean over points of |J|^power for x → w2 tanh(w1 x + b1) + b2."""

    def function(w1, b1, w2, b2, inputs):
        total, largest = 0.0, 0.0
        for x in inputs:
            h = np.tanh(w1 @ x + b1)
            inner = (1.0 - h * h) if fault != "slope of tanh missing" else np.ones_like(h)
            jacobian = (w2 * inner) @ w1
            square = float(np.sum(jacobian**2))
            if fault == "per class":
                norms = [math.sqrt(float(np.sum(row**2))) for row in jacobian]
                term = sum(n**power for n in norms)
            elif fault == "spectral norm":
                term = float(np.linalg.svd(jacobian)[1][0]) ** power
            elif fault == "smoothed":
                term = math.sqrt(square + 1e-6)
            elif fault == "squared":
                term = square
            else:
                term = square ** (0.5 * power)
            if fault == "sum of outputs":
                term = float(np.sum(np.sum(jacobian, axis=0) ** 2)) ** (0.5 * power)
            total, largest = total + term, max(largest, term)
        if fault == "sum over points":
            return strength * total
        if fault == "largest":
            return strength * largest
        return (0.5 if fault == "half" else 1.0) * strength * total / len(inputs)

    return function


def graph_differences(fault="", strength=0.1, bandwidth=1.0):
    """λ Σ_{i<j} ω_ij |f_i − f_j|², weights that sum to one over pairs."""

    def function(w1, b1, w2, b2, inputs):
        f = [w2 @ np.tanh(w1 @ x + b1) + b2 for x in inputs]
        total = weight = 0.0
        for i in range(len(f)):
            for j in range(i):
                square = float(np.sum((inputs[i] - inputs[j]) ** 2))
                scale = bandwidth**2 if fault == "h² for 2 h²" else 2.0 * bandwidth**2
                omega = math.exp(-math.sqrt(square) if fault == "distance" else -square / scale)
                difference = float(np.sum((f[i] - f[j]) ** 2))
                total += omega * (math.sqrt(difference) if fault == "norm" else difference)
                weight += omega
        return strength * total / (1.0 if fault == "not normalized" else weight)

    return function


def grouped(fault="", **options):
    """Hyperspherical energy of groups of coordinates; one group is all of them."""
    return lambda weight, order: energy(fault, **options)(weight[:, order])


def hinge(fault=""):
    """Σ_j max(0, max_p |w0_pj| Q / b_j − 1)² for the sine, b_j = 1 / (2 j²).

    One hidden layer: ξ = 2 and τ = 1/2, so that Q is τ.
    """

    def function(w0, w1):
        total = 0.0
        for j in range(w0.shape[1]):
            peak = float(np.max(np.abs(w0[:, j])))
            if fault == "sums of columns":
                peak = float(np.sum(np.abs(w0[:, j])))
            over = max(0.0, peak * 0.5 * 2.0 * (j + 1) ** 2 - 1.0)
            total += over if fault == "not squared" else over * over
        return 1e-6 * total if fault == "small" else total

    return function
