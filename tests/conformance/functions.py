"""Wrappers, losses, layers, constraints and formulas written for the tests, in NumPy.

Every function takes the name of a fault; without one it is right. Nothing of the package is used.
"""

import math

import numpy as np


def length(leaves):
    return math.sqrt(sum(float(np.sum(leaf**2)) for leaf in leaves))


def perturbed(fault="", *, radius=0.5, rate=1.0, steps=1, whole=False, stretch=False):
    """The gradient at a point of the ball: AMP, or SAM with ``stretch``."""

    def function(gradient, params):
        delta = [np.zeros_like(w) for w in params]
        for _ in range(2 if fault == "two steps" else steps):
            slopes = gradient([w + d for w, d in zip(params, delta, strict=True)])
            size = {"descends": -1.0, "twice the rate": 2.0}.get(fault, 1.0) * rate
            delta = [d + size * g for d, g in zip(delta, slopes, strict=True)]
            if fault == "biases still":
                delta = [d if d.ndim > 1 else 0.0 * d for d in delta]
            norms = [length([d]) for d in delta]
            if whole != (fault == "other norm"):
                norms = [length(delta)] * len(delta)
            if fault == "l1 norm":
                norms = [float(np.sum(np.abs(d))) for d in delta]
            if fault == "squared norm":
                norms = [n**2 for n in norms]
            if fault == "1e-6 added":
                norms = [n + 1e-6 for n in norms]
            if fault == "1e-3 added":
                norms = [n + 1e-3 for n in norms]
            reach = 0.5 * radius if fault == "half the radius" else radius
            delta = [
                reach * d / n if stretch or fault == "stretched" or n > reach else d
                for d, n in zip(delta, norms, strict=True)
            ]
        here = gradient(params)
        if fault == "not perturbed":
            return here
        found = gradient([w + d for w, d in zip(params, delta, strict=True)])
        if fault == "sum":
            return [a + b for a, b in zip(found, here, strict=True)]
        if fault == "mean":
            return [0.5 * (a + b) for a, b in zip(found, here, strict=True)]
        if fault == "extrapolated":
            return [2.0 * a - b for a, b in zip(found, here, strict=True)]
        return found

    return function


