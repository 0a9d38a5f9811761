"""Every field of the Metropolis-exact methods, drawn, against RATTLE in plain NumPy."""

import math

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root

from refimpl import Replay, catalogue
from refimpl import autodiff as ad
from refimpl.constraints import UserConstraint

CHOICE = {
    "constraint": choice("orthogonal", "circle", "none"), "radii": choice((1.3,), (0.6, 2.0)),
    "circle_motion": choice("rotation", "shake"), "free_first": st.booleans(),
    "user": choice(None, None, 1.2),  # the radius of a sphere for all parameters together
    "solver": choice("auto", "quasi_newton", "newton"), "start": choice("qr", "polar"),
    "temperature": choice(0.0, 0.05, 0.5),
}  # fmt: skip
DRAWN = {
    "constrained_mala": {**CHOICE, "step_size": number(0.001, 0.02)},
    "constrained_hmc": {
        **CHOICE, "step_size": number(0.02, 0.12), "leapfrog_steps": st.integers(1, 3),
        "refreshment": choice("full", "partial"), "friction": number(0.1, 3.0),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_every_field_is_drawn(name):
    assert set(DRAWN[name]) == set(catalogue.entry(name).own_fields)


class Free:
    """A leaf without constraint, and what the others have in common: x and its momentum."""

    def begin(self, w):
        return w

    end = begin

    def slope(self, x, g):
        return g

    def tangent(self, x, u):
        return u

    def move(self, x, u):
        """The end of a drift along u, and the direction by which it got there."""
        return x + u, u


class Pairs(Free):
    """Pairs (θ, ξ) with θ² + ξ² = r², on a leading axis."""

    def __init__(self, r, rotates):
        self.r, self.rotates = r, rotates

    def begin(self, w):
        return np.stack([w, np.sqrt(self.r**2 - w**2)])

    def end(self, x):
        return x[0]

    def slope(self, x, g):
        return np.stack([g, 0 * g])

    def tangent(self, x, u):
        return u - x * (x * u).sum(axis=0) / self.r**2

    def move(self, x, u):
        across = np.stack([x[1], -x[0]]) / self.r
        t = (across * u).sum(axis=0)
        angle = t / self.r if self.rotates else None
        if angle is None:
            if np.max(np.abs(t)) >= self.r:
                return None
            angle = np.arcsin(t / self.r)
        y = x * np.cos(angle) + across * self.r * np.sin(angle)
        return y, t * np.stack([y[1], -y[0]]) / self.r if self.rotates else y - x


class Sphere(Free):
    """|q| = r for the whole vector."""

    def __init__(self, r):
        self.r = r

    def tangent(self, x, u):
        return u - x * (x @ u) / self.r**2

    def move(self, x, u):
        if u @ u >= self.r**2:
            return None
        y = x * math.sqrt(1 - u @ u / self.r**2) + u
        return y, y - x


class Frames(Free):
    """Orthonormal columns of the tall one of W and its transpose."""

    def __init__(self, wide, start):
        self.wide, self.start = wide, start

    def begin(self, w):
        q = w.T if self.wide else w
        u, _, vt = np.linalg.svd(q, full_matrices=False)
        factor, r = np.linalg.qr(q)
        return u @ vt if self.start == "polar" else factor * np.sign(np.diag(r))

    def end(self, x):
        return x.T if self.wide else x

    def slope(self, x, g):
        return self.end(g)

    def tangent(self, x, u):
        return u - x @ (x.T @ u + u.T @ x) / 2

    def move(self, x, u):
        m = x.shape[1]
        upper = np.triu_indices(m)

        def point(numbers):
            multiplier = np.zeros((m, m))
            multiplier[upper] = numbers
            return x + u - x @ (multiplier + np.triu(multiplier, 1).T)

        def defect(numbers):
            w = point(numbers)
            return (w.T @ w - np.eye(m))[upper]

        y = point(root(defect, np.zeros(len(upper[0])), tol=1e-14).x)
        return y, y - x


SHAPES = ((3,), (3, 2), (2,), (2, 3))  # bias, weight of two layers


def problem(f, seed):
    """What acts on each leaf, the tree of the start, its leaves, V and its slopes."""
    rng = np.random.default_rng(seed)
    r = f["radii"]
    start = [0.9 * min(r) * rng.uniform(-1, 1, s) for s in SHAPES]
    if f["constraint"] == "orthogonal" and not f["user"]:
        start = [rng.normal(size=s) for s in SHAPES]
    slopes = [1.5 * rng.normal(size=s) for s in SHAPES]
    rotates = f["circle_motion"] == "rotation"
    kinds = {
        "none": [Free()] * 4,
        "circle": [Free(), Pairs(r[0], rotates), Free(), Pairs(r[-1], rotates)],
        "orthogonal": [
            Free(), Free() if f["free_first"] else Frames(False, f["start"]),
            Free(), Frames(True, f["start"]),
        ],
    }[f["constraint"]]  # fmt: skip
    if f["user"]:
        kinds, start = [Sphere(f["user"])], [rng.normal(size=5)]
        start[0] *= f["user"] / np.linalg.norm(start[0])
        slopes = [rng.normal(size=5)]
    tree = [{"bias": start[k], "weight": start[k + 1]} for k in (0, 2)] if not f["user"] else start
    return kinds, tree, start, slopes


class Twin:
    """The chain: extended positions, momenta, and how a step went."""

    def __init__(self, f, kinds, start, slopes):
        self.kinds, self.slopes, self.f = kinds, slopes, f
        self.q = [kind.begin(w) for kind, w in zip(kinds, start, strict=True)]
        self.p, self.solved = [0 * x for x in self.q], True

    def weights(self, q):
        return [kind.end(x) for kind, x in zip(self.kinds, q, strict=True)]

    def energy(self, q):
        pairs = zip(self.slopes, self.weights(q), strict=True)
        return sum(np.sum(c * w) + 0.35 * np.sum(w * w) + 0.1 * np.sum(w**4) for c, w in pairs)

    def tangent(self, q, p):
        return [kind.tangent(x, u) for kind, x, u in zip(self.kinds, q, p, strict=True)]

    def kick(self, q, p, h):
        pairs = zip(self.slopes, self.weights(q), strict=True)
        g = [c + 0.7 * w + 0.4 * w**3 for c, w in pairs]
        pulls = [kind.slope(x, y) for kind, x, y in zip(self.kinds, q, g, strict=True)]
        return self.tangent(q, [u - 0.5 * h * pull for u, pull in zip(p, pulls, strict=True)])

    def proposal(self, q, p, h, drifts):
        for _ in range(drifts):
            p = self.kick(q, p, h)
            moved = [kind.move(x, h * u) for kind, x, u in zip(self.kinds, q, p, strict=True)]
            if any(item is None for item in moved):
                return None
            q, p = [item[0] for item in moved], [item[1] / h for item in moved]
            p = self.kick(q, self.tangent(q, p), h)
        return q, p

    def step(self, h, drifts, c, noise, uniform):
        """Error of the energy and chance; the state moves or turns round."""
        tau = self.f["temperature"]
        spread = math.sqrt(tau * (1 - c * c))
        mixed = [c * u + spread * xi for u, xi in zip(self.p, noise, strict=True)]
        p, self.solved = self.tangent(self.q, mixed), True
        before = self.energy(self.q) + sum(np.sum(u * u) for u in p) / 2
        self.p = [-u for u in p]
        end = self.proposal(self.q, p, h, drifts)
        if end is None:
            self.solved = False
            return 0.0, 0.0, False
        error = self.energy(end[0]) + sum(np.sum(u * u) for u in end[1]) / 2 - before
        chance = math.exp(min(0.0, -error / tau)) if tau else float(error <= 0)
        accepted = uniform < chance
        if accepted:
            self.q, self.p = end
        return error, chance, accepted


def scheme(name, f):
    """ε, K and c."""
    if name == "constrained_mala":
        return math.sqrt(2 * f["step_size"]), 1, 0.0
    h, k = f["step_size"], f["leapfrog_steps"]
    return h, k, math.exp(-f["friction"] * h * k) if f["refreshment"] == "partial" else 0.0


@pytest.mark.parametrize("name", DRAWN)
@given(data=st.data(), seed=SEED)
@settings(max_examples=settings().max_examples * 2)
def test_three_steps_with_given_draws(name, data, seed):
    f = data.draw(st.fixed_dictionaries(DRAWN[name]))
    kinds, tree, start, slopes = problem(f, seed)
    twin, rng = Twin(f, kinds, start, slopes), np.random.default_rng(seed + 1)

    def objective(params, batch):
        pairs = zip(slopes, ad.flatten(params)[0], strict=True)
        terms = [ad.sum(c * w) + 0.35 * ad.sum(w * w) + 0.1 * ad.sum(w**4) for c, w in pairs]
        return sum(terms[1:], terms[0])

    user = UserConstraint(lambda q: ad.sum(q * q) - f["user"] ** 2) if f["user"] else None
    algorithm = catalogue.entry(name).factory(**{**f, "user": user})
    first = [rng.normal(size=x.shape) for x in twin.q]
    if name == "constrained_hmc" and f["temperature"]:
        twin.p = [math.sqrt(f["temperature"]) * xi for xi in first]
        twin.p = twin.tangent(twin.q, twin.p)
        state = algorithm.init(tree, Replay(first))
    else:
        state = algorithm.init(tree)
    for _ in range(3):
        noise, uniform = [rng.normal(size=x.shape) for x in twin.q], 1 - 10 ** rng.uniform(-4, -1)
        hot = f["temperature"] > 0
        replay = Replay([*noise, uniform] if hot else [])
        state, info = algorithm.step(state, objective, None, replay)
        error, chance, accepted = twin.step(*scheme(name, f), noise, uniform)
        if abs(uniform - chance) < 1e-7 or (not hot and abs(error) < 1e-9):
            return
        assert replay.left == 0 and info.accepted == accepted
        assert float(info.energy_error) == pytest.approx(error, abs=2e-8)
        assert float(info.acceptance) == pytest.approx(chance, abs=1e-6)
        assert float(info.loss) == pytest.approx(twin.energy(twin.q), abs=1e-8)
        assert info.unsolved != twin.solved and not info.irreversible and not info.diverged
        theirs = [*twin.weights(twin.q), *twin.p]
        mine = [*ad.flatten(state.params)[0], *[np.asarray(u) for u in state.momenta]]
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(np.reshape(a, b.shape), b, rtol=0, atol=1e-7)
        assert float(info.residual) < 1e-12 and float(info.tangency) < 1e-12
