"""Mistakes that are made with every optimizer: in its gradient, its noise, its shapes.

>>> "stale gradient" in [way.name for way in OPTIMIZER]
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from refimpl.conformance.optimizers import Gradient, draws_of
from refimpl.conformance.records import Deviation

Settings = Mapping[str, Any]


class Around:
    """An optimizer that sees other gradients, noise and parameters.

    Parameters
    ----------
    inner : optimizer
    gradient : callable, optional
        ``gradient(gradient, memory, params)``: a new :class:`Gradient`; ``memory`` is a dict that
        lives as long as the run.
    noise : callable, optional
        ``noise(leaf)``: each draw of each parameter.
    late : bool
        Noise of the step before.
    """

    def __init__(
        self,
        inner: Any,
        *,
        gradient: Callable[..., Any] | None = None,
        noise: Callable[[Any], Any] | None = None,
        late: bool = False,
    ) -> None:
        self.inner, self.gradient, self.noise, self.late = inner, gradient, noise, late

    def init(self, params: Any) -> Any:
        return self.inner.init(params), {}

    def step(self, params: Any, state: Any, gradient: Any, noise: Any) -> tuple[Any, Any]:
        inner, memory = state
        if self.gradient is not None:
            gradient = self.gradient(gradient, memory, params)
        draws = draws_of(noise)
        if self.noise is not None:
            draws = [[self.noise(leaf) for leaf in draw] for draw in draws]
        if self.late:
            draws, memory["noise"] = memory.get("noise", draws), draws
        params, inner = self.inner.step(params, inner, gradient, tuple(draws))
        return params, (inner, memory)


def slopes(change: Callable[[Any], Any]) -> Callable[[Any, Settings], Any]:
    """The optimizer under a changed gradient, leaf by leaf."""

    def changed(gradient: Any, memory: Any, params: Any) -> Gradient:
        return Gradient([change(g) for g in gradient], lambda at: [change(g) for g in gradient(at)])

    return lambda inner, settings: Around(inner, gradient=changed)


def _whole(change: Callable[[list[Any]], list[Any]]) -> Callable[[Any, Settings], Any]:
    def changed(gradient: Any, memory: Any, params: Any) -> Gradient:
        return Gradient(change(list(gradient)), lambda at: change(list(gradient(at))))

    return lambda inner, settings: Around(inner, gradient=changed)


def _stale(gradient: Any, memory: dict[str, Any], params: Any) -> Gradient:
    old = memory.get("gradient", list(gradient))
    memory["gradient"] = list(gradient)
    return Gradient(old, lambda at: old)


def _from_start(gradient: Any, memory: dict[str, Any], params: Any) -> Gradient:
    here = list(gradient)
    return Gradient(here, lambda at: here)


def noise_scaled(factor: Callable[[Settings], float]) -> Callable[[Any, Settings], Any]:
    """The optimizer with its noise times a number that the settings give."""
    return lambda inner, settings: Around(inner, noise=lambda leaf: factor(settings) * leaf)


def step_of(settings: Settings) -> float:
    """The step size, by whatever name the settings have it."""
    for name in ("step_size", "learning_rate"):
        if name in settings:
            return float(settings[name])
    return 1.0


def global_norm(leaves: list[Any]) -> float:
    """The length of all together."""
    return math.sqrt(sum(float(np.sum(leaf * leaf)) for leaf in leaves))


class _Transposed:
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def init(self, params: Any) -> Any:
        return self.inner.init(turned(params))

    def step(self, params: Any, state: Any, gradient: Any, noise: Any) -> tuple[Any, Any]:
        other = Gradient(turned(gradient), lambda at: turned(gradient(turned(at))))
        draws = tuple(turned(draw) for draw in draws_of(noise))
        params, state = self.inner.step(turned(params), state, other, draws)
        return turned(params), state


def turned(leaves: Any) -> list[Any]:
    """Matrices transposed, other arrays as they are."""
    return [np.swapaxes(leaf, -1, -2) if leaf.ndim > 1 else leaf for leaf in leaves]


def _lengthwise(leaves: list[Any]) -> list[Any]:
    whole = global_norm(leaves)
    return [leaf / whole for leaf in leaves] if whole else leaves


def _clipped(leaves: list[Any]) -> list[Any]:
    whole = global_norm(leaves)
    return [leaf / whole for leaf in leaves] if whole > 1.0 else leaves


class Leafwise:
    """An optimizer that treats every parameter alike: a rule in one line, for deviations.

    Parameters
    ----------
    rule : callable
        ``rule(w, memory, g, draws, t)`` returns (w, memory); ``draws`` are those of the parameter,
        and t counts from 1.
    memory : callable, optional
        ``memory(w)``, before the first step.

    Examples
    --------
    >>> plain = Leafwise(lambda w, m, g, draws, t: (w - 0.5 * g, m))
    >>> plain.step([4.0], plain.init([4.0]), [2.0], [()])[0]
    [3.0]
    """

    def __init__(
        self, rule: Callable[..., Any], memory: Callable[[Any], Any] = lambda w: None
    ) -> None:
        self.rule, self.memory = rule, memory

    def init(self, params: Any) -> Any:
        return 0, [self.memory(w) for w in params]

    def step(self, params: Any, state: Any, gradient: Any, noise: Any) -> tuple[Any, Any]:
        count, memories = state
        draws = list(zip(*draws_of(noise), strict=True)) or [() for _ in params]
        parts = zip(params, memories, gradient, draws, strict=True)
        moved = [self.rule(w, m, g, n, count + 1) for w, m, g, n in parts]
        return [w for w, _ in moved], (count + 1, [m for _, m in moved])


OPTIMIZER = (
    Deviation(
        "stale gradient",
        "every step uses the gradient of the step before",
        around=lambda inner, settings: Around(inner, gradient=_stale),
        rank=2,
    ),
    Deviation(
        "gradient from the beginning of the step",
        "the gradient is not taken anew where the step has moved to",
        around=lambda inner, settings: Around(inner, gradient=_from_start),
        rank=2,
    ),
    Deviation("wrong sign", "ascent instead of descent", around=slopes(lambda g: -g), rank=2),
    Deviation("gradient doubled", "a factor 2 too much", around=slopes(lambda g: 2.0 * g), rank=2),
    Deviation("gradient halved", "a factor ½ too much", around=slopes(lambda g: 0.5 * g), rank=2),
    Deviation(
        "mean for sum in the gradient",
        "the gradient of every parameter is divided by the number of its entries",
        around=slopes(lambda g: g / g.size),
        rank=2,
    ),
    Deviation(
        "gradient normalized",
        "all gradients together are scaled to length 1",
        around=_whole(_lengthwise),
        rank=2,
    ),
    Deviation(
        "gradient clipped",
        "all gradients together are scaled to length 1 where they are longer",
        around=_whole(_clipped),
        rank=2,
    ),
    Deviation("sign of the gradient", "signs alone are used", around=slopes(np.sign), rank=2),
    Deviation(
        "rows and columns exchanged",
        "every matrix is taken for its transpose",
        around=lambda inner, settings: _Transposed(inner),
        rank=2,
    ),
    Deviation(
        "biases frozen",
        "parameters of one axis get no gradient",
        around=slopes(lambda g: g if g.ndim > 1 else 0.0 * g),
        rank=2,
    ),
    Deviation("no noise", "the draws are not used", around=noise_scaled(lambda s: 0.0), rank=2),
    Deviation(
        "noise scaled by h instead of sqrt(h)",
        "the noise is sqrt(h) times too small",
        around=noise_scaled(lambda s: math.sqrt(step_of(s))),
        rank=2,
    ),
    Deviation(
        "noise not scaled by sqrt(h)",
        "the noise is 1/sqrt(h) times too large",
        around=noise_scaled(lambda s: 1.0 / math.sqrt(step_of(s))),
        rank=2,
    ),
    Deviation(
        "factor 2 missing in the variance of the noise",
        "the noise is sqrt(2) times too small",
        around=noise_scaled(lambda s: math.sqrt(0.5)),
        rank=2,
    ),
    Deviation(
        "factor 2 too much in the variance of the noise",
        "the noise is sqrt(2) times too large",
        around=noise_scaled(lambda s: math.sqrt(2.0)),
        rank=2,
    ),
    Deviation(
        "variance for deviation in the noise",
        "the noise has the square of its scale",
        around=noise_scaled(
            lambda s: math.sqrt(2.0 * step_of(s) * float(s.get("temperature", 0.5)))
        ),
        rank=2,
    ),
    Deviation(
        "wrong sign of the noise", "the draws are subtracted", around=noise_scaled(lambda s: -1.0),
        rank=2,
    ),
    Deviation(
        "noise of the step before",
        "every step uses the draws of the step before",
        around=lambda inner, settings: Around(inner, late=True),
        rank=2,
    ),
)  # fmt: skip