def dropped(fault="", rate=0.3):
    """Bernoulli noise on the gradient."""

    def function(gradient, params, noise):
        found = []
        for g, u in zip(gradient(params), noise, strict=True):
            kept = (u < rate) if fault in ("exchanged", "share kept") else (u > rate)
            if fault == "one number":
                kept = np.full(u.shape, u.reshape(-1)[0] > rate)
            if fault == "rows":
                kept = np.broadcast_to(
                    u.reshape(len(u), -1)[:, :1] > rate, (len(u), u.size // len(u))
                )
                kept = kept.reshape(u.shape)
            scale = 1.0 / rate if fault == "share kept" else 1.0 / (1.0 - rate)
            if fault == "unscaled":
                scale = 1.0
            if fault == "root of the scale":
                scale = math.sqrt(scale)
            if fault == "biases whole" and g.ndim < 2:
                kept, scale = 1.0, 1.0
            found.append(g * kept * scale)
        return found

    return function


def augmented(fault="", strength=1.0):
    """The ISDA bound, example by example."""

    def function(features, labels, weight, bias, covariance):
        total = 0.0
        for x, y in zip(features, labels, strict=True):
            logits = weight @ x + bias
            for j in range(len(weight)):
                v = weight[j] - weight[y]
                sigma = covariance[j if fault == "other class" else y]
                if fault == "diagonal":
                    sigma = np.diag(np.diag(sigma))
                if fault == "pooled":
                    sigma = np.mean(covariance, axis=0)
                if fault == "no differences":
                    v = weight[j]
                if fault == "inverse":
                    sigma = np.linalg.inv(sigma)
                if fault == "largest eigenvalue":
                    sigma = np.linalg.eigvalsh(sigma)[-1] * np.eye(len(v))
                q = float(v @ sigma @ v)
                if fault == "root":
                    q = math.sqrt(q)
                half = 1.0 if fault == "no half" else 0.5
                if fault == "quarter":
                    half = 0.25
                if fault == "subtracted":
                    half = -half
                if fault == "not augmented":
                    half = 0.0
                logits[j] += half * strength * q
            top = max(logits)
            total += top + math.log(sum(math.exp(z - top) for z in logits)) - logits[y]
        return total if fault == "sum" else total / len(features)

    return function


class Sign:
    """sign(x) and the straight-through gradient."""

    def __init__(self, fault=""):
        self.fault = fault

    def __call__(self, x):
        zero = {"zero": 0.0, "minus one": -1.0}.get(self.fault, 1.0)
        return np.where(x > 0, 1.0, np.where(x < 0, -1.0, zero))

    def value_and_gradient(self, x):
        weights = np.cos(1.0 + np.arange(x.size)) + (np.arange(x.size) == 0)
        size = np.abs(x)
        slope = {
            "no window": np.ones_like(x),
            "open": (size < 1.0) * 1.0,
            "tanh": 1.0 - np.tanh(x) ** 2,
            "none": np.zeros_like(x),
            "polynomial": np.clip(2.0 - 2.0 * size, 0.0, None),
            "window of 2": (size <= 2.0) * 1.0,
        }.get(self.fault, (size <= 1.0) * 1.0)
        return self(x), weights.reshape(x.shape) * slope


def logic(fault=""):
    def function(x, y):
        if fault == "and":
            return np.where((x > 0) & (y > 0), 1.0, -1.0)
        if fault == "xnor":
            return x * y
        if fault == "bits":
            return np.where((x > 0) | (y > 0), 1.0, 0.0)
        if fault == "first":
            return x
        return np.where((x > 0) | (y > 0), 1.0, -1.0)

    return function


def fused(fault=""):
    def function(x, gain, shift, mean, variance, epsilon):
        deviation = np.sqrt(variance + (0.0 if fault == "no epsilon" else epsilon))
        if fault == "variance":
            deviation = deviation**2
        g = np.abs(gain) if fault == "positive" else gain
        m = 0.0 if fault == "no mean" else mean
        z = g * (x - m) / deviation + (0.0 if fault == "no shift" else shift)
        if fault == "rounded":
            z = np.round(z)
        return np.where(z >= 0, 1.0, -1.0)

    return function


def messages(fault=""):
    def function(w1, b1, w2, b2, states, labels, receivers, senders):
        new = np.zeros_like(states)
        counts = np.zeros(len(states))
        for v, u in zip(receivers, senders, strict=True):
            if fault == "exchanged":
                v, u = u, v
            ends = (states[u], states[v])
            if fault == "states exchanged":
                ends = ends[::-1]
            seen = np.concatenate([labels[v], labels[u], *ends])
            message = w2 @ np.tanh(w1 @ seen + b1) + b2
            if fault != "outer tanh missing":
                message = np.tanh(message)
            new[v] += message
            counts[v] += 1
        if fault == "mean":
            new = new / np.maximum(counts, 1)[:, None]
        if fault == "root of the degree":
            new = new / np.sqrt(np.maximum(counts, 1))[:, None]
        return new + states if fault == "residual" else new

    return function


def saddle(fault="", rate=0.05, multiplier=0.05, damping=0.5):
    """One step on ½ ‖W‖² with equality constraints, two layers."""

    def function(w1, w2, lam, x, y):
        g1, g2 = np.array(w1), np.array(w2)
        if fault == "no half":
            g1, g2 = 2 * g1, 2 * g2
        if fault == "no decay":
            g1, g2 = 0 * g1, 0 * g2
        new = np.array(lam)
        for i in range(len(x)):
            hidden = w1 @ x[i]
            violation = y[i] - w2 @ hidden
            step = -multiplier if fault == "descent" else multiplier
            new[i] = lam[i] + step * violation
            fed = lam[i] + (0.0 if fault == "undamped" else damping) * violation
            if fault == "new ones":
                fed = new[i] + damping * violation
            if fault == "mean":
                fed = fed / len(x)
            if fault == "positive part":
                fed = np.maximum(fed, 0.0)
            g1 -= np.outer(w2.T @ fed, x[i])
            g2 -= np.outer(fed, hidden)
        return [w1 - rate * g1, w2 - rate * g2, new]

    return function


class Stiefel:
    """The nearest orthonormal matrix, and the tangent projection."""

    def __init__(self, fault=""):
        self.fault = fault

    def project(self, q):
        if q.shape[0] < q.shape[1]:
            return self.project(q.T).T
        if self.fault == "QR":
            end, r = np.linalg.qr(q)
            return end * np.sign(np.diag(r))
        if self.fault == "columns normalized":
            return q / np.linalg.norm(q, axis=0)
        u, _, v = np.linalg.svd(q, full_matrices=False)
        return u @ v

    def tangent(self, q, u):
        if q.shape[0] < q.shape[1]:
            return self.tangent(q.T, u.T).T
        product = q.T @ u
        if self.fault == "canonical":
            return u - q @ u.T @ q
        if self.fault == "normal only":
            return u - q @ product
        if self.fault == "doubled":
            return u - q @ (product + product.T)
        if self.fault == "skew part alone":
            return q @ (0.5 * (product - product.T))
        return u - q @ (0.5 * (product + product.T))


class Circle:
    def __init__(self, fault="", radius=1.0):
        self.fault, self.radius = fault, radius

    def project(self, q):
        if self.fault == "clipped":
            theta = np.clip(q[0], -self.radius, self.radius)
            return np.stack([theta, np.sqrt(self.radius**2 - theta**2)])
        if self.fault == "by the square":
            return q * self.radius / (q[0] ** 2 + q[1] ** 2)
        return q * self.radius / np.hypot(q[0], q[1])

    def tangent(self, q, u):
        if self.fault == "not projected":
            return u
        r = self.radius
        return u - q * (q[0] * u[0] + q[1] * u[1]) / r**2


def huber(fault=""):
    def function(norm, rate, radius):
        if fault == "printed":
            return radius * norm if rate * norm > radius else rate * norm**2
        if rate * norm <= radius:
            return 0.5 * rate * norm**2
        if fault == "other branch":
            return radius * norm
        return radius * norm - radius**2 / (2 * rate)

    return function


def bernoulli_variance(fault=""):
    def function(p):
        if fault == "root":
            return math.sqrt(p / (1 - p))
        if fault == "Bernoulli":
            return p * (1 - p)
        return p / (1 - p)

    return function


def multiplier_of_chain(fault=""):
    def function(slope, depth):
        if fault == "reciprocal":
            return slope ** ((depth - 2) / depth)
        if fault == "depth less one":
            return slope ** ((1 - depth) / depth)
        return slope ** ((2 - depth) / depth)

    return function


def clipped(fault="", limit=1.0):
    def function(gradient, params):
        found = gradient(params)
        norms = [length(found)] * len(found)
        if fault == "each":
            norms = [length([g]) for g in found]
        if fault == "largest entry":
            norms = [max(float(np.max(np.abs(g))) for g in found)] * len(found)
        if fault == "entries":
            return [np.clip(g, -limit, limit) for g in found]
        if fault == "1e-6 added":
            norms = [n + 1e-6 for n in norms]
        if fault == "squared":
            norms = [n**2 for n in norms]
        return [g * min(1.0, limit / n) for g, n in zip(found, norms, strict=True)]

    return function


def attack(fault="", radius=0.5, steps=5):
    def function(gradient, inputs):
        size, moved = 1.5 * radius / steps, np.array(inputs)
        first = gradient(inputs)
        for _ in range(steps):
            g = first if fault == "once" else gradient(moved)
            whole = math.sqrt(float(np.sum(g**2)))
            for i in range(len(inputs)):
                norm = whole if fault == "whole" else math.sqrt(float(np.sum(g[i] ** 2)))
                direction = np.sign(g[i]) if fault == "signs" else g[i] / norm
                if fault == "raw":
                    direction = g[i]
                delta = moved[i] + size * direction - inputs[i]
                reach = math.sqrt(float(np.sum(delta**2)))
                if reach > radius and fault != "free":
                    delta = delta * radius / reach
                moved[i] = inputs[i] + delta
        return moved

    return function


def noisy(fault="", deviation=0.4):
    def function(inputs, noise):
        if fault == "relative":
            return inputs * (1.0 + deviation * noise)
        if fault == "clipped":
            noise = np.clip(noise, -1.0, 1.0)
        return inputs + (deviation**2 if fault == "variance" else deviation) * noise

    return function


def meta(fault="", rate=0.01, steps=5):
    """The meta-gradient of linear regressions in closed form: products of I − 2 α H."""

    def function(weight, sx, sy, qx, qy):
        total = np.zeros_like(weight)
        for x, y, u, v in zip(sx, sy, qx, qy, strict=True):
            half = 2.0 if fault == "no half" else 1.0
            scale = half / len(x)
            hessian = scale * x.T @ x
            w, pull = np.array(weight), np.eye(len(hessian))
            for _ in range(4 if fault == "four steps" else steps):
                w = w - rate * scale * (x @ w.T - y).T @ x
                pull = pull @ (np.eye(len(hessian)) - rate * hessian)
            outer = half / len(u) * (u @ w.T - v).T @ u
            if fault == "at the support":
                outer = scale * (x @ w.T - y).T @ x
            total += outer if fault == "first order" else outer @ pull
        return total / len(sx) if fault == "mean" else total

    return function


def gated(fault="", threshold=0.85):
    def function(gradient, pull, params):
        g = gradient(params)
        kinds = [w.ndim > 1 for w in params]

        def cosine(chosen):
            a = np.concatenate([x.ravel() for x, k in zip(g, chosen, strict=True) if k])
            r = np.concatenate([x.ravel() for x, k in zip(pull, chosen, strict=True) if k])
            return float(a @ (a + r)) / math.sqrt(float(a @ a) * float((a + r) @ (a + r)))

        acts = [cosine(kinds) >= threshold] * len(g)
        if fault == "each":
            alone = [[i == j for j in range(len(g))] for i in range(len(g))]
            acts = [k and cosine(one) >= threshold for k, one in zip(kinds, alone, strict=True)]
        if fault == "reversed":
            acts = [not a for a in acts]
        if fault == "halved":
            return [a + 0.5 * r * (1 + k) for a, r, k in zip(g, pull, acts, strict=True)]
        return [a + r if k else a for a, r, k in zip(g, pull, acts, strict=True)]

    return function
