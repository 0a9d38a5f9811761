"""A constant of the gate that is 3 % wrong fails a claim on what the gate sees, in the algorithm
and in the wrapper."""

import dataclasses

import pytest

from refimpl import Rng, backend, catalogue
from refimpl.claims.ledger import judge
from refimpl.papers.gradient_coherent.coherence_gate import CoherenceGate
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent

CLAIMS = {claim.id: claim for claim in catalogue.claims() if claim.id in ("GC-14", "GC-15")}


def verdicts():
    experiment = catalogue.experiment("gradient_coherent_readings")
    config = dataclasses.replace(experiment.preset("quick"), pairs=5)
    result = experiment.run(config, backend("numpy"), Rng(0))
    return {id: judge(claim, {result.name: result}).verdict for id, claim in CLAIMS.items()}


def test_both_hold_as_it_is():
    assert verdicts() == {"GC-14": "holds", "GC-15": "holds"}


@pytest.mark.parametrize(
    ("cls", "method", "name", "failing"),
    [
        (CoherenceGate, "gradient", "threshold", {"GC-14"}),
        (CoherenceGate, "gradient", "ratio", {"GC-14"}),
        (CoherenceGate, "gradient", "reach", {"GC-15"}),
        (CoherenceGate, "gradient", "delay", {"GC-14"}),
        (GradientCoherent, "step", "threshold", {"GC-14"}),
        (GradientCoherent, "step", "ratio", {"GC-14"}),
        (GradientCoherent, "step", "strength", {"GC-14", "GC-15"}),
        (GradientCoherent, "step", "learning_rate", {"GC-15"}),
        (GradientCoherent, "step", "delay", {"GC-14"}),
    ],
)
def test_a_wrong_constant_fails(cls, method, name, failing, monkeypatch):
    original = getattr(cls, method)

    def wrong(self, *arguments, **options):
        value = getattr(self, name)
        spoiled = value + bool(value) if name == "delay" else 1.03 * value
        return original(dataclasses.replace(self, **{name: spoiled}), *arguments, **options)

    monkeypatch.setattr(cls, method, wrong)
    assert {id for id, verdict in verdicts().items() if verdict == "fails"} == failing
