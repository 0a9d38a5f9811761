"""How papers make their subjects: from an entry of their page, in a line or two.

>>> from types import SimpleNamespace
>>> from refimpl.algorithms.sgd import SGD
>>> entry = SimpleNamespace(name="sgd", factory=SGD, defaults={}, is_part=False, make=SGD)
>>> optimizer(entry).settings
{'learning_rate': 0.1}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.algorithms.composed_gradient import penalty_gradient
from refimpl.algorithms.updates import UpdateSettings
from refimpl.conformance import problem
from refimpl.conformance.optimizers import Reference, Spread
from refimpl.conformance.records import Case, Deviation, Subject, settings_of
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.random import Replay, Rng

STEP_CONTRACT = "step(params, state, gradient, noise) -> (params, state)"
_WEIGHT_CONTRACT = "f(weight) -> scalar; row = neuron"


def entry_settings(entry: Any, **defaults: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Defaults and types of the hyper-parameters of an entry, with those of its update."""
    given = {**entry.defaults, **defaults}
    values, hints = settings_of(entry.factory, **given)
    if entry.is_part:
        more, kinds = settings_of(UpdateSettings, **given)
        values, hints = {**values, **more}, {**hints, **kinds}
    return values, hints


def optimizer(
    entry: Any,
    *,
    start: Callable[..., problem.Leaves] | None = None,
    draws: Callable[..., list[tuple[int, ...]]] | None = None,
    spread: Callable[[Any], Spread] | None = None,
    repeats: Callable[[Mapping[str, Any]], int] | None = None,
    contract: str = STEP_CONTRACT,
    make: Callable[..., Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    **more: Any,
) -> Subject:
    """An algorithm, update or composed part, followed step by step.

    Parameters
    ----------
    entry : Entry
    start : callable, optional
        ``start(settings, rng)``: the parameters.
    draws : callable, optional
        ``draws(settings, params)``: shapes of the noise.
    spread : callable, optional
        ``spread(algorithm)``: see :class:`refimpl.conformance.optimizers.Reference`.
    repeats : callable, optional
        ``repeats(settings)``: draws in a step.
    contract : str
    make : callable, optional
        Default: the entry's.
    defaults : mapping, optional
        Over those of the entry.
    **more
        Fields of :class:`refimpl.conformance.records.Subject`.
    """
    values, hints = entry_settings(entry, **(defaults or {}))
    build = make or entry.make

    def reference(**settings: Any) -> Reference:
        algorithm = build(**settings)
        return Reference(algorithm, None if spread is None else spread(algorithm))

    def cases(settings: Mapping[str, Any], rng: Rng, steps: int = 20) -> list[Case]:
        def first(stream: Rng) -> problem.Leaves:
            return problem.plain_start(stream) if start is None else start(settings, stream)

        shapes = None if draws is None else (lambda params: draws(settings, params))
        times = 1 if repeats is None else repeats(settings)
        return [problem.descent(first, steps=steps, rng=rng, draws=shapes, repeats=times)]

    return Subject(
        **{
            "name": entry.name,
            "kind": "optimizer",
            "contract": contract,
            "make": reference,
            "cases": cases,
            "settings": values,
            "hints": hints,
            "common": "optimizer",
            **more,
        }
    )


def penalty(
    entry: Any,
    *,
    params: Callable[[Any], Tree] | None = None,
    draws: Callable[..., dict[str, np.ndarray]] | None = None,
    defaults: Mapping[str, Any] | None = None,
    contract: str = _WEIGHT_CONTRACT,
    **more: Any,
) -> Subject:
    """A penalty as a function of one weight matrix, and of the draws that it makes.

    Parameters
    ----------
    entry : Entry
    params : callable, optional
        The parameters that a weight stands for; default it alone.
    draws : callable, optional
        ``draws(settings, weight, rng)``: further arguments by name, which the reference gets in
        place of its draws.
    defaults : mapping, optional
        Over those of the entry.
    contract : str
    **more
        Fields of :class:`refimpl.conformance.records.Subject`.
    """
    values, hints = settings_of(entry.factory, **{**entry.defaults, **(defaults or {})})
    whole = params or (lambda weight: [weight])

    def reference(**settings: Any) -> Callable[..., Any]:
        return weight_function(entry.factory(**settings), whole)

    def cases(settings: Mapping[str, Any], rng: Rng) -> list[Case]:
        return problem.weight_cases(settings, rng, draws)

    return Subject(
        **{
            "name": entry.name,
            "contract": contract,
            "make": reference,
            "cases": cases,
            "settings": values,
            "hints": hints,
            "differentiate": ("weight",),
            "common": "penalty",
            "fixed": ("strength", "output_strength"),
            **more,
        }
    )


def weight_function(part: Any, params: Callable[[Any], Tree]) -> Callable[..., Any]:
    """A penalty as a differentiable function of a weight, whose draws are further arguments."""

    def look(weight: Any, draws: Sequence[Any]) -> tuple[Any, Any]:
        tree = params(weight)
        nothing: Any = None
        given: Any = Replay(list(draws))
        value, gradient, _ = penalty_gradient(part, tree, nothing, nothing, part.init(tree), given)
        leaves = [] if gradient is None else ad.flatten(gradient)[0]
        return value, leaves[0] if leaves else 0.0 * weight

    def forward(weight: Any, /, *draws: Any) -> Any:
        return look(weight, draws)[0]

    primitive = ad.Primitive(forward, name=type(part).__name__)
    primitive.derivatives(lambda g, ans, weight, *draws: g * look(weight, draws)[1])

    def function(weight: Any, *draws: Any) -> Any:
        return primitive(weight, *(ad.value(draw) for draw in draws))

    return function


def network_penalty(
    entry: Any,
    *,
    contract: str = "f(w1, b1, w2, b2, inputs) -> scalar; network w2 tanh(w1 x + b1) + b2",
    loss: str = "mean_squared_error",
    targets: Callable[..., np.ndarray] | None = None,
    defaults: Mapping[str, Any] | None = None,
    **more: Any,
) -> Subject:
    """A penalty of a network on a batch, as a function of its four parameters and the inputs.

    Parameters
    ----------
    entry : Entry
    contract, defaults
        As for :func:`penalty`.
    loss : str
        Of the objective.
    targets : callable, optional
        ``targets(arguments, rng)``: a further argument.
    **more
        Fields of :class:`refimpl.conformance.records.Subject`.
    """
    values, hints = settings_of(entry.factory, **{**entry.defaults, **(defaults or {})})

    def reference(**settings: Any) -> Callable[..., Any]:
        return network_function(entry.factory(**settings), loss)

    def cases(settings: Mapping[str, Any], rng: Rng) -> list[Case]:
        found = problem.network_cases(settings, rng)
        if targets is None:
            return found
        return [
            Case(
                case.name,
                {**case.arguments, "targets": targets(case.arguments, rng.child(case.name))},
                case.sizes,
            )
            for case in found
        ]

    return Subject(
        **{
            "name": entry.name,
            "contract": contract,
            "make": reference,
            "cases": cases,
            "settings": values,
            "hints": hints,
            "differentiate": ("w1", "b1", "w2", "b2"),
            "common": "network",
            "fixed": ("strength", "derivatives"),
            **more,
        }
    )


def network_function(part: Any, loss: str) -> Callable[..., Any]:
    """A penalty of a network as a differentiable function of its parameters."""

    def look(parts: Sequence[Any]) -> tuple[Any, list[Any]]:
        w1, b1, w2, b2, inputs, *targets = parts
        params = [{"weight": w1, "bias": b1}, {"weight": w2, "bias": b2}]
        widths = (w1.shape[1], w1.shape[0], w2.shape[0])
        objective = Objective(MLP(widths, activation="tanh"), loss)
        batch = Batch(inputs, targets[0] if targets else None)
        aux = part.init(params)
        value, gradient, _ = penalty_gradient(part, params, batch, objective, aux, None)
        return value, ad.flatten(gradient)[0]

    def forward(w1: Any, b1: Any, w2: Any, b2: Any, /, *data: Any) -> Any:
        return look((w1, b1, w2, b2, *data))[0]

    def rule(index: int) -> Callable[..., Any]:
        return lambda g, ans, *parts: g * look(parts)[1][index]

    primitive = ad.Primitive(forward, name=type(part).__name__)
    primitive.derivatives(*(rule(index) for index in range(4)))

    def function(*parts: Any) -> Any:
        return primitive(*parts[:4], *(ad.value(part) for part in parts[4:]))

    return function


def function(
    name: str,
    contract: str,
    make: Callable[..., Any],
    cases: Callable[..., Sequence[Case]],
    **more: Any,
) -> Subject:
    """Any other function; see :class:`refimpl.conformance.records.Subject`."""
    return Subject(name=name, contract=contract, make=make, cases=cases, **more)


def closed_form(
    name: str,
    formula: Callable[..., Any],
    points: Sequence[Mapping[str, float]],
    *,
    deviations: Sequence[Deviation] = (),
    **more: Any,
) -> Subject:
    """A formula of the theory, at some points.

    Parameters
    ----------
    name : str
    formula : callable
        Called with the numbers by position.
    points : sequence of mapping of str to float
        The arguments by the names that the contract shows.
    deviations : sequence of Deviation
    **more
        Fields of :class:`refimpl.conformance.records.Subject`.

    Examples
    --------
    >>> closed_form("area", lambda r: 3.0 * r * r, [{"r": 1.0}]).contract
    'f(r) -> number'
    """

    def cases(settings: Mapping[str, Any], rng: Rng) -> list[Case]:
        return [
            Case(", ".join(f"{n}={v:g}" for n, v in point.items()), dict(point)) for point in points
        ]

    return Subject(
        name=name,
        contract=f"f({', '.join(points[0])}) -> number",
        make=lambda **settings: lambda *values: np.asarray(formula(*values), dtype="float64"),
        cases=cases,
        deviations=tuple(deviations),
        **more,
    )


def wrapper(
    entry: Any,
    *,
    draws: Callable[..., np.ndarray] | None = None,
    scaled: Callable[[Any, Any], Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    **more: Any,
) -> Subject:
    """A wrapper as a function of the loss's gradient and the parameters: what the update gets.

    Parameters
    ----------
    entry : Entry
    draws : callable, optional
        ``draws(settings, leaf, rng)``: what is drawn for a parameter; a third argument then.
    scaled : callable, optional
        ``scaled(part, draw)``: how the reference takes a draw.
    defaults : mapping, optional
        Over those of the entry.
    **more
        Fields of :class:`refimpl.conformance.records.Subject`.
    """
    values, hints = settings_of(entry.factory, **{**entry.defaults, **(defaults or {})})
    noise = ", noise" if draws is not None else ""

    def reference(**settings: Any) -> Callable[..., Any]:
        part = entry.factory(**settings)
        return wrapped_gradient(part, scaled)

    def cases(settings: Mapping[str, Any], rng: Rng) -> list[Case]:
        found = []
        for number in range(3):
            params = problem.plain_start(rng.child("wrapper", number))
            arguments: dict[str, Any] = {"gradient": _slopes_of(number), "params": params}
            if draws is not None:
                stream = rng.child("draws", number)
                arguments["noise"] = [
                    draws(settings, leaf, stream.child(i)) for i, leaf in enumerate(params)
                ]
            found.append(Case(f"batch {number}", arguments))
        return found

    return Subject(
        **{
            "name": entry.name,
            "contract": f"f(gradient, params{noise}) -> list; gradient(params) -> list",
            "make": reference,
            "cases": cases,
            "settings": values,
            "hints": hints,
            "common": "wrapper",
            **more,
        }
    )


def _slopes_of(batch: int) -> Callable[[Any], problem.Leaves]:
    return lambda params: problem.smooth_gradient(params, batch)


def wrapped_gradient(
    part: Any, scaled: Callable[[Any, Any], Any] | None = None
) -> Callable[..., Any]:
    """A wrapper of a composition under the contract of :func:`wrapper`."""

    def function(gradient: Any, params: Any, noise: Sequence[Any] = ()) -> list[Any]:
        def loss(at: Any) -> tuple[Any, Any]:
            return np.zeros(()), [np.asarray(g) for g in gradient(list(at))]

        def penalty(at: Any) -> tuple[Any, Any]:
            return np.zeros(()), None

        queue = [draw if scaled is None else scaled(part, draw) for draw in noise]
        found, _ = part.gradient(loss, penalty, params, part.init(params), 0, Replay(queue))
        return list(found.gradient)

    return function
