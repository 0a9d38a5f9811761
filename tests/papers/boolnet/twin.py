"""The network in training once more: NumPy numbers that carry a rate of change with them.

Nothing of the package is imported. A rate goes forward with its value, so that the gradient along
one direction comes out without going back through the network; signs pass on what straight-through
gradients say that they pass on.
"""

import numpy as np


class Moving:
    """An array and its rate of change."""

    __array_ufunc__ = None

    def __init__(self, value, rate=0.0):
        self.value = np.asarray(value, dtype=float)
        self.rate = rate + np.zeros_like(self.value)

    def __add__(self, other):
        other = moving(other)
        return Moving(self.value + other.value, self.rate + other.rate)

    def __mul__(self, other):
        other = moving(other)
        return Moving(self.value * other.value, self.rate * other.value + self.value * other.rate)

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other):
        return self + -1.0 * moving(other)

    def __getitem__(self, place):
        return Moving(self.value[place], self.rate[place])

    def passed(self, value, slope):
        """A function of this, by its value and its slope."""
        return Moving(value, slope * self.rate)

    def mean(self, axis):
        return Moving(self.value.mean(axis), self.rate.mean(axis))


def moving(x):
    return x if isinstance(x, Moving) else Moving(x)


def columns(parts):
    return Moving(*(np.stack([getattr(p, n) for p in parts], 1) for n in ("value", "rate")))


def tree(leaves, rates):
    """The same tree of moving arrays."""
    if isinstance(leaves, dict):
        return {name: tree(leaf, rates[name]) for name, leaf in leaves.items()}
    if isinstance(leaves, list):
        return [tree(leaf, rate) for leaf, rate in zip(leaves, rates, strict=True)]
    return Moving(leaves, rates)


def sign(x, zero):
    value = np.where(x.value > 0, 1.0, np.where(x.value < 0, -1.0, zero))
    return x.passed(value, np.abs(x.value) <= 1.0)


def hardened(weight, strength):
    """hardtanh(w/λ), whose slope is said to be 1 within [−1, 1]."""
    value = np.where(weight.value >= 0, 1.0, -1.0)
    if strength > 0:
        value = np.clip(weight.value / strength, -1.0, 1.0)
    return weight.passed(value, np.abs(weight.value) <= 1.0)


def logical_or(x, y):
    """What min(1, x + y + 1) is on signs; the bound has the slope of the inside."""
    both = x + y
    return both.passed(np.minimum(1.0, both.value + 1.0), both.value <= 0.0)


def offsets(k, kind):
    if not isinstance(kind, str):
        return list(kind)
    if k == 1:
        return [0.0]
    half, largest = k // 2, 1
    while 2 * largest <= half:
        largest *= 2
    steps = range(1, half + 1)
    up = [i / (half + 1) if kind == "released" else 2.0 ** (i - 1 - largest) for i in steps]
    return sorted([-b for b in up] + up)


