"""The figures are drawn from small results: labels on every panel, and what the points show."""

from __future__ import annotations

import numpy as np
import pytest

from figures.style import Style
from refimpl import Rng, backend, catalogue
from refimpl.papers.gradient_dropout.experiments import digits, moments, noise, sinusoids
from refimpl.papers.gradient_dropout.theory import quartic

NAMES = ("penalty", "ellipses", "density", "quartic", "sinusoids", "digits")


@pytest.fixture(scope="module")
def results():
    configs = {
        noise: noise.Config(draws=2000),
        moments: moments.Config(problems=1, samples=2000),
        sinusoids: sinusoids.Config(
            tasks=(4, 6), compared=4, methods=("none", "bernoulli 0.1", "gaussian 0.3"),
            swept=("none", "bernoulli 0.1"), seeds=2, iterations=2, test_tasks=3,
        ),
        digits: digits.Config(
            epochs=1, seeds=2, training=4, validation=2, test=2, methods=("none", "gaussian 0.1"),
            rates=(1e-3, 1e-2, 3e-2),
        ),
    }  # fmt: skip
    return {
        module.EXPERIMENT.name: module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
        for module, config in configs.items()
    }


def drawn(name, results):
    figure, style = catalogue.figure(f"gradient_dropout_{name}"), Style()
    with style.context():
        return figure, figure.draw({key: results[key] for key in figure.experiments}, style)


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_is_labeled_and_shows_finite_numbers(name, results):
    figure, picture = drawn(name, results)
    for panel in picture.axes:
        assert panel.get_xlabel()
        for line in panel.get_lines():
            assert np.all(np.isfinite(np.asarray(line.get_ydata(), dtype=float)))
    known = {claim.id for claim in catalogue.claims(["gradient_dropout"])}
    assert set(figure.claims) <= known and figure.caption


def test_the_line_of_the_penalty_is_the_closed_form(results):
    _, picture = drawn("penalty", results)
    x, y = picture.axes[0].get_lines()[0].get_data()
    np.testing.assert_allclose(y, 0.0289 * x, rtol=1e-12)
    assert "2,000 a point" in picture.axes[0].get_title(loc="left")


def test_the_curve_of_the_quartic_goes_through_its_points(results):
    _, picture = drawn("quartic", results)
    lines = picture.axes[0].get_lines()
    for row, family in enumerate(("bernoulli", "gaussian")):
        x, y = lines[2 * row + 1].get_data()
        plain = quartic.mean_after_two(0.1, 0.0)
        law = [1e3 * (quartic.mean_after_two(0.1, float(p), family) - plain) for p in x]
        np.testing.assert_allclose(y, law, atol=1e-9)


def test_sinusoids_show_the_mean_of_the_seeds(results):
    result = results["gradient_dropout_sinusoids"]
    _, picture = drawn("sinusoids", results)
    bars = [line for line in picture.axes[0].get_lines() if line.get_marker() == "_"]
    assert [bar.get_label() for bar in bars] == ["none", "bernoulli 0.1"]
    for bar, method in zip(bars, ("none", "bernoulli 0.1"), strict=True):
        wanted = [
            result["post"][(result["tasks"] == t) & (result["method"] == method)].mean()
            for t in (4, 6)
        ]
        np.testing.assert_allclose(bar.get_ydata(), wanted)
    assert "2 seeds" in picture.axes[0].get_title(loc="left")
