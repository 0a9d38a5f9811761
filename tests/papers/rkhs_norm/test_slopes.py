"""Curves of robust accuracy against the mean slope, and how far one lies above another."""

from dataclasses import replace

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.datasets.base import Dataset
from refimpl.models import MLP, Objective
from refimpl.papers.rkhs_norm.experiments import slopes
from refimpl.papers.rkhs_norm.experiments.slopes import gap

E = np.exp


def test_the_gap_is_the_mean_over_the_logarithms_that_both_have():
    flat, shift = np.array([0.5, 0.5]), np.array([0.7, 0.7])
    assert gap(E([0.0, 2.0]), shift, E([1.0, 5.0]), flat) == pytest.approx(0.2)
    rising = gap(E([0.0, 4.0]), np.array([0.0, 0.4]), E([1.0, 3.0]), flat)
    assert rising == pytest.approx(0.2 - 0.5)  # 0.1 x at the middle of [1, 3]
    bent = gap(E([0.0, 1.0, 2.0]), np.array([0.0, 0.6, 0.0]), E([0.0, 2.0]), 0.0 * flat)
    assert bent == pytest.approx(0.3)


def test_the_gap_turns_its_sign_with_its_curves_and_knows_no_order_of_points():
    rng = np.random.default_rng(0)
    places = np.linspace(1.0, 3.0, 40001)
    for _ in range(30):
        one = np.concatenate([[0.0, 3.0], rng.uniform(0.0, 3.0, 3)])
        other = np.concatenate([[1.0, 4.0], rng.uniform(1.0, 4.0, 2)])
        a, b, mixed = rng.uniform(size=5), rng.uniform(size=4), rng.permutation(5)
        found = gap(E(one), a, E(other), b)
        assert found == pytest.approx(-gap(E(other), b, E(one), a))
        assert found == pytest.approx(gap(E(one[mixed]), a[mixed], E(other), b))
        first = np.interp(places, np.sort(one), a[np.argsort(one)])
        second = np.interp(places, np.sort(other), b[np.argsort(other)])
        assert found == pytest.approx(np.mean(first - second), abs=1e-3)


def test_curves_without_common_slopes_or_with_one_point_have_no_gap():
    flat = np.array([0.5, 0.5])
    assert np.isnan(gap(E([0.0, 1.0]), flat, E([2.0, 3.0]), flat))
    assert np.isnan(gap(E([0.0]), flat[:1], E([0.0, 3.0]), flat))


def test_the_mean_slope_is_that_of_the_tape():
    rng = Rng(4)
    model = MLP((3, 6, 4))
    params = model.init(rng.child("init"))
    data = Dataset("toy", rng.child("x").normal((5, 3)), np.zeros(5, dtype=np.int64), classes=4)
    lengths = []
    for x in data.inputs:
        rows = [
            ad.grad(lambda at, k=k: model(params, at[None, :])[0, k])(x) for k in range(4)
        ]  # fmt: skip
        lengths.append(np.sqrt(np.sum(np.square(rows))))
    assert slopes.mean_slope(Objective(model), params, data) == pytest.approx(np.mean(lengths))


def test_a_collapsed_network_is_on_no_curve():
    config = replace(slopes.Config.quick(), methods=("weight decay", "Tikhonov"), strengths=3)
    tasks = slopes.tasks(config)
    assert len(tasks) == 12
    results = [
        {"validation": 0.9, "clean": 0.9, "robust": 0.5 + 0.1 * (task["method"] == "Tikhonov"),
         "slope": 1.0 + task["strength"]} for task in tasks
    ]  # fmt: skip
    whole = slopes.collect(config, tasks, results)
    assert whole["gap"][1, 0] == pytest.approx([0.1, 0.1])
    lost = [{**result, "validation": 0.5} if task["method"] == "Tikhonov" and task["seed"] == 1
            else result for task, result in zip(tasks, results, strict=True)]  # fmt: skip
    part = slopes.collect(config, tasks, lost)
    assert part["gap"][1, 0, 0] == pytest.approx(0.1) and np.isnan(part["gap"][1, 0, 1])


def test_a_run_measures_what_it_says():
    config = replace(slopes.Config.quick(), hidden=(16,), epochs=4)
    args = {"method": "gradient norm", "strength": 1e-3, "seed": 0}
    found = slopes.run_task(config, backend("numpy"), Rng(0), **args)
    assert set(found) == {"validation", "clean", "robust", "slope"}
    assert found == slopes.run_task(config, backend("numpy"), Rng(0), **args)
    assert 0.0 <= found["robust"] <= found["clean"] <= 1.0 and found["slope"] > 0.0
