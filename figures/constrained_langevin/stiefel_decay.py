"""Decay of the mean on St(4, 2): three overdamped discretizations against exp(-2.5 t)."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.constrained_langevin.theory import dynamics

from ..base import Figure, Results

_LABELS = {
    "shake": "SHAKE",
    "polar_raw": "polar, raw increments",
    "polar_tangent": "polar, projected increments",
}
_TIME = 0.2


def data(results: Results) -> dict[str, np.ndarray]:
    """The mean at times that are multiples of the largest step, and its error at t = 0.2."""
    result = results["stiefel_bias"]
    steps, kappa = result["step_sizes"], result["kappa"]
    times = np.linspace(0.0, 1.0, 41)
    rate = dynamics.stiefel_decay_rate(4, 2)
    largest = int(np.argmax(steps))
    errors = kappa ** (_TIME / steps) - np.exp(-rate * _TIME)
    bars = kappa ** (_TIME / steps) * (_TIME / steps) * result["kappa_error"] / kappa
    fine = np.geomspace(steps.min(), steps.max(), 9)
    exact = np.array(
        [
            [
                dynamics.stiefel_contraction(float(h), 4, projection=name) ** (_TIME / h)
                for h in fine
            ]
            for name in ("shake", "polar_tangent")
        ]
    )
    return {
        "times": times,
        "exact": np.exp(-rate * times),
        "largest_step": steps[largest],
        "means": kappa[:, largest, None] ** (times / steps[largest]),
        "steps": steps,
        "errors": errors,
        "bars": bars,
        "fine": fine,
        "quadrature": exact - np.exp(-rate * _TIME),
        "slopes": errors[:, int(np.argmin(steps))] / steps.min(),
    }


def draw(results: Results, style: Any) -> Any:
    """Left: the mean over time at the largest step. Right: its error against the step size."""
    values = data(results)
    schemes = [str(name) for name in results["stiefel_bias"]["schemes"]]
    figure, (left, right) = style.subplots(1, 2, width=5.2)
    left.plot(values["times"], values["exact"], color=style.ink, label="exp(−2.5 t)")
    right.axhline(0.0, color=style.ink, linewidth=1.0)
    order = np.argsort(values["steps"])
    for index, scheme in enumerate(schemes):
        color = style.colors[index]
        left.plot(values["times"], values["means"][index], "--", color=color, label=_LABELS[scheme])
        right.errorbar(
            values["steps"][order],
            values["errors"][index][order],
            yerr=5.0 * values["bars"][index][order],
            fmt="o",
            color=color,
            capsize=2,
            label=f"{_LABELS[scheme]}: {values['slopes'][index]:+.2f} h".replace("-", "−"),
        )
    for index, scheme in enumerate(("shake", "polar_tangent")):
        right.plot(
            values["fine"], values["quadrature"][index], color=style.colors[schemes.index(scheme)]
        )
    left.set(
        xlabel="time t",
        ylabel="E W(t) / W(0)",
        title=f"mean at h = {float(values['largest_step']):g}",
    )
    left.legend(loc="upper right")
    right.set(xlabel="step size h", ylabel=f"error of the mean at t = {_TIME}", xlim=(0.0, None))
    right.set_title("weak order 1, three constants")
    right.legend(loc="lower left", fontsize=9)
    return figure


FIGURE = Figure(
    name="stiefel_decay",
    title="St(4, 2) without a loss: how the mean decays in three discretisations",
    draw=draw,
    experiments=("stiefel_bias",),
    claims=("CL-14",),
    caption=(
        "Overdamped dynamics without a loss shrinks the mean as exp(−τ (n − (m+1)/2) t). Left: "
        "the mean κ^(t/h) of each scheme from its measured one-step factor κ. Right: the error at "
        "t = 0.2 (points, bars: 5 standard errors; lines: quadrature of the projections in closed "
        "form) with error / h at the smallest step. The polar factor of raw and of projected "
        "increments are two different schemes; the first has no closed form."
    ),
    data=data,
    note="{draws} draws; bars: 5 standard errors",
)
