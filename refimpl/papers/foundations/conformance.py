"""What an implementation can be checked against here, and the known deviations.

>>> [subject.name for subject in SUBJECTS][:4]
['sgd', 'momentum', 'nesterov', 'adam']
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from refimpl.arrays import namespace
from refimpl.conformance import Deviation, Leafwise, Subject, optimizer, penalty, wrapper
from refimpl.papers.foundations import ALGORITHMS

ENTRIES = {entry.name: entry for entry in ALGORITHMS}


def _leafwise(rule: Callable[..., Any], memory: Callable[[Any], Any]) -> Callable[..., Any]:
    """``rule(settings)`` makes the rule of :class:`Leafwise` from the settings."""
    return lambda **settings: Leafwise(rule(settings), memory)


# --- momentum -------------------------------------------------------------------------------------


def _zero(w: Any) -> Any:
    return 0.0 * w


def _dampened(first: bool) -> Callable[..., Any]:
    def rule(s: dict[str, Any]) -> Callable[..., Any]:
        mu, rate = s["momentum"], s["learning_rate"]

        def step(w: Any, v: Any, g: Any, draws: Any, t: int) -> Any:
            v = mu * v + (g if first and t == 1 else (1.0 - mu) * g)
            return w - rate * (g + mu * v if s["nesterov"] else v), v

        return step

    return _leafwise(rule, _zero)


MOMENTUM = (
    Deviation(
        "dampening",
        "the gradient enters the velocity times 1 − μ: steps are 1 − μ times as long",
        instead=_dampened(first=False),
    ),
    Deviation(
        "dampening after the first step",
        "as a library's option does it: the first gradient enters whole, later ones times 1 − μ",
        instead=_dampened(first=True),
    ),
)

# --- Adam -----------------------------------------------------------------------------------------


def _adam(
    *,
    first: bool = True,
    second: bool = True,
    inside: bool = False,
    unscaled: bool = False,
    largest: bool = False,
    decay: str = "",
) -> Callable[..., Any]:
    """Adam with bias corrections left out, or ε in another place."""

    def rule(s: dict[str, Any]) -> Callable[..., Any]:
        b1, b2 = s.get("beta1", s.get("momentum", 0.9)), s.get("beta2", 0.999)
        epsilon, rate = s.get("epsilon", 1e-8), s["learning_rate"]

        def step(w: Any, memory: Any, g: Any, draws: Any, t: int) -> Any:
            m, v, top = memory
            xp = namespace(g)
            m, v = b1 * m + (1.0 - b1) * g, b2 * v + (1.0 - b2) * g * g
            top = xp.maximum(top, v)
            c1 = 1.0 - b1**t if first else 1.0
            c2 = 1.0 - b2**t if second else 1.0
            used = (top if largest else v) / c2
            if inside:
                scale = xp.sqrt(used + epsilon)
            elif unscaled:
                scale = xp.sqrt(used) + epsilon / math.sqrt(c2)
            else:
                scale = xp.sqrt(used) + epsilon
            moved = w - rate * (m / c1) / scale
            if decay and w.ndim > 1:
                strength = s["strength"]
                if decay == "unscaled":
                    moved = moved - strength * w
                elif decay == "after":
                    moved = moved * (1.0 - rate * strength)
            return moved, (m, v, top)

        return step

    return _leafwise(rule, lambda w: (0.0 * w, 0.0 * w, 0.0 * w))


ADAM = (
    Deviation("bias correction missing", "m and v are used as they are: first steps are too long",
              family=_adam, options={"first": False, "second": False}),
    Deviation("bias correction of the first moment missing", "m is used as it is",
              family=_adam, options={"first": False}),
    Deviation("bias correction of the second moment missing", "v is used as it is",
              family=_adam, options={"second": False}),
    Deviation("betas exchanged", "β₁ is that of the second moment, β₂ that of the first",
              instead=lambda **s: _adam()(**{
                  **s, "beta1": s.get("beta2", 0.999),
                  "beta2": s.get("beta1", s.get("momentum", 0.9))})),
    Deviation("epsilon inside the root", "√(v̂ + ε) in place of √v̂ + ε",
              family=_adam, options={"inside": True}),
    Deviation("epsilon beside the uncorrected root", "ε is added to √v, before the correction",
              family=_adam, options={"unscaled": True}),
    Deviation("AMSGrad", "the largest second moment so far divides",
              family=_adam, options={"largest": True}),
)  # fmt: skip

ADAMW = (
    Deviation("coupled decay", "λ w is added to the gradient, so that Adam's scale divides it",
              {"decoupled": False}),
    Deviation("decay not multiplied by the learning rate", "w shrinks by λ in every step, not α λ",
              family=_adam, options={"decay": "unscaled"}),
    Deviation("decay of the new weights", "the weights shrink after the step, not before",
              family=_adam, options={"decay": "after"}),
    Deviation("no decay", "the weights do not shrink", family=_adam, options={}),
)  # fmt: skip


def _radam(**s: Any) -> Any:
    """RAdam with ε added to √v before its correction."""

    def rule(s: dict[str, Any]) -> Callable[..., Any]:
        b1, b2, rate = s["beta1"], s["beta2"], s["learning_rate"]
        most = 2.0 / (1.0 - b2) - 1.0

        def step(w: Any, memory: Any, g: Any, draws: Any, t: int) -> Any:
            m, v = memory
            m, v = b1 * m + (1.0 - b1) * g, b2 * v + (1.0 - b2) * g * g
            c1, c2 = 1.0 - b1**t, 1.0 - b2**t
            length = most - 2.0 * t * b2**t / c2
            if length > s["threshold"]:
                above = (length - 4.0) * (length - 2.0) * most
                r = math.sqrt(above / ((most - 4.0) * (most - 2.0) * length))
                return w - rate * r * (m / c1) * math.sqrt(c2) / (
                    namespace(v).sqrt(v) + s["epsilon"]
                ), (m, v)
            return (w - rate * m / c1 if s["waiting"] == "mean" else w), (m, v)

        return step

    return _leafwise(rule, lambda w: (0.0 * w, 0.0 * w))(**s)


RADAM = (
    Deviation("epsilon beside the uncorrected root", "ε is added to √v, before the correction",
              instead=_radam),
)  # fmt: skip

# --- samplers -------------------------------------------------------------------------------------


def _langevin(*, damping: str = "exact", heat: str = "exact") -> Callable[..., Any]:
    """A splitting with another heat exchange than the exact one."""

    class Approximate:
        def __init__(self, **settings: Any) -> None:
            self.s = settings

        def init(self, params: Any) -> Any:
            return [0.0 * w for w in params], None, 0

        def step(self, params: Any, state: Any, gradient: Any, noise: Any) -> Any:
            p, kept, count = state
            q, letters = list(params), self.s["splitting"]
            draws = iter(noise if isinstance(noise, tuple) else (noise,))
            slopes = kept if count else None
            for part in letters:
                h = self.s["step_size"] / letters.count(part)
                if part == "A":
                    q, slopes = [x + h * v for x, v in zip(q, p, strict=True)], None
                elif part == "B":
                    slopes = gradient(q) if slopes is None else slopes
                    p = [v - h * g for v, g in zip(p, slopes, strict=True)]
                else:
                    c, d = self._heat(h)
                    p = [c * v + d * n for v, n in zip(p, next(draws), strict=True)]
            return q, (p, slopes if letters.rindex("B") > letters.rindex("A") else None, count + 1)

        def _heat(self, h: float) -> tuple[float, float]:
            friction, tau = self.s["friction"], self.s["temperature"]
            c = math.exp(-friction * h) if damping == "exact" else 1.0 - friction * h
            if heat == "exact":
                return c, math.sqrt(tau * max(0.0, 1.0 - c * c))
            if heat == "linear":
                return c, math.sqrt(2.0 * friction * tau * h)
            return c, math.sqrt(tau * (1.0 - c))

    return Approximate


LANGEVIN = (
    Deviation("friction to first order", "c = 1 − γ h in place of exp(−γ h), d = √(2 γ τ h)",
              family=_langevin, options={"damping": "linear", "heat": "linear"}),
    Deviation("damping to first order", "c = 1 − γ h in place of exp(−γ h)",
              family=_langevin, options={"damping": "linear"}),
    Deviation("noise to first order", "d = √(2 γ τ h) in place of √(τ (1 − c²))",
              family=_langevin, options={"heat": "linear"}),
    Deviation("1 − c for 1 − c² in the noise", "the noise is too small by √(1 + c)",
              family=_langevin, options={"heat": "root"}),
)  # fmt: skip


def _o_parts(settings: Any) -> int:
    return max(1, settings["splitting"].count("O"))


# --- proximal -------------------------------------------------------------------------------------


def _soft(threshold: Callable[[dict[str, Any]], float], hard: bool = False) -> Callable[..., Any]:
    def rule(s: dict[str, Any]) -> Callable[..., Any]:
        def step(w: Any, m: Any, g: Any, draws: Any, t: int) -> Any:
            moved, xp, level = w - s["learning_rate"] * g, namespace(w), threshold(s)
            if w.ndim < 2:
                return moved, m
            if hard:
                return xp.where(xp.abs(moved) > level, moved, 0.0 * moved), m
            return moved - xp.clip(moved, -level, level), m

        return step

    return _leafwise(rule, lambda w: None)


L1_STEPS = (
    Deviation("threshold without the learning rate", "the threshold is λ, not α λ",
              instead=_soft(lambda s: s["strength"])),
    Deviation("hard threshold", "small weights become zero, large ones do not shrink",
              instead=_soft(lambda s: s["learning_rate"] * s["strength"], hard=True)),
)  # fmt: skip


# --- clipping -------------------------------------------------------------------------------------


def _clipped(change: Callable[[list[Any], float], list[Any]]) -> Callable[..., Any]:
    return lambda **s: lambda gradient, params: change(list(gradient(params)), s["limit"])


def _length(leaves: list[Any]) -> float:
    return math.sqrt(sum(float(namespace(g).sum(g * g)) for g in leaves))


CLIPPING = (
    Deviation("every tensor by itself", "each gradient is clipped to the limit",
              instead=_clipped(lambda gs, c: [g * min(1.0, c / _length([g])) for g in gs])),
    Deviation("entries clipped", "every entry is clipped to the limit",
              instead=_clipped(lambda gs, c: [namespace(g).clip(g, -c, c) for g in gs])),
    Deviation("always scaled", "short gradients are lengthened to the limit",
              instead=_clipped(lambda gs, c: [g * (c / _length(gs)) for g in gs])),
    Deviation("1e-06 added to the norm", "as PyTorch does it",
              instead=_clipped(lambda gs, c: [g * min(1.0, c / (_length(gs) + 1e-6))
                                              for g in gs])),
    Deviation("squared norm", "the squared norm is compared and divides",
              instead=_clipped(lambda gs, c: [g * min(1.0, c / _length(gs) ** 2) for g in gs])),
)  # fmt: skip


def _uniform(settings: Any, weight: Any, rng: Any) -> dict[str, Any]:
    neurons, inputs = weight.shape
    side = {"neurons": neurons, "inputs": inputs, "smaller": min(weight.shape)}
    return {"start": rng.uniform((side[settings["gram"]],), 0.1, 1.0)}


SUBJECTS: tuple[Subject, ...] = (
    optimizer(ENTRIES["sgd"]),
    optimizer(ENTRIES["momentum"], deviations=MOMENTUM),
    optimizer(ENTRIES["nesterov"], deviations=MOMENTUM),
    optimizer(ENTRIES["adam"], deviations=ADAM, alternatives={"epsilon": (1e-6, 1e-7, 1e-10)}),
    optimizer(ENTRIES["radam"], deviations=RADAM, alternatives={"threshold": (4.0, 5.0, 6.0)}),
    optimizer(ENTRIES["adamw"], deviations=(*ADAMW, *ADAM)),
    optimizer(ENTRIES["weight_decay"], defaults={"strength": 0.01}),
    penalty(ENTRIES["l2"], fixed=("strength", "decoupled", "include")),
    penalty(ENTRIES["l1"], defaults={"method": "subgradient"},
            fixed=("strength", "method", "include")),
    optimizer(ENTRIES["l1"], name="l1_proximal", defaults={"strength": 0.1}, deviations=L1_STEPS),
    penalty(ENTRIES["orthogonality"]),
    penalty(ENTRIES["srip"], draws=_uniform, contract="f(weight, start) -> scalar; row = neuron",
            name="srip"),
    penalty(ENTRIES["srip"], defaults={"method": "exact"}, name="srip_exact",
            fixed=("strength", "method", "start", "iterations")),
    optimizer(ENTRIES["sgld"], defaults={"temperature": 0.01}),
    optimizer(ENTRIES["sghmc"], defaults={"temperature": 0.01}),
    optimizer(ENTRIES["sgnht"], defaults={"temperature": 0.01, "noise": 0.01}),
    wrapper(ENTRIES["clipping"], deviations=CLIPPING),
    optimizer(ENTRIES["langevin"], defaults={"temperature": 0.01}, repeats=_o_parts,
              deviations=LANGEVIN),
)  # fmt: skip
