"""The gradient through the inner loop: by recursion, by the tape, by differences; and its parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend
from refimpl.datasets import Batch, Episode
from refimpl.experiments.base import Experiment, merge
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout import curvature, inner
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.experiments.instances import QuadraticTasks
from refimpl.papers.gradient_dropout.hessian_first import pull_back_hessian_first
from refimpl.papers.gradient_dropout.maml import MAML
from refimpl.random import Rng

TASKS = 4


@dataclass(frozen=True)
class Config:
    """Random problems of each kind."""

    problems: int = 5
    meta_steps: int = 20

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(problems=25)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": part} for part in _PARTS]


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    return _PARTS[part](config, backend, rng)


def network(backend: Backend, rng: Rng, activation: str, loss: str) -> tuple[Any, Any, Episode]:
    """An objective, parameters and an episode of random points."""
    classes = 3 if loss == "softmax_cross_entropy" else 2
    model = MLP((3, 6, 5, classes), activation=activation)
    params = model.init(rng.child("init"), bias_scale=1.0, backend=backend)
    parts = []
    for name, points in (("support", 5), ("query", 7)):
        stream = rng.child(name)
        inputs = backend.asarray(stream.normal((TASKS, points, 3)))
        if loss == "softmax_cross_entropy":
            targets = stream.child("labels").integers(0, classes, (TASKS, points))
        else:
            targets = stream.child("targets").normal((TASKS, points, classes))
        parts.append(Batch(inputs, backend.asarray(targets)))
    return Objective(model, loss), params, Episode(*parts)


def quadratic(backend: Backend, rng: Rng, dimension: int = 8) -> tuple[Any, Array, Episode]:
    """Quadratic tasks with random symmetric Hessians, not all of them positive."""
    parts = []
    for name in ("support", "query"):
        root = rng.child(name).normal((TASKS, dimension, dimension))
        center = rng.child(name, "center").normal((TASKS, dimension))
        hessian = 0.5 * (root + root.swapaxes(1, 2))
        parts.append(Batch(backend.asarray(hessian), backend.asarray(center)))
    return (
        QuadraticTasks(),
        backend.asarray(rng.child("start").normal((dimension,))),
        Episode(*parts),
    )


def draw_noise(params: Any, steps: int, rng: Rng, rate: float = 0.5) -> list[Any]:
    """Gaussian noise for every inner step, as a stack of tasks."""
    dropout = GradientDropout(rate=rate, noise="gaussian")
    stacked = inner.spread(params, TASKS)
    return [dropout.multipliers(stacked, 0, rng.child(k)) for k in range(steps)]


def unrolled(algorithm: MAML, objective: Any, episode: Episode, noise: list[Any]) -> Any:
    """The meta-loss as a plain function of θ, with the inner loop inside, for the tape."""

    def meta_loss(params: Any) -> Array:
        total = 0.0
        for task in range(TASKS):
            point, support, query = params, *(_one(part, task) for part in episode[:2])
            for k in range(algorithm.inner_steps):
                slope = alone(objective, support)(point)
                n = ad.map_tree(lambda leaf, t=task: leaf[t, ...], noise[k])
                rate = algorithm.inner_rate
                point = ad.map_tree(lambda p, m, g, a=rate: p - a * (m * g), point, n, slope)
            total = total + ad.sum(objective.each(_stack(point), query))
        return total

    return meta_loss


def alone(objective: Any, batch: Batch) -> Any:
    """The gradient of one task's loss, a function of the parameters without a leading axis."""
    return ad.grad(lambda params: ad.sum(objective.each(_stack(params), batch)))


def together(objective: Any, batch: Batch) -> Any:
    """The gradients of all tasks' losses, a function of stacked parameters."""
    return ad.grad(lambda params: ad.sum(objective.each(params, batch)))


def _stack(params: Any) -> Any:
    return ad.map_tree(lambda leaf: ad.expand_dims(leaf, 0), params)


def _one(batch: Batch, task: int) -> Batch:
    return Batch(batch.inputs[task : task + 1, ...], batch.targets[task : task + 1, ...])


def gap(left: Any, right: Any) -> float:
    """‖left − right‖ / ‖right‖ of two trees."""
    difference = ad.map_tree(lambda a, b: a - b, left, right)
    return float(ad.norm_tree(difference) / ad.norm_tree(right))


def _directional(function: Any, params: Any, shift: Any, step: float) -> float:
    """Central difference of order six along a direction."""

    def at(size: float) -> float:
        return float(function(ad.map_tree(lambda p, s: p + size * s, params, shift)))

    weights = ((1, 45.0), (2, -9.0), (3, 1.0))
    return sum(w * (at(m * step) - at(-m * step)) for m, w in weights) / (60.0 * step)


