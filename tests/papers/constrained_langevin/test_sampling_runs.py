"""Runs of many exact chains: warm-up, draws, export, and the command."""

import json
import math
import warnings

import numpy as np
import pytest
from click.testing import CliRunner

from refimpl.cli.app import app
from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
from refimpl.random import Rng
from refimpl.sampling import TARGETS, sample


def small_run(leapfrog_steps=5, **options):
    sampler = {"temperature": 1.0, "constraint": "none", "leapfrog_steps": leapfrog_steps}
    chains = ConstrainedHMC(step_size=0.1, **sampler).many()
    start = [np.random.default_rng(0).standard_normal((20, 3))]
    return sample(
        chains, TARGETS["gaussian"].potential(9.0), start,
        **{"draws": 30, "warmup": 40, "rng": Rng(1), **options},
    )  # fmt: skip


@pytest.mark.parametrize("target", [0.6, 0.9])
def test_the_warm_up_finds_the_acceptance_that_is_asked_for(target):
    """With one leapfrog step the acceptance falls with the step size; of more it may not."""
    draws = small_run(leapfrog_steps=1, warmup=300, draws=100, target_acceptance=target)
    assert draws.stats["acceptance"].mean() == pytest.approx(target, abs=0.06)
    assert draws.settings["gradients_per_draw"] == 1


def test_without_warm_up_the_step_size_stays_and_draws_are_reproducible():
    one, other = (small_run(warmup=0, draws=5) for _ in range(2))
    assert one.settings["step_size"] == 0.1
    np.testing.assert_array_equal(one["q"], other["q"])
    np.testing.assert_array_equal(small_run(warmup=0, draws=3, thin=2)["q"][:, 0], one["q"][:, 1])
    seen = []
    small_run(warmup=2, draws=5, on_step=lambda done, value: seen.append((done, value)))
    assert [done for done, _ in seen] == list(range(1, 8)) and 0 < seen[-1][1] <= 1
    named = small_run(draws=4, observe=lambda params: {"norm": np.abs(params[0]).sum(axis=1)})
    assert list(named.values) == ["norm"] and named["norm"].shape == (20, 4)
    with pytest.raises(ValueError, match="draws"):
        small_run(draws=0)


def test_draws_say_how_long_they_took(monkeypatch):
    clock = iter([10.0, 12.5])
    monkeypatch.setattr("refimpl.sampling.run.time.perf_counter", lambda: next(clock))
    assert small_run(warmup=0, draws=2).settings["seconds"] == 2.5


def test_the_export_has_the_values_and_the_stats():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        az = pytest.importorskip("arviz")
    draws = small_run()
    data = draws.inference_data()
    assert data.posterior["q"].shape == (20, 30, 3)
    np.testing.assert_array_equal(data.posterior["q"].values, draws["q"])
    np.testing.assert_array_equal(data.sample_stats["lp"].values, -draws.stats["loss"])
    rows = draws.summary()
    table = az.summary(data, round_to="none")
    assert [row["ess_bulk"] for row in rows] == pytest.approx(list(table["ess_bulk"]), rel=1e-6)
    assert [row["rhat"] for row in rows] == pytest.approx(list(table["r_hat"]), rel=1e-9)


def run(*line):
    return CliRunner().invoke(app, ["sample", *map(str, line)])


@pytest.mark.parametrize(
    "line",
    [
        ["--constraint", "orthogonal", "--shape", "2x3", "--target", "uniform"],
        ["--constraint", "circle", "--shape", "3", "--target", "bimodal", "--strength", "1"],
        ["--constraint", "none", "--shape", "2", "--target", "gaussian", "--dtype", "float32"],
    ],
)
def test_the_command_draws_saves_and_prints(tmp_path, line):
    done = run(*line, "--chains", 10, "--draws", 20, "--warmup", 10, "--output", tmp_path)
    assert done.exit_code == 0, done.output
    assert "R-hat" in done.output and "10 chains of 20 draws" in done.output
    [place] = tmp_path.iterdir()
    with np.load(place / "draws.npz") as file:
        saved = dict(file)
    assert saved["q"].shape[:2] == (10, 20) and saved["stats.acceptance"].shape == (10, 20)
    summary = json.loads((place / "summary.json").read_text())
    assert (
        summary["options"]["target"] == line[line.index("--target") + 1]
        and summary["settings"]["step_size"] > 0
    )
    assert len(summary["summary"]) == math.prod(saved["q"].shape[2:])
    if "orthogonal" in line:
        w = saved["q"]
        np.testing.assert_allclose(
            w @ np.swapaxes(w, -1, -2), np.eye(2) + 0 * w[..., :2], atol=1e-12
        )


def test_no_draws_take_the_place_of_others(tmp_path):
    line = ("--shape", "2x1", "--chains", 4, "--draws", 6, "--warmup", 0, "--output", tmp_path)
    for more in ((), ("--seed", 1), ("--thin", 2), ()):
        assert run(*line, *more).exit_code == 0
    assert len(list(tmp_path.glob("*/draws.npz"))) == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["--constraint", "none", "--target", "uniform"], "no law on the whole space"),
        (["--shape", "4"], "two axes"),
        (["--shape", "4by2"], "not of the form 4x2"),
        (["--algorithm", "constrained_ud"], "has no many chains"),
        (["--set", "leapfrog_steps=0"], "at least 1"),
        (["--set", "leapfrog"], "NAME=VALUE"),
    ],
)
def test_the_command_says_what_it_does_not_take(line, words):
    done = run(*line)
    assert done.exit_code == 2 and words in done.output.replace("\n", " "), done.output
