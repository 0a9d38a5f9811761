"""Which potential AMP's direction is the gradient of: error laws on networks and on quadratics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.papers.amp.amp import AMP
from refimpl.papers.amp.experiments.shared import gradients_of, vector
from refimpl.papers.amp.theory import penalty
from refimpl.random import Rng

_NEVER = 1e6  # a radius that clips nothing, and a rate that always does


@dataclass(frozen=True)
class Config:
    """Sizes of the perturbation, and how many networks."""

    networks: int = 6
    sizes: tuple[float, ...] = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
    curvature: tuple[float, ...] = (3.0, 1.0, 0.2)
    place: tuple[float, ...] = (0.3, -0.5, 0.8)
    rate: float = 0.05
    inner_steps: int = 3
    steps: int = 20

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(networks=40)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    place = make_backend(backend.name, "float64")
    return {"sizes": config.sizes, **_networks(config, place, rng), **_quadratic(config, place)}


def _networks(config: Config, place: Backend, rng: Rng) -> dict[str, Any]:
    """Errors against gradients of J + Ω, for Ω = ½ζ‖g‖², ζ‖g‖², Huber's; jumps at the edge."""
    model = MLP((4, 6, 3), activation="tanh")
    objective = Objective(model)
    names = ("clipped", "huber", "printed", "value")
    errors: dict[str, list[list[float]]] = {name: [] for name in names}
    jumps: dict[str, list[float]] = {"amp": [], "huber": [], "printed": []}
    for index in range(config.networks):
        stream = rng.child(index)
        batch = Batch(
            place.asarray(stream.normal((12, 4))), place.asarray(np.arange(12) % 3), np.arange(12)
        )
        params = model.init(stream.child("model"), bias_scale=1.0, backend=place)
        rows: dict[str, list[float]] = {name: [] for name in names}
        for size in config.sizes:
            clipped = gradients_of(_global(size, _NEVER), objective, params, batch)
            wanted = _penalized(objective, params, batch, penalty.huber, _NEVER, size)
            rows["clipped"].append(_distance(clipped.gradient, wanted))
            free = gradients_of(_global(_NEVER, size), objective, params, batch)
            for name, law in (("huber", penalty.huber), ("printed", penalty.printed)):
                wanted = _penalized(objective, params, batch, law, size, _NEVER)
                rows[name].append(_distance(free.gradient, wanted))
            values = free.diagnostics
            square = float(ad.norm_tree(ad.grad(objective)(params, batch))) ** 2
            rise = float(values["perturbed_loss"]) - float(values["unperturbed_loss"])
            rows["value"].append(abs(rise - size * square))
        for name in names:
            errors[name].append(rows[name])
        for name, jump in _jumps(objective, params, batch, 0.1).items():
            jumps[name].append(jump)
    found: dict[str, Any] = {f"{name}_error": values for name, values in errors.items()}
    return found | {f"{name}_jump": values for name, values in jumps.items()}


def _global(radius: float, rate: float) -> AMP:
    return AMP(radius=radius, ascent_rate=rate, norm="global")


def _penalized(
    objective: Any, params: Any, batch: Any, law: Any, rate: float, radius: float
) -> Any:
    """∇(J + Ω(‖∇J‖)), by differentiating twice."""

    def potential(p: Any) -> Any:
        slopes = ad.grad(objective)(p, batch)
        return objective(p, batch) + law(ad.sqrt(ad.dot(slopes, slopes)), rate, radius)

    return ad.grad(potential)(params)


def _jumps(objective: Any, params: Any, batch: Any, rate: float) -> dict[str, float]:
    """Jumps of the direction across ζ‖g‖ = ε in units of ‖ζHg‖."""
    slopes = ad.grad(objective)(params, batch)
    edge = rate * float(ad.norm_tree(slopes))
    unit = rate * vector(ad.hvp(lambda p: objective(p, batch), params, slopes))
    sides = [edge * (1.0 - 1e-12), edge * (1.0 + 1e-12)]
    amp = [vector(gradients_of(_global(e, rate), objective, params, batch).gradient) for e in sides]
    found = {"amp": amp[1] - amp[0]}
    for name, law in (("huber", penalty.huber), ("printed", penalty.printed)):
        ends = [vector(_penalized(objective, params, batch, law, rate, e)) for e in sides]
        found[name] = ends[1] - ends[0]
    found["printed"] = found["printed"] - unit
    size = float(np.linalg.norm(unit))
    return {name: float(np.linalg.norm(jump)) / size for name, jump in found.items()}


def _distance(left: Any, right: Any) -> float:
    return float(np.linalg.norm(vector(left) - vector(right)))


def _quadratic(config: Config, place: Backend) -> dict[str, Any]:
    """The recorded quadratic: one direction, N unclipped inner steps, and T steps of descent."""
    curvature = place.asarray(np.diag(config.curvature))
    start = {"w": place.asarray(list(config.place))}

    def objective(p: Any, batch: Any) -> Any:
        return 0.5 * ad.sum(p["w"] * ad.matmul(curvature, p["w"]))

    wrapper = _global(_NEVER, config.rate)
    found = {"direction": vector(gradients_of(wrapper, objective, start).gradient)}
    for name, law in (("huber", penalty.huber), ("printed", penalty.printed)):
        wanted = _penalized(objective, start, None, law, config.rate, _NEVER)
        found[f"{name}_direction"] = vector(wanted)
    several = AMP(
        radius=_NEVER, ascent_rate=config.rate, inner_steps=config.inner_steps, norm="global"
    )
    found["several_direction"] = vector(gradients_of(several, objective, start).gradient)
    found["several_law"] = vector(
        penalty.quadratic_direction(curvature, start["w"], config.rate, config.inner_steps)
    )
    algorithm = Composition(SGD(learning_rate=0.1), wrappers=(wrapper,))
    state = algorithm.init(start)
    for _ in range(config.steps):
        state, _ = algorithm.step(state, objective, None)
    found["iterate"] = vector(state.params)
    found["iterate_law"] = vector(
        penalty.quadratic_iterate(curvature, start["w"], 0.1, config.rate, config.steps)
    )
    return found


EXPERIMENT = Experiment(
    name="amp_direction",
    summary="AMP's direction against gradients of a loss with a penalty on its gradient",
    config=Config,
    run_task=run_task,
)
