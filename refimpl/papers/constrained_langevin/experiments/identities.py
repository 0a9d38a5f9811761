"""Exact statements about the constrained steps: invariants, equal forms, limits at zero noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import Backend
from refimpl.constraints import Blocks, Circle, Constraint, Orthogonal, UserConstraint, drift
from refimpl.errors import InfeasibleError
from refimpl.experiments.base import Experiment, merge
from refimpl.models import MLP
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_od import OCoLAod
from refimpl.papers.constrained_langevin.o_cola_released import ReleasedOCoLAud
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.papers.constrained_langevin.splitting import (
    UnderdampedScheme,
    UnderdampedState,
    underdamped_step,
)
from refimpl.papers.constrained_langevin.underdamped import ConstrainedUnderdamped
from refimpl.random import Replay, Rng


@dataclass(frozen=True)
class Config:
    """Numbers of steps and of draws."""

    circle_steps: int = 10_000
    angle_steps: int = 2_000
    law_draws: int = 200

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(circle_steps=100_000, law_draws=2_000)


class Injected:
    """An rng whose draws are handed in, in order."""

    def __init__(self, *draws: np.ndarray) -> None:
        self.draws = list(draws)

    def normal(self, shape: Any, like: Any = None) -> np.ndarray:
        """The next draw, of the shape that is asked for."""
        draw = self.draws.pop(0)
        assert draw.shape == tuple(shape)
        return draw


def _largest(values: Any) -> float:
    return float(np.max(np.abs(values)))


def _tilt(params: Any, batch: Any) -> Any:
    """A smooth loss of one leaf of any shape."""
    weight = params[0]
    return ad.sum(ad.sin(2.0 * weight)) + 0.5 * ad.sum(weight * weight)


def _circle(config: Config, rng: Rng) -> dict[str, float]:
    """Pairs over a long run; pairs, c-CoLA-ud and the angles themselves under the same noise."""
    radius, tau, h, gamma = 0.5, 0.05, 0.1, 1.0
    start = [0.8 * radius * rng.child("start").uniform((1, 12), -1.0, 1.0)]
    common = {"step_size": h, "friction": gamma, "temperature": tau, "splitting": "OBA"}
    pairs = ConstrainedUnderdamped(**common, constraint="circle", radii=(radius,))  # type: ignore[arg-type]
    points = CCoLAud(**common, radii=(radius,))  # type: ignore[arg-type]
    first, second = pairs.init(start), points.init(start)
    phi, v = np.arcsin(start[0] / radius), 0.0 * start[0]
    decay = math.exp(-gamma * h)
    spread = math.sqrt(tau * (1.0 - decay**2))
    residual = tangency = gap = 0.0
    for k in range(config.circle_steps):
        noise = rng.child("noise", k).normal((2, 1, 12))
        if k < config.angle_steps:
            along = (second.slack[0] * noise[0] - second.params[0] * noise[1]) / radius
            second, _ = points.step(second, _tilt, None, Injected(along))  # type: ignore[arg-type]
            theta, xi = radius * np.sin(phi), radius * np.cos(phi)
            v = decay * v + spread * along
            v = v - h * (2.0 * np.cos(2.0 * theta) + theta) * xi / radius
            phi = phi + h * v / radius
        first, info = pairs.step(first, _tilt, None, Injected(noise))  # type: ignore[arg-type]
        residual = max(residual, float(info.residual))
        tangency = max(tangency, float(info.tangency))
        if k < config.angle_steps:
            exact = radius * np.sin(phi)
            gap = max(gap, *(_largest(state.params[0] - exact) for state in (first, second)))
    theta, xi = second.params[0], second.slack[0]
    off = _largest((theta / radius) ** 2 + (xi / radius) ** 2 - 1.0)
    return {
        "circle_residual": residual,
        "circle_tangency": tangency / math.sqrt(tau),
        "angle_residual": off,
        "angle_gap": gap,
    }


def _drifts(rng: Rng) -> dict[str, float]:
    """Change of |p| and of the state after there and back, over constraints and draws."""
    speed = back = 0.0
    sphere = UserConstraint(lambda w: ad.sum(w * w) - 1.0)
    cases: list[tuple[Constraint, tuple[int, ...]]] = [
        (Circle(0.7), (4,)),
        (Circle(0.7, motion="shake"), (4,)),
        (Orthogonal((5, 3)), (5, 3)),
        (Orthogonal((6, 6)), (6, 6)),
        (Orthogonal((9, 1)), (9, 1)),
        (sphere, (6,)),
    ]
    for k in range(10):
        for index, (constraint, shape) in enumerate(cases):
            stream = rng.child("drift", index, k)
            if constraint is sphere:
                q = stream.normal(shape)
                q /= np.linalg.norm(q)
            else:
                q = constraint.random_point(stream, np.zeros(shape))
            p = constraint.project_tangent(q, stream.normal(q.shape))
            there = drift(constraint, q, p, 0.1)
            home = drift(constraint, there.position, -there.momentum, 0.1)
            change = np.linalg.norm(there.momentum) - np.linalg.norm(p)
            speed = max(speed, abs(float(change)))
            back = max(back, _largest(home.position - q), _largest(home.momentum + p))
    return {"speed_change": float(speed), "return_gap": back}


def _exchange(config: Config, rng: Rng) -> dict[str, Any]:
    """The O part between two drifts' worth of nothing: noise that is known, and what becomes of it.

    On St(5, 3) a step of the parts A, B and O without a loss ends with the exchange of heat; a
    first one without friction says where it begins. On circles "OBA" without a loss changes the
    velocity in O alone.
    """
    constraint, size, count = Orthogonal((5, 3)), 15, config.law_draws
    h, gamma, tau = 0.1, 7.0, 0.6
    q = np.linalg.qr(rng.child("q").normal((5, 3)))[0]
    p = constraint.project_tangent(q, rng.child("p").normal((5, 3)))
    blocks = Blocks((constraint,))
    # +- sqrt(15) e_j have the mean and covariance of the standard normal law
    points = math.sqrt(size) * np.concatenate([np.eye(size), -np.eye(size)]).reshape(-1, 5, 3)
    draws = np.concatenate([points, rng.child("R").normal((count, 5, 3))])

    def flat(w: Any, batch: Any) -> Any:
        return 0.0 * ad.sum(w)

    def end(friction: float, noise: Any) -> Any:
        many = [np.broadcast_to(x, draws.shape).copy() for x in (q, p)]
        state = UnderdampedState(many[0], 0, [many[0]], [many[1]], [0.0 * many[0]])
        scheme = UnderdampedScheme("ABO", h, friction, tau)
        return underdamped_step(blocks, state, flat, None, noise, scheme)[0]

    before, after = end(0.0, None), end(gamma, Replay([draws]))
    q, p = before.positions[0][0], before.momenta[0][0]
    c = math.exp(-gamma * h)
    d = math.sqrt(tau * (1.0 - c * c))
    inner = np.swapaxes(q, -1, -2) @ draws
    tangent = draws - 0.5 * q @ (inner + np.swapaxes(inner, -1, -2))
    momenta = after.momenta[0]
    spread = (momenta[: 2 * size] - c * p).reshape(2 * size, size)
    covariance = spread.T @ spread / (2 * size)

    circle = CCoLAud(step_size=h, friction=gamma, temperature=tau, splitting="OBA", include="all")
    state = circle.init(0.3 + 0.0 * draws[:, 0, 0])
    speed = rng.child("speed").normal(state.params.shape)
    state = state._replace(momentum=speed)
    given: Any = Replay([draws[:, 0, 0]])
    turned, _ = circle.step(state, flat, None, given)
    return {
        "law_error": _largest(momenta - c * p - d * tangent),
        "law_mean_error": _largest(momenta[: 2 * size].mean(axis=0) - c * p),
        "law_covariance": np.linalg.eigvalsh(covariance) / (d * d),
        "circle_law_error": _largest(turned.momentum - c * speed - d * draws[:, 0, 0]),
    }


def _equal_forms(rng: Rng) -> dict[str, float]:
    """Wide against tall, AOAB against BAOAB, (P, h) against (buffer, learning rate)."""
    stream = rng.child("forms")
    w = np.linalg.qr(stream.normal((7, 4)))[0]
    a = 0.3 * stream.normal((7, 4))
    common: dict[str, Any] = {"step_size": 0.1, "friction": 0.5, "temperature": 0.05}

    def tall(params: Any, batch: Any) -> Any:
        return ad.sum(a * params[0]) + ad.sum(ad.sin(params[0]))

    def wide(params: Any, batch: Any) -> Any:
        return ad.sum(a.T * params[0]) + ad.sum(ad.sin(params[0]))

    algorithm = OCoLAud(**common, free_first=False)
    one: Any
    other: Any
    one, other = algorithm.init([w]), algorithm.init([w.T.copy()])
    transposed = 0.0
    for k in range(20):
        one, _ = algorithm.step(one, tall, None, rng.child("wide", k))
        other, _ = algorithm.step(other, wide, None, rng.child("wide", k))
        transposed = max(transposed, _largest(one.params[0] - other.params[0].T))
        transposed = max(transposed, _largest(one.momenta[0] - other.momenta[0]))

    orders = 0.0
    radius = 0.6
    theta = [0.5 * radius * stream.uniform((2, 5), -1.0, 1.0)]
    for make, start, loss in (
        (lambda s: OCoLAud(**common, splitting=s, free_first=False), [w], tall),
        (lambda s: CCoLAud(**common, splitting=s, radii=(radius,)), theta, _tilt),
    ):
        fresh, symmetric = make("AOAB"), make("BAOAB")
        one, other = fresh.init(start), symmetric.init(start)
        for k in range(20):
            one, _ = fresh.step(one, loss, None, rng.child("order", k))
            other, _ = symmetric.step(other, loss, None, rng.child("order", k))
            orders = max(orders, _largest(one.params[0] - other.params[0]))

    rate, mu = 0.04, 0.9
    h = math.sqrt(rate)
    tau = 0.01
    buffered = ReleasedOCoLAud(
        learning_rate=rate, momentum=mu, temperature=tau, free_first=False, stale_normal=False,
        reshaped_start=False, fixed_iterations=False, unscaled_noise=False,
    )  # fmt: skip
    moved = OCoLAud(
        step_size=h, friction=-math.log(mu) / h, temperature=tau, splitting="OBA", free_first=False
    )
    one, other = moved.init([w]), buffered.init([w])
    gradient = ad.grad(lambda x: tall([x], None))(w)
    one = one._replace(momenta=[-0.01 * h * Orthogonal((7, 4)).project_tangent(w, gradient)])
    variables = 0.0
    for k in range(20):
        one, _ = moved.step(one, tall, None, rng.child("buffer", k))
        other, _ = buffered.step(other, tall, None, rng.child("buffer", k))
        variables = max(variables, _largest(one.params[0] - other.params[0]))
        variables = max(variables, _largest(one.momenta[0] / h - other.buffers[0]))
    return {"transposed": transposed, "orders": orders, "variables": variables}


def _free(rng: Rng) -> dict[str, float]:
    """Free parameters of o-CoLA-ud against SGD with momentum, bit for bit."""
    model = MLP((5, 4, 3))
    params = model.init(rng.child("free"), "orthogonal", bias_scale=1.0)
    inputs = rng.child("inputs").normal((6, 5))

    def loss(p: Any, batch: Any) -> Any:
        return ad.sum(ad.sin(inputs @ p[0]["weight"].mT + p[0]["bias"]))

    h, gamma = 0.5, 0.25
    mu = math.exp(-gamma * h)
    plain = Momentum(learning_rate=h * h, momentum=mu)
    expected = plain.init(params)
    constrained = OCoLAud(step_size=h, friction=gamma, temperature=0.0, splitting="OBA")
    released = ReleasedOCoLAud(learning_rate=0.1, momentum=0.9)
    one, other, reference = (
        constrained.init(params),
        released.init(params),
        Momentum(learning_rate=0.1, momentum=0.9),
    )
    # the released buffers start at a hundredth of the first gradient, those of momentum at zero
    hundredth = ad.map_tree(lambda g: 0.01 * g, ad.grad(loss)(params, None))
    second = reference.init(params)._replace(buffers=hundredth)
    different = 0
    for _ in range(30):
        expected, _ = plain.step(expected, loss, None)
        second, _ = reference.step(second, loss, None)
        one, _ = constrained.step(one, loss, None)
        other, _ = released.step(other, loss, None)
        for name in ("weight", "bias"):
            different += int(np.sum(one.params[0][name] != expected.params[0][name]))
            different += int(np.sum(other.params[0][name] != second.params[0][name]))
    return {"free_bits": float(different)}


def _circle_steps(rng: Rng) -> dict[str, float]:
    """SHAKE on circles against a generic Newton solution, its limit, and freezing weights."""
    radius, h = 0.8, 0.5
    gap, wrong = 0.0, 0
    for k in range(40):
        stream = rng.child("arcsine", k)
        theta = float(0.9 * radius * stream.uniform((), -1.0, 1.0))
        slope = float(3.0 * stream.normal(()))
        algorithm = CCoLAod(step_size=h, radii=(radius,), projection="shake")
        state = algorithm.init([np.full((1, 1), theta)])
        xi = float(state.slack[0][0, 0])
        t = -h * slope * xi / radius
        try:
            new, _ = algorithm.step(state, lambda p, batch, g=slope: g * p[0][0, 0], None)  # type: ignore[misc]
            feasible = True
        except InfeasibleError:
            feasible = False
        wrong += feasible != (abs(t) <= radius)
        if feasible:
            # The multiplier as the near root of its quadratic equation, in Cartesian form.
            bar = (theta - h * slope, xi)
            b = bar[0] * theta + bar[1] * xi
            square = bar[0] ** 2 + bar[1] ** 2
            root = math.sqrt(max(b * b - radius**2 * (square - radius**2), 0.0))
            multiplier = (b - root) / radius**2
            if abs(t) < 0.9 * radius:
                gap = max(gap, abs(float(new.params[0][0, 0]) - (bar[0] - multiplier * theta)))
            law = math.asin(theta / radius) + math.asin(t / radius)
            gap = max(gap, abs(float(new.params[0][0, 0]) - radius * math.sin(law)))
    slopes = []
    for projection in ("radial", "shake"):
        errors = []
        for step in (1e-2, 5e-3):
            algorithm = CCoLAod(step_size=step, radii=(radius,), projection=projection)
            state = algorithm.init([np.full((1, 1), 0.5)])
            new, _ = algorithm.step(state, lambda p, batch: 2.0 * p[0][0, 0], None)
            predicted = 0.5 - step * 2.0 * (1.0 - 0.25 / radius**2)
            errors.append(abs(float(new.params[0][0, 0]) - predicted))
        slopes.append(math.log2(errors[0] / errors[1]))
    algorithm = CCoLAod(step_size=0.1, radii=(radius,))
    state = algorithm.init([np.asarray([[radius, -radius]])])
    begun = state.params[0]
    for _ in range(50):
        state, _ = algorithm.step(state, _tilt, None)
    return {
        "arcsine_gap": gap,
        "wrong_feasibility": float(wrong),
        "freezing_slope": min(slopes),
        "freezing_slope_largest": max(slopes),
        "frozen_motion": _largest(state.params[0] - begun),
    }


def _weight_decay(rng: Rng) -> dict[str, float]:
    """What weight decay changes on an orthogonal layer."""
    stream = rng.child("decay")
    w = np.linalg.qr(stream.normal((8, 5)))[0]
    a = stream.normal((8, 5))

    def plain(params: Any, batch: Any) -> Any:
        return ad.sum(a * params[0])

    def decayed(params: Any, batch: Any) -> Any:
        return plain(params, batch) + 0.25 * ad.sum(params[0] * params[0])

    def change(algorithm: Any) -> float:
        first = algorithm.step(algorithm.init([w]), plain, None)[0].params[0]
        second = algorithm.step(algorithm.init([w]), decayed, None)[0].params[0]
        return _largest(first - second)

    return {
        "decay_ud": change(OCoLAud(step_size=0.1, splitting="OBA", free_first=False)),
        "decay_shake": change(OCoLAod(step_size=0.03, free_first=False)),
        "decay_polar": change(OCoLAod(step_size=0.03, projection="polar", free_first=False)),
    }


def _limits(rng: Rng) -> dict[str, float]:
    """Zero temperature: stationary points, descent; and the norms that the constraints give."""
    stream = rng.child("limits")
    w = np.linalg.qr(stream.normal((8, 4)))[0]
    goal = stream.normal((8, 4))

    def procrustes(params: Any, batch: Any) -> Any:
        return 0.5 * ad.sum((params[0] - goal) ** 2)

    algorithm = OCoLAod(step_size=0.1, free_first=False)
    state, losses = algorithm.init([w]), []
    for _ in range(1500):
        state, info = algorithm.step(state, procrustes, None)
        losses.append(float(info.loss))
    q = state.params[0]
    stationary = _largest(Orthogonal((8, 4)).project_tangent(q, q - goal))
    u, _, vt = np.linalg.svd(goal, full_matrices=False)

    radius = 0.5
    target = np.asarray([[0.2, -0.3, 0.9, -2.0]])

    def quadratic(params: Any, batch: Any) -> Any:
        return 0.5 * ad.sum((params[0] - target) ** 2)

    bounded = CCoLAod(step_size=0.1, radii=(radius,))
    circle = bounded.init([np.asarray([[-0.4, 0.4, 0.1, 0.1]])])
    for _ in range(3000):
        circle, _ = bounded.step(circle, quadratic, None)
    theta = circle.params[0]
    free_slope = (theta - target) * (1.0 - (theta / radius) ** 2)
    return {
        "stationary": stationary,
        "procrustes_gap": _largest(q - u @ vt),
        "largest_rise": float(np.max(np.diff(losses))),
        "circle_stationary": _largest(free_slope),
        "circle_gap": _largest(theta - np.clip(target, -radius, radius)),
        **_norms(rng),
    }


def _norms(rng: Rng) -> dict[str, float]:
    """Lipschitz constant between constrained layers, norms of circle layers."""
    model = MLP((12, 10, 10, 14, 6), activation="tanh", bias=True)
    params = model.init(rng.child("norms"), "gaussian", bias_scale=1.0)
    made = OCoLAod(step_size=0.1).init(params).params
    expansion = isometry = 0.0
    for k in range(30):
        stream = rng.child("jacobian", k)
        x = 2.0 * stream.normal((1, 10))

        def rest(z: Any) -> Any:
            for layer in made[1:-1]:
                z = ad.tanh(ad.linear(z, layer["weight"], layer["bias"]))
            return ad.linear(z, made[-1]["weight"], made[-1]["bias"])

        _, pullback = ad.vjp(rest, x)
        rows = [pullback(row[None, :])[0] for row in np.eye(6)]
        expansion = max(expansion, float(np.linalg.norm(np.asarray(rows), 2)))
        tall = made[2]["weight"]
        z = stream.normal((10,))
        ratio = np.linalg.norm(tall @ z) / np.linalg.norm(z)
        isometry = max(isometry, abs(float(ratio) - 1.0))
    frobenius = max(
        abs(np.linalg.norm(layer["weight"]) ** 2 - min(layer["weight"].shape)) for layer in made[1:]
    )
    radius = 0.3
    circle = CCoLAud(step_size=0.3, temperature=0.1, radii=(radius,), outside="clip")
    state = circle.init(params, rng.child("v"))
    excess = -math.inf
    for k in range(20):
        state, _ = circle.step(
            state, lambda p, batch: ad.sum(ad.sin(p[0]["weight"])), None, rng.child("c", k)
        )
    for layer in state.params:
        w = layer["weight"]
        excess = max(excess, float(np.max(np.abs(w))) - radius)
        bound = radius * math.sqrt(w.size)
        excess = max(excess, float(np.linalg.norm(w, 2)) - bound, float(np.linalg.norm(w)) - bound)
    return {
        "expansion": expansion,
        "isometry": float(isometry),
        "frobenius": float(frobenius),
        "circle_excess": excess,
    }


_PARTS = {
    "circle": _circle,
    "law": _exchange,
    "rest": lambda config, rng: (
        _drifts(rng)
        | _equal_forms(rng)
        | _free(rng)
        | _circle_steps(rng)
        | _weight_decay(rng)
        | _limits(rng)
    ),
}


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": part} for part in _PARTS]


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    return _PARTS[part](config, rng)


EXPERIMENT = Experiment(
    name="constrained_identities",
    summary="Invariants and equal forms of the constrained steps, to rounding",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
