"""Every field of the network and of its objective, drawn, against moving numbers in plain NumPy.

Three batches in a row: loss, gradient along a direction in all parameters, running statistics and
diagnostics; then the network as it is evaluated.
"""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from fields import SEED, choice, number
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import Replay, catalogue
from refimpl import autodiff as ad
from refimpl.datasets import Batch
from refimpl.papers.boolnet.objective import BoolNetObjective
from refimpl.papers.boolnet.statistics import binary_layers, norm_layers

spec = importlib.util.spec_from_file_location("boolnet_twin", Path(__file__).parent / "twin.py")
twin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(twin)

ENTRY = catalogue.models()["boolnet"]
NETWORK = {
    "widths": choice((3, 8, 3), (2, 8, 16, 3), (3, 16, 8, 2), (3, 8, 8, 3)),
    "blocks": st.integers(1, 2), "slices": choice(1, 2, 4), "shortcuts": choice("logic", "none"),
    "split": st.booleans(), "local_shift": choice(0, 1, 3, 5),
    "offsets": choice("released", "non_uniform", "numbers"),
    "weight_scale": choice("none", "mean_abs"), "detach_scale": st.booleans(),
    "sign_zero": choice(0, 1), "progressive": st.booleans(),
    "decay": choice(1.0) | number(0.95, 1.0), "schedule": choice("training", "samples", "epoch"),
    "statistics": choice("signs", "training"), "momentum": choice(1.0) | number(0.01, 1.0),
    "epsilon": number(1e-3, 2.0), "gain": number(0.3, 4.0),
}  # fmt: skip
TRAINING = {
    "reduction": choice("mean", "sum"), "epochs": st.integers(1, 3),
    "steps_per_epoch": st.integers(1, 3), "batch_size": choice(1, 100_000, 300_000),
    "checks": st.booleans(),
}  # fmt: skip


def test_every_field_is_drawn():
    assert set(NETWORK) == set(ENTRY.own_fields)
    named = {field.name for field in dataclasses.fields(BoolNetObjective)}
    assert set(TRAINING) == named - {"model", "loss"}


def allowed(f, rng):
    """Halves come with logic; offsets of one's own are as many as there are slices."""
    f = {**f, "shortcuts": "logic" if f["split"] else f["shortcuts"]}
    if f["offsets"] == "numbers":
        f["offsets"] = tuple(float(b) for b in np.sort(rng.normal(size=f["slices"])))
    return f


