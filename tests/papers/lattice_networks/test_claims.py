"""The claims see what they should: every array that one reads, spoilt, changes the verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from watching import Watching, own_claims

from refimpl import Rng, backend
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.claims.ledger import judge
from refimpl.errors import DivergenceError
from refimpl.experiments.base import Result
from refimpl.models import Objective
from refimpl.papers.lattice_networks.data import load_lattice_algebraic
from refimpl.papers.lattice_networks.experiments import (
    bounds,
    diffusion,
    diffusion_training,
    gap,
    integration,
    recipe,
    restrictions,
    rules,
    stack,
    training,
)
from refimpl.papers.lattice_networks.network import SmoothNetwork
from refimpl.papers.lattice_networks.tailored import TailoredPenalty

GOOD = ("holds", "qualified")
CLAIMS = {claim.id: claim for claim in own_claims("lattice_networks")}
SMALL = {
    rules: rules.Config(curve_sizes=(17,)),
    bounds: bounds.Config(axis=3),
    gap: gap.Config(),
    integration: integration.Config.quick(),
    diffusion: diffusion.Config(),
    restrictions: restrictions.Config(activations=("tanh",), steps=2, axis=2),
}


@pytest.fixture(scope="module")
def results():
    return {
        module.EXPERIMENT.name: module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
        for module, config in SMALL.items()
    }


def spoilt(result, name, change):
    values = {key: np.array(array) for key, array in result.arrays.items()}
    values[name] = change(values[name])
    return Result(result.name, values, result.config)


CHANGES = (lambda a: a * 3.0 + 5.0, lambda a: a * 0.0, lambda a: a[::-1])
"""Larger, nothing left, in another order: what one claim forgives another of these must not."""


def noticed(claim, result, key):
    changes = CHANGES if result.arrays[key].dtype.kind in "fi" else CHANGES[2:]
    changes = changes if result.arrays[key].ndim else changes[:2]
    with np.errstate(all="ignore"):
        records = [judge(claim, {result.name: spoilt(result, key, c)}) for c in changes]
    return any(record.verdict in ("fails", "error") for record in records)


JUDGED = [id for id, claim in CLAIMS.items() if claim.profile == "quick"]


@pytest.mark.parametrize("id", JUDGED)
def test_claims_hold_and_every_array_counts(id, results):
    claim = CLAIMS[id]
    [name] = claim.experiments
    watched = Watching(results[name])
    record = judge(claim, {name: watched})
    assert record.verdict in GOOD, record
    assert watched.seen
    for key in watched.seen:
        assert noticed(claim, results[name], key), key


def test_all_claims_of_the_paper_are_there():
    assert set(CLAIMS) == {f"LAT-{k}" for k in range(1, 27)}
    assert [id for id in CLAIMS if id not in JUDGED] == ["LAT-24", "LAT-25", "LAT-26"]


# --- training: the claims on made-up results ------------------------------------------------------


def made_up():
    """A result of the recipe's shape in which every statement is true by a wide margin."""
    config = training.Config(sizes=(61, 127, 1021), seeds=5)
    shape = (2, 1, 3, 2, 3, 6, 5)
    rng = np.random.default_rng(0)
    noise = 1.0 + 0.02 * rng.random(shape)
    grid = 1.0 + 0.3 * np.abs(np.arange(6) - 2.0)[:, None]  # the third strength is the best
    test = np.ones(shape) * grid * noise
    for place, factor in enumerate((4.0, 1.0, 0.25)):
        test[:, :, :, :, place] *= factor
    test[:, :, :, 0, 0] *= 1.5  # lattice, no penalty: worse
    train = 0.999 * test
    train[:, :, 2, 1] = 0.5 * test[:, :, 2, 1]  # random points at N = 1021: a gap
    test[:, :, :, :, 0, 1:] = train[:, :, :, :, 0, 1:] = np.nan
    values = {
        "test": test,
        "train": train,
        "validation": test.copy(),
        "growth": np.ones(shape),
        "peaks": np.ones((*shape, 20)),
    }
    return Result("lattice_training", values, config)


EXPERIMENT_OF = {"LAT-26": "lattice_points_training"}


def judged(id, result):
    return judge(CLAIMS[id], {EXPERIMENT_OF.get(id, "lattice_training"): result})


TRAINING = ["LAT-24", "LAT-25", "LAT-26"]


@pytest.mark.parametrize("id", TRAINING)
def test_training_claims_on_made_up_results(id):
    result = made_up()
    record = judged(id, result)
    assert record.verdict == ("qualified" if id == "LAT-26" else "holds"), record
    for key, level in (("test", 1.0), ("train", 0.0))[: 2 if id == "LAT-25" else 1]:
        flat = spoilt(result, key, lambda a, level=level: np.where(np.isnan(a), a, level))
        record = judged(id, flat)
        assert record.verdict in ("fails", "not shown", "error"), key


