"""Optimizers and samplers written for the tests, in NumPy, from the formulas.

Every class takes the name of a fault; without one it is right. Nothing of the package is used.
"""

import math

import numpy as np


class Optimizer:
    def __init__(self, fault="", **settings):
        self.fault = fault
        self.__dict__.update(settings)

    def init(self, params):
        return {"t": 0, "memory": [self.memory(w) for w in params], "old": None}

    def memory(self, w):
        return np.zeros_like(w)

    def step(self, params, state, gradient, noise):
        state = {**state, "t": state["t"] + 1}
        slopes = [np.array(g) for g in gradient]
        if self.fault == "stale gradient":
            slopes, state["old"] = (slopes if state["old"] is None else state["old"]), slopes
        if self.fault == "ascent":
            slopes = [-g for g in slopes]
        if self.fault == "every layer slower":
            slopes = [g / (1 + i) for i, g in enumerate(slopes)]
        if self.fault == "second step skipped" and state["t"] == 2:
            return params, state
        if self.fault == "biases frozen":
            slopes = [g if g.ndim > 1 else 0.0 * g for g in slopes]
        if self.fault == "clipped entries":
            slopes = [np.clip(g, -0.5, 0.5) for g in slopes]
        if self.fault == "mean of entries":
            slopes = [g / g.size for g in slopes]
        moved, memories = [], []
        draws = noise if isinstance(noise, list) else [None] * len(params)
        for w, m, g, n in zip(params, state["memory"], slopes, draws, strict=True):
            w, m = self.move(w, m, g, n, state["t"])
            moved.append(w)
            memories.append(m)
        return moved, {**state, "memory": memories}


class Descent(Optimizer):
    rate = 0.1

    def move(self, w, m, g, n, t):
        rate = self.rate / math.sqrt(t) if self.fault == "decaying rate" else self.rate
        if self.fault == "cubed":
            g = g**3
        return w - rate * g, m


class HeavyBall(Optimizer):
    rate, mu = 0.05, 0.9

    def move(self, w, v, g, n, t):
        mu = 0.95 if self.fault == "0.95" else self.mu
        share = 1.0 - mu if self.fault == "dampening" else 1.0
        if self.fault == "library's dampening" and t > 1:
            share = 1.0 - mu
        if self.fault == "restarted" and t % 3 == 0:
            v = 0.0 * v
        v = mu * v + share * g
        direction = g + mu * v if self.fault == "look-ahead" else v
        if self.fault == "velocity of the sign":
            direction = np.sign(v)
        return w - self.rate * direction, v


class Adam(Optimizer):
    rate, b1, b2, epsilon = 0.001, 0.9, 0.999, 1e-8
    decay = 0.0

    def memory(self, w):
        return np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)

    def move(self, w, memory, g, n, t):
        m, v, top = memory
        b1, b2 = (self.b2, self.b1) if self.fault == "betas exchanged" else (self.b1, self.b2)
        if self.fault == "coupled" and w.ndim > 1:
            g = g + self.decay * w
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * (np.abs(g) if self.fault == "absolute second moment" else g * g)
        if self.fault == "centered second moment":
            v = b2 * memory[1] + (1 - b2) * (g - m) ** 2
        top = np.maximum(top, v)
        c1, c2 = 1 - b1**t, 1 - b2**t
        if self.fault.startswith("no correction"):
            c1 = c2 = 1.0
        if self.fault == "no first correction":
            c1 = 1.0
        if self.fault == "no second correction":
            c2 = 1.0
        used = (top if self.fault == "largest second moment" else v) / c2
        root = np.sqrt(used) + self.epsilon
        if self.fault.endswith("epsilon inside"):
            root = np.sqrt(used + self.epsilon)
        if self.fault == "no root":
            root = used + self.epsilon
        mean = m / c1
        if self.fault == "look-ahead":
            mean = b1 * mean + (1 - b1) * g / c1
        moved = w - self.rate * mean / root
        if w.ndim > 1 or self.fault == "biases too":
            shrink = self.rate * self.decay
            if self.fault == "not times the rate":
                shrink = self.decay
            if self.fault == "after the step":
                moved = moved * (1 - shrink)
            elif self.fault == "decay by the sign":
                moved = moved - shrink * np.sign(w)
            elif self.fault not in ("coupled", "no decay"):
                moved = moved - shrink * w
        return moved, (m, v, top)