class Network:
    """One pass; ``seen`` are means and variances of the batch, in the order of the pass."""

    def __init__(self, fields, params, strength, stored=False):
        self.f, self.params, self.strength, self.stored = fields, params, strength, stored
        self.seen = []

    def norm(self, x, layer):
        mean, variance = Moving(layer["mean"].value), Moving(layer["variance"].value)
        if not self.stored:
            mean = x.mean(0)
            variance = ((x - mean) * (x - mean)).mean(0)
        self.seen.append((mean.value, variance.value))
        above = variance.value + self.f["epsilon"]
        inverse = variance.passed(above**-0.5, -0.5 * above**-1.5)
        return layer["gain"] * (x - mean) * inverse + layer["shift"]

    def signs(self, y):
        """Slice after slice, each a list of channels."""
        bits = [sign(y + b, self.f["sign_zero"]) for b in offsets(self.f["slices"],
                                                                  self.f["offsets"])]  # fmt: skip
        return [[s[:, c] for c in range(y.value.shape[1])] for s in bits]

    def units(self, x, layer, groups):
        """Group s of the units reads slice s, or every unit reads all."""
        weight, found = hardened(layer["weight"], self.strength), []
        number = weight.value.shape[0]
        for unit in range(number):
            read = [bit for s in x for bit in s] if groups == 1 else x[unit // (number // groups)]
            total = Moving(0.0)
            for place, bit in enumerate(read):
                total = total + weight[unit, place] * bit
            if self.f["weight_scale"] == "mean_abs":
                row = layer["weight"][unit]
                size = row.passed(np.abs(row.value), np.sign(row.value)).mean(0)
                total = total * (size.value if self.f["detach_scale"] else size)
            found.append(total)
        return columns(found)

    def stem(self, inputs):
        weight = self.params["stem"]["weight"]
        x = columns([
            sum((weight[u, j] * inputs[:, j] for j in range(inputs.shape[1])), Moving(0.0))
            for u in range(weight.value.shape[0])
        ])  # fmt: skip
        y = self.norm(x, self.params["stem"])
        window = self.f["local_shift"]
        if not window:
            return y
        local = self.params["local"]
        near, moved = self.norm(x, local["inner"]), []
        for c in range(x.value.shape[1]):
            total = Moving(np.zeros(len(inputs)))
            for j in range(window):
                at = c + j - window // 2
                if 0 <= at < x.value.shape[1]:
                    total = total + local["taps"][c, j] * near[:, at]
            moved.append(total)
        return y + self.norm(columns(moved), local["outer"])

    def block(self, block, x, halved, last):
        k, logic = self.f["slices"], self.f["shortcuts"] == "logic"
        aside = None
        if "down" in block:
            r = self.signs(self.norm(self.units(x, block["down"], 1), block["down"]))
            aside = r if halved else None
        else:
            if halved:
                half = len(x[0]) // 2
                x, aside = [s[:half] for s in x], [s[half:] for s in x]
            r = x
        u = self.signs(self.norm(self.units(x, block["first"], k), block["first"]))
        if logic:
            u = [[a * b for a, b in zip(*pair, strict=True)] for pair in zip(u, r, strict=True)]
        y = self.norm(self.units(u, block["second"], k), block["second"])
        if last:
            if not logic:
                return y
            means = [sum((s[c] for s in u), Moving(0.0)) * (1.0 / k) for c in range(len(u[0]))]
            return y + self.norm(columns(means), block["merge"])
        out = self.signs(y)
        if logic:
            out = [[logical_or(a, b) for a, b in zip(*pair, strict=True)]
                   for pair in zip(out, r, strict=True)]  # fmt: skip
        if aside is None:
            return out
        return [[c for both in zip(*pair, strict=True) for c in both]
                for pair in zip(out, aside, strict=True)]  # fmt: skip

    def outputs(self, inputs):
        x, stages = self.signs(self.stem(inputs)), self.f["widths"][1:-1]
        for index, block in enumerate(self.params["blocks"]):
            last = index == len(self.params["blocks"]) - 1
            width = stages[index // self.f["blocks"]]
            halved = self.f["split"] and not last
            assert block["first"]["weight"].value.shape[0] == (width // 2 if halved else width)
            x = self.block(block, x, halved, last)
        slope = self.params["slope"][0]
        below = x.value < 0
        x = x * (1.0 - below) + x * below * slope
        head = self.params["head"]
        return columns([
            sum((x[:, c] * head["weight"][u, c] for c in range(x.value.shape[1])), head["bias"][u])
            for u in range(head["bias"].value.shape[0])
        ])  # fmt: skip


def cross_entropy(z, labels):
    """One loss for each example."""
    sizes = np.exp(z.value)
    total = sizes.sum(1)
    top = Moving(np.log(total), (sizes * z.rate).sum(1) / total)
    rows = np.arange(len(labels))
    return top - z[rows, labels]
