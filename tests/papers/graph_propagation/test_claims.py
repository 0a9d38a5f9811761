"""All claims are there, stand on the page, and hold or are refuted on small results."""

import numpy as np
import pytest
from watching import own_claims

from refimpl import Rng, backend, catalogue
from refimpl.experiments.base import Result

GOOD = ("holds", "qualified", "refuted")
FULL = ("LPG-20", "LPG-21")


@pytest.fixture(scope="module")
def results():
    names = ("linear", "spectra", "adjoints", "one_state", "diffusion", "cliques")
    found = {}
    for name in names:
        experiment = catalogue.experiment(f"graph_{name}")
        found[experiment.name] = experiment.run(
            experiment.preset("quick"), backend("numpy"), Rng(0)
        )
    return found


def claims():
    return own_claims("graph_propagation")


def test_every_claim_is_on_the_page_and_is_shown(results):
    page = catalogue.page("graph_propagation")
    assert [claim.id for claim in claims()] == [f"LPG-{k}" for k in range(1, 25)]
    for claim in claims():
        assert claim.id in page
        assert claim.profile == ("full" if claim.id in FULL else "quick")
        if claim.id not in FULL:
            outcome = claim.function(results[claim.experiments[0]])
            assert outcome.verdict in GOOD, (claim.id, outcome)
            assert (outcome.verdict == "refuted") == (claim.id == "LPG-24")


class Reading(Result):
    """Remembers what is read."""

    def __init__(self, result):
        super().__init__(result.name, result.arrays, result.config)
        self.seen = set()

    def __getitem__(self, name):
        self.seen.add(name)
        return super().__getitem__(name)


def spoiled(array):
    if array.dtype.kind == "b":
        yield ~array
        return
    number = array.astype(float)
    size = float(np.max(np.abs(number))) or 1.0
    yield from (1.5 * number, number + 0.3 * size, -number - 1.0, 100.0 * number + 1.0)


def test_each_number_that_a_claim_reads_is_judged(results):
    for claim in claims():
        if claim.id in FULL:
            continue
        watching = Reading(results[claim.experiments[0]])
        claim.function(watching)
        for key in sorted(watching.seen):
            verdicts = set()
            for other in spoiled(np.asarray(watching.arrays[key])):
                changed = Result(watching.name, {**watching.arrays, key: other}, watching.config)
                try:
                    verdicts.add(claim.function(changed).verdict)
                except (ArithmeticError, IndexError, TypeError, ValueError):
                    verdicts.add("error")
            assert verdicts & {"fails", "error", "not shown"}, (claim.id, key)


def test_the_comparison_on_the_club_is_judged_by_its_seeds():
    rows = [(m, s) for m in ("released", "augmented") for s in range(15)]
    residuals = np.array([0.2 + 0.01 * s if m == "released" else 1e-4 for m, s in rows])
    values = {
        "method": np.array([m for m, _ in rows]),
        "seed": np.array([s for _, s in rows]),
        "residual": residuals,
        "residuals": np.repeat(residuals[:, None], 3000, axis=1),
    }
    plateau, below = (c for c in claims() if c.id in FULL)
    assert plateau.function(Result("graph_karate", values)).verdict == "holds"
    assert below.function(Result("graph_karate", values)).verdict == "holds"
    near = {**values, "residual": np.where(residuals < 0.1, 0.05, residuals)}
    assert below.function(Result("graph_karate", near)).verdict == "fails"
    small = {**values, "residual": 0.01 * residuals, "residuals": 0.01 * values["residuals"]}
    assert plateau.function(Result("graph_karate", small)).verdict == "fails"