class Langevin(Optimizer):
    """Overdamped: w − h g + √(2 h τ) ξ."""

    rate, temperature = 0.1, 0.01

    def move(self, w, m, g, n, t):
        h, tau = self.rate, self.temperature
        scale = {
            "h for sqrt(h)": h * math.sqrt(2 * tau),
            "no 2": math.sqrt(h * tau),
            "variance": 2 * h * tau,
            "minus": -math.sqrt(2 * h * tau),
            "no noise": 0.0,
            "temperature 0.0037": math.sqrt(2 * h * 0.0037),
            "a third": math.sqrt(2 * h * tau / 3),
        }.get(self.fault, math.sqrt(2 * h * tau))
        if self.fault == "late noise":
            n, m = (n if t == 1 else m), n
        if self.fault == "weights only" and w.ndim < 2:
            scale = 0.0
        if self.fault == "by the root of entries":
            scale /= math.sqrt(w.size)
        if self.fault == "signs":
            n = np.sign(n)
        return w - h * g + scale * n, m


class Hamiltonian(Optimizer):
    """SGHMC: friction and noise in the momentum, then the drift."""

    def __init__(self, fault="", h=0.1, friction=1.0, temperature=0.01):
        super().__init__(fault, h=h, friction=friction, temperature=temperature)

    def move(self, w, r, g, n, t):
        h, c, tau = self.h, self.friction, self.temperature
        scale = math.sqrt(h * c * tau if self.fault == "no 2" else 2 * h * c * tau)
        drag = math.exp(-h * c) if self.fault == "exact damping" else 1 - h * c
        if self.fault == "drift first":
            w = w + h * r
        r = drag * r - h * g + scale * n
        return (w if self.fault == "drift first" else w + h * r), r


class Thermostat:
    """SGNHT: one friction for all, driven by the mean square of the momenta."""

    def __init__(self, fault="", h=0.1, a=0.01, tau=0.01):
        self.fault, self.h, self.a, self.tau = fault, h, a, tau

    def init(self, params):
        start = self.a if self.fault == "friction starts at A" else self.a / self.tau
        return [np.zeros_like(w) for w in params], start

    def step(self, params, state, gradient, noise):
        p, xi = state
        scale = math.sqrt(2 * self.a * self.h)
        p = [v - self.h * xi * v - self.h * g + scale * n
             for v, g, n in zip(p, gradient, noise, strict=True)]  # fmt: skip
        moved = [w + self.h * v for w, v in zip(params, p, strict=True)]
        total = sum(float(np.sum(v * v)) for v in p)
        count = sum(v.size for v in p)
        mean = total if self.fault == "sum of squares" else total / count
        return moved, (p, xi + self.h * (mean - self.tau))


class Gated(Optimizer):
    """L2 in the gradient while cos(g, g + λ w) over all weights is large."""

    def __init__(self, fault="", rate=0.1, strength=2.0, threshold=0.89):
        super().__init__(fault, rate=rate, strength=strength, threshold=threshold)

    def step(self, params, state, gradient, noise):
        kinds = [w.ndim > 1 for w in params]
        g = np.concatenate([s.ravel() for s, k in zip(gradient, kinds, strict=True) if k])
        w = np.concatenate([s.ravel() for s, k in zip(params, kinds, strict=True) if k])
        both = g + self.strength * w
        other = self.strength * w if self.fault == "with the pull" else both
        kappa = float(g @ other) / math.sqrt(float(g @ g) * float(other @ other))
        acts = kappa >= self.threshold or self.fault == "always"
        if self.fault == "reversed":
            acts = not acts
        moved = []
        for x, s, k in zip(params, gradient, kinds, strict=True):
            pull = self.strength * x if acts and k else 0.0
            moved.append(x - self.rate * (s + pull))
        return moved, state