def start(model, f, rng):
    """Parameters, and the draws from which they must be made in the order in which they are."""
    widths, scales, draws, before = f["widths"], [], [], f["widths"][1]
    for index in range(len(widths[1:-1]) * f["blocks"]):
        outer = widths[1 + index // f["blocks"]]
        last = index == len(widths[1:-1]) * f["blocks"] - 1
        inner = outer // 2 if f["split"] and not last else outer
        shapes = [(inner, inner if before == outer else before), (inner, inner)]
        if before != outer and f["shortcuts"] == "logic":
            shapes.append((inner, before * f["slices"]))
        draws += [rng.normal(size=shape) for shape in shapes]
        scales += [f["gain"] * (2.0 / inner) ** 0.5] * len(shapes)
        before = outer
    draws += [rng.normal(size=(widths[1], widths[0])), rng.normal(size=(widths[-1], widths[-2]))]
    scales += [(2.0 / widths[0]) ** 0.5, (2.0 / widths[-2]) ** 0.5]
    if f["local_shift"]:
        draws.append(rng.normal(size=(widths[1], f["local_shift"])))
        scales.append((2.0 / (widths[1] * f["local_shift"])) ** 0.5)
    noise = Replay(draws)
    params = model.init(noise)
    assert noise.left == 0
    ordered = [block[name]["weight"] for block in params["blocks"]
               for name in ("first", "second", "down") if name in block]  # fmt: skip
    ordered += [params["stem"]["weight"], params["head"]["weight"]]
    ordered += [params["local"]["taps"]] if f["local_shift"] else []
    for mine, scale, drawn in zip(ordered, scales, draws, strict=True):
        np.testing.assert_allclose(mine, scale * drawn, rtol=1e-14)
    return params


def stirred(params, rng):
    """Random gains and shifts; one unit of each layer is exactly 0."""
    params = ad.map_tree(np.array, params)
    for _, layer in norm_layers(params):
        layer["gain"][:] = rng.normal(size=layer["gain"].shape)
        layer["shift"][:] = rng.normal(size=layer["shift"].shape)
        layer["gain"][1] = layer["shift"][1] = 0.0
    params["slope"][:] = rng.uniform(0.1, 0.5)
    params["head"]["bias"][:] = rng.normal(size=params["head"]["bias"].shape)
    return params


def strength_of(f, t, step):
    """λ: how often it has decayed."""
    if not f["progressive"]:
        return 0.0
    times = 300 * min(1.0, step / (t["epochs"] * t["steps_per_epoch"]))
    if f["schedule"] == "samples":
        times = step * t["batch_size"] // 256_000
    if f["schedule"] == "epoch":
        times = step // t["steps_per_epoch"]
    return f["decay"] ** times


@given(f=st.fixed_dictionaries(NETWORK), t=st.fixed_dictionaries(TRAINING), seed=SEED)
@settings(max_examples=settings().max_examples * 5)
def test_the_strength_of_every_step(f, t, seed):
    f = allowed({**f, "progressive": f["progressive"] or f["split"]}, np.random.default_rng(seed))
    objective = BoolNetObjective(ENTRY.factory(**f), **t)
    for step in range(12):
        assert objective.strength(step) == pytest.approx(strength_of(f, t, step), rel=1e-11)


@given(f=st.fixed_dictionaries(NETWORK), t=st.fixed_dictionaries(TRAINING), seed=SEED)
def test_three_batches_and_an_evaluation(f, t, seed):
    rng = np.random.default_rng(seed)
    f = allowed(f, rng)
    model = ENTRY.factory(**f)
    objective = BoolNetObjective(model, "softmax_cross_entropy", **t)
    params = stirred(start(model, f, rng), rng)
    state, averages = objective.init(params), []
    for step in range(3):
        x = rng.normal(size=(6, f["widths"][0]))
        y = rng.integers(0, f["widths"][-1], 6)
        strength = strength_of(f, t, step)
        rates = ad.map_tree(lambda leaf: rng.normal(size=leaf.shape), params)
        network = twin.Network(f, twin.tree(params, rates), strength)
        losses = twin.cross_entropy(network.outputs(x), y)
        share = 1.0 / 6.0 if t["reduction"] == "mean" else 1.0
        value, gradient = ad.value_and_grad(
            lambda p, x=x, y=y, state=state: objective.value(p, Batch(x, y), state)[0]
        )(params)
        assert float(value) == pytest.approx(share * losses.value.sum(), rel=1e-10)
        leaves = zip(ad.flatten(gradient)[0], ad.flatten(rates)[0], strict=True)
        along = [np.sum(slope * rate) for slope, rate in leaves]
        expected = share * losses.rate.sum()
        assert sum(along) == pytest.approx(expected, rel=1e-9, abs=1e-9 * np.abs(along).max())
        _, state = objective.value(params, Batch(x, y), state)
        seen = network.seen
        if f["statistics"] == "signs":
            hard = twin.Network(f, twin.tree(params, rates), 0.0)
            hard.outputs(x)
            seen = hard.seen
        rate = max(f["momentum"], 1.0 / (step + 1))
        averages = [
            tuple((1.0 - rate) * old + rate * new for old, new in zip(*pair, strict=True))
            for pair in zip(averages or seen, seen, strict=True)
        ]
        params = objective.absorb(params, state)
        for (_, layer), (mean, variance) in zip(norm_layers(params), averages, strict=True):
            np.testing.assert_allclose(layer["mean"], mean, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(layer["variance"], variance, rtol=1e-10, atol=1e-12)
        weights = [layer["weight"] for layer in binary_layers(params)]
        flat = np.concatenate([weight.ravel() for weight in weights])
        told = objective.diagnostics(params, Batch(x, y), state)
        assert told["boolnet_lambda"] == pytest.approx(strength, rel=1e-12)
        assert float(told["boolnet_undecided"]) == np.mean(np.abs(flat) < strength)
        beyond = sum(np.sum(np.min(np.abs(weight), axis=1) > 1.0) for weight in weights)
        assert float(told["boolnet_beyond_one"]) == beyond
        for layer in binary_layers(params):
            layer["weight"] += 0.2 * rng.normal(size=layer["weight"].shape)
    still = twin.tree(params, ad.map_tree(np.zeros_like, params))
    found = twin.Network(f, still, 0.0, stored=True).outputs(x)
    np.testing.assert_allclose(model(params, x), found.value, rtol=1e-9, atol=1e-10)
