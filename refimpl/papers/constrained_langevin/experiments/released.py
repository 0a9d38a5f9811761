"""What the released optimizers do: their faults one at a time, and on digits, against the methods.

Every fault is a switch of the released classes; where one is measured, the others are off. The
digits runs use all of them together, as released.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.errors import InfeasibleError
from refimpl.experiments.base import Experiment, merge
from refimpl.models import MLP, Objective
from refimpl.papers.constrained_langevin.c_cola_released import (
    ReleasedCCoLAud,
    kick,
    raw_momenta,
)
from refimpl.papers.constrained_langevin.c_cola_stale import StaleCCoLAud
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_released import (
    ReleasedOCoLAud,
    released_learning_rates,
)
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.random import Rng

CHECKPOINTS = (1, 10, 100, 1000, 2000)
RATES = (0.1, 0.05, 0.025, 0.0125, 0.00625)
STALE_STEPS = (0.1, 0.2, 0.4)


@dataclass(frozen=True)
class Config:
    """Steps and numbers of weights."""

    collapse_weights: int = 500
    collapse_steps: int = 10_000
    digits_steps: int = 2_000
    orthogonal_steps: int = 300
    stale_weights: int = 4_000
    stale_time: float = 12.0

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            collapse_weights=2_000,
            digits_steps=10_000,
            orthogonal_steps=10_000,
            stale_weights=20_000,
            stale_time=20.0,
        )


def _no_loss(params: Any, batch: Any) -> Any:
    return 0.0 * params[0][0, 0]


def _largest(values: Any) -> float:
    return float(np.max(np.abs(values)))


def _collapse(config: Config, rng: Rng) -> dict[str, Any]:
    """The circle drift as released: its determinant, its first loss, and where radii end."""
    r, h, tau = 0.1, 0.3, 1e-4
    algorithm = ReleasedCCoLAud(
        step_size=h,
        friction=1.0,
        temperature=tau,
        radii=(r,),
        xi_after_theta=True,
        stale_gradient=False,
        raw_start=False,
        unchecked_slack=False,
    )

    # The map of (θ, ξ) at a fixed angle a has unit shear times cos² a: by finite differences.
    errors = []
    for k in range(5):
        a = float(rng.child("angle", k).uniform((), 0.1, 1.2))
        columns = []
        for unit in (np.asarray([1.0, 0.0]), np.asarray([0.0, 1.0])):
            turned = unit[0] * math.cos(a) + unit[1] * math.sin(a)
            columns.append([turned, unit[1] * math.cos(a) - turned * math.sin(a)])
        theta, xi = np.asarray([[0.03]]), np.asarray([[0.08]])
        omega = a / (0.5 * h)
        moved = algorithm._drift(theta, xi, omega * xi, -omega * theta, math.hypot(0.03, 0.08))
        exact = np.asarray(columns).T @ np.asarray([0.03, 0.08])
        errors.append(
            _largest([float(moved[0][0, 0]) - exact[0], float(moved[1][0, 0]) - exact[1]])
        )
        errors.append(abs(float(np.linalg.det(np.asarray(columns))) - math.cos(a) ** 2))

    angles = rng.child("phi").uniform((1, 200_000), -math.pi / 2, math.pi / 2)
    state = algorithm.init([r * np.sin(angles)], rng.child("v"))
    state, _ = algorithm.step(state, _no_loss, None, rng.child("first"))
    square = (state.params[0] ** 2 + state.slack[0] ** 2) / r**2
    first_loss = 1.0 - float(np.mean(square))

    marks = np.unique(np.geomspace(1, config.collapse_steps, 60).astype(int))
    angles = rng.child("few").uniform((1, config.collapse_weights), -math.pi / 2, math.pi / 2)
    right = CCoLAud(step_size=h, friction=1.0, temperature=tau, radii=(r,))
    state = algorithm.init([r * np.sin(angles)], rng.child("w"))
    exact = right.init([r * np.sin(angles)], rng.child("w"))
    means, heat, correct = [], [], 0.0
    for step in range(1, config.collapse_steps + 1):
        state, _ = algorithm.step(state, _no_loss, None, rng.child("collapse", step))
        if step <= 1000:
            exact, info = right.step(exact, _no_loss, None, rng.child("exact", step))
            correct = max(correct, float(info.residual))
        if step in marks:
            radius = np.sqrt(state.params[0] ** 2 + state.slack[0] ** 2) / r
            means.append(float(np.mean(radius)))
            speed = state.momentum[0] ** 2 + state.slack_momentum[0] ** 2
            heat.append(float(np.mean(speed)) / tau)
    return {
        "determinant_error": max(errors),
        "first_loss": first_loss,
        "collapse_step": marks,
        "collapse_radius": means,
        "collapse_heat": heat,
        "corrected_residual": correct,
    }


def _stale(config: Config, rng: Rng) -> dict[str, Any]:
    """Stale against fresh gradient at r = τ = γ = 1: bias of E θ² and kinetic temperature for
    V = 2 θ², and of E θ for V = θ, whose gradient is the same everywhere and cannot be stale."""
    phi = np.linspace(-math.pi, math.pi, 4001)[:-1]
    weight = np.exp(-2.0 * np.sin(phi) ** 2)
    square = float(np.sum(np.sin(phi) ** 2 * weight) / np.sum(weight))

    def curved(params: Any, batch: Any) -> Any:
        return 2.0 * ad.sum(params[0] * params[0])

    def linear(params: Any, batch: Any) -> Any:
        return ad.sum(params[0])

    def chains(old: bool, h: float, loss: Any, power: int) -> tuple[float, float, float]:
        options: dict[str, Any] = {"step_size": h, "friction": 1.0, "temperature": 1.0}
        algorithm: Any
        if old:
            algorithm = StaleCCoLAud(**options)
        else:
            algorithm = CCoLAud(**options, splitting="AOAB", diagnostics=False)
        angles = rng.child("angles").uniform((1, config.stale_weights), -1.5, 1.5)
        state = algorithm.init([np.sin(angles)], rng.child("speeds"))
        burn, steps = math.ceil(6.0 / h), math.ceil(config.stale_time / h)
        position, heat = np.zeros(config.stale_weights), 0.0
        for k in range(burn + steps):
            state, _ = algorithm.step(state, loss, None, rng.child("stale", k))
            if k >= burn:
                position += state.params[0][0] ** power / steps
                heat += float(np.mean(state.momentum[0] ** 2)) / steps
        spread = float(np.std(position)) / math.sqrt(config.stale_weights)
        return float(np.mean(position)), heat, spread

    stale = np.asarray([chains(True, h, curved, 2) for h in STALE_STEPS])
    fresh = np.asarray([chains(False, h, curved, 2) for h in STALE_STEPS])
    flat = chains(True, STALE_STEPS[-1], linear, 1)
    return {
        "stale_bias": stale[:, 0] - square,
        "stale_heat": stale[:, 1],
        "fresh_bias": fresh[:, 0] - square,
        "fresh_heat": fresh[:, 1],
        "stale_error": np.stack([stale[:, 2], fresh[:, 2]]),
        "linear_bias": flat[0] + 0.4463899658965,
        "linear_error": flat[2],
    }


def _wide(rng: Rng) -> dict[str, Any]:
    """The last projection with the old normal, and the reshaped start, on wide weights."""
    off, fixed = [], 0.0
    w = np.linalg.qr(rng.child("w").normal((7, 4)))[0].T.copy()
    slope = rng.child("g").normal((4, 7))

    def linear(params: Any, batch: Any) -> Any:
        return ad.sum(slope * params[0])

    for rate in RATES:
        for stale in (True, False):
            algorithm = ReleasedOCoLAud(
                learning_rate=rate,
                momentum=0.9,
                temperature=0.0,
                free_first=False,
                stale_normal=stale,
                reshaped_start=False,
                fixed_iterations=False,
                unscaled_noise=False,
            )
            state = algorithm.init([w])
            for _ in range(2):
                state, info = algorithm.step(state, linear, None)
            if stale:
                off.append(float(info.tangency))
            else:
                fixed = max(fixed, float(info.tangency))

    starts, healed = [], []
    for shape in ((64, 576), (16, 64), (10, 512)):
        algorithm = ReleasedOCoLAud(
            learning_rate=0.1,
            momentum=0.9,
            temperature=0.0,
            free_first=False,
            stale_normal=False,
            reshaped_start=True,
            fixed_iterations=True,
            unscaled_noise=False,
        )
        draw = rng.child("start", shape[0]).uniform(shape, -1.0, 1.0) / math.sqrt(shape[1])
        state = algorithm.init([draw])
        norms = [np.linalg.norm(state.params[0] @ state.params[0].T - np.eye(shape[0]), 2)]
        slope = 0.1 * rng.child("slope", shape[0]).normal(shape) / math.sqrt(shape[1])

        def pull(params: Any, batch: Any, slope: np.ndarray = slope) -> Any:
            return ad.sum(slope * params[0])

        for _ in range(2):
            state, _ = algorithm.step(state, pull, None)
            q = state.params[0]
            norms.append(np.linalg.norm(q @ q.T - np.eye(shape[0]), 2))
        starts.append(norms[0])
        healed.append(norms[1:])
    return {
        "off_tangent": off,
        "off_tangent_fixed": fixed,
        "reshaped": starts,
        "healed": np.asarray(healed),
    }


def _start(rng: Rng) -> dict[str, float]:
    """The first momenta, as released and as derived: how far off the tangent space the formulas of
    the step put them, and whether the first step turns the angles as they say.

    Without noise that step turns an angle by (1 + c) h/2 times the angular velocity that it starts
    with; on the way the drift takes the normal part off, so that it is seen in the formulas alone.
    """
    radius, h = 0.2, 0.3
    theta = [0.9 * radius * rng.child("start").uniform((2, 2), -1.0, 1.0)]

    def quadratic(params: Any, batch: Any) -> Any:
        return ad.sum((params[0] - 0.3) ** 2)

    values = {}
    for name, raw in (("raw_start", True), ("tangent_start", False)):
        algorithm = ReleasedCCoLAud(
            step_size=h,
            friction=1.0,
            temperature=0.0,
            radii=(radius,),
            xi_after_theta=False,
            stale_gradient=False,
            raw_start=raw,
            unchecked_slack=False,
        )
        state = algorithm.init(theta)
        g = ad.grad(lambda p: quadratic([p], None))(theta[0])
        xi = state.slack[0]
        p, s = (raw_momenta(theta[0], xi, g, radius)) if raw else (0.0 * g, 0.0 * g)
        p, s = kick(theta[0], xi, p, s, g, radius, 0.5 * h)
        values[name] = _largest(theta[0] * p + xi * s) / radius
        moved, _ = algorithm.step(state, quadratic, None)
        turns = np.arctan2(moved.params[0], moved.slack[0]) - np.arctan2(theta[0], xi)
        turns /= 0.5 * h * (1.0 + math.exp(-h))
        by_hand = [
            _first_velocity(t, radius, 2.0 * (t - 0.3), h, raw) for t in theta[0].ravel().tolist()
        ]
        values[name.replace("start", "turn")] = _largest(turns.ravel() - by_hand)
    return values


def _first_velocity(theta: float, radius: float, slope: float, h: float, raw: bool) -> float:
    """Angular velocity of one weight after the first half kick: (ξ p − θ s)/r², from equations."""
    xi = math.sqrt(radius**2 - theta**2)
    omega = -0.5 * h * slope * xi / radius**2
    if raw:
        p = slope - theta * (theta + xi) * slope / radius**2
        s = slope - xi * (theta * p + xi * slope) / radius**2
        omega += (xi * p - theta * s) / radius**2
    return omega


def _rates(backend: Backend) -> dict[str, np.ndarray]:
    """How far each epoch's step of the released optimizer moves a free weight of slope 1, in three
    runs one after the other, as released and with the warm-up reset."""
    found = {}
    for name, carried_over in (("rates", True), ("reset", False)):
        found[name] = np.empty((3, 51))
        for run in (1, 2, 3):
            rates = released_learning_rates(run, 51, carried_over=carried_over)
            for epoch, rate in enumerate(rates):
                algorithm = ReleasedOCoLAud(learning_rate=rate, momentum=0.0, free_first=False)
                state = algorithm.init([backend.zeros((2,)), backend.asarray(np.eye(2))])
                state, _ = algorithm.step(state, lambda p, b: ad.sum(p[0]), None)
                found[name][run - 1, epoch] = -float(state.params[0][0])
    return found


def _digits(config: Config, backend: Backend, rng: Rng, temperature: float) -> dict[str, Any]:
    """Constraint residuals of a network on digits, step by step, as released and as derived."""
    split = datasets.load("digits", rng=rng.child("data"), backend=backend)
    model = MLP((64, 100, 10))
    objective = Objective(model)
    drawn = model.init(rng.child("init"), "torch_default", bias_scale=1.0, backend=backend)
    radii = (0.05, 0.1)
    feasible = [  # the same law, shrunk into the circles
        {**layer, "weight": layer["weight"] * min(1.0, r * math.sqrt(layer["weight"].shape[1]))}
        for layer, r in zip(drawn, radii, strict=True)
    ]
    label = "cold" if temperature == 0.0 else "warm"
    runs = {
        "circle_released": (
            ReleasedCCoLAud(step_size=0.3, friction=1.0, temperature=temperature, radii=radii),
            feasible,
        ),
        "circle": (
            CCoLAud(step_size=0.3, friction=1.0, temperature=temperature, radii=radii),
            feasible,
        ),
    }
    if temperature == 0.0:
        deep = MLP((64, 32, 32, 10))
        other = deep.init(rng.child("deep"), "torch_default", bias_scale=1.0, backend=backend)
        runs["orthogonal_released"] = (ReleasedOCoLAud(learning_rate=0.1, momentum=0.9), other)
        runs["orthogonal"] = (OCoLAud(step_size=math.sqrt(0.1), friction=0.3332), other)
        deep_objective = Objective(deep)
    traces = {}
    size = len(split.train)
    for name, (algorithm, params) in runs.items():
        state: Any = algorithm.init(params)  # type: ignore[attr-defined]
        loss = deep_objective if "orthogonal" in name else objective
        deeper = name.startswith("orthogonal")
        trace = np.zeros(config.orthogonal_steps if deeper else config.digits_steps)
        for step in range(len(trace)):
            chosen = rng.child("batch", step).integers(0, size, (128,))
            batch = split.train.batch(chosen)
            state, info = algorithm.step(  # type: ignore[attr-defined]
                state, loss, batch, rng.child("noise", step)
            )
            trace[step] = float(info.residual)
        traces[f"{name}_{label}"] = trace
    if temperature == 0.0:
        unchecked = ReleasedCCoLAud(step_size=0.3, friction=1.0, temperature=0.0, radii=radii).init(
            drawn
        )
        traces["infeasible_error"] = np.asarray(
            max(
                _largest((state["weight"] ** 2 + slack["weight"] ** 2) / r**2 - 1.0)
                for state, slack, r in zip(unchecked.params, unchecked.slack, radii, strict=True)
            )
        )
        try:
            CCoLAud(step_size=0.3, friction=1.0, temperature=0.0, radii=radii).init(drawn)
            refused = 0.0
        except InfeasibleError:
            refused = 1.0
        traces["infeasible_refused"] = np.asarray(refused)
    return traces


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": part} for part in ("collapse", "stale", "digits_cold", "digits_warm", "exact")]


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    if part == "collapse":
        return _collapse(config, rng)
    if part == "stale":
        return _stale(config, rng)
    if part == "digits_cold":
        return _digits(config, backend, rng, 0.0)
    if part == "digits_warm":
        return _digits(config, backend, rng, 1e-4)
    return {**_wide(rng), **_start(rng), **_rates(backend)}


EXPERIMENT = Experiment(
    name="constrained_released",
    summary="Faults of the released constrained optimisers, one by one and on digits",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