class Underdamped:
    """BAOAB, or another order of the letters, one gradient a step."""

    def __init__(self, fault="", h=0.1, friction=1.0, temperature=0.01, letters="BAOAB"):
        self.fault, self.h, self.friction, self.temperature = fault, h, friction, temperature
        self.letters = {"OBABO": "OBABO", "OBA": "OBA"}.get(fault, letters)

    def init(self, params):
        return [np.zeros_like(w) for w in params], None

    def step(self, params, state, gradient, noise):
        p, slopes = state
        q = [np.array(w) for w in params]
        start = [np.array(g) for g in gradient]
        for letter in self.letters:
            h = self.h / self.letters.count(letter)
            if letter == "A":
                q = [x + h * v / (2.0 if self.fault == "mass 2" else 1.0)
                     for x, v in zip(q, p, strict=True)]  # fmt: skip
                slopes = None
            elif letter == "B":
                if slopes is None:
                    slopes = start if self.fault == "gradient of the start" else gradient(q)
                p = [v - h * g for v, g in zip(p, slopes, strict=True)]
            else:
                c = math.exp(-self.friction * h)
                d = math.sqrt(self.temperature * (1 - c * c))
                if self.fault == "linear":
                    c, d = (
                        1 - self.friction * h,
                        math.sqrt(2 * self.friction * self.temperature * h),
                    )
                if self.fault == "linear noise":
                    d = math.sqrt(2 * self.friction * self.temperature * h)
                if self.fault == "1 - c":
                    d = math.sqrt(self.temperature * (1 - c))
                if self.fault == "heat to the positions":
                    q = [x + d * n for x, n in zip(q, noise, strict=True)]
                    d = 0.0
                if self.fault == "clamped momentum":
                    p = [np.clip(v, -0.1, 0.1) for v in p]
                p = [c * v + d * n for v, n in zip(p, noise, strict=True)]
        return q, (p, slopes)


class Circles:
    """Weights on circles of radius 1 as pairs (θ, ξ), BAOAB with exact rotations."""

    def __init__(self, fault="", h=0.3, friction=1.0, temperature=0.01):
        self.fault, self.h, self.friction, self.temperature = fault, h, friction, temperature

    def init(self, params):
        pairs = [np.stack([w, np.sqrt(1 - w * w)]) if w.ndim > 1 else w for w in params]
        return pairs, [np.zeros_like(q) for q in pairs], None

    def step(self, params, state, gradient, noise):
        q, p, slopes = state
        bound = [w.ndim > 1 for w in params]
        weights = [x[0] if b else x for x, b in zip(q, bound, strict=True)]
        start = list(gradient)
        for letter in "OBA" if self.fault == "OBA" else "BAOAB":
            h = self.h if self.fault == "OBA" or letter == "O" else 0.5 * self.h
            for i, b in enumerate(bound):
                if letter == "A":
                    slopes = None
                    if not b:
                        q[i] = q[i] + h * p[i]
                        continue
                    (theta, xi), (u, v) = q[i], p[i]
                    omega = xi * u - theta * v
                    c, s = np.cos(h * omega), np.sin(h * omega)
                    turned, other = theta * c + xi * s, xi * c - theta * s
                    p = [*p[:i], np.stack([omega * other, -omega * turned]), *p[i + 1 :]]
                    if self.fault == "new theta":
                        other = xi * c - turned * s
                    q = [*q[:i], np.stack([turned, other]), *q[i + 1 :]]
                    if self.fault == "clipped":
                        clipped = np.clip(turned, -0.8, 0.8)
                        q[i] = np.stack([clipped, np.sqrt(1 - clipped**2)])
                elif letter == "O":
                    c = math.exp(-self.friction * h)
                    d = math.sqrt(self.temperature * (1 - c * c))
                    p = [*p[:i], self.flat(q[i], c * p[i] + d * noise[i], b), *p[i + 1 :]]
            if letter == "B":
                weights = [x[0] if b else x for x, b in zip(q, bound, strict=True)]
                if slopes is None:
                    slopes = start if self.fault == "gradient of the start" else gradient(weights)
                kicked = []
                for x, v, g, b in zip(q, p, slopes, bound, strict=True):
                    full = np.stack([g, 0.0 * g]) if b else g
                    kicked.append(v - h * self.flat(x, full, b))
                p = kicked
        weights = [x[0] if b else x for x, b in zip(q, bound, strict=True)]
        return weights, (q, p, slopes)

    def flat(self, q, u, bound):
        if not bound or self.fault == "no tangent":
            return u
        return u - q * (q[0] * u[0] + q[1] * u[1])


def along_the_normal(target, start):
    end, identity = target, np.eye(target.shape[1])
    for _ in range(300):
        defect = end.T @ end - identity
        end = end - 0.5 * start @ defect
        if np.max(np.abs(defect)) < 1e-15:
            break
    return end


