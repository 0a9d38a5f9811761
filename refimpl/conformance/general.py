"""Mistakes that are made with every method, as changes of an implementation.

A table for each kind. What one method alone can suffer stands in the table of its paper.

>>> sorted(COMMON)
['constraint', 'formula', 'network', 'optimizer', 'penalty', 'wrapper']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.conformance.optimizers import Gradient, draws_of
from refimpl.conformance.records import Deviation

Settings = Mapping[str, Any]


# --- functions of a weight ------------------------------------------------------------------------


def before(change: Callable[[Any], Any]) -> Callable[[Any, Settings], Any]:
    """The function of a changed first argument."""
    return lambda f, settings: lambda weight, *rest: f(change(weight), *rest)


def after(change: Callable[[Any], Any]) -> Callable[[Any, Settings], Any]:
    """A changed value."""
    return lambda f, settings: lambda *arguments: change(f(*arguments))


def unit_rows(weight: Any) -> Any:
    """Every row divided by its length; differentiable."""
    return weight / ad.norm(weight, axis=1, keepdims=True)


_PENALTY = (
    Deviation(
        "rows and columns exchanged",
        "the columns of the weight are taken for the neurons",
        around=before(ad.matrix_transpose),
        rank=2,
    ),
    Deviation(
        "rows normalized first",
        "every neuron is divided by its length before",
        around=before(unit_rows),
        rank=2,
    ),
    Deviation(
        "columns normalized first",
        "every column is divided by its length before",
        around=before(lambda w: ad.matrix_transpose(unit_rows(ad.matrix_transpose(w)))),
        rank=2,
    ),
    Deviation(
        "weight divided by its Frobenius norm",
        "the whole matrix is normalized before",
        around=before(lambda w: w / ad.sqrt(ad.sum(w * w))),
        rank=2,
    ),
    Deviation(
        "rows centered first",
        "the mean neuron is subtracted before",
        around=before(lambda w: w - ad.mean(w, axis=0, keepdims=True)),
        rank=2,
    ),
    Deviation(
        "root missing or added",
        "the square root of the value",
        around=after(ad.sqrt),
        rank=2,
    ),
    Deviation("squared", "the square of the value", around=after(lambda v: v * v), rank=2),
    Deviation(
        "gradient cut",
        "the value is right and its gradient is zero: the computation leaves the tape",
        around=after(ad.stop_gradient),
        rank=2,
    ),
)

_FORMULA = (
    Deviation("squared", "the square", around=after(lambda v: v * v), rank=2),
    Deviation("root", "the square root", around=after(lambda v: v**0.5), rank=2),
    Deviation("reciprocal", "one over the number", around=after(lambda v: 1.0 / v), rank=2),
    Deviation("wrong sign", "minus the number", around=after(lambda v: -v), rank=2),
    Deviation("one less", "the number less one", around=after(lambda v: v - 1.0), rank=2),
    Deviation("complement", "one less the number", around=after(lambda v: 1.0 - v), rank=2),
)

_NETWORK = (
    Deviation("squared", "the square of the value", around=after(lambda v: v * v), rank=2),
    Deviation("root missing or added", "the root of the value", around=after(ad.sqrt), rank=2),
    Deviation(
        "gradient cut",
        "the value is right and its gradient is zero: the computation leaves the tape",
        around=after(ad.stop_gradient),
        rank=2,
    ),
)

_WRAPPER = (
    Deviation(
        "gradient at the parameters",
        "nothing is changed: the gradient of the loss itself",
        around=lambda f, settings: lambda gradient, params, *rest: gradient(params),
        rank=2,
    ),
    Deviation(
        "added to the gradient at the parameters",
        "the sum of both gradients",
        around=lambda f, settings: (
            lambda gradient, params, *rest: _added(
                f(gradient, params, *rest), gradient(params), 1.0
            )
        ),
        rank=2,
    ),
    Deviation(
        "mean with the gradient at the parameters",
        "half the sum of both gradients",
        around=lambda f, settings: (
            lambda gradient, params, *rest: _added(
                f(gradient, params, *rest), gradient(params), 0.5
            )
        ),
        rank=2,
    ),
)


def _added(left: list[Any], right: list[Any], share: float) -> list[Any]:
    return [share * (a + b) for a, b in zip(left, right, strict=True)]


# --- optimizers -----------------------------------------------------------------------------------


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


_OPTIMIZER = (
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


class _Methods:
    """A constraint of two functions."""

    def __init__(self, project: Callable[..., Any], tangent: Callable[..., Any]) -> None:
        self.project, self.tangent = project, tangent


def _by_columns(inner: Any, settings: Settings) -> Any:
    def flip(q: Any) -> Any:
        return np.swapaxes(q, -1, -2)

    return _Methods(
        lambda q: flip(inner.project(flip(q))), lambda q, u: flip(inner.tangent(flip(q), flip(u)))
    )


_CONSTRAINT = (
    Deviation("rows and columns exchanged", "the transpose is constrained", around=_by_columns,
              rank=2),
    Deviation("nothing projected", "what goes in comes back",
              around=lambda inner, s: _Methods(lambda q: q, lambda q, u: u), rank=2),
    Deviation("tangent not projected", "u itself comes back",
              around=lambda inner, s: _Methods(inner.project, lambda q, u: u), rank=2),
    Deviation("normal part for the tangent", "what is to be taken away comes back",
              around=lambda inner, s: _Methods(inner.project, lambda q, u: u - inner.tangent(q, u)),
              rank=2),
    Deviation("half of the correction", "half of the normal part is taken away",
              around=lambda inner, s: _Methods(inner.project,
                                               lambda q, u: 0.5 * (u + inner.tangent(q, u))),
              rank=2),
    Deviation("twice the correction", "the normal part is taken away twice: a reflection",
              around=lambda inner, s: _Methods(inner.project,
                                               lambda q, u: 2.0 * inner.tangent(q, u) - u),
              rank=2),
)  # fmt: skip

COMMON: dict[str, tuple[Deviation, ...]] = {
    "optimizer": _OPTIMIZER,
    "penalty": _PENALTY,
    "formula": _FORMULA,
    "network": _NETWORK,
    "wrapper": _WRAPPER,
    "constraint": _CONSTRAINT,
}


# --- factors --------------------------------------------------------------------------------------


def size_factors(sizes: Mapping[str, int]) -> dict[str, float]:
    """Named factors between sums and means: theirs is so many times ours.

    >>> round(size_factors({"neurons": 4})["divided by the number of neurons"], 3)
    0.25
    """
    found: dict[str, float] = {}
    for name, n in sizes.items():
        pairs = n * (n - 1)
        found[f"divided by the number of {name}"] = 1.0 / n
        found[f"times the number of {name}"] = float(n)
        found[f"divided by the square of the number of {name}"] = 1.0 / n**2
        if n > 1:
            found[f"divided by the number of ordered pairs of {name}"] = 1.0 / pairs
            found[f"times the number of ordered pairs of {name}"] = float(pairs)
            found[f"times (n - 1) / n for the n {name}"] = (n - 1.0) / n
            found[f"times n / (n - 1) for the n {name}"] = n / (n - 1.0)
            found[f"divided by the number of {name} less one"] = 1.0 / (n - 1.0)
            found[f"times the number of {name} less one"] = n - 1.0
            found[f"times n (2n - 1) for the n {name}"] = n * (2.0 * n - 1.0)
            found[f"times (2n - 1) / (2n) for the n {name}"] = (2.0 * n - 1.0) / (2.0 * n)
    names = list(sizes)
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            both = sizes[one] * sizes[other]
            found[f"divided by the number of {one} times that of {other}"] = 1.0 / both
            found[f"times the number of {one} times that of {other}"] = float(both)
    return found