def _second_order(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Against the tape through the whole loop, and against differences of the meta-loss."""
    tape, differences, order = [], [], []
    for index in range(config.problems):
        stream = rng.child(index)
        for kind in ("quadratic", "tanh", "relu"):
            if kind == "quadratic":
                objective, params, episode = quadratic(backend, stream.child(kind))
            else:
                loss = "softmax_cross_entropy" if index % 2 else "mean_squared_error"
                objective, params, episode = network(backend, stream.child(kind), kind, loss)
            algorithm = MAML(inner_rate=0.1, inner_steps=3)
            noise = draw_noise(params, 3, stream.child(kind, "noise"))
            found = algorithm.meta_gradient(params, objective, episode, noise=noise)
            meta_loss = unrolled(algorithm, objective, episode, noise)
            exact = ad.grad(meta_loss)(params)
            if kind == "quadratic":
                tape.append(gap(found.gradient, exact))
            wrong = pull_back_hessian_first(algorithm, found, objective, episode)
            order.append((gap(found.gradient, exact), gap(wrong, exact)))
            if kind != "relu":  # a difference must not step across a kink
                shift = ad.map_tree(
                    lambda p, s=stream: s.child("shift").normal(p.shape, like=p), params
                )
                slope = _directional(meta_loss, params, shift, 1e-3)
                value = float(ad.dot(found.gradient, shift))
                size = float(ad.norm_tree(found.gradient) * ad.norm_tree(shift))
                differences.append(abs(slope - value) / size)
    order_errors = np.array(order)
    return {
        "tape_error": np.array(tape),
        "difference_error": np.array(differences),
        "noise_first_error": order_errors[:, 0],
        "hessian_first_error": order_errors[:, 1],
    }


def _first_order(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """∇L_Q at the adapted parameters, found by descending again, task by task."""
    errors, difference = [], []
    for index in range(config.problems):
        stream = rng.child(index)
        objective, params, episode = network(backend, stream, "relu", "mean_squared_error")
        algorithm = MAML(inner_rate=0.1, inner_steps=3, order="first")
        noise = draw_noise(params, 3, stream.child("noise"))
        found = algorithm.meta_gradient(params, objective, episode, noise=noise).gradient
        total = None
        for task in range(TASKS):
            point, support, query = params, *(_one(part, task) for part in episode[:2])
            for k in range(3):
                slope = alone(objective, support)(point)
                point = ad.map_tree(
                    lambda p, n, g, t=task: p - 0.1 * (n[t, ...] * g), point, noise[k], slope
                )
            part = alone(objective, query)(point)
            total = part if total is None else ad.map_tree(lambda a, b: a + b, total, part)
        errors.append(gap(found, total))
        exact = replace(algorithm, order="second")
        second = exact.meta_gradient(params, objective, episode, noise=noise).gradient
        difference.append(gap(found, second))
    return {"first_order_error": np.array(errors), "first_against_second": np.array(difference)}


def _reduction(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """The gradient of the sum over the meta-batch as a multiple of that of the mean."""
    objective, params, episode = network(backend, rng, "relu", "softmax_cross_entropy")
    total = MAML().meta_gradient(params, objective, episode).gradient
    mean = MAML(task_reduction="mean").meta_gradient(params, objective, episode).gradient
    scaled = ad.map_tree(lambda leaf: TASKS * leaf, mean)
    return {
        "sum_error": gap(total, scaled),
        "sum_ratio": float(ad.norm_tree(total) / ad.norm_tree(mean)),
        "meta_batch": TASKS,
    }


def _no_noise(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Largest difference of the parameters from MAML's after meta-steps with p = 0."""
    objective, params, episode = network(backend, rng, "relu", "softmax_cross_entropy")
    results = []
    settings: tuple[tuple[Any, ...], ...] = (
        (),
        (GradientDropout(rate=0.0),),
        (GradientDropout(rate=0.0, noise="gaussian"),),
        (GradientDropout(rate=0.1),),
    )
    for wrappers in settings:
        algorithm = MAML(wrappers=wrappers, learning_rate=0.01)
        state = algorithm.init(params)
        for step in range(config.meta_steps):
            state, _ = algorithm.step(state, objective, episode, rng.child("step", step))
        results.append(ad.ravel(state.params)[0])
    gaps = [float(backend.xp.max(backend.xp.abs(r - results[0]))) for r in results[1:]]
    return {"no_noise_gap": np.array(gaps[:2]), "some_noise_gap": gaps[2]}


def _product(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """H v of ReLU networks against central differences of the gradient, away from kinks."""
    errors, steps = [], []
    for index in range(config.problems):
        for loss in ("softmax_cross_entropy", "mean_squared_error"):
            stream = rng.child(index, loss)
            objective, params, episode = network(backend, stream, "relu", loss)
            stacked = inner.spread(params, TASKS)
            shift = ad.map_tree(
                lambda leaf, s=stream: s.child("shift").normal(leaf.shape, like=leaf), stacked
            )
            batch = episode.support
            product = curvature.gradient_and_product(objective, stacked, batch)[2]
            step = _smooth_step(objective, stacked, shift, batch)
            ends = []
            for sign in (1.0, -1.0):
                point = ad.map_tree(lambda p, s, h=sign * step: p + h * s, stacked, shift)
                ends.append(together(objective, batch)(point))
            slope = ad.map_tree(lambda a, b, h=step: (a - b) / (2.0 * h), *ends)
            errors.append(gap(product(shift), slope))
            steps.append(step)
    return {"product_error": np.array(errors), "product_steps": np.array(steps)}


def _smooth_step(objective: Any, params: Any, shift: Any, batch: Any) -> float:
    """A step of a difference, at most 1e-5, within which no gate changes."""
    step = 1e-5

    def gates(size: float) -> list[Any]:
        moved = ad.map_tree(lambda p, s: p + size * s, params, shift)
        return [signal > 0 for signal in objective.model.layers(moved, batch.inputs)[:-1]]

    while step > 1e-8:
        ends = zip(gates(2.0 * step), gates(0.0), gates(-2.0 * step), strict=True)
        if all(bool((a == b).all()) and bool((b == c).all()) for a, b, c in ends):
            return step
        step /= 2.0
    return step


_PARTS = {
    "second_order": _second_order,
    "first_order": _first_order,
    "reduction": _reduction,
    "no_noise": _no_noise,
    "product": _product,
}

EXPERIMENT = Experiment(
    "gradient_dropout_gradients",
    Config,
    run_task,
    tasks=tasks,
    collect=merge,
    summary="Meta-gradients by recursion, tape and differences; Hessian-vector products",
)
