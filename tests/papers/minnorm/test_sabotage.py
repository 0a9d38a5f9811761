"""A constant of Minnorm that is 3 % wrong fails the claims that rest on it."""

import importlib
import pkgutil
from dataclasses import replace

import pytest

from refimpl import catalogue
from refimpl.claims.ledger import LEDGER
from refimpl.experiments.runner import run_many
from refimpl.papers.minnorm import claims
from refimpl.papers.minnorm.claims.common import BRIDGE
from refimpl.papers.minnorm.minnorm import Minnorm

for _module in pkgutil.iter_modules(claims.__path__):
    importlib.import_module(f"{claims.__name__}.{_module.name}")

BRIDGED = {each.id: each for each in LEDGER.claims(["minnorm"]) if BRIDGE in each.experiments}
NOT_MINNORM = {"MN-9", "MN-10", "MN-27", "MN-39"}  # gradient descent and weight decay alone
UNDAMPED = {"MN-11", "MN-12", "MN-13", "MN-14", "MN-15", "MN-16", "MN-17", "MN-23"}
MARGINS = {"MN-11", "MN-12", "MN-13", "MN-14", "MN-15", "MN-16", "MN-23", "MN-41"}
STEPS = set(BRIDGED) - NOT_MINNORM

NOTICED = {
    "learning_rate": STEPS,
    "multiplier_rate": STEPS,
    "damping": STEPS - UNDAMPED,
    "decay": {"MN-51"},
    "margin": MARGINS,
    "loss_level": {"MN-17"},
    "momentum": {"MN-4"},
}
"""The claims that each constant must fail; every other bridged claim must stand."""

pytestmark = pytest.mark.slow


def _verdicts(results):
    return {
        name: each.function(*(results[experiment] for experiment in each.experiments)).verdict
        for name, each in BRIDGED.items()
    }


@pytest.fixture(scope="module")
def results():
    """The quick results of every experiment that a bridged claim reads."""
    names = sorted({name for each in BRIDGED.values() for name in each.experiments})
    return run_many(names, catalogue.experiment)


def test_all_stand_as_it_is(results):
    assert set(_verdicts(results).values()) <= {"holds", "qualified"}


@pytest.mark.parametrize("name", NOTICED)
def test_a_wrong_constant_fails_its_claims(name, results, monkeypatch):
    step, spoiled = Minnorm.step, {}

    def wrong(self, *arguments):
        if self not in spoiled:
            factor = 1.03 if name != "momentum" else 0.97
            spoiled[self] = replace(self, **{name: factor * getattr(self, name)})
        return step(spoiled[self], *arguments)

    monkeypatch.setattr(Minnorm, "step", wrong)
    found = {**results, **run_many([BRIDGE], catalogue.experiment)}
    failed = {name for name, verdict in _verdicts(found).items() if verdict == "fails"}
    assert failed == NOTICED[name]
