"""The claims see what they should: each number that a claim reads, spoiled, changes its verdict."""

import numpy as np
import pytest
from watching import Watching, own_claims

from refimpl import Rng, backend
from refimpl.claims.ledger import judge
from refimpl.experiments.base import Result
from refimpl.papers.gradient_regularization.experiments import (
    barron,
    certificate,
    digits,
    identities,
    linear,
    noise,
    variational,
)

GOOD = ("holds", "qualified", "refuted", "reported")
CLAIMS = {claim.id: claim for claim in own_claims("gradient_regularization")}


@pytest.fixture(scope="module")
def results():
    modules = (barron, certificate, identities, linear, noise, variational)
    found = {
        module.EXPERIMENT.name: module.EXPERIMENT.run(
            module.Config.quick(), backend("numpy"), Rng(0)
        )
        for module in modules
    }
    found["gradient_regularization_networks"] = Result(
        "gradient_regularization_networks",
        {
            "kind": np.array(["Tikhonov"] * 3 + ["variation"]),
            "strength": np.array([0.05, 0.05, 0.05, 0.02]),
            "points": np.array([8, 32, 128, 128]),
            "error": np.array([0.27, 2e-4, 2e-4, 0.007]),
            "discrete": np.array([3e-4, 0.0826058, 0.0826062, 0.01472]),
            "least": np.array([0.0826057509] * 3 + [0.0146666667]),
            "held_out_ratio": np.array([1e4, 1.03, 1.01, 1.01]),
            "flagged": np.array([1.0, 0.0, 0.0, 0.0]),
        },
    )
    clean = {"none": 0.91, "weight decay": 0.92, "loss gradient": 0.92, "graph": 0.92,
             "noise": 0.94, "Tikhonov": 0.945, "total variation": 0.945}  # fmt: skip
    attacked = {"none": 0.35, "weight decay": 0.43, "loss gradient": 0.42, "graph": 0.46}
    grids = digits.GRIDS
    wobble = 1e-3 * np.sin(np.arange(5.0)[None, :] + 3.0 * np.arange(len(grids))[:, None])
    found["gradient_regularization_digits"] = Result(
        "gradient_regularization_digits",
        {
            "method": np.array(list(grids)),
            "setting": np.array([[f"{s:g}" for s in grid] for grid in grids.values()]),
            "chosen": np.full(len(grids), 2),
            "test": np.array([[clean.get(method, 0.93)] for method in grids]) + wobble,
            "test_attacked": np.array([[attacked.get(m, 0.63)] for m in grids]) + wobble,
            "test_slope": np.array([[6.0 if m in ("Tikhonov", "total variation") else 40.0]
                                    for m in grids]) * (1.0 + wobble),
        },
    )  # fmt: skip
    return found


def changes(array):
    if array.dtype.kind in "US":
        yield np.full_like(array, "?")
        return
    number = array.astype(float)
    size = float(np.nanmax(np.abs(number), initial=0.0)) or 1.0
    for factor in (1.5, 0.5, -1.0, 0.0, 100.0):
        yield factor * number
    for shift in (0.3 * size, -0.3 * size, 1.0, 1e-6):
        yield number + shift
    if number.ndim:
        yield number[::-1]
        yield np.roll(number, 1, axis=-1)


SHOWN = {"setting", "chosen"}
"""Named in the note."""


@pytest.mark.parametrize("id", list(CLAIMS))
def test_each_number_that_a_claim_reads_matters(id, results):
    claim = CLAIMS[id]
    [name] = claim.experiments
    watched = Watching(results[name])
    record = judge(claim, {name: watched}, "full")
    assert record.verdict == "holds", record
    assert watched.seen
    for key in sorted(watched.seen - SHOWN):
        verdicts = []
        for changed in changes(np.asarray(results[name].arrays[key])):
            spoiled = Result(name, {**results[name].arrays, key: changed}, results[name].config)
            verdicts.append(judge(claim, {name: spoiled}, "full").verdict)
        assert any(verdict not in GOOD for verdict in verdicts), f"{key} could be anything"


def test_all_claims_of_the_paper_are_there():
    assert [f"GR-{n}" for n in range(1, 31) if n != 29] == list(CLAIMS)
    full = {id for id, claim in CLAIMS.items() if claim.profile == "full"}
    assert full == {"GR-24", "GR-25", "GR-26", "GR-30"}


def test_the_comparison_trains_every_method():
    config = digits.Config(
        examples=60, validation=60, test=60, hidden=(8,), epochs=2, batch_size=60, seeds=2,
        attack_steps=2,
    )  # fmt: skip
    result = digits.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    assert list(result["method"]) == list(digits.GRIDS)
    assert result["test_attacked"].shape == result["test_slope"].shape == (9, 2)
    assert np.all(result["test_attacked"] <= result["test"] + 0.1)
    for name, values in (("accuracy", result["test"]), ("attacked", result["test_attacked"])):
        chosen = result[f"path_{name}"][np.arange(9), result["chosen"]]
        np.testing.assert_array_equal(chosen, values)