def test_a_strength_at_the_end_of_its_grid_is_not_accepted():
    result = made_up()
    ends = spoilt(result, "validation", lambda a: a * 10.0 ** np.arange(6)[:, None])
    for id in ("LAT-24", "LAT-25"):
        record = judged(id, ends)
        assert record.verdict == "fails"
    assert judged("LAT-26", ends).verdict == "qualified"


def test_the_choice_is_that_of_validation_and_reports_the_test_set():
    result = made_up()
    cell = recipe.chosen(result, "plain", 127, "random", "l2")
    assert cell["strength"] == result.config.strengths[2] and not cell["at_end"]
    assert np.array_equal(cell["test"], result["test"][0, 0, 1, 1, 1, 2])
    none = recipe.chosen(result, "plain", 127, "random", "none")
    assert none["strength"] == 0.0 and not none["at_end"]


# --- the training experiments themselves ----------------------------------------------------------


def small(module, **more):
    return module.Config(
        **{
            "sizes": (13,),
            "hidden": (6,),
            "steps": 20,
            "strengths": (1e-3, 1e-1),
            "tailored_strengths": (1e-4, 1e-2),
            "validation": 16,
            "test": 16,
            "seeds": 2,
            **more,
        }
    )


@pytest.mark.parametrize("module", [training, diffusion_training])
def test_training_runs_share_their_start_and_test_points(module):
    config = small(module, dimensions=(3, 4), models=("plain",))
    result = module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    shape = (1, 2, 1, 2, 3, 2, 2)
    for name in ("train", "validation", "test", "growth"):
        assert result[name].shape == shape
        missing = np.isnan(result[name])
        assert np.array_equal(missing.any(axis=(0, 1, 2, 3, 6)), [[0, 1], [0, 0], [0, 0]])
    assert result["peaks"].shape == (*shape, 4)
    assert np.all(np.isnan(result["peaks"][:, 0, ..., 3]))
    assert len(set(result["test"][np.isfinite(result["test"])].tolist())) == 40
    assert module.EXPERIMENT.cost(config, module.EXPERIMENT.tasks(config)[0]) > 0.0
    assert len(module.EXPERIMENT.tasks(config)) == 12


def test_what_is_not_trained_is_not_a_number():
    config = small(training, sizes=(7, 13), tailored_alone=(13,), dimensions=(3,))
    result = training.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    whole = small(training, sizes=(7, 13), dimensions=(3,))
    other = training.EXPERIMENT.run(whole, backend("numpy"), Rng(0))
    assert len(training.EXPERIMENT.tasks(config)) == 16
    for name in ("train", "validation", "test", "growth", "peaks"):
        absent = np.isnan(result[name][:, :, 1]).all(axis=(0, 1, 2, 4, 5))
        assert np.array_equal(absent.reshape(3, -1).all(axis=1), [True, True, False])
        assert np.array_equal(result[name][:, :, 0], other[name][:, :, 0], equal_nan=True)
        assert np.array_equal(result[name][:, :, 1, :, 2], other[name][:, :, 1, :, 2])
    assert np.isnan(recipe.chosen(result, "plain", 13, "random", "l2")["test"]).all()


def small_run(strength, seed=0, factor=1.0):
    split = load_lattice_algebraic(rng=Rng(seed), training=7, dimension=2, test=3, validation=3)
    start = SmoothNetwork((2, 3, 1), "swish").init(Rng(seed), bias_scale=1.0)
    start[0]["weight"] = start[0]["weight"] * factor
    return stack.Run(start, split, strength)


@pytest.mark.parametrize("penalty", ["none", "l2", "tailored"])
def test_a_stack_trains_every_network_as_its_own_steps_do(penalty):
    """Against the algorithm's own step, one network after the other, with a penalty of its own."""
    network = SmoothNetwork((2, 3, 1), "swish")
    runs = [small_run(3.0, seed=1), small_run(40.0, seed=1), small_run(3.0, seed=2)]
    found = stack.fit(9, 0.05, network, runs, penalty)
    objective = Objective(network, "mean_squared_error")
    for run, stacked in zip(runs, found, strict=True):
        parts = []
        if penalty != "none":
            parts = [TailoredPenalty(strength=run.strength / 2, form=penalty, decay=(0.5, 0.125))]
        state = Composition(Adam(), penalties=parts).init(run.start)
        for step in range(9):
            rate = 0.025 * (1.0 + math.cos(math.pi * step / 9))
            algorithm = Composition(Adam(learning_rate=rate), penalties=parts)
            state, _ = algorithm.step(state, objective, run.split.train.batch())
        for layer, other in zip(stacked, state.params, strict=True):
            for name in ("weight", "bias"):
                np.testing.assert_allclose(layer[name], other[name], rtol=1e-9, atol=1e-12)


def test_divergence_names_strength_and_rate():
    network = SmoothNetwork((2, 3, 1), "swish")
    runs = [small_run(0.5), small_run(0.25, factor=math.inf)]
    with pytest.raises(DivergenceError) as caught, np.errstate(all="ignore"):
        stack.fit(20, 0.005, network, runs, "l2")
    assert caught.value.strength == 0.25 and caught.value.learning_rate == 0.005
