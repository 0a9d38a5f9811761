"""What momenta buy: gradients to an independent draw against friction, on four laws."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.constrained_langevin.theory import efficiency as theory

from ..base import Figure, Results

_TITLES = {
    "gaussian": "Gaussian, curvatures 1 and 25",
    "bimodal": "two modes on circles, V = −2 Σ θ²",
    "fisher": "St(4, 2), V = −(2 W₁₁ + W₂₂)",
    "network": "network on spirals, orthonormal layers",
}
_STRENGTH = 2.0


def data(results: Results) -> dict[str, np.ndarray]:
    """All groups: law, step, friction, test, time and its standard error."""
    result = results["momentum_efficiency"]
    names = ("law", "step_size", "friction", "tested", "drifts", "time", "samples", "accepted")
    values = {name: np.asarray(result[name]) for name in names}
    steps = values["time"] / values["drifts"]
    values["error"] = values["time"] * np.sqrt(2.0 * (10.0 * steps + 1.0) / values["samples"])
    return values


def _law(law: str, step: float, frictions: np.ndarray) -> np.ndarray | None:
    """The predicted times, where theory has them."""
    if law == "gaussian":
        return np.array([theory.worst_time(1.0, step, float(g)) for g in frictions])
    if law == "bimodal" and step <= 0.3:
        shown = [theory.effective_friction(step, float(g)) for g in frictions]
        return np.array([theory.circle_time(_STRENGTH, g) / step for g in shown])
    return None


def _panel(axes: Any, style: Any, values: dict[str, np.ndarray], law: str, right: float) -> None:
    """Times against friction; the overdamped scheme stands at the right end."""
    here = values["law"] == law
    sizes = np.unique(values["step_size"][here])
    for index, step in enumerate(sizes[:: max(1, len(sizes) // 2)][:2]):
        color = style.colors[index]
        for tested, marker, face in ((False, "o", "white"), (True, "s", color)):
            rows = np.flatnonzero(
                here
                & (values["step_size"] == step)
                & (values["tested"] == tested)
                & (values["drifts"] == 1)
            )
            friction = np.where(np.isinf(values["friction"][rows]), right, values["friction"][rows])
            order = np.argsort(friction)
            axes.errorbar(
                friction[order],
                values["time"][rows][order],
                yerr=2.0 * values["error"][rows][order],
                fmt=marker,
                color=color,
                mfc=face,
                capsize=2,
                linestyle="none",
                label=f"ε = {step:g}, {'Metropolis test' if tested else 'no test'}",
            )
        grid = np.geomspace(0.08, 0.6 * right, 25)
        predicted = _law(law, float(step), grid)
        if predicted is not None:
            axes.plot(grid, predicted, color=color, linewidth=1.2, label="_theory")
        hybrid = here & (values["step_size"] == step) & (values["drifts"] == 8)
        for time in values["time"][hybrid]:
            axes.axhline(time, color=color, linestyle=":", linewidth=1.4,
                         label=f"ε = {step:g}, HMC, 8 steps a test")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="friction γ")
    ticks = [0.1, 1.0, 10.0, right]
    axes.set_xticks(ticks, ["0.1", "1", "10", "∞"])
    axes.set_xticks([], minor=True)
    axes.set_title(_TITLES[law])


def draw(results: Results, style: Any) -> Any:
    """Four laws, two step sizes each, with the test and without."""
    values = data(results)
    finite = values["friction"][np.isfinite(values["friction"])]
    right = 5.0 * float(finite.max())
    figure, panels = style.subplots(2, 2, width=5.6, height=3.9)
    for axes, law in zip(np.ravel(panels), _TITLES, strict=True):
        _panel(axes, style, values, law, right)
        low, high = axes.get_ylim()
        axes.set_ylim(low, high * (high / low) ** 0.5)
        axes.legend(fontsize=8, loc="upper center", ncol=2)
    for axes in panels[:, 0]:
        axes.set_ylabel("gradients to an independent draw")
    return figure


FIGURE = Figure(
    name="momentum_efficiency",
    title="What momenta buy: autocorrelation time against friction and step size",
    draw=draw,
    experiments=("momentum_efficiency",),
    claims=("CL-45", "CL-46", "CL-47", "CL-48"),
    caption=(
        "Integrated autocorrelation time of the slowest observable, in gradients; bars: 2 standard "
        "errors. Friction ∞ is the overdamped scheme (MALA with the test). Lines: theory, by "
        "linear algebra on the Gaussian and by the generator's Fourier and Hermite modes on "
        "circles, for the scheme without a test. Dotted: hybrid Monte Carlo with new momenta and 8 "
        "steps to a test. Momenta help most at small steps and a friction near 1, the root of the "
        "least curvature. With the test a rejection turns the momentum round, which costs where "
        "rejections are frequent. A time that is more than a fifth of its run is drawn at that "
        "fifth."
    ),
    data=data,
)
