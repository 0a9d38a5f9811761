"""Networks trained side by side end where each ends by itself, and keep their own settings."""

import dataclasses

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl import backend
from refimpl.papers.gradient_coherent.experiments import recipe, stacked

PLACE = backend("numpy", "float64")
SHORT = recipe.Recipe(depth=3, width=8, epochs=3)
CELLS = [
    ("none", 0.0, {}),
    ("plain", 0.05, {}),
    ("delayed 2", 0.05, {}),
    ("gate 0.7", 0.05, {}),
    ("gate 0.7", 0.01, {"penalty": "l1"}),
    ("temporal 0", 0.02, {"base": "momentum", "momentum": 0.7}),
    ("sign", 0.05, {}),
]


def members():
    sets = [recipe.load(PLACE, split_seed=seed, validation=260) for seed in (12345, 54321)]
    return [
        stacked.Member(recipe.build(name, lam, **more), sets[k % 2], k, (0.5, 1.0, 2.0)[k % 3])
        for k, (name, lam, more) in enumerate(CELLS)
    ]


@pytest.mark.parametrize("bias", [True, False])
def test_a_network_among_others_ends_where_it_ends_alone(bias):
    short = dataclasses.replace(SHORT, bias=bias)
    chosen = members()
    for member, ours in zip(chosen, stacked.run_together(chosen, short, PLACE), strict=True):
        own = dataclasses.replace(short, gain=member.gain)
        alone = recipe.run(member.algorithm, own, member.sets, member.seed, PLACE)
        for a, b in zip(*(ad.flatten(run.params)[0] for run in (ours, alone)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
        assert ours.steps_per_epoch == alone.steps_per_epoch == 17
        for name, values in ours.steps.items():
            np.testing.assert_allclose(values, alone.steps[name], rtol=1e-12)
        for name, number in ours.numbers.items():
            np.testing.assert_allclose(number, alone.numbers[name], rtol=1e-11, err_msg=name)


def test_the_settings_of_the_members_matter():
    runs = stacked.run_together(members(), SHORT, PLACE)
    norms = [run.numbers["weight_norm"] for run in runs]
    assert len(set(np.round(norms, 6))) == len(CELLS)
    assert [runs[k].numbers["on_rate"] for k in (1, 2)] == pytest.approx([1.0, 1.0 / 3.0])


@pytest.mark.parametrize("name", ["layer 0.3", "lookahead 0.99"])
def test_what_needs_layers_or_a_second_gradient_is_refused(name):
    sets = recipe.load(PLACE)
    member = stacked.Member(recipe.build(name, 0.05), sets, 0)
    assert not stacked.stacks(member.algorithm)
    with pytest.raises(ValueError, match="does not see layers"):
        stacked.run_together([member], SHORT, PLACE)


def test_training_sets_of_two_sizes_are_refused():
    plain = recipe.build("plain", 0.05)
    sets = [recipe.load(PLACE, validation=count) for count in (0, 260)]
    with pytest.raises(ValueError, match=r"\[1037, 1297\]"):
        stacked.run_together([stacked.Member(plain, one, 0) for one in sets], SHORT, PLACE)


def test_tables_put_rows_under_one_another():
    parts = [stacked.columns([{"a": 1, "b": "x"}]), stacked.columns([{"a": 2, "b": "yy"}])]
    found = stacked.table(None, [], parts)
    assert found["a"].tolist() == [1, 2] and found["b"].tolist() == ["x", "yy"]
