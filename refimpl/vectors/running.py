"""A method on a problem: its state and diagnostics after 1, 2, 5 and 20 steps, and its draws.

>>> from refimpl.algorithms.sgld import SGLD
>>> from refimpl.vectors.problems import quadratic
>>> log = Draws()
>>> outputs = run(SGLD(temperature=0.1), quadratic(), log.stream)
>>> [output["step"] for output in outputs], len(log.given[0])
([1, 2, 5, 20], 4)
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import array_api_compat

from refimpl import autodiff as ad
from refimpl.algorithms.composed_gradient import penalty_gradient
from refimpl.arrays import Array, backend_of, namespace
from refimpl.random import Replay, Rng
from refimpl.variants import Problem
from refimpl.vectors.encoding import decode, distance, encode
from refimpl.vectors.problems import coarse

STEPS = (1, 2, 5, 20)
INIT = -1
"""The stream that serves the start of a method."""

PERIOD = 2
"""The draws of step k are those of step k modulo this, where it asks for the same."""


class Recorder(Rng):
    """A stream whose draws are on the grid of the given numbers, and written down.

    Parameters
    ----------
    seed : int
    path : tuple of str or int
    log : list
        Of what is drawn, in order.
    """

    def __init__(self, seed: int, path: tuple[str | int, ...], log: list[Any]) -> None:
        super().__init__(seed, path)
        self.log = log

    def child(self, *names: str | int) -> Recorder:
        return Recorder(self.seed, self.path + names, self.log)

    def _keep(self, kind: str, draws: Any, like: Array | None = None) -> Any:
        self.log.append({"kind": kind, "values": draws})
        return draws if like is None else backend_of(like).asarray(draws)

    def normal(self, shape: Any = (), like: Array | None = None) -> Array:
        return self._keep("normal", _array(coarse(super().normal(shape))), like)

    def uniform(
        self, shape: Any = (), low: float = 0.0, high: float = 1.0, like: Array | None = None
    ) -> Array:
        draws = _array(super().uniform(shape))
        share = (namespace(draws).floor(64.0 * draws) + 0.5) / 64.0
        return self._keep("uniform", _array(low + (high - low) * share), like)

    def rademacher(self, shape: Any = (), like: Array | None = None) -> Array:
        return self._keep("rademacher", _array(super().rademacher(shape)), like)

    def permutation(self, n: int) -> Any:
        return self._keep("permutation", super().permutation(n))

    def integers(self, low: int, high: int, shape: Any = ()) -> Any:
        return self._keep("integers", super().integers(low, high, shape))

    def choice(self, n: int, size: int, replace: bool = False) -> Any:
        return self._keep("choice", super().choice(n, size, replace))


def _array(draws: Any) -> Any:
    """A 0-d draw as an array of its own."""
    return namespace(draws).asarray(draws)


class Draws:
    """The draws of every step: recorded, or given and played back.

    Parameters
    ----------
    given : mapping of step to list, optional
        As :attr:`given` of a recorded one.
    """

    def __init__(self, given: Mapping[int, list[Any]] | None = None) -> None:
        self.recording = given is None
        self.given: dict[int, list[Any]] = dict(given or {})
        self.asked = 0  # how many streams were handed out

    def stream(self, step: int) -> Any:
        """The stream of a step, or of the start."""
        self.asked += 1
        source = step if step == INIT else step % PERIOD
        if not self.recording:
            given = self.given.get(step, self.given.get(source, []))
            return Replay([draw["values"] for draw in given])
        return Recorder(2, ("step", source), self.given.setdefault(step, []))

    def record(self) -> list[Any]:
        """As JSON: ``{"step", "draws"}`` for each step whose draws the period does not give."""
        found = []
        for step, draws in sorted(self.given.items()):
            written = encode(draws)
            if step < PERIOD and not draws:
                continue
            if step < PERIOD or written != encode(self.given[step % PERIOD]):
                found.append({"step": step, "draws": written})
        return found

    @classmethod
    def of_record(cls, record: Sequence[Any]) -> Draws:
        """Those of a file."""
        return cls({item["step"]: decode(item["draws"]) for item in record})


def begun(made: Any, problem: Problem, stream: Callable[[int], Any]) -> Any:
    """The state before the first step, with whatever the method asks for."""
    offered = {"objective": problem.objective, "rng": stream(INIT), **problem.extra}
    known = inspect.signature(made.init).parameters
    wanted = set(getattr(made, "requires", ())) | known.keys()
    return made.init(
        problem.params, **{name: value for name, value in offered.items() if name in wanted}
    )


def run(
    made: Any, problem: Problem, stream: Callable[[int], Any], steps: Sequence[int] = STEPS
) -> list[dict[str, Any]]:
    """What the method has arrived at after each of these numbers of steps.

    Parameters
    ----------
    made : Algorithm
    problem : Problem
    stream : callable
        The randomness of step k, from 0 on.
    steps : sequence of int

    Returns
    -------
    list of dict
        ``step``, ``params``, ``memory`` (the rest of the state) and ``diagnostics`` of the step.
    """
    state = begun(made, problem, stream)
    found = []
    for number in range(max(steps)):
        batch = problem.batches[number % len(problem.batches)]
        state, info = made.step(state, problem.objective, batch, stream(number))
        if number + 1 in steps:
            found.append(
                {
                    "step": number + 1,
                    "params": state.params,
                    "memory": memory_of(state),
                    "diagnostics": scalars(info),
                }
            )
    return found


def memory_of(state: Any) -> dict[str, Any]:
    """The floating arrays of a state besides the parameters, by the names of its fields."""
    kept = {}
    for name, part in state._asdict().items():
        leaves = [leaf for leaf in ad.flatten(part)[0] if _floating(leaf)]
        if name not in ("params", "step") and leaves:
            kept[name] = leaves
    return kept


def _floating(leaf: Any) -> bool:
    if not array_api_compat.is_array_api_obj(leaf):
        return isinstance(leaf, float)
    return bool(namespace(leaf).isdtype(leaf.dtype, "real floating"))


def scalars(info: Any) -> dict[str, Any]:
    """The numbers of an info; those of its ``diagnostics`` stand beside the others."""
    flat = dict(info._asdict())
    flat.update(flat.pop("diagnostics", {}))
    found: dict[str, Any] = {}
    for name, value in flat.items():
        if isinstance(value, (bool, int)):
            found[name] = int(value)
        elif hasattr(value, "shape") and tuple(value.shape) == ():
            found[name] = float(value)
        elif isinstance(value, float):
            found[name] = value
    return found


def penalty_at(part: Any, problem: Problem, rng: Callable[[], Any], along: Any) -> dict[str, Any]:
    """Value, gradient and Hessian product of a penalty at the parameters of the problem.

    Parameters
    ----------
    part : penalty
    problem : Problem
    rng : callable
        A new stream with the same draws each time.
    along : tree
        Direction of the Hessian product.
    """
    params, batch, objective = problem.params, problem.batches[0], problem.objective
    known = inspect.signature(part.init).parameters
    aux = part.init(params, **({"objective": objective} if "objective" in known else {}))
    value, gradient, _ = penalty_gradient(part, params, batch, objective, aux, rng())
    found = {"value": float(value), "gradient": gradient}
    if gradient is None:
        return found
    if hasattr(part, "value"):

        def scalar(p: Any) -> Any:
            return part.value(p, batch, objective, aux, rng())[0]

        product, way = ad.hvp(scalar, params, along), "derivatives"
    else:

        def slope(p: Any) -> Any:
            return penalty_gradient(part, p, batch, objective, aux, rng())[1]

        product, way = _difference(slope, params, along), "differences"
    return {**found, "direction": along, "hessian_product": product, "hessian_by": way}


def _difference(slope: Callable[[Any], Any], params: Any, along: Any) -> Any:
    """The derivative of a gradient along a direction, by differences extrapolated twice."""

    def central(step: float) -> Any:
        ends = [
            slope(ad.map_tree(lambda p, d, s=sign: p + s * step * d, params, along))
            for sign in (1.0, -1.0)
        ]
        return ad.map_tree(lambda up, down: (up - down) / (2.0 * step), *ends)

    def better(coarse_: Any, fine: Any, factor: float) -> Any:
        return ad.map_tree(lambda c, f: (factor * f - c) / (factor - 1.0), coarse_, fine)

    values = [central(2.0**-power) for power in (8, 9, 10)]
    first, second = better(values[0], values[1], 4.0), better(values[1], values[2], 4.0)
    return better(first, second, 16.0)


def perturbed(problem: Problem) -> Problem:
    """The problem with every parameter changed by a relative 2⁻⁵⁰, up or down by turns."""
    count = 0

    def moved(leaf: Array) -> Array:
        nonlocal count
        xp = namespace(leaf)
        places = xp.reshape(xp.arange(count, count + math.prod(leaf.shape)), tuple(leaf.shape))
        count += math.prod(leaf.shape)
        signs = xp.where(places % 2 == 0, 1.0, -1.0)
        return leaf * (1.0 + signs * 2.0**-50)

    params = ad.map_tree(moved, problem.params)
    return Problem(problem.statement, problem.objective, params, problem.batches, problem.extra)


def tolerances(
    plain: Sequence[Mapping[str, Any]], moved: Sequence[Mapping[str, Any]]
) -> list[float]:
    """How far a right implementation may be off, from what rounding of the start does.

    A hundred times the effect of a relative change by 2⁻⁵⁰, at least 1e-13, rounded up to a power
    of ten.
    """
    found = []
    for here, there in zip(plain, moved, strict=True):
        change = max(distance(there[key], here[key]) for key in ("params", "memory", "diagnostics"))
        found.append(10.0 ** math.ceil(math.log10(max(100.0 * change, 1e-13)) - 1e-9))
    return found


def recorded(outputs: Sequence[Mapping[str, Any]], allowed: Sequence[float]) -> list[Any]:
    """Outputs as JSON with their tolerances; the memory of the first one alone."""
    found = []
    for number, (output, tolerance) in enumerate(zip(outputs, allowed, strict=True)):
        kept = {key: value for key, value in output.items() if key != "memory" or number == 0}
        found.append({**encode(kept), "tolerance": encode(tolerance)})
    return found