class OrthonormalDescent:
    """One overdamped step on orthonormal layers: along the old normal, by Newton on Λ."""

    def __init__(self, fault="", h=0.1, temperature=0.01):
        self.fault, self.h, self.temperature = fault, h, temperature

    def step(self, params, state, gradient, noise):
        state = 1 if state is None else state + 1
        moved, layers = [], 0
        for w, g, n in zip(params, gradient, noise, strict=True):
            scale = math.sqrt(2 * self.h * self.temperature)
            if self.fault == "no 2":
                scale = math.sqrt(self.h * self.temperature)
            target = w - self.h * g + scale * n
            layers += w.ndim > 1
            if w.ndim < 2 or (layers == 1 and self.fault != "first layer too"):
                moved.append(target)
                continue
            wide = w.shape[0] < w.shape[1]
            tall, start = (target.T, w.T) if wide else (target, w)
            if self.fault == "nearest":
                u, _, v = np.linalg.svd(tall, full_matrices=False)
                end = u @ v
            elif self.fault == "QR":
                end, r = np.linalg.qr(tall)
                end = end * np.sign(np.diag(r))
            elif self.fault == "one iteration":
                end = tall - 0.5 * start @ (tall.T @ tall - np.eye(tall.shape[1]))
            elif self.fault == "not projected":
                end = tall
            else:
                end = along_the_normal(tall, start)
            moved.append(end.T if wide else end)
        return moved, state


class OrthonormalMomentum:
    """BAOAB on orthonormal layers, P ← Π P after every letter."""

    def __init__(self, fault="", h=0.3, friction=0.3, temperature=0.01):
        self.fault, self.h, self.friction, self.temperature = fault, h, friction, temperature

    def init(self, params):
        return [np.zeros_like(w) for w in params], None

    def step(self, params, state, gradient, noise):
        p, slopes = state
        q = [np.array(w) for w in params]
        kinds, layers = [], 0
        for w in q:
            layers += w.ndim > 1
            kinds.append(w.ndim > 1 and layers > 1)
        start = list(gradient)
        for letter in "BAOAB":
            h = self.h if letter == "O" else 0.5 * self.h
            if letter == "A":
                moved = [self.drift(x, v, h, k) for x, v, k in zip(q, p, kinds, strict=True)]
                q, p, slopes = [m[0] for m in moved], [m[1] for m in moved], None
            elif letter == "B":
                if slopes is None:
                    slopes = start if self.fault == "gradient of the start" else gradient(q)
                p = [v - h * g for v, g in zip(p, slopes, strict=True)]
            else:
                c = math.exp(-self.friction * h)
                d = math.sqrt(self.temperature * (1 - c * c))
                p = [c * v + d * n for v, n in zip(p, noise, strict=True)]
            p = [self.flat(x, v, k) for x, v, k in zip(q, p, kinds, strict=True)]
        return q, (p, slopes)

    def flat(self, q, p, bound):
        if not bound or self.fault == "tangent when it drifts":  # the projection does it too
            return p
        if q.shape[0] < q.shape[1]:
            return self.flat(q.T, p.T, True).T
        product = q.T @ p
        if self.fault == "half of the projection":
            return p - 0.5 * q @ (0.5 * (product + product.T))
        if self.fault == "no symmetric part":
            return p - q @ product
        return p - q @ (0.5 * (product + product.T))

    def drift(self, q, p, h, bound):
        if not bound:
            return q + h * p, p
        if q.shape[0] < q.shape[1]:
            end, v = self.drift(q.T, p.T, h, True)
            return end.T, v.T
        target = q + h * p
        if self.fault.startswith("QR"):
            end, r = np.linalg.qr(target)
            end = end * np.sign(np.diag(r))
        elif self.fault.startswith("polar"):
            u, _, v = np.linalg.svd(target, full_matrices=False)
            end = u @ v
        elif self.fault == "Cayley":
            a = p @ q.T - q @ p.T
            end = np.linalg.solve(np.eye(len(q)) - 0.5 * h * a, (np.eye(len(q)) + 0.5 * h * a) @ q)
        else:
            end = along_the_normal(target, q)
        return end, p if self.fault.endswith("carried") else (end - q) / h
